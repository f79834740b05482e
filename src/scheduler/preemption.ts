/**
 * Which pods would have to go so that a pod that matters more fits (pkg/scheduler/framework/preemption and its plugin
 * DefaultPreemption). Decides only; nothing is evicted here.
 */
import { podCondition } from "../api/core/pod-status.ts";
import { selectorOf } from "../api/selectors/labels.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { PodDisruptionBudget } from "../api/types/policy-v1.gen.ts";
import type { Random } from "../base/random.ts";
import type { Snapshot } from "./cache/snapshot.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import { fitMessage } from "./framework/message.ts";
import type { Nominations } from "./framework/nominations.ts";
import { type PodChange, type Rejection, rejection } from "./framework/plugin.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import type { PreparedFilters } from "./framework/prepared-filters.ts";
import { RejectedNodes } from "./framework/rejected-nodes.ts";
import type { Diagnosis, Profile } from "./framework/schedule.ts";
import type { VictimMemory } from "./victim-memory.ts";

const name = "DefaultPreemption";
const noVictims = rejection(name, false, "No preemption victims found for incoming pod");
const unhelpful = rejection(name, false, "Preemption is not helpful for scheduling");

export interface Candidate {
  readonly node: string;
  /** The most important first. */
  readonly victims: readonly PodInfo[];
  /** How many of them a disruption budget would spare. */
  readonly violations: number;
}

type PreemptionResult =
  | { readonly candidate: Candidate; readonly candidates: readonly Candidate[]; readonly all: readonly Candidate[] }
  /** `clear`: the node promised earlier is of no use any more. `failed`: nodes could not be asked. */
  | { readonly candidate: undefined; readonly message: string; readonly clear: boolean; readonly failed?: true };

export interface PreemptionInput {
  pod: PodInfo;
  snapshot: Snapshot;
  cluster: ClusterView;
  nominations: Nominations;
  diagnosis: Diagnosis;
  /** Absent where the pod was refused before any node was looked at. */
  prepared: PreparedFilters | undefined;
  random: Random;
  /** Of earlier pods; kept by the caller. */
  memory: VictimMemory<Candidate | Rejection>;
}

/** Seconds do for comparing; a pod that has not started counts as starting now. */
const startOf = (pod: Pod): number => (pod.status?.startTime ? Date.parse(pod.status.startTime) : Number.MAX_SAFE_INTEGER);
const byImportance = (a: PodInfo, b: PodInfo): number => b.priority - a.priority || startOf(a.pod) - startOf(b.pod);

function preempted(pod: Pod): boolean {
  const condition = podCondition(pod.status, "DisruptionTarget");
  return pod.metadata.deletionTimestamp !== undefined && condition?.status === "True" && condition.reason === "PreemptionByScheduler";
}

/** Why the pod may not evict others now; undefined when it may. */
function ineligible({ pod, snapshot, diagnosis }: PreemptionInput): string | undefined {
  if (pod.pod.spec.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  const promised = pod.pod.status?.nominatedNodeName;
  const row = promised ? snapshot.byName.get(promised) : undefined;
  const node = row === undefined ? undefined : snapshot.rows[row];
  if (!node?.node || diagnosis.early?.resolvable === false || diagnosis.rejected.get(node.index)?.resolvable === false) return undefined;
  for (const victim of node.pods.values()) {
    if (victim.priority < pod.priority && preempted(victim.pod)) return "not eligible due to a terminating pod on the nominated node.";
  }
  return undefined;
}

/** Budgets are spent pod by pod, in the order given. */
function splitByBudget(victims: readonly PodInfo[], cluster: ClusterView): [violating: PodInfo[], others: PodInfo[]] {
  if (victims.every(({ namespace }) => cluster.budgets(namespace).length === 0)) return [[], [...victims]];
  const left = new Map<PodDisruptionBudget, number>();
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const victim of victims) {
    const { labels, name } = victim.pod.metadata;
    let violates = false;
    for (const budget of labels && Object.keys(labels).length ? cluster.budgets(victim.namespace) : []) {
      const selector = selectorOf(budget.spec?.selector);
      if (selector.empty || !selector.matches(labels) || budget.status?.disruptedPods?.[name] !== undefined) continue;
      const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) violates = true;
    }
    (violates ? violating : others).push(victim);
  }
  return [violating, others];
}

/** The fewest and least important pods whose going makes room; why not, where nobody's going would. */
function victimsOn(row: number, { pod, snapshot, cluster, nominations }: PreemptionInput, prepared: PreparedFilters): Candidate | Rejection {
  const node = snapshot.rows[row]!;
  const potential = [...node.pods.values()].filter((other) => other.priority < pod.priority).sort(byImportance);
  if (!potential.length) return noVictims;
  const alone = snapshot.alone(row);
  const gone = new Set<PodInfo>();
  const fits = (): Rejection | undefined => {
    const changes = [...gone].map((info): PodChange => ({ info, sign: -1, row }));
    return nominations.check(prepared, pod, alone, 0, changes);
  };
  /** Where the node cannot be asked, the pod does not fit. */
  const fitsWith = (): boolean => {
    try {
      return !fits();
    } catch {
      return false;
    }
  };
  const remove = (info: PodInfo): void => {
    alone.removePod(0, info);
    gone.add(info);
  };
  for (const info of potential) remove(info);
  const rejected = fits();
  if (rejected) return rejected;
  const [violating, others] = splitByBudget(potential, cluster);
  const victims: PodInfo[] = [];
  let violations = 0;
  for (const info of [...violating, ...others]) {
    alone.addPod(0, info);
    gone.delete(info);
    if (fitsWith()) continue;
    remove(info);
    victims.push(info);
    if (violating.includes(info)) violations++;
  }
  return { node: node.name, victims: victims.sort(byImportance), violations };
}

/** Earliest start among the most important victims. */
function earliestStart({ victims }: Candidate): number {
  const highest = victims[0]?.priority;
  return Math.min(...victims.filter(({ priority }) => priority === highest).map(({ pod }) => startOf(pod)));
}

const criteria: ((candidate: Candidate) => number)[] = [
  ({ violations }) => -violations,
  ({ victims }) => -(victims[0]?.priority ?? 0),
  ({ victims }) => -victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0),
  ({ victims }) => -victims.length,
  earliestStart,
];

/** Equally good ones all. */
export function best(candidates: readonly Candidate[]): readonly Candidate[] {
  let left = candidates;
  for (const score of criteria) {
    if (left.length === 1) break;
    const scores = left.map(score);
    const max = Math.max(...scores);
    left = left.filter((_, i) => scores[i] === max);
  }
  return left;
}

function findVictims(profile: Profile, input: PreemptionInput): PreemptionResult {
  const { diagnosis, prepared, random, pod, snapshot, cluster, nominations, memory } = input;
  const reason = ineligible(input);
  if (reason) return { candidate: undefined, message: `preemption: ${reason}`, clear: false };
  const rows = prepared ? diagnosis.rejected.resolvable() : [];
  const refusedRows: number[] = [];
  const refusals: Rejection[] = [];
  const candidates: Candidate[] = [];
  // So many are enough to choose from.
  const { minCandidateNodesPercentage: percentage, minCandidateNodesAbsolute: least } = profile.preemption;
  const enough = Math.min(Math.max(Math.trunc((rows.length * percentage) / 100), least), rows.length);
  const offset = rows.length ? random.int(rows.length) : 0;
  const scope = { snapshot, nominations, budgets: cluster.budgetsVersion() };
  const victims = prepared && memory.remembering(pod, prepared, scope, (row) => victimsOn(row, input, prepared));
  const failures = new Set<string>();
  for (let i = 0; i < rows.length && victims; i++) {
    const row = rows[(offset + i) % rows.length] as number;
    let result: Candidate | Rejection;
    try {
      result = victims(row);
    } catch (error) {
      failures.add((error as Error).message);
      continue;
    }
    if ("reasons" in result) {
      refusedRows.push(row);
      refusals.push(result);
    } else if (result.victims.length && enough > 0) candidates.push(result);
    if (candidates.length >= enough && candidates.some(({ violations }) => violations === 0)) break;
  }
  const chosen = best(candidates);
  if (chosen[0]) return { candidate: chosen[0], candidates: chosen, all: candidates };
  if (failures.size) {
    const [first, ...others] = failures;
    return { candidate: undefined, message: `preemption: ${others.length ? `[${[first, ...others].join(", ")}]` : first}`, clear: false, failed: true };
  }
  const refused = new RejectedNodes(refusedRows, refusals);
  const message = fitMessage({ total: diagnosis.total, rejected: refused, others: unhelpful, plugins: new Set() });
  return { candidate: undefined, message: `preemption: ${message}`, clear: true };
}

function beforeDevices({ plugins }: Profile, { plugin }: Rejection): boolean {
  const devices = plugins.findIndex(({ name }) => name === "DynamicResources");
  return plugins.findIndex(({ name }) => name === plugin) < devices;
}

export interface PostFilterResult {
  readonly candidate?: Candidate;
  /** All that are as good. */
  readonly candidates?: readonly Candidate[];
  /** Those that are worse too. */
  readonly all?: readonly Candidate[];
  /** Node promised to the pod; "" takes a promise back, undefined leaves it. */
  readonly promise: string | undefined;
  /** Belongs at the end of the sentence that says why no node fits. */
  readonly message: string;
  /** To be done besides. */
  readonly work?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

export const noDevices = "no new claims to deallocate";

/** What can be done for a pod that no node fits. */
export function postFilter(profile: Profile, input: PreemptionInput): PostFilterResult {
  const { diagnosis, prepared } = input;
  const { early, total } = diagnosis;
  // A node that was found and lost again is no reason to evict anybody.
  if ((!profile.preempts && !profile.freesDevices) || total === 0 || (!prepared && !early)) return { promise: "", message: "" };
  // Upstream looks for devices to give back first, and fails where the pod was refused before it looked at any.
  if (profile.freesDevices && early && beforeDevices(profile, early)) return { promise: undefined, message: "not found" };
  const help = profile.freesDevices ? prepared?.list.map(({ noNode }) => noNode?.()).find((one) => one !== undefined) : undefined;
  const first = profile.freesDevices ? (help?.message ?? noDevices) : "";
  const work = help?.work;
  if (!profile.preempts) return { promise: undefined, message: first, work };
  const result = findVictims(profile, input);
  if (result.candidate) return { ...result, promise: result.candidate.node, message: "", work };
  if (result.failed) return { promise: undefined, message: result.message, work };
  return { promise: result.clear ? "" : undefined, message: first ? `${first}, ${result.message}` : result.message, work };
}
