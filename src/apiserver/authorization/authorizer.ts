/** Authorization: may this user do this (k8s.io/apiserver/pkg/authorization/authorizer). */
import type { UserInfo } from "../../api/exchange.ts";

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
  /** Of list, watch and deletecollection, when the selector could be parsed; the Node authorizer decides by it. */
  fieldSelector?: readonly FieldRequirement[];
}

export interface AuthorizationDecision {
  decision: "allow" | "deny" | "no-opinion";
  /** Upstream's words, e.g. `RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "y" to User "z"`. */
  reason: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): AuthorizationDecision | Promise<AuthorizationDecision>;
}
