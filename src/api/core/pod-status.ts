/** Reading a pod's status: what controllers, the scheduler and the kubelet ask (pkg/api/v1/pod). */
import type { Container, Pod, PodCondition, PodSpec, PodStatus } from "../types/core-v1.gen.ts";

export const podCondition = (status: PodStatus | undefined, type: string): PodCondition | undefined => status?.conditions?.find((c) => c.type === type);
const isTrue = (pod: Pick<Pod, "status">, type: string): boolean => podCondition(pod.status, type)?.status === "True";

export const isPodReady = (pod: Pick<Pod, "status">): boolean => isTrue(pod, "Ready");
/** Succeeded or Failed: its containers will not run again. */
export const isPodTerminal = (pod: Pick<Pod, "status">): boolean => pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded";

/** Sets a condition, keeping the time of its last change where its status stays; returns whether anything changed. */
export function setPodCondition(status: PodStatus, condition: PodCondition, now: string): boolean {
  const old = podCondition(status, condition.type);
  const next: PodCondition = { ...condition, lastTransitionTime: old && old.status === condition.status ? old.lastTransitionTime : now };
  const keys: (keyof PodCondition)[] = ["status", "reason", "message", "lastProbeTime", "lastTransitionTime", "observedGeneration"];
  if (old && keys.every((key) => (old[key] ?? "") === (next[key] ?? ""))) return false;
  status.conditions = old ? status.conditions!.map((c) => (c === old ? next : c)) : [...(status.conditions ?? []), next];
  return true;
}

/**
 * What is merged into a pod's status (a strategic merge patch) to set a condition: what it said before goes, the time of its
 * last change stays where its status does. Undefined where it says so already, whatever generation that was about.
 */
export function podConditionPatch({ status }: Pod, condition: PodCondition, now: string): { conditions: object[] } | undefined {
  const old = podCondition(status, condition.type);
  if (old && old.status === condition.status && (old.reason ?? "") === (condition.reason ?? "") && (old.message ?? "") === (condition.message ?? ""))
    return undefined;
  const next = { ...condition, lastTransitionTime: old?.status === condition.status ? old.lastTransitionTime : now };
  const gone = Object.entries(old ?? {}).flatMap(([key, value]) => (value === null || key in next ? [] : [key]));
  return { conditions: [{ ...next, ...Object.fromEntries(gone.map((key) => [key, null])) }] };
}

const ruleMatches = (container: Container, exitCode: number): string | undefined =>
  container.restartPolicyRules?.find((rule) => {
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false;
    return rule.exitCodes?.operator === "In" ? listed : rule.exitCodes?.operator === "NotIn" && !listed;
  })?.action;

/** Whether a container that ended with this code starts again: its own rules, its own policy, then the pod's. */
export function containerShouldRestart(container: Container, spec: Pick<PodSpec, "restartPolicy">, exitCode: number): boolean {
  if (ruleMatches(container, exitCode)?.startsWith("Restart")) return true;
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** A container whose end may restart every container of the pod. */
export const mayRestartAllContainers = (spec: Pick<PodSpec, "containers" | "initContainers">): boolean =>
  [...(spec.initContainers ?? []), ...spec.containers].some((c) => c.restartPolicyRules?.some((rule) => rule.action === "RestartAllContainers"));
