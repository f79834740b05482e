/** Acting as somebody else, constrained or not: callers with a token of their own, what they are given, and whom they ask to be. */
import type { PolicyRule } from "../../src/api/types/rbac-v1.gen.ts";

export interface ImpersonationCase {
  name: string;
  /** Cluster-wide, of the caller. */
  rules: readonly PolicyRule[];
  /** Headers of requests that follow one another; `path` and `method` where they are others than a list of pods. */
  attempts: readonly { headers: Record<string, string | string[]>; path?: string; method?: "GET" | "DELETE" }[];
}

const authentication = "authentication.k8s.io";
const rule = (apiGroups: string, resources: string, verbs: string, resourceNames?: readonly string[]): PolicyRule => ({
  apiGroups: [apiGroups],
  resources: resources.split(","),
  verbs: verbs.split(","),
  ...(resourceNames ? { resourceNames: [...resourceNames] } : {}),
});
const on = (mode: string, verbs = "list"): PolicyRule =>
  rule(
    "",
    "pods",
    verbs
      .split(",")
      .map((verb) => `impersonate-on:${mode}:${verb}`)
      .join(),
  );
const legacy = (resources: string, names?: readonly string[]): PolicyRule => rule("", resources, "impersonate", names);
const to = (mode: string, resources: string, names?: readonly string[]): PolicyRule => rule(authentication, resources, `impersonate:${mode}`, names);
const user = (name: string, more: Record<string, string | string[]> = {}): { headers: Record<string, string | string[]> } => ({
  headers: { "impersonate-user": name, ...more },
});
const account = "system:serviceaccount:default:robot";
const node = "system:node:n1";

export const impersonationCases: readonly ImpersonationCase[] = [
  { name: "nothing", rules: [], attempts: [user("jane"), user(account), user(node), user("system:anonymous"), user("jane", { "impersonate-group": "g" })] },
  {
    name: "headers that say nobody",
    rules: [legacy("users,groups")],
    attempts: [
      { headers: { "impersonate-group": "g" } },
      { headers: { "impersonate-uid": "u" } },
      { headers: { "impersonate-extra-a": "b" } },
      { headers: { "impersonate-user": "", "impersonate-group": ["g", "h"], "impersonate-uid": "7" } },
      { headers: { "impersonate-user": "" } },
    ],
  },
  {
    name: "as it has always been",
    rules: [
      legacy("users", ["jane"]),
      legacy("groups", ["g", "system:authenticated"]),
      legacy("serviceaccounts", ["robot"]),
      rule(authentication, "uids,userextras/scopes", "impersonate"),
    ],
    attempts: [
      user("jane"),
      user("joe"),
      user("jane", { "impersonate-group": "g" }),
      user("jane", { "impersonate-group": ["g", "h"] }),
      user("jane", { "impersonate-group": "" }),
      user("jane", { "impersonate-uid": "1" }),
      user("jane", { "impersonate-extra-scopes": ["a", "b"] }),
      user("jane", { "impersonate-extra-other": "a" }),
      user("jane", { "impersonate-extra-acme.com%2fx": "a" }),
      user(account),
      user(account, { "impersonate-group": "g" }),
      user("system:serviceaccount:default:other"),
      user("system:serviceaccount:default:bad:name"),
      user(node),
      user("jane", { "impersonate-group": "system:unauthenticated" }),
    ],
  },
  {
    name: "everybody and everything",
    rules: [legacy("*"), rule("*", "*", "impersonate")],
    attempts: [user("system:anonymous"), user("jane", { "impersonate-group": "system:masters" }), user("a b")],
  },
  {
    name: "user-info",
    rules: [on("user-info"), to("user-info", "users", ["jane"]), to("user-info", "groups", ["g", "h", "i", "j"]), to("user-info", "uids,userextras/scopes")],
    attempts: [
      user("jane"),
      user("joe"),
      { ...user("jane"), path: "/api/v1/namespaces/default/pods/x" },
      { ...user("jane"), path: "/api/v1/namespaces/default/secrets" },
      { ...user("jane"), path: "/version" },
      user("jane", { "impersonate-group": "g" }),
      user("jane", { "impersonate-group": ["g", "h", "i", "j"] }),
      user("jane", { "impersonate-group": ["g", "x"] }),
      user("jane", { "impersonate-group": "" }),
      user("jane", { "impersonate-group": "system:masters" }),
      user("jane", { "impersonate-uid": "9" }),
      user("jane", { "impersonate-extra-scopes": ["1", "2", "3", "4", "5"] }),
      user("jane", { "impersonate-extra-scopes": "" }),
      user("jane", { "impersonate-extra-other": "x" }),
      user("jane", { "impersonate-extra-bad_%20key": "x" }),
      user("jane", { "impersonate-extra-acme.com%2fUP": "x" }),
      user(account),
      user(node),
      user("system:node:Bad_Name"),
      user("system:serviceaccount:default:bad:name"),
    ],
  },
  {
    name: "user-info with all groups and extras",
    rules: [on("user-info", "list,deletecollection"), to("user-info", "users"), to("user-info", "groups", ["*"]), to("user-info", "userextras/*", ["*"])],
    attempts: [
      user("jane", { "impersonate-group": ["a", "b", "c"] }),
      user("jane", { "impersonate-group": ["a", "b", "c", "d"] }),
      user("jane", {
        "impersonate-extra-acme.com%2fa": "1",
        "impersonate-extra-acme.com%2fb": "1",
        "impersonate-extra-acme.com%2fc": "1",
        "impersonate-extra-acme.com%2fd": "1",
      }),
      { ...user("jane"), method: "DELETE" },
    ],
  },
  {
    name: "a service account",
    rules: [on("serviceaccount"), to("serviceaccount", "serviceaccounts", ["robot"])],
    attempts: [
      user(account),
      user("system:serviceaccount:default:other"),
      user(account, { "impersonate-group": "g" }),
      user(account, { "impersonate-uid": "1" }),
      user("jane"),
    ],
  },
  {
    name: "any node",
    rules: [on("arbitrary-node"), to("arbitrary-node", "nodes", ["n1"])],
    attempts: [
      user(node),
      user("system:node:n2"),
      user(node, { "impersonate-group": "system:nodes" }),
      user(node, { "impersonate-extra-a": "b" }),
      user("jane"),
    ],
  },
  {
    name: "the request's verb alone",
    rules: [on("user-info"), on("serviceaccount"), on("arbitrary-node")],
    attempts: [user("jane"), user(account), user(node)],
  },
  {
    name: "the user alone",
    rules: [to("user-info", "users"), to("serviceaccount", "serviceaccounts"), to("arbitrary-node", "nodes")],
    attempts: [user("jane"), user(account), user(node)],
  },
  {
    name: "both ways",
    rules: [legacy("users", ["old"]), on("user-info"), to("user-info", "users", ["new"])],
    attempts: [user("neither"), user("old"), user("neither"), user("new"), user("neither"), user("old")],
  },
  {
    name: "with selectors",
    rules: [on("user-info"), to("user-info", "users")],
    attempts: [{ ...user("jane"), path: "/api/v1/namespaces/default/pods?labelSelector=a%3Db&fieldSelector=%3D" }],
  },
];

/** What service accounts that run on a node are given. */
export const associated: readonly ImpersonationCase[] = [
  {
    name: "the node that it runs on",
    rules: [on("associated-node"), to("associated-node", "nodes", ["*"])],
    attempts: [user(node), user("system:node:n2"), user(node, { "impersonate-group": "system:nodes" }), user("jane")],
  },
];
