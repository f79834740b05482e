/** What both servers are asked, so that there is something to count. */
import type { Request } from "../differential/exchange.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const map = (name: string, more: object = {}): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...more } });
const apply = { "content-type": "application/apply-patch+yaml" };
const review = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes: { verb: "get", resource: "pods" } } };
const merge = { "content-type": "application/merge-patch+json" };
const services = "/api/v1/namespaces/default/services";
const service = (name: string, clusterIP?: string): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...(clusterIP ? { clusterIP } : {}) },
});
const guarded = "/api/v1/namespaces/guarded/pods";
const pod = (name: string, spec: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { serviceAccountName: "none", automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }], ...spec },
});
const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "none" } };
const policies = "/apis/admissionregistration.k8s.io/v1";
const policy = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicy",
  metadata: { name: "judged" },
  spec: {
    matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["secrets"] }] },
    validations: [{ expression: "object.metadata.name != 'refused'" }],
  },
};
const binding = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name: "judged" },
  spec: { policyName: "judged", validationActions: ["Deny"] },
};
const secrets = "/api/v1/namespaces/default/secrets";
const secret = (name: string): object => ({ apiVersion: "v1", kind: "Secret", metadata: { name } });
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const cups = "/apis/judge.example.com/v1/namespaces/default/cups";
const cup = (spec: object): object => ({ apiVersion: "judge.example.com/v1", kind: "Cup", metadata: { name: "c" }, spec });
const spec = { type: "object", properties: { size: { type: "integer" }, color: { type: "string" } } };
/** With rules from the second time on: what is there then may stay as it is. */
const definition = (rules: object[]): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "cups.judge.example.com" },
  spec: {
    group: "judge.example.com",
    names: { plural: "cups", kind: "Cup" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { ...spec, properties: { ...spec.properties, size: { type: "integer", ...ruled(rules) } } } },
          },
        },
      },
    ],
  },
});
const ruled = (rules: object[]): object => (rules.length ? { "x-kubernetes-validations": rules } : {});
const small = [{ rule: "self < 10" }];
const aggregated = { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" };

/** An admission webhook that refuses everything. */
export interface Hook {
  url: string;
  /** Base64 of PEM. */
  caBundle: string;
  /** HOST:PORT that takes audit events. */
  sink: string;
}
const limits = "/api/v1/namespaces/default/limitranges";
const limit = (name: string): object => ({ apiVersion: "v1", kind: "LimitRange", metadata: { name }, spec: { limits: [] } });
const webhook = (clientConfig: Hook): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: "refusing" },
  webhooks: [
    {
      name: "refusing.judge.example.com",
      clientConfig,
      rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["limitranges"] }],
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
    },
  ],
});

/** Something that comes about by itself: asked for until it is so. */
export interface Waited {
  until: Request;
  code: number;
}

const refused = (hook: Hook): (Request | Waited)[] => [
  { method: "POST", path: `${policies}/validatingwebhookconfigurations`, body: webhook(hook) },
  { until: { method: "POST", path: `${limits}?dryRun=All`, body: limit("refused") }, code: 403 },
  { method: "POST", path: limits, body: limit("refused") },
];

/** Whatever makes series: each verb, scope and subresource, refusals, dry runs, watches. */
export const steps = (hook?: Hook): readonly (Request | Waited)[] => [
  { method: "GET", path: "/apis", headers: aggregated },
  { method: "POST", path: services, body: service("dynamic") },
  { method: "POST", path: services, body: service("static", "10.96.0.77") },
  { method: "POST", path: services, body: service("taken", "10.96.0.77") },
  { method: "POST", path: `${services}?dryRun=All`, body: service("dry") },
  {
    method: "POST",
    path: "/api/v1/namespaces",
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "guarded", labels: { "pod-security.kubernetes.io/enforce": "baseline" } } },
  },
  { method: "POST", path: "/api/v1/namespaces/guarded/serviceaccounts", body: account },
  { method: "POST", path: "/api/v1/namespaces/default/serviceaccounts", body: account },
  { method: "POST", path: guarded, body: pod("quiet") },
  { method: "POST", path: guarded, body: pod("loud", { hostNetwork: true }) },
  { method: "POST", path: "/api/v1/namespaces/default/pods", body: pod("anywhere") },
  { method: "POST", path: `${policies}/validatingadmissionpolicies`, body: policy },
  { method: "POST", path: `${policies}/validatingadmissionpolicybindings`, body: binding },
  { until: { method: "POST", path: `${secrets}?dryRun=All`, body: secret("refused") }, code: 422 },
  { method: "POST", path: secrets, body: secret("refused") },
  { method: "POST", path: secrets, body: secret("accepted") },
  ...(hook ? refused(hook) : []),
  { method: "POST", path: definitions, body: definition([]) },
  { until: { method: "GET", path: cups }, code: 200 },
  { method: "POST", path: cups, body: cup({ size: 20 }) },
  { method: "PATCH", path: `${definitions}/cups.judge.example.com`, body: definition(small), headers: merge },
  { until: { method: "POST", path: `${cups}?dryRun=All`, body: { ...cup({ size: 30 }), metadata: { name: "large" } } }, code: 422 },
  { method: "PATCH", path: `${cups}/c`, body: { spec: { color: "red" } }, headers: merge },
  { method: "PATCH", path: `${cups}/c`, body: { spec: { size: 40 } }, headers: merge },
  { method: "POST", path: maps, body: map("m") },
  { method: "POST", path: maps, body: map("m") },
  { method: "POST", path: `${maps}?dryRun=All`, body: map("d") },
  { method: "GET", path: maps },
  { method: "GET", path: `${maps}?fieldSelector=metadata.name%3Dm` },
  { method: "GET", path: "/api/v1/configmaps?limit=1" },
  { method: "GET", path: `${maps}?resourceVersion=1&resourceVersionMatch=NotOlderThan` },
  { method: "GET", path: `${maps}/m` },
  { method: "GET", path: `${maps}/absent` },
  { method: "PUT", path: `${maps}/m`, body: map("m", { labels: { a: "b" } }) },
  { method: "PATCH", path: `${maps}/m`, body: { data: { a: "b" } }, headers: { "content-type": "application/merge-patch+json" } },
  { method: "PATCH", path: `${maps}/applied?fieldManager=judge`, body: map("applied"), headers: apply },
  { method: "GET", path: `${maps}?watch=1&timeoutSeconds=1` },
  { method: "GET", path: `${maps}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dm` },
  { method: "GET", path: `${cups}?watch=1&timeoutSeconds=1` },
  { method: "GET", path: `${cups}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dc` },
  { method: "GET", path: `${cups}?fieldSelector=metadata.name%3Dc` },
  { method: "DELETE", path: `${cups}?fieldSelector=metadata.name%3Dnone` },
  { method: "GET", path: `${maps}?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true` },
  { method: "GET", path: "/apis/apps/v1/namespaces/default/deployments/none/scale" },
  { method: "POST", path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body: review },
  { method: "GET", path: "/api/v1/endpoints" },
  { method: "GET", path: "/apis/example.com/v1/nothings" },
  { method: "GET", path: "/nothing" },
  { method: "GET", path: `${maps}/m`, client: "bare" },
  { method: "DELETE", path: `${maps}/m` },
  { method: "DELETE", path: maps },
];
