/** Authorization: may this user do this (k8s.io/apiserver/pkg/authorization/authorizer). */
import type { UserInfo } from "../../api/exchange.ts";
import type { Requirement as LabelRequirement } from "../../api/selectors/labels.ts";
import type { NonResourceRule, ResourceRule } from "../../api/types/authorization-v1.gen.ts";

/** One requirement of a request's field selector. */
export interface FieldRequirement {
  field: string;
  operator: "=" | "!=";
  value: string;
}

export interface AuthorizationAttributes {
  user: UserInfo;
  /** get, list, watch, create, update, patch, delete, deletecollection, ...; for non-resources the HTTP method in lower case. */
  verb: string;
  /** False for paths such as /healthz: then only `path` and `verb` count. */
  isResource: boolean;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  path: string;
  /** Of list, watch and deletecollection, as far as they could be read: authorizers may decide by them. */
  fieldSelector?: readonly FieldRequirement[];
  labelSelector?: readonly LabelRequirement[];
}

export interface AuthorizationDecision {
  decision: "allow" | "deny" | "no-opinion";
  /** Upstream's words, e.g. `RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "y" to User "z"`. */
  reason: string;
  /** What went wrong on the way; the decision stands all the same. */
  errors?: readonly string[];
}

/** Who waits for a decision, and for how long; the signal may be made on demand. */
export interface Asking {
  readonly signal: AbortSignal;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes, asking?: Asking): AuthorizationDecision | Promise<AuthorizationDecision>;
}

/** What a user may do in a namespace, as far as that can be listed. */
export interface ListedRules {
  resourceRules: ResourceRule[];
  nonResourceRules: NonResourceRule[];
  /** There may be more. */
  incomplete: boolean;
  errors: readonly string[];
}

export interface RuleResolver {
  rulesOf(user: UserInfo, namespace: string): ListedRules;
}
