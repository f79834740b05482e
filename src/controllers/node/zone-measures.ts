/** What node-lifecycle measures of the nodes and their zones. */
import type { Value } from "../../base/metrics.ts";
import { exponential, type Measures } from "../runtime/measures.ts";

export interface ZoneMeasures {
  /** By zone, nodes that became tainted with NoExecute. */
  evictions: Value;
  zone(name: string, size: number, ready: number): void;
  /** Other zones have no nodes any more: shown as empty, as upstream has it. */
  only(names: ReadonlySet<string>): void;
  /** Seconds that the look at one node took. */
  node(seconds: number): void;
  /** At all of them. */
  all(seconds: number): void;
}

export function zoneMeasures(measures: Measures): ZoneMeasures {
  const of = ["zone"];
  const health = measures.gauge("node_collector_zone_health", "[ALPHA] Gauge measuring percentage of healthy nodes per zone.", of);
  const nodes = measures.gauge("node_collector_zone_size", "[ALPHA] Gauge measuring number of registered Nodes per zones.", of);
  const lost = measures.gauge("node_collector_unhealthy_nodes_in_zone", "[ALPHA] Gauge measuring number of not Ready Nodes per zones.", of);
  const evictions = measures.counter(
    "node_collector_evictions_total",
    "[STABLE] Number of Node evictions that happened since current instance of NodeController started.",
    of,
  );
  const one = measures.histogram(
    "node_collector_update_node_health_duration_seconds",
    "[ALPHA] Duration in seconds for NodeController to update the health of a single node.",
    exponential(0.001, 4, 8),
  );
  const all = measures.histogram(
    "node_collector_update_all_nodes_health_duration_seconds",
    "[ALPHA] Duration in seconds for NodeController to update the health of all nodes.",
    exponential(0.01, 4, 8),
  );
  const shown = new Set<string>();
  return {
    evictions,
    zone(name, size, ready) {
      evictions.add(0, name);
      nodes.set(size, name);
      health.set((100 * ready) / size, name);
      lost.set(size - ready, name);
      shown.add(name);
    },
    only(names) {
      for (const name of shown) {
        if (names.has(name)) continue;
        nodes.set(0, name);
        health.set(100, name);
        lost.set(0, name);
        shown.delete(name);
      }
    },
    node: (seconds) => one.observe(seconds),
    all: (seconds) => all.observe(seconds),
  };
}
