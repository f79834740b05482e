/** PersistentVolumeClaims (pkg/registry/core/persistentvolumeclaim). */
import { deepCopy } from "../copy.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, notSupportedText, type Path, path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import type { Kind } from "../kind.ts";
import { hasInvalidLabelValue } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isQualifiedName } from "../names.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedLocalObjectReference } from "../types/core-v1.gen.ts";
import { fieldImmutableMessage, invalidAll, validateImmutableNamed } from "./checks.ts";
import { goDiff } from "./go-diff.ts";
import { internalForm } from "./internal-types.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { type ClaimOptions, validateClaimSpec } from "./persistentvolumeclaim-spec.ts";
import { canonicalQuantity, compareQuantities, isWhole, quantityOf, roundUpToMilli } from "./resource-list.ts";
import { isNativeResource } from "./resource-names.ts";
import { validateBasicResource, validateQuantityValue } from "./resources.ts";
import { semanticEqual } from "./semantic.ts";
import { table } from "../../base/table.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
export const storageClassAnnotation = "volume.beta.kubernetes.io/storage-class";
const shortModes = table<string>({ ReadWriteOnce: "RWO", ReadOnlyMany: "ROX", ReadWriteMany: "RWX", ReadWriteOncePod: "RWOP" });

/** `RWO,RWX`, in upstream's order. */
export const accessModesText = (modes: string[] | undefined): string =>
  Object.keys(shortModes)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => shortModes[mode])
    .join(",");

const isKnownSource = ({ apiGroup, kind }: TypedLocalObjectReference): boolean =>
  (kind === "PersistentVolumeClaim" && !apiGroup) || (kind === "VolumeSnapshot" && apiGroup === "snapshot.storage.k8s.io");

/** dataSource and dataSourceRef are one field in two forms; each fills the other. */
export function linkDataSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { namespace: _, ...source } = dataSourceRef;
    spec.dataSource = source;
  }
}

function prepareSpec(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  if (!old?.dataSource && !old?.dataSourceRef && !spec.dataSourceRef && spec.dataSource && !isKnownSource(spec.dataSource)) delete spec.dataSource;
  linkDataSources(spec);
}

const optionsFor = (old: PersistentVolumeClaim | undefined): ClaimOptions => ({
  allowInvalidApiGroup: [old?.spec.dataSource, old?.spec.dataSourceRef].some((source) => typeof source?.apiGroup === "string"),
  allowInvalidLabelValueInSelector: hasInvalidLabelValue(old?.spec.selector),
});

const validateClaim = (claim: PersistentVolumeClaim, options: ClaimOptions): FieldError[] => [
  ...validateMetadata(claim.metadata, rules),
  ...validateClaimSpec(claim.spec, path("spec"), options),
];

/** The class may move from the annotation into the field, or be given where there was none. */
function comparableSpec(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, errors: FieldError[]): PersistentVolumeClaimSpec {
  const spec = deepCopy(claim.spec);
  const before = old.spec.storageClassName;
  const oldClass = old.metadata.annotations?.[storageClassAnnotation];
  const newClass = claim.metadata.annotations?.[storageClassAnnotation];
  const given = claim.spec.storageClassName;
  const movesFromAnnotation = oldClass !== undefined && before === undefined && given === oldClass && (newClass === undefined || newClass === oldClass);
  if (movesFromAnnotation) delete spec.storageClassName;
  else {
    if ((oldClass ?? "") !== (newClass ?? ""))
      errors.push(invalidValue(path("metadata", "annotations", storageClassAnnotation), newClass ?? "", fieldImmutableMessage));
    if (given !== undefined && before === undefined && (oldClass === undefined || given === oldClass)) delete spec.storageClassName;
  }
  if (claim.status?.phase !== "Bound") return spec;
  if (spec.resources.requests) {
    const size = old.spec.resources?.requests?.storage;
    spec.resources.requests = { ...spec.resources.requests, storage: size ?? "0" };
  }
  spec.volumeAttributesClassName = old.spec.volumeAttributesClassName;
  if (spec.volumeAttributesClassName === undefined) delete spec.volumeAttributesClassName;
  return spec;
}

function validateSizeChange(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const size = (of: PersistentVolumeClaim): string => of.spec.resources?.requests?.storage ?? "0";
  if (compareQuantities(size(claim), size(old)) >= 0 || compareQuantities(size(claim), old.status?.capacity?.storage ?? "0") > 0) return [];
  return [forbiddenField(path("spec", "resources", "requests", "storage"), "field can not be less than status.capacity")];
}

function validateUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors = [...validateMetadataUpdate(claim.metadata, old.metadata), ...validateClaim(claim, optionsFor(old))];
  const now = comparableSpec(claim, old, errors);
  const before = deepCopy(old.spec);
  if (!before.volumeName && now.volumeName) before.volumeName = now.volumeName;
  linkDataSources(before);
  if (!semanticEqual(now, before)) {
    const diff = goDiff(internalForm("PersistentVolumeClaimSpec", before), internalForm("PersistentVolumeClaimSpec", now));
    const what = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    errors.push(forbiddenField("spec", `${what}\n${diff}`));
  }
  errors.push(...validateSizeChange(claim, old), ...validateImmutableNamed(claim.spec.volumeMode, old.spec.volumeMode, path("volumeMode")));
  const given = claim.spec.volumeAttributesClassName;
  if (given !== old.spec.volumeAttributesClassName && old.status?.currentVolumeAttributesClassName !== undefined && !given) {
    const to = given === undefined ? "nil" : "empty string";
    const why = `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`;
    errors.push(forbiddenField(path("spec", "volumeAttributesClassName"), why));
  }
  return errors;
}

const resizeStates = ["ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"].sort();

function validateResourceKey(name: string, at: Path): FieldError[] {
  const errors = invalidAll(at, name, isQualifiedName(name));
  return errors.length || !isNativeResource(name) || name === "storage" ? errors : [notSupportedText(at, name, ["storage"])];
}

function validateStatusUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors = validateMetadataUpdate(claim.metadata, old.metadata);
  if (!claim.metadata.resourceVersion) errors.push(required("resourceVersion"));
  if (!claim.spec.accessModes?.length) errors.push(required("Spec.accessModes"));
  const { capacity, allocatedResourceStatuses, allocatedResources } = claim.status ?? {};
  for (const [name, quantity] of Object.entries(capacity ?? {})) errors.push(...validateBasicResource(quantity, path("status", "capacity").key(name)));
  const statuses = path("status", "allocatedResourceStatuses");
  for (const [name, state] of Object.entries(allocatedResourceStatuses ?? {})) {
    errors.push(...validateResourceKey(name, statuses));
    if (!resizeStates.includes(state)) errors.push(notSupported(statuses, name, resizeStates));
  }
  const allocated = path("status", "allocatedResources");
  for (const [name, quantity] of Object.entries(allocatedResources ?? {})) {
    const wrong = [...validateResourceKey(name, allocated)];
    errors.push(...(wrong.length ? wrong : validateBasicResource(quantity, allocated.key(name))));
    if (!wrong.length && quantityOf(quantity).value() >= 0n) errors.push(...validateQuantityValue("storage", quantity, allocated.key(name)));
  }
  return errors;
}

/** Sizes with a fraction of a byte; `at` is the path of the specification. */
export function claimSpecWarnings(spec: PersistentVolumeClaimSpec, at: Path): string[] {
  return (["requests", "limits"] as const).flatMap((list) => {
    const size = spec.resources?.[list]?.storage;
    if (size === undefined || isWhole(quantityOf(size))) return [];
    return [`${at.child("resources", list).key("storage")}: fractional byte value ${goQuote(canonicalQuantity(size))} is invalid, must be an integer`];
  });
}

function warnings(claim: PersistentVolumeClaim): string[] {
  const deprecated = claim.metadata.annotations?.[storageClassAnnotation] !== undefined;
  const why = `metadata.annotations[${storageClassAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`;
  return [...(deprecated ? [why] : []), ...claimSpecWarnings(claim.spec, path("spec"))];
}

/** Also those of what a StatefulSet makes its claims of. */
export function setClaimDefaults(claim: PersistentVolumeClaim): void {
  claim.spec ??= { resources: {} };
  claim.status ??= {};
  claim.status.phase ||= "Pending";
  claim.spec.volumeMode ??= "Filesystem";
  roundUpToMilli(claim.spec.resources?.limits);
  roundUpToMilli(claim.spec.resources?.requests);
  roundUpToMilli(claim.status.capacity);
  roundUpToMilli(claim.status.allocatedResources);
}

export const persistentVolumeClaimKind: Kind<PersistentVolumeClaim> = {
  resource: "persistentvolumeclaims",
  setDefaults: setClaimDefaults,
  prepareForCreate(claim) {
    // Encoding the stored object gives it its first phase.
    claim.status = { phase: "Pending" };
    prepareSpec(claim.spec, undefined);
  },
  validate: (claim) => validateClaim(claim, {}),
  warnings,
  prepareForUpdate(claim, old) {
    claim.status = old.status;
    prepareSpec(claim.spec, old.spec);
  },
  validateUpdate,
  warningsOnUpdate: warnings,
  subresources: {
    status: {
      prepareForUpdate(claim, old) {
        claim.spec = old.spec;
      },
      validateUpdate: validateStatusUpdate,
    },
  },
  fields: (claim) => ({ name: claim.metadata.name }),
  cells(claim, now) {
    const { metadata, spec, status } = claim;
    const bound = Boolean(spec.volumeName);
    return [
      metadata.name,
      metadata.deletionTimestamp !== undefined ? "Terminating" : (status?.phase ?? ""),
      spec.volumeName ?? "",
      bound ? canonicalQuantity(status?.capacity?.storage ?? "0") : "",
      bound ? accessModesText(status?.accessModes) : "",
      metadata.annotations?.[storageClassAnnotation] ?? spec.storageClassName ?? "",
      spec.volumeAttributesClassName ?? "<unset>",
      age(claim, now),
      spec.volumeMode ?? "<unset>",
    ];
  },
};
