/** Identity, storage and order of a StatefulSet's pods (pkg/controller/statefulset). Pure. */
import { scaledValue } from "../../api/intstr.ts";
import type { StatefulSet, StatefulSetStatus } from "../../api/types/apps-v1.gen.ts";
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from "../../api/types/core-v1.gen.ts";
import { type Owner, podFromTemplate } from "../runtime/pod-control.ts";
import { isAvailable, isReady, isTerminating } from "../runtime/pods.ts";
import { revisionHashLabel } from "./controller-revisions.ts";

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";

export const startOf = (set: StatefulSet): number => set.spec.ordinals?.start ?? 0;
export const countOf = (set: StatefulSet): number => set.spec.replicas ?? 1;
export const revisionOf = (pod: Pod): string => pod.metadata.labels?.[revisionHashLabel] ?? "";
export const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === "Running" && isReady(pod);

/** Undefined for a name that is not this set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const { name } = pod.metadata;
  const text = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

export const claimName = (template: PersistentVolumeClaim, set: StatefulSet, ordinal: number): string =>
  `${template.metadata.name}-${set.metadata.name}-${ordinal}`;

export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    metadata: {
      ...template.metadata,
      name: claimName(template, set, ordinal),
      namespace: set.metadata.namespace,
      labels: { ...template.metadata.labels, ...set.spec.selector?.matchLabels },
    },
  }));
}

/** The pod of an ordinal with the template of a revision. */
export function statefulPod(set: StatefulSet, owner: Owner, template: PodTemplateSpec, revision: string, ordinal: number): Pod {
  const pod = podFromTemplate(template, owner);
  const { metadata } = pod;
  const labels = { ...metadata.labels, [revisionHashLabel]: revision };
  return withIdentity(
    set,
    {
      ...pod,
      metadata: { ...metadata, name: `${set.metadata.name}-${ordinal}`, labels },
      spec: { ...pod.spec, hostname: `${set.metadata.name}-${ordinal}`, subdomain: set.spec.serviceName || undefined },
    },
    ordinal,
  );
}

/** The pod with what makes it this ordinal: labels and claims. The same object when it has all of it. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const { name, labels = {} } = pod.metadata;
  const claims = new Map((set.spec.volumeClaimTemplates ?? []).map((t) => [t.metadata.name, claimName(t, set, ordinal)]));
  const volumes = pod.spec.volumes ?? [];
  const bound = [...claims].every(([volume, claim]) => volumes.some((v) => v.name === volume && v.persistentVolumeClaim?.claimName === claim));
  if (labels[podNameLabel] === name && labels[podIndexLabel] === String(ordinal) && bound) return pod;
  const added = [...claims].map(([volume, claim]) => ({ name: volume, persistentVolumeClaim: { claimName: claim, readOnly: false } }));
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...labels, [podNameLabel]: name, [podIndexLabel]: String(ordinal) } },
    spec: { ...pod.spec, ...(claims.size ? { volumes: [...added, ...volumes.filter((v) => !claims.has(v.name))] } : {}) },
  } as Pod;
}

/** Ordinals below the partition (or below what is still current) keep the old revision when they are made anew. */
export function keepsCurrent(set: StatefulSet, ordinal: number): boolean {
  const { updateStrategy } = set.spec;
  if (updateStrategy?.type !== "RollingUpdate") return false;
  const { partition } = updateStrategy.rollingUpdate ?? {};
  return ordinal < startOf(set) + (partition ?? set.status?.currentReplicas ?? 0);
}

/** Old pods to delete now, highest ordinal first, leaving at most maxUnavailable pods of the set unavailable. */
export function nextToUpdate(set: StatefulSet, replicas: readonly (Pod | undefined)[], revision: string, now: number): Pod[] {
  const { updateStrategy, minReadySeconds = 0 } = set.spec;
  if (updateStrategy?.type === "OnDelete") return [];
  const { partition = 0, maxUnavailable = 1 } = updateStrategy?.rollingUpdate ?? {};
  const limit = Math.max(1, scaledValue(maxUnavailable, countOf(set), false));
  const isUnavailable = (pod: Pod | undefined): boolean => !pod || isTerminating(pod) || !isAvailable(pod, minReadySeconds, now);
  let unavailable = replicas.filter(isUnavailable).length;
  const chosen: Pod[] = [];
  for (let i = replicas.length - 1; i >= partition; i--) {
    const pod = replicas[i];
    if (!pod || isTerminating(pod) || revisionOf(pod) === revision) continue;
    if (!isUnavailable(pod)) {
      if (unavailable >= limit) break;
      unavailable++;
    }
    chosen.push(pod);
    if (chosen.length >= limit) break;
  }
  return chosen;
}

export function statefulStatus(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: { current: string; update: string; collisionCount: number },
  now: number,
): StatefulSetStatus {
  const { minReadySeconds = 0 } = set.spec;
  const live = pods.filter((pod) => !isTerminating(pod));
  const status: StatefulSetStatus = {
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: pods.filter(isRunningAndReady).length,
    availableReplicas: pods.filter((pod) => isRunningAndReady(pod) && isAvailable(pod, minReadySeconds, now)).length,
    currentReplicas: live.filter((pod) => revisionOf(pod) === revisions.current).length,
    updatedReplicas: live.filter((pod) => revisionOf(pod) === revisions.update).length,
    currentRevision: revisions.current,
    updateRevision: revisions.update,
    collisionCount: revisions.collisionCount,
  };
  const wanted = countOf(set);
  const done = status.updatedReplicas === wanted && status.readyReplicas === wanted && status.replicas === wanted;
  return done && set.spec.updateStrategy?.type === "RollingUpdate" ? { ...status, currentReplicas: wanted, currentRevision: revisions.update } : status;
}
