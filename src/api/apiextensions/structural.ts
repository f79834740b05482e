/** Which schemas are structural (apiextensions-apiserver/pkg/apiserver/schema: convert.go, validation.go, complete.go; KEP 20190425-structural-openapi). */
import { CelError } from "../cel/values.ts";
import { compileRegex } from "../cel/regex.ts";
import { type FieldError, forbiddenField, invalidValue, type Path, required } from "../field.ts";
import { hasDefault, isEmbedded, isIntOrString, itemsOf, preserves, propertyOf, rulesOf, type Schema, valuesOf } from "./schema.ts";

const filled = (value: object | undefined): boolean => value !== undefined && Object.keys(value).length > 0;

/** Why a schema cannot be read as a structural one at all. */
export function notStructural(schema: Schema): string | undefined {
  const unsupported = (name: string): string => `OpenAPIV3Schema '${name}' is not supported`;
  if (schema.id) return unsupported("id");
  if (schema.$schema) return unsupported("schema");
  if (schema.$ref) return unsupported("$ref");
  if (filled(schema.patternProperties)) return unsupported("patternProperties");
  if (filled(schema.dependencies)) return unsupported("dependencies");
  if (schema.additionalItems !== undefined) return unsupported("additionalItems");
  if (filled(schema.definitions)) return unsupported("definitions");
  let why = schema.not && notStructural(schema.not);
  for (const all of [schema.allOf, schema.anyOf, schema.oneOf])
    if (all) for (let i = 0; i < all.length && why === undefined; i++) why = notStructural(all[i] as Schema);
  if (why !== undefined) return why;
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  const { properties, items } = schema;
  if (Array.isArray(items)) {
    if (items.length > 0) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  } else if (items) why = notStructural(items);
  for (const name in properties) {
    if (why !== undefined) return why;
    why = notStructural(properties[name] as Schema);
  }
  const values = valuesOf(schema);
  return why ?? (values && notStructural(values));
}

type Level = "root" | "item" | "field";

/** Sorted, because upstream walks maps in random order. */
export function validateStructural(schema: Schema, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  invariants(schema, "root", path, errors);
  completeness(schema, schema, path, path, errors);
  const named = errors.map((error) => ({ error, text: `${error.field}: ${error.body}` }));
  return named.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)).map(({ error }) => error);
}

const whenEmpty: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

function invariants(schema: Schema, level: Level, path: Path, errors: FieldError[]): void {
  const { type = "", properties = {} } = schema;
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  const typePath = (): Path => path.child("type");
  const embedded = isEmbedded(schema);
  if (type === "array" && !items) errors.push(required(path.child("items"), "must be specified"));
  if (items) invariants(items, "item", path.child("items"), errors);
  const inside = path.child("properties");
  for (const name in properties) invariants(properties[name] as Schema, "field", inside.key(name), errors);
  if (schema.additionalProperties !== undefined) {
    if (level === "root") errors.push(forbiddenField(path.child("additionalProperties"), "must not be used at the root"));
    if (values) invariants(values, "field", path.child("additionalProperties"), errors);
  }
  if (isIntOrString(schema) && preserves(schema))
    errors.push(invalidValue(path.child("x-kubernetes-preserve-unknown-fields"), true, "must be false if x-kubernetes-int-or-string is true"));
  if (isIntOrString(schema) && embedded)
    errors.push(invalidValue(path.child("x-kubernetes-embedded-resource"), true, "must be false if x-kubernetes-int-or-string is true"));
  const [all] = schema.allOf ?? [];
  valueValidation(schema, isIntOrStringChoice(schema.anyOf), isIntOrStringChoice(all?.anyOf), level, path, errors);
  if (embedded && type !== "object") {
    const why = "must be object if x-kubernetes-embedded-resource is true";
    errors.push(type ? invalidValue(typePath(), type, why) : required(typePath(), why));
  } else if (!type && !isIntOrString(schema) && !preserves(schema)) errors.push(required(typePath(), whenEmpty[level]));
  if (embedded && schema.additionalProperties !== undefined)
    errors.push(forbiddenField(path.child("additionalProperties"), "must not be used if x-kubernetes-embedded-resource is set"));
  if (level === "root" && type && type !== "object") errors.push(invalidValue(typePath(), type, "must be object at the root"));
  const checked = level === "root" || embedded;
  for (const name of ["kind", "apiVersion"]) {
    const property = propertyOf(schema, name);
    if (property && checked && property.type !== "string")
      errors.push(invalidValue(path.child("properties").key(name).child("type"), property.type ?? "", "must be string"));
  }
  const metadata = propertyOf(schema, "metadata");
  if (metadata) errors.push(...metadataInvariants(metadata, checked, level, path.child("properties").key("metadata")));
  if (embedded && !preserves(schema) && Object.keys(properties).length === 0)
    errors.push(required(path.child("properties"), "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"));
}

/** Lists and maps that are none with nothing in them, once a schema is a structural one. */
const nothings = new Set(["enum", "allOf", "anyOf", "oneOf", "definitions", "patternProperties", "dependencies"]);
const pointers = new Set(["x-kubernetes-list-type", "x-kubernetes-map-type"]);
const isNothing = (name: string, value: unknown): boolean => {
  if (value === undefined || value === null || value === false) return true;
  if (value === "") return !pointers.has(name);
  return typeof value === "object" && (nothings.has(name) || (name === "items" && Array.isArray(value))) && Object.keys(value).length === 0;
};
const isOnlyOf = (type: string, schema: Schema | undefined): boolean =>
  schema?.type === type && Object.entries(schema).every(([name, value]) => name === "type" || isNothing(name, value));
const isIntOrStringChoice = (anyOf: readonly Schema[] | undefined): boolean =>
  anyOf?.length === 2 && isOnlyOf("integer", anyOf[0]) && isOnlyOf("string", anyOf[1]);

function metadataInvariants(schema: Schema, checked: boolean, level: Level, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (checked && schema.type !== "object") errors.push(invalidValue(path.child("type"), schema.type ?? "", "must be object"));
  if (level !== "root") return errors;
  const { type: _type, default: _default, properties = {}, ...others } = schema;
  const onlyNames = Object.keys(properties).every((name) => name === "name" || name === "generateName");
  if (!onlyNames || Object.entries(others).some(([name, value]) => !isNothing(name, value) && !isEmptyList(value)))
    errors.push(forbiddenField(path, "must not specify anything other than name and generateName, but metadata is implicitly specified"));
  return errors;
}
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

function valueValidation(schema: Schema, skipAnyOf: boolean, skipFirstAllOf: boolean, level: Level, path: Path, errors: FieldError[]): void {
  const each = (name: "anyOf" | "allOf" | "oneOf", skip: (i: number) => boolean = () => false): void => {
    for (const [i, one] of (schema[name] ?? []).entries()) nestedValidation(one, skip(i), level, path.child(name).index(i), errors);
  };
  if (!skipAnyOf) each("anyOf");
  each("allOf", (i) => skipFirstAllOf && i === 0);
  each("oneOf");
  if (schema.not) nestedValidation(schema.not, false, level, path.child("not"), errors);
  if (schema.pattern) {
    const compiled = compileRegex(schema.pattern);
    if (compiled instanceof CelError)
      errors.push(invalidValue(path.child("pattern"), schema.pattern, `must be a valid regular expression, but isn't: ${compiled.message}`));
  }
}

/** What may not stand under a logical junctor. */
const emptyWhenNested: readonly [name: keyof Schema, detail: string][] = [
  ["title", "must be empty to be structural"],
  ["description", "must be empty to be structural"],
  ["nullable", "must be false to be structural"],
  ["x-kubernetes-preserve-unknown-fields", "must be false to be structural"],
  ["x-kubernetes-embedded-resource", "must be false to be structural"],
  ["x-kubernetes-int-or-string", "must be false to be structural"],
  ["x-kubernetes-list-map-keys", "must be empty to be structural"],
  ["x-kubernetes-list-type", "must be undefined to be structural"],
  ["x-kubernetes-map-type", "must be undefined to be structural"],
];

function nestedValidation(schema: Schema, skipAnyOf: boolean, level: Level, path: Path, errors: FieldError[]): void {
  valueValidation(schema, skipAnyOf, false, level, path, errors);
  const items = itemsOf(schema);
  if (items) nestedValidation(items, false, level, path.child("items"), errors);
  const { properties } = schema;
  for (const name in properties) nestedValidation(properties[name] as Schema, false, "field", path.child("properties").key(name), errors);
  const forbid = (name: string, detail: string): void => void errors.push(forbiddenField(path.child(name), detail));
  if (schema.type) forbid("type", "must be empty to be structural");
  const { additionalProperties: values } = schema;
  if (values !== undefined && values !== false) forbid("additionalProperties", "must be undefined to be structural");
  if (hasDefault(schema)) forbid("default", "must be undefined to be structural");
  for (const [name, detail] of emptyWhenNested) {
    const value = schema[name];
    if ((value && !isEmptyList(value)) || (value === "" && pointers.has(name))) forbid(name, detail);
  }
  if (rulesOf(schema).length) forbid("x-kubernetes-validations", "must be empty to be structural");
  if (propertyOf(schema, "metadata")) errors.push(forbiddenField(path.child("properties").key("metadata"), "must not be specified in a nested context"));
}

/** Each value that is validated under a junctor has a place outside of them. */
function completeness(validation: Schema, schema: Schema, schemaPath: Path, path: Path, errors: FieldError[]): void {
  const { not } = validation;
  if (not) nestedCompleteness(not, schema, schemaPath, path.child("not"), errors);
  for (const name of ["allOf", "anyOf", "oneOf"] as const)
    for (const [i, one] of (validation[name] ?? []).entries()) nestedCompleteness(one, schema, schemaPath, path.child(name).index(i), errors);
}

function nestedCompleteness(validation: Schema, schema: Schema | undefined, schemaPath: Path, path: Path, errors: FieldError[]): void {
  if (!schema) {
    errors.push(required(schemaPath, `because it is defined in ${path}`));
    return;
  }
  completeness(validation, schema, schemaPath, path, errors);
  const items = itemsOf(validation);
  if (items) nestedCompleteness(items, itemsOf(schema), schemaPath.child("items"), path.child("items"), errors);
  const { properties } = validation;
  for (const name in properties)
    nestedCompleteness(
      properties[name] as Schema,
      propertyOf(schema, name),
      schemaPath.child("properties").key(name),
      path.child("properties").key(name),
      errors,
    );
}
