/**
 * Role based access control (plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation/rule.go). Roles are compiled and
 * bindings are indexed by subject when they change, so that a decision looks only at what concerns its user.
 */
import type { UserInfo } from "../../api/exchange.ts";
import { aggregateText } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import { compileRule, type RuleMatcher } from "../../api/rbac/rules.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from "../../api/types/rbac-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, ListedRules, RuleResolver } from "./authorizer.ts";

const group = "rbac.authorization.k8s.io";
const resourceNames = {
  roles: `roles.${group}`,
  clusterRoles: `clusterroles.${group}`,
  roleBindings: `rolebindings.${group}`,
  clusterRoleBindings: `clusterrolebindings.${group}`,
} as const;

interface CompiledRole {
  rules: readonly PolicyRule[];
  matchers: readonly RuleMatcher[];
}

type Binding = RoleBinding | ClusterRoleBinding;

interface IndexedBinding {
  binding: Binding;
  /** "" for a cluster role binding. */
  namespace: string;
  order: string;
  /** What is said to those whom it allows something. */
  allows: WeakMap<UserInfo, AuthorizationDecision>;
}

/** Bindings of one scope (the cluster, or a namespace), found by what their subjects are called. */
class BindingIndex {
  readonly #bySubject = new Map<string, Set<IndexedBinding>>();
  readonly #byName = new Map<string, IndexedBinding>();

  get size(): number {
    return this.#byName.size;
  }
  set(namespace: string, name: string, binding: Binding | undefined): void {
    const old = this.#byName.get(name);
    if (old) {
      this.#byName.delete(name);
      for (const key of subjectKeys(old.binding.subjects, namespace)) {
        const set = this.#bySubject.get(key);
        set?.delete(old);
        if (set?.size === 0) this.#bySubject.delete(key);
      }
    }
    if (!binding) return;
    const entry: IndexedBinding = { binding, namespace, order: name, allows: new WeakMap() };
    this.#byName.set(name, entry);
    for (const key of subjectKeys(binding.subjects, namespace)) {
      const set = this.#bySubject.get(key);
      if (set) set.add(entry);
      else this.#bySubject.set(key, new Set([entry]));
    }
  }
  /** In order of name, so that the reason given is always the same one. */
  of(user: UserInfo): IndexedBinding[] {
    const found = new Set<IndexedBinding>(this.#bySubject.get(`u:${user.name}`));
    for (const name of user.groups) for (const entry of this.#bySubject.get(`g:${name}`) ?? []) found.add(entry);
    return found.size < 2 ? [...found] : [...found].sort((a, b) => (a.order < b.order ? -1 : 1));
  }
}

function subjectKey(subject: Subject, namespace: string): string | undefined {
  if (subject.kind === "User") return `u:${subject.name}`;
  if (subject.kind === "Group") return `g:${subject.name}`;
  if (subject.kind !== "ServiceAccount") return undefined;
  const home = subject.namespace || namespace;
  return home ? `u:system:serviceaccount:${home}:${subject.name}` : undefined;
}

const subjectKeys = (subjects: readonly Subject[] | undefined, namespace: string): string[] =>
  (subjects ?? []).flatMap((subject) => subjectKey(subject, namespace) ?? []);

function appliesTo(user: UserInfo, subject: Subject, namespace: string): boolean {
  const key = subjectKey(subject, namespace);
  return key !== undefined && (key === `u:${user.name}` || (subject.kind === "Group" && user.groups.includes(subject.name)));
}

function describe(entry: IndexedBinding, user: UserInfo): string {
  const { binding, namespace } = entry;
  const subject = binding.subjects?.find((s) => appliesTo(user, s, namespace)) as Subject;
  const who = subject.kind === "ServiceAccount" ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  const what = namespace ? `RoleBinding ${goQuote(`${binding.metadata.name}/${namespace}`)}` : `ClusterRoleBinding ${goQuote(binding.metadata.name)}`;
  return `${what} of ${binding.roleRef.kind} ${goQuote(binding.roleRef.name)} to ${subject.kind} ${goQuote(who)}`;
}

/** Made once for each user object: it is the same for all that the binding allows. */
function allowedBy(entry: IndexedBinding, user: UserInfo): AuthorizationDecision {
  let decision = entry.allows.get(user);
  if (!decision) {
    decision = { decision: "allow", reason: `RBAC: allowed by ${describe(entry, user)}` };
    entry.allows.set(user, decision);
  }
  return decision;
}

/** The rules that apply to a user, and what went wrong while they were looked for. */
export interface ResolvedRules {
  rules: PolicyRule[];
  errors: string[];
}

export class RbacAuthorizer implements Authorizer, RuleResolver {
  readonly #clusterRoles = new Map<string, CompiledRole>();
  readonly #roles = new Map<string, CompiledRole>();
  readonly #cluster = new BindingIndex();
  readonly #namespaces = new Map<string, BindingIndex>();
  /** Cluster role bindings by user; dropped when one changes. Users are shared objects of the token and certificate caches. */
  #clusterBindingsOf = new WeakMap<UserInfo, IndexedBinding[]>();

  constructor(reader: Reader) {
    for (const role of reader.list<ClusterRole>(resourceNames.clusterRoles)) this.#setRole(this.#clusterRoles, role.metadata.name, role);
    for (const role of reader.list<Role>(resourceNames.roles)) this.#setRole(this.#roles, `${role.metadata.namespace}/${role.metadata.name}`, role);
    for (const binding of reader.list<ClusterRoleBinding>(resourceNames.clusterRoleBindings)) this.#cluster.set("", binding.metadata.name, binding);
    for (const binding of reader.list<RoleBinding>(resourceNames.roleBindings))
      this.#setRoleBinding(binding.metadata.namespace ?? "", binding.metadata.name, binding);
    reader.onChange(resourceNames.clusterRoles, (_, name) =>
      this.#setRole(this.#clusterRoles, name, reader.get<ClusterRole>(resourceNames.clusterRoles, "", name)),
    );
    reader.onChange(resourceNames.roles, (namespace, name) =>
      this.#setRole(this.#roles, `${namespace}/${name}`, reader.get<Role>(resourceNames.roles, namespace, name)),
    );
    reader.onChange(resourceNames.clusterRoleBindings, (_, name) => {
      this.#cluster.set("", name, reader.get<ClusterRoleBinding>(resourceNames.clusterRoleBindings, "", name));
      this.#clusterBindingsOf = new WeakMap();
    });
    reader.onChange(resourceNames.roleBindings, (namespace, name) =>
      this.#setRoleBinding(namespace, name, reader.get<RoleBinding>(resourceNames.roleBindings, namespace, name)),
    );
  }

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    const errors: string[] = [];
    for (const entry of this.#bindingsOf(attributes.user, attributes.namespace)) {
      const role = this.#resolve(entry.binding.roleRef, entry.namespace);
      if (typeof role === "string") errors.push(role);
      else if (role.matchers.some((matches) => matches(attributes))) return allowedBy(entry, attributes.user);
    }
    return { decision: "no-opinion", reason: errors.length ? `RBAC: ${aggregateText(errors)}` : "" };
  }

  rulesOf(user: UserInfo, namespace: string): ListedRules {
    const { rules, errors } = this.rulesFor(user, namespace);
    return {
      resourceRules: rules
        .filter((rule) => rule.resources?.length)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          ...(apiGroups?.length ? { apiGroups } : {}),
          ...(resources?.length ? { resources } : {}),
          ...(resourceNames?.length ? { resourceNames } : {}),
        })),
      nonResourceRules: rules.filter((rule) => rule.nonResourceURLs?.length).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: false,
      errors,
    };
  }

  /** Every rule of the user in the namespace (and cluster-wide); "" for cluster-wide only. */
  rulesFor(user: UserInfo, namespace: string): ResolvedRules {
    const result: ResolvedRules = { rules: [], errors: [] };
    for (const entry of this.#bindingsOf(user, namespace)) {
      const role = this.#resolve(entry.binding.roleRef, entry.namespace);
      if (typeof role === "string") result.errors.push(role);
      else result.rules.push(...role.rules);
    }
    return result;
  }

  /** The rules a binding in `namespace` ("" for cluster role bindings) would give; a text when there is no such role. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | string {
    const role = this.#resolve(roleRef, namespace);
    return typeof role === "string" ? role : role.rules;
  }

  #bindingsOf(user: UserInfo, namespace: string): IndexedBinding[] {
    let cluster = this.#clusterBindingsOf.get(user);
    if (!cluster) {
      cluster = this.#cluster.of(user);
      this.#clusterBindingsOf.set(user, cluster);
    }
    const local = namespace ? this.#namespaces.get(namespace) : undefined;
    return local ? [...cluster, ...local.of(user)] : cluster;
  }
  #resolve(ref: RoleRef, namespace: string): CompiledRole | string {
    if (ref.kind === "ClusterRole") return this.#clusterRoles.get(ref.name) ?? `clusterrole.${group} ${goQuote(ref.name)} not found`;
    if (ref.kind === "Role") return this.#roles.get(`${namespace}/${ref.name}`) ?? `role.${group} ${goQuote(ref.name)} not found`;
    return `unsupported role reference kind: ${goQuote(ref.kind)}`;
  }
  #setRole(roles: Map<string, CompiledRole>, key: string, role: Role | ClusterRole | undefined): void {
    if (role) roles.set(key, { rules: role.rules ?? [], matchers: (role.rules ?? []).map(compileRule) });
    else roles.delete(key);
  }
  #setRoleBinding(namespace: string, name: string, binding: RoleBinding | undefined): void {
    let index = this.#namespaces.get(namespace);
    if (!index) {
      index = new BindingIndex();
      this.#namespaces.set(namespace, index);
    }
    index.set(namespace, name, binding);
    if (index.size === 0) this.#namespaces.delete(namespace);
  }
}
