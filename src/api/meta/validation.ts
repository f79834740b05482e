/**
 * Validation of metadata with upstream's messages, in upstream's order (k8s.io/apimachinery/pkg/api/validation/
 * objectmeta.go). Upstream walks maps in random order, this in the order of the keys.
 */
import { isDeepStrictEqual } from "node:util";
import { type FieldError, forbiddenField, invalidValue, type Path, required, tooLong, invalidNamed } from "../field.ts";
import { goQuoteList } from "../go-quote.ts";
import { parseGroupVersion } from "../group-version.ts";
import { zeroTime } from "../time.ts";
import { isQualifiedName, longerThan } from "../names.ts";
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from "../types/meta-v1.gen.ts";
import { validateLabels } from "./labels.ts";
import { type NameRule, nameIsDNSLabel } from "./names.ts";

export const annotationsSizeLimit = 256 * 1024;
const immutableMessage = "field is immutable";

export interface ObjectMetaRules {
  namespaced: boolean;
  validateName: NameRule;
}

/** For an object about to be created: name generation, uid and timestamps are done. */
export function validateObjectMeta(meta: ObjectMeta, rules: ObjectMetaRules, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (meta.generateName)
    for (const message of rules.validateName(meta.generateName, true)) errors.push(invalidValue(path.child("generateName"), meta.generateName, message));
  if (!meta.name) errors.push(required(path.child("name"), "name or generateName is required"));
  else for (const message of rules.validateName(meta.name, false)) errors.push(invalidValue(path.child("name"), meta.name, message));
  const namespace = meta.namespace;
  if (!rules.namespaced) {
    if (namespace) errors.push(forbiddenField(path.child("namespace"), "not allowed on this type"));
  } else if (!namespace) errors.push(required(path.child("namespace")));
  else for (const message of nameIsDNSLabel(namespace, false)) errors.push(invalidValue(path.child("namespace"), namespace, message));
  if ((meta.generation ?? 0) < 0) errors.push(invalidValue(path.child("generation"), meta.generation, "must be greater than or equal to 0"));
  if (meta.labels) errors.push(...validateLabels(meta.labels, path.child("labels")));
  if (meta.annotations) errors.push(...validateAnnotations(meta.annotations, path.child("annotations")));
  if (meta.ownerReferences) errors.push(...validateOwnerReferences(meta.ownerReferences, path.child("ownerReferences")));
  if (meta.finalizers) errors.push(...validateFinalizers(meta.finalizers, path.child("finalizers")));
  if (meta.managedFields) errors.push(...validateManagedFields(meta.managedFields, path.child("managedFields")));
  return errors;
}

/** What no update changes, and what stands for it where it is not set. */
const kept: readonly { field: keyof ObjectMeta; absent: "" | null }[] = [
  { field: "name", absent: "" },
  { field: "namespace", absent: "" },
  { field: "uid", absent: "" },
  { field: "creationTimestamp", absent: null },
  { field: "deletionTimestamp", absent: null },
  { field: "deletionGracePeriodSeconds", absent: null },
];

export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) errors.push(...validateNoNewFinalizers(meta.finalizers ?? [], old.finalizers ?? [], path.child("finalizers")));
  if (!meta.resourceVersion) errors.push(invalidValue(path.child("resourceVersion"), meta.resourceVersion ?? "", "must be specified for an update"));
  if ((meta.generation ?? 0) < (old.generation ?? 0)) errors.push(invalidValue(path.child("generation"), meta.generation ?? 0, "must not be decremented"));
  for (const { field, absent } of kept) {
    const value = meta[field] ?? absent;
    // A zero time is told as it is written.
    if (value !== (old[field] ?? absent)) errors.push(invalidValue(path.child(field), value === zeroTime ? null : value, immutableMessage));
  }
  if (meta.labels && meta.labels !== old.labels) errors.push(...validateLabels(meta.labels, path.child("labels")));
  if (meta.annotations && meta.annotations !== old.annotations) errors.push(...validateAnnotations(meta.annotations, path.child("annotations")));
  if (meta.ownerReferences) errors.push(...validateOwnerReferences(meta.ownerReferences, path.child("ownerReferences")));
  if (meta.managedFields) errors.push(...validateManagedFields(meta.managedFields, path.child("managedFields")));
  return errors;
}

/** Structural equality: absent counts as undefined, not as empty. */
export function validateImmutableField(value: unknown, old: unknown, path: Path): FieldError[] {
  return value === old || isDeepStrictEqual(value, old) ? [] : [invalidValue(path, value, immutableMessage)];
}

export function validateAnnotations(annotations: Record<string, string>, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const key of Object.keys(annotations)) {
    for (const message of isQualifiedName(key.toLowerCase())) errors.push(invalidValue(path, key, message));
    size += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] as string);
  }
  if (size > annotationsSizeLimit) errors.push(tooLong(path, annotationsSizeLimit));
  return errors;
}

/** Characters of errors that each show the whole of a list or a text, after which no further one is made of it. */
const mostShown = 1 << 20;

export function validateOwnerReferences(references: readonly OwnerReference[], path: Path): FieldError[] {
  const errors: FieldError[] = [];
  let controller = "";
  let shown = 0;
  for (const reference of references) {
    errors.push(...validateOwnerReference(reference, path));
    if (!reference.controller) continue;
    const name = `${reference.kind}/${reference.name}`;
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
    if (controller === "") controller = name;
    else if (shown < mostShown) {
      const error = invalidValue(path, references, why);
      shown += error.body.length;
      errors.push(error);
    }
  }
  return errors;
}

function validateOwnerReference(reference: OwnerReference, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { apiVersion = "", kind = "", name = "", uid = "" } = reference;
  // More than one slash is no group and version at all.
  const version = parseGroupVersion(apiVersion)?.version;
  if (!version) errors.push(invalidValue(path.child("apiVersion"), apiVersion, "version must not be empty"));
  if (!kind) errors.push(invalidValue(path.child("kind"), kind, "must not be empty"));
  if (!name) errors.push(invalidValue(path.child("name"), name, "must not be empty"));
  if (!uid) errors.push(invalidValue(path.child("uid"), uid, "must not be empty"));
  if (apiVersion === "v1" && kind === "Event") errors.push(invalidValue(path, reference, "/v1, Kind=Event is disallowed from being an owner"));
  return errors;
}

export const validateFinalizerName = (name: string, path: Path): FieldError[] => isQualifiedName(name).map((message) => invalidValue(path, name, message));

export function validateFinalizers(finalizers: readonly string[], path: Path): FieldError[] {
  const errors = finalizers.flatMap((name) => validateFinalizerName(name, path));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion"))
    errors.push(invalidValue(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  return errors;
}

/** While an object is being deleted, finalizers may only go. */
export function validateNoNewFinalizers(finalizers: readonly string[], old: readonly string[], path: Path): FieldError[] {
  const before = new Set(old);
  const extra = [...new Set(finalizers)].filter((name) => !before.has(name)).sort();
  if (!extra.length) return [];
  return [forbiddenField(path, `no new finalizers can be added if the object is being deleted, found new finalizers ${goQuoteList(extra)}`)];
}

/** Of managedFields entries and of the fieldManager parameter: 128 bytes, printable. */
export function validateFieldManager(manager: string, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (longerThan(manager, 128)) errors.push(tooLong(path, 128));
  let at = 0;
  for (const char of manager) {
    if (errors.length * manager.length > mostShown) break;
    if (char !== " " && !/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) {
      const code = (char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
      errors.push(invalidValue(path, manager, `invalid character U+${code} (at position ${at})`));
    }
    at += Buffer.byteLength(char);
  }
  return errors;
}

export function validateManagedFields(entries: readonly ManagedFieldsEntry[], path: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as ManagedFieldsEntry;
    const good =
      (entry.operation === "Apply" || entry.operation === "Update") &&
      (!entry.fieldsType || entry.fieldsType === "FieldsV1") &&
      /^[!-~ ]{0,128}$/.test(entry.manager ?? "") &&
      (entry.subresource ?? "").length < 86;
    if (good) continue;
    const at = path.index(i);
    if (entry.operation !== "Apply" && entry.operation !== "Update")
      errors.push(invalidNamed(at.child("operation"), entry.operation ?? "", "must be `Apply` or `Update`"));
    if (entry.fieldsType && entry.fieldsType !== "FieldsV1") errors.push(invalidValue(at.child("fieldsType"), entry.fieldsType, "must be `FieldsV1`"));
    errors.push(...validateFieldManager(entry.manager ?? "", at.child("manager")));
    if (longerThan(entry.subresource ?? "", 256)) errors.push(tooLong(at.child("subresource"), 256));
  }
  return errors;
}
