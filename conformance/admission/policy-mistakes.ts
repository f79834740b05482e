/** Policies and bindings that are wrong, and who may bind to what. */
import type { Request } from "../differential/exchange.ts";
import { always, apiVersion, apply, binding, everything, json, ofConfigMap, policy } from "./policy-made.ts";
import { type AdmissionCase, paths } from "./webhook-cases.ts";

const good = { matchConstraints: { resourceRules: [always] }, validations: [{ expression: "true" }] };
const wrongPolicies: object[] = [
  {},
  { ...good, matchConstraints: undefined },
  { ...good, matchConstraints: {} },
  {
    ...good,
    matchConstraints: {
      resourceRules: [{}],
      excludeResourceRules: [{ ...always, resourceNames: ["a", "a", "b/c"] }],
      matchPolicy: "No",
      namespaceSelector: { matchLabels: { "bad key": "x" } },
    },
  },
  { ...good, failurePolicy: "Maybe" },
  { ...good, paramKind: {} },
  ...["v1", "/", "a/b/c", "Bad!/v1", "apps/V1", "apps/"].map((version) => ({ ...good, paramKind: { apiVersion: version, kind: "ConfigMap" } })),
  { ...good, paramKind: { apiVersion: "v1", kind: "Config_Map" } },
  { ...good, validations: [] },
  { ...good, validations: [{}] },
  { ...good, validations: [{ expression: "object.x" }] },
  { ...good, validations: [{ expression: "params.x == 1" }] },
  { ...good, paramKind: ofConfigMap, validations: [{ expression: "params.x == 1" }] },
  {
    ...good,
    validations: [
      { expression: "true", message: " " },
      { expression: "true", message: "two\nlines" },
      { expression: "true", reason: "Sorry" },
    ],
  },
  {
    ...good,
    validations: [
      { expression: "true", messageExpression: "  " },
      { expression: "true", messageExpression: "1" },
      { expression: "true", messageExpression: "authorizer.group('')" },
    ],
  },
  { ...good, variables: [{}] },
  {
    ...good,
    variables: [
      { name: "x-y", expression: "1" },
      { name: "in", expression: "2" },
      { name: "ok", expression: "" },
    ],
  },
  {
    ...good,
    variables: [
      { name: "a", expression: "object.x" },
      { name: "b", expression: "variables.a + 1" },
    ],
    validations: [{ expression: "variables.b == 2 && variables.c" }],
  },
  { ...good, variables: [{ name: "a", expression: "'text'" }], validations: [{ expression: "variables.a == 2" }] },
  { ...good, variables: [{ name: "a", expression: "[1, 2]" }], validations: [{ expression: "variables.a.all(x, x == 'y')" }] },
  { ...good, variables: [{ name: "a", expression: "1 +" }], validations: [{ expression: "variables.a == 2" }] },
  { ...good, validations: [{ expression: "variables.a == 2" }] },
  { ...good, matchConditions: [{ name: "n", expression: "variables.a == 2" }], variables: [{ name: "a", expression: "1" }] },
  { ...good, matchConditions: [{ name: "n", expression: "params.x" }], paramKind: ofConfigMap },
  { ...good, auditAnnotations: [{}] },
  {
    ...good,
    auditAnnotations: [
      { key: "bad key", valueExpression: "1" },
      { key: "k", valueExpression: "'v'" },
      { key: "k", valueExpression: "null" },
    ],
  },
  {
    ...good,
    auditAnnotations: [
      { key: "k", valueExpression: "object.x" },
      { key: "l", valueExpression: "object == null ? null : 'x'" },
    ],
  },
  {
    ...good,
    validations: [
      {
        expression:
          "authorizer.requestResource.check('x').allowed() && authorizer.group('').resource('a').labelSelector('x').fieldSelector('y').check('get').errored()",
      },
    ],
  },
  { ...good, validations: [{ expression: "namespaceObject.metadata.labels['x'] == 'y' && namespaceObject.status.phase == 1" }] },
  { ...good, validations: [{ expression: "object.spec.containers.all(c, quantity(c.resources.limits.memory).isLessThan(quantity('1Gi')))" }] },
];
const mutations = [apply("Object{}")];
const goodMutation = { matchConstraints: { resourceRules: [everything] }, reinvocationPolicy: "Never", mutations };
const wrongMutations: object[] = [
  {},
  goodMutation,
  { ...goodMutation, reinvocationPolicy: "Always" },
  { ...goodMutation, matchConstraints: { resourceRules: [{ ...everything, operations: ["DELETE", "CREATE"] }] } },
  { ...goodMutation, mutations: [] },
  { ...goodMutation, mutations: [{}] },
  { ...goodMutation, mutations: [{ patchType: "Other" }] },
  { ...goodMutation, mutations: [{ patchType: "JSONPatch" }] },
  { ...goodMutation, mutations: [{ ...apply("Object{}"), jsonPatch: { expression: "[]" } }] },
  { ...goodMutation, mutations: [apply(" ")] },
  ...[
    "1",
    "{}",
    "object",
    "Object{spec: 1}",
    "Object{spec: Object.spec{x: 1}}",
    "Object.spec{}",
    "Object{spec: Object.other{}}",
    "Nothing{}",
    "JSONPatch{}",
    "Object{",
    "jsonpatch.escapeKey('a/b')",
  ].map((text) => ({ ...goodMutation, mutations: [apply(text)] })),
  ...[
    "[]",
    "[JSONPatch{}]",
    "[JSONPatch{op: 'add', path: '/x', value: 1}]",
    "[JSONPatch{op: 1}]",
    "[JSONPatch{nothing: 1}]",
    "[1]",
    "[Object{}]",
    "JSONPatch{}",
    "[JSONPatch{op: 'add', path: '/x', value: Object.x{y: 1}}]",
    "[JSONPatch{op: 'add', path: jsonpatch.escapeKey(1)}]",
  ].map((text) => ({ ...goodMutation, mutations: [json(text)] })),
];
const goodBinding = { policyName: "p", validationActions: ["Deny"] };
const wrongBindings: object[] = [
  {},
  goodBinding,
  { ...goodBinding, policyName: "Bad Name" },
  { ...goodBinding, validationActions: ["Deny", "Warn", "Deny", "Sing"] },
  { ...goodBinding, paramRef: {} },
  { ...goodBinding, paramRef: { name: "a/b", selector: {}, parameterNotFoundAction: "Perhaps" } },
  { ...goodBinding, paramRef: { name: "a", parameterNotFoundAction: "Deny" } },
  { ...goodBinding, matchResources: { matchPolicy: "No", resourceRules: [{ ...always, operations: ["DELETE"] }] } },
];
const post = (path: string, kind: string, spec: object, i: number): Request => ({
  method: "POST",
  path: `${path}?dryRun=All`,
  body: { apiVersion, kind, metadata: { name: `wrong-${i}` }, spec },
});

/** One who may write policies and read nothing. */
const author: Request[] = [
  {
    method: "POST",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    body: { metadata: { name: "author" }, rules: [{ apiGroups: ["admissionregistration.k8s.io"], resources: ["*"], verbs: ["*"] }] },
  },
  {
    method: "POST",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    body: {
      metadata: { name: "author" },
      subjects: [{ kind: "User", name: "author", apiGroup: "rbac.authorization.k8s.io" }],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "author" },
    },
  },
];
const byAuthor = (request: Request): Request => ({
  ...request,
  path: `${request.path}?dryRun=All`,
  headers: { "impersonate-user": "author", "impersonate-group": "writers" },
});
const named = (policyName: string): Request[] =>
  (["Validating", "Mutating"] as const).flatMap((kind) =>
    [
      { name: "x", namespace: "default", parameterNotFoundAction: "Deny" },
      { selector: {}, parameterNotFoundAction: "Deny" },
    ].map((paramRef) => byAuthor(binding(kind, policyName, { paramRef }, "by-author"))),
  );

export const policyMistakes: AdmissionCase[] = [
  {
    name: "who-may",
    setup: [
      ...author,
      policy("Validating", "who-may-p", { paramKind: ofConfigMap, validations: [{ expression: "true" }] }),
      policy("Mutating", "who-may-p", { paramKind: ofConfigMap, mutations: [apply("Object{}")] }, [everything]),
    ],
    requests: [
      byAuthor(policy("Validating", "plain", { validations: [{ expression: "true" }] })),
      ...[ofConfigMap, { apiVersion: "none.example.com/v1", kind: "Nothing" }].flatMap((paramKind) => [
        byAuthor(policy("Validating", "with-params", { paramKind, validations: [{ expression: "true" }] })),
        byAuthor(policy("Mutating", "with-params", { paramKind, mutations: [apply("Object{}")] }, [everything])),
      ]),
      byAuthor(policy("Validating", "wrong", { paramKind: ofConfigMap, validations: [{ expression: "1" }] })),
      ...named("who-may-p"),
      ...named("none"),
    ],
  },
  { name: "wrong-vap", setup: [], requests: wrongPolicies.map((spec, i) => post(paths.policies, "ValidatingAdmissionPolicy", spec, i)) },
  { name: "wrong-map", setup: [], requests: wrongMutations.map((spec, i) => post(paths.mutatingPolicies, "MutatingAdmissionPolicy", spec, i)) },
  { name: "wrong-vapb", setup: [], requests: wrongBindings.map((spec, i) => post(paths.policyBindings, "ValidatingAdmissionPolicyBinding", spec, i)) },
  {
    name: "wrong-mapb",
    setup: [],
    requests: wrongBindings.map((spec, i) =>
      post(paths.mutatingPolicyBindings, "MutatingAdmissionPolicyBinding", { ...spec, validationActions: undefined }, i),
    ),
  },
];
