import assert from "node:assert/strict";
import { test } from "node:test";
import { path, required } from "../field.ts";
import { invalid } from "../status.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { setCondition, validateConditions } from "./conditions.ts";
import { validateLabelSelector } from "./labels.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain, pathSegmentName } from "./names.ts";
import { controllerOf, newControllerRef } from "./owner.ts";
import { validateImmutableField, validateObjectMeta, validateObjectMetaUpdate } from "./validation.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const meta = (more: Partial<ObjectMeta>): ObjectMeta => ({
  name: "a",
  namespace: "b",
  uid: "u",
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
  ...more,
});
const texts = (errors: { field: string; body: string }[]): string[] => errors.map((e) => `${e.field}: ${e.body}`);

test("metadata of a new object is checked in upstream's order", () => {
  const bad = meta({
    name: "A",
    generateName: "AB-",
    namespace: "B",
    generation: -1,
    labels: { "a b": "$" },
    annotations: { "": "" },
    ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "" }],
    finalizers: ["orphan", "foregroundDeletion"],
    managedFields: [{ operation: "x", fieldsType: "y", manager: "\u0001" }],
  });
  assert.deepEqual(
    validateObjectMeta(bad, rules, path("metadata")).map((e) => e.field),
    [
      "metadata.generateName",
      "metadata.name",
      "metadata.namespace",
      "metadata.generation",
      "metadata.labels",
      "metadata.labels",
      "metadata.annotations",
      "metadata.annotations",
      "metadata.ownerReferences.apiVersion",
      "metadata.ownerReferences.kind",
      "metadata.ownerReferences.name",
      "metadata.ownerReferences.uid",
      "metadata.finalizers",
      "metadata.managedFields[0].operation",
      "metadata.managedFields[0].fieldsType",
      "metadata.managedFields[0].manager",
    ],
  );
  assert.deepEqual(validateObjectMeta(meta({}), rules, path("metadata")), []);
  assert.deepEqual(texts(validateObjectMeta(meta({ name: "" }), rules, path("metadata"))), ["metadata.name: Required value: name or generateName is required"]);
  assert.deepEqual(texts(validateObjectMeta(meta({}), { ...rules, namespaced: false }, path("metadata"))), [
    "metadata.namespace: Forbidden: not allowed on this type",
  ]);
});

test("annotations are bounded in all", () => {
  const errors = validateObjectMeta(meta({ annotations: { a: "x".repeat(256 * 1024) } }), rules, path("metadata"));
  assert.deepEqual(texts(errors), ["metadata.annotations: Too long: may not be more than 262144 bytes"]);
});

test("identity cannot change, finalizers cannot come while deleting", () => {
  const old = meta({ deletionTimestamp: "2026-01-01T00:00:01Z", finalizers: ["x/a"], generation: 2 });
  const next = meta({ name: "c", uid: "v", resourceVersion: "", deletionTimestamp: old.deletionTimestamp, finalizers: ["x/a", "x/c", "x/b"], generation: 1 });
  assert.deepEqual(texts(validateObjectMetaUpdate(next, old, path("metadata"))), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x/b", "x/c"}',
    'metadata.resourceVersion: Invalid value: "": must be specified for an update',
    "metadata.generation: Invalid value: 1: must not be decremented",
    'metadata.name: Invalid value: "c": field is immutable',
    'metadata.uid: Invalid value: "v": field is immutable',
  ]);
  assert.equal(validateImmutableField({ a: [1] }, { a: [1] }, path("spec")).length, 0);
  assert.equal(validateImmutableField({ a: [1] }, { a: [2] }, path("spec"))[0]?.body, 'Invalid value: {"a":[1]}: field is immutable');
});

test("only one owner may control", () => {
  const owner = { metadata: meta({ name: "o", uid: "1" }) };
  const reference = newControllerRef(owner, "apps/v1", "ReplicaSet");
  const errors = validateObjectMeta(meta({ ownerReferences: [reference, { ...reference, name: "p" }] }), rules, path("metadata"));
  assert.match(errors[0]?.body ?? "", /Only one reference can have Controller set to true\. Found "true" in references for ReplicaSet\/o and ReplicaSet\/p$/);
  assert.equal(controllerOf({ metadata: meta({ ownerReferences: [reference] }) })?.uid, "1");
});

test("generated names may end in a dash", () => {
  assert.deepEqual(nameIsDNSLabel("web-", true), []);
  assert.equal(nameIsDNSLabel("web-", false).length, 1);
  assert.deepEqual(pathSegmentName("system:a", false), []);
  assert.deepEqual(pathSegmentName("..", false), ["may not be '..'"]);
});

test("selectors say what their operators need", () => {
  const errors = validateLabelSelector(
    {
      matchExpressions: [
        { key: "a", operator: "In" },
        { key: "b", operator: "Exists", values: ["x"] },
        { key: "", operator: "Like" },
      ],
    },
    {},
    path("spec", "selector"),
  );
  assert.deepEqual(texts(errors).slice(0, 3), [
    "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    'spec.selector.matchExpressions[2].operator: Invalid value: "Like": not a valid selector operator',
  ]);
});

test("a condition's transition time moves with its status only", () => {
  const first = setCondition(undefined, { type: "Ready", status: "False", reason: "A", message: "" }, "2026-01-01T00:00:00Z");
  const same = setCondition(first, { type: "Ready", status: "False", reason: "A", message: "" }, "2026-01-02T00:00:00Z");
  assert.equal(same, first);
  const reason = setCondition(first, { type: "Ready", status: "False", reason: "B", message: "" }, "2026-01-02T00:00:00Z");
  assert.equal(reason[0]?.lastTransitionTime, "2026-01-01T00:00:00Z");
  const ready = setCondition(first, { type: "Ready", status: "True", reason: "B", message: "" }, "2026-01-02T00:00:00Z");
  assert.equal(ready[0]?.lastTransitionTime, "2026-01-02T00:00:00Z");
  assert.deepEqual(
    texts(validateConditions([...ready, { type: "Ready", status: "Maybe", reason: "", message: "", lastTransitionTime: "" }], path("status", "conditions"))),
    [
      'status.conditions[1].type: Duplicate value: "Ready"',
      'status.conditions[1].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
      "status.conditions[1].lastTransitionTime: Required value",
      "status.conditions[1].reason: Required value",
    ],
  );
});

test("an object with more mistakes than anybody reads is refused with the first of them", () => {
  const { status } = invalid(
    "ConfigMap",
    "c",
    Array.from({ length: 50_000 }, (_, n) => required(path("a").index(n), "")),
  );
  assert.equal(status.details?.causes?.length, 10_000);
});
