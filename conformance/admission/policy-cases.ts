/** Validating and mutating policies, and requests that meet them. */
import type { Request } from "../differential/exchange.ts";
import { type AdmissionCase, configMap, paths } from "./webhook-cases.ts";

const apiVersion = "admissionregistration.k8s.io/v1";
const everything = { operations: ["CREATE", "UPDATE"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] };
const always = { ...everything, operations: ["*"] };

const policy = (kind: "Validating" | "Mutating", name: string, spec: object, rules: object[] = [always]): Request => ({
  method: "POST",
  path: kind === "Validating" ? paths.policies : paths.mutatingPolicies,
  body: {
    apiVersion,
    kind: `${kind}AdmissionPolicy`,
    metadata: { name },
    spec: {
      matchConstraints: { resourceRules: rules, objectSelector: { matchLabels: { case: name } } },
      ...(kind === "Mutating" ? { reinvocationPolicy: "Never" } : {}),
      ...spec,
    },
  },
});
const binding = (kind: "Validating" | "Mutating", name: string, spec: object = {}, id = name): Request => ({
  method: "POST",
  path: kind === "Validating" ? paths.policyBindings : paths.mutatingPolicyBindings,
  body: {
    apiVersion,
    kind: `${kind}AdmissionPolicyBinding`,
    metadata: { name: id },
    spec: { policyName: name, ...(kind === "Validating" ? { validationActions: ["Deny"] } : {}), ...spec },
  },
});
const life = (name: string, more: object = {}): Request[] => [
  { method: "POST", path: `${paths.configMaps}?dryRun=All`, body: configMap(name, more) },
  { method: "POST", path: paths.configMaps, body: configMap(name, more) },
  { method: "GET", path: `${paths.configMaps}/${name}` },
  { method: "PUT", path: `${paths.configMaps}/${name}?fieldManager=m`, body: configMap(name, { data: { a: "2", b: "x" } }) },
  { method: "PATCH", path: `${paths.configMaps}/${name}`, body: { data: { c: "3" } }, headers: { "content-type": "application/merge-patch+json" } },
  { method: "DELETE", path: `${paths.configMaps}/${name}` },
];
const validating = (name: string, spec: object, more: object = {}): AdmissionCase => ({
  name: `vap-${name}`,
  setup: [policy("Validating", `vap-${name}`, spec), binding("Validating", `vap-${name}`, more)],
  requests: life(`vap-${name}`),
});
const expression = (name: string, text: string, more: object = {}): AdmissionCase => validating(name, { validations: [{ expression: text, ...more }] });
const mutating = (name: string, mutations: object[], spec: object = {}, more: object = {}): AdmissionCase => ({
  name: `map-${name}`,
  setup: [policy("Mutating", `map-${name}`, { mutations, ...spec }, [everything]), binding("Mutating", `map-${name}`, more)],
  requests: life(`map-${name}`),
});
const apply = (text: string): object => ({ patchType: "ApplyConfiguration", applyConfiguration: { expression: text } });
const json = (text: string): object => ({ patchType: "JSONPatch", jsonPatch: { expression: text } });

const param = (name: string, data: Record<string, string>, labels: Record<string, string> = {}): Request => ({
  method: "POST",
  path: paths.configMaps,
  body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data },
});
const ofConfigMap = { apiVersion: "v1", kind: "ConfigMap" };
const withParams = (name: string, paramRef: object | undefined, spec: object = {}, more: object = {}): AdmissionCase => ({
  name: `vap-${name}`,
  setup: [
    param(`p1-${name}`, { limit: "1" }, { params: name }),
    param(`p2-${name}`, { limit: "2" }, { params: name }),
    policy("Validating", `vap-${name}`, {
      paramKind: ofConfigMap,
      validations: [{ expression: "params == null || object.data.a != params.data.limit", messageExpression: "'must not be ' + params.data.limit" }],
      ...spec,
    }),
    binding("Validating", `vap-${name}`, { ...(paramRef ? { paramRef } : {}), ...more }),
  ],
  requests: life(`vap-${name}`),
});

const deployment = (name: string, more: object = {}): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, labels: { case: name } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }], ...more } },
  },
});
const onDeployment = (name: string, mutations: object[], spec: object = {}): AdmissionCase => ({
  name: `map-${name}`,
  setup: [policy("Mutating", `map-${name}`, { mutations, ...spec }, [{ ...everything, apiGroups: ["apps"] }]), binding("Mutating", `map-${name}`)],
  requests: [
    { method: "POST", path: paths.deployments, body: deployment(`map-${name}`) },
    { method: "GET", path: `${paths.deployments}/map-${name}` },
    { method: "DELETE", path: `${paths.deployments}/map-${name}` },
  ],
});

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

export const policyCases: AdmissionCase[] = [
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
  expression("true", "true"),
  expression("false", "false"),
  expression("message", "object == null || object.data.a == '2'", { message: "  a must be 2  " }),
  expression("message-expression", "object == null || object.data.a == '2'", { message: "not used", messageExpression: "'a is ' + object.data.a" }),
  expression("message-fails", "object == null || object.data.a == '2'", { message: "fallback", messageExpression: "object.data.none" + " + 'x'" }),
  expression("message-lines", "object == null || object.data.a == '2'", { messageExpression: "'two\\nlines'" }),
  ...["Forbidden", "Invalid", "RequestEntityTooLarge"].map((reason) => expression(reason.toLowerCase(), "false", { reason })),
  expression("error", "object.data.none == 'x'"),
  expression("has", "object == null || !has(object.data.b) || oldObject.data.a == '1'"),
  expression("request", "request.operation != 'DELETE' || request.userInfo.username == 'nobody'"),
  expression(
    "request-all",
    "request.kind.group == '' && request.resource.resource == 'configmaps' && request.namespace == 'default' && !has(request.subResource) && request.name.startsWith('vap') && (request.operation == 'UPDATE' || request.dryRun)",
  ),
  expression("options", "request.options.kind == 'CreateOptions'"),
  expression(
    "namespace",
    "namespaceObject.metadata.name == 'default' && namespaceObject.status.phase == 'Active' && namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'x'",
  ),
  expression(
    "authorizer",
    "authorizer.group('').resource('configmaps').namespace('default').name('x').check('get').allowed() && !authorizer.serviceAccount('default', 'x').requestResource",
  ),
  expression("authorizer-no", "authorizer.serviceAccount('default', 'x').group('').resource('configmaps').check('get').allowed()", {
    messageExpression: "'for ' + request.userInfo.username",
  }),
  expression("authorizer-resource", "authorizer.requestResource.check('sing').reason() == ''"),
  expression(
    "costly",
    "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a+b+c+d+e+f > 0))))))",
  ),
  validating("costly-variable", {
    variables: [
      {
        name: "v",
        expression:
          "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a+b+c+d+e+f > 0))))))",
      },
    ],
    validations: [{ expression: "variables.v" }],
  }),
  validating("variables", {
    variables: [
      { name: "a", expression: "object == null ? '' : object.data.a" },
      { name: "twice", expression: "variables.a + variables.a" },
      { name: "broken", expression: "object.data.none + 'x'" },
    ],
    validations: [
      { expression: "variables.twice != '11'", messageExpression: "'twice is ' + variables.twice" },
      { expression: "variables.twice != '22' || variables.broken == ''" },
    ],
  }),
  validating("ignore", {
    failurePolicy: "Ignore",
    validations: [{ expression: "object.data.none == 'x'" }, { expression: "object == null || object.data.a != '2'" }],
  }),
  validating("several", {
    validations: [
      { expression: "object == null || object.data.a == '2'", message: "first" },
      { expression: "object == null || has(object.data.b)", message: "second", reason: "Forbidden" },
    ],
  }),
  validating("warn", { validations: [{ expression: "object == null || object.data.a == '2'", message: "be careful" }] }, { validationActions: ["Warn"] }),
  validating("audit", { validations: [{ expression: "false", message: "noted" }] }, { validationActions: ["Audit", "Warn"] }),
  validating("annotations", { auditAnnotations: [{ key: "k", valueExpression: "object == null ? null : object.data.a" }] }),
  validating("annotation-fails", { auditAnnotations: [{ key: "k", valueExpression: "object.data.none + 'x'" }] }),
  validating("conditions", {
    matchConditions: [
      { name: "not-delete", expression: "request.operation != 'DELETE'" },
      { name: "a", expression: "object.data.a == '2'" },
    ],
    validations: [{ expression: "false" }],
  }),
  validating("condition-fails", { matchConditions: [{ name: "a", expression: "object.data.none == '2'" }], validations: [{ expression: "true" }] }),
  validating("condition-ignored", {
    failurePolicy: "Ignore",
    matchConditions: [{ name: "a", expression: "object.data.none == '2'" }],
    validations: [{ expression: "false" }],
  }),
  validating("bound-elsewhere", { validations: [{ expression: "false" }] }, { matchResources: { namespaceSelector: { matchLabels: { none: "such" } } } }),
  validating("bound-deletes", { validations: [{ expression: "false" }] }, { matchResources: { resourceRules: [{ ...always, operations: ["DELETE"] }] } }),
  validating(
    "bound-name",
    { validations: [{ expression: "false" }] },
    { matchResources: { resourceRules: [{ ...always, resourceNames: ["vap-bound-name"] }] } },
  ),
  validating(
    "bound-exclude",
    { validations: [{ expression: "false" }] },
    { matchResources: { excludeResourceRules: [{ ...always, operations: ["UPDATE"] }] } },
  ),
  {
    name: "vap-unbound",
    setup: [policy("Validating", "vap-unbound", { validations: [{ expression: "false" }] })],
    requests: life("vap-unbound"),
  },
  {
    name: "vap-two",
    setup: [
      policy("Validating", "vap-two", { validations: [{ expression: "object == null || object.data.a == '2'", message: "no" }] }),
      binding("Validating", "vap-two", { validationActions: ["Warn"] }),
      binding("Validating", "vap-two", { validationActions: ["Deny"] }, "vap-two-b"),
    ],
    requests: life("vap-two"),
  },
  withParams("param-name", { name: "p1-param-name", namespace: "default", parameterNotFoundAction: "Deny" }),
  withParams("param-own-namespace", { name: "p1-param-own-namespace", parameterNotFoundAction: "Deny" }),
  withParams("param-none-deny", { name: "none", parameterNotFoundAction: "Deny" }),
  withParams("param-none-allow", { name: "none", parameterNotFoundAction: "Allow" }),
  withParams("param-none-ignore", { name: "none", parameterNotFoundAction: "Deny" }, { failurePolicy: "Ignore" }),
  withParams("param-selector", { selector: { matchLabels: { params: "param-selector" } }, parameterNotFoundAction: "Deny" }),
  withParams("param-no-ref", undefined),
  withParams("param-unknown-kind", { name: "x", parameterNotFoundAction: "Deny" }, { paramKind: { apiVersion: "none.example.com/v1", kind: "Nothing" } }),
  withParams(
    "param-cluster-scoped",
    { name: "x", namespace: "default", parameterNotFoundAction: "Deny" },
    { paramKind: { apiVersion: "v1", kind: "Namespace" } },
  ),
  withParams(
    "param-type-meta",
    { name: "p1-param-type-meta", parameterNotFoundAction: "Deny" },
    { validations: [{ expression: "params.kind == 'ConfigMap' && params.apiVersion == 'v1' && params.metadata.namespace == 'x'" }] },
  ),
  mutating("apply-label", [apply("Object{metadata: Object.metadata{labels: {'added': 'yes'}}}")]),
  mutating("apply-data", [apply("Object{data: {'b': object.data.a + '!', 'n': string(size(object.data))}}")]),
  mutating("apply-empty", [apply("Object{}")]),
  mutating("apply-unknown", [apply("Object{nothing: 1}")]),
  mutating("apply-type", [apply("Object{data: {'b': 1}}")]),
  mutating("apply-misnamed", [apply("Object{metadata: Object.spec{labels: {'added': 'yes'}}}")]),
  mutating("apply-error", [apply("Object{data: {'b': object.data.none}}")]),
  mutating("apply-error-ignored", [apply("Object{data: {'b': object.data.none}}")], { failurePolicy: "Ignore" }),
  mutating("apply-invalid", [apply("Object{data: {'in valid': 'x'}}")]),
  mutating("apply-optional", [apply("Object{?data: object.?data.none.hasValue() ? optional.of({'x': 'y'}) : optional.none()}")]),
  mutating("json-add", [json("[JSONPatch{op: 'add', path: '/data/b', value: 'x'}, JSONPatch{op: 'remove', path: '/data/a'}]")]),
  mutating("json-escape", [json("[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/a~b'), value: 'x'}]")]),
  mutating("json-escaped", [json("[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/a'), value: 'x'}]")]),
  mutating("json-test", [json("[JSONPatch{op: 'test', path: '/data/a', value: '2'}, JSONPatch{op: 'add', path: '/data/b', value: 'y'}]")]),
  mutating("json-map", [json("[JSONPatch{op: 'add', path: '/data', value: {'x': object.data.a}}]")]),
  mutating("json-copy", [json("[JSONPatch{op: 'copy', from: '/data/a', path: '/data/copy'}]")]),
  mutating("json-missing", [json("[JSONPatch{op: 'remove', path: '/data/none'}]")]),
  mutating("json-bad-op", [json("[JSONPatch{op: 'dance', path: '/data/none'}]")]),
  mutating("json-bad-type", [json("[JSONPatch{op: 'add', path: '/data/b', value: 5}]")]),
  mutating("json-unknown", [json("[JSONPatch{op: 'add', path: '/nothing', value: 5}]")]),
  mutating("json-object", [json("[JSONPatch{op: 'add', path: '/metadata/annotations', value: Object.metadata.annotations{x: 'y'}}]")]),
  mutating("json-object-root", [json("[JSONPatch{op: 'add', path: '/metadata/annotations', value: Object{x: 'y'}}]")]),
  mutating("two", [apply("Object{data: {'one': 'x'}}"), json("[JSONPatch{op: 'add', path: '/data/two', value: string(size(object.data))}]")]),
  mutating("variables", [apply("Object{data: {'v': variables.v}}")], { variables: [{ name: "v", expression: "object.data.a + '?'" }] }),
  mutating("conditions", [apply("Object{data: {'v': 'x'}}")], { matchConditions: [{ name: "c", expression: "object.data.a == '2'" }] }),
  mutating("condition-fails", [apply("Object{data: {'v': 'x'}}")], { matchConditions: [{ name: "c", expression: "object.data.none == '2'" }] }),
  mutating(
    "param-missing",
    [apply("Object{data: {'v': params.data.x}}")],
    { paramKind: ofConfigMap },
    { paramRef: { name: "none", parameterNotFoundAction: "Deny" } },
  ),
  mutating("reinvoked", [json("[JSONPatch{op: 'add', path: '/data/count', value: has(object.data.count) ? object.data.count + 'i' : 'i'}]")], {
    reinvocationPolicy: "IfNeeded",
  }),
  {
    name: "map-first",
    setup: [
      policy("Mutating", "map-first", { reinvocationPolicy: "IfNeeded", mutations: [apply("Object{data: {'seen': has(object.data.later) ? 'yes' : 'no'}}")] }, [
        everything,
      ]),
      binding("Mutating", "map-first"),
      {
        ...policy("Mutating", "map-second", {
          mutations: [apply("Object{data: {'later': 'x'}}")],
          matchConstraints: { resourceRules: [everything], objectSelector: { matchLabels: { case: "map-first" } } },
        }),
      },
      binding("Mutating", "map-second"),
    ],
    requests: life("map-first"),
  },
  onDeployment("replicas", [apply("Object{spec: Object.spec{replicas: object.spec.replicas + 2}}")]),
  onDeployment("containers", [
    apply(
      "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'side', image: 'car'}], initContainers: [Object.spec.template.spec.initContainers{name: 'init', image: 'i'}]}}}}",
    ),
  ]),
  onDeployment("merge", [
    apply(
      "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', imagePullPolicy: 'Never'}]}}}}",
    ),
  ]),
  onDeployment("atomic", [apply("Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'x': 'y'}}}}")]),
  onDeployment("atomic-list", [
    apply(
      "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', args: ['x']}]}}}}",
    ),
  ]),
  onDeployment("wrong-type", [apply("Object{spec: Object.spec{replicas: 'many'}}")]),
  onDeployment("wrong-field", [apply("Object{spec: Object.spec{replicass: 1}}")]),
  onDeployment("json", [
    json(
      "[JSONPatch{op: 'replace', path: '/spec/replicas', value: 5}, JSONPatch{op: 'add', path: '/spec/template/spec/tolerations', value: [{'key': 'k', 'operator': 'Exists'}]}]",
    ),
  ]),
];
