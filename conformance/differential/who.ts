/** The same requests by others: impersonated, with another certificate, with none. */
import type { JSONObject } from "../../src/api/json.ts";
import type { Request } from "./exchange.ts";
import type { GenStep, Target } from "./episodes.ts";
import { chance, pick } from "./mutate.ts";

const names = ["viewer", "editor", "owner", "impersonator"];
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const subject = (name: string): object[] => [{ kind: "User", name, apiGroup: "rbac.authorization.k8s.io" }];
const role = (kind: string, name: string): object => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });

/** What the users of `impersonated` may do, the same on both servers. */
export const grants: Request[] = [
  {
    method: "POST",
    path: `${rbac}/clusterrolebindings`,
    body: { metadata: { name: "run-view" }, subjects: subject("viewer"), roleRef: role("ClusterRole", "view") },
  },
  {
    method: "POST",
    path: `${rbac}/namespaces/default/rolebindings`,
    body: { metadata: { name: "run-edit" }, subjects: subject("editor"), roleRef: role("ClusterRole", "edit") },
  },
  {
    method: "POST",
    path: `${rbac}/namespaces/default/rolebindings`,
    body: { metadata: { name: "run-admin" }, subjects: subject("owner"), roleRef: role("ClusterRole", "admin") },
  },
  {
    method: "POST",
    path: `${rbac}/clusterroles`,
    body: {
      metadata: { name: "run-impersonator" },
      rules: [
        { apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: ["viewer"] },
        { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings", "clusterroles", "clusterrolebindings"], verbs: ["*"] },
      ],
    },
  },
  {
    method: "POST",
    path: `${rbac}/clusterrolebindings`,
    body: {
      metadata: { name: "run-impersonator" },
      subjects: [...subject("impersonator"), ...subject("system:kube-scheduler")],
      roleRef: role("ClusterRole", "run-impersonator"),
    },
  },
];

const impersonations: readonly Record<string, string>[] = [
  ...names.map((name) => ({ "impersonate-user": name })),
  { "impersonate-user": "nobody", "impersonate-uid": "7", "impersonate-extra-a": "b" },
  { "impersonate-user": "nobody", "impersonate-group": "system:masters" },
  { "impersonate-user": "system:serviceaccount:default:default" },
  { "impersonate-user": "system:serviceaccount:default:" },
  { "impersonate-user": "system:anonymous" },
  { "impersonate-user": "system:node:n1", "impersonate-group": "system:nodes" },
  { "impersonate-user": "system:kube-controller-manager" },
  { "impersonate-group": "g" },
  { "impersonate-uid": "7" },
  { "impersonate-extra-a": "b" },
  { "impersonate-user": "" },
];

/** Kinds that may give rights to others, and those that nodes write. */
const granting = new Set(["roles", "rolebindings", "clusterroles", "clusterrolebindings"]);
const ofNodes = new Set(["nodes", "pods", "leases", "csinodes", "serviceaccounts"]);

/** The request as somebody else makes it, now and then. */
export function bySomebody(t: Target, step: GenStep): GenStep {
  const { random } = t;
  const { resource } = t.def;
  const grants = granting.has(resource);
  const node = ofNodes.has(resource);
  if (step.client !== undefined || !chance(random, grants || node ? 0.15 : 0.05)) return step;
  const roll = random.next();
  const verb = `${step.verb} as another`;
  if (grants && roll < 0.5) return { ...step, verb, headers: { ...step.headers, "impersonate-user": pick(random, ["owner", "impersonator", "editor"]) } };
  if (node && roll < 0.5) return { ...step, verb, client: "node" };
  if (roll < 0.6) return { ...step, verb, headers: { ...step.headers, ...pick(random, impersonations) } };
  if (roll < 0.75) return { ...step, verb, client: pick(random, ["kcm", "sched", "node", "proxy"]) };
  if (roll < 0.85) {
    const chosen = pick(random, [
      { "impersonate-user": "viewer" },
      { "impersonate-user": "nobody" },
      { "impersonate-user": "viewer", "impersonate-group": "g" },
    ]);
    return { ...step, verb, client: pick(random, ["kcm", "sched"]), headers: { ...step.headers, ...(chosen as Record<string, string>) } };
  }
  const authorization = pick(random, ["", "Bearer nonsense", "Bearer ", "Basic YTpi", "Bearer a.b.c"]);
  return { ...step, verb, client: "bare", headers: { ...step.headers, ...(authorization ? { authorization } : {}) } };
}

/** Who is asked about, and what: people and components that may do some of it. */
export function accessSpec(t: Target): JSONObject {
  const { random } = t;
  const subject: JSONObject =
    t.def.resource === "selfsubjectaccessreviews"
      ? {}
      : pick<JSONObject>(random, [
          ...names.map((user) => ({ user })),
          { user: "x", groups: ["system:masters"] },
          { user: "system:node:n1", groups: ["system:nodes"] },
          { user: "system:kube-scheduler" },
          { user: "system:serviceaccount:kube-system:job-controller", groups: ["system:serviceaccounts"] },
          { groups: ["system:authenticated"] },
          { user: "x", extra: { a: ["b"] }, uid: "1" },
          {},
        ]);
  if (chance(random, 0.15))
    return { ...subject, nonResourceAttributes: { path: pick(random, ["/version", "/metrics", "/x", "*", ""]), verb: pick(random, ["get", "post", "*"]) } };
  const attributes: JSONObject = {
    verb: pick(random, ["get", "list", "create", "delete", "watch", "*", "bind", "impersonate"]),
    resource: pick(random, ["pods", "secrets", "nodes", "deployments", "roles", "users", "*", "configmaps", ""]),
  };
  if (chance(random, 0.7)) attributes.namespace = pick(random, ["default", "kube-system", ""]);
  if (chance(random, 0.4)) attributes.group = pick(random, ["", "apps", "rbac.authorization.k8s.io", "*"]);
  if (chance(random, 0.3)) attributes.name = pick(random, ["n1", "a", "*"]);
  if (chance(random, 0.2)) attributes.subresource = pick(random, ["status", "log", "*"]);
  if (chance(random, 0.2))
    attributes.fieldSelector = pick<JSONObject>(random, [
      { rawSelector: "spec.nodeName=n1" },
      { rawSelector: "a in b" },
      { requirements: [{ key: "spec.nodeName", operator: "In", values: ["n1"] }] },
      { requirements: [{ key: "a", operator: pick(random, ["In", "Exists", "Gt"]), values: [] }] },
      { rawSelector: "a=b", requirements: [{ key: "a", operator: "Exists" }] },
      {},
    ]);
  if (chance(random, 0.15))
    attributes.labelSelector = pick<JSONObject>(random, [{ rawSelector: "a=b" }, { requirements: [{ key: "a", operator: "NotIn", values: ["b"] }] }]);
  return { ...subject, resourceAttributes: attributes };
}

/** What a token of the account says about who bears it, and what others say about the token. */
export function tokens(t: Target): GenStep[] {
  const { random } = t;
  const audiences = pick(random, [undefined, undefined, ["a"], ["a", "https://kubernetes.default.svc.cluster.local"]]);
  const spec = { ...(audiences ? { audiences } : {}), ...(chance(random, 0.5) ? { expirationSeconds: 3600 } : {}) };
  const hide = ["token", "expirationTimestamp", "authentication.kubernetes.io/credential-id", "authentication.kubernetes.io/issued-credential-id"];
  const bearer = { authorization: "Bearer {token}" };
  const asked = pick(random, [{}, {}, { audiences: ["a"] }, { audiences: ["b"] }, { audiences: ["https://kubernetes.default.svc.cluster.local"] }]);
  return [
    { verb: "token.real", method: "POST", path: `${t.path}/token`, body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec }, hide },
    { verb: "token.review", method: "POST", path: "/apis/authentication.k8s.io/v1/tokenreviews", body: { spec: { token: "{token}", ...asked } }, hide },
    { verb: "token.self", method: "POST", path: "/apis/authentication.k8s.io/v1/selfsubjectreviews", body: {}, client: "bare", headers: bearer, hide },
    { verb: "token.get", method: "GET", path: pick(random, [t.path, "/api", "/apis", "/api/v1/namespaces/default/pods"]), client: "bare", headers: bearer },
  ];
}
