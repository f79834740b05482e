/** Values for a schema, wrong now and then. */
import type { Random } from "../../src/base/random.ts";
import { formats, patterns, someStrings } from "./definitions-strings.ts";
import { chance, pick } from "./mutate.ts";
import type { Schema } from "./definitions-schema.ts";

const oddValues: readonly (() => unknown)[] = [
  () => null,
  () => "",
  () => "x",
  () => 0,
  () => 1,
  () => -1,
  () => 1.5,
  () => 2147483648,
  () => 1e20,
  () => true,
  () => false,
  () => [],
  () => {},
  () => [null],
  () => ["a", "a"],
  () => ({ a: 1 }),
  () => ({ unknown: { deep: [1] } }),
  () => [{ name: "a" }, { name: "a" }],
];
export const oddValue = (random: Random): unknown => pick(random, oddValues)() ?? null;

const embeddedMeta: readonly unknown[] = [
  { name: "n" },
  { name: "A B" },
  { name: "n", labels: { a: "b" } },
  { labels: { "a b": "c" } },
  { name: "n", extra: 1, creationTimestamp: null },
  { name: 5 },
  { annotations: { a: 1 } },
  { generateName: "x-", finalizers: ["a/b"] },
];

/** `odd`: how likely a value at each place is not what the schema says; `depth` bounds the recursion. */
export function exampleOf(random: Random, schema: Schema, odd: number, depth: number): unknown {
  if (chance(random, odd * 0.5)) return oddValue(random);
  if (schema.nullable && chance(random, 0.15)) return null;
  const values = schema.enum as unknown[] | undefined;
  if (values?.length && !chance(random, odd)) return pick(random, values);
  if (schema["x-kubernetes-int-or-string"]) return pick<unknown>(random, [1, 3, "a", "http", "25%", 80]);
  switch (schema.type) {
    case "string":
      return stringOf(random, schema, odd);
    case "integer":
    case "number":
      return numberOf(random, schema, odd);
    case "boolean":
      return chance(random, 0.5);
    case "array":
      return arrayOf(random, schema, odd, depth);
    default:
      return objectOf(random, schema, odd, depth);
  }
}

function stringOf(random: Random, { format, pattern, minLength, maxLength }: Schema, odd: number): string {
  const known = typeof format === "string" && Object.hasOwn(formats, format) ? formats[format] : undefined;
  const wrong = chance(random, odd);
  if (known && (!wrong || known.wrong.length)) return pick(random, wrong ? known.wrong : known.right);
  const found = patterns.find((one) => one.pattern === pattern);
  if (found && !chance(random, odd / 2)) return wrong ? found.wrong : found.right;
  const most = typeof maxLength === "number" ? maxLength : 20;
  if (wrong) return pick(random, [...someStrings, "x".repeat(Math.max(0, Math.min(most + 1, 2000)))]);
  const text = pick(random, ["a", "b", "abc", "ab", "xyz", "1"]);
  const long = typeof minLength === "number" && text.length < minLength ? text.padEnd(minLength, "a") : text;
  return most >= 0 && most < 1000 ? long.slice(0, most) : long;
}

function numberOf(random: Random, { type, minimum, maximum, multipleOf }: Schema, odd: number): number {
  if (chance(random, odd)) return pick(random, [-1, 0, 1.5, 2147483648, 9007199254740991, 1e20, 0.1, -0.5, 11, 7, 3]);
  const low = typeof minimum === "number" ? Math.ceil(minimum) : 0;
  const high = typeof maximum === "number" ? Math.floor(maximum) : low + 9;
  const value = pick(random, [low, low + 1, Math.max(low, Math.min(high, low + 4)), high]);
  if (typeof multipleOf === "number" && multipleOf > 0) return Math.ceil(value / multipleOf) * multipleOf;
  return type === "number" && chance(random, 0.4) ? value + 0.5 : value;
}

function arrayOf(random: Random, schema: Schema, odd: number, depth: number): unknown[] {
  const items = schema.items as Schema | undefined;
  if (!items || depth <= 0) return [];
  const least = typeof schema.minItems === "number" ? schema.minItems : 0;
  const count = chance(random, odd / 2) ? 4 : Math.max(least, random.int(4));
  const made = Array.from({ length: Math.min(count, 6) }, () => exampleOf(random, items, odd, depth - 1));
  if (!schema["x-kubernetes-list-type"] || schema["x-kubernetes-list-type"] === "atomic" || chance(random, odd)) return made;
  const keys = (schema["x-kubernetes-list-map-keys"] as string[] | undefined) ?? [];
  const seen = new Set<string>();
  return made.filter((item) => {
    const key = JSON.stringify(schema["x-kubernetes-list-type"] === "map" ? keys.map((name) => (item as Record<string, unknown> | null)?.[name]) : item);
    return seen.size < seen.add(key).size;
  });
}

function objectOf(random: Random, schema: Schema, odd: number, depth: number): unknown {
  const entries: [string, unknown][] = [];
  const properties = (schema.properties as Record<string, Schema> | undefined) ?? {};
  const required = new Set((schema.required as string[] | undefined) ?? []);
  for (const [name, property] of Object.entries(properties))
    if (depth > 0 ? chance(random, required.has(name) ? 1 - odd : 0.6) : required.has(name)) entries.push([name, exampleOf(random, property, odd, depth - 1)]);
  const values = schema.additionalProperties;
  if (values && depth > 0)
    for (const name of ["a", "b", "c", "x/y", "d e", "__proto__"])
      if (chance(random, name.length > 1 ? 0.1 : 0.4))
        entries.push([name, values === true ? oddValue(random) : exampleOf(random, values as Schema, odd, depth - 1)]);
  if (schema["x-kubernetes-embedded-resource"]) {
    entries.push(
      ["apiVersion", chance(random, odd) ? pick<unknown>(random, ["", "a/b/c", 5]) : "v1"],
      ["kind", chance(random, odd) ? pick<unknown>(random, ["", "a b", null]) : "Pod"],
    );
    if (chance(random, 0.5)) entries.push(["metadata", chance(random, odd + 0.1) ? pick(random, embeddedMeta) : { name: "n" }]);
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] && chance(random, 0.6)) entries.push(["any", oddValue(random)], ["z", { y: 1, x: [1, { w: null }] }]);
  else if (chance(random, odd)) entries.push([pick(random, ["unknown", "Name", "zz", "constructor", "__proto__"]), oddValue(random)]);
  return Object.fromEntries(entries);
}
