/**
 * Nobody grants what they do not hold (pkg/registry/rbac/*\/policybased): checked on each write of a role or binding.
 */
import type { UserInfo } from "../../api/exchange.ts";
import { aggregateText } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import type { KubeObject } from "../../api/object.ts";
import { compactRules, describeRule, missingRules } from "../../api/rbac/rules.ts";
import { forbidden, groupResource, notFound, StatusError } from "../../api/status.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef } from "../../api/types/rbac-v1.gen.ts";
import { nameError } from "../rest/place.ts";
import type { Authorizer } from "./authorizer.ts";
import type { RbacAuthorizer } from "./rbac.ts";
import { sameValue } from "./same.ts";
import { privilegedGroup } from "./union.ts";

const group = "rbac.authorization.k8s.io";
const fullAuthority: PolicyRule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

export interface EscalationDeps {
  rbac: RbacAuthorizer;
  /** The whole chain, asked for the verbs `escalate` and `bind`. */
  authorizer: Authorizer;
}

export interface EscalationRequest {
  user: UserInfo;
  resource: "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings";
  /** From the URL; "" for cluster kinds. */
  namespace: string;
  /** From the URL; "" on a create. */
  name: string;
  object: Role | ClusterRole | RoleBinding | ClusterRoleBinding;
  /** What is stored now, on an update. */
  old?: KubeObject;
}

/** Resolves when the user may write `object`; rejects with StatusError 403 (404 where the bound role does not exist). */
export async function checkEscalation(request: EscalationRequest, deps: EscalationDeps): Promise<void> {
  if (request.user.groups.includes(privilegedGroup)) return;
  if (request.resource === "roles" || request.resource === "clusterroles") await checkRole(request, request.object as ClusterRole, deps);
  else await checkBinding(request, request.object as RoleBinding, deps);
}

async function checkRole(request: EscalationRequest, role: ClusterRole, deps: EscalationDeps): Promise<void> {
  if (await allowed(request.user, "escalate", group, request.resource, request.namespace, request.name, deps)) return;
  if (onlyGarbageCollection(role, request.old)) return;
  const refuse = (why: string): StatusError => forbidden(groupResource(group, request.resource), role.metadata.name, why);
  const missing = missingRights(request, role.rules ?? [], deps.rbac);
  if (missing) throw refuse(missing);
  if (request.resource !== "clusterroles" || !(aggregates(role) || aggregates(request.old as ClusterRole | undefined))) return;
  if (missingRights(request, fullAuthority, deps.rbac)) throw refuse("must have cluster-admin privileges to use the aggregationRule");
}

async function checkBinding(request: EscalationRequest, binding: RoleBinding, deps: EscalationDeps): Promise<void> {
  if (onlyGarbageCollection(binding, request.old)) return;
  if (await mayBind(request.user, binding.roleRef, request.namespace, deps)) return;
  const rules = deps.rbac.rulesOfRole(binding.roleRef, request.namespace);
  if (typeof rules === "string") throw missingRole(binding.roleRef, rules, request.resource);
  const missing = missingRights(request, rules, deps.rbac);
  if (missing) throw forbidden(groupResource(group, request.resource), binding.metadata.name, missing);
}

const aggregates = (role: ClusterRole | undefined): boolean => !!role?.aggregationRule?.clusterRoleSelectors?.length;

/** Upstream looks the role up in the name of the resource that is written, and its errors say so. */
function missingRole(ref: RoleRef, text: string, resource: string): StatusError {
  if (ref.kind !== "Role" && ref.kind !== "ClusterRole") return new StatusError({ code: 500, message: text });
  const { name = "" } = ref;
  return nameError(name) ?? notFound(groupResource(group, resource), name);
}

async function mayBind(user: UserInfo, ref: RoleRef, namespace: string, deps: EscalationDeps): Promise<boolean> {
  if (ref.kind === "ClusterRole") return allowed(user, "bind", ref.apiGroup, "clusterroles", namespace, ref.name, deps);
  if (ref.kind === "Role") return allowed(user, "bind", ref.apiGroup, "roles", namespace, ref.name, deps);
  return false;
}

async function allowed(
  user: UserInfo,
  verb: string,
  apiGroup: string,
  resource: string,
  namespace: string,
  name: string,
  deps: EscalationDeps,
): Promise<boolean> {
  const decision = await deps.authorizer.authorize({
    user,
    verb,
    isResource: true,
    group: apiGroup,
    version: "*",
    resource,
    subresource: "",
    namespace,
    name,
    path: "",
  });
  return decision.decision === "allow";
}

/** Why the user may not give `wanted` on in the namespace; undefined where he holds all of it. */
export function missingRights(
  { user, namespace, resource }: Pick<EscalationRequest, "user" | "namespace" | "resource">,
  wanted: readonly PolicyRule[],
  rbac: RbacAuthorizer,
): string | undefined {
  const owned = rbac.rulesFor(user, namespace);
  const missing = missingRules(owned.rules, wanted);
  if (!missing.length) return undefined;
  const lines = [...new Set(compactRules(missing).map(describeRule))].sort();
  const groups = `[${user.groups.map(goQuote).join(" ")}]`;
  const errors = owned.errors.map((error) => error.replace(/^(cluster)?role\./, `${resource}.`));
  const suffix = errors.length ? `; resolution errors: [${aggregateText(errors)}]` : "";
  return `user ${goQuote(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${lines.join("\n")}${suffix}`;
}

/** Whether nothing but what the garbage collector needs changes: finalizers and owner references. */
export function onlyGarbageCollection(object: KubeObject, old: KubeObject | undefined): boolean {
  if (!old) return false;
  const strip = (o: KubeObject): KubeObject => {
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, selfLink: _link, ...metadata } = o.metadata;
    return { ...o, metadata } as KubeObject;
  };
  return sameValue(strip(object), strip(old));
}
