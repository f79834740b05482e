/** The authorizers of `--authorization-mode`, the administrators' group before them. */
import type { PolicyRule } from "../../api/types/rbac-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { Authorizer } from "./authorizer.ts";
import { NodeAuthorizer } from "./node.ts";
import { NodeGraph } from "./node-graph.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { privilegedAuthorizer, unionAuthorizer } from "./union.ts";

export interface DefaultAuthorization {
  authorizer: Authorizer;
  rbac: RbacAuthorizer;
}

export type AuthorizationMode = "Node" | "RBAC" | "AlwaysAllow" | "AlwaysDeny";

export interface DefaultAuthorizationOptions {
  reader: Reader;
  /** Those of the bootstrap cluster role system:node. */
  nodeRules: readonly PolicyRule[];
  /** In this order. @default Node, RBAC */
  modes?: readonly AuthorizationMode[];
  /** Around each of them. */
  counted?(authorizer: Authorizer, mode: AuthorizationMode): Authorizer;
}

export function defaultAuthorization({ reader, nodeRules, modes = ["Node", "RBAC"], counted }: DefaultAuthorizationOptions): DefaultAuthorization {
  const rbac = new RbacAuthorizer(reader);
  const make: Record<AuthorizationMode, () => Authorizer> = {
    Node: () => new NodeAuthorizer({ graph: new NodeGraph(reader), rules: nodeRules }),
    RBAC: () => rbac,
    AlwaysAllow: () => ({ authorize: () => ({ decision: "allow", reason: "" }) }),
    AlwaysDeny: () => ({ authorize: () => ({ decision: "no-opinion", reason: "Everything is forbidden." }) }),
  };
  const chain = modes.map((mode) => counted?.(make[mode](), mode) ?? make[mode]());
  return { authorizer: unionAuthorizer(privilegedAuthorizer, ...chain), rbac };
}
