/** The whole status of a pod from its spec, the runtime and the probes (upstream's generateAPIPodStatus). Pure. */
import type { ContainerStatus, Pod, PodCondition, PodStatus, ResourceStatus } from "../api/types/core-v1.gen.ts";
import { type ProbeKind, type ProbeResults, resetBy, sandboxChanged } from "./actions.ts";
import { type Condition, containersReady, ownedConditions, podInitialized, podReady } from "./conditions.ts";
import { containerStatuses, type StartFailures, type StatusInput } from "./container-statuses.ts";
import { podLimits, podRequests } from "../api/core/pod-resources.ts";
import { podPhase } from "./phase.ts";
import { couldRestartAll, findSpec, findStatus, isHostNetwork, restartsAll, isSidecar, isTerminalPhase, qosClass } from "./pod.ts";
import { type Allocation, withAllocation } from "./resize/allocation.ts";
import { limitsEverything } from "./resources.ts";
import { findContainer, type RuntimePod } from "./runtime-pod.ts";

/** The node's decision to end a pod. */
export interface Verdict {
  phase: "Failed";
  reason: string;
  message: string;
  /** It was never taken in: there is nothing more to tell. */
  refused?: boolean;
  /** The pod is said to be the target of a disruption: with the message, or with this text. */
  disruption?: boolean | string;
}

export interface PodStatusInput {
  pod: Pod;
  runtime: RuntimePod;
  runtimeName: string;
  /** What was last decided for this pod; the API's status when nothing was. */
  previous: PodStatus;
  failures: StartFailures;
  /** Resources that are in force, and what is said of a resize. */
  actuated: Allocation;
  resize: readonly Condition[];
  probes: ProbeResults;
  /** Health of what the container was given. */
  devices(container: string): ResourceStatus[];
  /** Nothing of the pod runs any more and nothing will be started. */
  terminal: boolean;
  /** Addresses of the node, primary first. */
  hostIPs: readonly string[];
  /** Overrides phase, reason and message: an exceeded deadline, a refused admission, an eviction. */
  verdict?: Verdict;
}

const containerId = (status: ContainerStatus): string => (status.containerID ?? "").split("://")[1] ?? "";

const previousOf = (previous: PodStatus, { name, containerID }: ContainerStatus): ContainerStatus | undefined =>
  [...(previous.containerStatuses ?? []), ...(previous.initContainerStatuses ?? [])].find(
    (s) => s.name === name && containerID && s.containerID === containerID,
  );

function withProbes(input: PodStatusInput, statuses: ContainerStatus[], init: boolean): ContainerStatus[] {
  return statuses.map((status) => {
    const spec = findSpec(input.pod, status.name);
    if (!spec) return status;
    const id = containerId(status);
    const running = status.state?.running !== undefined;
    const result = (kind: ProbeKind): "success" | "failure" | undefined => input.probes(kind, id);
    // Until the first result after a restart of the kubelet, the same container stays what it was.
    const before = previousOf(input.previous, status);
    const started = running && (spec.startupProbe ? (result("startup") ?? (before?.started ? "success" : "failure")) === "success" : true);
    if (init && !isSidecar(spec)) return { ...status, started, ready: status.state?.terminated?.exitCode === 0 };
    const ready = started && (spec.readinessProbe ? (result("readiness") ?? (before?.ready ? "success" : "failure")) === "success" : true);
    return { ...status, started, ready };
  });
}

/** What a container had is given back when its pod is over, but still told. */
function withDevices(input: PodStatusInput, statuses: ContainerStatus[]): ContainerStatus[] {
  return statuses.map((status) => {
    const now = input.devices(status.name);
    const before = input.terminal ? previousOf(input.previous, status)?.allocatedResourcesStatus : undefined;
    const allocatedResourcesStatus = now.length ? now : before;
    return allocatedResourcesStatus ? { ...status, allocatedResourcesStatus } : status;
  });
}

function phaseOf(input: PodStatusInput, statuses: ContainerStatus[]): string {
  const { pod, previous, runtime } = input;
  if (isTerminalPhase(pod.status?.phase)) return pod.status.phase as string;
  const initialized = pod.spec.containers.some((c) => ["running", "exited"].includes(findContainer(runtime, c.name)?.state ?? ""));
  const phase = podPhase(pod, statuses, input.terminal, initialized);
  return !isTerminalPhase(phase) && isTerminalPhase(previous.phase) ? (previous.phase as string) : phase;
}

/** A container has ended in a way that has all begin anew, and they have not yet. */
function isRestartingAll({ pod, runtime, previous }: PodStatusInput): boolean {
  if (!couldRestartAll(pod)) return false;
  const statuses = [...(previous.initContainerStatuses ?? []), ...(previous.containerStatuses ?? [])];
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some((container) => {
    const ended = findStatus(statuses, container.name)?.state?.terminated;
    return resetBy(container, runtime) || (ended !== undefined && restartsAll(container, ended.exitCode));
  });
}

function restartingAllCondition(input: PodStatusInput): Condition {
  const type = "AllContainersRestarting";
  const { initContainers = [], containers } = input.pod.spec;
  const removed = ![...initContainers, ...containers].some(({ name }) => findContainer(input.runtime, name));
  if (removed || !isRestartingAll(input)) return { type, status: "False" };
  return { type, status: "True", reason: "RestartAllContainersStarted", message: "container exited with restart policy rule" };
}

const disruptionText = ({ disruption, message }: Verdict): string => (typeof disruption === "string" ? disruption : message);

/** Conditions carry neither times nor the order of the API yet: see mergeStatus. */
export function podStatus(input: PodStatusInput): PodStatus {
  const { pod, runtime, previous } = input;
  if (input.verdict?.refused) {
    const { phase, reason, message } = input.verdict;
    return {
      observedGeneration: pod.metadata.generation,
      phase,
      reason,
      message,
      qosClass: pod.status?.qosClass ?? qosClass(pod),
      conditions: pod.status?.conditions ?? [],
    };
  }
  const restartingAll = isRestartingAll(input);
  const base: Omit<StatusInput, "previous"> = {
    restartingAll,
    pod,
    runtime,
    runtimeName: input.runtimeName,
    failures: input.failures,
    actuated: input.actuated,
  };
  const regular = withDevices(
    input,
    withProbes(input, containerStatuses({ ...base, previous: previous.containerStatuses ?? [] }, pod.spec.containers, "regular"), false),
  );
  const init = withProbes(input, containerStatuses({ ...base, previous: previous.initContainerStatuses ?? [] }, pod.spec.initContainers ?? [], "init"), true);
  // Nobody waits for these: neither readiness nor start is said of them.
  const ephemeral = containerStatuses({ ...base, previous: previous.ephemeralContainerStatuses ?? [] }, pod.spec.ephemeralContainers ?? [], "ephemeral").map(
    ({ started: _, ...status }) => status,
  );
  const all = [...regular, ...init];
  const status: PodStatus = { observedGeneration: pod.metadata.generation, phase: phaseOf(input, all), qosClass: pod.status?.qosClass ?? qosClass(pod) };
  if (status.phase === previous.phase) {
    const reason = previous.reason || pod.status?.reason;
    const message = previous.message || pod.status?.message;
    if (reason) status.reason = reason;
    if (message) status.message = message;
  }
  if (input.verdict) Object.assign(status, { phase: input.verdict.phase, reason: input.verdict.reason, message: input.verdict.message });
  if (regular.length) status.containerStatuses = regular;
  if (init.length) status.initContainerStatuses = init;
  if (ephemeral.length) status.ephemeralContainerStatuses = ephemeral;
  Object.assign(status, podResources(pod, withAllocation(pod, input.actuated)));
  status.conditions = conditions(input, status, all);
  setAddresses(input, status);
  return status;
}

/** What the pod as a whole was given, and what is in force (KEP-5419). */
function podResources(pod: Pod, actuated: Pod): Pick<PodStatus, "resources" | "allocatedResources"> {
  const allocated = podRequests(pod.spec);
  const requests = podRequests(actuated.spec);
  const all = podLimits(actuated.spec);
  const limits = Object.fromEntries(Object.entries(all).filter(([name]) => (name !== "cpu" && name !== "memory") || limitsEverything(actuated, name)));
  return {
    ...(Object.keys(allocated).length ? { allocatedResources: allocated } : {}),
    resources: { ...(Object.keys(limits).length ? { limits } : {}), ...(Object.keys(requests).length ? { requests } : {}) },
  };
}

function conditions(input: PodStatusInput, status: PodStatus, all: ContainerStatus[]): PodCondition[] {
  const { pod } = input;
  const phase = status.phase as string;
  const foreign = (pod.status?.conditions ?? []).filter((c) => !ownedConditions.has(c.type) && !(input.verdict?.disruption && c.type === "DisruptionTarget"));
  const ready: Condition = { type: "PodReadyToStartContainers", status: sandboxChanged(pod, input.runtime).changed ? "False" : "True" };
  const own: Condition[] = [
    ready,
    podInitialized(pod, all, phase),
    podReady(pod, foreign, all, phase),
    containersReady(pod, all, phase),
    { type: "PodScheduled", status: "True" },
  ];
  if (couldRestartAll(pod)) own.push(restartingAllCondition(input));
  if (input.verdict?.disruption) own.push({ type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet", message: disruptionText(input.verdict) });
  const generation = pod.metadata.generation;
  const observed = own.map((c) => (generation ? { ...c, observedGeneration: generation } : c));
  return [...foreign, ...([...(input.terminal ? [] : input.resize), ...observed] as PodCondition[])];
}

function setAddresses(input: PodStatusInput, status: PodStatus): void {
  const { pod, runtime, previous, hostIPs } = input;
  if (hostIPs.length) {
    status.hostIP = hostIPs[0] as string;
    status.hostIPs = hostIPs.map((ip) => ({ ip }));
  }
  const sandbox = runtime.sandboxes.find((s) => s.ready);
  let ips = isHostNetwork(pod) ? [...hostIPs] : (sandbox?.ips ?? []);
  // A pod keeps its addresses in its status when its sandbox is gone.
  if (!ips.length) ips = (previous.podIPs ?? []).map((p) => p.ip);
  if (isHostNetwork(pod) && previous.podIP) ips = [previous.podIP, ...ips.filter((ip) => ip !== previous.podIP)];
  if (ips.length) {
    status.podIP = ips[0] as string;
    status.podIPs = ips.map((ip) => ({ ip }));
  }
}
