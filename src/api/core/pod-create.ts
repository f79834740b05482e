/** What the server itself puts into a new pod. */
import { formatTime } from "../time.ts";
import type { Pod } from "../types/core-v1.gen.ts";
import type { LabelSelector, LabelSelectorRequirement } from "../types/meta-v1.gen.ts";
import { podAffinityTerms } from "./affinity.ts";
import { appArmorOfAnnotation, appArmorPrefix } from "./pod-annotations.ts";
import { containersOf } from "./pod-containers.ts";
import { dropDisabledPodFields } from "./pod-drop-disabled.ts";
import { podQos } from "./pod-qos.ts";
import { validateAppArmorProfile } from "./security-context.ts";
import { path } from "../field.ts";
import { semanticEqual } from "./semantic.ts";
import { own } from "../../base/table.ts";

/** The pod's own values of those labels become part of the selector. */
function mergeKeys(selector: LabelSelector | undefined, keys: string[] | undefined, operator: string, labels: Record<string, string>): void {
  if (!selector) return;
  const found = (keys ?? []).flatMap((key): LabelSelectorRequirement[] => {
    const value = own(labels, key);
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  if (found.length) selector.matchExpressions = [...(selector.matchExpressions ?? []), ...found];
}

/** Pods whose AppArmor annotations the server has read, with what it has to say about them. */
const appArmorWarnings = new WeakMap<Pod, readonly string[]>();
const none: readonly string[] = [];
export const preparationWarnings = (pod: Pod): readonly string[] => appArmorWarnings.get(pod) ?? none;

/** AppArmor annotations fill the fields that have replaced them. */
function appArmorFromAnnotations(pod: Pod): void {
  if (pod.spec.os?.name === "windows" || !pod.metadata.annotations) return;
  for (const container of containersOf(pod.spec)) {
    const annotation = pod.metadata.annotations[appArmorPrefix + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = appArmorOfAnnotation(annotation);
    const valid = profile && validateAppArmorProfile(profile, path()).length === 0;
    if (valid && semanticEqual(profile, pod.spec.securityContext?.appArmorProfile)) continue;
    if (valid) container.securityContext = { ...container.securityContext, appArmorProfile: profile };
    const at = path("metadata", "annotations").key(appArmorPrefix + container.name);
    appArmorWarnings.set(pod, [...preparationWarnings(pod), `${at}: deprecated since v1.30; use the "appArmorProfile" field instead`]);
  }
}

export function prepareForCreate(pod: Pod, now?: number): void {
  pod.metadata.generation = 1;
  pod.status = { phase: "Pending", qosClass: podQos(pod) };
  dropDisabledPodFields(pod.spec, undefined);
  if (pod.spec.schedulingGates?.length) {
    const message = "Scheduling is blocked due to non-empty scheduling gates";
    const lastTransitionTime = now === undefined ? pod.metadata.creationTimestamp : formatTime(now);
    pod.status.conditions = [{ type: "PodScheduled", status: "False", lastTransitionTime, reason: "SchedulingGated", message }];
  }
  const labels = pod.metadata.labels ?? {};
  for (const term of podAffinityTerms(pod.spec.affinity)) {
    if (!term) continue;
    mergeKeys(term.labelSelector, term.matchLabelKeys, "In", labels);
    mergeKeys(term.labelSelector, term.mismatchLabelKeys, "NotIn", labels);
  }
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) mergeKeys(constraint.labelSelector, constraint.matchLabelKeys, "In", labels);
  appArmorFromAnnotations(pod);
}
