/** A version's openAPIV3Schema as the code that applies it walks it: structural schemas have one schema for all items of a list. */
import type { JSONSchemaProps } from "../types/apiextensions-v1.gen.ts";

export type Schema = JSONSchemaProps;

/** The schema of a list's items; undefined where there is none, or one for each place. */
export const itemsOf = ({ items }: Schema): Schema | undefined => (Array.isArray(items) ? undefined : items || undefined);

/** What is neither a schema nor a list of them is not refused, and is false until it is stored. */
export const itemsAreNone = ({ items }: Schema): boolean => (items as unknown) === false;

/** The schema of what is under keys that `properties` does not name. */
export const valuesOf = ({ additionalProperties: values }: Schema): Schema | undefined => (typeof values === "object" ? values : undefined);

/** Whether other keys than those in `properties` may be. */
export const allowsMore = ({ additionalProperties: values }: Schema): boolean => values !== undefined;

export function propertyOf({ properties }: Schema, name: string): Schema | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

export const preserves = (schema: Schema): boolean => schema["x-kubernetes-preserve-unknown-fields"] === true;
export const isEmbedded = (schema: Schema): boolean => schema["x-kubernetes-embedded-resource"] === true;
export const isIntOrString = (schema: Schema): boolean => schema["x-kubernetes-int-or-string"] === true;
export const rulesOf = (schema: Schema) => schema["x-kubernetes-validations"] ?? [];

/** A default of null is none. */
export const hasDefault = (schema: Schema): boolean => schema.default !== undefined && schema.default !== null;

/** Schemas that stand directly in this one. */
export function* children(schema: Schema): Generator<Schema> {
  const { items, allOf, anyOf, oneOf, not, properties, additionalProperties, patternProperties, additionalItems, definitions, dependencies } = schema;
  if (Array.isArray(items)) yield* items;
  else if (items) yield items;
  yield* allOf ?? [];
  yield* anyOf ?? [];
  yield* oneOf ?? [];
  if (not) yield not;
  yield* Object.values(properties ?? {});
  if (typeof additionalProperties === "object") yield additionalProperties;
  yield* Object.values(patternProperties ?? {});
  if (typeof additionalItems === "object") yield additionalItems;
  yield* Object.values(definitions ?? {});
  for (const dependency of Object.values(dependencies ?? {})) if (!Array.isArray(dependency)) yield dependency;
}

/** Whether the schema or one within it satisfies the predicate. */
export function schemaHas(schema: Schema | undefined, predicate: (schema: Schema) => boolean): boolean {
  if (!schema) return false;
  if (predicate(schema)) return true;
  for (const child of children(schema)) if (schemaHas(child, predicate)) return true;
  return false;
}

/** The same schema as one of a whole resource: with apiVersion, kind and metadata whether it names them or not. */
export const asResource = (schema: Schema): Schema => (isEmbedded(schema) ? schema : { ...schema, "x-kubernetes-embedded-resource": true });
