/**
 * The scheduling framework (k8s.io/kube-scheduler/framework): a plugin is a plain object of pure functions. What it works
 * out for a pod once per cycle it hands back as closures, which then answer for one node or score all feasible nodes.
 * Nothing here waits; what must talk to the API server is a `preBind`.
 */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import type { ClusterEvent, EventSource } from "./events.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { PodInfo } from "./pod-info.ts";

/** Why a pod does not fit. */
export interface Rejection {
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** False where no eviction of other pods could help. */
  readonly resolvable: boolean;
}

export const rejection = (plugin: string, resolvable: boolean, ...reasons: string[]): Rejection => Object.freeze({ plugin, reasons, resolvable });

/** One scheduling cycle's surroundings. */
export interface Cycle {
  readonly pod: PodInfo;
  readonly snapshot: Snapshot;
  readonly cluster: ClusterView;
}

/** Pods that are supposed to come to (1) or leave (-1) a node. */
export interface PodChange {
  readonly info: PodInfo;
  readonly sign: 1 | -1;
  /** Row in the cluster's snapshot. */
  readonly row: number;
}

/** Answers for one row; called for thousands, so rejections should be constants where they can. */
export type NodeCheck = (snapshot: Snapshot, row: number) => Rejection | undefined;

export interface PreparedFilter {
  /** Only these nodes can fit at all. */
  readonly nodeNames?: ReadonlySet<string>;
  /** Absent: fits everywhere. */
  readonly check?: NodeCheck;
  /** The check as it would be after changes. Absent where the changes of the row itself say all. */
  adjusted?(changes: readonly PodChange[]): NodeCheck;
  /** What is tried, before pods are evicted, once no node has fitted. */
  noNode?(): Help;
}

export interface Help {
  readonly message: string;
  readonly work?: (signal: AbortSignal) => Promise<void>;
}

export interface PreparedScore {
  /** Writes a whole number per feasible row. */
  score(snapshot: Snapshot, rows: Int32Array, out: Float64Array): void;
  /** Brings the scores into 0..100. */
  normalize?(scores: Float64Array): void;
}

/** Wakes a pod that this plugin has refused. Without `hint` every such event does. */
export interface WakeRule {
  readonly source: EventSource;
  readonly actions: number;
  /** Whether the event may make the pod schedulable. */
  hint?(pod: Pod, event: ClusterEvent, cluster: ClusterView): boolean;
}

export interface Plugin {
  readonly name: string;
  readonly wakes?: readonly WakeRule[];
  /** Its filter looks at the node object and at what `wishesOf` covers of the pod, at nothing else. */
  readonly isStatic?: true;
  /** Refuses a pod's way into the queue. */
  preEnqueue?(pod: Pod, cluster: ClusterView): Rejection | undefined;
  /** "skip": nothing to check for this pod. */
  filter?(cycle: Cycle): PreparedFilter | Rejection | "skip";
  /** After feasible rows are known. "skip": nothing to score. */
  score?(cycle: Cycle, rows: Int32Array): PreparedScore | "skip";
  /** Holds what the choice needs in memory; the function given back undoes it. */
  reserve?(cycle: Cycle, row: number): Reservation | Rejection | undefined;
}

export interface Reservation {
  unreserve(): void;
  /** Runs before the pod is bound. Rejects when it must not be; a PreBindRejection means unschedulable rather than broken. */
  preBind?(signal: AbortSignal, tell: (event: { reason: "BindingConditionsPending"; note: string }) => void): Promise<void>;
}

export class PreBindRejection extends Error {
  readonly rejection: Rejection;
  constructor(rejected: Rejection) {
    super(rejected.reasons.join(", "));
    this.rejection = rejected;
  }
}

export const isRejection = (value: object): value is Rejection => "reasons" in value;
export const maxNodeScore = 100;

/** Scales so that the highest is 100; reversed, so that the lowest is best. */
export function normalizeToMax(scores: Float64Array, reverse: boolean): void {
  let max = 0;
  for (const score of scores) if (score > max) max = score;
  if (max === 0) {
    if (reverse) scores.fill(maxNodeScore);
    return;
  }
  for (let i = 0; i < scores.length; i++) {
    const score = Math.floor((maxNodeScore * (scores[i] as number)) / max);
    scores[i] = reverse ? maxNodeScore - score : score;
  }
}
