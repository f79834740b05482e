/** How large each ReplicaSet of a Deployment should be (k8s.io/kubernetes/pkg/controller/deployment/util). Pure. */
import { scaledValue } from "../../api/intstr.ts";
import { parseTime } from "../../api/time.ts";
import type { Deployment, ReplicaSet } from "../../api/types/apps-v1.gen.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";

export const wantedOf = (object: Deployment | ReplicaSet): number => object.spec.replicas ?? 1;
export const totalWanted = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + wantedOf(set), 0);
export const totalAvailable = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
export const totalActual = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + (set.status?.replicas ?? 0), 0);
export const isRolling = (d: Deployment): boolean => d.spec.strategy?.type === "RollingUpdate";
export const active = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((set) => wantedOf(set) > 0);

/** Oldest first, then by name. */
export const byAge = (a: ReplicaSet, b: ReplicaSet): number =>
  parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp) || (a.metadata.name < b.metadata.name ? -1 : 1);

/** Surge and unavailability in pods; never both zero, or a rollout could not move. */
function fenceposts(d: Deployment): { surge: number; unavailable: number } {
  const { maxSurge = 0, maxUnavailable = 0 } = d.spec.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, wantedOf(d), true);
  const unavailable = scaledValue(maxUnavailable, wantedOf(d), false);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
export const maxSurge = (d: Deployment): number => (isRolling(d) ? fenceposts(d).surge : 0);
export const maxUnavailable = (d: Deployment): number => (!isRolling(d) || wantedOf(d) === 0 ? 0 : Math.min(fenceposts(d).unavailable, wantedOf(d)));

/** Size of the new ReplicaSet, whose size is `current` now, where all together want `total` pods. */
export function newSetSize(d: Deployment, current: number, total: number): number {
  if (!isRolling(d)) return wantedOf(d);
  const room = wantedOf(d) + scaledValue(d.spec.strategy.rollingUpdate?.maxSurge ?? 0, wantedOf(d), true) - total;
  return room <= 0 ? current : current + Math.min(room, wantedOf(d) - current);
}

/** New sizes for the old sets, only for those that change: unhealthy pods go first, then as many as availability allows. */
export function shrinkOldSets(d: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): { set: ReplicaSet; replicas: number }[] {
  const sizes = new Map(oldSets.map((set) => [set, wantedOf(set)]));
  const before = totalWanted(oldSets);
  const minAvailable = wantedOf(d) - maxUnavailable(d);
  const unavailableNew = wantedOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  let mayGo = before + wantedOf(newSet) - minAvailable - unavailableNew;
  if (before === 0 || mayGo <= 0) return [];
  const ordered = oldSets.toSorted(byAge);
  for (const set of ordered) {
    const unhealthy = Math.min(Math.max(0, mayGo), (sizes.get(set) as number) - (set.status?.availableReplicas ?? 0));
    if (unhealthy <= 0) continue;
    sizes.set(set, (sizes.get(set) as number) - unhealthy);
    mayGo -= unhealthy;
  }
  let surplus = totalAvailable([...oldSets, newSet]) - minAvailable;
  for (const set of ordered) {
    const gone = Math.min(Math.max(0, surplus), sizes.get(set) as number);
    sizes.set(set, (sizes.get(set) as number) - gone);
    surplus -= gone;
  }
  return ordered.filter((set) => sizes.get(set) !== wantedOf(set)).map((set) => ({ set, replicas: sizes.get(set) as number }));
}

/** Sizes after the Deployment was scaled in the middle of a rollout: each set grows or shrinks in proportion. */
export function proportionalSizes(d: Deployment, sets: readonly ReplicaSet[]): { set: ReplicaSet; replicas: number }[] {
  const allowed = wantedOf(d) > 0 ? wantedOf(d) + maxSurge(d) : 0;
  const toAdd = allowed - totalWanted(sets);
  const growing = toAdd > 0;
  const ordered = sets.toSorted((a, b) => wantedOf(b) - wantedOf(a) || (growing ? byAge(b, a) : byAge(a, b)));
  let added = 0;
  const sized = ordered.map((set) => {
    const share = toAdd === 0 ? 0 : fraction(d, set);
    const part = wantedOf(set) === 0 || toAdd === added ? 0 : growing ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
    added += toAdd === 0 ? 0 : part;
    return { set, replicas: wantedOf(set) + (toAdd === 0 ? 0 : part) };
  });
  const [largest] = sized;
  if (largest && toAdd !== 0) largest.replicas = Math.max(0, largest.replicas + toAdd - added);
  return sized;
}

function fraction(d: Deployment, set: ReplicaSet): number {
  if (wantedOf(d) === 0) return -wantedOf(set);
  const before = annotatedCount(set, maxReplicasAnnotation) || (d.status?.replicas ?? 0);
  if (before === 0) return 0;
  const size = (wantedOf(set) * (wantedOf(d) + maxSurge(d))) / before;
  return (size < 0 ? Math.ceil(size - 0.5) : Math.floor(size + 0.5)) - wantedOf(set);
}

export function annotatedCount(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata.annotations?.[annotation];
  return text !== undefined && /^\d+$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined;
}

/** True when this set alone carries the whole Deployment. */
export const isSaturated = (d: Deployment, set: ReplicaSet | undefined): boolean =>
  set !== undefined &&
  wantedOf(set) === wantedOf(d) &&
  annotatedCount(set, desiredReplicasAnnotation) === wantedOf(d) &&
  (set.status?.availableReplicas ?? 0) === wantedOf(d);
