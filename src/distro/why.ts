/** `k8ts why pod`: what keeps a pod from having a node, and the least that would give it one. */
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import { isNotFound } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { createInformerFactory, withoutManagedFields } from "../client/factory.ts";
import { nodes as nodeResource, pods } from "../client/resources.gen.ts";
import { defaultConfig } from "../scheduler/config.ts";
import type { Explanation } from "../scheduler/explain.ts";
import { createScheduler } from "../scheduler/scheduler.ts";
import { changesOf, loweredRequests } from "./placing-changes.ts";

export interface Why {
  namespace: string;
  name: string;
  phase: string;
  /** Where it is; absent while it has none. */
  node?: string;
  /** Why nothing can be said about nodes. */
  note?: string;
  /** Of the cluster. */
  nodes: number;
  /** Nodes on which it could be placed now. */
  fits: string[];
  /** What most nodes say first. */
  reasons: { plugin: string; reason: string; nodes: string[] }[];
  /** Each alone would place it, the smallest first. */
  changes: { change: string; nodes: string[] }[];
}

/** A pod with gates is not tried anywhere. */
function gated({ spec }: Pod, nodes: readonly Node[]): Explanation[] {
  const gates = (spec.schedulingGates ?? []).map(({ name }) => name);
  const reason = `waiting for scheduling gates: [${gates.join(" ")}]`;
  return gates.length ? nodes.map(({ metadata }) => ({ node: metadata.name, plugin: "SchedulingGates", reason })) : [];
}

/** Milliseconds that reading the cluster may take. */
const readingLimit = 30_000;

/** Pure over what `explain` says of the pod and of its variants. */
export function whyOf(pod: Pod, nodes: readonly Node[], explain: (pod: Pod) => Explanation[]): Why {
  const { namespace = "", name } = pod.metadata;
  const about = { namespace, name, phase: pod.status?.phase ?? "Pending", nodes: nodes.length };
  const nothing = { fits: [], reasons: [], changes: [] };
  if (pod.spec.nodeName) return { ...about, node: pod.spec.nodeName, ...nothing };
  const scheduler = pod.spec.schedulerName ?? "default-scheduler";
  if (!defaultConfig.profiles.has(scheduler)) return { ...about, note: `it is left to the scheduler ${scheduler}`, ...nothing };
  if (!nodes.length) return { ...about, note: "the cluster has no nodes", ...nothing };
  const placesOf = (variant: Pod): string[] => (gated(variant, nodes).length ? [] : explain(variant).flatMap(({ node, plugin }) => (plugin ? [] : [node])));
  const waiting = gated(pod, nodes);
  const explanations = [...waiting, ...explain(pod).filter(({ plugin }) => plugin || !waiting.length)];
  const fits = placesOf(pod);
  if (fits.length) return { ...about, note: "the scheduler has not placed it yet, or another pod is to go first", ...nothing, fits };
  const reasons = new Map<string, Why["reasons"][number]>();
  for (const { node, plugin, reason } of explanations) {
    const key = `${plugin}/${reason}`;
    const known = reasons.get(key);
    if (known) known.nodes.push(node);
    else reasons.set(key, { plugin, reason, nodes: [node] });
  }
  const changes = [...changesOf(pod, nodes), ...loweredRequests(pod, (variant) => placesOf(variant).length > 0)]
    .map(({ what, cost, pod: variant }) => ({ change: what, cost, nodes: placesOf(variant) }))
    .filter((change) => change.nodes.length)
    .sort((a, b) => a.cost - b.cost || b.nodes.length - a.nodes.length)
    .map(({ change, nodes: places }) => ({ change, nodes: places }));
  return { ...about, fits: [], reasons: [...reasons.values()].sort((a, b) => b.nodes.length - a.nodes.length), changes };
}

/** Undefined when there is no such pod. Rejects when the cluster cannot be read within 30 s. */
export async function readWhy(options: { client: Client; clock: Clock; random: Random; namespace: string; name: string }): Promise<Why | undefined> {
  const { client, clock, random, namespace, name } = options;
  const stop = new AbortController();
  const limit = clock.after(readingLimit, () => stop.abort(new Error(`the cluster could not be read within ${readingLimit / 1000} s`)));
  try {
    const pod = await client.resource(pods).get(namespace, name, { signal: stop.signal });
    const informers = createInformerFactory({ client, clock, random, logger: silentLogger, project: withoutManagedFields });
    const scheduler = createScheduler({ client, informers, clock, random, logger: silentLogger });
    const nodes = informers.informer(nodeResource);
    informers.start(stop.signal);
    await informers.synced(stop.signal);
    return whyOf(pod, nodes.list(), (variant) => scheduler.explain(variant));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  } finally {
    limit.cancel();
    stop.abort(new Error("no longer needed"));
  }
}

const shownNodes = 3;
const some = (nodes: readonly string[]): string => `${nodes.slice(0, shownNodes).join(", ")}${nodes.length > shownNodes ? ", ..." : ""}`;

/** For people; ends with a line feed. */
export function formatWhy(why: Why): string {
  const title = `pod ${why.namespace}/${why.name}`;
  if (why.node) return `${title} is ${why.phase}, on node ${why.node}: nothing keeps it from having one\n`;
  if (why.fits.length) return `${title} fits on ${why.fits.length} of ${why.nodes} nodes (${some(why.fits)}): ${why.note}\n`;
  if (why.note) return `${title} has no node: ${why.note}\n`;
  const lines = [`${title} fits on none of ${why.nodes} node${why.nodes === 1 ? "" : "s"}`, ""];
  for (const { plugin, reason, nodes } of why.reasons) lines.push(`  ${String(nodes.length).padStart(5)}  ${plugin}: ${reason}  (${some(nodes)})`);
  lines.push("");
  const [first, ...others] = why.changes;
  if (!first) lines.push("No single change of the pod would give it a node.");
  else lines.push(`The smallest change: ${first.change}: then it fits on ${some(first.nodes)}`);
  for (const { change, nodes } of others) lines.push(`  or ${change}: ${some(nodes)}`);
  return `${lines.join("\n")}\n`;
}
