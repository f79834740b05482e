/** The same requests by others: impersonated, with another certificate, with none. */
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
