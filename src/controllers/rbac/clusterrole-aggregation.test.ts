import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole, PolicyRule } from "../../api/types/rbac-v1.gen.ts";
import { aggregatedRules } from "./clusterrole-aggregation.ts";

const rule = (resource: string): PolicyRule => ({ apiGroups: [""], resources: [resource], verbs: ["get"] });

/** `to`: labels that make others aggregate it; `from`: labels that it aggregates. */
function role(name: string, { to = [], from = [], rules = [] }: { to?: string[]; from?: string[]; rules?: string[] }): ClusterRole {
  return {
    metadata: { name, labels: Object.fromEntries(to.map((label) => [label, "true"])) },
    rules: rules.map(rule),
    ...(from.length ? { aggregationRule: { clusterRoleSelectors: from.map((label) => ({ matchLabels: { [label]: "true" } })) } } : {}),
  } as unknown as ClusterRole;
}
const names = (rules: PolicyRule[]): (string | undefined)[] => rules.map((one) => one.resources?.[0]);

test("rules of the selected roles are joined by name, each once", () => {
  const all = [role("sum", { from: ["part"] }), role("b", { to: ["part"], rules: ["pods", "secrets"] }), role("a", { to: ["part"], rules: ["nodes", "pods"] })];
  assert.deepEqual(names(aggregatedRules(all[0] as ClusterRole, all)), ["nodes", "pods", "secrets"]);
});

test("a role that builds on an aggregated one has its rules before that one was written", () => {
  const all = [
    role("admin", { from: ["to-admin"] }),
    role("edit", { to: ["to-admin"], from: ["to-edit"], rules: ["stale"] }),
    role("view", { to: ["to-edit"], from: ["to-view"] }),
    role("part", { to: ["to-view"], rules: ["pods"] }),
  ];
  assert.deepEqual(names(aggregatedRules(all[0] as ClusterRole, all)), ["pods"]);
});

test("roles that select each other end with what each has", () => {
  const all = [role("a", { to: ["b"], from: ["a"], rules: ["pods"] }), role("b", { to: ["a"], from: ["b"], rules: ["nodes"] })];
  assert.deepEqual(names(aggregatedRules(all[0] as ClusterRole, all)), ["pods"]);
});
