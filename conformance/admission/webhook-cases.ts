/** Webhooks of every behaviour, and requests that meet them. */
import type { Request } from "../differential/exchange.ts";
import { behaviours } from "./webhook-behaviours.ts";

export interface AdmissionCase {
  name: string;
  /** Made before any request of any case; SIDE and PORT in it are the side's. */
  setup: Request[];
  requests: Request[];
}

const group = "/apis/admissionregistration.k8s.io/v1";
export const paths = {
  mutating: `${group}/mutatingwebhookconfigurations`,
  validating: `${group}/validatingwebhookconfigurations`,
  policies: `${group}/validatingadmissionpolicies`,
  policyBindings: `${group}/validatingadmissionpolicybindings`,
  mutatingPolicies: `${group}/mutatingadmissionpolicies`,
  mutatingPolicyBindings: `${group}/mutatingadmissionpolicybindings`,
  configMaps: "/api/v1/namespaces/default/configmaps",
  deployments: "/apis/apps/v1/namespaces/default/deployments",
};

/** Who the object is for: only the case's own webhooks and policies look at it. */
export const configMap = (name: string, more: object = {}, id = name): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: id, labels: { case: name } },
  data: { a: "1" },
  ...more,
});
const everything = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] };
interface HookSpec {
  behaviour: string;
  [field: string]: unknown;
}
const webhook = (name: string, i: number, { behaviour, ...more }: HookSpec): object => ({
  name: `h${i}.${name}.example.com`,
  clientConfig: { url: `https://127.0.0.1:PORT/SIDE/${behaviour}`, caBundle: "CABUNDLE" },
  rules: [everything],
  objectSelector: { matchLabels: { case: name } },
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  timeoutSeconds: 2,
  ...more,
});
export const configuration = (kind: "Mutating" | "Validating", name: string, ...hooks: HookSpec[]): Request => ({
  method: "POST",
  path: kind === "Mutating" ? paths.mutating : paths.validating,
  body: {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: hooks.map((hook, i) => webhook(name, i, hook)),
  },
});

const create = (name: string, more: object = {}, query = ""): Request => ({ method: "POST", path: `${paths.configMaps}${query}`, body: configMap(name, more) });
const life = (name: string): Request[] => [
  create(name),
  { method: "GET", path: `${paths.configMaps}/${name}` },
  { method: "PUT", path: `${paths.configMaps}/${name}?fieldManager=m`, body: configMap(name, { data: { a: "2" } }) },
  { method: "PATCH", path: `${paths.configMaps}/${name}`, body: { data: { b: "3" } }, headers: { "content-type": "application/merge-patch+json" } },
  {
    method: "PATCH",
    path: `${paths.configMaps}/${name}?fieldManager=applier&force=true`,
    body: configMap(name, { data: { a: "4" } }),
    headers: { "content-type": "application/apply-patch+yaml" },
  },
  { method: "DELETE", path: `${paths.configMaps}/${name}`, body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" } },
];

const lying = Object.keys(behaviours).filter((name) => /^(no-|wrong-|unknown-|empty-|html|json-|broken|status-|hang-up|moved-)/.test(name));
const patching = Object.keys(behaviours).filter((name) => name.startsWith("patch-"));
const conditions = (...expressions: string[]): { name: string; expression: string }[] => expressions.map((expression, i) => ({ name: `c${i}`, expression }));

const simple = (name: string, kind: "Mutating" | "Validating", behaviour: string, more: object = {}): AdmissionCase => ({
  name,
  setup: [configuration(kind, name, { behaviour, ...more })],
  requests: [create(name), create(name, {}, "?dryRun=All"), { method: "GET", path: `${paths.configMaps}/${name}` }],
});
const meeting = (name: string, expressions: string[], more: object = {}): AdmissionCase => ({
  name,
  setup: [configuration("Validating", name, { behaviour: "deny", matchConditions: conditions(...expressions), ...more })],
  requests: life(name),
});

const deployment = (name: string): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, labels: { case: name } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
});

/** Those who look at Scales choose by labels that only a request gives them. */
function scaling(behaviour: string): AdmissionCase {
  const name = `scale-${behaviour}`;
  const rules = [{ ...everything, resources: ["deployments/scale"] }];
  const path = `${paths.deployments}/${name}/scale`;
  const labels = { case: name };
  const scale = (replicas: number, more: object = labels): object => ({
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name, labels: more },
    spec: { replicas },
  });
  return {
    name,
    setup: [configuration("Mutating", name, { behaviour, rules }), configuration("Validating", name, { behaviour: "warn", rules })],
    requests: [
      { method: "POST", path: paths.deployments, body: deployment(name) },
      { method: "PUT", path: `${path}?fieldManager=m`, body: scale(2) },
      { method: "PUT", path: `${path}?fieldManager=m`, body: scale(3, { case: name, "-": "" }) },
      { method: "PUT", path, body: scale(4, {}) },
      { method: "PATCH", path, body: { metadata: { labels }, spec: { replicas: 5 } }, headers: { "content-type": "application/merge-patch+json" } },
      { method: "PATCH", path: `${path}?fieldManager=applier&force=true`, body: scale(6), headers: { "content-type": "application/apply-patch+yaml" } },
      { method: "GET", path: `${paths.deployments}/${name}` },
      { method: "DELETE", path: `${paths.deployments}?labelSelector=case%3D${name}` },
    ],
  };
}

export const webhookCases: AdmissionCase[] = [
  ...["allow", "deny-message", "patch-label", "patch-replicas", "patch-name", "patch-managed", "patch-owners", "patch-unknown-field"].map(scaling),
  {
    name: "shown",
    setup: [configuration("Mutating", "shown", { behaviour: "allow" }), configuration("Validating", "shown", { behaviour: "allow" })],
    requests: life("shown"),
  },
  {
    name: "shown-old",
    setup: [configuration("Validating", "shown-old", { behaviour: "warn", admissionReviewVersions: ["v1beta1", "v1"] })],
    requests: life("shown-old"),
  },
  ...["deny", "deny-message", "deny-reason", "deny-all", "deny-odd-code", "warn"].flatMap((behaviour) => [
    simple(`m-${behaviour}`, "Mutating", behaviour),
    simple(`v-${behaviour}`, "Validating", behaviour),
  ]),
  ...lying.flatMap((behaviour) => [simple(`m-${behaviour}`, "Mutating", behaviour), simple(`v-${behaviour}`, "Validating", behaviour)]),
  ...lying.slice(0, 4).map((behaviour) => simple(`ignored-${behaviour}`, "Mutating", behaviour, { failurePolicy: "Ignore" })),
  ...patching.map((behaviour) => simple(`m-${behaviour}`, "Mutating", behaviour)),
  ...["patch-label", "patch-empty", "patch-only-type"].map((behaviour) => simple(`v-${behaviour}`, "Validating", behaviour)),
  simple("m-old-patch", "Mutating", "patch-no-type", { admissionReviewVersions: ["v1beta1"] }),
  simple("m-slow", "Mutating", "slow", { timeoutSeconds: 1 }),
  simple("v-slow", "Validating", "slow", { timeoutSeconds: 1 }),
  simple("v-slow-ignored", "Validating", "slow", { timeoutSeconds: 1, failurePolicy: "Ignore" }),
  simple("refused", "Validating", "allow", { clientConfig: { url: "https://127.0.0.1:1/x" } }),
  simple("unknown-ca", "Validating", "allow", { clientConfig: { url: "https://127.0.0.1:PORT/SIDE/allow" } }),
  simple("bad-ca", "Validating", "allow", { clientConfig: { url: "https://127.0.0.1:PORT/SIDE/allow", caBundle: "bm9uc2Vuc2U=" } }),
  simple("wrong-name", "Validating", "allow", { clientConfig: { url: "https://localhost:PORT/SIDE/allow", caBundle: "CABUNDLE" } }),
  simple("no-service", "Validating", "allow", { clientConfig: { service: { namespace: "default", name: "none", path: "/x" } } }),
  simple("no-port", "Validating", "allow", { clientConfig: { service: { namespace: "default", name: "kubernetes", port: 444 } } }),
  simple("side-effects", "Validating", "allow", { sideEffects: "NoneOnDryRun" }),
  {
    name: "order",
    setup: [
      configuration("Mutating", "order", { behaviour: "patch-seen" }, { behaviour: "patch-label" }, { behaviour: "patch-data" }, { behaviour: "patch-seen" }),
      configuration("Validating", "order", { behaviour: "allow" }),
    ],
    requests: life("order"),
  },
  {
    name: "again",
    setup: [
      configuration(
        "Mutating",
        "again",
        { behaviour: "patch-count", reinvocationPolicy: "IfNeeded" },
        { behaviour: "patch-once" },
        { behaviour: "patch-count", reinvocationPolicy: "Never" },
      ),
    ],
    requests: life("again"),
  },
  {
    name: "again-all",
    setup: [
      configuration(
        "Mutating",
        "again-all",
        { behaviour: "patch-count", reinvocationPolicy: "IfNeeded" },
        { behaviour: "patch-count", reinvocationPolicy: "IfNeeded" },
      ),
    ],
    requests: life("again-all"),
  },
  {
    name: "rules",
    setup: [
      configuration(
        "Validating",
        "rules",
        { behaviour: "deny", rules: [{ ...everything, operations: ["DELETE"] }] },
        { behaviour: "deny-message", rules: [{ ...everything, resources: ["configmaps/status"] }] },
        { behaviour: "deny-message", rules: [{ ...everything, scope: "Cluster" }] },
        { behaviour: "deny-message", rules: [{ ...everything, apiGroups: ["apps"] }] },
        {
          behaviour: "deny-reason",
          rules: [{ ...everything, operations: ["UPDATE"], resources: ["configmaps"], apiVersions: ["v1"], apiGroups: [""], scope: "Namespaced" }],
        },
      ),
    ],
    requests: life("rules"),
  },
  {
    name: "selected",
    setup: [
      configuration(
        "Validating",
        "selected",
        { behaviour: "deny", namespaceSelector: { matchLabels: { none: "such" } } },
        { behaviour: "deny-message", objectSelector: { matchLabels: { case: "selected", extra: "1" } } },
      ),
    ],
    requests: [
      ...life("selected"),
      {
        method: "POST",
        path: paths.configMaps,
        body: { ...configMap("selected"), metadata: { name: "selected-2", labels: { case: "selected", extra: "1" } } },
      },
      { method: "POST", path: "/api/v1/namespaces/absent/configmaps", body: configMap("selected") },
    ],
  },
  meeting("c-true", ["true"]),
  meeting("c-false", ["false", "object.none.such == 1"]),
  meeting("c-error", ["object.none.such == 1", "true"]),
  meeting("c-error-ignored", ["object.none.such == 1"], { failurePolicy: "Ignore" }),
  meeting("c-two-errors", ["object.none == 1", "oldObject.none == 2"]),
  meeting("c-operation", ["request.operation == 'UPDATE'"]),
  meeting("c-user", ["request.userInfo.username == 'admin' && 'system:masters' in request.userInfo.groups"]),
  meeting("c-request", [
    "request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps' && request.requestKind.version == 'v1' && !request.dryRun && request.namespace == 'default'",
  ]),
  meeting("c-options", ["request.operation == 'DELETE' && request.options.kind == 'DeleteOptions'"]),
  meeting("c-authorizer", ["authorizer.group('').resource('pods').namespace('default').check('get').allowed()"]),
  meeting("c-authorizer-no", ["!authorizer.serviceAccount('default', 'nobody').group('').resource('pods').namespace('default').check('get').allowed()"]),
  meeting("c-authorizer-resource", ["authorizer.requestResource.check('delete').allowed() && authorizer.path('/healthz').check('get').allowed()"]),
  meeting("c-authorizer-bad", ["authorizer.path('').check('get').allowed()"]),
  meeting("c-authorizer-reason", ["authorizer.serviceAccount('default', 'nobody').group('').resource('pods').check('get').reason() == 'x'"]),
  meeting("c-namespace-object", ["namespaceObject == null"]),
  meeting("c-costly", [
    "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a+b+c+d+e+f > 0))))))",
  ]),
  meeting("c-old", ["oldObject != null && oldObject.data.a == '1'"]),
  {
    name: "several",
    setup: [configuration("Validating", "several", { behaviour: "warn" }, { behaviour: "deny-message" }, { behaviour: "allow" })],
    requests: life("several"),
  },
  {
    name: "workload",
    setup: [configuration("Validating", "workload", { behaviour: "warn" }), configuration("Mutating", "workload", { behaviour: "patch-label" })],
    requests: [
      { method: "POST", path: paths.deployments, body: deployment("workload") },
      { method: "GET", path: `${paths.deployments}/workload/scale` },
      {
        method: "PATCH",
        path: `${paths.deployments}/workload/scale`,
        body: { spec: { replicas: 3 } },
        headers: { "content-type": "application/merge-patch+json" },
      },
      {
        method: "PATCH",
        path: `${paths.deployments}/workload/status`,
        body: { status: { replicas: 2 } },
        headers: { "content-type": "application/merge-patch+json" },
      },
      { method: "GET", path: `${paths.deployments}/workload` },
      { method: "DELETE", path: `${paths.deployments}?labelSelector=case%3Dworkload` },
    ],
  },
  {
    name: "equivalent",
    setup: [
      configuration("Validating", "equivalent", {
        behaviour: "warn",
        rules: [{ ...everything, apiGroups: ["autoscaling"], apiVersions: ["v1"], resources: ["horizontalpodautoscalers"] }],
      }),
      configuration("Mutating", "equivalent", {
        behaviour: "patch-label",
        rules: [{ ...everything, apiGroups: ["autoscaling"], apiVersions: ["v1"], resources: ["horizontalpodautoscalers"] }],
      }),
    ],
    requests: ["v2", "v1"].flatMap((version): Request[] => [
      {
        method: "POST",
        path: `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`,
        body: {
          apiVersion: `autoscaling/${version}`,
          kind: "HorizontalPodAutoscaler",
          metadata: { name: `equivalent-${version}`, labels: { case: "equivalent" } },
          spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x" } },
        },
      },
      { method: "DELETE", path: `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers/equivalent-${version}` },
    ]),
  },
  {
    name: "exact",
    setup: [
      configuration("Validating", "exact", {
        behaviour: "deny",
        matchPolicy: "Exact",
        rules: [{ ...everything, apiVersions: ["v1"], apiGroups: ["autoscaling"] }],
      }),
    ],
    requests: [
      {
        method: "POST",
        path: "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        body: {
          apiVersion: "autoscaling/v2",
          kind: "HorizontalPodAutoscaler",
          metadata: { name: "exact", labels: { case: "exact" } },
          spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x" } },
        },
      },
    ],
  },
  {
    name: "generated",
    setup: [configuration("Mutating", "generated", { behaviour: "patch-label" })],
    requests: [
      { method: "POST", path: paths.configMaps, body: { ...configMap("generated"), metadata: { generateName: "gn-", labels: { case: "generated" } } } },
    ],
  },
  {
    name: "namespaces",
    setup: [configuration("Validating", "namespaces", { behaviour: "deny", namespaceSelector: { matchLabels: { case: "namespaces" } } })],
    requests: [
      { method: "POST", path: "/api/v1/namespaces", body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "ns-1", labels: { case: "namespaces" } } } },
    ],
  },
  {
    name: "reviews",
    setup: [configuration("Validating", "reviews", { behaviour: "deny", objectSelector: {}, rules: [{ ...everything, apiGroups: ["authorization.k8s.io"] }] })],
    requests: [
      {
        method: "POST",
        path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { nonResourceAttributes: { path: "/healthz", verb: "get" } } },
      },
    ],
  },
];
