/** A kubelet may read and write what concerns its own node only (plugin/pkg/auth/authorizer/node). */
import { goQuote } from "../../api/go-quote.ts";
import type { UserInfo } from "../../api/exchange.ts";
import { compileRule } from "../../api/rbac/rules.ts";
import { groupResource } from "../../api/status.ts";
import type { PolicyRule } from "../../api/types/rbac-v1.gen.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, ListedRules, RuleResolver } from "./authorizer.ts";
import type { GraphKind, NodeGraph } from "./node-graph.ts";

const userPrefix = "system:node:";
const allow: AuthorizationDecision = { decision: "allow", reason: "" };
const none = (reason = ""): AuthorizationDecision => ({ decision: "no-opinion", reason });

/** The node whose kubelet this is; "" for one that does not say which, undefined for who is not a kubelet. */
export function nodeOf(user: UserInfo): string | undefined {
  return user.name.startsWith(userPrefix) && user.groups.includes("system:nodes") ? user.name.slice(userPrefix.length) : undefined;
}

export interface NodeAuthorizerOptions {
  graph: NodeGraph;
  /** Those of the cluster role system:node: they decide about everything that is not looked at one by one. */
  rules: readonly PolicyRule[];
}

export class NodeAuthorizer implements Authorizer, RuleResolver {
  readonly #graph: NodeGraph;
  readonly #rules: ReturnType<typeof compileRule>[];

  constructor({ graph, rules }: NodeAuthorizerOptions) {
    this.#graph = graph;
    this.#rules = rules.map(compileRule);
  }
  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    const node = nodeOf(attributes.user);
    if (node === undefined) return none();
    if (node === "") return none(`unknown node for user ${goQuote(attributes.user.name)}`);
    const special = attributes.isResource ? this.#byResource(node, attributes) : undefined;
    return special ?? (this.#rules.some((matches) => matches(attributes)) ? allow : none());
  }
  /** What a kubelet may do depends on its pods. */
  rulesOf(user: UserInfo): ListedRules {
    const isNode = nodeOf(user) !== undefined;
    return { resourceRules: [], nonResourceRules: [], incomplete: isNode, errors: isNode ? ["node authorizer does not support user rule resolution"] : [] };
  }
  #byResource(node: string, a: AuthorizationAttributes): AuthorizationDecision | undefined {
    switch (groupResource(a.group, a.resource)) {
      case "secrets":
        return this.#read(node, "secret", a);
      case "configmaps":
        return this.#read(node, "configmap", a);
      case "persistentvolumeclaims":
        if (a.subresource !== "status") return this.#get(node, "pvc", a);
        return a.verb === "update" || a.verb === "patch" ? this.#related(node, "pvc", a) : none("can only get/update/patch this type");
      case "persistentvolumes":
        return this.#get(node, "pv", a);
      case "resourceclaims.resource.k8s.io":
        return this.#get(node, "resourceclaim", a);
      case "volumeattachments.storage.k8s.io":
        return this.#get(node, "volumeattachment", a);
      case "serviceaccounts":
        return a.verb === "get" && !a.subresource ? this.#read(node, "serviceaccount", a) : this.#token(node, a);
      case "leases.coordination.k8s.io":
        return lease(node, a);
      case "csinodes.storage.k8s.io":
        return csiNode(node, a);
      case "resourceslices.resource.k8s.io":
        return this.#slice(node, a);
      case "nodes":
        return ownNode(node, a);
      case "pods":
        return this.#pod(node, a);
      case "podcertificaterequests.certificates.k8s.io":
        // Behind a feature gate that is off.
        return none();
      default:
        return undefined;
    }
  }
  #related(node: string, kind: GraphKind, a: AuthorizationAttributes): AuthorizationDecision {
    if (!a.name) return none("No Object name found");
    return this.#graph.related(node, kind, a.namespace, a.name) ? allow : none(`no relationship found between node '${node}' and this object`);
  }
  #get(node: string, kind: GraphKind, a: AuthorizationAttributes): AuthorizationDecision {
    if (a.verb !== "get") return none("can only get individual resources of this type");
    return a.subresource ? none("cannot get subresource") : this.#related(node, kind, a);
  }
  #read(node: string, kind: GraphKind, a: AuthorizationAttributes): AuthorizationDecision {
    if (!["get", "list", "watch"].includes(a.verb)) return none("can only read resources of this type");
    if (a.subresource) return none("cannot read subresource");
    return a.namespace ? this.#related(node, kind, a) : none("can only read namespaced object of this type");
  }
  #token(node: string, a: AuthorizationAttributes): AuthorizationDecision {
    if (a.verb !== "create" || !a.name) return none("can only create tokens for individual service accounts");
    return a.subresource === "token" ? this.#related(node, "serviceaccount", a) : none("can only create token subresource of serviceaccount");
  }
  #slice(node: string, a: AuthorizationAttributes): AuthorizationDecision {
    if (a.subresource) return none("cannot authorize ResourceSlice subresources");
    if (a.verb === "create") return allow;
    if (["get", "update", "patch", "delete"].includes(a.verb)) return this.#related(node, "resourceslice", a);
    if (["watch", "list", "deletecollection"].includes(a.verb))
      return selects(a, "spec.nodeName", node) ? allow : none("can only list/watch/deletecollection resourceslices with nodeName field selector");
    return none("only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection");
  }
  #pod(node: string, a: AuthorizationAttributes): AuthorizationDecision {
    if (a.subresource === "status") return a.verb === "update" || a.verb === "patch" ? allow : none();
    if (a.subresource === "eviction") return a.verb === "create" ? allow : none();
    if (a.subresource) return none();
    if (a.verb === "create" || a.verb === "delete") return allow;
    if (a.verb === "get") return this.#get(node, "pod", a);
    if (a.verb !== "list" && a.verb !== "watch") return none();
    if (selects(a, "spec.nodeName", node)) return allow;
    return a.name ? this.#related(node, "pod", a) : none("can only list/watch pods with spec.nodeName field selector");
  }
}

const selects = (a: AuthorizationAttributes, field: string, value: string): boolean =>
  a.fieldSelector?.some((r) => r.field === field && r.operator === "=" && r.value === value) ?? false;

const ownVerbs = ["get", "create", "update", "patch", "delete"];

// The name is not known yet on a create: NodeRestriction checks it then.
const ownName = (node: string, a: AuthorizationAttributes): boolean => a.verb === "create" || a.name === node;

function lease(node: string, a: AuthorizationAttributes): AuthorizationDecision {
  if (!ownVerbs.includes(a.verb)) return none("can only get, create, update, patch, or delete a node lease");
  if (a.namespace !== "kube-node-lease") return none('can only access leases in the "kube-node-lease" system namespace');
  return ownName(node, a) ? allow : none("can only access node lease with the same name as the requesting node");
}

function csiNode(node: string, a: AuthorizationAttributes): AuthorizationDecision {
  if (!ownVerbs.includes(a.verb)) return none("can only get, create, update, patch, or delete a CSINode");
  if (a.subresource) return none("cannot authorize CSINode subresources");
  return ownName(node, a) ? allow : none("can only access CSINode with the same name as the requesting node");
}

function ownNode(node: string, a: AuthorizationAttributes): AuthorizationDecision {
  if (a.subresource === "status") return a.verb === "update" || a.verb === "patch" ? allow : none();
  if (a.subresource) return none();
  if (["create", "update", "patch"].includes(a.verb)) return allow;
  if (!["get", "list", "watch"].includes(a.verb)) return none();
  if (a.name === node) return allow;
  return none(a.name ? `node '${node}' cannot read '${a.name}', only its own Node object` : `node '${node}' cannot read all nodes, only its own Node object`);
}
