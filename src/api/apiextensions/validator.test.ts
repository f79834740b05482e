import assert from "node:assert/strict";
import { test } from "node:test";
import { Path } from "../field.ts";
import type { JSONValue } from "../json.ts";
import { Correlation } from "./correlation.ts";
import { nodeOf } from "./node.ts";
import type { Schema } from "./schema.ts";
import { validateDefaultValue, validateValue } from "./validator.ts";

const said = (schema: Schema, value: JSONValue): string[] => validateValue(schema, value, new Path("a")).map(({ body }) => body);

test("a value is converted to the type of a choice before it is compared", () => {
  assert.deepEqual(said({ enum: [1] }, 1.5), []);
  assert.deepEqual(said({ enum: [0] }, -0.5), []);
  assert.deepEqual(said({ enum: ["a"] }, 97), []);
  assert.deepEqual(said({ enum: [1.5] }, 1), ['Unsupported value: 1: supported values: "1.5"']);
  assert.deepEqual(said({ enum: [null, "a"], nullable: true }, null).length, 1);
});

test("a limit that is out of its type's range is compared with its fraction", () => {
  assert.deepEqual(said({ type: "integer", multipleOf: 0.5 }, 4), ['Invalid value: "": MultipleOf value must be of type integer (default format) in ']);
  assert.deepEqual(said({ multipleOf: 0.5 }, 4), ["Invalid value: 0: factor MultipleOf declared for  must be positive: 0"]);
  assert.equal(said({ type: "integer", minimum: 3.5 }, 3).length, 2);
});

test("of a default a choice of integer or string is no type, and a format that nobody knows says nothing of the type", () => {
  const either: Schema = { "x-kubernetes-int-or-string": true };
  const judged = (schema: Schema, value: JSONValue): string[] => validateDefaultValue(schema, value, new Path("a")).map(({ body }) => body);
  assert.deepEqual(judged(either, true), []);
  assert.equal(said(either, true).length, 1);
  assert.deepEqual(judged({ type: "object", format: "strange" }, "x"), []);
  assert.equal(said({ type: "object", format: "strange" }, "x").length, 1);
});

test("a format of another type is none of the range that a number is in", () => {
  assert.deepEqual(
    validateDefaultValue({ type: "integer", format: "byte", multipleOf: 0.5 }, 4, new Path("a")).map(({ body }) => body),
    ['Invalid value: "": MultipleOf value must be of type integer (default format) in '],
  );
});

test("a map that is no choice is shown by the order of its keys", () => {
  assert.deepEqual(said({ enum: ["a"] }, { z: { y: [], x: 1 } }), ['Unsupported value: {"z":{"x":1,"y":[]}}: supported values: "a"']);
});

test("an integer beside a limit that is out of range is shown as a float", () => {
  assert.deepEqual(said({ type: "integer", format: "int32", maximum: 2147483648, exclusiveMaximum: true }, 2147483648), [
    'Invalid value: "": Checked value must be of type integer with format int32 in ',
    'Invalid value: "": Maximum boundary value must be of type integer with format int32 in ',
    "Invalid value: 2.147483648e+09:  in body should be less than 2.147483648e+09",
  ]);
});

/** How often values are compared with the schema, and once when the quick way is made: its limit is asked for each time. */
function counted(schema: Schema): { schema: Schema; asked: () => number } {
  let asked = 0;
  const counting = new Proxy(schema, {
    get(target, name) {
      if (name === "maxLength") asked++;
      return target[name as keyof Schema];
    },
  });
  return { schema: counting, asked: () => asked };
}

test("nothing more is judged once as much is wrong as a Status tells", () => {
  const { schema, asked } = counted({ type: "string", maxLength: 1 });
  const told = validateValue({ type: "array", items: schema }, Array<string>(100_000).fill("long"));
  assert.equal(told.length, 10_000);
  assert.equal(asked(), 10_000 + 1);
});

test("an object that takes too many steps is refused for that, not judged for minutes", () => {
  const choices = Array.from({ length: 1000 }, (_, i) => ({ minLength: i }));
  const found = validateValue({ type: "array", items: { type: "string", oneOf: choices } }, Array<string>(100_000).fill("x".repeat(2000)), new Path("spec"));
  assert.equal(found.at(-1)?.body, "Forbidden: takes more than 1000000 steps to compare with its schema");
  assert.equal(found.at(-1)?.field, "spec");
  assert.equal(found.at(-1)?.type, "FieldValueForbidden");
});

test("a pattern that is large is not matched with long texts without end", () => {
  const found = validateValue({ type: "string", pattern: `^(${"a?".repeat(20_000)})*$` }, "a".repeat(1_000_000));
  assert.match(found[0]?.body ?? "", /^Forbidden: takes more than/);
});

test("what an update leaves as it was is not compared with the schema", () => {
  const { schema, asked } = counted({ type: "string", maxLength: 1 });
  const whole: Schema = { type: "object", properties: { a: { type: "array", items: schema }, b: { type: "string" } } };
  const list = Array<string>(1000).fill("long");
  const correlation = new Correlation(nodeOf(whole), { a: list, b: "x" }, { a: [...list], b: "y" });
  assert.deepEqual(validateValue(whole, { a: list, b: "x" }, new Path(), correlation), []);
  assert.ok(asked() <= 1);
});

test("a choice among many is looked up, and what all of them are is told as often as a Status has room", () => {
  const choices = Array.from({ length: 50_000 }, (_, i) => `v${i}`);
  const list: Schema = { type: "array", items: { type: "string", enum: choices } };
  assert.deepEqual(validateValue(list, choices), []);
  assert.ok(
    validateValue(
      list,
      Array.from({ length: 50_000 }, (_, i) => `x${i}`),
    ).length < 20,
  );
});

test("texts are matched with formats in time that follows their length", () => {
  const judged = (format: string, text: string): number => validateValue({ type: "string", format }, text).length;
  assert.equal(judged("email", "a".repeat(900)), 1);
  assert.equal(judged("email", `${"a ".repeat(400)}<a@b>`), 0);
  assert.equal(judged("duration", `${"1".repeat(300_000)}x`), 1);
  assert.equal(judged("duration", "1 ".repeat(300_000)), 1);
  assert.equal(judged("duration", "1 minute"), 0);
});

test("of a default no choice says which other properties there may be", () => {
  const closed: Schema = { additionalProperties: false };
  const at = new Path();
  for (const more of [{ oneOf: [closed] }, { anyOf: [{ allOf: [closed] }] }, { allOf: [{ properties: { a: closed } }] }] satisfies Schema[]) {
    const schema: Schema = { type: "object", ...more };
    assert.deepEqual(validateDefaultValue(schema, { a: { b: 1 } }, at), []);
    assert.notDeepEqual(validateValue(schema, { a: { b: 1 } }, at), []);
  }
  assert.notDeepEqual(validateDefaultValue({ type: "object", not: closed }, { a: 1 }, at), []);
  assert.notDeepEqual(validateDefaultValue({ type: "object", ...closed }, { a: 1 }, at), []);
});
