/** Which pods of a DaemonSet to create and delete (pkg/controller/daemon). Pure. */
import { scaledValue } from "../../api/intstr.ts";
import { LabelSelector, type Operator } from "../../api/selectors/labels.ts";
import { parseTime } from "../../api/time.ts";
import type { DaemonSet, DaemonSetStatus } from "../../api/types/apps-v1.gen.ts";
import type { Node, NodeSelectorRequirement, Pod, PodSpec, Toleration } from "../../api/types/core-v1.gen.ts";
import { tolerates } from "../node/taints.ts";
import { isAvailable, isReady, isTerminating } from "../runtime/pods.ts";
import { revisionHashLabel } from "./controller-revisions.ts";
import { table } from "../../base/table.ts";

const operators = table<Operator>({ In: "in", NotIn: "notin", Exists: "exists", DoesNotExist: "!", Gt: "gt", Lt: "lt" });
const matches = (requirements: readonly NodeSelectorRequirement[], labels: Record<string, string> | undefined): boolean =>
  new LabelSelector(requirements.map(({ key, operator, values = [] }) => ({ key, operator: operators[operator] as Operator, values }))).matches(labels);

/** Tolerations that every daemon pod has, so that it stays when its node is in trouble. */
export function daemonTolerations(spec: PodSpec): Toleration[] {
  const added: Toleration[] = [
    { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
    { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
    { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
    { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
    { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
  ];
  if (spec.hostNetwork) added.push({ key: "node.kubernetes.io/network-unavailable", operator: "Exists", effect: "NoSchedule" });
  const same = (a: Toleration, b: Toleration): boolean =>
    a.key === b.key && a.effect === b.effect && a.operator === b.operator && (a.value ?? "") === (b.value ?? "");
  return [...(spec.tolerations ?? []).filter((t) => !added.some((a) => same(a, t))), ...added];
}

/** Whether a pod should run there, and whether one that does may go on. */
export function fits(ds: DaemonSet, node: Node): { run: boolean; goOn: boolean } {
  const { spec } = ds.spec.template;
  const { name, labels } = node.metadata;
  const no = { run: false, goOn: false };
  if (spec.nodeName && spec.nodeName !== name) return no;
  if (Object.entries(spec.nodeSelector ?? {}).some(([key, value]) => labels?.[key] !== value)) return no;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required) {
    const fit = required.nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
      if (matchExpressions.length + matchFields.length === 0) return false;
      return matches(matchExpressions, labels) && matches(matchFields, { "metadata.name": name });
    });
    if (!fit) return no;
  }
  const tolerations = daemonTolerations(spec);
  const bad = (node.spec?.taints ?? []).filter((t) => t.effect !== "PreferNoSchedule" && !tolerations.some((one) => tolerates(one, t)));
  return { run: bad.length === 0, goOn: !bad.some((t) => t.effect === "NoExecute") };
}

/** The node that a pod runs on or is made for. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap((t) => t.matchFields ?? []).find((f) => f.key === "metadata.name" && f.operator === "In")?.values?.[0];
}

export interface DaemonInput {
  ds: DaemonSet;
  nodes: readonly Node[];
  /** By target node. */
  pods: ReadonlyMap<string, readonly Pod[]>;
  /** Of the current template. */
  hash: string;
  now: number;
}
export interface DaemonPlan {
  create: string[];
  delete: Pod[];
  /** Pods that ended by themselves; they are deleted too, failed ones with a delay. */
  ended: Pod[];
}

const isNew = (pod: Pod, hash: string): boolean => pod.metadata.labels?.[revisionHashLabel] === hash;
const maxSurge = (ds: DaemonSet, desired: number): number =>
  ds.spec.updateStrategy?.type === "OnDelete" ? 0 : scaledValue(ds.spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0, desired, true);
const maxUnavailable = (ds: DaemonSet, desired: number): number => scaledValue(ds.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desired, true);

/** One pod per node that fits, none elsewhere. */
export function planNodes({ ds, nodes, pods, hash, now }: DaemonInput): DaemonPlan {
  const plan: DaemonPlan = { create: [], delete: [], ended: [] };
  const desired = nodes.filter((node) => fits(ds, node).run).length;
  const surging = maxSurge(ds, desired) > 0;
  const known = new Set<string>();
  for (const node of nodes) {
    const { name } = node.metadata;
    known.add(name);
    const { run, goOn } = fits(ds, node);
    const here = pods.get(name) ?? [];
    if (!goOn) {
      plan.delete.push(...here.filter((pod) => !isTerminating(pod)));
      continue;
    }
    if (here.length === 0) {
      if (run) plan.create.push(name);
      continue;
    }
    const live = here.filter((pod) => !isTerminating(pod));
    plan.ended.push(...live.filter((pod) => pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded"));
    const running = live.filter((pod) => !plan.ended.includes(pod)).sort(scheduledFirst);
    if (!surging) {
      plan.delete.push(...running.slice(1));
      continue;
    }
    if (running.length === 0 && run) plan.create.push(name);
    if (running.length <= 1) continue;
    const fresh = running.find((pod) => isNew(pod, hash));
    const stale = running.find((pod) => !isNew(pod, hash));
    plan.delete.push(...running.filter((pod) => pod !== fresh && pod !== stale));
    if (fresh && stale && (!isReady(stale) || isAvailable(fresh, ds.spec.minReadySeconds ?? 0, now))) plan.delete.push(stale);
  }
  // Pods made for nodes that are gone will never be scheduled.
  for (const [name, here] of pods) if (!known.has(name)) plan.delete.push(...here.filter((pod) => !pod.spec.nodeName && !isTerminating(pod)));
  return plan;
}

function scheduledFirst(a: Pod, b: Pod): number {
  if (!a.spec.nodeName !== !b.spec.nodeName) return a.spec.nodeName ? -1 : 1;
  return parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** A new template reaches the nodes, within maxUnavailable or maxSurge. */
export function planRollout({ ds, nodes, pods, hash, now }: DaemonInput): { create: string[]; delete: Pod[] } {
  const byName = new Map(nodes.map((node) => [node.metadata.name, node]));
  const desired = nodes.filter((node) => fits(ds, node).run).length;
  const surge = maxSurge(ds, desired);
  const available = (pod: Pod): boolean => isAvailable(pod, ds.spec.minReadySeconds ?? 0, now);
  const pairs = [...pods].map(([name, here]) => {
    const live = here.filter((pod) => !isTerminating(pod) && pod.status?.phase !== "Failed" && pod.status?.phase !== "Succeeded");
    return { name, fresh: live.filter((pod) => isNew(pod, hash)), stale: live.filter((pod) => !isNew(pod, hash)) };
  });
  const plan: { create: string[]; delete: Pod[] } = { create: [], delete: [] };
  if (surge === 0) {
    const candidates: Pod[] = [];
    let unavailable = nodes.filter((node) => fits(ds, node).run && !pods.has(node.metadata.name)).length;
    for (const { fresh, stale } of pairs) {
      const [pod] = stale;
      if (fresh.length > 0 || !pod) {
        if (stale.length > 0 || !fresh.some(available)) unavailable++;
      } else if (!available(pod)) {
        plan.delete.push(pod);
        unavailable++;
      } else candidates.push(pod);
    }
    plan.delete.push(...candidates.slice(0, Math.max(0, Math.max(1, maxUnavailable(ds, desired)) - unavailable)));
    return plan;
  }
  const candidates: string[] = [];
  let surging = 0;
  for (const { name, fresh, stale } of pairs) {
    const [pod] = stale;
    const [next] = fresh;
    if (!pod) continue;
    const node = byName.get(name);
    if (next) {
      if (available(next)) plan.delete.push(pod);
      else surging++;
    } else if (!available(pod)) {
      if (node && fits(ds, node).run) plan.create.push(name);
      else plan.delete.push(pod);
    } else if (node && fits(ds, node).run) candidates.push(name);
  }
  plan.create.push(...candidates.slice(0, Math.max(0, surge - surging)));
  return plan;
}

export function daemonStatus({ ds, nodes, pods, hash, now }: DaemonInput): DaemonSetStatus {
  const count = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of nodes) {
    const here = [...(pods.get(node.metadata.name) ?? [])].sort(scheduledFirst);
    const [pod] = here;
    if (!fits(ds, node).run) {
      if (pod) count.misscheduled++;
      continue;
    }
    count.desired++;
    if (!pod) continue;
    count.current++;
    if (isReady(pod)) count.ready++;
    if (isAvailable(pod, ds.spec.minReadySeconds ?? 0, now)) count.available++;
    if (isNew(pod, hash)) count.updated++;
  }
  return {
    ...ds.status,
    observedGeneration: ds.metadata.generation,
    desiredNumberScheduled: count.desired,
    currentNumberScheduled: count.current,
    numberMisscheduled: count.misscheduled,
    numberReady: count.ready,
    updatedNumberScheduled: count.updated,
    numberAvailable: count.available,
    numberUnavailable: count.desired - count.available,
  };
}
