/** The pod that a Job creates, with what belongs to its index. Pure. */
import type { Job } from "../../api/types/batch-v1.gen.ts";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import { type Owner, podFromTemplate } from "../runtime/pod-control.ts";
import { completionIndexKey } from "./job-indexes.ts";
import { judgeFailure } from "./job-policy.ts";
import { failureCountKey, ignoredFailureCountKey, trackingFinalizer } from "./job-state.ts";

const indexVariable = "JOB_COMPLETION_INDEX";

/** `replaced` is the failed pod of the same index, whose count goes on. */
export function jobPod(job: Job, owner: Owner, index: number | undefined, replaced: Pod | undefined): Pod {
  const pod = podFromTemplate(job.spec.template, owner);
  const finalizers = [...(pod.metadata.finalizers ?? []).filter((f) => f !== trackingFinalizer), trackingFinalizer];
  if (index === undefined) return { ...pod, metadata: { ...pod.metadata, finalizers } };
  const suffix = `-${index}-`;
  const counts = job.spec.backoffLimitPerIndex === undefined ? {} : failureCounts(job, replaced);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: job.metadata.name.slice(0, 58 - suffix.length) + suffix,
      finalizers,
      labels: { ...pod.metadata.labels, [completionIndexKey]: String(index) },
      annotations: { ...pod.metadata.annotations, [completionIndexKey]: String(index), ...counts },
    },
    spec: {
      ...pod.spec,
      hostname: `${job.metadata.name}-${index}`,
      containers: pod.spec.containers.map(withIndex),
      ...(pod.spec.initContainers ? { initContainers: pod.spec.initContainers.map(withIndex) } : {}),
    },
  };
}

function withIndex(container: Container): Container {
  if (container.env?.some((v) => v.name === indexVariable)) return container;
  const variable = { name: indexVariable, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${completionIndexKey}']` } } };
  return { ...container, env: [...(container.env ?? []), variable] } as Container;
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  const old = (key: string): number => Number(replaced?.metadata.annotations?.[key] ?? 0);
  const counts = replaced !== undefined && judgeFailure(job, replaced).counts;
  const ignored = old(ignoredFailureCountKey) + (replaced && !counts ? 1 : 0);
  return { [failureCountKey]: String(old(failureCountKey) + (counts ? 1 : 0)), ...(ignored ? { [ignoredFailureCountKey]: String(ignored) } : {}) };
}
