/** Validation of CustomResourceDefinitions, in the terms of upstream's internal version (apis/apiextensions/validation/validation.go). */
import { type FieldError, invalidNamed, invalidValue, notSupportedText, Path, path, required } from "../field.ts";
import { semanticEqual } from "../core/semantic.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateImmutableField, validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import { isDNS1035Label, isDNS1123Subdomain } from "../names.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "../types/apiextensions-v1.gen.ts";
import { approvalAnnotation, approvalOf, isProtectedGroup } from "./approval.ts";
import { acceptedReviewVersions, bundleMayBeInvalid, validateConversion } from "./conversion-validation.ts";
import { isTrue } from "./definition-status.ts";
import { type InternalSpec, type InternalVersion, internalSpec, schemasOf } from "./internal-spec.ts";
import { validateNames } from "./names-validation.ts";
import { hasDefault, isEmbedded, isIntOrString, rulesOf, type Schema, schemaHas } from "./schema.ts";
import { shownVersions } from "./shown-schema.ts";
import { validateMapKeys } from "./schema-validation.ts";
import { hasUnprunedDefaults } from "./default-validation.ts";
import { notStructural, validateStructural } from "./structural.ts";
import { type VersionOptions, validateColumn, validateSelectableFields, validateSubresources, validateVersionSchema } from "./version-validation.ts";

interface Options extends VersionOptions {
  requireRecognizedReviewVersion: boolean;
  immutableNames: boolean;
  requireSchema: boolean;
  allowInvalidBundle: boolean;
  unchangedSchemas: ReadonlySet<string>;
}

const strict: Options = {
  requireRecognizedReviewVersion: true,
  immutableNames: false,
  requireSchema: true,
  allowDefaults: true,
  requireValidPropertyType: true,
  requireStructuralSchema: true,
  requirePrunedDefaults: true,
  requireAtomicSetType: true,
  requireMapListKeysMapSetValidation: true,
  suppressPerExpressionCost: false,
  allowInvalidBundle: true,
  unchangedSchemas: new Set(),
  tooManyFieldsAllowed: new Set(),
};

const metadata = path("metadata");
const at = path("spec");

export function validateDefinition(definition: CustomResourceDefinition): FieldError[] {
  const spec = internalSpec(definition.spec);
  const validateName = (name: string, prefix: boolean): string[] => {
    const wrong = nameIsDNSSubdomain(name, prefix);
    return name === `${spec.names.plural ?? ""}.${spec.group}` ? wrong : [...wrong, 'must be spec.names.plural+"."+spec.group'];
  };
  return [
    ...validateObjectMeta(definition.metadata, { namespaced: false, validateName }, metadata),
    ...validateSpec(spec, strict),
    ...validateStatus(definition),
    ...validateApproval(definition, undefined),
    ...validatePreserving(spec, undefined),
  ];
}

export function validateDefinitionUpdate(definition: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  const spec = internalSpec(definition.spec);
  const before = internalSpec(old.spec);
  const options = lenient(definition, old);
  const errors = [...validateObjectMetaUpdate(definition.metadata, old.metadata, metadata), ...validateSpec(spec, options)];
  const immutable = (value: string | undefined, was: string | undefined, place: Path): void =>
    void errors.push(...validateImmutableField(value ?? "", was ?? "", place));
  if (options.immutableNames) {
    // The scope is a type of its own.
    if (spec.scope !== before.scope) errors.push(invalidNamed(at.child("scope"), spec.scope ?? "", "field is immutable"));
    immutable(spec.names.kind, before.names.kind, at.child("names", "kind"));
  }
  immutable(spec.group, before.group, at.child("group"));
  immutable(spec.names.plural, before.names.plural, at.child("names", "plural"));
  return [...errors, ...validateStatus(definition), ...validateApproval(definition, old), ...validatePreserving(spec, before)];
}

/** What was wrong before may stay so. */
function lenient(definition: CustomResourceDefinition, old: CustomResourceDefinition): Options {
  const before = internalSpec(old.spec);
  const schemas = [...schemasOf(before)];
  const has = (predicate: (schema: Schema) => boolean): boolean => schemas.some((schema) => schemaHas(schema, predicate));
  const oldVersions = new Map((old.spec.versions ?? []).map((version) => [version.name, version]));
  const now: readonly CustomResourceDefinitionVersion[] = definition.spec.versions ?? [];
  const tooMany = now.filter(({ name, selectableFields = [] }) => {
    const was = oldVersions.get(name)?.selectableFields ?? [];
    return was.length > 8 && semanticEqual(was, selectableFields);
  });
  const versions = before.conversion?.reviewVersions ?? [];
  return {
    requireRecognizedReviewVersion: !versions.length || versions.some((version) => acceptedReviewVersions.includes(version)),
    immutableNames: isTrue(old, "Established"),
    requireSchema: before.validation?.openAPIV3Schema !== undefined || before.versions.every(({ schema }) => schema?.openAPIV3Schema !== undefined),
    allowDefaults: true,
    requireValidPropertyType: !has(({ type }) => !!type && !["string", "number", "integer", "boolean", "array", "object"].includes(type)),
    requireStructuralSchema: !schemas.some((schema) => notStructural(schema) !== undefined || validateStructural(schema, new Path()).length > 0),
    requirePrunedDefaults: !schemas.some((schema) => notStructural(schema) === undefined && hasUnprunedDefaults(schema)),
    requireAtomicSetType: !has(isNonAtomicSet),
    requireMapListKeysMapSetValidation: !has((schema) => validateMapKeys(schema, new Path()).length > 0),
    suppressPerExpressionCost: false,
    allowInvalidBundle: bundleMayBeInvalid(old),
    unchangedSchemas: new Set(now.filter(({ name, schema }) => same(schema, oldVersions.get(name)?.schema) && oldVersions.has(name)).map(({ name }) => name)),
    tooManyFieldsAllowed: new Set(tooMany.map(({ name }) => name)),
  };
}
const same = (a: object | undefined, b: object | undefined): boolean => (a && b ? semanticEqual(a, b) : a === b);

function isNonAtomicSet(schema: Schema): boolean {
  const { items } = schema;
  if (schema["x-kubernetes-list-type"] !== "set" || !items || Array.isArray(items)) return false;
  if (items.type === "array") return (items["x-kubernetes-list-type"] ?? "atomic") !== "atomic";
  return items.type === "object" && items["x-kubernetes-map-type"] !== "atomic";
}

const hasExtensions = (schema: Schema): boolean =>
  isEmbedded(schema) ||
  schema["x-kubernetes-preserve-unknown-fields"] !== undefined ||
  isIntOrString(schema) ||
  !!schema["x-kubernetes-list-map-keys"]?.length ||
  schema["x-kubernetes-list-type"] !== undefined ||
  rulesOf(schema).length > 0;

function validateSpec(spec: InternalSpec, given: Options): FieldError[] {
  const options = { ...given };
  const errors: FieldError[] = [];
  const schemas = [...schemasOf(spec)];
  const group = at.child("group");
  const wrongGroup = spec.group ? isDNS1123Subdomain(spec.group) : [];
  if (!spec.group) errors.push(required(group));
  else if (wrongGroup.length) errors.push(invalidValue(group, spec.group, wrongGroup.join(",")));
  else if (!spec.group.includes(".")) errors.push(invalidValue(group, spec.group, "should be a domain with at least one dot"));
  errors.push(...oneOf(at.child("scope"), spec.scope, ["Cluster", "Namespaced"]));
  if (!spec.preserveUnknownFields) options.requireStructuralSchema = true;
  errors.push(...validateSchemasAreThere(spec, options));
  if (schemas.some((schema) => schemaHas(schema, hasDefault))) {
    options.requireStructuralSchema = true;
    if (spec.preserveUnknownFields) errors.push(invalidValue(at.child("preserveUnknownFields"), true, "must be false in order to use defaults in the schema"));
  }
  if (schemas.some((schema) => schemaHas(schema, hasExtensions))) options.requireStructuralSchema = true;
  for (const [i, version] of spec.versions.entries()) errors.push(...validateVersion(spec, version, at.child("versions").index(i), options));
  errors.push(...validateVersions(spec));
  for (const name of ["plural", "singular", "kind", "listKind"] as const) if (!spec.names[name]) errors.push(required(at.child("names", name)));
  errors.push(...validateNames(spec.names, at.child("names")));
  const anyStatus = spec.subresources?.status !== undefined || spec.versions.some(({ subresources }) => subresources?.status !== undefined);
  errors.push(...validateVersionSchema(spec.validation, anyStatus, suppressed(options, spec.version), at.child("validation")));
  errors.push(...validateSubresources(spec.subresources, at.child("subresources")));
  for (const [i, column] of spec.columns.entries()) errors.push(...validateColumn(column, at.child("additionalPrinterColumns").index(i)));
  if (spec.selectableFields.length) {
    const schema = spec.validation?.openAPIV3Schema;
    if (!spec.validation) errors.push(invalidValue(at.child("selectableFields"), "", "may only be set when validations.schema is included"));
    else {
      const why = schema && notStructural(schema);
      if (why !== undefined) errors.push(invalidValue(at.child("schema.openAPIV3Schema"), "", why));
      const known = why === undefined ? schema : undefined;
      errors.push(...validateSelectableFields(spec.selectableFields, known, at.child("selectableFields"), options.tooManyFieldsAllowed.has(spec.version)));
    }
  }
  const conversion = at.child("conversion");
  if (spec.conversion && spec.conversion.strategy !== "None" && spec.preserveUnknownFields)
    errors.push(invalidNamed(conversion.child("strategy"), spec.conversion.strategy, "must be None if spec.preserveUnknownFields is true"));
  errors.push(...validateConversion(spec.conversion, conversion, options));
  return errors;
}

function oneOf(place: Path, value: string, accepted: readonly string[]): FieldError[] {
  if (value === "") return [required(place)];
  return accepted.includes(value) ? [] : [notSupportedText(place, value, accepted)];
}

function validateSchemasAreThere(spec: InternalSpec, { requireSchema }: Options): FieldError[] {
  if (spec.validation?.openAPIV3Schema) return [];
  const missing = spec.versions.flatMap(({ schema, served }, i) =>
    schema?.openAPIV3Schema ? [] : [{ place: at.child("versions").index(i).child("schema", "openAPIV3Schema"), served }],
  );
  if (requireSchema) return missing.map(({ place }) => required(place));
  if (spec.preserveUnknownFields) return [];
  return missing.filter(({ served }) => served).map(({ place }) => required(place, "because otherwise all fields are pruned"));
}

const suppressed = (options: Options, version: string): Options =>
  options.unchangedSchemas.has(version) ? { ...options, suppressPerExpressionCost: true } : options;

function validateVersion(spec: InternalSpec, version: InternalVersion, place: Path, options: Options): FieldError[] {
  const errors: FieldError[] = [];
  const wrong = isDNS1035Label(version.name);
  if (wrong.length) errors.push(invalidValue(place.child("name"), version.name, wrong.join(",")));
  for (const why of deprecationMistakes(version)) errors.push(invalidNamed(place.child("deprecationWarning"), version.deprecationWarning, why));
  const perVersion = spec.versions.some(({ subresources }) => subresources !== undefined);
  const status = (perVersion ? version.subresources : spec.subresources)?.status !== undefined;
  errors.push(...validateVersionSchema(version.schema, status, suppressed(options, version.name), place.child("schema")));
  errors.push(...validateSubresources(version.subresources, place.child("subresources")));
  for (const [i, column] of (version.columns ?? []).entries()) errors.push(...validateColumn(column, place.child("additionalPrinterColumns").index(i)));
  if (!version.selectableFields?.length) return errors;
  const fields = place.child("selectableFields");
  const schema = version.schema?.openAPIV3Schema;
  if (!schema) return [...errors, invalidValue(fields, "", "may only be set when `version.schema.openAPIV3Schema` is not included")];
  const why = notStructural(schema);
  if (why !== undefined) errors.push(invalidValue(place.child("schema.openAPIV3Schema"), "", why));
  const known = why === undefined ? schema : undefined;
  return [...errors, ...validateSelectableFields(version.selectableFields, known, fields, options.tooManyFieldsAllowed.has(version.name))];
}

function deprecationMistakes({ deprecated, deprecationWarning: text }: InternalVersion): string[] {
  if (text === undefined) return [];
  if (!deprecated) return ["can only be set for deprecated versions"];
  const errors: string[] = [];
  if (Buffer.byteLength(text) > 256) errors.push("must be <= 256 characters long");
  if (text === "") errors.push("must not be an empty string");
  let index = 0;
  for (const char of text) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) {
      errors.push(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`);
      break;
    }
    index += Buffer.byteLength(char);
  }
  return errors;
}

function validateVersions(spec: InternalSpec): FieldError[] {
  const place = at.child("versions");
  const { versions } = spec;
  const errors: FieldError[] = [];
  const shown = spec.noVersions ? null : shownVersions(versions);
  const wrong = (detail: string): void => void errors.push(invalidValue(place, shown, detail));
  if (new Set(versions.map(({ name }) => name)).size !== versions.length) wrong("must contain unique version names");
  if (versions.filter(({ storage }) => storage).length !== 1) wrong("must have exactly one version marked as storage version");
  if (spec.version) {
    const bad = isDNS1035Label(spec.version);
    if (bad.length) errors.push(invalidValue(at.child("version"), spec.version, bad.join(",")));
  }
  return errors;
}

/** Also of an update of the status alone, without what spec and status must have in common. */
export const validateAcceptedNames = ({ status }: CustomResourceDefinition): FieldError[] =>
  validateNames(status?.acceptedNames ?? {}, path("status", "acceptedNames"));

function validateStatus(definition: CustomResourceDefinition): FieldError[] {
  const errors = validateAcceptedNames(definition);
  const place = path("status", "storedVersions");
  const stored = definition.status?.storedVersions ?? [];
  if (!stored.length) return [...errors, invalidValue(place, definition.status?.storedVersions ?? null, "must have at least one stored version")];
  const versions = definition.spec.versions ?? [];
  // A name that is there twice is found once, and counts where it is last.
  const left = new Map(stored.map((name, i) => [name, i]));
  for (const { name, storage } of versions)
    if (!left.delete(name) && storage) errors.push(invalidValue(place, stored, `must have the storage version ${name}`));
  for (const [name, i] of left)
    errors.push(
      invalidValue(
        place.index(i),
        name,
        `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
      ),
    );
  return errors;
}

function validateApproval(definition: CustomResourceDefinition, old: CustomResourceDefinition | undefined): FieldError[] {
  if (!isProtectedGroup(definition.spec.group ?? "")) return [];
  const { annotations } = definition.metadata;
  const { state, reason } = approvalOf(annotations);
  if (old && approvalOf(old.metadata.annotations).state === state) return [];
  const place = path("metadata", "annotations").key(approvalAnnotation);
  if (state === "missing") return [required(place, reason)];
  return state === "invalid" ? [invalidValue(place, annotations?.[approvalAnnotation] ?? "", reason)] : [];
}

function validatePreserving({ preserveUnknownFields }: InternalSpec, old: InternalSpec | undefined): FieldError[] {
  if (old?.preserveUnknownFields || !preserveUnknownFields) return [];
  const why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
  return [invalidValue(at.child("preserveUnknownFields"), true, why)];
}
