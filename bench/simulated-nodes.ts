/**
 * Simulated nodes: from the creation of the first of many nodes to all of them Ready, and from that of the first of many
 * pods to all of them Running - pods that name their node, as kwok's own benchmark makes them, then pods that the scheduler
 * places. Beside it kwok with upstream's control plane.
 *
 * Usage: node bench/simulated-nodes.ts [--nodes N] [--pods N] [--rounds N] [--peer-rounds N] [--profile DIR] [--bin DIR] [--dir DIR] [--port N]
 *   --nodes        @default 5000
 *   --pods         of each kind @default 10000
 *   --rounds       of ours @default 3
 *   --peer-rounds  of kwok, which takes minutes each @default 1; 0: without
 *   --profile      writes V8's CPU profile of our server there
 *   --bin          see conformance/build.ts @default /var/tmp/k8ts-judges/bin
 *   --dir          @default /var/tmp/k8ts-bench/simulated
 *   --port         the first of six @default 22230
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import type { KubeObject } from "../src/api/object.ts";
import type { Node, Pod } from "../src/api/types/core-v1.gen.ts";
import { systemClock } from "../src/base/clock.ts";
import type { Draft } from "../src/api/object.ts";
import type { Resource } from "../src/client/client.ts";
import { nodes, pods, serviceaccounts } from "../src/client/resources.gen.ts";
import { cpuSeconds, describeMachine, pssMiB } from "./machine.ts";
import { type Simulated, startKwok, startOurs } from "./simulators.ts";
import { median, percent, short, spread, table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "5000" },
    pods: { type: "string", default: "10000" },
    rounds: { type: "string", default: "3" },
    "peer-rounds": { type: "string", default: "1" },
    profile: { type: "string" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench/simulated" },
    port: { type: "string", default: "22230" },
  },
});
const clock = systemClock;
const namespace = "default";
const nodeCount = Number(values.nodes);
const podCount = Number(values.pods);
/** Requests of the client at once. */
const clients = 32;
const limit = 300_000;

interface Step {
  name: string;
  seconds: number;
  cpu: number;
  pss: number;
  delay?: { p50: number; p99: number; max: number };
}

const nodeName = (i: number): string => `node-${i}`;
const nodeDraft = (i: number): Draft<Node> => ({
  metadata: { name: `fake-${nodeName(i)}`, annotations: { "kwok.x-k8s.io/node": "fake" }, labels: { type: "kwok", "kubernetes.io/hostname": nodeName(i) } },
});
const podDraft =
  (prefix: string, named: boolean) =>
  (i: number): Draft<Pod> => ({
    metadata: { name: `${prefix}-${i}`, labels: { app: prefix } },
    spec: { containers: [{ name: "main", image: "fake-image" }], ...(named ? { nodeName: `fake-${nodeName(i % nodeCount)}` } : {}) },
  });
const isReady = (node: Node): boolean => node.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false;

/** Creates `count` objects; resolves with the seconds until each of them was seen as `done` says. */
async function measure<T extends KubeObject>(
  side: Simulated,
  name: string,
  resource: Resource<T>,
  space: string,
  { count, draft, ...watched }: { count: number; draft(i: number): Draft<T>; done(object: T): boolean; labelSelector?: string; fieldSelector?: string },
): Promise<Step> {
  const api = side.client.resource(resource);
  const { done, ...selection } = watched;
  const { metadata } = await api.list({ limit: 1 });
  const stop = new AbortController();
  const timer = clock.after(limit, () => stop.abort(new Error(`${name}: not done after ${limit / 1000} s`)));
  const seen = new Set<string>();
  const watching = (async () => {
    let version = metadata.resourceVersion;
    while (seen.size < count)
      for await (const event of api.watch({ ...selection, ...(space ? { namespace: space } : {}), resourceVersion: version, signal: stop.signal })) {
        version = event.object.metadata.resourceVersion;
        if (done(event.object)) seen.add(event.object.metadata.name);
        if (seen.size >= count) return;
      }
  })();
  await side.loopDelay();
  const cpu = (): number => side.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = cpu();
  const began = clock.monotonic();
  let next = 0;
  const creating = Array.from({ length: clients }, async () => {
    while (next < count) await api.create(space, draft(next++), { signal: stop.signal });
  });
  await Promise.all([...creating, watching]);
  const seconds = (clock.monotonic() - began) / 1000;
  timer.cancel();
  stop.abort();
  const delay = await side.loopDelay();
  const step = { name, seconds, cpu: cpu() - before, pss: side.pids.reduce((sum, pid) => sum + pssMiB(pid), 0), ...(delay ? { delay } : {}) };
  const held = delay ? `, event loop held up p99 ${short(delay.p99)} ms, at most ${short(delay.max)} ms` : "";
  process.stderr.write(`  ${name}: ${short(seconds)} s, ${short(step.cpu)} s of CPU, ${short(step.pss)} MiB${held}\n`);
  return step;
}

async function round(side: Simulated): Promise<Step[]> {
  await serviceAccount(side);
  const running = { done: () => true, fieldSelector: "status.phase=Running" };
  return [
    await measure(side, `${nodeCount} nodes Ready`, nodes, "", { count: nodeCount, draft: nodeDraft, done: isReady, labelSelector: "type=kwok" }),
    await measure(side, `${podCount} pods with a node Running`, pods, namespace, {
      count: podCount,
      draft: podDraft("bound", true),
      labelSelector: "app=bound",
      ...running,
    }),
    await measure(side, `${podCount} pods placed and Running`, pods, namespace, {
      count: podCount,
      draft: podDraft("free", false),
      labelSelector: "app=free",
      ...running,
    }),
  ];
}

/** Pods need their namespace's account, which a controller makes. */
async function serviceAccount(side: Simulated): Promise<void> {
  const deadline = clock.monotonic() + 30_000;
  while (!(await side.client.resource(serviceaccounts).list({ namespace })).items.length) {
    if (clock.monotonic() > deadline) throw new Error("the namespace has no service account");
    await clock.sleep(100);
  }
}

if (values.profile) mkdirSync(values.profile, { recursive: true });
process.stdout.write(`${describeMachine()}\n`);
const results: Record<"ours" | "peer", Step[][]> = { ours: [], peer: [] };
for (let at = 1; at <= Math.max(Number(values.rounds), Number(values["peer-rounds"])); at++)
  for (const [side, start, count] of [
    ["ours", startOurs, Number(values.rounds)],
    ["peer", startKwok, Number(values["peer-rounds"])],
  ] as const) {
    if (at > count) continue;
    process.stderr.write(`round ${at}, ${side}\n`);
    const { profile, bin, port, dir } = values;
    await using simulated = await start({ directory: join(dir, side), port: Number(port), bin, ...(profile ? { profile } : {}) });
    results[side].push(await round(simulated));
  }
const cell = (side: "ours" | "peer", step: number, of: (step: Step) => number | undefined, unit: string): string => {
  const series = results[side].flatMap((steps) => of(steps[step] as Step) ?? []);
  return series.length ? `${short(median(series))} ${unit}${series.length > 1 ? ` (${percent(spread(series))})` : ""}` : "";
};
const rows = (results.ours[0] ?? results.peer[0] ?? []).flatMap(({ name }, at) => [
  [name, "15 s", cell("ours", at, (s) => s.seconds, "s"), cell("peer", at, (s) => s.seconds, "s")],
  ["processor time", "", cell("ours", at, (s) => s.cpu, "s"), cell("peer", at, (s) => s.cpu, "s")],
  ["memory then (PSS)", "", cell("ours", at, (s) => s.pss, "MiB"), cell("peer", at, (s) => s.pss, "MiB")],
  ["event loop held up, p99; at most", "", `${cell("ours", at, (s) => s.delay?.p99, "ms")}; ${cell("ours", at, (s) => s.delay?.max, "ms")}`, ""],
]);
process.stdout.write(`${table(["", "goal", "k8ts up --simulate", "kwok 0.8.0 with upstream's control plane"], rows)}\n`);
