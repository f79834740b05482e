/** Container statuses of the API from what the runtime has (upstream's convertToAPIContainerStatuses). Pure. */
import type { Container, ContainerState, ContainerStatus, Pod, VolumeMountStatus } from "../api/types/core-v1.gen.ts";
import { shouldStart } from "./actions.ts";
import { findStatus, isSidecar } from "./pod.ts";
import type { Allocation } from "./resize/allocation.ts";
import { type ContainerRecord, findContainer, type RuntimePod } from "./runtime-pod.ts";

/** Why a container could not be started lately. */
export interface StartFailure {
  /** Reason of the waiting state: CrashLoopBackOff, ErrImagePull, CreateContainerConfigError, ... */
  reason: string;
  message: string;
}
export type StartFailures = (container: string) => StartFailure | undefined;

/** RFC 3339 in whole seconds; what never happened was at the epoch. */
export const timestamp = (ms: number): string => `${new Date(Math.floor(Math.max(ms, 0) / 1000) * 1000).toISOString().slice(0, 19)}Z`;

const lost = (message: string): ContainerState => ({ terminated: { reason: "ContainerStatusUnknown", message, exitCode: 137 } }) as ContainerState;

export interface StatusInput {
  pod: Pod;
  runtime: RuntimePod;
  runtimeName: string;
  previous: readonly ContainerStatus[];
  /** Every container begins anew because one of them has ended: those that the runtime does not have were removed for that. */
  restartingAll?: boolean;
  failures: StartFailures;
  /** Resources that are in force. */
  actuated: Allocation;
}

function stateOf(record: ContainerRecord, id: string): ContainerState {
  if (record.state === "running") return { running: { startedAt: timestamp(record.startedAt) } };
  if (record.state === "exited")
    return {
      terminated: {
        exitCode: record.exitCode,
        ...(record.reason ? { reason: record.reason } : {}),
        ...(record.message ? { message: record.message } : {}),
        startedAt: timestamp(record.startedAt),
        finishedAt: timestamp(record.finishedAt),
        containerID: id,
      },
    } as ContainerState;
  return { waiting: {} };
}

function mountStatuses(container: Container): VolumeMountStatus[] | undefined {
  return container.volumeMounts?.map((mount) => ({
    name: mount.name,
    mountPath: mount.mountPath,
    ...(mount.readOnly ? { readOnly: true, recursiveReadOnly: "Disabled" } : {}),
  }));
}

function fromRecord(record: ContainerRecord, container: Container, input: StatusInput): ContainerStatus {
  const id = `${input.runtimeName}://${record.id}`;
  const old = findStatus(input.previous, container.name);
  const unlocatable = record.state === "unknown" && old?.state?.running;
  const requests = container.resources?.requests;
  const status: ContainerStatus = {
    name: container.name,
    state: unlocatable ? lost("The container could not be located when the pod was terminated") : stateOf(record, id),
    lastState: {},
    ready: false,
    restartCount: unlocatable ? old.restartCount + 1 : record.restartCount,
    image: record.image,
    imageID: record.imageRef,
    containerID: id,
    started: false,
  };
  if (requests) status.allocatedResources = requests;
  const resources = (record.state === "running" ? input.actuated.containers[container.name] : undefined) ?? container.resources;
  if (resources) status.resources = resources;
  const mounts = mountStatuses(container);
  if (mounts) status.volumeMounts = mounts;
  if (record.user) status.user = { linux: record.user };
  return status;
}

/** What is said of a container that the runtime does not know. */
function withoutRecord(container: Container, input: StatusInput, waitingReason: string): ContainerStatus {
  const old = findStatus(input.previous, container.name);
  if (input.restartingAll && old && !old.state?.waiting) {
    const reason = "RestartingAllContainers";
    const message = "The container is removed because RestartAllContainers in place";
    const lastState = { terminated: { reason, message, exitCode: 137 } } as ContainerState;
    return { ...old, state: { waiting: { reason, message } }, lastState, ready: false, started: false, restartCount: old.restartCount + 1 };
  }
  if (old?.state?.terminated) return old;
  const mounts = mountStatuses(container);
  const status: ContainerStatus = {
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    state: { waiting: { reason: waitingReason } },
    lastState: old?.lastState ?? {},
    ready: false,
    started: false,
    restartCount: old?.restartCount ?? 0,
    ...(mounts ? { volumeMounts: mounts } : {}),
  };
  if (old?.state?.running && !status.lastState.terminated) {
    status.lastState = lost("The container could not be located when the pod was deleted.  The container used to be Running");
    if (!input.pod.metadata.deletionTimestamp) status.restartCount++;
  }
  return status;
}

/** In the order of `containers` for init containers, by name otherwise. */
export function containerStatuses(input: StatusInput, containers: readonly Container[], kind: "init" | "regular" | "ephemeral"): ContainerStatus[] {
  const { pod, runtime } = input;
  const waitingReason = pod.spec.initContainers?.length ? "PodInitializing" : "ContainerCreating";
  const regularCreated = pod.spec.containers.some((c) => findContainer(runtime, c.name));
  const statuses = containers.map((container) => {
    const [latest, before] = runtime.containers.filter((c) => c.name === container.name);
    let status = latest ? fromRecord(latest, container, input) : withoutRecord(container, input, waitingReason);
    if (before) status = { ...status, lastState: stateOf(before, `${input.runtimeName}://${before.id}`) };
    else if (latest) {
      const old = findStatus(input.previous, container.name);
      if (old && old.containerID !== status.containerID && old.state?.terminated) status = { ...status, lastState: old.state };
      else if (old?.lastState?.terminated) status = { ...status, lastState: old.lastState };
    }
    if (kind === "init") {
      if (latest?.state === "exited" && latest.exitCode === 0 && !isSidecar(container)) return status;
      if (!latest && regularCreated && !isSidecar(container) && status.state?.waiting) {
        const message = "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally";
        return { ...status, state: { terminated: { reason: "Completed", message, exitCode: 0 } } as ContainerState };
      }
    }
    if (kind === "ephemeral" ? latest !== undefined : !shouldStart(container, pod, runtime)) return status;
    const failure = input.failures(container.name);
    if (!failure) return status;
    const waiting = { reason: failure.reason, ...(failure.message ? { message: failure.message } : {}) };
    return { ...status, lastState: status.state?.terminated ? status.state : status.lastState, state: { waiting } };
  });
  if (kind !== "init") statuses.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return statuses;
}
