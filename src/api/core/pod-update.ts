/** What may change in a pod after its creation, through the pod itself and its ephemeral containers. */
import { type FieldError, forbiddenField, invalidValue, path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { inclusiveRangeError } from "../names.ts";
import type { Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec } from "../types/core-v1.gen.ts";
import { maxInt32 } from "./checks.ts";
import { goDiff } from "./go-diff.ts";
import { internalForm } from "./internal-types.ts";
import { validateMetadataUpdate } from "./object-meta.ts";
import { mirrorAnnotation, validatePodAnnotationsUpdate } from "./pod-annotations.ts";
import { type PodValidationOptions, podValidationOptions } from "./pod-options.ts";
import { validatePodMetadataAndSpec } from "./pod-validation.ts";
import { semanticEqual } from "./semantic.ts";
import { validateOnlyAddedTolerations } from "./tolerations.ts";

const specPath = path("spec");
const annotationsPath = path("metadata", "annotations");
const updatable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

/** An error about a pod as a whole. */
export const forbiddenPod = (why: string): FieldError => forbiddenField("[]", why);

export const updateOptions = (old: Pod): PodValidationOptions => podValidationOptions(old.spec, old.metadata, true);

/** Undefined: their number changed, and nothing else is looked at. */
function validateImages(list: "containers" | "initContainers", pod: Pod, old: Pod): FieldError[] | undefined {
  const at = specPath.child(list);
  const now = pod.spec[list] ?? [];
  if (now.length !== (old.spec[list] ?? []).length) return undefined;
  return now.flatMap((container, i) => {
    const here = at.index(i).child("image");
    const image = container.image ?? "";
    if (!image) return [required(here)];
    return image.trim() === image ? [] : [invalidValue(here, image, "must not have leading or trailing whitespace")];
  });
}

/** Undefined: valid. `stop`: nothing else is looked at. */
function validateDeadline(spec: PodSpec, old: PodSpec): { error: FieldError; stop: boolean } | undefined {
  const at = specPath.child("activeDeadlineSeconds");
  const now = spec.activeDeadlineSeconds;
  const before = old.activeDeadlineSeconds;
  if (now === undefined) {
    const error = invalidValue(at, null, "must not update from a positive integer to nil value");
    return before === undefined ? undefined : { error, stop: false };
  }
  if (now < 0 || now > maxInt32) return { error: invalidValue(at, now, inclusiveRangeError(0, maxInt32)), stop: true };
  if (before !== undefined && before < now) return { error: invalidValue(at, now, "must be less than or equal to previous value"), stop: true };
  return undefined;
}

function validateGates(spec: PodSpec, old: PodSpec): FieldError[] {
  const known = new Set((old.schedulingGates ?? []).map((gate) => gate.name));
  const added = new Map((spec.schedulingGates ?? []).map((gate, i) => [gate.name, i]));
  return [...added].flatMap(([name, i]) => {
    const here = specPath.child("schedulingGates").index(i).child("name");
    return known.has(name) ? [] : [forbiddenField(here, `only deletion is allowed, but found new scheduling gate '${name}'`)];
  });
}

function onlyAdds(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const size = (t: NodeSelectorTerm): number => (t.matchExpressions?.length ?? 0) + (t.matchFields?.length ?? 0);
  if (size(old) === 0 && size(term) > 0) return false;
  return (["matchExpressions", "matchFields"] as const).every((list) => {
    const before = old[list] ?? [];
    return semanticEqual((term[list] ?? []).slice(0, before.length), before);
  });
}

function validateNodeAffinityChange(now: NodeAffinity | undefined, old: NodeAffinity | undefined): FieldError[] {
  const before = old?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (!before.length) return [];
  const terms = now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const at = specPath.child("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution").child("nodeSelectorTerms");
  const shown = (term: NodeSelectorTerm): unknown => internalForm("NodeSelectorTerm", term);
  if (terms.length !== before.length) {
    const value = terms.length ? terms.map(shown) : null;
    return [invalidValue(at, value, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")];
  }
  return before.flatMap((term, i) =>
    onlyAdds(terms[i]!, term) ? [] : [invalidValue(at.index(i), shown(terms[i]!), "only additions are allowed (no mutations or deletions)")],
  );
}

/** While gated, a pod's choice of nodes may be narrowed. What was checked here is put back to what it was. */
function narrowNodes(munged: PodSpec, old: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!semanticEqual(munged.nodeSelector, old.nodeSelector)) {
    const kept = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => munged.nodeSelector?.[key] === value);
    const why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    if (!kept) errors.push(invalidValue(specPath.child("nodeSelector"), munged.nodeSelector ?? null, why));
    munged.nodeSelector = old.nodeSelector;
  }
  const before = old.affinity?.nodeAffinity;
  if (semanticEqual(before, munged.affinity?.nodeAffinity)) return errors;
  errors.push(...validateNodeAffinityChange(munged.affinity?.nodeAffinity, before));
  if (!munged.affinity) munged.affinity = { nodeAffinity: before };
  else if (!old.affinity && !munged.affinity.podAffinity && !munged.affinity.podAntiAffinity) munged.affinity = undefined;
  else munged.affinity = { ...munged.affinity, nodeAffinity: before };
  return errors;
}

const withOldImages = (now: Container[] | undefined, old: Container[] | undefined): Container[] | undefined =>
  now?.length ? now.map((container, i) => ({ ...container, image: old![i]!.image })) : undefined;

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const options = updateOptions(old);
  const { spec } = pod;
  const before = old.spec;
  const errors = [
    ...validateMetadataUpdate(pod.metadata, old.metadata),
    ...validatePodMetadataAndSpec(pod, options),
    ...validatePodAnnotationsUpdate(pod, old, annotationsPath, options),
  ];
  for (const list of ["containers", "initContainers"] as const) {
    const wrong = validateImages(list, pod, old);
    if (!wrong) return [...errors, forbiddenField(specPath.child(list), "pod updates may not add or remove containers")];
    errors.push(...wrong);
  }
  const deadline = validateDeadline(spec, before);
  if (deadline) errors.push(deadline.error);
  if (deadline?.stop) return errors;
  errors.push(...validateOnlyAddedTolerations(spec.tolerations, before.tolerations, specPath.child("tolerations"), options));
  errors.push(...validateGates(spec, before));
  if (semanticEqual(spec, before)) return errors;
  const munged: PodSpec = {
    ...spec,
    containers: withOldImages(spec.containers, before.containers)!,
    initContainers: withOldImages(spec.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
  };
  const grace = before.terminationGracePeriodSeconds;
  if (grace !== undefined && grace < 0 && munged.terminationGracePeriodSeconds === 1) munged.terminationGracePeriodSeconds = grace;
  if (before.schedulingGates?.length) errors.push(...narrowNodes(munged, before));
  if (!semanticEqual(munged, before)) {
    const diff = goDiff(internalForm("PodSpec", before), internalForm("PodSpec", munged));
    errors.push(forbiddenField(specPath, `pod updates may not change fields other than ${updatable}\n${diff}`));
  }
  return errors;
}

/** Ephemeral containers may only be added. */
export function validateEphemeralContainersUpdate(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata.annotations?.[mirrorAnnotation] !== undefined) return [forbiddenPod("static pods do not support ephemeral containers")];
  const options = updateOptions(old);
  const errors = [
    ...validateMetadataUpdate(pod.metadata, old.metadata),
    ...validatePodMetadataAndSpec(pod, options),
    ...validatePodAnnotationsUpdate(pod, old, annotationsPath, options),
  ];
  const at = specPath.child("ephemeralContainers");
  for (const before of old.spec.ephemeralContainers ?? []) {
    const now = (pod.spec.ephemeralContainers ?? []).findLast((container) => container.name === before.name);
    const named = `existing ephemeral containers ${goQuote(before.name)}`;
    if (!now) errors.push(forbiddenField(at, `${named} may not be removed\n`));
    else if (!semanticEqual(before, now)) {
      const diff = goDiff(internalForm("EphemeralContainer", before), internalForm("EphemeralContainer", now));
      errors.push(forbiddenField(at, `${named} may not be changed\n${diff}`));
    }
  }
  return errors;
}
