/** What the server itself puts into a new pod. */
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

/** The pod's own values of those labels become part of the selector. */
function mergeKeys(selector: LabelSelector | undefined, keys: string[] | undefined, operator: string, labels: Record<string, string>): void {
  if (!selector) return;
  const found = (keys ?? []).flatMap((key): LabelSelectorRequirement[] => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  if (found.length) selector.matchExpressions = [...(selector.matchExpressions ?? []), ...found];
}

/** AppArmor annotations fill the fields that have replaced them. */
function appArmorFromAnnotations(pod: Pod): void {
  if (pod.spec.os?.name === "windows" || !pod.metadata.annotations) return;
  for (const container of containersOf(pod.spec)) {
    const annotation = pod.metadata.annotations[appArmorPrefix + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = appArmorOfAnnotation(annotation);
    if (!profile || validateAppArmorProfile(profile, path()).length || semanticEqual(profile, pod.spec.securityContext?.appArmorProfile)) continue;
    container.securityContext = { ...container.securityContext, appArmorProfile: profile };
  }
}

export function prepareForCreate(pod: Pod): void {
  pod.metadata.generation = 1;
  const qosClass = podQos({ spec: pod.spec, status: { qosClass: pod.status?.qosClass } });
  pod.status = { phase: "Pending", qosClass };
  dropDisabledPodFields(pod.spec, undefined);
  if (pod.spec.schedulingGates?.length) {
    const message = "Scheduling is blocked due to non-empty scheduling gates";
    // Upstream writes the condition's times as null.
    const times = { lastProbeTime: null, lastTransitionTime: null } as object;
    pod.status.conditions = [{ type: "PodScheduled", status: "False", ...times, reason: "SchedulingGated", message }];
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
