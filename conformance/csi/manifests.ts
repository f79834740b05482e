/** What the judge of CSI asks the cluster for. */

export const driver = "hostpath.csi.k8s.io";
const image = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";

export const csiDriver = {
  apiVersion: "storage.k8s.io/v1",
  kind: "CSIDriver",
  metadata: { name: driver },
  spec: { attachRequired: true, podInfoOnMount: true, volumeLifecycleModes: ["Persistent", "Ephemeral"], fsGroupPolicy: "File" },
};

const classOf = (name: string, volumeBindingMode: string) => ({
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name },
  provisioner: driver,
  reclaimPolicy: "Delete",
  volumeBindingMode,
  allowVolumeExpansion: true,
});
export const storageClass = classOf("csi-hostpath", "WaitForFirstConsumer");
export const immediateClass = classOf("csi-hostpath-immediate", "Immediate");

const claimSpec = { accessModes: ["ReadWriteOnce"], storageClassName: storageClass.metadata.name, resources: { requests: { storage: "1Gi" } } };

export const claim = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name },
  spec: { ...claimSpec, ...spec },
});

export interface PodOptions {
  claim?: string;
  readOnly?: boolean;
  /** Name of a claim of mode Block. */
  block?: string;
  inline?: boolean;
  ephemeral?: boolean;
  group?: number;
}

function volumeOf({ claim: claimName, block, inline, ephemeral, readOnly }: PodOptions): object | undefined {
  if (claimName ?? block) return { persistentVolumeClaim: { claimName: claimName ?? block, readOnly: readOnly ?? false } };
  if (inline) return { csi: { driver } };
  return ephemeral ? { ephemeral: { volumeClaimTemplate: { spec: claimSpec } } } : undefined;
}

export function pod(name: string, options: PodOptions) {
  const volume = volumeOf(options);
  const use = options.block ? { volumeDevices: [{ name: "data", devicePath: "/dev/disk" }] } : { volumeMounts: [{ name: "data", mountPath: "/data" }] };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...(options.group === undefined ? {} : { securityContext: { fsGroup: options.group } }),
      containers: [{ name: "c", image, command: ["sh", "-c", "trap exit TERM; sleep 3600 & wait"], ...(volume ? use : {}) }],
      ...(volume ? { volumes: [{ name: "data", ...volume }] } : {}),
    },
  };
}
