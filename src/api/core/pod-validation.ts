/** Validation of pods as they are created, and what creation and updates share. */
import { type FieldError, forbiddenField, path } from "../field.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { Pod } from "../types/core-v1.gen.ts";
import { validateImageBlanks } from "./container.ts";
import { validateMetadata } from "./object-meta.ts";
import { validatePodAnnotations, validateProfilesMatch } from "./pod-annotations.ts";
import { type PodValidationOptions, podValidationOptions } from "./pod-options.ts";
import { validatePodSpec } from "./pod-spec.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const specPath = path("spec");

const annotationsPath = path("metadata", "annotations");
const creationOptions = podValidationOptions(undefined, undefined, true);

/** `known`: the specification was found to be without errors. */
export function validatePodMetadataAndSpec(pod: Pod, options: PodValidationOptions, known = false): FieldError[] {
  const { metadata, spec } = pod;
  const errors = validateMetadata(metadata, rules);
  errors.push(...validatePodAnnotations(metadata.annotations, spec, annotationsPath, options));
  if (known) return errors;
  errors.push(...validatePodSpec(spec, metadata, specPath, options));
  if (!spec.serviceAccountName) {
    for (const [i, volume] of (spec.volumes ?? []).entries()) {
      for (const [j, source] of (volume.projected?.sources ?? []).entries()) {
        const here = specPath.child("volumes").index(i).child("projected", "sources").index(j).child("serviceAccountToken");
        if (source.serviceAccountToken) errors.push(forbiddenField(here, "must not be specified when serviceAccountName is not set"));
      }
    }
  }
  for (const list of ["containers", "initContainers"] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) errors.push(...validateImageBlanks(container, specPath.child(list).index(i)));
  }
  return errors;
}

/** `known`: the specification was found to be without errors. */
export function validatePodCreate(pod: Pod, known = false): FieldError[] {
  const { metadata, spec } = pod;
  const errors = validatePodMetadataAndSpec(pod, creationOptions, known);
  if (spec.ephemeralContainers?.length) errors.push(forbiddenField(specPath.child("ephemeralContainers"), "cannot be set on create"));
  if (spec.nodeName && spec.schedulingGates?.length)
    errors.push(forbiddenField(specPath.child("nodeName"), "cannot be set until all schedulingGates have been cleared"));
  errors.push(...validateProfilesMatch(metadata, spec, specPath));
  return errors;
}
