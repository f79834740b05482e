import assert from "node:assert/strict";
import test from "node:test";
import { path } from "../../api/field.ts";
import type { JSONObject } from "../../api/json.ts";
import { typeByName } from "../../api/schema/schema.ts";
import { deleteOptionsOfQuery } from "./options.ts";
import { consumed } from "./patch-words.ts";

test("a list that comes with an order is gone from the patch when something else is refused", () => {
  const patch = { status: { conditions: [{ type: 81 }], "$setElementOrder/conditions": [{ type: 81 }] } };
  assert.deepEqual(consumed(typeByName("core/v1.Node"), { status: { conditions: [{ type: "Ready" }] } }, patch), { status: {} });
});

test("so is one inside an element that is merged", () => {
  const containers = (more: JSONObject): JSONObject => ({ spec: { containers: [{ name: "c", ...more }] } });
  const patch = containers({ ports: [{ containerPort: "x" }], "$setElementOrder/ports": [{ containerPort: "x" }] });
  assert.deepEqual(consumed(typeByName("core/v1.Pod"), containers({ ports: [] }), patch), containers({}));
});

test("an element that says how to merge is shown as it came", () => {
  const patch = { spec: { containers: [{ $patch: "replace", name: "c" }] } };
  assert.deepEqual(consumed(typeByName("core/v1.Pod"), { spec: { containers: [{ name: "c" }] } }, structuredClone(patch)), patch);
});

test("which keys are retained is gone from what is merged", () => {
  const containers = (...list: JSONObject[]): JSONObject => ({ spec: { containers: list } });
  const patch = containers({ $patch: "delete", name: "absent" }, { name: "c", $retainKeys: ["name"] });
  const left = containers({ $patch: "delete", name: "absent" }, { name: "c" });
  assert.deepEqual(consumed(typeByName("core/v1.Pod"), containers({ name: "c" }), patch), left);
});

test("what replaces is shown as it came", () => {
  const budget = (matchLabels: JSONObject): JSONObject => ({ spec: { selector: { matchLabels } } });
  const patch = budget({ $retainKeys: ["app"], app: "x" });
  assert.deepEqual(consumed(typeByName("policy/v1.PodDisruptionBudget"), budget({ app: "x" }), structuredClone(patch)), patch);
});

test("a deletion without a body takes its preconditions from the query", () => {
  const options = deleteOptionsOfQuery(new URLSearchParams("uid=u&resourceVersion=0"));
  assert.deepEqual(options, { preconditions: { uid: "u", resourceVersion: "0" } });
});

test("an empty name in a path is shown as an empty key", () => {
  assert.equal(path("status", "allocatable").child("").text, "status.allocatable[]");
});

test("what a patch adds to a list twice is shown merged, whatever the length of the list", () => {
  const env = Array.from({ length: 20_000 }, (_, i) => ({ name: `v${i % 10_000}`, ...(i < 10_000 ? { value: "a" } : { value: "b" }) }));
  const containers = (list: object[]): JSONObject => ({ spec: { containers: [{ name: "a", env: list }] } }) as unknown as JSONObject;
  const original = containers([{ name: "v0", value: "old" }]);
  const shown = consumed(typeByName("core/v1.Pod"), original, containers(env)) as unknown as { spec: { containers: [{ env: { value: string }[] }] } };
  const [first, second] = shown.spec.containers[0].env;
  assert.equal(first?.value, "a");
  assert.equal(second?.value, "b");
});
