/**
 * `node src/scheduler/scheduler.bench.ts [--pods 5000]`: decisions per second in memory, without API server and bindings, at
 * 1,000 and 5,000 nodes, in shapes of upstream's scheduler_perf.
 */
import { parseArgs } from "node:util";
import { selectorFromSet } from "../api/selectors/labels.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { systemClock } from "../base/clock.ts";
import { makeNode, makePod, World } from "./fixtures.ts";
import { table } from "../base/table.ts";

const { values } = parseArgs({ options: { pods: { type: "string", default: "5000" } } });
const count = Number(values.pods);
const requests = { cpu: "100m", memory: "500Mi" };
const labels = { app: "web" };
const term = (topologyKey: string, app = "web") => ({ topologyKey, labelSelector: { matchLabels: { app } } });

const shapes = table<(i: number) => Pod>({
  basic: (i) => makePod(`p${i}`, { requests }),
  "of a ReplicaSet, spread by default": (i) => makePod(`p${i}`, { requests, labels: { ...labels, spread: "yes" } }),
  "topology spread over zones": (i) =>
    makePod(`p${i}`, {
      requests,
      labels,
      topologySpreadConstraints: [
        { maxSkew: 5, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: labels } },
      ],
    }),
  "anti-affinity, one per host": (i) =>
    makePod(`p${i}`, {
      requests,
      labels: { app: `a${i % 5}` },
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term("kubernetes.io/hostname", `a${i % 5}`)] } },
    }),
  "affinity to a zone": (i) =>
    makePod(`p${i}`, {
      requests,
      labels,
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term("topology.kubernetes.io/zone")] } },
    }),
  "preferred affinity to a host": (i) =>
    makePod(`p${i}`, {
      requests,
      labels,
      affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term("kubernetes.io/hostname") }] } },
    }),
  "node affinity": (i) => makePod(`p${i}`, { requests, nodeSelector: { "topology.kubernetes.io/zone": "z1" } }),
});

for (const size of [1000, 5000]) {
  const nodes = Array.from({ length: size }, (_, i) => makeNode(`n${i}`, { labels: { "topology.kubernetes.io/zone": `z${i % 10}` } }));
  for (const [name, make] of Object.entries(shapes)) {
    const selector = selectorFromSet(labels);
    const world = new World({ nodes, defaultSelector: (pod) => (pod.metadata.labels?.spread ? selector : undefined) });
    const pods = Array.from({ length: count }, (_, i) => make(i));
    const started = systemClock.monotonic();
    let placed = 0;
    for (const pod of pods) if (world.place(pod) !== undefined) placed++;
    const ms = systemClock.monotonic() - started;
    process.stdout.write(`${size} nodes, ${name}: ${Math.round((count / ms) * 1000)} pods/s (${placed} of ${count} placed)\n`);
  }
}
