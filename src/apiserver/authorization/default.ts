/** The authorizers of `--authorization-mode=Node,RBAC`, the administrators' group before them. */
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

/** `nodeRules` are those of the bootstrap cluster role system:node. */
export function defaultAuthorization({ reader, nodeRules }: { reader: Reader; nodeRules: readonly PolicyRule[] }): DefaultAuthorization {
  const rbac = new RbacAuthorizer(reader);
  const node = new NodeAuthorizer({ graph: new NodeGraph(reader), rules: nodeRules });
  return { authorizer: unionAuthorizer(privilegedAuthorizer, node, rbac), rbac };
}
