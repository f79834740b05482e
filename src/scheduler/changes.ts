/** What a change of a node or a pod means to pods that wait (pkg/scheduler/framework/events.go). */
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import { action } from "./framework/events.ts";
import { podInfoOf, type Requests } from "./framework/pod-info.ts";
import { same } from "./framework/same.ts";

export function nodeActions(old: Node, node: Node): number {
  let actions = 0;
  if (old.spec?.unschedulable && !node.spec?.unschedulable) actions |= action.updateTaint;
  if (!same(old.status?.allocatable ?? {}, node.status?.allocatable ?? {})) actions |= action.updateAllocatable;
  if (!same(old.metadata.labels ?? {}, node.metadata.labels ?? {})) actions |= action.updateLabel;
  if (!same(old.spec?.taints ?? [], node.spec?.taints ?? [])) actions |= action.updateTaint;
  const conditions = (of: Node): [string, string][] => (of.status?.conditions ?? []).map(({ type, status }) => [type, status]);
  if (!same(conditions(old), conditions(node))) actions |= action.updateCondition;
  if (!same(old.metadata.annotations ?? {}, node.metadata.annotations ?? {})) actions |= action.updateAnnotation;
  if (!same(old.status?.declaredFeatures ?? [], node.status?.declaredFeatures ?? [])) actions |= action.updateNodeDeclaredFeature;
  return actions;
}

function shrank(old: Requests, now: Requests): boolean {
  if (now.cpu < old.cpu || now.memory < old.memory || now.ephemeralStorage < old.ephemeralStorage) return true;
  const amounts = new Map(now.scalars);
  return old.scalars.some(([name, amount]) => (amounts.get(name) ?? 0) < amount);
}

export function podActions(old: Pod, pod: Pod): number {
  let actions = 0;
  if (!same(old.metadata.labels ?? {}, pod.metadata.labels ?? {})) actions |= action.updatePodLabel;
  if (shrank(podInfoOf(old).requests, podInfoOf(pod).requests)) actions |= action.updatePodScaleDown;
  if (old.spec.schedulingGates?.length && !pod.spec.schedulingGates?.length) actions |= action.updatePodGates;
  if ((old.spec.tolerations?.length ?? 0) !== (pod.spec.tolerations?.length ?? 0)) actions |= action.updatePodTolerations;
  const claims = ({ status }: Pod): unknown[] => [status?.resourceClaimStatuses ?? [], status?.extendedResourceClaimStatus ?? null];
  if (!same(claims(old), claims(pod))) actions |= action.updatePodGeneratedResourceClaim;
  return actions || action.updateOther;
}
