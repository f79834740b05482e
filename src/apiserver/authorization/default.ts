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
}

export function defaultAuthorization({ reader, nodeRules, modes = ["Node", "RBAC"] }: DefaultAuthorizationOptions): DefaultAuthorization {
  const rbac = new RbacAuthorizer(reader);
  const make: Record<AuthorizationMode, () => Authorizer> = {
    Node: () => new NodeAuthorizer({ graph: new NodeGraph(reader), rules: nodeRules }),
    RBAC: () => rbac,
    AlwaysAllow: () => ({ authorize: () => ({ decision: "allow", reason: "" }) }),
    AlwaysDeny: () => ({ authorize: () => ({ decision: "no-opinion", reason: "Everything is forbidden." }) }),
  };
  return { authorizer: unionAuthorizer(privilegedAuthorizer, ...modes.map((mode) => make[mode]())), rbac };
}
