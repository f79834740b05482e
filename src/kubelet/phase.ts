/** The phase of a pod from its containers' statuses (upstream's pkg/kubelet/kubelet_pods.go getPhase). Pure. */
import type { Container, ContainerStateTerminated, ContainerStatus, Pod } from "../api/types/core-v1.gen.ts";
import { findStatus, isSidecar, shouldRestartAfter } from "./pod.ts";

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

/** How the last run ended, whether that is the current state or what precedes the next start. */
function lastEnd(status: ContainerStatus): ContainerStateTerminated | undefined {
  return status.state?.terminated ?? (status.state?.waiting ? status.lastState?.terminated : undefined);
}
const ended = (status: ContainerStatus): number | undefined => lastEnd(status)?.exitCode;

/** The container runs again: by its rules, or because all of the pod's begin anew. */
const comesBack = (container: Container, pod: Pod, status: ContainerStatus, exitCode: number): boolean =>
  lastEnd(status)?.reason === "RestartingAllContainers" || shouldRestartAfter(container, pod, exitCode);

interface Progress {
  pending: number;
  failedForGood: number;
}

function initProgress(pod: Pod, statuses: readonly ContainerStatus[]): Progress {
  const progress = { pending: 0, failedForGood: 0 };
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const status = findStatus(statuses, container.name);
    const exitCode = status && ended(status);
    if (exitCode === undefined) progress.pending++;
    else if (exitCode !== 0 && status && !comesBack(container, pod, status, exitCode)) progress.failedForGood++;
  }
  return progress;
}

interface Counts {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  stoppedForGood: number;
  succeeded: number;
  pendingSidecars: number;
}

function countSidecar(counts: Counts, status: ContainerStatus | undefined): void {
  if (!status) counts.unknown++;
  else if (status.state?.running) {
    if (!status.started) counts.pendingSidecars++;
    counts.running++;
  } else if (status.state?.waiting) {
    if (!status.lastState?.terminated) {
      counts.pendingSidecars++;
      counts.waiting++;
    }
  } else if (!status.state?.terminated) {
    counts.pendingSidecars++;
    counts.unknown++;
  }
}

function countContainer(counts: Counts, pod: Pod, container: Container, status: ContainerStatus | undefined): void {
  if (!status) counts.unknown++;
  else if (status.state?.running) counts.running++;
  else {
    const exitCode = ended(status);
    if (exitCode === undefined) {
      if (status.state?.waiting) counts.waiting++;
      else counts.unknown++;
      return;
    }
    counts.stopped++;
    if (!comesBack(container, pod, status, exitCode)) counts.stoppedForGood++;
    if (status.state?.terminated && exitCode === 0) counts.succeeded++;
  }
}

/**
 * `terminal`: nothing of the pod runs or will run again. `initialized`: some regular container has been started, so that
 * a restarting sidecar does not make the pod pending again.
 */
export function podPhase(pod: Pod, statuses: readonly ContainerStatus[], terminal: boolean, initialized: boolean): Phase {
  const init = initProgress(pod, statuses);
  const counts: Counts = { unknown: 0, running: 0, waiting: 0, stopped: 0, stoppedForGood: 0, succeeded: 0, pendingSidecars: 0 };
  for (const container of pod.spec.initContainers ?? []) if (isSidecar(container)) countSidecar(counts, findStatus(statuses, container.name));
  for (const container of pod.spec.containers) countContainer(counts, pod, container, findStatus(statuses, container.name));

  if (init.failedForGood) return "Failed";
  if (init.pending || (counts.pendingSidecars && !initialized) || counts.waiting) return "Pending";
  if (counts.running && !counts.unknown) return "Running";
  if (counts.stopped && !counts.unknown) {
    if (!terminal && counts.stopped !== counts.stoppedForGood) return "Running";
    return counts.stopped === counts.succeeded ? "Succeeded" : "Failed";
  }
  return "Pending";
}
