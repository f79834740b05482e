import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserInfo } from "../../api/exchange.ts";
import type { PolicyRule, Role, RoleBinding, Subject } from "../../api/types/rbac-v1.gen.ts";
import { seededRandom } from "../../base/random.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";
import { checkEscalation } from "./escalation.ts";
import { forbiddenError, forbiddenMessage } from "./forbidden.ts";
import { MemoryReader } from "./memory-reader.fixture.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { privilegedAuthorizer, unionAuthorizer } from "./union.ts";

const names = {
  roles: "roles.rbac.authorization.k8s.io",
  clusterRoles: "clusterroles.rbac.authorization.k8s.io",
  roleBindings: "rolebindings.rbac.authorization.k8s.io",
  clusterRoleBindings: "clusterrolebindings.rbac.authorization.k8s.io",
};
const ask = (user: UserInfo, verb: string, more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
  user,
  verb,
  isResource: true,
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "",
  namespace: "",
  name: "",
  path: "",
  ...more,
});
const readPods: PolicyRule = { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] };

test("a role binding allows in its namespace only and says by what", () => {
  const reader = new MemoryReader().put(names.clusterRoles, { metadata: { name: "reader" }, rules: [readPods] }).put(names.roleBindings, {
    metadata: { name: "b", namespace: "a" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "reader" },
    subjects: [{ kind: "ServiceAccount", name: "bot" }],
  });
  const rbac = new RbacAuthorizer(reader);
  const bot = { name: "system:serviceaccount:a:bot", groups: [] };
  assert.deepEqual(rbac.authorize(ask(bot, "list", { namespace: "a" })), {
    decision: "allow",
    reason: 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "reader" to ServiceAccount "bot/a"',
  });
  assert.equal(rbac.authorize(ask(bot, "list", { namespace: "b" })).decision, "no-opinion");
  assert.equal(rbac.authorize(ask(bot, "delete", { namespace: "a" })).decision, "no-opinion");
});

test("changes of roles and bindings take effect at once, also for a user seen before", () => {
  const reader = new MemoryReader();
  const rbac = new RbacAuthorizer(reader);
  const user = { name: "u", groups: ["g"] };
  const allowed = (): boolean => rbac.authorize(ask(user, "get")).decision === "allow";
  assert.equal(allowed(), false);
  reader.put(names.clusterRoleBindings, {
    metadata: { name: "b" },
    roleRef: { apiGroup: "", kind: "ClusterRole", name: "r" },
    subjects: [{ kind: "Group", name: "g" }],
  });
  assert.deepEqual(rbac.authorize(ask(user, "get")), { decision: "no-opinion", reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found' });
  reader.put(names.clusterRoles, { metadata: { name: "r" }, rules: [readPods] });
  assert.equal(allowed(), true);
  reader.remove(names.clusterRoleBindings, "", "b");
  assert.equal(allowed(), false);
});

/** The rules read literally, without indexes or compilation. */
function naive(attributes: AuthorizationAttributes, roles: Role[], bindings: RoleBinding[]): boolean {
  const applies = (s: Subject, namespace: string): boolean =>
    s.kind === "User"
      ? s.name === attributes.user.name
      : s.kind === "Group"
        ? attributes.user.groups.includes(s.name)
        : attributes.user.name === `system:serviceaccount:${s.namespace || namespace}:${s.name}`;
  const allows = (r: PolicyRule): boolean => {
    const verb = r.verbs.includes("*") || r.verbs.includes(attributes.verb);
    if (!attributes.isResource) {
      return verb && (r.nonResourceURLs ?? []).some((u) => u === attributes.path || (u.endsWith("*") && attributes.path.startsWith(u.slice(0, -1))));
    }
    const full = attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource;
    const resource = (r.resources ?? []).some((x) => x === "*" || x === full || (attributes.subresource !== "" && x === `*/${attributes.subresource}`));
    const group = (r.apiGroups ?? []).some((x) => x === "*" || x === attributes.group);
    return verb && group && resource && (!r.resourceNames?.length || r.resourceNames.includes(attributes.name));
  };
  return bindings.some((b) => {
    const namespace = b.metadata.namespace ?? "";
    if (namespace && namespace !== attributes.namespace) return false;
    if (!b.subjects?.some((s) => applies(s, namespace))) return false;
    const role = roles.find((r) => r.metadata.name === b.roleRef.name && (r.metadata.namespace ?? "") === (b.roleRef.kind === "Role" ? namespace : ""));
    return role?.rules.some(allows) ?? false;
  });
}

test("ten thousand random decisions are those of a literal reading of the rules", () => {
  const random = seededRandom(7);
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
  const some = <T>(list: readonly T[], most: number): T[] => Array.from({ length: random.int(most + 1) }, () => pick(list));
  const verbs = ["get", "list", "create", "*"];
  const groups = ["", "apps", "*"];
  const resources = ["pods", "pods/log", "*/log", "deployments", "deployments/scale", "*"];
  const objects = ["x", "y", ""];
  const namespaces = ["a", "b"];
  const users = ["u1", "u2", "system:serviceaccount:a:s", "system:serviceaccount:b:s"];
  const memberships = ["g1", "g2"];
  const urls = ["/healthz", "/healthz/*", "/api*", "*"];
  for (let world = 0; world < 100; world++) {
    const rules = (): PolicyRule[] =>
      Array.from({ length: 1 + random.int(3) }, () =>
        random.int(4) === 0
          ? { verbs: some(verbs, 2), nonResourceURLs: some(urls, 2) }
          : { verbs: some(verbs, 2), apiGroups: some(groups, 2), resources: some(resources, 3), resourceNames: some(["x", "y"], 1) },
      );
    const reader = new MemoryReader();
    const rbac = new RbacAuthorizer(reader);
    const roles: Role[] = [];
    const bindings: RoleBinding[] = [];
    for (let i = 0; i < 6; i++) {
      const namespace = random.int(2) ? pick(namespaces) : undefined;
      const role = { metadata: { name: `r${i % 4}`, namespace }, rules: rules() };
      if (roles.some((r) => r.metadata.name === role.metadata.name && r.metadata.namespace === namespace)) continue;
      roles.push(role as unknown as Role);
      reader.put(namespace ? names.roles : names.clusterRoles, role);
    }
    for (let i = 0; i < 8; i++) {
      const namespace = random.int(3) ? pick(namespaces) : undefined;
      const subjects: Subject[] = Array.from({ length: random.int(3) }, () =>
        pick<Subject>([
          { kind: "User", name: pick(users) },
          { kind: "Group", name: pick(memberships) },
          { kind: "ServiceAccount", name: "s", namespace: namespace && random.int(2) ? undefined : pick(namespaces) },
        ]),
      );
      const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: namespace && random.int(2) ? "Role" : "ClusterRole", name: `r${random.int(4)}` };
      const binding = { metadata: { name: `b${i}`, namespace }, subjects, roleRef };
      bindings.push(binding as unknown as RoleBinding);
      reader.put(namespace ? names.roleBindings : names.clusterRoleBindings, binding);
    }
    for (let i = 0; i < 100; i++) {
      const user = { name: pick(users), groups: some(memberships, 2) };
      const attributes = ask(user, pick(["get", "list", "create", "delete"]), {
        isResource: random.int(5) > 0,
        group: pick(["", "apps", "batch"]),
        resource: pick(["pods", "deployments", "jobs"]),
        subresource: pick(["", "", "log", "scale"]),
        namespace: pick(["", ...namespaces]),
        name: pick(objects),
        path: pick(["/healthz", "/healthz/etcd", "/api", "/apis/apps", "/metrics"]),
      });
      assert.equal(rbac.authorize(attributes).decision === "allow", naive(attributes, roles, bindings), JSON.stringify({ attributes, roles, bindings }));
    }
  }
});

test("nobody grants more than they hold, unless they may escalate or bind", async () => {
  const reader = new MemoryReader()
    .put(names.clusterRoles, { metadata: { name: "reader" }, rules: [readPods] }, { metadata: { name: "admin" }, rules: [{ ...readPods, verbs: ["*"] }] })
    .put(names.clusterRoleBindings, {
      metadata: { name: "b" },
      roleRef: { apiGroup: "", kind: "ClusterRole", name: "reader" },
      subjects: [{ kind: "User", name: "u" }],
    });
  const rbac = new RbacAuthorizer(reader);
  const deps = { rbac, authorizer: unionAuthorizer(privilegedAuthorizer, rbac) };
  const user = { name: "u", groups: ["g"] };
  const role = (rules: PolicyRule[]) => ({ metadata: { name: "new" }, rules }) as unknown as Role;
  const write = (rules: PolicyRule[], who: UserInfo = user) =>
    checkEscalation({ user: who, resource: "roles", namespace: "a", name: "", object: role(rules) }, deps);
  await write([{ ...readPods, verbs: ["get"] }]);
  await write([{ ...readPods, verbs: ["*"] }], { name: "root", groups: ["system:masters"] });
  await assert.rejects(write([{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "list"] }]), {
    message:
      'roles.rbac.authorization.k8s.io "new" is forbidden: user "u" (groups=["g"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
  });
  const bind = (name: string) =>
    checkEscalation(
      {
        user,
        resource: "rolebindings",
        namespace: "a",
        name: "",
        object: { metadata: { name: "nb" }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name } } as unknown as RoleBinding,
      },
      deps,
    );
  await bind("reader");
  await assert.rejects(bind("admin"), /rolebindings.rbac.authorization.k8s.io "nb" is forbidden: user "u"/);
  await assert.rejects(bind("missing"), { code: 404 });
  await assert.rejects(bind(""), { code: 400, message: "Name parameter required." });
  await assert.rejects(bind("a/b"), { code: 400, message: "Name parameter invalid: \"a/b\": may not contain '/'" });
  reader.put(names.clusterRoles, {
    metadata: { name: "reader" },
    rules: [readPods, { apiGroups: ["rbac.authorization.k8s.io"], resources: ["clusterroles"], resourceNames: ["admin"], verbs: ["bind"] }],
  });
  await bind("admin");
});

test("a refusal names user, verb, resource, group and scope", () => {
  const user = { name: "u<", groups: [] };
  assert.equal(forbiddenMessage(ask(user, "list", { namespace: "y" })), 'User "u<" cannot list resource "pods" in API group "" in the namespace "y"');
  const error = forbiddenError(ask(user, "get", { group: "apps", resource: "deployments", subresource: "scale", name: "d" }), "why");
  assert.equal(
    error.message,
    'deployments.apps "d" is forbidden: User "u&lt;" cannot get resource "deployments/scale" in API group "apps" at the cluster scope: why',
  );
  assert.equal(
    forbiddenError(ask(user, "get", { isResource: false, resource: "", path: "/metrics" }), "").message,
    'forbidden: User "u&lt;" cannot get path "/metrics"',
  );
  const dotted = forbiddenError(ask(user, "get", { group: "x", resource: "events.k8s.io" }), "");
  assert.deepEqual(dotted.status.details, { group: "x", kind: "events.k8s.io" });
});
