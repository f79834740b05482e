/** The ReplicaSet that carries a Deployment's template, and the numbering of those before it. Pure. */
import type { Deployment, ReplicaSet } from "../../api/types/apps-v1.gen.ts";
import type { PodTemplateSpec } from "../../api/types/core-v1.gen.ts";
import { newControllerRef } from "../../api/meta/owner.ts";
import { semanticEqual } from "../runtime/equal.ts";
import {
  byAge,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  maxSurge,
  newSetSize,
  revisionAnnotation,
  revisionHistoryAnnotation,
  totalWanted,
  wantedOf,
} from "./deployment-replicas.ts";
import { templateHash } from "./template-hash.ts";

const hashLabel = "pod-template-hash";
/** Characters of the history annotation. */
const maxHistory = 2000;

const notCopied = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  "deprecated.deployment.rollback.to",
]);

export const sameTemplate = (a: PodTemplateSpec, b: PodTemplateSpec): boolean => semanticEqual(withoutHash(a), withoutHash(b));
function withoutHash(template: PodTemplateSpec): unknown {
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The oldest set with the Deployment's template, and the others. */
export function splitSets(d: Deployment, sets: readonly ReplicaSet[]): { newSet: ReplicaSet | undefined; oldSets: ReplicaSet[] } {
  const newSet = sets.toSorted(byAge).find((set) => sameTemplate(set.spec.template, d.spec.template));
  return { newSet, oldSets: sets.filter((set) => set !== newSet) };
}

/** Revisions are int64: a number would round the large ones. */
export const revisionOf = (set: ReplicaSet): bigint => BigInt(/^\d+$/.exec(set.metadata.annotations?.[revisionAnnotation] ?? "")?.[0] ?? 0);
export function nextRevision(oldSets: readonly ReplicaSet[]): bigint {
  let latest = 0n;
  for (const set of oldSets) if (revisionOf(set) > latest) latest = revisionOf(set);
  return latest + 1n;
}
export const byRevision = (a: ReplicaSet, b: ReplicaSet): number => (revisionOf(a) < revisionOf(b) ? -1 : revisionOf(a) > revisionOf(b) ? 1 : 0);

/** Annotations of the new set: the Deployment's, with its revision; an older revision of its own goes to the history. */
export function setAnnotations(d: Deployment, present: Record<string, string> = {}, revision: bigint): Record<string, string> {
  const annotations = { ...present };
  for (const [key, value] of Object.entries(d.metadata.annotations ?? {})) if (!notCopied.has(key)) annotations[key] = value;
  const old = annotations[revisionAnnotation];
  if (old !== undefined && old !== "" && !/^\d+$/.test(old)) return annotations;
  if (BigInt(old || 0) >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  if (old === undefined) return annotations;
  const history = annotations[revisionHistoryAnnotation];
  const revisions = history ? [...history.split(","), old] : [old];
  while (revisions.length > 1 && revisions.join(",").length > maxHistory) revisions.shift();
  annotations[revisionHistoryAnnotation] = revisions.join(",");
  return annotations;
}

export const replicaAnnotations = (d: Deployment): Record<string, string> => ({
  [desiredReplicasAnnotation]: String(wantedOf(d)),
  [maxReplicasAnnotation]: String(wantedOf(d) + maxSurge(d)),
});

/** The ReplicaSet to create for the Deployment's template. Its name depends on the template only, so that it is made once. */
export function draftSet(d: Deployment, oldSets: readonly ReplicaSet[], revision: bigint): ReplicaSet {
  const hash = templateHash(d.spec.template, d.status?.collisionCount);
  const labels = { ...d.spec.template.metadata?.labels, [hashLabel]: hash };
  return {
    metadata: {
      name: `${d.metadata.name.slice(0, 253 - 1 - hash.length)}-${hash}`,
      namespace: d.metadata.namespace,
      ownerReferences: [newControllerRef(d, "apps/v1", "Deployment")],
      labels,
      annotations: { ...setAnnotations(d, {}, revision), ...replicaAnnotations(d) },
    },
    spec: {
      replicas: newSetSize(d, 0, totalWanted(oldSets)),
      minReadySeconds: d.spec.minReadySeconds,
      selector: { ...d.spec.selector, matchLabels: { ...d.spec.selector?.matchLabels, [hashLabel]: hash } },
      template: { ...d.spec.template, metadata: { ...d.spec.template.metadata, labels } },
    },
  } as unknown as ReplicaSet;
}
