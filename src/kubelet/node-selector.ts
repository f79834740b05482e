/** Whether a node is one that a pod may run on (k8s.io/component-helpers/scheduling/corev1/nodeaffinity). Pure. */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from "../api/types/core-v1.gen.ts";

function holds(requirement: NodeSelectorRequirement, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt": {
      if (value === undefined || !/^-?\d+$/.test(value) || !/^-?\d+$/.test(values[0] ?? "")) return false;
      const difference = BigInt(value) - BigInt(values[0] as string);
      return requirement.operator === "Gt" ? difference > 0n : difference < 0n;
    }
    default:
      return false;
  }
}

function termHolds(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (!expressions.length && !fields.length) return false;
  return (
    expressions.every((e) => holds(e, node.metadata.labels?.[e.key])) &&
    fields.every((f) => holds(f, f.key === "metadata.name" ? node.metadata.name : undefined))
  );
}

/** Whether one of the terms holds for the node. */
export const someTermHolds = (terms: readonly NodeSelectorTerm[], node: Node): boolean => terms.some((term) => termHolds(term, node));

export function nodeMatches(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(pod.spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || someTermHolds(required.nodeSelectorTerms, node);
}
