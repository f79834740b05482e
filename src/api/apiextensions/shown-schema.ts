/** Schemas as messages show them: upstream's internal struct has no tags, so that Go writes every field under its own name. */
import { freeForm } from "../field.ts";
import type { JSONValue } from "../json.ts";
import type { InternalVersion } from "./internal-spec.ts";
import type { Schema } from "./schema.ts";

type Show = (value: unknown) => unknown;
const schema: Show = (value) => (value === undefined || value === null ? null : shownSchema(value as Schema));
const list: Show = (value) => (value as Schema[] | undefined)?.map(schema) ?? null;
const map: Show = (value) => (value ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, schema(one)])) : null);
const orBool: Show = (value) =>
  value === undefined ? null : typeof value === "object" ? { Allows: true, Schema: schema(value) } : { Allows: value, Schema: null };
const orArray: Show = (value) => {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return { Schema: null, JSONSchemas: value.map(schema) };
  return { Schema: value === false ? null : schema(value), JSONSchemas: null };
};
const dependencies: Show = (value) =>
  value
    ? Object.fromEntries(
        Object.entries(value as Record<string, Schema | string[]>).map(([key, one]) => [
          key,
          Array.isArray(one) ? { Schema: null, Property: one } : { Schema: schema(one), Property: null },
        ]),
      )
    : null;
const pointer: Show = (value) => value ?? null;
const free: Show = (value) => (value === undefined ? null : freeForm(value as JSONValue));
const text: Show = (value) => value ?? "";
/** Strings under the names of their fields in Go. */
const named = (value: unknown, names: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(names).map(([go, name]) => [go, (value as Record<string, unknown>)[name] ?? ""]));
const flag: Show = (value) => value ?? false;
const rules: Show = (value) =>
  value
    ? (value as Record<string, unknown>[]).map((rule) => ({
        Rule: rule.rule ?? "",
        Message: rule.message ?? "",
        MessageExpression: rule.messageExpression ?? "",
        Reason: rule.reason ?? null,
        FieldPath: rule.fieldPath ?? "",
        OptionalOldSelf: rule.optionalOldSelf ?? null,
      }))
    : null;

const fields: readonly [go: string, name: keyof Schema, show: Show][] = [
  ["ID", "id", text],
  ["Schema", "$schema", text],
  ["Ref", "$ref", pointer],
  ["Description", "description", text],
  ["Type", "type", text],
  ["Nullable", "nullable", flag],
  ["Format", "format", text],
  ["Title", "title", text],
  ["Default", "default", free],
  ["Maximum", "maximum", pointer],
  ["ExclusiveMaximum", "exclusiveMaximum", flag],
  ["Minimum", "minimum", pointer],
  ["ExclusiveMinimum", "exclusiveMinimum", flag],
  ["MaxLength", "maxLength", pointer],
  ["MinLength", "minLength", pointer],
  ["Pattern", "pattern", text],
  ["MaxItems", "maxItems", pointer],
  ["MinItems", "minItems", pointer],
  ["UniqueItems", "uniqueItems", flag],
  ["MultipleOf", "multipleOf", pointer],
  ["Enum", "enum", free],
  ["MaxProperties", "maxProperties", pointer],
  ["MinProperties", "minProperties", pointer],
  ["Required", "required", pointer],
  ["Items", "items", orArray],
  ["AllOf", "allOf", list],
  ["OneOf", "oneOf", list],
  ["AnyOf", "anyOf", list],
  ["Not", "not", schema],
  ["Properties", "properties", map],
  ["AdditionalProperties", "additionalProperties", orBool],
  ["PatternProperties", "patternProperties", map],
  ["Dependencies", "dependencies", dependencies],
  ["AdditionalItems", "additionalItems", orBool],
  ["Definitions", "definitions", map],
  ["ExternalDocs", "externalDocs", (docs) => (docs ? named(docs, { Description: "description", URL: "url" }) : null)],
  ["Example", "example", free],
  ["XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", pointer],
  ["XEmbeddedResource", "x-kubernetes-embedded-resource", flag],
  ["XIntOrString", "x-kubernetes-int-or-string", flag],
  ["XListMapKeys", "x-kubernetes-list-map-keys", pointer],
  ["XListType", "x-kubernetes-list-type", pointer],
  ["XMapType", "x-kubernetes-map-type", pointer],
  ["XValidations", "x-kubernetes-validations", rules],
];

export function shownSchema(of: Schema): Record<string, unknown> {
  return Object.fromEntries(fields.map(([go, name, show]) => [go, show(of[name])]));
}

const each = <T>(list: readonly T[] | undefined, shown: (one: T) => unknown): unknown[] | null => list?.map(shown) ?? null;

export function shownVersions(versions: readonly InternalVersion[]): unknown[] {
  return versions.map(({ name, served, storage, deprecated, deprecationWarning, schema: validation, subresources, columns, selectableFields }) => ({
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated,
    DeprecationWarning: deprecationWarning ?? null,
    Schema: validation ? { OpenAPIV3Schema: schema(validation.openAPIV3Schema) } : null,
    Subresources: subresources
      ? {
          Status: subresources.status ? {} : null,
          Scale: subresources.scale
            ? {
                ...named(subresources.scale, { SpecReplicasPath: "specReplicasPath", StatusReplicasPath: "statusReplicasPath" }),
                LabelSelectorPath: subresources.scale.labelSelectorPath ?? null,
              }
            : null,
        }
      : null,
    AdditionalPrinterColumns: each(columns, (column) => ({
      ...named(column, { Name: "name", Type: "type", Format: "format", Description: "description" }),
      Priority: column.priority ?? 0,
      JSONPath: column.jsonPath ?? "",
    })),
    SelectableFields: each(selectableFields, (field) => named(field, { JSONPath: "jsonPath" })),
  }));
}

/** The schema or schemas of items as messages show them. */
export const shownItems = orArray;
