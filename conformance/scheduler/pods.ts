/** Random pods that exercise every plugin of the scheduler. */
import type { NodeSelectorTerm, Pod, PodAffinityTerm, PodSpec, Toleration, TopologySpreadConstraint, Volume } from "../../src/api/types/core-v1.gen.ts";
import type { LabelSelector } from "../../src/api/types/meta-v1.gen.ts";
import type { Random } from "../../src/base/random.ts";
import { chance, identity, maybe, pick, times } from "./pick.ts";
import { claimNames } from "./volumes.ts";

export const apps = ["web", "db", "cache"] as const;
const topologies = ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk"] as const;

export function randomSelector(random: Random): LabelSelector {
  const app = pick(random, apps);
  return pick<() => LabelSelector>(random, [
    () => ({ matchLabels: { app } }),
    () => ({ matchLabels: { app } }),
    () => ({ matchLabels: { app, version: "1" } }),
    () => ({ matchExpressions: [{ key: "app", operator: "In", values: ["web", "db"] }] }),
    () => ({ matchExpressions: [{ key: "app", operator: "NotIn", values: [app] }] }),
    () => ({ matchExpressions: [{ key: "app", operator: "Exists" }] }),
    () => ({ matchExpressions: [{ key: "version", operator: "DoesNotExist" }] }),
    () => ({}),
  ])();
}

function podTerm(random: Random): PodAffinityTerm {
  return {
    topologyKey: pick(random, topologies),
    ...maybe(random, 0.95, () => ({ labelSelector: randomSelector(random) })),
    ...maybe(random, 0.25, () => ({ namespaces: pick(random, [["a"], ["b"], ["a", "c"]]) })),
    ...maybe(random, 0.25, () => ({
      namespaceSelector: pick<LabelSelector>(random, [
        {},
        { matchLabels: { team: "x" } },
        { matchExpressions: [{ key: "team", operator: "Exists" }] },
        { matchLabels: { team: "nobody" } },
      ]),
    })),
  };
}

function nodeTerm(random: Random, names: readonly string[]): NodeSelectorTerm {
  const expressions = pick<NonNullable<NodeSelectorTerm["matchExpressions"]>>(random, [
    [{ key: "gen", operator: pick(random, ["Gt", "Lt"]), values: ["2"] }],
    [{ key: "disk", operator: "NotIn", values: ["hdd"] }],
    [{ key: "disk", operator: pick(random, ["Exists", "DoesNotExist"]) }],
    [{ key: "topology.kubernetes.io/zone", operator: "In", values: ["z1", "z2"] }],
    [
      { key: "disk", operator: "In", values: ["ssd"] },
      { key: "gen", operator: "Exists" },
    ],
  ]);
  const kind = random.int(6);
  if (kind === 0) return { matchFields: [{ key: "metadata.name", operator: "In", values: [pick(random, names)] }] };
  if (kind === 1) return { matchFields: [{ key: "metadata.name", operator: "NotIn", values: [pick(random, names)] }], matchExpressions: expressions };
  if (kind === 2 && chance(random, 0.3)) return { matchFields: [{ key: "metadata.name", operator: "In", values: ["nowhere"] }] };
  return { matchExpressions: expressions };
}

function spread(random: Random): TopologySpreadConstraint {
  const whenUnsatisfiable = pick(random, ["DoNotSchedule", "ScheduleAnyway"]);
  return {
    topologyKey: pick(random, topologies),
    maxSkew: 1 + random.int(2),
    whenUnsatisfiable,
    ...maybe(random, 0.97, () => ({ labelSelector: randomSelector(random) })),
    ...maybe(random, 0.3, () => ({ nodeTaintsPolicy: pick(random, ["Honor", "Ignore"]) })),
    ...maybe(random, 0.3, () => ({ nodeAffinityPolicy: pick(random, ["Honor", "Ignore"]) })),
    ...maybe(random, 0.25, () => ({ matchLabelKeys: ["version"] })),
    ...(whenUnsatisfiable === "DoNotSchedule" ? maybe(random, 0.3, () => ({ minDomains: 1 + random.int(4) })) : {}),
  };
}

function affinity(random: Random, names: readonly string[]): PodSpec["affinity"] {
  const some = <T>(make: () => T): T[] => times(chance(random, 0.18) ? 1 + random.int(2) : 0, make);
  const weighted = (): { weight: number; podAffinityTerm: PodAffinityTerm }[] => some(() => ({ weight: 1 + random.int(50), podAffinityTerm: podTerm(random) }));
  const nodeTerms = some(() => nodeTerm(random, names));
  return {
    nodeAffinity: {
      ...(nodeTerms.length ? { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: nodeTerms } } : {}),
      preferredDuringSchedulingIgnoredDuringExecution: some(() => ({ weight: 1 + random.int(50), preference: nodeTerm(random, names) })),
    },
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: some(() => podTerm(random)),
      preferredDuringSchedulingIgnoredDuringExecution: weighted(),
    },
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: some(() => podTerm(random)),
      preferredDuringSchedulingIgnoredDuringExecution: weighted(),
    },
  };
}

function tolerations(random: Random): Toleration[] {
  if (chance(random, 0.1)) return [{ operator: "Exists" }];
  return times(random.int(3), () => ({
    key: pick(random, ["gpu", "spot", "node.kubernetes.io/unschedulable"]),
    ...pick<Partial<Toleration>>(random, [{ operator: "Exists" }, { operator: "Equal", value: "yes" }, { value: "" }]),
    ...maybe(random, 0.4, () => ({ effect: pick(random, ["NoSchedule", "PreferNoSchedule", "NoExecute"]) })),
  }));
}

const disks: readonly Volume[] = [
  { name: "disk", gcePersistentDisk: { pdName: "d1" } },
  { name: "disk", gcePersistentDisk: { pdName: "d1", readOnly: true } },
  { name: "disk", awsElasticBlockStore: { volumeID: "v1" } },
  { name: "disk", iscsi: { targetPortal: "p", iqn: "q", lun: 0 } },
  { name: "disk", rbd: { monitors: ["m1", "m2"], image: "i", pool: "rbd" } },
];

function volumes(random: Random): Volume[] {
  const list: Volume[] = [];
  if (chance(random, 0.2)) list.push({ name: "data", persistentVolumeClaim: { claimName: pick(random, claimNames) } });
  if (chance(random, 0.08)) list.push({ name: "more", persistentVolumeClaim: { claimName: pick(random, claimNames) } });
  if (chance(random, 0.05)) list.push({ name: "own", ephemeral: {} });
  if (chance(random, 0.12)) list.push(pick(random, disks));
  return list;
}

function containers(random: Random): Pick<PodSpec, "containers" | "initContainers" | "overhead" | "resources"> {
  const resources = (): { requests: Record<string, string>; limits: Record<string, string> } => {
    const requests: Record<string, string> = {};
    const limits: Record<string, string> = {};
    if (chance(random, 0.7)) requests.cpu = pick(random, ["100m", "100m", "250m", "500m", "700m", "1", "2", "0"]);
    if (chance(random, 0.6)) requests.memory = pick(random, ["64Mi", "64Mi", "200Mi", "700Mi", "3Gi", "1G"]);
    if (chance(random, 0.1)) requests["ephemeral-storage"] = pick(random, ["100Mi", "2Gi"]);
    if (chance(random, 0.1)) requests["example.com/dev"] = limits["example.com/dev"] = "1";
    if (chance(random, 0.04)) requests["hugepages-2Mi"] = limits["hugepages-2Mi"] = "32Mi";
    return { requests, limits };
  };
  const port = () => ({
    containerPort: 80,
    protocol: pick(random, ["TCP", "TCP", "UDP"]),
    hostPort: pick(random, [80, 81, 82]),
    ...maybe(random, 0.3, () => ({ hostIP: pick(random, ["127.0.0.1", "127.0.0.2"]) })),
  });
  const one = (name: string) => ({
    name,
    image: pick(random, ["big", "small", "medium:v1", "huge"]),
    resources: resources(),
    ...maybe(random, 0.12, () => ({ ports: [port()] })),
  });
  return {
    containers: times(1 + random.int(2), (i) => one(`c${i}`)),
    ...maybe(random, 0.2, () => ({
      initContainers: times(1 + random.int(2), (i) => ({ ...one(`i${i}`), ...maybe(random, 0.5, () => ({ restartPolicy: "Always" })) })),
    })),
    ...maybe(random, 0.1, () => ({ overhead: { cpu: "250m", memory: "120Mi" } })),
    ...maybe(random, 0.08, () => ({ resources: { requests: { cpu: "1500m", memory: "1Gi" } } })),
  } as unknown as Pick<PodSpec, "containers">;
}

/** `owners`: names of ReplicaSets, by app. */
export function randomPod(random: Random, name: string, names: readonly string[], node?: string): Pod {
  const namespace = pick(random, ["a", "a", "b", "c"]);
  const labels: Record<string, string> = {};
  if (chance(random, 0.8)) labels.app = pick(random, apps);
  if (chance(random, 0.4)) labels.version = pick(random, ["1", "2"]);
  const own = volumes(random);
  const spec: Partial<PodSpec> = {
    schedulerName: "default-scheduler",
    priority: pick(random, [0, 0, 10, 1000, -10]),
    ...maybe(random, 0.1, () => ({ preemptionPolicy: "Never" })),
    ...containers(random),
    tolerations: tolerations(random),
    ...(own.length ? { volumes: own } : {}),
    ...(node ? { nodeName: node } : {}),
  };
  // Plain pods fill the nodes, for the others to be near to, or to evict.
  if (chance(random, 0.5)) {
    if (chance(random, 0.15)) spec.nodeSelector = pick<Record<string, string>>(random, [{ disk: "ssd" }, { disk: "hdd", gen: "1" }, {}]);
    if (chance(random, 0.7)) spec.affinity = affinity(random, names);
    if (chance(random, 0.4)) spec.topologySpreadConstraints = times(1 + random.int(2), () => spread(random));
  }
  const owned =
    labels.app && chance(random, 0.3)
      ? [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: `rs-${labels.app}`, uid: `uid-${namespace}-rs-${labels.app}`, controller: true }]
      : undefined;
  const going = node !== undefined && chance(random, 0.08);
  const started = node !== undefined;
  return {
    metadata: {
      ...identity(name, namespace),
      generation: 1,
      labels,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(owned ? { ownerReferences: owned } : {}),
      ...(going ? { deletionTimestamp: "2026-01-02T00:00:00Z", deletionGracePeriodSeconds: 30 } : {}),
    },
    spec,
    status: {
      phase: node ? "Running" : "Pending",
      // All have started, no two together: which of them is the elder would be chance.
      ...(started ? { startTime: new Date(1_767_225_600_000 + random.int(2 ** 24) * 1000).toISOString().replace(".000", "") } : {}),
      ...(going && chance(random, 0.7)
        ? { conditions: [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler", lastTransitionTime: "2026-01-02T00:00:00Z" }] }
        : {}),
    },
  } as unknown as Pod;
}
