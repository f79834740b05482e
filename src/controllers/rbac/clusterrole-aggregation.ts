/** Fills the rules of ClusterRoles that have an aggregationRule from the roles that it selects. */
import { SelectorError, selectorOf } from "../../api/selectors/labels.ts";
import type { ClusterRole, PolicyRule } from "../../api/types/rbac-v1.gen.ts";
import { clusterroles } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";

/**
 * Pure: rules of all other roles that any of the selectors matches, by name, each rule once. A role that is aggregated
 * itself counts with what it will have, so that roles that build on each other are right at once, not after a round each.
 */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const named = all.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return collect(role, named, []);
}

/** `above`: the roles whose rules are being collected; in a circle the rules that a role has at the moment count. */
function collect(role: ClusterRole, all: readonly ClusterRole[], above: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  const below = [...above, role];
  for (const spec of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = selectorOf(spec);
    for (const other of all) {
      if (other.metadata.name === role.metadata.name || !selector.matches(other.metadata.labels)) continue;
      const given = other.aggregationRule && !below.includes(other) ? collect(other, all, below) : (other.rules ?? []);
      for (const rule of given) if (!rules.some((present) => semanticEqual(present, rule))) rules.push(rule);
    }
  }
  return rules;
}

/** Only the rules of an aggregated role changed: those come from others, so that nobody else's depend on them. */
function sameSource(old: ClusterRole | undefined, role: ClusterRole | undefined): boolean {
  if (!old?.aggregationRule || !role?.aggregationRule) return false;
  return semanticEqual(old.aggregationRule, role.aggregationRule) && semanticEqual(old.metadata.labels, role.metadata.labels);
}

export const clusterroleAggregation: Controller = {
  name: "clusterrole-aggregation-controller",
  account: "clusterrole-aggregation-controller",
  start({ client, informers, enqueue, logger, signal }) {
    const roles = informers.informer(clusterroles);
    /** What was written, and over which version: until the cache shows a later one there is nothing to write again. */
    const written = new Map<string, { over: string; rules: PolicyRule[] }>();
    roles.onChange((old, changed) => {
      if (changed && sameSource(old, changed)) enqueue(changed.metadata.name);
      else for (const role of roles.list()) if (role.aggregationRule) enqueue(role.metadata.name);
    });
    return async (name) => {
      const role = roles.get("", name);
      if (!role?.aggregationRule) {
        written.delete(name);
        return;
      }
      try {
        const rules = aggregatedRules(role, roles.list());
        const last = written.get(name);
        const known = last?.over === role.metadata.resourceVersion ? last.rules : role.rules;
        if (semanticEqual(rules, known)) return;
        const applied = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name }, rules };
        await client.resource(clusterroles).patch("", name, "apply", applied, { fieldManager: "clusterrole-aggregation-controller", force: true, signal });
        written.set(name, { over: role.metadata.resourceVersion, rules });
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error;
        logger.warn("selector is invalid", { role: name, error });
      }
    };
  },
};
