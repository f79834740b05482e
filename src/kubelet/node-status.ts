/** The Node object that a kubelet keeps (upstream's pkg/kubelet/nodestatus). Pure. */
import { isExtendedResource } from "../api/core/resource-names.ts";
import { quantityToMilli } from "../api/quantity.ts";
import type { ContainerImage, Node, NodeCondition, NodeRuntimeHandlerFeatures, NodeStatus } from "../api/types/core-v1.gen.ts";
import type { RuntimeFeatures, RuntimeHandler } from "../cri/types.gen.ts";
import { type FilesystemUsage, type MachineFacts, processIds } from "../linux/machine.ts";
import { declaredFeatures } from "./admission.ts";
import type { KubeletConfig } from "./config.ts";
import { milliToShares } from "./resources.ts";
import { type Pressure, parseThresholds, type Signal, thresholdAmount } from "./eviction/thresholds.ts";

export const kubeletVersion = "v1.36.3";

export interface NodeFacts {
  machine: MachineFacts;
  filesystem: FilesystemUsage;
  /** `containerd://1.6.20` */
  runtimeVersion: string;
  /** What the runtime can do, as a whole and with each of its handlers; older ones do not say. */
  runtime: { features?: Pick<RuntimeFeatures, "supplementalGroupsPolicy">; handlers: readonly RuntimeHandler[] };
  images: ContainerImage[];
  /** What the node is short of. */
  pressures: ReadonlySet<Pressure>;
  /** Unique names of volumes, sorted. */
  volumesInUse: readonly string[];
  /** What device plugins list. */
  devices: { capacity: Record<string, string>; allocatable: Record<string, string> };
  /** Why the node is not ready; empty when it is. */
  problems: string[];
}

const kibibytes = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`;
const cores = (milli: number): string => (milli % 1000 ? `${milli}m` : String(milli / 1000));

export function capacity(config: KubeletConfig, facts: Pick<NodeFacts, "machine" | "filesystem">): Record<string, string> {
  return {
    cpu: String(facts.machine.cpus),
    "ephemeral-storage": kibibytes(facts.filesystem.capacity),
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    memory: kibibytes(facts.machine.memory),
    pods: String(config.podsPerCore > 0 ? Math.min(config.maxPods, config.podsPerCore * facts.machine.cpus) : config.maxPods),
  };
}

/** Bytes that are kept free of what there are. */
function reserve(config: KubeletConfig, signal: Signal, capacity: number): number {
  const threshold = parseThresholds(config.evictionHard).find((t) => t.signal === signal);
  return threshold ? thresholdAmount(threshold, capacity) : 0;
}

const reserved = (config: KubeletConfig, name: string): number =>
  quantityToMilli(config.systemReserved[name] ?? 0) + quantityToMilli(config.kubeReserved[name] ?? 0);

/** Bytes that are not for pods. */
export const reservedMemory = (config: KubeletConfig): number => reserved(config, "memory") / 1000;
/** Bytes that pods are not given: reserved, or kept free. */
export const memoryNotForPods = (config: KubeletConfig, memory: number): number => reservedMemory(config) + reserve(config, "memory.available", memory);

/** What all pods together may have: what is there but for what is reserved. */
export function cgroupOfPods(config: KubeletConfig, machine: MachineFacts): { cpuShares: number; memory: number; pids?: number } {
  const pids = reserved(config, "pid") / 1000;
  return {
    cpuShares: milliToShares(Math.max(0, machine.cpus * 1000 - reserved(config, "cpu"))),
    memory: Math.max(0, machine.memory - reservedMemory(config)),
    ...(pids ? { pids: processIds().max - pids } : {}),
  };
}

export function allocatable(config: KubeletConfig, facts: Pick<NodeFacts, "machine" | "filesystem">): Record<string, string> {
  const milliCPU = Math.max(0, facts.machine.cpus * 1000 - reserved(config, "cpu"));
  const memory = Math.max(0, facts.machine.memory - memoryNotForPods(config, facts.machine.memory));
  const whole = facts.filesystem.capacity;
  const disk = Math.max(0, whole - reserve(config, "nodefs.available", whole) - reserved(config, "ephemeral-storage") / 1000);
  return { ...capacity(config, facts), cpu: cores(milliCPU), memory: kibibytes(memory), "ephemeral-storage": String(disk) };
}

function condition(type: string, bad: boolean, reason: string, message: string): Omit<NodeCondition, "lastHeartbeatTime" | "lastTransitionTime"> {
  return { type, status: bad ? "True" : "False", reason, message };
}

function conditions(facts: NodeFacts, old: readonly NodeCondition[], now: string): NodeCondition[] {
  const memory = facts.pressures.has("MemoryPressure");
  const disk = facts.pressures.has("DiskPressure");
  const pids = facts.pressures.has("PIDPressure");
  const fresh = [
    condition(
      "MemoryPressure",
      memory,
      memory ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
      `kubelet has ${memory ? "insufficient" : "sufficient"} memory available`,
    ),
    condition(
      "DiskPressure",
      disk,
      disk ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
      disk ? "kubelet has disk pressure" : "kubelet has no disk pressure",
    ),
    condition(
      "PIDPressure",
      pids,
      pids ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID",
      `kubelet has ${pids ? "insufficient" : "sufficient"} PID available`,
    ),
    facts.problems.length
      ? {
          type: "Ready",
          status: "False",
          reason: "KubeletNotReady",
          message: facts.problems.length === 1 ? facts.problems[0] : `[${facts.problems.join(", ")}]`,
        }
      : { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
  ];
  return fresh.map((next) => {
    const before = old.find((c) => c.type === next.type);
    return { ...next, lastHeartbeatTime: now, lastTransitionTime: before?.status === next.status ? before.lastTransitionTime : now } as NodeCondition;
  });
}

/** Pods with users of their own are refused, whatever the runtime could do. */
const handler = ({ name, features }: RuntimeHandler): { name: string; features: NodeRuntimeHandlerFeatures } => ({
  name,
  features: { recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false, userNamespaces: false },
});

/** Resources that are not Kubernetes' own. */
export const extendedCapacity = (status: NodeStatus | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries((status?.capacity ?? {}) as Record<string, string>).filter(([name]) => isExtendedResource(name)));

/**
 * `old`: what the API has. `now` is RFC 3339. Extended resources that somebody put into the capacity stay, and become
 * allocatable (https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/).
 */
export function nodeStatus(config: KubeletConfig, facts: NodeFacts, old: NodeStatus | undefined, now: string): NodeStatus {
  const { machine } = facts;
  const extended = extendedCapacity(old);
  return {
    capacity: { ...capacity(config, facts), ...extended, ...facts.devices.capacity },
    allocatable: { ...allocatable(config, facts), ...extended, ...facts.devices.allocatable },
    conditions: conditions(facts, old?.conditions ?? [], now),
    addresses: [...config.nodeIPs.map((address) => ({ type: "InternalIP", address })), { type: "Hostname", address: config.hostname }],
    daemonEndpoints: { kubeletEndpoint: { Port: config.port } },
    nodeInfo: {
      machineID: machine.machineID,
      systemUUID: machine.systemUUID,
      bootID: machine.bootID,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: facts.runtimeVersion,
      kubeletVersion,
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: machine.architecture,
      ...(machine.swap ? { swap: { capacity: machine.swap } } : {}),
    },
    images: facts.images,
    declaredFeatures: [...declaredFeatures],
    ...(facts.runtime.features ? { features: { supplementalGroupsPolicy: facts.runtime.features.supplementalGroupsPolicy } } : {}),
    ...(facts.runtime.handlers.length ? { runtimeHandlers: facts.runtime.handlers.map(handler).sort((a, b) => (a.name < b.name ? -1 : 1)) } : {}),
    ...(facts.volumesInUse.length || old?.volumesInUse ? { volumesInUse: facts.volumesInUse.length ? facts.volumesInUse : null } : {}),
  } as NodeStatus;
}

/** What a node is registered with. */
export function newNode(
  config: KubeletConfig,
  machine: MachineFacts,
): { metadata: { name: string; labels: Record<string, string>; annotations: Record<string, string> }; spec: Partial<Node["spec"]> } {
  return {
    metadata: {
      name: config.nodeName,
      labels: {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": config.hostname,
        "kubernetes.io/os": "linux",
        ...config.nodeLabels,
      },
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: {
      ...(config.registerWithTaints.length ? { taints: config.registerWithTaints } : {}),
      ...(config.providerID ? { providerID: config.providerID } : {}),
    },
  };
}
