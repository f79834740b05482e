/** Topology spread constraints of a pod, its own or those that hold by default, compiled. */
import { type LabelSelector, selectorOf } from "../../api/selectors/labels.ts";
import type { Pod, TopologySpreadConstraint } from "../../api/types/core-v1.gen.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { type NodeTest, requiredNodes } from "../framework/node-selector.ts";
import { untoleratedTaint } from "../framework/toleration.ts";
import type { NodeRow } from "../cache/snapshot.ts";
import { own } from "../../base/table.ts";

export interface Constraint {
  readonly key: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: LabelSelector;
  readonly honorTaints: boolean;
  /** Whether pods on the node count, by the constraint's inclusion policies; undefined when all do. */
  readonly includes: ((node: NodeRow) => boolean) | undefined;
}

type Action = "DoNotSchedule" | "ScheduleAnyway";

const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway", maxSkew: 3 },
  { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway", maxSkew: 5 },
];

function withLabelKeys(selector: LabelSelector, keys: readonly string[] | undefined, labels: Readonly<Record<string, string>>): LabelSelector {
  const wanted = (keys ?? []).filter((key) => own(labels, key) !== undefined);
  return wanted.length ? selector.and(...wanted.map((key) => ({ key, operator: "=" as const, values: [labels[key] as string] }))) : selector;
}

function compile(pod: Pod, spec: TopologySpreadConstraint, selector: LabelSelector, required: NodeTest | undefined): Constraint {
  const affinity = (spec.nodeAffinityPolicy ?? "Honor") === "Honor" ? required : undefined;
  const honorTaints = spec.nodeTaintsPolicy === "Honor";
  const { tolerations } = pod.spec;
  const includes = (node: NodeRow): boolean => (!affinity || affinity(node)) && (!honorTaints || !untoleratedTaint(node.node?.spec?.taints, tolerations));
  return {
    key: spec.topologyKey,
    maxSkew: spec.maxSkew,
    minDomains: spec.minDomains ?? 1,
    selector,
    honorTaints,
    includes: affinity || honorTaints ? includes : undefined,
  };
}

/** `defaults`: for pods that have none of their own. */
export function spreadConstraints(
  pod: Pod,
  action: Action,
  cluster: ClusterView,
  defaults: readonly TopologySpreadConstraint[] = systemDefaults,
): Constraint[] {
  const own = pod.spec.topologySpreadConstraints ?? [];
  const wanted = (own.length ? own : defaults).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action);
  if (!wanted.length) return [];
  const selector = own.length ? undefined : cluster.defaultSelector(pod);
  if (!own.length && (!selector || selector.empty)) return [];
  const required = requiredNodes(pod);
  return wanted.map((spec) =>
    compile(pod, spec, selector ?? withLabelKeys(selectorOf(spec.labelSelector), spec.matchLabelKeys, pod.metadata.labels ?? {}), required),
  );
}
