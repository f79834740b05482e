/** The resize subresource: cpu and memory of a pod's containers, and of the pod, in place (KEP-1287, KEP-5419). */
import { type FieldError, forbiddenField, invalidValue, path } from "../field.ts";
import type { UpdateStrategy } from "../kind.ts";
import type { Container, Pod, PodSpec, ResourceRequirements } from "../types/core-v1.gen.ts";
import { validateMetadataUpdate } from "./object-meta.ts";
import { mirrorAnnotation } from "./pod-annotations.ts";
import { dropDisabledPodFields } from "./pod-drop-disabled.ts";
import { computePodQos, podQos } from "./pod-qos.ts";
import { isSidecar } from "./pod-resources.ts";
import { forbiddenPod, updateOptions } from "./pod-update.ts";
import { validatePodMetadataAndSpec } from "./pod-validation.ts";
import type { ResourceList } from "./resource-list.ts";
import { semanticEqual } from "./semantic.ts";

const specPath = path("spec");
const lists = ["containers", "initContainers"] as const;

/** What a subresource that is not about metadata leaves as it was. */
export function keepMetadata(pod: Pod, old: Pod): void {
  const { deletionTimestamp, generation, selfLink, labels, annotations, finalizers, ownerReferences } = old.metadata;
  Object.assign(pod.metadata, { deletionTimestamp, generation, selfLink, labels, annotations, finalizers, ownerReferences });
}

/** Undefined where the containers are not the same ones: validation will say so. */
function onlyResources(now: Container[] | undefined, old: Container[] | undefined): Container[] | undefined {
  if (now?.some((container, i) => container.name !== old![i]!.name)) return now;
  return old?.map((container, i) => {
    const { resources, resizePolicy } = now![i]!;
    const { resizePolicy: _, ...kept } = container;
    return resizePolicy ? { ...kept, resources, resizePolicy } : { ...kept, resources };
  });
}

function prepareForUpdate(pod: Pod, old: Pod): void {
  const { spec } = pod;
  if (lists.every((list) => (spec[list]?.length ?? 0) === (old.spec[list]?.length ?? 0))) {
    const { resources: _, ...kept } = old.spec;
    pod.spec = { ...kept, containers: onlyResources(spec.containers, old.spec.containers)! };
    if (old.spec.initContainers) pod.spec.initContainers = onlyResources(spec.initContainers, old.spec.initContainers);
    if (spec.resources) pod.spec.resources = spec.resources;
    pod.status = old.status;
    keepMetadata(pod, old);
  }
  dropDisabledPodFields(pod.spec, old.spec);
  if (!semanticEqual(pod.spec, old.spec)) pod.metadata.generation = (pod.metadata.generation ?? 0) + 1;
}

const removed = (now: ResourceList | undefined, old: ResourceList | undefined): boolean => Object.keys(old ?? {}).some((name) => now?.[name] === undefined);

/** The new list with the old cpu and memory: what is left of the difference is what may not change. */
function withOldCompute(now: ResourceList | undefined, old: ResourceList | undefined): ResourceList | undefined {
  const { cpu: _, memory: __, ...rest } = now ?? {};
  const list: ResourceList = rest;
  if (old?.cpu !== undefined) list.cpu = old.cpu;
  if (old?.memory !== undefined) list.memory = old.memory;
  return Object.keys(list).length ? list : undefined;
}

const comparable = (now: ResourceRequirements, old: ResourceRequirements | undefined): ResourceRequirements => ({
  limits: withOldCompute(now.limits, old?.limits),
  requests: withOldCompute(now.requests, old?.requests),
});

/** `limits: {}` and no limits at all are the same here. */
function sameContainer(now: Container, old: Container): boolean {
  const plain = (container: Container): Container => ({ ...container, resources: comparable(container.resources, container.resources) });
  return semanticEqual(plain(now), plain(old));
}

function validateOrder(spec: PodSpec, old: PodSpec): FieldError[] {
  return lists.flatMap((list) => {
    const now = spec[list] ?? [];
    const before = old[list] ?? [];
    if (now.length !== before.length) return [forbiddenField(specPath.child(list), `${list} may not be added or removed on resize`)];
    return before.flatMap((container, i) => {
      const at = specPath.child(list).index(i).child("name");
      return now[i]!.name === container.name ? [] : [forbiddenField(at, `${list} may not be renamed or reordered on resize`)];
    });
  });
}

const hasAny = (resources: ResourceRequirements | undefined): boolean =>
  Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;

function validatePodLevel(spec: PodSpec, old: PodSpec): FieldError[] {
  const at = specPath.child("resources");
  if (!hasAny(spec.resources) && !hasAny(old.resources)) return [];
  if (old.resources && !spec.resources) return [forbiddenField(at, "pod-level resources cannot be removed")];
  const errors: FieldError[] = [];
  if (removed(spec.resources?.requests, old.resources?.requests))
    errors.push(forbiddenField(at.child("requests"), "pod-level resource requests cannot be removed"));
  if (removed(spec.resources?.limits, old.resources?.limits)) errors.push(forbiddenField(at.child("limits"), "pod-level resource limits cannot be removed"));
  const rest = comparable(spec.resources!, old.resources);
  if (!semanticEqual({ ...rest, claims: spec.resources?.claims }, { ...comparable(old.resources ?? {}, old.resources), claims: old.resources?.claims }))
    errors.push(forbiddenField(specPath, "only cpu and memory resources are mutable at pod-level"));
  return errors;
}

function validateMutable(spec: PodSpec, old: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, container] of (spec.containers ?? []).entries()) {
    const before = old.containers[i]!;
    if (!sameContainer({ ...container, resources: comparable(container.resources, before.resources) }, before))
      errors.push(forbiddenField(specPath, "only cpu and memory resources are mutable"));
  }
  for (const [i, container] of (spec.initContainers ?? []).entries()) {
    const before = old.initContainers![i]!;
    const at = specPath.child("initContainers").index(i);
    if (!sameContainer({ ...container, resources: comparable(container.resources, before.resources) }, before))
      errors.push(forbiddenField(at, "only cpu and memory resources for init or sidecar containers are mutable"));
    if (isSidecar(container) || sameContainer(container, before)) continue;
    for (const policy of container.resizePolicy ?? []) {
      if (policy.restartPolicy === "RestartContainer")
        errors.push(forbiddenField(at, "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"));
    }
  }
  return errors;
}

function validateUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors = [...validateMetadataUpdate(pod.metadata, old.metadata), ...validatePodMetadataAndSpec(pod, updateOptions(old))];
  if (old.metadata.annotations?.[mirrorAnnotation] !== undefined) return [forbiddenPod("static pods cannot be resized")];
  if (old.spec.os?.name === "windows") return [forbiddenPod("windows pods cannot be resized")];
  if (podQos(old) !== computePodQos(pod.spec))
    errors.push(invalidValue(specPath, pod.status?.qosClass ?? "", "Pod QOS Class may not change as a result of resizing"));
  const running = (old.status?.containerStatuses ?? []).find((status) => status.state?.running);
  if (running && !running.resources) errors.push(forbiddenField(specPath, "Pod running on node without support for resize"));
  errors.push(...validatePodLevel(pod.spec, old.spec));
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length)
    errors.push(forbiddenField(specPath, "pods with node allocatable resource claims cannot be resized"));
  const order = validateOrder(pod.spec, old.spec);
  errors.push(...order);
  if (order.length) return errors;
  for (const list of ["initContainers", "containers"] as const) {
    for (const [i, before] of (old.spec[list] ?? []).entries()) {
      const at = specPath.child(list).index(i).child("resources");
      const now = pod.spec[list]![i]!.resources;
      if (removed(now.requests, before.resources.requests)) errors.push(forbiddenField(at.child("requests"), "resource requests cannot be removed"));
      if (removed(now.limits, before.resources.limits)) errors.push(forbiddenField(at.child("limits"), "resource limits cannot be removed"));
    }
  }
  errors.push(...validateMutable(pod.spec, old.spec));
  if (errors.length) return errors;
  const rest = ({ containers: _, initContainers: __, resources: ___, ...others }: PodSpec): unknown => others;
  return semanticEqual(rest(pod.spec), rest(old.spec)) ? [] : [forbiddenField(specPath, "only cpu and memory resources are mutable")];
}

export const podResizeStrategy: UpdateStrategy<Pod> = { prepareForUpdate, validateUpdate };
