/** Claims of every sort, volumes and classes for them, and what drivers say of their space. */
import type { PersistentVolume, PersistentVolumeClaim } from "../../src/api/types/core-v1.gen.ts";
import type { CSIDriver, CSIStorageCapacity, StorageClass, VolumeAttachment } from "../../src/api/types/storage-v1.gen.ts";
import type { Random } from "../../src/base/random.ts";
import { chance, identity, maybe, pick } from "./pick.ts";

const accessModes = ["ReadWriteOnce"];
const zoneLabel = "topology.kubernetes.io/zone";

/** In each namespace; "missing" is not there. */
export const claimNames = [
  "missing",
  "immediate",
  "no-class",
  "lazy",
  "lazy-large",
  "lazy-made",
  "lazy-topology",
  "lazy-space",
  "lazy-chosen",
  "bound",
  "bound-zone",
  "bound-csi",
  "bound-csi-2",
  "bound-gone",
  "lost",
  "going",
  "exclusive",
] as const;

const claimOf = (name: string, namespace: string, spec: object, more: object = {}, status: object = { phase: "Pending" }): PersistentVolumeClaim =>
  ({
    metadata: { ...identity(name, namespace), ...more },
    spec: { accessModes, volumeMode: "Filesystem", resources: { requests: { storage: "1Gi" } }, ...spec },
    status,
  }) as unknown as PersistentVolumeClaim;

const complete = { annotations: { "pv.kubernetes.io/bind-completed": "yes" } };
const boundStatus = { phase: "Bound" };

export function claimsIn(random: Random, namespace: string, nodes: readonly string[]): PersistentVolumeClaim[] {
  const size = (storage: string): object => ({ resources: { requests: { storage } } });
  const bound = (name: string, volumeName: string, storageClassName: string, more: object = {}): PersistentVolumeClaim =>
    claimOf(name, namespace, { storageClassName, volumeName, ...more }, complete, boundStatus);
  return [
    claimOf("immediate", namespace, { storageClassName: "now" }),
    claimOf("no-class", namespace, {}),
    claimOf("lazy", namespace, { storageClassName: "later", ...maybe(random, 0.3, () => ({ selector: { matchLabels: { tier: "fast" } } })) }),
    claimOf("lazy-large", namespace, { storageClassName: "later", ...size("5Gi") }),
    claimOf("lazy-made", namespace, { storageClassName: "made" }),
    claimOf("lazy-topology", namespace, { storageClassName: "made-in-z1" }),
    claimOf("lazy-space", namespace, { storageClassName: "spacious", ...size(pick(random, ["1Gi", "8Gi"])) }),
    claimOf("lazy-chosen", namespace, { storageClassName: "made" }, { annotations: { "volume.kubernetes.io/selected-node": pick(random, nodes) } }),
    bound("bound", "on-node", "now"),
    bound("bound-zone", "in-zone", "now"),
    bound("bound-csi", "csi-1", "made"),
    bound("bound-csi-2", "csi-2", "made"),
    bound("bound-gone", "no-such-volume", "now"),
    claimOf("lost", namespace, { storageClassName: "now", volumeName: "no-such-volume" }, complete, { phase: "Lost" }),
    claimOf(
      "going",
      namespace,
      { storageClassName: "now", volumeName: "on-node" },
      { ...complete, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["kubernetes.io/pvc-protection"] },
      boundStatus,
    ),
    bound("exclusive", "csi-3", "made", { accessModes: ["ReadWriteOncePod"] }),
  ];
}

export function randomVolumes(random: Random, nodes: readonly string[]): PersistentVolume[] {
  const volume = (name: string, spec: object, labels: Record<string, string> = {}, phase = "Bound"): PersistentVolume =>
    ({
      metadata: { ...identity(name), labels },
      spec: { capacity: { storage: "1Gi" }, accessModes, volumeMode: "Filesystem", persistentVolumeReclaimPolicy: "Delete", ...spec },
      status: { phase },
    }) as unknown as PersistentVolume;
  const on = (key: string, values: readonly string[]): object => ({
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values }] }] } },
  });
  const hostPath = { path: "/data" };
  const csi = (volumeHandle: string): object => ({ csi: { driver: "csi.example.com", volumeHandle } });
  const free = ["1Gi", "2Gi", "6Gi"].map((storage, i) =>
    volume(
      `free-${i}`,
      {
        capacity: { storage },
        hostPath,
        storageClassName: "later",
        ...(chance(random, 0.7) ? on("kubernetes.io/hostname", [pick(random, nodes)]) : {}),
        ...maybe(random, 0.1, () => ({ volumeMode: "Block" })),
        // Not two for one claim: which of them is looked at first is chance upstream.
        ...maybe(random, i === 0 ? 0.3 : 0, () => ({ claimRef: { namespace: "a", name: "lazy" } })),
      },
      maybe(random, 0.4, () => ({ tier: "fast" })),
      "Available",
    ),
  );
  return [
    ...free,
    volume("on-node", { hostPath, storageClassName: "now", ...on("kubernetes.io/hostname", [pick(random, nodes)]) }),
    volume(
      "in-zone",
      { hostPath, storageClassName: "now" },
      { [pick(random, [zoneLabel, "failure-domain.beta.kubernetes.io/zone"])]: pick(random, ["z1", "z1__z2"]) },
    ),
    volume("csi-1", { ...csi("h1"), storageClassName: "made" }),
    volume("csi-2", { ...csi("h2"), storageClassName: "made", ...(chance(random, 0.5) ? on(zoneLabel, ["z1", "z2"]) : {}) }),
    volume("csi-3", { ...csi("h3"), storageClassName: "made" }),
  ];
}

const classOf = (name: string, provisioner: string, volumeBindingMode: string, more: object = {}): StorageClass =>
  ({ metadata: identity(name), provisioner, volumeBindingMode, reclaimPolicy: "Delete", ...more }) as unknown as StorageClass;

export const storageClasses: readonly StorageClass[] = [
  classOf("now", "kubernetes.io/no-provisioner", "Immediate"),
  classOf("later", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
  classOf("made", "csi.example.com", "WaitForFirstConsumer"),
  classOf("made-in-z1", "csi.example.com", "WaitForFirstConsumer", { allowedTopologies: [{ matchLabelExpressions: [{ key: zoneLabel, values: ["z1"] }] }] }),
  classOf("spacious", "space.example.com", "WaitForFirstConsumer"),
];

export const csiDrivers: readonly CSIDriver[] = [
  { metadata: identity("csi.example.com"), spec: {} },
  { metadata: identity("space.example.com"), spec: { storageCapacity: true } },
] as unknown as CSIDriver[];

export function randomCapacities(random: Random): CSIStorageCapacity[] {
  return ["z1", "z2"]
    .filter(() => chance(random, 0.7))
    .map(
      (zone) =>
        ({
          metadata: identity(`space-${zone}`, "kube-system"),
          storageClassName: "spacious",
          nodeTopology: { matchLabels: { [zoneLabel]: zone } },
          ...maybe(random, 0.9, () => ({ capacity: pick(random, ["500Mi", "4Gi", "20Gi"]) })),
          ...maybe(random, 0.3, () => ({ maximumVolumeSize: pick(random, ["500Mi", "10Gi"]) })),
        }) as unknown as CSIStorageCapacity,
    );
}

export const randomAttachments = (random: Random, nodes: readonly string[]): VolumeAttachment[] =>
  nodes
    .filter(() => chance(random, 0.2))
    .map(
      (nodeName) =>
        ({
          metadata: identity(`attached-${nodeName}`),
          spec: { attacher: "csi.example.com", nodeName, source: { persistentVolumeName: pick(random, ["csi-1", "csi-2", "csi-3"]) } },
          status: { attached: true },
        }) as unknown as VolumeAttachment,
    );
