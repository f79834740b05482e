/** Fills the rules of ClusterRoles that have an aggregationRule from the roles that it selects. */
import { SelectorError, selectorOf } from "../../api/selectors/labels.ts";
import type { ClusterRole, PolicyRule } from "../../api/types/rbac-v1.gen.ts";
import { clusterroles } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";

/** Pure: rules of all other roles that any of the selectors matches, by name, each rule once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  const named = all.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const spec of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = selectorOf(spec);
    for (const other of named) {
      if (other.metadata.name === role.metadata.name || !selector.matches(other.metadata.labels)) continue;
      for (const rule of other.rules ?? []) if (!rules.some((present) => semanticEqual(present, rule))) rules.push(rule);
    }
  }
  return rules;
}

export const clusterroleAggregation: Controller = {
  name: "clusterrole-aggregation-controller",
  account: "clusterrole-aggregation-controller",
  start({ client, informers, enqueue, logger, signal }) {
    const roles = informers.informer(clusterroles);
    roles.onChange(() => {
      for (const role of roles.list()) if (role.aggregationRule) enqueue(role.metadata.name);
    });
    return async (name) => {
      const role = roles.get("", name);
      if (!role?.aggregationRule) return;
      try {
        const rules = aggregatedRules(role, roles.list());
        if (semanticEqual(rules, role.rules)) return;
        const applied = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name }, rules };
        await client.resource(clusterroles).patch("", name, "apply", applied, { fieldManager: "clusterrole-aggregation-controller", force: true, signal });
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error;
        logger.warn("selector is invalid", { role: name, error });
      }
    };
  },
};
