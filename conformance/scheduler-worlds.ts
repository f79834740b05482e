/** Random nodes and pods that exercise every plugin of the scheduler; the same seed gives the same world. */
import type { Draft, KubeObject } from "../src/api/object.ts";
import type { LabelSelector } from "../src/api/types/meta-v1.gen.ts";
import type { Node, NodeSelectorTerm, Pod, PodAffinityTerm, PodSpec, TopologySpreadConstraint } from "../src/api/types/core-v1.gen.ts";
import type { Random } from "../src/base/random.ts";
import type { Client } from "../src/client/client.ts";
import { persistentvolumeclaims, persistentvolumes, storageclasses } from "../src/client/resources.gen.ts";

const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)] as T;
const chance = (random: Random, of: number): boolean => random.next() < of;

export function randomNode(random: Random, name: string): Draft<Node> {
  const labels: Record<string, string> = { "kubernetes.io/hostname": name };
  if (chance(random, 0.85)) labels["topology.kubernetes.io/zone"] = pick(random, ["z1", "z2", "z3"]);
  if (chance(random, 0.5)) labels.disk = pick(random, ["ssd", "hdd"]);
  if (chance(random, 0.4)) labels.gen = String(random.int(5));
  const taints = chance(random, 0.3)
    ? [{ key: pick(random, ["gpu", "spot"]), value: pick(random, ["", "yes"]), effect: pick(random, ["NoSchedule", "PreferNoSchedule", "NoExecute"]) }]
    : [];
  const allocatable: Record<string, string> = {
    cpu: pick(random, ["1", "2", "4"]),
    memory: pick(random, ["1Gi", "2Gi", "8Gi"]),
    pods: pick(random, ["3", "5", "110"]),
    "ephemeral-storage": "10Gi",
  };
  if (chance(random, 0.3)) allocatable["example.com/dev"] = "2";
  const images = chance(random, 0.4) ? [{ names: ["big:latest"], sizeBytes: 900_000_000 }] : [];
  return {
    metadata: { name, labels },
    spec: { taints, unschedulable: chance(random, 0.1) || undefined },
    status: { allocatable, capacity: allocatable, images },
  };
}

function selector(random: Random): LabelSelector {
  const kind = random.int(4);
  if (kind === 0) return { matchExpressions: [{ key: "app", operator: "In", values: ["web", "db"] }] };
  if (kind === 1) return { matchExpressions: [{ key: "app", operator: "Exists" }] };
  return { matchLabels: { app: pick(random, ["web", "db", "cache"]) } };
}

function podTerm(random: Random): PodAffinityTerm {
  const term: PodAffinityTerm = {
    topologyKey: pick(random, ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk"]),
    labelSelector: selector(random),
  };
  if (chance(random, 0.2)) term.namespaces = [pick(random, ["a", "b"])];
  if (chance(random, 0.2)) term.namespaceSelector = pick(random, [{}, { matchLabels: { team: "x" } }]);
  return term;
}

function nodeTerm(random: Random, names: readonly string[]): NodeSelectorTerm {
  const kind = random.int(5);
  if (kind === 0) return { matchFields: [{ key: "metadata.name", operator: "In", values: [pick(random, names)] }] };
  if (kind === 1) return { matchExpressions: [{ key: "gen", operator: pick(random, ["Gt", "Lt"]), values: ["2"] }] };
  if (kind === 2) return { matchExpressions: [{ key: "disk", operator: "NotIn", values: ["hdd"] }] };
  return { matchExpressions: [{ key: "disk", operator: pick(random, ["Exists", "DoesNotExist"]) }] };
}

function spread(random: Random): TopologySpreadConstraint {
  return {
    topologyKey: pick(random, ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk"]),
    maxSkew: 1 + random.int(2),
    whenUnsatisfiable: pick(random, ["DoNotSchedule", "ScheduleAnyway"]),
    labelSelector: selector(random),
    ...(chance(random, 0.3) ? { nodeTaintsPolicy: "Honor" } : {}),
    ...(chance(random, 0.3) ? { nodeAffinityPolicy: "Ignore" } : {}),
  };
}

export function randomPod(random: Random, name: string, nodeNames: readonly string[]): Draft<Pod> {
  const requests: Record<string, string> = {};
  if (chance(random, 0.7)) requests.cpu = pick(random, ["100m", "500m", "700m", "1", "2", "8"]);
  if (chance(random, 0.6)) requests.memory = pick(random, ["64Mi", "700Mi", "3Gi"]);
  if (chance(random, 0.1)) requests["example.com/dev"] = "1";
  const limits: Record<string, string> = requests["example.com/dev"] ? { "example.com/dev": "1" } : {};
  const ports = chance(random, 0.2) ? [{ containerPort: 80, hostPort: pick(random, [80, 81]), ...(chance(random, 0.3) ? { hostIP: "127.0.0.1" } : {}) }] : [];
  const spec: Draft<Pod>["spec"] & Partial<PodSpec> = {
    containers: [{ name: "a", image: pick(random, ["big", "small"]), resources: { requests, limits }, ports }],
    terminationGracePeriodSeconds: 30,
  };
  if (chance(random, 0.3)) spec.tolerations = [{ key: pick(random, ["gpu", "spot"]), operator: "Exists" }];
  if (chance(random, 0.1)) spec.tolerations = [{ operator: "Exists" }];
  if (chance(random, 0.4)) spec.priorityClassName = pick(random, ["low", "high"]);
  const labels: Record<string, string> = chance(random, 0.8) ? { app: pick(random, ["web", "db", "cache"]) } : {};
  const metadata = { name, namespace: pick(random, ["a", "a", "b"]), labels };
  // Plain pods fill the nodes, for the others to be near to, or to evict.
  if (chance(random, 0.45)) return { metadata, spec };
  if (chance(random, 0.2)) spec.nodeSelector = { disk: pick(random, ["ssd", "hdd"]) };
  const affinity: PodSpec["affinity"] = {};
  if (chance(random, 0.2))
    affinity.nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [nodeTerm(random, nodeNames), ...(chance(random, 0.3) ? [nodeTerm(random, nodeNames)] : [])],
      },
    };
  if (chance(random, 0.2))
    affinity.nodeAffinity = {
      ...affinity.nodeAffinity,
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 + random.int(50), preference: nodeTerm(random, nodeNames) }],
    };
  if (chance(random, 0.2)) affinity.podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [podTerm(random)] };
  if (chance(random, 0.2))
    affinity.podAffinity = {
      ...affinity.podAffinity,
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 + random.int(50), podAffinityTerm: podTerm(random) }],
    };
  if (chance(random, 0.2)) affinity.podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [podTerm(random)] };
  if (chance(random, 0.2))
    affinity.podAntiAffinity = {
      ...affinity.podAntiAffinity,
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 + random.int(50), podAffinityTerm: podTerm(random) }],
    };
  if (Object.keys(affinity).length) spec.affinity = affinity;
  if (chance(random, 0.3)) spec.topologySpreadConstraints = [spread(random)];
  if (chance(random, 0.15))
    spec.volumes = [{ name: "data", persistentVolumeClaim: { claimName: pick(random, ["missing", "immediate", "lazy", "bound", "bound-zone"]) } }];
  return { metadata, spec };
}

const classes = [
  { name: "now", volumeBindingMode: "Immediate" },
  { name: "later", volumeBindingMode: "WaitForFirstConsumer" },
];

/** One class of each binding mode; neither can make volumes. */
export async function makeClasses(client: Client): Promise<void> {
  for (const { name, volumeBindingMode } of classes) {
    await client
      .resource(storageclasses)
      .create("", { metadata: { name }, provisioner: "kubernetes.io/no-provisioner", volumeBindingMode })
      .catch((error: { code?: number }) => {
        if (error.code !== 409) throw error;
      });
  }
}

/** A claim of each sort in both namespaces; of the volumes one is on `node` only, the other in one zone. */
export async function makeVolumes(client: Client, node: string): Promise<void> {
  const capacity = { storage: "1Gi" };
  const hostPath = { path: "/data" };
  const accessModes = ["ReadWriteOnce"];
  const onNode = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] }] } };
  const volumes = client.resource(persistentvolumes);
  await volumes.create("", { metadata: { name: "on-node" }, spec: { capacity, hostPath, accessModes, storageClassName: "now", nodeAffinity: onNode } });
  await volumes.create("", {
    metadata: { name: "in-zone", labels: { "topology.kubernetes.io/zone": "z1" } },
    spec: { capacity, hostPath, accessModes, storageClassName: "now" },
  });
  const annotations = { "pv.kubernetes.io/bind-completed": "yes" };
  const sorts = [
    { name: "immediate", storageClassName: "now" },
    { name: "lazy", storageClassName: "later" },
    { name: "bound", storageClassName: "now", volumeName: "on-node", annotations },
    { name: "bound-zone", storageClassName: "now", volumeName: "in-zone", annotations },
  ];
  for (const namespace of ["a", "b"]) {
    for (const { name, storageClassName, volumeName, annotations } of sorts) {
      await client
        .resource(persistentvolumeclaims)
        .create(namespace, { metadata: { name, annotations }, spec: { accessModes, storageClassName, volumeName, resources: { requests: capacity } } });
    }
  }
}

export async function removeVolumes(client: Client): Promise<void> {
  const everywhere = [
    { resource: persistentvolumeclaims, namespaces: ["a", "b"] },
    { resource: persistentvolumes, namespaces: [""] },
  ] as const;
  for (const { resource, namespaces } of everywhere) {
    const api = client.resource<KubeObject>(resource);
    for (const namespace of namespaces) {
      for (const { metadata } of (await api.list({ namespace })).items) {
        // Nobody else is there to let them go.
        if (metadata.finalizers?.length) await api.patch(namespace, metadata.name, "merge", { metadata: { finalizers: null } });
        await api.delete(namespace, metadata.name);
      }
    }
  }
}
