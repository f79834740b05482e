/** Which nodes a pod asks for (k8s.io/component-helpers/scheduling/corev1/nodeaffinity), compiled. */
import { specOperators, LabelSelector, type Operator, validateRequirement } from "../../api/selectors/labels.ts";
import type { NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod } from "../../api/types/core-v1.gen.ts";

export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}
export type NodeTest = (node: NodeFacts) => boolean;

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([...specOperators, ["Gt", "gt"], ["Lt", "lt"]]);

/** Undefined for a term that no node satisfies because it is not valid. */
function labelTest(expressions: readonly NodeSelectorRequirement[]): LabelSelector | undefined {
  const requirements = [];
  for (const { key, operator, values = [] } of expressions) {
    const known = operators.get(operator);
    if (!known) return undefined;
    const requirement = { key, operator: known, values };
    if (validateRequirement(requirement).length) return undefined;
    requirements.push(requirement);
  }
  return new LabelSelector(requirements);
}

/** Undefined: an empty term, which selects nothing, or one that is not valid. */
function termTest({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): NodeTest | undefined {
  if (!matchExpressions.length && !matchFields.length) return undefined;
  const labels = labelTest(matchExpressions);
  if (!labels || matchFields.some(({ operator, values }) => (operator !== "In" && operator !== "NotIn") || values?.length !== 1)) return undefined;
  const fields = matchFields.map(({ key, operator, values }) => {
    const value = values?.[0] as string;
    return ({ name }: NodeFacts): boolean => ((key === "metadata.name" ? name : "") === value) === (operator === "In");
  });
  return (node) => labels.matches(node.labels) && fields.every((test) => test(node));
}

/** Terms are alternatives. */
export function nodeSelectorTest(selector: NodeSelector): NodeTest {
  const tests = (selector.nodeSelectorTerms ?? []).map(termTest).filter((test) => test !== undefined);
  return (node) => tests.some((test) => test(node));
}

/** What `spec.nodeSelector` and the required node affinity ask for; undefined when they ask for nothing. */
export function requiredNodes({ spec }: Pod): NodeTest | undefined {
  const entries = Object.entries(spec.nodeSelector ?? {});
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const affinity = required && nodeSelectorTest(required);
  if (!entries.length) return affinity;
  const plain: NodeTest = ({ labels }) => {
    for (const [key, value] of entries) if (labels[key] !== value) return false;
    return true;
  };
  return affinity ? (node) => plain(node) && affinity(node) : plain;
}

/** Names of nodes that the required affinity is confined to; undefined when it is not confined by name. */
export function requiredNodeNames({ spec }: Pod): Set<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (!terms.length) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of terms) {
    let ofTerm: string[] | undefined;
    for (const { key, operator, values = [] } of matchFields) {
      if (key === "metadata.name" && operator === "In") ofTerm = ofTerm ? ofTerm.filter((name) => values.includes(name)) : values;
    }
    if (!ofTerm) return undefined;
    for (const name of ofTerm) names.add(name);
  }
  return names;
}

/** Sum of the weights of the preferences that a node meets; undefined when nothing is preferred. */
export function preferredNodes(affinity: NodeAffinity | undefined): ((node: NodeFacts) => number) | undefined {
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution;
  if (!preferred?.length) return undefined;
  const tests = preferred.flatMap(({ weight, preference }) => {
    const test = weight ? termTest(preference) : undefined;
    return test ? [{ weight, test }] : [];
  });
  return (node) => tests.reduce((sum, { weight, test }) => (test(node) ? sum + weight : sum), 0);
}
