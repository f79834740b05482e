/** Random roles, bindings and questions, the odd ones among them; the same seed gives the same world. */
import type { UserInfo } from "../../src/api/exchange.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from "../../src/api/types/rbac-v1.gen.ts";
import type { AuthorizationAttributes } from "../../src/apiserver/authorization/authorizer.ts";
import type { Random } from "../../src/base/random.ts";

export interface Listing {
  user: UserInfo;
  namespace: string;
  wanted: PolicyRule[];
}
export interface World {
  roles: Role[];
  clusterRoles: ClusterRole[];
  roleBindings: RoleBinding[];
  clusterRoleBindings: ClusterRoleBinding[];
  questions: AuthorizationAttributes[];
  listings: Listing[];
}

const group = "rbac.authorization.k8s.io";
const namespaces = ["a", "b", "kube-system", "__proto__", "ü"];
const odd = ["__proto__", "constructor", "*", 'quo"te', "a/b", "süß 🦀", "tab\t", "x:y", "<&>", ""];
const users = [
  "jane",
  "joe",
  "system:admin",
  "system:serviceaccount:a:default",
  "system:serviceaccount:b:robot",
  "system:serviceaccount:a:x:y",
  "*",
  "__proto__",
  'quo"te',
  "süß 🦀",
  "\u007f",
];
const groups = ["devs", "ops", "system:authenticated", "system:serviceaccounts", "system:serviceaccounts:a", "system:masters", "*", "constructor", "g\\h", ""];
const roleNames = ["view", "edit", "admin", "empty", "gone", ...odd];
const accounts = ["default", "robot", "x:y", "", "*"];
const verbs = ["get", "list", "watch", "create", "update", "delete", "deletecollection", "*", "use", "GET", "", "impersonate"];
const apiGroups = ["", "apps", "batch", group, "*", "APPS", "example.com"];
const resources = [
  "pods",
  "deployments",
  "secrets",
  "roles",
  "*",
  "widgets",
  "pods/log",
  "pods/status",
  "*/status",
  "*/*",
  "pods/*",
  "*/",
  "/status",
  "",
  "*/sub/deep",
  "deployments/scale",
  "status",
];
const askedResources = ["pods", "deployments", "secrets", "roles", "widgets", "*", "", "status"];
const subresources = ["", "", "", "log", "status", "scale", "*", "sub/deep", "/"];
const names = ["one", "two", "", "*", "__proto__"];
const urls = ["/healthz", "/healthz/*", "/metrics", "*", "/*", "/api*", "/api/**", "**", "/version", "", "/heal*z", "/healthz*"];
const paths = ["/healthz", "/healthz/etcd", "/metrics", "/api", "/apis/apps", "/version", "/", "", "*", "/healthzz", "/heal*z"];

const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)] as T;
const some = <T>(random: Random, list: readonly T[], most: number): T[] => Array.from({ length: random.int(most + 1) }, () => pick(random, list));
/** Nearly never none. */
const several = <T>(random: Random, list: readonly T[], most: number): T[] => [
  ...(chance(random, 0.95) ? [pick(random, list)] : []),
  ...some(random, list, most - 1),
];
const chance = (random: Random, of: number): boolean => random.next() < of;

function rule(random: Random): PolicyRule {
  const given: PolicyRule = { verbs: several(random, verbs, 4) };
  if (chance(random, 0.75)) {
    given.apiGroups = several(random, apiGroups, 3);
    given.resources = several(random, resources, 4);
    if (chance(random, 0.3)) given.resourceNames = some(random, names, 3);
  }
  if (chance(random, 0.35)) given.nonResourceURLs = several(random, urls, 3);
  return given;
}
const rules = (random: Random, most: number): PolicyRule[] => Array.from({ length: random.int(most * 2) % (most + 1) }, () => rule(random));

function subject(random: Random): Subject {
  const kind = random.int(10);
  if (kind < 4) return { kind: "User", apiGroup: group, name: pick(random, users) };
  if (kind < 7) return { kind: "Group", apiGroup: group, name: pick(random, groups) };
  if (kind < 9) return { kind: "ServiceAccount", name: pick(random, accounts), ...(chance(random, 0.7) ? { namespace: pick(random, ["a", "b", ""]) } : {}) };
  return { kind: pick(random, ["user", "Robot", ""]), name: pick(random, users) };
}

function ref(random: Random, inNamespace: boolean): RoleRef {
  const kind = chance(random, 0.04) ? pick(random, ["role", "", "Group"]) : inNamespace && chance(random, 0.5) ? "Role" : "ClusterRole";
  return { apiGroup: group, kind, name: pick(random, roleNames) };
}

/** Names are each there once, as in a cluster; most of them are there. */
const distinct = <T>(random: Random, known: readonly string[], make: (name: string) => T): T[] =>
  [...new Set(known)].filter(() => chance(random, 0.8)).map(make);

function question(random: Random, user: UserInfo): AuthorizationAttributes {
  const isResource = chance(random, 0.8);
  const none = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "", path: "" };
  if (!isResource) return { ...none, user, verb: pick(random, verbs), isResource, path: pick(random, paths) };
  return {
    user,
    verb: pick(random, verbs),
    isResource,
    group: pick(random, apiGroups),
    version: "v1",
    resource: pick(random, askedResources),
    subresource: pick(random, subresources),
    namespace: chance(random, 0.7) ? pick(random, namespaces) : "",
    name: pick(random, names),
    path: "",
  };
}

type Objects = Omit<World, "questions" | "listings">;

/** Somebody whom a subject names, or nearly. */
function namedBy(random: Random, { kind, name, namespace }: Subject, home: string): UserInfo {
  if (kind === "Group") return { name: pick(random, users), groups: [pick(random, groups), name] };
  if (kind === "ServiceAccount") return { name: `system:serviceaccount:${namespace || home}:${name}`, groups: some(random, groups, 2) };
  return { name, groups: some(random, groups, 2) };
}

const without = (pattern: string, filling: string): string => pattern.replace("*", filling);

/** One that a rule of a binding was made for, but for a part of it now and then. */
function aimed(random: Random, world: Objects): AuthorizationAttributes {
  const local = chance(random, 0.5) && world.roleBindings.length > 0;
  const binding: RoleBinding | ClusterRoleBinding | undefined = pick(random, local ? world.roleBindings : world.clusterRoleBindings);
  const home = binding?.metadata.namespace ?? "";
  const known: (Role | ClusterRole)[] =
    binding?.roleRef.kind === "Role" ? world.roles.filter(({ metadata }) => metadata.namespace === home) : world.clusterRoles;
  const role = known.find(({ metadata }) => metadata.name === binding?.roleRef.name);
  const who = binding?.subjects?.length ? namedBy(random, pick(random, binding.subjects), home) : { name: pick(random, users), groups: [] };
  const base = question(random, who);
  if (!role?.rules?.length) return base;
  const { verbs: may = [], apiGroups: of = [], resources: what = [], resourceNames: which = [], nonResourceURLs: where = [] } = pick(random, role.rules);
  const verb = may.length && chance(random, 0.9) ? without(pick(random, may), "get") : base.verb;
  if (where.length && chance(random, 0.5))
    return {
      ...base,
      isResource: false,
      verb,
      path: without(pick(random, where), pick(random, ["", "x", "/x/y"])),
      group: "",
      version: "",
      resource: "",
      subresource: "",
      namespace: "",
      name: "",
    };
  const [resource = "", ...rest] = what.length ? pick(random, what).split("/") : [base.resource];
  return {
    ...base,
    isResource: true,
    path: "",
    verb,
    group: of.length && chance(random, 0.9) ? without(pick(random, of), "any") : base.group,
    resource: without(resource, "pods"),
    subresource: chance(random, 0.9) ? rest.join("/") : base.subresource,
    name: which.length && chance(random, 0.7) ? pick(random, which) : base.name,
    namespace: local && chance(random, 0.9) ? home : base.namespace,
  };
}

export function randomWorld(random: Random, questions: number): World {
  const metadata = (name: string, namespace?: string): Role["metadata"] => ({ name, ...(namespace === undefined ? {} : { namespace }) }) as Role["metadata"];
  const bindingNames = Array.from({ length: 1 + random.int(12) }, (_, i) => pick(random, ["bind", "Über", "z", "__proto__", "a"]) + (i || ""));
  const existing = roleNames.filter((name) => name !== "gone");
  const someone = (): UserInfo => ({ name: pick(random, users), groups: some(random, groups, 4) });
  const objects: Objects = {
    clusterRoles: distinct(
      random,
      existing,
      (name): ClusterRole => ({
        metadata: metadata(name),
        rules: rules(random, 4),
        ...(chance(random, 0.2) ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: name } }] } } : {}),
      }),
    ),
    roles: namespaces.flatMap((namespace) => distinct(random, existing, (name): Role => ({ metadata: metadata(name, namespace), rules: rules(random, 4) }))),
    clusterRoleBindings: distinct(
      random,
      bindingNames,
      (name): ClusterRoleBinding => ({
        metadata: metadata(name),
        roleRef: ref(random, false),
        ...(chance(random, 0.95) ? { subjects: Array.from({ length: random.int(4) }, () => subject(random)) } : {}),
      }),
    ),
    roleBindings: namespaces.flatMap((namespace) =>
      distinct(
        random,
        bindingNames,
        (name): RoleBinding => ({
          metadata: metadata(name, namespace),
          roleRef: ref(random, true),
          subjects: Array.from({ length: random.int(4) }, () => subject(random)),
        }),
      ),
    ),
  };
  return {
    ...objects,
    questions: Array.from({ length: questions }, () => (chance(random, 0.6) ? aimed(random, objects) : question(random, someone()))),
    listings: Array.from({ length: 4 }, () => ({ user: someone(), namespace: chance(random, 0.8) ? pick(random, namespaces) : "", wanted: rules(random, 3) })),
  };
}
