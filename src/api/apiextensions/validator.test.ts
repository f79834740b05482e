import assert from "node:assert/strict";
import { test } from "node:test";
import { Path } from "../field.ts";
import type { JSONValue } from "../json.ts";
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
