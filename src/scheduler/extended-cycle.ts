/** A scheduling cycle in which extenders have a say: the search is ours, then they are asked, then the best is chosen. */
import type { Node } from "../api/types/core-v1.gen.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { ClusterCache } from "./cache/cluster-cache.ts";
import { type Extender, extenderName } from "./extender.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import type { Nominations } from "./framework/nominations.ts";
import { isRejection, maxNodeScore, type Rejection, rejection } from "./framework/plugin.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import { prepareFilters } from "./framework/prepared-filters.ts";
import { RejectedNodes } from "./framework/rejected-nodes.ts";
import { type Diagnosis, type Outcome, type Profile, type SchedulingAlgorithm, totalScores } from "./framework/schedule.ts";

/** Highest score that an extender gives. */
const maxExtenderScore = 10;

export interface ExtendedCycleOptions {
  algorithm: SchedulingAlgorithm;
  cache: ClusterCache;
  cluster: ClusterView;
  nominations: Nominations;
  random: Random;
  logger: Logger;
}

interface Filtered {
  readonly nodes: readonly Node[];
  readonly refused: ReadonlyMap<string, Rejection>;
}

async function filtered(extenders: readonly Extender[], { pod }: PodInfo, found: readonly Node[], logger: Logger, signal: AbortSignal): Promise<Filtered> {
  let nodes = found;
  const refused = new Map<string, Rejection>();
  for (const { name, ignorable, filter } of extenders) {
    if (!filter || !nodes.length) continue;
    try {
      const answer = await filter(pod, nodes, signal);
      for (const { node, message, resolvable } of answer.refused) refused.set(node, rejection(extenderName, resolvable, message));
      const left = new Set(answer.nodes);
      nodes = nodes.filter(({ metadata }) => left.has(metadata.name));
    } catch (error) {
      if (!ignorable || signal.aborted) throw error;
      logger.warn("an extender failed and is left out", { extender: name, error });
    }
  }
  return { nodes, refused };
}

/** Points by node name; an extender that fails gives none. */
async function points(
  extenders: readonly Extender[],
  { pod }: PodInfo,
  nodes: readonly Node[],
  logger: Logger,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  const ask = async ({ name, weight, prioritize }: Extender): Promise<void> => {
    if (!prioritize) return;
    try {
      for (const [node, score] of await prioritize(pod, nodes, signal)) {
        sums.set(node, (sums.get(node) ?? 0) + score * weight * (maxNodeScore / maxExtenderScore));
      }
    } catch (error) {
      if (signal.aborted) throw error;
      logger.warn("an extender gave no scores", { extender: name, error });
    }
  };
  await Promise.all(extenders.map(ask));
  return sums;
}

/** `extenders`: those that are interested in the pod. Rejects when one fails that must not. */
export async function scheduleWithExtenders(
  extenders: readonly Extender[],
  profile: Profile,
  pod: PodInfo,
  { algorithm, cache, cluster, nominations, random, logger }: ExtendedCycleOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const before = cache.snapshot();
  const found = algorithm.search(profile, pod, before, cluster, nominations);
  if (!("rows" in found)) return found;
  const nodes = [...found.rows].map((row) => before.rows[row]?.node as Node);
  const rejectedBefore = found.rejected();
  const total = before.size;
  const { nodes: left, refused } = await filtered(extenders, pod, nodes, logger, signal);
  if (!left.length) {
    const rows: number[] = [];
    const rejections: Rejection[] = [];
    for (const [row, why] of rejectedBefore) {
      rows.push(row);
      rejections.push(why);
    }
    for (const [name, why] of refused) {
      const row = cache.snapshot().byName.get(name);
      if (row === undefined) continue;
      rows.push(row);
      rejections.push(why);
    }
    const rejected = new RejectedNodes(rows, rejections);
    const diagnosis: Diagnosis = { total, rejected, plugins: new Set([...rejected.counts().keys()].map(({ plugin }) => plugin)).add(extenderName) };
    return { row: undefined, prepared: found.prepared, diagnosis };
  }
  const sums = await points(extenders, pod, left, logger, signal);
  // Meanwhile the cluster has gone on: what is chosen must fit now.
  const snapshot = cache.snapshot();
  const cycle = { pod, snapshot, cluster };
  const prepared = prepareFilters(profile.plugins, cycle);
  const rows = left.flatMap(({ metadata }) => {
    const row = snapshot.byName.get(metadata.name);
    if (row === undefined || !snapshot.rows[row]?.node || isRejection(prepared)) return [];
    return nominations.check(prepared, pod, snapshot, row) ? [] : [row];
  });
  if (!rows.length) throw new Error("the nodes that extenders left have changed meanwhile");
  const feasible = Int32Array.from(rows);
  const scores = totalScores(profile, cycle, feasible);
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  let equals = 0;
  for (const [i, row] of rows.entries()) {
    const score = (scores[i] as number) + (sums.get(snapshot.rows[row]?.name as string) ?? 0);
    if (score < most) continue;
    equals = score > most ? 1 : equals + 1;
    if (equals === 1 || random.int(equals) === 0) best = row;
    most = score;
  }
  return { row: best, evaluated: total, feasible: rows.length };
}
