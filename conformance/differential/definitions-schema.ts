/** Random structural schemas for the judge of definitions, right for the most part. */
import type { Random } from "../../src/base/random.ts";
import { badPatterns, formats, oddFormats, patterns, someStrings } from "./definitions-strings.ts";
import { ruleOf } from "./definitions-rules.ts";
import { exampleOf } from "./definitions-values.ts";
import { chance, pick } from "./mutate.ts";

export type Schema = { [keyword: string]: unknown };
export interface Making {
  random: Random;
  /** How likely a mistake is at each place where one could be made. */
  wrong: number;
}

const plainNames = ["a", "b", "name", "size", "items", "mode", "port", "x-y", "spec", "list"];
const oddNames = [
  "if",
  "_n",
  "a.b",
  "a/b",
  "self",
  "namespace",
  "in",
  "A",
  "__x__",
  "é",
  "0",
  "metadata",
  "apiVersion",
  "kind",
  "type",
  "constructor",
  "__proto__",
  "toString",
  "$x",
  "a b",
  "",
  "true",
];

export const object = (entries: readonly (readonly [string, unknown])[]): Schema => Object.fromEntries(entries);
export const propertiesOf = (schema: Schema): Record<string, Schema> => (schema.properties as Record<string, Schema> | undefined) ?? {};

/** `root` of a whole resource is made elsewhere. */
export function schemaOf(making: Making, depth: number): Schema {
  const { random } = making;
  const roll = random.next();
  let made: Schema;
  if (roll < 0.24) made = stringSchema(making);
  else if (roll < 0.38) made = numberSchema(making, "integer");
  else if (roll < 0.45) made = numberSchema(making, "number");
  else if (roll < 0.51) made = { type: "boolean" };
  else if (roll < 0.56) made = intOrString(making);
  else if (depth <= 0) made = stringSchema(making);
  else if (roll < 0.74) made = arraySchema(making, depth);
  else if (roll < 0.8) made = mapSchema(making, depth);
  else if (roll < 0.83) made = embedded(making, depth);
  else if (roll < 0.86) made = { ...(chance(random, 0.6) ? { type: "object" } : {}), "x-kubernetes-preserve-unknown-fields": true };
  else made = objectSchema(making, depth);
  return decorated(making, made);
}

/** What any schema may have besides. */
export function decorated(making: Making, made: Schema): Schema {
  const { random, wrong } = making;
  if (chance(random, 0.1)) made.nullable = true;
  if (chance(random, 0.05)) made.description = pick(random, ["what it is", "", "é <&>"]);
  if (chance(random, 0.02))
    Object.assign(made, pick(random, [{ title: "T" }, { example: { a: [1, "x"] } }, { externalDocs: { url: "http://x", description: "d" } }]));
  if (made.type === undefined && !made["x-kubernetes-int-or-string"]) return made;
  if (chance(random, 0.1)) junctor(making, made);
  if (chance(random, 0.14)) made.default = exampleOf(random, made, chance(random, wrong) ? 0.5 : 0, 3);
  if (chance(random, 0.14)) {
    const count = chance(random, 0.2) ? 2 : 1;
    made["x-kubernetes-validations"] = Array.from({ length: count }, () => ruleOf(making, made));
  }
  return made;
}

const someOf = (random: Random, make: () => unknown): unknown[] => Array.from({ length: 1 + random.int(3) }, make);

function stringLimits(making: Making): Schema {
  const { random, wrong } = making;
  const made: Schema = {};
  if (chance(random, 0.4)) made.maxLength = pick(random, [5, 10, 64, 3, 1000, chance(random, wrong) ? -1 : 20]);
  if (chance(random, 0.15)) made.minLength = pick(random, [0, 1, 2, chance(random, wrong) ? 1000 : 1]);
  if (chance(random, 0.15)) made.pattern = chance(random, wrong) ? pick(random, badPatterns) : pick(random, patterns).pattern;
  return made;
}
function stringSchema(making: Making): Schema {
  const { random, wrong } = making;
  const roll = random.next();
  if (roll < 0.3) {
    const format = chance(random, Math.max(wrong, 0.06)) ? pick(random, oddFormats) : pick(random, Object.keys(formats));
    return { type: "string", format, ...(chance(random, 0.2) ? stringLimits(making) : {}) };
  }
  if (roll < 0.45)
    return {
      type: "string",
      enum: someOf(random, () => pick(random, chance(random, 0.8) ? ["a", "b", "abc", ""] : [...someStrings, chance(random, wrong) ? 5 : "x"])),
    };
  return { type: "string", ...stringLimits(making) };
}

function numberLimits({ random, wrong }: Making): Schema {
  const made: Schema = {};
  const fraction = (value: number): number => (chance(random, 0.15) ? value + 0.5 : value);
  if (chance(random, 0.3)) made.minimum = fraction(pick(random, [0, 1, -5, 3]));
  if (chance(random, 0.3)) made.maximum = fraction(pick(random, [10, 100, 5, 2147483648]));
  if (made.minimum !== undefined && chance(random, 0.2)) made.exclusiveMinimum = true;
  if (made.maximum !== undefined && chance(random, 0.2)) made.exclusiveMaximum = true;
  if (chance(random, 0.1)) made.multipleOf = pick(random, [2, 0.5, 5, 1, chance(random, wrong) ? 0 : 3, 0.1]);
  return made;
}
function numberSchema(making: Making, type: "integer" | "number"): Schema {
  const { random } = making;
  if (chance(random, 0.1)) return { type, enum: someOf(random, () => pick(random, [1, 2, 3, type === "number" ? 1.5 : 5, 0])) };
  const format = chance(random, 0.3)
    ? pick(random, type === "integer" ? ["int32", "int64", "float", "byte"] : ["float", "double", "int32", "date"])
    : undefined;
  return { type, ...(format ? { format } : {}), ...numberLimits(making) };
}
function intOrString(making: Making): Schema {
  const { random } = making;
  const choice = { anyOf: [{ type: "integer" }, { type: "string" }] };
  const more = chance(random, 0.3)
    ? choice
    : chance(random, 0.2)
      ? { allOf: [choice, ...(chance(random, 0.4) ? [{ minimum: 2 }] : [])] }
      : chance(random, 0.3)
        ? { maxLength: 6 }
        : {};
  return { "x-kubernetes-int-or-string": true, ...more };
}

function arraySchema(making: Making, depth: number): Schema {
  const { random, wrong } = making;
  const sizes: Schema = {};
  if (chance(random, 0.65)) sizes.maxItems = pick(random, [3, 5, 10, 100]);
  if (chance(random, 0.12)) sizes.minItems = pick(random, [1, 2]);
  if (chance(random, wrong / 3)) sizes.uniqueItems = true;
  const roll = random.next();
  if (roll < 0.25) {
    const items = chance(random, 1 - wrong)
      ? pick(random, [() => stringSchema(making), () => numberSchema(making, "integer"), () => atomicItems(making, depth)])()
      : schemaOf(making, depth - 1);
    return { type: "array", ...sizes, "x-kubernetes-list-type": "set", items };
  }
  if (roll < 0.55) return listMap(making, depth, sizes);
  return { type: "array", ...sizes, ...(chance(random, 0.3) ? { "x-kubernetes-list-type": "atomic" } : {}), items: schemaOf(making, depth - 1) };
}
const atomicItems = (making: Making, depth: number): Schema => ({ ...objectSchema(making, Math.min(depth - 1, 1)), "x-kubernetes-map-type": "atomic" });

function listMap(making: Making, depth: number, sizes: Schema): Schema {
  const { random, wrong } = making;
  const items = objectSchema(making, depth - 1);
  const keys = chance(random, 0.7) ? ["name"] : pick(random, [["name", "port"], ["key"], ["a", "b", "c"]]);
  const properties = { ...propertiesOf(items) };
  const required = new Set((items.required as string[] | undefined) ?? []);
  for (const key of keys) {
    const property: Schema = pick(random, [
      () => ({ type: "string", maxLength: 10 }),
      () => ({ type: "string" }),
      () => ({ type: "integer" }),
      () => ({ type: "boolean" }),
      () => stringSchema(making),
    ])();
    if (chance(random, 0.25)) property.default = exampleOf(random, property, 0, 1);
    if (property.default === undefined && chance(random, 1 - wrong)) required.add(key);
    if (chance(random, wrong / 2)) property.nullable = true;
    properties[key] = property;
  }
  const list: Schema = { type: "array", ...sizes, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys };
  return { ...list, items: { ...items, properties, ...(required.size ? { required: [...required] } : {}) } };
}

function mapSchema(making: Making, depth: number): Schema {
  const { random, wrong } = making;
  const values = chance(random, 0.1) ? true : schemaOf(making, depth - 1);
  const made: Schema = { type: "object", additionalProperties: values };
  if (chance(random, 0.5)) made.maxProperties = pick(random, [2, 5, 20]);
  if (chance(random, 0.1)) made.minProperties = 1;
  if (chance(random, 0.15)) made["x-kubernetes-map-type"] = pick(random, ["atomic", "granular"]);
  if (chance(random, wrong / 2)) made.properties = { a: stringSchema(making) };
  return made;
}

export function objectSchema(making: Making, depth: number): Schema {
  const { random } = making;
  const names = new Set(Array.from({ length: 1 + random.int(4) }, () => pick(random, chance(random, 0.9) ? plainNames : oddNames)));
  const made: Schema = { type: "object", properties: object([...names].map((name) => [name, schemaOf(making, depth - 1)])) };
  const required = [...names].filter(() => chance(random, 0.2));
  if (required.length) made.required = required;
  if (chance(random, 0.04)) made.required = [...required, pick(random, ["zz", "a", ""])];
  if (chance(random, 0.06)) made.maxProperties = pick(random, [1, 2, 5]);
  if (chance(random, 0.04)) made.minProperties = pick(random, [0, 1, 2]);
  if (chance(random, 0.07)) made["x-kubernetes-map-type"] = pick(random, ["atomic", "granular"]);
  if (chance(random, 0.07)) made["x-kubernetes-preserve-unknown-fields"] = true;
  return made;
}

function embedded(making: Making, depth: number): Schema {
  const { random } = making;
  const made = chance(random, 0.5) ? objectSchema(making, depth - 1) : ({ type: "object" } as Schema);
  if (!made.properties || chance(random, 0.5)) made["x-kubernetes-preserve-unknown-fields"] = true;
  made["x-kubernetes-embedded-resource"] = true;
  if (chance(random, 0.3))
    made.properties = {
      ...propertiesOf(made),
      kind: { type: "string", ...(chance(random, 0.3) ? { default: "Pod" } : {}) },
      metadata: { type: "object", ...(chance(random, 0.3) ? { properties: { name: { type: "string", maxLength: 5 } } } : {}) },
    };
  return made;
}

/** A validation without types, of what the schema has. */
function validation(making: Making, schema: Schema): Schema {
  const { random } = making;
  const made: Schema = {};
  const names = Object.keys(propertiesOf(schema));
  switch (schema.type) {
    case "string":
      Object.assign(
        made,
        stringLimits(making),
        chance(random, 0.3) ? { enum: ["a", "abc"] } : {},
        chance(random, 0.2) ? { format: pick(random, Object.keys(formats)) } : {},
      );
      break;
    case "integer":
    case "number":
      Object.assign(made, numberLimits(making), chance(random, 0.2) ? { enum: [1, 2] } : {});
      break;
    case "array":
      Object.assign(
        made,
        chance(random, 0.5) ? { maxItems: 2 } : { minItems: 1 },
        chance(random, 0.3) && schema.items ? { items: validation(making, schema.items as Schema) } : {},
      );
      break;
    default:
      if (names.length && chance(random, 0.7)) made.required = [pick(random, names)];
      if (names.length && chance(random, 0.4)) {
        const name = pick(random, names);
        made.properties = object([[name, validation(making, propertiesOf(schema)[name] as Schema)]]);
      }
      if (chance(random, 0.1)) made.maxProperties = 1;
  }
  if (chance(random, making.wrong / 2))
    Object.assign(
      made,
      pick<Schema>(random, [
        { type: "string" },
        { default: 1 },
        { description: "d" },
        { nullable: true },
        { properties: { zz: { minLength: 1 } } },
        { items: { minimum: 1 } },
        { additionalProperties: { minimum: 1 } },
      ]),
    );
  return made;
}
function junctor(making: Making, schema: Schema): void {
  const { random } = making;
  const several = (): Schema[] => Array.from({ length: 1 + random.int(3) }, () => validation(making, schema));
  const name = pick(random, ["allOf", "anyOf", "oneOf", "not"]);
  if (schema[name] !== undefined) return;
  schema[name] = name === "not" ? validation(making, schema) : several();
}

/** The same data in another version: the schema changed here and there. */
export function changedSchema(making: Making, root: Schema): Schema {
  const copy = structuredClone(root);
  const properties = propertiesOf(copy);
  const { spec } = properties;
  if (spec?.type === "object" && spec.properties) {
    const own = spec.properties as Record<string, Schema>;
    const names = Object.keys(own);
    if (names.length && chance(making.random, 0.6)) own[pick(making.random, names)] = schemaOf(making, 2);
    if (chance(making.random, 0.5)) own[pick(making.random, ["a", "b", "name", "extra"])] = schemaOf(making, 1);
    if (names.length > 1 && chance(making.random, 0.4)) delete own[pick(making.random, names)];
    if (chance(making.random, 0.3)) delete spec.required;
    else if (chance(making.random, 0.2)) spec.required = [pick(making.random, names)];
  } else properties.spec = objectSchema(making, 2);
  return copy;
}
