/** A version's openAPIV3Schema as the code that applies it walks it: structural schemas have one schema for all items of a list. */
import { own } from "../../base/table.ts";
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
  return own(properties, name);
}

export const preserves = (schema: Schema): boolean => schema["x-kubernetes-preserve-unknown-fields"] === true;
export const isEmbedded = (schema: Schema): boolean => schema["x-kubernetes-embedded-resource"] === true;
export const isIntOrString = (schema: Schema): boolean => schema["x-kubernetes-int-or-string"] === true;
export const rulesOf = (schema: Schema) => schema["x-kubernetes-validations"] ?? [];

/** A default of null is none. */
export const hasDefault = (schema: Schema): boolean => schema.default !== undefined && schema.default !== null;

/** Whether one of the schemas that stand directly in this one satisfies the predicate, in upstream's order. */
function someChild(schema: Schema, predicate: (schema: Schema) => boolean): boolean {
  const { items, allOf, anyOf, oneOf, not, properties, additionalProperties, patternProperties, additionalItems, definitions, dependencies } = schema;
  if (Array.isArray(items) ? items.some(predicate) : items && predicate(items)) return true;
  if (allOf?.some(predicate) || anyOf?.some(predicate) || oneOf?.some(predicate) || (not && predicate(not))) return true;
  for (const name in properties) if (predicate(properties[name] as Schema)) return true;
  if (typeof additionalProperties === "object" && predicate(additionalProperties)) return true;
  for (const name in patternProperties) if (predicate(patternProperties[name] as Schema)) return true;
  if (typeof additionalItems === "object" && predicate(additionalItems)) return true;
  for (const name in definitions) if (predicate(definitions[name] as Schema)) return true;
  for (const name in dependencies) {
    const dependency = dependencies[name];
    if (dependency && !Array.isArray(dependency) && predicate(dependency)) return true;
  }
  return false;
}

/** Whether the schema or one within it satisfies the predicate. */
export function schemaHas(schema: Schema | undefined, predicate: (schema: Schema) => boolean): boolean {
  if (!schema) return false;
  const within = (one: Schema): boolean => predicate(one) || someChild(one, within);
  return within(schema);
}

/** The same schema as one of a whole resource: with apiVersion, kind and metadata whether it names them or not. */
export const asResource = (schema: Schema): Schema => (isEmbedded(schema) ? schema : { ...schema, "x-kubernetes-embedded-resource": true });
