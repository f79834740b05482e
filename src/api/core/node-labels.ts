/** Labels of nodes that have been replaced, and warnings about selecting by them (pkg/api/node). */
import type { Path } from "../field.ts";
import { isValidLabelValue } from "../names.ts";
import type { NodeSelectorTerm } from "../types/core-v1.gen.ts";
import { table } from "../../base/table.ts";

const deprecated = table<string>({
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  "app.kubernetes.io/created-by": "deprecated since v1.9",
  "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
  "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
});

/** What to use instead; undefined for a label that is fine. */
export const deprecatedLabelMessage = (key: string): string | undefined => deprecated[key];

/** `checkValues`: a value that can match nothing is warned about as well. */
export function nodeSelectorWarnings(terms: NodeSelectorTerm[] | undefined, at: Path, checkValues = false): string[] {
  const found: string[] = [];
  for (const [i, term] of (terms ?? []).entries()) {
    for (const [j, expression] of (term.matchExpressions ?? []).entries()) {
      const here = at.index(i).child("matchExpressions").index(j);
      const message = deprecatedLabelMessage(expression.key);
      if (message) found.push(`${here.child("key")}: ${expression.key} is ${message}`);
      if (!checkValues) continue;
      for (const [k, value] of (expression.values ?? []).entries())
        for (const wrong of isValidLabelValue(value)) found.push(`${here.child("values").index(k)}: ${value} is invalid, ${wrong}`);
    }
  }
  return found;
}
