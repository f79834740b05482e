import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import type { Schema } from "./schema.ts";
import { isValidInFull, validateValue } from "./validator.ts";

const random = seededRandom(11);
const one = <T>(...of: readonly T[]): T => of[random.int(of.length)] as T;
const maybe = (chance: number): boolean => random.int(chance) === 0;
const names = ["a", "b", "c"];

function schemaOf(depth: number): Schema {
  const type = one("string", "integer", "number", "boolean", "object", "array", undefined) as string;
  const schema = { ...(type ? { type } : {}) } as Schema & Record<string, unknown>;
  if (maybe(6)) schema.format = one("int32", "int64", "date", "duration", "ipv4", "float", "strange", "password");
  if (maybe(6)) schema.minLength = random.int(3);
  if (maybe(6)) schema.maxLength = random.int(4);
  if (maybe(6)) schema.pattern = one("^a", "[", "^\\p{L}*$");
  if (maybe(6)) schema.minimum = one(0, 2, 2.5, -1, 2 ** 31, 2 ** 60);
  if (maybe(6)) schema.maximum = one(0, 2, 3.5, 2 ** 31 - 1, 2 ** 31);
  if (maybe(12)) schema.exclusiveMinimum = true;
  if (maybe(12)) schema.multipleOf = one(2, 0.5);
  if (maybe(8)) schema.nullable = true;
  if (maybe(8)) schema.enum = [one<JSONValue>("a", 1, true, null), one<JSONValue>("ab", 2, "")] as never;
  if (maybe(8)) schema["x-kubernetes-int-or-string"] = true;
  if (maybe(8)) schema.minItems = random.int(3);
  if (maybe(8)) schema.maxItems = random.int(3);
  if (maybe(10)) schema.uniqueItems = true;
  if (maybe(8)) schema.minProperties = random.int(3);
  if (maybe(8)) schema.maxProperties = random.int(3);
  if (maybe(5)) schema.required = [one(...names)];
  if (depth === 0) return schema;
  if (maybe(2)) schema.items = schemaOf(depth - 1) as never;
  if (maybe(2)) schema.properties = Object.fromEntries(names.slice(random.int(3)).map((name) => [name, schemaOf(depth - 1)]));
  if (maybe(3)) schema.additionalProperties = (maybe(3) ? maybe(2) : schemaOf(depth - 1)) as never;
  if (maybe(8)) schema.anyOf = [schemaOf(0), schemaOf(0)];
  if (maybe(16)) schema.not = schemaOf(0);
  return schema;
}
function anyValue(depth: number): JSONValue {
  const plain = (): JSONValue =>
    one<JSONValue>("", "a", "ab", "\u{1f600}a", "10.0.0.1", "5s", "2026-01-01", 0, 1, 2, 3, -1, 1.5, 2 ** 31, -0, 2 ** 53, 2n ** 62n, true, false, null);
  if (depth === 0 || maybe(3)) return plain();
  if (maybe(2)) return Array.from({ length: random.int(4) }, () => anyValue(depth - 1));
  const object: JSONObject = {};
  for (const name of [...names, "d"]) if (maybe(2)) object[name] = anyValue(depth - 1);
  return object;
}

test("what is judged quickly is judged as in full, whatever the schema and the value", () => {
  const seen = [0, 0];
  for (let i = 0; i < 4_000; i++) {
    const schema = schemaOf(2);
    for (let j = 0; j < 8; j++) {
      const value = anyValue(2);
      const valid = isValidInFull(schema, value);
      const quick = validateValue(schema, value).length === 0;
      assert.equal(quick, valid, `${JSON.stringify(schema)} ${JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v))}`);
      seen[valid ? 1 : 0] = (seen[valid ? 1 : 0] as number) + 1;
    }
  }
  assert.ok(Math.min(...seen) > 1000, seen.join());
});
