/** Configurations that are wrong in every way, and what updates of them may keep. */
import type { Request } from "../differential/exchange.ts";
import { type AdmissionCase, paths } from "./webhook-cases.ts";

const good = {
  name: "a.b.c",
  clientConfig: { url: "https://example.com/x" },
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
};
const rule = (more: object): object => ({ ...good, rules: [{ ...good.rules[0], ...more }] });
const wrong: object[][] = [
  [],
  [good],
  [good, good],
  [{}],
  [{ ...good, name: "" }],
  [{ ...good, name: "Bad Name" }],
  [{ ...good, name: "two.parts" }],
  [{ ...good, rules: [{}] }],
  [rule({ operations: [] })],
  [rule({ operations: ["*", "CREATE", "DANCE"] })],
  [rule({ apiGroups: ["*", ""] })],
  [rule({ apiVersions: ["*", ""] })],
  [rule({ resources: [] })],
  [rule({ resources: ["", "*/*", "pods", "*", "pods/*", "pods/exec", "*/scale", "deployments/scale"] })],
  [rule({ scope: "Everywhere" })],
  [rule({ scope: "" })],
  [{ ...good, failurePolicy: "Maybe" }],
  [{ ...good, failurePolicy: "" }],
  [{ ...good, matchPolicy: "Fuzzy" }],
  [{ ...good, sideEffects: undefined }],
  [{ ...good, sideEffects: "Some" }],
  [{ ...good, sideEffects: "Unknown" }],
  [{ ...good, timeoutSeconds: 0 }],
  [{ ...good, timeoutSeconds: 31 }],
  [{ ...good, namespaceSelector: { matchLabels: { "bad key": "v" }, matchExpressions: [{ key: "k", operator: "In" }] } }],
  [{ ...good, objectSelector: { matchExpressions: [{ key: "k", operator: "Like", values: ["bad value"] }] } }],
  [{ ...good, reinvocationPolicy: "Always" }],
  [{ ...good, clientConfig: {} }],
  [{ ...good, clientConfig: { url: "https://x", service: { name: "a", namespace: "b" } } }],
  ...[
    "http://example.com",
    "example.com",
    "",
    "https://",
    "https://user:pass@example.com/x?y=1#z",
    "://",
    "https://exa mple.com",
    "https://[::1",
    "https://example.com:port",
    "https://example.com/%zz",
    "/path",
  ].map((url) => [{ ...good, clientConfig: { url } }]),
  ...[
    {},
    { name: "a" },
    { namespace: "b" },
    { name: "a", namespace: "b", port: 0 },
    { name: "a", namespace: "b", port: 70000 },
    ...["/", "//", "x", "/a//b", "/a/", "/Bad Path", "/a/B_"].map((path) => ({ name: "a", namespace: "b", path })),
  ].map((service) => [{ ...good, clientConfig: { service } }]),
  [{ ...good, clientConfig: { url: "https://x", caBundle: "bm9uc2Vuc2U=" } }],
  [{ ...good, clientConfig: { url: "https://x", caBundle: "%%%" } }],
  ...[[], ["v1", "v1"], ["v2"], ["V1", "v1"], ["v1beta1"]].map((admissionReviewVersions) => [{ ...good, admissionReviewVersions }]),
  ...[
    [{}],
    [{ name: "n", expression: "" }],
    [{ name: "n", expression: "  true  " }],
    [{ name: "bad name", expression: "true" }],
    [
      { name: "n", expression: "true" },
      { name: "n", expression: "false" },
    ],
    [{ name: "n", expression: "object.x" }],
    [{ name: "n", expression: "'text'" }],
    [{ name: "n", expression: "params.x == 1" }],
    [{ name: "n", expression: "variables.x == 1" }],
    [{ name: "n", expression: "request.nothing == 1" }],
    [{ name: "n", expression: "request.kind.kind == 1" }],
    [{ name: "n", expression: "authorizer.group('').check('x').allowed()" }],
    [{ name: "n", expression: "authorizer.requestResource.check('x')" }],
    [{ name: "n", expression: "namespaceObject.metadata.name == 'x' && namespaceObject.metadata.nothing == 1" }],
    [{ name: "n", expression: "object.spec.matches('[')" }],
    [{ name: "n", expression: "Object{} == null" }],
    [{ name: "n", expression: "jsonpatch.escapeKey('x') == ''" }],
    [{ name: "n", expression: "timestamp('x') == timestamp('y')" }],
    [{ name: "n", expression: "1 +" }],
    Array.from({ length: 65 }, (_, i) => ({ name: `n${i}`, expression: "true" })),
  ].map((matchConditions) => [{ ...good, matchConditions }]),
];

const configuration = (kind: string, name: string, webhooks: object[]): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: `${kind}WebhookConfiguration`,
  metadata: { name },
  webhooks: webhooks.map((hook) => ({ ...hook, objectSelector: (hook as { objectSelector?: object }).objectSelector ?? { matchLabels: { none: "such" } } })),
});

export const configurationCases: AdmissionCase[] = (["Mutating", "Validating"] as const).map((kind) => {
  const at = kind === "Mutating" ? paths.mutating : paths.validating;
  return {
    name: `configurations-${kind.toLowerCase()}`,
    setup: [],
    requests: [
      ...wrong.map((webhooks, i): Request => ({ method: "POST", path: `${at}?dryRun=All`, body: configuration(kind, `wrong-${i}`, webhooks) })),
      { method: "POST", path: at, body: configuration(kind, "Bad Name", [good]) },
      { method: "POST", path: at, body: configuration(kind, "x.static.k8s.io", [good]) },
      { method: "POST", path: at, body: configuration(kind, "stored", [good]) },
      { method: "PUT", path: `${at}/stored`, body: configuration(kind, "stored", [good]) },
      {
        method: "PATCH",
        path: `${at}/stored`,
        body: { webhooks: [{ name: "a.b.c", timeoutSeconds: 5, sideEffects: "Some" }] },
        headers: { "content-type": "application/strategic-merge-patch+json" },
      },
      {
        method: "PATCH",
        path: `${at}/stored`,
        body: { webhooks: [{ name: "a.b.c", timeoutSeconds: 5 }] },
        headers: { "content-type": "application/strategic-merge-patch+json" },
      },
      { method: "GET", path: at, headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } },
      { method: "DELETE", path: `${at}/stored` },
    ],
  };
});
