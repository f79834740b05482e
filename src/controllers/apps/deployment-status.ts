/** Status and conditions of a Deployment (k8s.io/kubernetes/pkg/controller/deployment/{sync,progress}.go). Pure. */
import { formatTime, parseTime } from "../../api/time.ts";
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "../../api/types/apps-v1.gen.ts";
import { maxUnavailable, totalActual, totalAvailable, totalWanted, wantedOf } from "./deployment-replicas.ts";

const maxInt32 = 2 ** 31 - 1;
export const hasDeadline = (d: Deployment): boolean => d.spec.progressDeadlineSeconds !== undefined && d.spec.progressDeadlineSeconds !== maxInt32;
export const conditionOf = (status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined =>
  status?.conditions?.find((c) => c.type === type);

/** Nothing changes when status and reason are the same; the transition time stays while the status does. */
export function withCondition(
  status: DeploymentStatus,
  next: Omit<DeploymentCondition, "lastUpdateTime" | "lastTransitionTime">,
  now: number,
): DeploymentStatus {
  const current = conditionOf(status, next.type);
  if (current && current.status === next.status && current.reason === next.reason) return status;
  const at = formatTime(now);
  const lastTransitionTime = current?.status === next.status ? current.lastTransitionTime : at;
  return { ...status, conditions: [...others(status, next.type), { ...next, lastUpdateTime: at, lastTransitionTime }] };
}
const others = (status: DeploymentStatus, type: string): DeploymentCondition[] => (status.conditions ?? []).filter((c) => c.type !== type);
const without = (status: DeploymentStatus, type: string): DeploymentStatus => ({ ...status, conditions: others(status, type) });

export function isComplete(d: Deployment, status: DeploymentStatus | undefined): boolean {
  const wanted = wantedOf(d);
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, observedGeneration = 0 } = status ?? {};
  return updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted && observedGeneration >= (d.metadata.generation ?? 0);
}

/** Counts and the Available condition; Progressing is left as it is. */
export function countedStatus(d: Deployment, sets: readonly ReplicaSet[], newSet: ReplicaSet | undefined, now: number): DeploymentStatus {
  const available = totalAvailable(sets);
  const terminating = terminatingReplicas(sets);
  const status: DeploymentStatus = {
    observedGeneration: d.metadata.generation,
    replicas: totalActual(sets),
    updatedReplicas: newSet ? totalActual([newSet]) : 0,
    readyReplicas: sets.reduce((sum, set) => sum + (set.status?.readyReplicas ?? 0), 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalWanted(sets) - available),
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    ...(d.status?.collisionCount === undefined ? {} : { collisionCount: d.status.collisionCount }),
    conditions: d.status?.conditions ?? [],
  };
  return available >= wantedOf(d) - maxUnavailable(d)
    ? withCondition(status, { type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "Deployment has minimum availability." }, now)
    : withCondition(
        status,
        { type: "Available", status: "False", reason: "MinimumReplicasUnavailable", message: "Deployment does not have minimum availability." },
        now,
      );
}

/** Unknown as soon as one set that was looked at does not say. */
function terminatingReplicas(sets: readonly ReplicaSet[]): number | undefined {
  let sum = 0;
  for (const { status } of sets) {
    if (status?.terminatingReplicas === undefined && status?.observedGeneration) return undefined;
    sum += status?.terminatingReplicas ?? 0;
  }
  return sum;
}

/** countedStatus with progress judged: complete, progressing, timed out, failures of its sets. */
export function rolloutStatus(d: Deployment, sets: readonly ReplicaSet[], newSet: ReplicaSet | undefined, now: number): DeploymentStatus {
  let status = countedStatus(d, sets, newSet, now);
  if (!hasDeadline(d)) status = without(status, "Progressing");
  const current = conditionOf(d.status, "Progressing");
  const settled = status.replicas === status.updatedReplicas && current?.reason === "NewReplicaSetAvailable";
  if (hasDeadline(d) && !settled) {
    const subject = newSet ? `ReplicaSet ${JSON.stringify(newSet.metadata.name)}` : `Deployment ${JSON.stringify(d.metadata.name)}`;
    if (isComplete(d, status)) {
      status = withCondition(
        status,
        { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: `${subject} has successfully progressed.` },
        now,
      );
    } else if (hasProgressed(d.status ?? {}, status)) {
      const at = formatTime(now);
      const lastTransitionTime = current?.status === "True" ? current.lastTransitionTime : at;
      const message = `${subject} is progressing.`;
      const progressing = { type: "Progressing", status: "True", reason: "ReplicaSetUpdated", message, lastUpdateTime: at, lastTransitionTime };
      status = { ...status, conditions: [...others(status, "Progressing"), progressing] };
    } else if (hasTimedOut(d, status, now)) {
      const message = `${subject} has timed out progressing.`;
      status = withCondition(status, { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message }, now);
    }
  }
  const failures = (set: ReplicaSet) => (set.status?.conditions ?? []).filter((c) => c.type === "ReplicaFailure");
  const [failure] = [...(newSet ? failures(newSet) : []), ...sets.flatMap(failures)];
  if (!failure) return without(status, "ReplicaFailure");
  const known = conditionOf(status, "ReplicaFailure");
  if (known && known.status === failure.status && known.reason === failure.reason) return status;
  const lastTransitionTime = known?.status === failure.status ? known.lastTransitionTime : failure.lastTransitionTime;
  return { ...status, conditions: [...others(status, "ReplicaFailure"), { ...failure, lastTransitionTime, lastUpdateTime: failure.lastTransitionTime }] };
}

function hasProgressed(old: DeploymentStatus, next: DeploymentStatus): boolean {
  const outdated = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number => replicas - updatedReplicas;
  const more = (count: keyof DeploymentStatus): boolean => ((next[count] as number | undefined) ?? 0) > ((old[count] as number | undefined) ?? 0);
  return more("updatedReplicas") || outdated(next) < outdated(old) || more("readyReplicas") || more("availableReplicas");
}

function hasTimedOut(d: Deployment, status: DeploymentStatus, now: number): boolean {
  const condition = conditionOf(status, "Progressing");
  if (!condition || condition.reason === "NewReplicaSetAvailable") return false;
  if (condition.reason === "ProgressDeadlineExceeded") return true;
  return parseTime(condition.lastUpdateTime ?? "") + (d.spec.progressDeadlineSeconds as number) * 1000 < now;
}

/** Milliseconds until a rollout that has stopped moving must be judged; undefined when it need not be. */
export function untilDeadline(d: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const condition = conditionOf(d.status, "Progressing");
  if (!hasDeadline(d) || !condition || isComplete(d, status) || condition.reason === "ProgressDeadlineExceeded") return undefined;
  const left = parseTime(condition.lastUpdateTime ?? "") + (d.spec.progressDeadlineSeconds as number) * 1000 - now;
  return Math.max(0, left) + 1000;
}
