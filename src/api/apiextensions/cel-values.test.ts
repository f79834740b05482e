import assert from "node:assert/strict";
import { test } from "node:test";
import { Path } from "../field.ts";
import type { JSONValue } from "../json.ts";
import { RuleValidator } from "./rule-validation.ts";
import type { Schema } from "./schema.ts";

function broken(schema: Schema, rule: object, value: JSONValue, old?: JSONValue): string[] {
  const validator = RuleValidator.of({ ...schema, "x-kubernetes-validations": [rule as { rule: string }] }, false);
  return validator?.validate(value, old, new Path("spec")).errors.map(({ body }) => body) ?? ["no rules"];
}

test("an optional old value has lost its schema: what that does not name cannot be compared", () => {
  const free: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { a: { type: "integer" } } };
  const rule = { optionalOldSelf: true, rule: "!oldSelf.hasValue() || self == oldSelf.value()" };
  assert.deepEqual(broken(free, rule, { a: 1 }, { a: 1 }), []);
  assert.deepEqual(broken(free, rule, { a: 1, b: 2 }), []);
  assert.match(broken(free, rule, { a: 1, b: 2 }, { a: 1, b: 2 })[0] ?? "", /^Invalid value: "object": 'no such overload': call arguments did not match/);
  const turned = { optionalOldSelf: true, rule: "!oldSelf.hasValue() || oldSelf.value() == self" };
  assert.match(broken(free, turned, { a: 1, b: 2 }, { a: 1, b: 2 })[0] ?? "", /failed rule/);
  assert.deepEqual(broken({ type: "integer" }, turned, 5, 5), []);
  assert.match(
    broken({ type: "boolean" }, rule, true, {})[0] ?? "",
    /: unsupported conversion to ref\.Val: \(\*errors\.errorString\)invalid data, expected bool, got/,
  );
  const untyped: Schema = { type: "object", properties: { b: { "x-kubernetes-preserve-unknown-fields": true } } };
  assert.deepEqual(broken(untyped, rule, { b: 0 }, { b: 0 }), []);
});

test("elements of a list with keys that are no maps are each another", () => {
  const list: Schema = { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"], items: { type: "string" } };
  assert.deepEqual(broken(list, { rule: "self + self != self" }, ["x"]), []);
  assert.match(broken(list, { rule: "self == self" }, ["x"])[0] ?? "", /failed rule/);
});

test("an element that does not fit its schema is there where it is asked for, and an error where it is read", () => {
  const list: Schema = { type: "array", items: { type: "number" } };
  const of = (rule: string): string[] => broken(list, { rule }, [{ a: 1 }]);
  assert.deepEqual(of("self[?0].hasValue()"), []);
  assert.deepEqual(of("!self[?9].hasValue()"), []);
  for (const rule of ["self[?0].value() > 1.0", "self[?0].orValue(1.0) > 2.0", "self[0] > 1.0"])
    assert.match(of(rule)[0] ?? "", /invalid data, expected float, got map/, rule);
});
