/** Volumes: ephemeral, expanded, provisioned, of a class. */
import { boundClaim, pod, type Scenario } from "./scenario.ts";

const claim = "v1/PersistentVolumeClaim";
const storageClass = "storage.k8s.io/v1/StorageClass";
const wanted = (name: string, spec: object, metadata: object = {}) => ({
  metadata: { name, ...metadata },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
});

export const ephemeralVolumes: Scenario = {
  name: "ephemeral-volumes",
  compared: [claim],
  async play(kube) {
    const template = { metadata: { labels: { app: "x" }, annotations: { note: "y" } }, spec: wanted("", { storageClassName: "none" }).spec };
    const volumes = [{ name: "scratch", ephemeral: { volumeClaimTemplate: template } }];
    await kube.create(claim, wanted("taken-scratch", { storageClassName: "none" }));
    await kube.create("v1/Pod", pod("own", volumes));
    await kube.create("v1/Pod", pod("taken", volumes));
    await kube.wait(claim, "own-scratch", "exists", Boolean);
    await kube.told("taken", "FailedBinding");
    const { uid } = (await kube.get(claim, "own-scratch")).metadata;
    await kube.wait(claim, "own-scratch", "is protected", (one) => one.metadata.finalizers);
    await kube.patch(claim, "own-scratch", { metadata: { finalizers: null } });
    await kube.remove(claim, "own-scratch");
    await kube.wait(claim, "own-scratch", "is made again", (one) => one && one.metadata.uid !== uid);
  },
};

export const expansion: Scenario = {
  name: "expansion",
  compared: [claim],
  async play(kube) {
    const name = `${kube.namespace}-grows`;
    await kube.create(storageClass, { metadata: { name }, provisioner: "disk.example.com", allowVolumeExpansion: true });
    const of = { storageClassName: name };
    await boundClaim(kube, "csi", { csi: { driver: "disk.example.com", volumeHandle: "h1" } }, { claim: of, volume: of });
    await boundClaim(kube, "gce", { gcePersistentDisk: { pdName: "d" } }, { claim: of, volume: of });
    for (const one of ["csi", "gce"]) await kube.patch(claim, one, { spec: { resources: { requests: { storage: "2Gi" } } } });
    for (const one of ["csi", "gce"]) await kube.told(one, "ExternalExpanding");
    await kube.wait(claim, "gce", "names its resizer", (one) => one.metadata.annotations["volume.kubernetes.io/storage-resizer"]);
  },
};

export const attributesClass: Scenario = {
  name: "attributes-class",
  plainNames: true,
  compared: ["storage.k8s.io/v1/VolumeAttributesClass", claim],
  async play(kube) {
    const kind = "storage.k8s.io/v1/VolumeAttributesClass";
    for (const name of ["gold", "silver", "unused"]) await kube.create(kind, { metadata: { name }, driverName: "disk.example.com", parameters: { iops: "1" } });
    await kube.create(claim, wanted("one", { storageClassName: "none", volumeAttributesClassName: "gold" }));
    await kube.create(claim, wanted("two", { storageClassName: "none", volumeAttributesClassName: "silver" }));
    for (const name of ["gold", "silver", "unused"]) {
      await kube.wait(kind, name, "is protected", (one) => one.metadata.finalizers?.length);
      await kube.remove(kind, name);
    }
    await kube.wait(kind, "unused", "is gone", (one) => !one);
    await kube.told("two", "ProvisioningFailed");
    await kube.wait(claim, "two", "is protected", (one) => one.metadata.finalizers);
    await kube.remove(claim, "two");
    await kube.wait(kind, "silver", "is gone", (one) => !one);
  },
};

export const provisioning: Scenario = {
  name: "provisioning",
  compared: [claim],
  async play(kube) {
    const classes = {
      external: { provisioner: "disk.example.com" },
      later: { provisioner: "disk.example.com", volumeBindingMode: "WaitForFirstConsumer" },
      migrated: { provisioner: "kubernetes.io/aws-ebs" },
      nobody: { provisioner: "kubernetes.io/no-provisioner" },
      host: { provisioner: "kubernetes.io/host-path" },
    };
    const full = (name: string): string => `${kube.namespace}-${name}`;
    for (const [name, one] of Object.entries(classes)) await kube.create(storageClass, { metadata: { name: full(name) }, ...one });
    for (const name of [...Object.keys(classes), "missing"]) await kube.create(claim, wanted(name, { storageClassName: full(name) }));
    const selected = { annotations: { "volume.kubernetes.io/selected-node": "somewhere" } };
    await kube.create(claim, wanted("chosen", { storageClassName: full("later") }, selected));
    const claimed = wanted("used", { storageClassName: full("later") });
    await kube.create("v1/Pod", pod("user", [{ name: "data", persistentVolumeClaim: { claimName: "used" } }]));
    await kube.create(claim, claimed);
    for (const name of ["external", "migrated", "chosen"]) await kube.told(name, "ExternalProvisioning");
    for (const name of ["nobody", "missing", "host"]) await kube.told(name, "ProvisioningFailed");
    await kube.told("later", "WaitForFirstConsumer");
    await kube.told("used", "WaitForPodScheduled");
  },
};

/** Volumes whose claims go. */
export const reclaiming: Scenario = {
  name: "reclaiming",
  compared: ["v1/PersistentVolume"],
  async play(kube) {
    const volume = "v1/PersistentVolume";
    const sources = {
      driver: { csi: { driver: "disk.example.com", volumeHandle: "r1" } },
      kept: { hostPath: { path: "/var/kept" }, persistentVolumeReclaimPolicy: "Retain" },
      host: { hostPath: { path: "/var/data" } },
      share: { nfs: { server: "10.0.0.1", path: "/" } },
    };
    for (const [name, { persistentVolumeReclaimPolicy = "Delete", ...source }] of Object.entries<
      Record<string, unknown> & { persistentVolumeReclaimPolicy?: string }
    >(sources))
      await boundClaim(kube, name, source, { volume: { persistentVolumeReclaimPolicy } });
    const phase = (name: string, wanted: string): Promise<unknown> =>
      kube.wait(volume, `${kube.namespace}-${name}`, `is ${wanted}`, (one) => one.status.phase === wanted);
    for (const name of Object.keys(sources)) {
      await kube.wait(claim, name, "is protected", (one) => one.metadata.finalizers?.length);
      await kube.remove(claim, name);
    }
    for (const name of ["driver", "kept"]) await phase(name, "Released");
    for (const name of ["host", "share"]) await phase(name, "Failed");
  },
};
