/** Table row of a pod (pkg/printers/internalversion). */
import type { Reads } from "../codec/json-part.ts";
import type { ContainerState, ContainerStatus, Pod } from "../types/core-v1.gen.ts";
import { age, ageOf } from "./object-meta.ts";
import { isSidecar } from "./pod-resources.ts";
import { isPodReady, isPodTerminal, podCondition } from "./pod-status.ts";

interface Restarts {
  count: number;
  /** When the last one ended. */
  last: string;
}

function addRestarts(sum: Restarts, status: ContainerStatus): void {
  sum.count += status.restartCount ?? 0;
  const finished = status.lastState?.terminated?.finishedAt;
  if (finished && (!sum.last || Date.parse(finished) > Date.parse(sum.last))) sum.last = finished;
}

const endOf = ({ reason, signal, exitCode }: NonNullable<ContainerState["terminated"]>): string =>
  reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`);

interface Progress {
  reason: string;
  ready: number;
  restarts: Restarts;
}

/** Undefined reason: every init container that must end has ended, every sidecar has started. */
function initProgress(pod: Pod): { reason?: string; ready: number; restarts: Restarts; sidecars: Restarts } {
  const restarts: Restarts = { count: 0, last: "" };
  const sidecars: Restarts = { count: 0, last: "" };
  const init = pod.spec.initContainers ?? [];
  const sidecarNames = new Set(init.filter(isSidecar).map((container) => container.name));
  let ready = 0;
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    addRestarts(restarts, status);
    const sidecar = sidecarNames.has(status.name);
    if (sidecar) addRestarts(sidecars, status);
    const { terminated, waiting } = status.state ?? {};
    if (terminated && !terminated.exitCode) continue;
    if (sidecar && status.started) {
      if (status.ready) ready++;
      continue;
    }
    let reason = `Init:${i}/${init.length}`;
    if (terminated) reason = `Init:${endOf(terminated)}`;
    else if (waiting?.reason && waiting.reason !== "PodInitializing") reason = `Init:${waiting.reason}`;
    return { reason, ready, restarts, sidecars };
  }
  return { ready, restarts, sidecars };
}

function mainProgress(pod: Pod, progress: Progress): void {
  let running = false;
  let failure = "";
  for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    addRestarts(progress.restarts, status);
    const { terminated, waiting, running: runs } = status.state ?? {};
    if (waiting?.reason) progress.reason = waiting.reason;
    else if (terminated) {
      progress.reason = endOf(terminated);
      if (terminated.exitCode) failure = progress.reason;
    } else if (status.ready && runs) {
      running = true;
      progress.ready++;
    }
  }
  if (progress.reason !== "Completed") return;
  if (running && isPodReady(pod)) progress.reason = "Running";
  else if (failure) progress.reason = failure;
  else if (running) progress.reason = "NotReady";
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (!gates.length) return "<none>";
  const open = gates.filter((gate) => podCondition(pod.status, gate.conditionType)?.status === "True").length;
  return `${open}/${gates.length}`;
}

const state: Reads<ContainerState> = { running: {}, waiting: { reason: true }, terminated: { reason: true, signal: true, exitCode: true } };
const containerStatus: Reads<ContainerStatus> = {
  name: true,
  restartCount: true,
  ready: true,
  started: true,
  state,
  lastState: { terminated: { finishedAt: true } },
};

export const podCellsRead: Reads<Pod> = {
  metadata: { name: true, creationTimestamp: true, deletionTimestamp: true },
  spec: { nodeName: true, containers: {}, initContainers: { name: true, restartPolicy: true }, readinessGates: true },
  status: {
    phase: true,
    reason: true,
    conditions: { type: true, status: true, reason: true },
    podIPs: { ip: true },
    nominatedNodeName: true,
    initContainerStatuses: containerStatus,
    containerStatuses: containerStatus,
  },
};

export function podCells(pod: Pod, now: number): unknown[] {
  const { metadata, spec, status = {} } = pod;
  const init = initProgress(pod);
  const progress: Progress = { reason: status.reason || status.phase || "", ready: init.ready, restarts: init.restarts };
  const gated = (status.conditions ?? []).some((c) => c.type === "PodScheduled" && c.reason === "SchedulingGated");
  if (gated) progress.reason = "SchedulingGated";
  if (init.reason !== undefined) progress.reason = init.reason;
  if (init.reason === undefined || podCondition(status, "Initialized")?.status === "True") {
    progress.restarts = init.sidecars;
    mainProgress(pod, progress);
  }
  if (metadata.deletionTimestamp !== undefined) {
    if (status.reason === "NodeLost") progress.reason = "Unknown";
    else if (!isPodTerminal(pod)) progress.reason = "Terminating";
  }
  const total = (spec.containers ?? []).length + (spec.initContainers ?? []).filter(isSidecar).length;
  const { count, last } = progress.restarts;
  return [
    metadata.name,
    `${progress.ready}/${total}`,
    progress.reason,
    count && last ? `${count} (${ageOf(last, now)} ago)` : String(count),
    age(pod, now),
    status.podIPs?.[0]?.ip || "<none>",
    spec.nodeName || "<none>",
    status.nominatedNodeName || "<none>",
    readinessGates(pod),
  ];
}
