/** Specification of a claim: its own, and in templates that pods and stateful sets hold. */
import { type FieldError, forbiddenField, invalidValue, type Path, required } from "../field.ts";
import { validateLabels, validateLabelSelector } from "../meta/labels.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../meta/names.ts";
import { validateAnnotations } from "../meta/validation.ts";
import { isDNS1123Subdomain } from "../names.ts";
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate, TypedObjectReference } from "../types/core-v1.gen.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { invalidAll, oneOf } from "./checks.ts";
import { validatePositiveQuantity } from "./resources.ts";
import { requireFields } from "./volume-sources.ts";
import { table } from "../../base/table.ts";

export const volumeModes = ["Block", "Filesystem"];
const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export interface ClaimOptions {
  allowInvalidLabelValueInSelector?: boolean;
  allowInvalidApiGroup?: boolean;
}

/** ReadWriteOncePod stands alone. */
export function validateAccessModes(modes: string[] | undefined, at: Path): FieldError[] {
  const errors = (modes ?? []).flatMap((mode) => oneOf(mode, accessModes, at));
  const known = (modes ?? []).filter((mode) => accessModes.includes(mode));
  if (known.includes("ReadWriteOncePod") && known.some((mode) => mode !== "ReadWriteOncePod"))
    errors.push(forbiddenField(at, "may not use ReadWriteOncePod with other access modes"));
  return errors;
}

function validateDataSource(source: TypedObjectReference, at: Path, options: ClaimOptions): FieldError[] {
  const errors = requireFields(source, ["name", "kind"], at);
  const group = source.apiGroup ?? "";
  if (!group && source.kind !== "PersistentVolumeClaim")
    errors.push(invalidValue(at, source.kind ?? "", "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (group && !options.allowInvalidApiGroup) errors.push(...invalidAll(at.child("apiGroup"), group, isDNS1123Subdomain(group)));
  if (source.namespace) errors.push(...invalidAll(at.child("namespace"), source.namespace, nameIsDNSLabel(source.namespace, false)));
  return errors;
}

export const className = (name: string, at: Path): FieldError[] => invalidAll(at, name, nameIsDNSSubdomain(name, false));

export function validateClaimSpec(spec: PersistentVolumeClaimSpec, at: Path, options: ClaimOptions): FieldError[] {
  const errors: FieldError[] = spec.accessModes?.length ? [] : [required(at.child("accessModes"), "at least 1 access mode is required")];
  const allowInvalidLabelValue = options.allowInvalidLabelValueInSelector ?? false;
  if (spec.selector) errors.push(...validateLabelSelector(spec.selector, { allowInvalidLabelValue }, at.child("selector")));
  errors.push(...validateAccessModes(spec.accessModes, at.child("accessModes")));
  const storage = spec.resources?.requests?.storage;
  const storagePath = at.child("resources").key("storage");
  errors.push(...(storage === undefined ? [required(storagePath)] : validatePositiveQuantity(storage, storagePath)));
  if (spec.storageClassName) errors.push(...className(spec.storageClassName, at.child("storageClassName")));
  if (spec.volumeMode !== undefined) errors.push(...oneOf(spec.volumeMode, volumeModes, at.child("volumeMode")));
  const { dataSource: source, dataSourceRef: reference } = spec;
  if (source) errors.push(...validateDataSource(source, at.child("dataSource"), options));
  if (reference) errors.push(...validateDataSource(reference, at.child("dataSourceRef"), options));
  if (source && reference) {
    // Upstream prints the path as the value: an empty structure.
    const mismatch = (why: string): FieldError => invalidValue(at, {}, why);
    const same = (source.apiGroup ?? null) === (reference.apiGroup ?? null) && source.kind === reference.kind && source.name === reference.name;
    if (reference.namespace) errors.push(mismatch("may not be specified when dataSourceRef.namespace is specified"));
    else if (!same) errors.push(mismatch("must match dataSourceRef"));
  }
  if (spec.volumeAttributesClassName) errors.push(...className(spec.volumeAttributesClassName, at.child("volumeAttributesClassName")));
  return errors;
}

const templateMetadata = ["labels", "annotations"];
const metadataOrder: (keyof ObjectMeta)[] = [
  "name",
  "generateName",
  "namespace",
  "selfLink",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "ownerReferences",
  "finalizers",
  "managedFields",
];
const goNames = table<string>({ uid: "uID" });

/** Only labels and annotations may be given for an object that is yet to be made. */
export function validateTemplateMetadata(meta: Partial<ObjectMeta> | undefined, at: Path): FieldError[] {
  if (!meta) return [];
  const errors = meta.annotations ? validateAnnotations(meta.annotations, at.child("annotations")) : [];
  if (meta.labels) errors.push(...validateLabels(meta.labels, at.child("labels")));
  for (const field of metadataOrder) {
    const value = meta[field];
    if (value === undefined || value === null || value === "" || templateMetadata.includes(field)) continue;
    errors.push(forbiddenField(at.child(goNames[field] ?? field), "cannot be set"));
  }
  return errors;
}

export const validateClaimTemplate = (template: PersistentVolumeClaimTemplate, at: Path): FieldError[] => [
  ...validateTemplateMetadata(template.metadata, at.child("metadata")),
  ...validateClaimSpec(template.spec, at.child("spec"), {}),
];
