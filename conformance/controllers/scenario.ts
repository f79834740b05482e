/** The form of a scenario, and the parts that several use. */
import type { Kube, KindName, Loose } from "./kube.ts";

export interface Scenario {
  name: string;
  /** Before the controllers start. */
  prepare?(kube: Kube): Promise<unknown>;
  /** While they run; ends when what is to be compared has happened. */
  play(kube: Kube): Promise<unknown>;
  /** Kinds whose objects are compared at the end, beside the events. */
  compared: readonly KindName[];
  /** Values that are handed out in an order which a race decides: their list is compared, not who has which. */
  handedOut?: RegExp;
  /** Reasons of events that the same race makes or not. */
  byChance?: RegExp;
  /** What it makes outside its namespace does not begin with the namespace's name. */
  plainNames?: boolean;
}

export const node = (name: string, more: { spec?: object; metadata?: object } = {}) => ({
  metadata: { name, ...more.metadata },
  ...(more.spec ? { spec: more.spec } : {}),
});
export const ready = {
  status: {
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "KubeletReady",
        message: "",
        lastHeartbeatTime: "2026-01-01T00:00:00Z",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ],
  },
};

export const pod = (name: string, volumes: object[], nodeName?: string) => ({
  metadata: { name },
  spec: {
    ...(nodeName ? { nodeName } : {}),
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    containers: [{ name: "c", image: "registry.k8s.io/pause:3.10" }],
    volumes,
  },
});
export const uses = (claimName: string) => [{ name: "data", persistentVolumeClaim: { claimName } }];

/** A claim and a volume that are made for each other. */
export async function boundClaim(
  kube: Kube,
  name: string,
  source: object,
  more: { accessModes?: string[]; claim?: object; volume?: object } = {},
): Promise<Loose> {
  const { accessModes = ["ReadWriteOnce"] } = more;
  const volume = `${kube.namespace}-${name}`;
  await kube.create("v1/PersistentVolume", {
    metadata: { name: volume },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes,
      claimRef: { namespace: kube.namespace, name },
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: "none",
      ...source,
      ...more.volume,
    },
  });
  await kube.create("v1/PersistentVolumeClaim", {
    metadata: { name },
    spec: { accessModes, resources: { requests: { storage: "1Gi" } }, volumeName: volume, storageClassName: "none", ...more.claim },
  });
  await kube.wait("v1/PersistentVolumeClaim", name, "is bound", (claim) => claim?.status.phase === "Bound");
  return volume;
}
