/** Validating and mutating policies, and requests that meet them. */
import {
  always,
  apply,
  binding,
  everything,
  expression,
  json,
  life,
  mutating,
  ofConfigMap,
  onDeployment,
  policy,
  validating,
  withParams,
} from "./policy-made.ts";
import { policyMistakes } from "./policy-mistakes.ts";
import type { AdmissionCase } from "./webhook-cases.ts";

export const policyCases: AdmissionCase[] = [
  ...policyMistakes,
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
