/** Annotations of pods that mean something to the system, most of them in a field's stead before the field existed. */
import { type FieldError, forbiddenField, invalidValue, type Path } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import type { AppArmorProfile, Pod, PodSpec, SeccompProfile, Toleration } from "../types/core-v1.gen.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { validateLocalDescendingPath } from "./checks.ts";
import { containersOf, visitContainers } from "./pod-containers.ts";
import { annotationList } from "./annotation-list.ts";
import { validateTolerations } from "./tolerations.ts";

type Annotations = Record<string, string>;
export const mirrorAnnotation = "kubernetes.io/config.mirror";
const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";
const tolerationsAnnotation = "scheduler.alpha.kubernetes.io/tolerations";
const tolerationFields = {
  Key: "string",
  Operator: "core.TolerationOperator",
  Value: "string",
  Effect: "core.TaintEffect",
  TolerationSeconds: "int64",
};
export const seccompPodAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
export const seccompContainerPrefix = "container.seccomp.security.alpha.kubernetes.io/";
export const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

/** Neither a plus sign nor leading zeros, 32 bits. */
export function hasInvalidDeletionCost(annotations: Annotations | undefined): boolean {
  const text = annotations?.[deletionCostAnnotation];
  if (text === undefined) return false;
  const value = Number(text);
  return !/^(?:-[0-9]+|0|[1-9][0-9]*)$/.test(text) || value < -(2 ** 31) || value >= 2 ** 31;
}

function validateTolerationsAnnotation(annotations: Annotations, at: Path, options: AnnotationOptions): FieldError[] {
  const text = annotations[tolerationsAnnotation];
  if (!text) return [];
  const read = annotationList<Toleration>(text, "core.Toleration", tolerationFields);
  if (typeof read === "string") return [invalidValue(at, tolerationsAnnotation, read)];
  return validateTolerations(read, at.child(tolerationsAnnotation), options);
}

const localhost = "localhost/";
const seccompNames = ["runtime/default", "docker/default", "unconfined"];

function validateSeccompName(profile: string, at: Path): FieldError[] {
  if (seccompNames.includes(profile)) return [];
  if (profile.startsWith(localhost)) return validateLocalDescendingPath(profile.slice(localhost.length), at);
  return [invalidValue(at, profile, "must be a valid seccomp profile")];
}

export interface AnnotationOptions {
  allowInvalidDeletionCost?: boolean;
  allowComparingTolerations?: boolean;
}

export function validatePodAnnotations(annotations: Annotations | undefined, spec: PodSpec, at: Path, options: AnnotationOptions): FieldError[] {
  if (!annotations) return [];
  const errors: FieldError[] = [];
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName)
    errors.push(invalidValue(at.key(mirrorAnnotation), mirror, "must set spec.nodeName if mirror pod annotation is set"));
  errors.push(...validateTolerationsAnnotation(annotations, at, options));
  if (!options.allowInvalidDeletionCost && hasInvalidDeletionCost(annotations))
    errors.push(invalidValue(at.key(deletionCostAnnotation), annotations[deletionCostAnnotation], "must be a 32bit integer"));
  const ofPod = annotations[seccompPodAnnotation];
  if (ofPod !== undefined) errors.push(...validateSeccompName(ofPod, at.child(seccompPodAnnotation)));
  for (const [key, profile] of Object.entries(annotations)) {
    if (key.startsWith(seccompContainerPrefix)) errors.push(...validateSeccompName(profile, at.child(key)));
  }
  for (const [key, profile] of Object.entries(annotations)) {
    if (!key.startsWith(appArmorPrefix)) continue;
    const name = key.slice(appArmorPrefix.length);
    if (!containersOf(spec).some((container) => container.name === name)) errors.push(invalidValue(at.key(key), name, "container not found"));
    if (profile && profile !== "runtime/default" && profile !== "unconfined" && !profile.startsWith(localhost))
      errors.push(invalidValue(at.key(key), profile, `invalid AppArmor profile name: ${goQuote(profile)}`));
  }
  return errors;
}

/** AppArmor and mirror annotations are fixed when the pod is created. */
export function validatePodAnnotationsUpdate(pod: Pod, old: Pod, at: Path, options: AnnotationOptions): FieldError[] {
  const now = pod.metadata.annotations ?? {};
  const before = old.metadata.annotations ?? {};
  const errors: FieldError[] = [];
  const forbid = (key: string, verb: string): void => {
    if (key.startsWith(appArmorPrefix)) errors.push(forbiddenField(at.key(key), `may not ${verb} AppArmor annotations`));
    if (key === mirrorAnnotation) errors.push(forbiddenField(at.key(key), `may not ${verb} mirror pod annotation`));
  };
  for (const key of Object.keys(before)) if (now[key] !== before[key]) forbid(key, "remove or update");
  for (const key of Object.keys(now)) if (before[key] === undefined) forbid(key, "add");
  return [...errors, ...validatePodAnnotations(now, pod.spec, at, options)];
}

interface Profile {
  type: string;
  localhostProfile?: string;
}

function mismatch(annotation: string, profile: Profile, at: Path, names: Record<string, string[]>, what: string): FieldError[] {
  const wrongType = forbiddenField(at.child("type"), `${what} type in annotation and field must match`);
  const allowed = names[profile.type];
  if (allowed) return allowed.includes(annotation) ? [] : [wrongType];
  if (profile.type !== "Localhost") return [];
  if (!annotation.startsWith(localhost)) return [wrongType];
  if (annotation.slice(localhost.length) === profile.localhostProfile) return [];
  return [forbiddenField(at.child("localhostProfile"), `${what} profile in annotation and field must match`)];
}

const seccompTypes = { Unconfined: ["unconfined"], RuntimeDefault: ["runtime/default", "docker/default"] };
const appArmorTypes = { Unconfined: ["unconfined"], RuntimeDefault: ["runtime/default"] };

/** A profile given twice, as an annotation and as a field, must be the same. */
export function validateProfilesMatch(meta: Pick<ObjectMeta, "annotations"> | undefined, spec: PodSpec, specPath: Path): FieldError[] {
  const annotations = meta?.annotations;
  if (!annotations) return [];
  const errors: FieldError[] = [];
  const compare = (key: string, profile: SeccompProfile | AppArmorProfile | undefined, at: Path, names: Record<string, string[]>, what: string): void => {
    const annotation = annotations[key];
    if (profile && annotation !== undefined) errors.push(...mismatch(annotation, profile, at, names, what));
  };
  compare(seccompPodAnnotation, spec.securityContext?.seccompProfile, specPath.child("securityContext", "seccompProfile"), seccompTypes, "seccomp");
  visitContainers(spec, specPath, (container, at) => {
    const own = container.securityContext?.seccompProfile;
    compare(seccompContainerPrefix + container.name, own, at.child("securityContext", "seccompProfile"), seccompTypes, "seccomp");
  });
  if (spec.os?.name === "windows") return errors;
  visitContainers(spec, specPath, (container, at) => {
    const own = container.securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    compare(appArmorPrefix + container.name, own, at.child("securityContext", "appArmorProfile"), appArmorTypes, "apparmor");
  });
  return errors;
}

/** The field that an AppArmor annotation means, where it means one. */
export function appArmorOfAnnotation(annotation: string): AppArmorProfile | undefined {
  if (annotation === "unconfined") return { type: "Unconfined" };
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  const profile = annotation.startsWith(localhost) ? annotation.slice(localhost.length) : "";
  return profile ? { type: "Localhost", localhostProfile: profile } : undefined;
}
