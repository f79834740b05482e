import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../../../api/json.ts";
import type { KubeObject } from "../../../api/object.ts";
import { type ResourceDef, resourceOf, typeOfKind } from "../../../api/schema/schema.ts";
import { systemClock } from "../../../base/clock.ts";
import { Metrics } from "../../../base/metrics.ts";
import type { AuthorizationDecision } from "../../authorization/authorizer.ts";
import { MemoryReader, type Sketch } from "../../authorization/memory-reader.fixture.ts";
import { policySeries } from "../../metrics/policies.ts";
import { conditionSeries } from "../../metrics/webhooks.ts";
import type { AdmissionAttributes, Face } from "../admission.ts";
import { AdmissionChain } from "../chain.ts";
import { mutatingPolicies } from "./mutating.ts";
import { validatingPolicies } from "./validating.ts";

const group = "admissionregistration.k8s.io";
const everything = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] };
const face: Face = {
  kind: { group: "", version: "v1", kind: "ConfigMap" },
  resource: { group: "", version: "v1", resource: "configmaps" },
  type: typeOfKind("v1", "ConfigMap"),
  labels: ({ metadata }) => metadata.labels,
  show: (object) => structuredClone(object) as unknown as JSONObject,
  read: (json) => json,
  take(draft, read) {
    Object.assign(draft, read);
  },
};

function world(kind: "Validating" | "Mutating", spec: object, binding: object = {}) {
  const name = kind.toLowerCase();
  const policy: Sketch = {
    metadata: { name: "p", uid: "u", generation: 1 },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {}, resourceRules: [everything] },
      ...spec,
    },
  };
  const reader = new MemoryReader()
    .put(`${name}admissionpolicies.${group}`, policy)
    .put(`${name}admissionpolicybindings.${group}`, { metadata: { name: "b" }, spec: { policyName: "p", validationActions: ["Deny"], ...binding } })
    .put("namespaces", { metadata: { name: "a", labels: { team: "x" } } });
  let asked = 0;
  const metrics = new Metrics();
  const options = {
    reader,
    clock: systemClock,
    // It has to wait, as one that asks somebody else does.
    authorizer: {
      async authorize({ resource }: { resource: string }): Promise<AuthorizationDecision> {
        asked++;
        await Promise.resolve();
        return { decision: resource === "pods" ? "allow" : "no-opinion", reason: "" };
      },
    },
    params: () => undefined,
    series: policySeries(metrics),
    conditions: conditionSeries(metrics),
  };
  const chain = new AdmissionChain([mutatingPolicies(options), validatingPolicies(options)]);
  const admit = async (data: Record<string, string> = { a: "1" }): Promise<Record<string, string>> => {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "a" }, data } as unknown as KubeObject;
    const attributes: AdmissionAttributes = {
      operation: "CREATE",
      resource: resourceOf("", "v1", "configmaps") as ResourceDef,
      subresource: "",
      namespace: "a",
      name: "c",
      object,
      user: { name: "jane", groups: [] },
      dryRun: false,
      warn: () => undefined,
      faces: () => ({ own: face, equivalents: () => [] }),
      request: { signal: new AbortController().signal },
    };
    await chain.mutate(attributes);
    await chain.validate(attributes);
    return (object as unknown as { data: Record<string, string> }).data;
  };
  return { admit, asked: () => asked, metrics };
}
const validating = (expression: string, more: object = {}, spec: object = {}) => world("Validating", { validations: [{ expression, ...more }], ...spec });

test("a policy refuses in its own words, with its reason", async () => {
  const { admit, metrics } = validating("object.data.a == '2'", { messageExpression: "'a is ' + object.data.a", reason: "Forbidden" });
  await assert.rejects(admit(), {
    code: 403,
    reason: "Forbidden",
    message: `configmaps "c" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: a is 1`,
  });
  await admit({ a: "2" });
  assert.match(metrics.expose(), /check_total\{policy="p",policy_binding="b",error_type="invalid_error",enforcement_action="deny"\} 1/);
});

test("an authorizer that has to wait is asked each question once", async () => {
  const question = "authorizer.group('').resource('pods').check('get').allowed()";
  const { admit, asked } = validating(`${question} && ${question}`);
  await admit();
  assert.equal(asked(), 1);
});

test("variables are evaluated once, and what is wrong with them is told where they are used", async () => {
  const variables = [
    { name: "twice", expression: "object.data.a + object.data.a" },
    { name: "broken", expression: "object.data.none + 'x'" },
  ];
  await validating("variables.twice == '11' && namespaceObject.metadata.labels.team == 'x'", {}, { variables }).admit();
  await assert.rejects(validating("variables.broken == ''", {}, { variables }).admit(), {
    message: /resulted in error: composited variable "broken" fails to evaluate: no such key: none$/,
  });
});

test("what costs too much is refused, or passed over where failures are ignored", async () => {
  const ten = "[1,2,3,4,5,6,7,8,9,10]";
  const costly = ["a", "b", "c", "d", "e", "f"].reduce((inner, name) => `${ten}.all(${name}, ${inner})`, "true");
  await assert.rejects(validating(costly).admit(), { message: /operation cancelled: actual cost limit exceeded$/ });
  await validating(costly, {}, { failurePolicy: "Ignore" }).admit();
});

test("a kind of parameters that does not exist is the policy's mistake", async () => {
  const spec = { paramKind: { apiVersion: "none.example.com/v1", kind: "Nothing" } };
  await assert.rejects(validating("true", {}, spec).admit(), {
    message: /denied request: failed to configure policy: failed to find resource referenced by paramKind: 'none.example.com\/v1, Kind=Nothing'$/,
  });
});

test("mutations are made in their order; a test that fails leaves the object as it is", async () => {
  const { admit } = world("Mutating", {
    reinvocationPolicy: "Never",
    mutations: [
      { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{data: {'b': object.data.a + '!'}}" } },
      { patchType: "JSONPatch", jsonPatch: { expression: "[JSONPatch{op: 'copy', from: '/data/b', path: '/data/c'}]" } },
      { patchType: "JSONPatch", jsonPatch: { expression: "[JSONPatch{op: 'test', path: '/data/a', value: '9'}, JSONPatch{op: 'remove', path: '/data/a'}]" } },
    ],
  });
  assert.deepEqual(await admit(), { a: "1", b: "1!", c: "1!" });
});

test("a mutation that cannot be made refuses the request", async () => {
  const apply = (expression: string) =>
    world("Mutating", { reinvocationPolicy: "Never", mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }] }).admit();
  await assert.rejects(apply("Object{nothing: 1}"), {
    code: 403,
    reason: "Invalid",
    message:
      "policy 'p' with binding 'b' denied request: error applying patch: failed to convert patch object to typed object: .nothing: field not declared in schema",
  });
  await assert.rejects(apply("Object{metadata: Object.spec{}}"), { message: /type mismatch: unexpected type name "Object.spec", expected "Object.metadata"/ });
});
