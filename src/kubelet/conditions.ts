/** The pod conditions that a kubelet owns (upstream's pkg/kubelet/status/generate.go). Pure; times are set by whoever stores them. */
import type { ContainerStatus, Pod, PodCondition } from "../api/types/core-v1.gen.ts";
import { findStatus, isSidecar } from "./pod.ts";

export const ownedConditions: ReadonlySet<string> = new Set([
  "PodScheduled",
  "Ready",
  "Initialized",
  "ContainersReady",
  "PodReadyToStartContainers",
  "AllContainersRestarting",
  "PodResizePending",
  "PodResizeInProgress",
]);

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  observedGeneration?: number;
}

const isTrue = (type: string, reason?: string): Condition => ({ type, status: "True", ...(reason ? { reason } : {}) });
const isFalse = (type: string, reason: string, message = ""): Condition => ({ type, status: "False", reason, ...(message ? { message } : {}) });
const list = (names: string[]): string => `[${names.join(" ")}]`;

/** `statuses`: init and regular containers; undefined while nothing is known. */
export function containersReady(pod: Pod, statuses: readonly ContainerStatus[] | undefined, phase: string, type = "ContainersReady"): Condition {
  if (!statuses) return isFalse(type, "UnknownContainerStatuses");
  const unknown: string[] = [];
  const unready: string[] = [];
  for (const container of [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers]) {
    const status = findStatus(statuses, container.name);
    if (!status) unknown.push(container.name);
    else if (!status.ready) unready.push(container.name);
  }
  if (phase === "Succeeded" && !unknown.length) return isFalse(type, "PodCompleted");
  if (phase === "Failed") return isFalse(type, "PodFailed");
  const message = describe(unknown, unready, "unready");
  return message ? isFalse(type, "ContainersNotReady", message) : isTrue(type);
}

function describe(unknown: string[], others: string[], word: string): string {
  const parts = [];
  if (unknown.length) parts.push(`containers with unknown status: ${list(unknown)}`);
  if (others.length) parts.push(`containers with ${word} status: ${list(others)}`);
  return parts.join(", ");
}

/** Containers ready and every readiness gate true. */
export function podReady(pod: Pod, conditions: readonly PodCondition[], statuses: readonly ContainerStatus[] | undefined, phase: string): Condition {
  const containers = containersReady(pod, statuses, phase, "Ready");
  if (containers.status !== "True") return containers;
  const messages: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const condition = conditions.find((c) => c.type === conditionType);
    if (!condition) messages.push(`corresponding condition of pod readiness gate ${JSON.stringify(conditionType)} does not exist.`);
    else if (condition.status !== "True")
      messages.push(`the status of pod readiness gate ${JSON.stringify(conditionType)} is not "True", but ${condition.status}`);
  }
  return messages.length ? isFalse("Ready", "ReadinessGatesNotReady", messages.join(", ")) : isTrue("Ready");
}

export function podInitialized(pod: Pod, statuses: readonly ContainerStatus[] | undefined, phase: string): Condition {
  const init = pod.spec.initContainers ?? [];
  if (!statuses && init.length) return isFalse("Initialized", "UnknownContainerStatuses");
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of init) {
    const status = findStatus(statuses, container.name);
    if (!status) unknown.push(container.name);
    else if (isSidecar(container) ? !status.started : !status.ready) incomplete.push(container.name);
  }
  if (phase === "Succeeded" && !unknown.length) return isTrue("Initialized", "PodCompleted");
  if (statuses && anyRegularStarted(pod, statuses)) return isTrue("Initialized");
  const message = describe(unknown, incomplete, "incomplete");
  return message ? isFalse("Initialized", "ContainersNotInitialized", message) : isTrue("Initialized");
}

function anyRegularStarted(pod: Pod, statuses: readonly ContainerStatus[]): boolean {
  return pod.spec.containers.some((container) => {
    const status = findStatus(statuses, container.name);
    return status !== undefined && (status.started === true || status.state?.terminated !== undefined || status.lastState?.terminated !== undefined);
  });
}
