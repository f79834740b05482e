/**
 * Files of authorizers, taken up while both servers run, and what is asked then. SIDE stands for the server that asks, so that
 * the webhook knows who it is; who asks the servers is said by impersonation.
 */
import { type Behaviour, moving, type Reply } from "../admission/hook-server.ts";
import type { Request } from "../differential/exchange.ts";

interface Review {
  apiVersion: string;
  kind: string;
  spec: { user?: string; resourceAttributes?: { verb?: string; resource?: string } };
}
const status = (given: object, more: object = {}): Reply => ({
  review: (review) => {
    const { apiVersion, kind, spec } = review as unknown as Review;
    return { apiVersion, kind, metadata: {}, spec, status: given, ...more };
  },
});
const text = (body: string, code = 200, headers: Record<string, string> = {}): Reply => ({ text: body, status: code, headers });
/** Another answer to each further question of a side. */
function inTurn(...replies: Reply[]): Behaviour {
  const asked = new Map<string, number>();
  return (_, side) => {
    const n = asked.get(side) ?? 0;
    asked.set(side, n + 1);
    return replies[Math.min(n, replies.length - 1)] as Reply;
  };
}
const yes = status({ allowed: true, reason: "the hook says yes" });
const statusText = (of: object): string => JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, ...of });

export const behaviours: Readonly<Record<string, Behaviour>> = {
  yes,
  no: status({ allowed: false, denied: true, reason: 'the hook says "no" & <why>' }),
  unsure: status({ allowed: false, reason: "the hook does not know" }),
  silent: status({ allowed: false }),
  both: status({ allowed: true, denied: true, reason: "the hook says both" }),
  evaluation: status({ allowed: false, evaluationError: "the hook stumbled" }),
  readers: (review) => {
    const { spec } = review as unknown as Review;
    return status({ allowed: spec.resourceAttributes?.verb === "list", reason: `${spec.user} reads` });
  },
  empty: text(""),
  nonsense: text("nonsense"),
  brace: text("{"),
  object: text("{}"),
  list: text("[]"),
  number: text("3"),
  null: text("null"),
  page: text("<html></html>", 200, { "content-type": "text/html" }),
  yaml: text("apiVersion: authorization.k8s.io/v1\nkind: SubjectAccessReview\nstatus: {allowed: true}\n", 200, { "content-type": "application/yaml" }),
  untyped: text('{"status":{"allowed":true}}'),
  older: text('{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview","status":{"allowed":true}}'),
  newer: text('{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","status":{"allowed":true}}'),
  unknown: text('{"apiVersion":"authorization.k8s.io/v7","kind":"SubjectAccessReview","status":{"allowed":true}}'),
  pod: text('{"apiVersion":"v1","kind":"Pod","status":{"allowed":true}}'),
  local: text('{"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview","status":{"allowed":true}}'),
  word: status({ allowed: "yes" }),
  strange: status({ allowed: true, mood: "good" }, { more: 1 }),
  failure: text(statusText({ status: "Failure", message: "the hook has failed", reason: "Forbidden", code: 403 })),
  success: text(statusText({ status: "Success" })),
  huge: status({ allowed: true, reason: "r".repeat(100_000) }),
  padded: { ...yes, flood: 4 << 20 },
  slow: { ...yes, delay: 600 },
  hanging: { ...yes, delay: 3000 },
  gone: { hangUp: true },
  unauthorized: text("who are you?", 401, { "content-type": "text/plain" }),
  forbidden: text("go away", 403, { "content-type": "text/plain" }),
  missing: text("nothing here", 404, { "content-type": "text/plain" }),
  conflict: text("", 409),
  teapot: text("short and stout", 418, { "content-type": "text/plain" }),
  unavailable: text("later", 503, { "content-type": "text/plain" }),
  said: text(statusText({ status: "Failure", message: "the hook is ill", reason: "InternalError", code: 422 }), 422),
  "broken-once": inTurn(text("oops", 500, { "content-type": "text/plain" }), yes),
  "late-once": inTurn(text("late", 504, { "content-type": "text/plain" }), yes),
  "busy-once": inTurn(text("busy", 429, { "content-type": "text/plain" }), yes),
  "later-once": inTurn(text("busy", 429, { "retry-after": "1" }), yes),
  broken: text("oops", 500, { "content-type": "text/plain" }),
  created: { ...yes, status: 201 },
  ...moving("yes"),
};

export interface Scenario {
  name: string;
  authorizers: readonly object[];
  requests: readonly Request[];
  /** The file is not taken up: the former one stays in force. */
  refused?: boolean;
}

export const hook = (behaviour: string, more: object = {}, name = behaviour): object => ({
  type: "Webhook",
  name,
  webhook: {
    timeout: "2s",
    subjectAccessReviewVersion: "v1",
    failurePolicy: "NoOpinion",
    connectionInfo: { type: "KubeConfigFile", kubeConfigFile: `DIR/SIDE-${behaviour}.conf` },
    ...more,
  },
});
const rbac = { type: "RBAC", name: "rbac" };
const node = { type: "Node", name: "node" };
const always = { type: "AlwaysAllow", name: "alwaysallow" };
const never = { type: "AlwaysDeny", name: "alwaysdeny" };
/** Of the start: they must stay in every file. */
export const standing = [node, rbac];
const deny = { failurePolicy: "Deny" };
const when = (...expressions: string[]): object => ({
  matchConditionSubjectAccessReviewVersion: "v1",
  matchConditions: expressions.map((expression) => ({ expression })),
});

const as = (user: string, more: Record<string, string> = {}): Record<string, string> => ({ "impersonate-user": user, ...more });
const get = (path: string, headers: Record<string, string> = as("jane")): Request => ({ method: "GET", path, headers });
const pods = "/api/v1/namespaces/default/pods";
const asking = (kind: string, spec: object, headers: Record<string, string> = {}, namespace?: string): Request => ({
  method: "POST",
  path: `/apis/authorization.k8s.io/v1/${namespace ? `namespaces/${namespace}/` : ""}${kind.toLowerCase()}s`,
  body: { apiVersion: "authorization.k8s.io/v1", kind, ...(namespace ? { metadata: { namespace } } : {}), spec },
  headers,
});
const review = (resourceAttributes: object, more: object = {}): Request => asking("SubjectAccessReview", { user: "jane", resourceAttributes, ...more });
const plain = [get(pods), review({ verb: "list", resource: "pods" })];

const listed = { verb: "list", resource: "pods", namespace: "default" };
const selectors: Request[] = [
  get(`${pods}?labelSelector=a%3Db,c%20in%20(y,x),!d,e,f!%3Dg,h%3E1&fieldSelector=spec.nodeName%3Dn,metadata.name!%3Dx`),
  get(`${pods}?labelSelector=%3D%3D%3D&fieldSelector=spec.nodeName`),
  get(`${pods}?fieldSelector=metadata.name%3Done`),
  get(`${pods}?fieldSelector=spec.nodeName%3Dn&fieldSelector=spec.nodeName%3Dm&labelSelector=`),
  get(`${pods}/one?labelSelector=a%3Db`),
  get(`${pods}?watch=1&timeoutSeconds=1&labelSelector=a%3Db`),
  get("/api/v1/watch/namespaces/default/pods?timeoutSeconds=1&labelSelector=a%3Db"),
  { method: "DELETE", path: `${pods}?labelSelector=a%3Db`, headers: as("jane") },
  review({ ...listed, fieldSelector: { rawSelector: "spec.nodeName=n,metadata.name!=x" }, labelSelector: { rawSelector: "b in (y,x),a" } }),
  review({ ...listed, fieldSelector: { rawSelector: "spec.nodeName" }, labelSelector: { rawSelector: "===" } }),
  review({
    ...listed,
    fieldSelector: {
      requirements: [
        { key: "a", operator: "In", values: ["1"] },
        { key: "b", operator: "NotIn", values: ["1"] },
        { key: "c", operator: "Exists" },
        { key: "d", operator: "In", values: ["1", "2"] },
      ],
    },
    labelSelector: {
      requirements: [
        { key: "b", operator: "In", values: ["2", "1"] },
        { key: "a", operator: "Exists" },
        { key: "x", operator: "DoesNotExist" },
        { key: "y", operator: "NotIn", values: ["1"] },
        { key: "z", operator: "Sounds" },
      ],
    },
  }),
  review({
    ...listed,
    fieldSelector: { requirements: [{ key: "c", operator: "Exists" }] },
    labelSelector: { requirements: [{ key: "z", operator: "Sounds" }] },
  }),
];
const shapes: Request[] = [
  get("/healthz"),
  get("/api"),
  get(
    "/healthz",
    as("jane", { "impersonate-group": "g1", "impersonate-uid": "u-1", "impersonate-extra-scopes": "all", "impersonate-extra-acme.com%2fteam": "x" }),
  ),
  get("/apis/apps/v1/deployments"),
  get(`${pods}/one/status`),
  get("/api/v1/nodes/n/status"),
  {
    method: "POST",
    path: "/api/v1/namespaces/default/configmaps",
    headers: as("jane"),
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "made" } },
  },
  { method: "DELETE", path: "/api/v1/namespaces/default/configmaps/made", headers: as("jane") },
  { method: "PATCH", path: "/api/v1/namespaces/default/configmaps/none", headers: as("jane", { "content-type": "application/merge-patch+json" }), body: {} },
  { method: "OPTIONS", path: "/api/v1/pods", headers: as("jane") },
  review(
    { verb: "list", version: "v7", group: "apps", resource: "deployments", subresource: "scale", name: "one", namespace: "default" },
    { groups: ["b", "a"], uid: "7", extra: { K: ["v", ""] } },
  ),
  asking("SubjectAccessReview", { user: "jane", nonResourceAttributes: { verb: "get", path: "/x" } }),
  asking("SubjectAccessReview", { groups: ["only"], nonResourceAttributes: {} }),
  asking("SelfSubjectAccessReview", { resourceAttributes: { verb: "use", resource: "x" } }, as("jane")),
  asking("LocalSubjectAccessReview", { user: "jane", resourceAttributes: { verb: "use", resource: "x", namespace: "default" } }, {}, "default"),
  asking("SelfSubjectRulesReview", { namespace: "default" }, as("jane")),
  asking("SelfSubjectRulesReview", { namespace: "default" }, as("system:node:n", { "impersonate-group": "system:nodes" })),
];

const failing = ["unauthorized", "forbidden", "missing", "conflict", "teapot", "unavailable", "said", "gone", "hanging"];
const odd = [
  ...["empty", "nonsense", "brace", "object", "list", "number", "null", "page", "yaml", "untyped", "older", "unknown", "pod", "local", "word", "strange"],
  ...["failure", "success", "huge", "padded", "slow", "created", "evaluation", "silent", "both"],
];

export const scenarios: readonly Scenario[] = [
  { name: "allowed by the hook", authorizers: [hook("yes"), ...standing], requests: [...shapes, ...selectors] },
  { name: "denied by the hook", authorizers: [hook("no"), ...standing], requests: shapes },
  { name: "no opinion of the hook", authorizers: [hook("unsure"), ...standing], requests: shapes },
  {
    name: "the older version",
    authorizers: [hook("yes", { subjectAccessReviewVersion: "v1beta1" }, "beta"), ...standing],
    requests: [...shapes.slice(0, 12), ...selectors],
  },
  { name: "a newer answer to the older version", authorizers: [hook("newer", { subjectAccessReviewVersion: "v1beta1" }), ...standing], requests: plain },
  { name: "the order: RBAC first", authorizers: [node, rbac, hook("no", {}, "after")], requests: [get("/healthz", as("system:anonymous")), get(pods)] },
  { name: "the order: everything before", authorizers: [always, hook("no", {}, "never-asked"), ...standing], requests: plain },
  { name: "the order: nothing after", authorizers: [...standing, never], requests: plain },
  {
    name: "two hooks",
    authorizers: [hook("unsure", {}, "first"), hook("readers", {}, "second"), ...standing],
    requests: [get(pods), get(`${pods}/x`), ...shapes.slice(-2)],
  },
  {
    name: "answers are kept",
    authorizers: [hook("yes", { unauthorizedTTL: "1h" }, "kept"), ...standing],
    requests: [get(pods), get(pods), get(pods, as("jane", { "impersonate-group": "g" })), get(`${pods}/${"x".repeat(200)}`), get(`${pods}/${"x".repeat(200)}`)],
  },
  {
    name: "answers are not kept",
    authorizers: [hook("yes", { cacheAuthorizedRequests: false, cacheUnauthorizedRequests: false }, "fresh"), ...standing],
    requests: [get(pods), get(pods)],
  },
  {
    name: "conditions",
    authorizers: [
      hook("no", when("has(request.resourceAttributes)", "request.resourceAttributes.namespace == 'kube-system'"), "guard"),
      hook("yes", when("!('system:masters' in request.groups)", "request.user != 'joe'"), "most"),
      ...standing,
    ],
    requests: [...shapes, get("/api/v1/namespaces/kube-system/secrets"), get(pods, as("joe"))],
  },
  {
    name: "conditions about selectors",
    authorizers: [
      hook(
        "yes",
        when(
          "has(request.resourceAttributes) && request.resourceAttributes.?fieldSelector.requirements.orValue([]).exists(r, r.key == 'spec.nodeName' && r.operator == 'In' && r.values == ['n'])",
        ),
        "by-node",
      ),
      hook("no", when("has(request.resourceAttributes.labelSelector) && request.resourceAttributes.labelSelector.requirements.size() > 1"), "by-label"),
      ...standing,
    ],
    requests: selectors,
  },
  ...[{}, deny].map((policy, i) => ({
    name: `conditions that fail, ${i ? "Deny" : "NoOpinion"}`,
    authorizers: [
      hook("yes", { ...when("request.extra.none[0] == 'x'", "request.resourceAttributes.namespace == 'default'", "1 / 0 == 1"), ...policy }, `failing-${i}`),
      ...standing,
    ],
    requests: [get(pods), get("/healthz"), get("/api/v1/namespaces/other/pods"), review({ verb: "get", resource: "x", namespace: "default" })],
  })),
  ...odd.map((behaviour) => ({ name: `an odd answer: ${behaviour}`, authorizers: [hook(behaviour), ...standing], requests: plain })),
  ...failing.flatMap((behaviour) => [
    { name: `${behaviour}, NoOpinion`, authorizers: [hook(behaviour), ...standing], requests: plain },
    { name: `${behaviour}, Deny`, authorizers: [hook(behaviour, deny, `${behaviour}-deny`), ...standing], requests: plain },
  ]),
  { name: "failures of two hooks", authorizers: [hook("unauthorized", {}, "one"), hook("teapot", {}, "two"), never, ...standing], requests: plain },
  ...["broken-once", "late-once", "busy-once", "later-once"].map((behaviour) => ({
    name: behaviour,
    authorizers: [hook(behaviour), ...standing],
    requests: [get(pods)],
  })),
  { name: "broken for good", authorizers: [hook("broken"), ...standing], requests: [get(pods)] },
  ...Object.keys(moving("yes")).map((behaviour) => ({ name: behaviour, authorizers: [hook(behaviour), ...standing], requests: [get(pods)] })),
  { name: "somebody who is not there", authorizers: [hook("ghost"), ...standing], requests: plain },
  { name: "nobody there", authorizers: [hook("nobody"), ...standing], requests: plain },
  { name: "another authority", authorizers: [hook("stranger"), ...standing], requests: plain },
  { name: "without TLS", authorizers: [hook("plain"), ...standing], requests: plain },
  { name: "a type that is missing", authorizers: [hook("yes", {}, "lonely"), rbac], requests: plain, refused: true },
  { name: "a type that was not there", authorizers: [...standing, { type: "ABAC", name: "abac" }], requests: plain, refused: true },
  { name: "a file that is wrong", authorizers: [{ type: "Nobody", name: "x" }], requests: plain, refused: true },
  { name: "a kubeconfig that is not there", authorizers: [hook("nowhere"), ...standing], requests: plain, refused: true },
  { name: "and back", authorizers: [...standing], requests: plain },
];

/** Of servers that are configured by flags: policies of a file, then a webhook in the older version, then RBAC. */
export const byFlags: readonly Request[] = [
  ...["alice", "former", "jane", "reader"].flatMap((name) => {
    const who = as(name, name === "reader" ? { "impersonate-group": "readers" } : {});
    return [
      get(pods, who),
      get(`${pods}/x`, who),
      get("/api/v1/namespaces/other/pods", who),
      get("/api/v1/nodes", who),
      get("/livez", who),
      get("/livezz", who),
      get("/metrics/x", who),
      { method: "DELETE", path: `${pods}/x`, headers: who } as const,
      { method: "POST", path: "/healthz", headers: who } as const,
      asking("SelfSubjectRulesReview", { namespace: "default" }, who),
      asking("SelfSubjectRulesReview", { namespace: "other" }, who),
    ];
  }),
  asking("SelfSubjectRulesReview", { namespace: "default" }, as("system:node:n", { "impersonate-group": "system:nodes" })),
  asking("SelfSubjectRulesReview", {}, as("jane")),
];
