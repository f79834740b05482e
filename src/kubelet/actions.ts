/**
 * What has to be done to bring a pod from what the runtime has to what its spec says (upstream's
 * pkg/kubelet/kuberuntime computePodActions). Pure: the same inputs give the same actions.
 */
import { createHash } from "node:crypto";
import type { Container, Pod } from "../api/types/core-v1.gen.ts";
import type { Allocation } from "./resize/allocation.ts";
import { containerDiffers, noResize, planContainer, podDiffers, type ResizePlan } from "./resize/plan.ts";
import { isHostNetwork, isSidecar, restartsAll, shouldRestartAfter } from "./pod.ts";
import { type ContainerRecord, findContainer, type RuntimePod } from "./runtime-pod.ts";

export type ProbeKind = "liveness" | "readiness" | "startup";
/** Latest settled result of a container's probe; undefined while there is none. */
export type ProbeResults = (kind: ProbeKind, containerId: string) => "success" | "failure" | undefined;

export type KillReason = "" | "LivenessProbe" | "StartupProbe" | "Unknown" | "FailedPostStartHook";
export interface KillContainer {
  record: ContainerRecord;
  message: string;
  reason: KillReason;
}

export interface PodActions {
  /** Stop every container and the sandbox first. */
  killPod: boolean;
  createSandbox: boolean;
  /** The sandbox to use, or the one to stop when a new one is needed; empty for none. */
  sandboxId: string;
  /** Number of the sandbox to create, or of the one in use. */
  attempt: number;
  initToStart: Container[];
  toStart: Container[];
  ephemeralToStart: Container[];
  toKill: KillContainer[];
  /** Stop what runs of them and remove them all, in this order; nothing else is done before. */
  toReset: ContainerRecord[];
  resize: ResizePlan;
}

/** Changes when the container has to be made anew. */
export const containerHash = (container: Container): string =>
  createHash("sha256")
    .update(JSON.stringify([container.name, container.image]))
    .digest("hex")
    .slice(0, 8);

/** Whether the pod needs another sandbox, and which one there is. */
export function sandboxChanged(pod: Pod, runtime: RuntimePod): { changed: boolean; attempt: number; id: string } {
  const latest = runtime.sandboxes[0];
  if (!latest) return { changed: true, attempt: 0, id: "" };
  if (!latest.ready || runtime.sandboxes.filter((s) => s.ready).length > 1) return { changed: true, attempt: latest.attempt + 1, id: latest.id };
  if (latest.hostNetwork !== isHostNetwork(pod)) return { changed: true, attempt: latest.attempt + 1, id: "" };
  if (!isHostNetwork(pod) && !latest.ips.length) return { changed: true, attempt: latest.attempt + 1, id: latest.id };
  return { changed: false, attempt: latest.attempt, id: latest.id };
}

/** Whether a container that does not run shall run. */
export function shouldStart(container: Container, pod: Pod, runtime: RuntimePod): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  const record = findContainer(runtime, container.name);
  if (!record) return true;
  if (record.state === "running") return false;
  if (record.state !== "exited") return true;
  return shouldRestartAfter(container, pod, record.exitCode);
}

const anyRegularCreated = (pod: Pod, runtime: RuntimePod): boolean => pod.spec.containers.some((c) => findContainer(runtime, c.name));

/** Whether the latest end of a container has all begin anew. */
export const resetBy = (container: Container, runtime: RuntimePod): boolean => {
  const latest = findContainer(runtime, container.name);
  return latest?.state === "exited" && restartsAll(container, latest.exitCode);
};

/** Every container but ephemeral ones when one of them has ended in a way that has all begin anew (KEP-5532); those last that it was for. */
function containersToReset(pod: Pod, runtime: RuntimePod): ContainerRecord[] {
  const init = pod.spec.initContainers ?? [];
  if (pod.metadata.deletionTimestamp || ![...init, ...pod.spec.containers].some((container) => resetBy(container, runtime))) return [];
  const of = (containers: readonly Container[], sources: boolean): ContainerRecord[] =>
    containers.flatMap((container) =>
      runtime.containers.filter((r) => r.name === container.name && (r.state === "exited" && restartsAll(container, r.exitCode)) === sources),
    );
  return [...of(pod.spec.containers, false), ...of(init, false), ...of(pod.spec.containers, true), ...of(init, true)];
}

/** `actuated`: the resources that are in force. */
export function computePodActions(pod: Pod, runtime: RuntimePod, probes: ProbeResults, actuated: Allocation = { containers: {} }): PodActions {
  const sandbox = sandboxChanged(pod, runtime);
  const actions: PodActions = {
    killPod: sandbox.changed,
    createSandbox: sandbox.changed,
    sandboxId: sandbox.id,
    attempt: sandbox.attempt,
    initToStart: [],
    toStart: [],
    ephemeralToStart: [],
    toKill: [],
    toReset: containersToReset(pod, runtime),
    resize: noResize(),
  };
  if (actions.toReset.length) return { ...actions, killPod: false, createSandbox: false };
  actions.resize.pod = podDiffers(pod, actuated);
  if (sandbox.changed) return forNewSandbox(pod, runtime, actions);
  for (const container of pod.spec.ephemeralContainers ?? []) if (!findContainer(runtime, container.name)) actions.ephemeralToStart.push(container);
  const initialized = planInit(pod, runtime, probes, actions, actuated);
  if (actions.killPod || !initialized) return actions;
  let kept = 0;
  for (const container of pod.spec.containers) if (planRegular(pod, container, runtime, probes, actions, actuated)) kept++;
  if (kept === 0 && actions.toStart.length === 0) {
    actions.killPod = true;
    actions.initToStart = [];
  }
  return actions;
}

function forNewSandbox(pod: Pod, runtime: RuntimePod, actions: PodActions): PodActions {
  const never = pod.spec.restartPolicy === "Never";
  if (never && actions.attempt !== 0 && runtime.containers.length) return { ...actions, createSandbox: false };
  const toStart = pod.spec.containers.filter((container) => {
    const policy = container.restartPolicy ?? pod.spec.restartPolicy;
    const record = findContainer(runtime, container.name);
    return !(policy === "OnFailure" && record?.state === "exited" && record.exitCode === 0);
  });
  if (!toStart.length && anyRegularCreated(pod, runtime)) return { ...actions, createSandbox: false };
  const first = pod.spec.initContainers?.[0];
  return first ? { ...actions, initToStart: [first] } : { ...actions, toStart };
}

/** True: the container runs and is kept. */
function planRegular(pod: Pod, container: Container, runtime: RuntimePod, probes: ProbeResults, actions: PodActions, actuated: Allocation): boolean {
  const record = findContainer(runtime, container.name);
  if (record?.state !== "running") {
    if (!shouldStart(container, pod, runtime)) return false;
    actions.toStart.push(container);
    if (containerDiffers(container, actuated)) actions.resize.pod = true;
    if (record?.state === "unknown")
      actions.toKill.push({ record, message: 'Container is in "unknown" state, try killing it before restart', reason: "Unknown" });
    return false;
  }
  const why = reasonToKill("Container", container, record, probes);
  if (!why) {
    if (planContainer(pod, container, record, actuated, actions.resize) === "keep") return true;
    actions.toStart.push(container);
    actions.toKill.push({ record, message: `Container ${container.name} resize requires restart`, reason: "" });
    return false;
  }
  const policy = container.restartPolicy ?? pod.spec.restartPolicy;
  const restart = why.changed || policy !== "Never";
  if (restart) actions.toStart.push(container);
  actions.toKill.push({ record, message: restart ? `${why.message}, will be restarted` : why.message, reason: why.reason });
  return false;
}

interface Why {
  message: string;
  reason: KillReason;
  changed: boolean;
}
function reasonToKill(word: string, container: Container, record: ContainerRecord, probes: ProbeResults): Why | undefined {
  if (record.hash && record.hash !== containerHash(container)) return { message: `${word} ${container.name} definition changed`, reason: "", changed: true };
  if (probes("liveness", record.id) === "failure")
    return { message: `${word} ${container.name} failed liveness probe`, reason: "LivenessProbe", changed: false };
  if (probes("startup", record.id) === "failure") return { message: `${word} ${container.name} failed startup probe`, reason: "StartupProbe", changed: false };
  return undefined;
}

/** Fills in what init containers need, last one first; tells whether initialization is over. */
function planInit(pod: Pod, runtime: RuntimePod, probes: ProbeResults, actions: PodActions, actuated: Allocation): boolean {
  const init = pod.spec.initContainers ?? [];
  if (!init.length) return true;
  let initialized = pod.spec.containers.some((c) => ["created", "running"].includes(findContainer(runtime, c.name)?.state ?? ""));
  let previously = initialized;
  const start: Container[] = [];
  for (let i = init.length - 1; i >= 0; i--) {
    const container = init[i] as Container;
    const sidecar = isSidecar(container);
    const record = findContainer(runtime, container.name);
    if (!record) {
      if (previously && sidecar) start.push(container);
      continue;
    }
    if (previously && !sidecar) continue;
    const done = planOneInit(pod, container, record, probes, actions, start, actuated);
    if (done === "failed") {
      actions.killPod = true;
      actions.initToStart = [];
      return false;
    }
    if (done === "complete") {
      if (i === init.length - 1) initialized = true;
      else if (!previously) start.push(init[i + 1] as Container);
    }
    previously = true;
  }
  if (!previously) start.push(init[0] as Container);
  actions.initToStart = start.reverse().filter((container, index, all) => all.indexOf(container) === index);
  return initialized;
}

function planOneInit(
  pod: Pod,
  container: Container,
  record: ContainerRecord,
  probes: ProbeResults,
  actions: PodActions,
  start: Container[],
  actuated: Allocation,
): "waiting" | "complete" | "failed" {
  const sidecar = isSidecar(container);
  const kill = (message: string, reason: KillReason): void => {
    actions.toKill.push({ record, message, reason });
    start.push(container);
  };
  switch (record.state) {
    case "created":
      start.push(container);
      return "waiting";
    case "running": {
      const resize = (): void => {
        if (planContainer(pod, container, record, actuated, actions.resize) === "restart") kill(`Container ${container.name} resize requires restart`, "");
      };
      if (!sidecar) {
        resize();
        return "waiting";
      }
      const startup = container.startupProbe ? probes("startup", record.id) : "success";
      if (startup === "failure") kill(`Init container ${container.name} failed startup probe`, "StartupProbe");
      if (startup !== "success") return "waiting";
      const why = reasonToKill("Init container", container, record, probes);
      if (why) kill(why.message, why.reason);
      else resize();
      return "complete";
    }
    case "exited":
      if (sidecar) {
        start.push(container);
        return "waiting";
      }
      if (record.exitCode === 0) return "complete";
      if (!shouldRestartAfter(container, pod, record.exitCode)) return "failed";
      start.push(container);
      return "waiting";
    default:
      if (!sidecar && (container.restartPolicy ?? pod.spec.restartPolicy) === "Never") return "failed";
      kill('Init container is in "unknown" state, try killing it before restart', "Unknown");
      return "waiting";
  }
}
