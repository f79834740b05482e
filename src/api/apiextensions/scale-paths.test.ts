import assert from "node:assert/strict";
import { test } from "node:test";
import { integerAt, ScalePathError, setAt } from "./scale-paths.ts";

const wordsFor = (object: object): string | undefined => {
  try {
    integerAt(object as never, ".spec.replicas");
  } catch (error) {
    if (error instanceof ScalePathError) return error.message;
    throw error;
  }
  return undefined;
};

test("what is in the way of replicas is shown as Go prints it", () => {
  assert.equal(wordsFor({ spec: ["a", "a"] }), ".spec.replicas accessor error: [a a] is of the type []interface {}, expected map[string]interface{}");
  assert.equal(wordsFor({ spec: { replicas: {} } }), ".spec.replicas accessor error: map[] is of the type map[string]interface {}, expected int64");
  assert.equal(wordsFor({ spec: 1e20 }), ".spec.replicas accessor error: 1e+20 is of the type float64, expected map[string]interface{}");
  assert.equal(wordsFor({ spec: { replicas: null } }), ".spec.replicas accessor error: <nil> is of the type <nil>, expected int64");
});

test("behind a null there are no replicas, and none can be set", () => {
  assert.equal(wordsFor({ spec: null }), undefined);
  assert.throws(() => setAt({ spec: null }, ".spec.replicas", 1), { message: "value cannot be set because .spec is not a map[string]interface{}" });
  const object = {};
  setAt(object, ".spec.replicas", 2);
  assert.deepEqual(object, { spec: { replicas: 2 } });
});
