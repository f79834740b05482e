/**
 * Schedulers under load, peer and ours in turn (A B A B), each time from an empty store: pods per second from the first
 * create to the last binding, with 32 clients that create pods; shapes of upstream's scheduler_perf.
 *
 * Usage: node bench/scheduling.ts [--rounds N] [--nodes 1000,5000] [--shapes NAMES] [--scale X] [--sides peer,ours,mixed]
 *                                 [--profile DIR] [--json FILE] [--bin DIR] [--dir DIR] [--port N]
 *   --rounds   of each side @default 5; fewer establish nothing
 *   --nodes    sizes of the cluster @default 1000,5000
 *   --shapes   @default basic,anti-affinity,zone-spread,preemption
 *   --scale    factor of the number of pods @default 1: 5,000, and 1,000 for preemption
 *   --sides    peer: kube-apiserver, etcd, kube-scheduler; ours: k8ts apiserver, k8ts scheduler; mixed: kube-apiserver, etcd,
 *              k8ts scheduler @default peer,ours
 *   --profile  writes V8's CPU profiles of our processes there; `node bench/profile.ts FILE` sums one up
 *   --json     every round's numbers, added to what the file has; the table is of all rounds in it
 *   --bin      kube-apiserver, etcd and kube-scheduler, see conformance/build.ts @default /var/tmp/k8ts-judges/bin
 *   --dir      data directories, certificates and the load generator @default /var/tmp/k8ts-bench
 *   --port     the first of four ports @default 22210
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { buildLoad, runLoad, type StepResult } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { startOurScheduler, startPeerScheduler } from "./schedulers.ts";
import { makePKI, startOurs, startPeer } from "./servers.ts";
import { compare, median, percent, short, spread, table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    nodes: { type: "string", default: "1000,5000" },
    shapes: { type: "string", default: "basic,anti-affinity,zone-spread,preemption" },
    scale: { type: "string", default: "1" },
    sides: { type: "string", default: "peer,ours" },
    profile: { type: "string" },
    json: { type: "string" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench" },
    port: { type: "string", default: "22210" },
  },
});
const { profile, dir, bin } = values;
const port = Number(values.port);

const starters = {
  peer: { server: startPeer, scheduler: startPeerScheduler, title: "kube-apiserver + etcd + kube-scheduler" },
  ours: { server: startOurs, scheduler: startOurScheduler, title: "k8ts apiserver + k8ts scheduler" },
  mixed: { server: startPeer, scheduler: startOurScheduler, title: "kube-apiserver + etcd + k8ts scheduler" },
};
type Side = keyof typeof starters;

interface Shape {
  pods: number;
  groups?: number;
  /** Each node is full with one pod that matters less. */
  full?: boolean;
  file: string;
}
const shapes: Record<string, Shape> = {
  basic: { pods: 5000, file: "basic.json" },
  "anti-affinity": { pods: 5000, file: "anti-affinity.json", groups: 10 },
  "zone-spread": { pods: 5000, file: "zone-spread.json" },
  preemption: { pods: 1000, file: "preemptor.json", full: true },
};

function choose<T extends string>(what: string, list: string, known: readonly T[]): T[] {
  return list.split(",").map((name) => {
    if (!known.includes(name as T)) throw new Error(`--${what}: there is no ${name}; there are ${known.join(", ")}`);
    return name as T;
  });
}
const sides = choose("sides", values.sides, Object.keys(starters) as Side[]);
const chosen = choose("shapes", values.shapes, Object.keys(shapes));
const sizes = values.nodes.split(",").map(Number);

const data = join(import.meta.dirname, "workloads/scheduling");
const clients = 32;

/** The steps for the load generator. */
function workloadFor(nodes: number, { pods, groups, full, file }: Shape): string {
  const hidden = { clients, unmeasured: true };
  const steps = [
    { name: "nodes", do: "nodes", count: nodes, zones: 3, file: join(data, "node.json"), ...hidden },
    { name: "priority class", do: "post", path: "/apis/scheduling.k8s.io/v1/priorityclasses", file: join(data, "priority-class.json"), ...hidden },
    // Both sides compile, or open connections, before the clock starts.
    { name: "warm-up", do: "schedule", namespace: "warm", count: 500, groups: 1, file: join(data, "basic.json"), ...hidden },
    { name: "clean", do: "empty", namespace: "warm", ...hidden },
    ...(full ? [{ name: "fill", do: "fill", namespace: "low", count: nodes, file: join(data, "victim.json"), ...hidden }] : []),
    { name: "schedule", do: "schedule", namespace: "load", count: pods, clients, groups, file: join(data, file) },
  ];
  const path = join(dir, "scheduling.json");
  writeFileSync(path, JSON.stringify({ steps }));
  return path;
}

async function measure(side: Side, nodes: number, shape: Shape): Promise<StepResult> {
  const { server: startServer, scheduler: startScheduler } = starters[side];
  const directory = join(dir, side);
  const profiled = profile && side !== "peer" ? { profile } : {};
  await using server = await startServer({ directory, pki, port, bin, ...(side === "ours" ? profiled : {}) });
  await using scheduler = await startScheduler({ directory, pki, server: server.url, port: port + 3, bin, ...profiled });
  const results = await runLoad(program, server, pki, { workload: workloadFor(nodes, shape), scale: Number(values.scale), scheduler: scheduler.pid });
  return results[0] as StepResult;
}

if (profile) mkdirSync(profile, { recursive: true });
mkdirSync(dir, { recursive: true });
const head = describeMachine();
process.stdout.write(`${head}\n`);
const program = buildLoad(dir);
const pki = await makePKI(join(dir, "pki"));
/** By "nodes, shape" and side. */
type Rounds = Record<string, Partial<Record<Side, StepResult[]>>>;
const kept = values.json && existsSync(values.json) ? (JSON.parse(readFileSync(values.json, "utf8")) as { rounds: Rounds }) : { rounds: {} };
const rounds: Rounds = kept.rounds;
for (const nodes of sizes) {
  for (const name of chosen) {
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const side of sides) {
        const result = await measure(side, nodes, shapes[name] as Shape);
        const key = `${nodes.toLocaleString("en-US")} nodes, ${name}`;
        rounds[key] ??= {};
        rounds[key][side] ??= [];
        rounds[key][side].push(result);
        process.stderr.write(`${key} ${side.padEnd(5)} ${line(result)}\n`);
        if (values.json) writeFileSync(values.json, JSON.stringify({ head, rounds }, null, 1));
      }
    }
  }
}
process.stdout.write(`${summary()}\n`);

function line({
  requests = 1,
  seconds = 0,
  perSecond = 0,
  createdPerSecond = 0,
  serverCPU = 0,
  schedulerCPU = 0,
  clientCPU = 0,
  schedulerPSSMiB = 0,
}: StepResult): string {
  const each = (cpu: number): string => `${short((cpu / requests) * 1e6)} us`;
  const cpu = `server ${each(serverCPU)}, scheduler ${each(schedulerCPU)}, client ${each(clientCPU)} of CPU each`;
  return `${short(perSecond)} pods/s (${requests} in ${short(seconds)} s, created ${short(createdPerSecond)}/s), ${cpu}, scheduler ${short(schedulerPSSMiB)} MiB`;
}

function summary(): string {
  const measures: { name: string; unit: string; of: (result: StepResult) => number }[] = [
    { name: "", unit: "/s", of: ({ perSecond = 0 }) => perSecond },
    { name: ", server CPU each", unit: " us", of: ({ serverCPU = 0, requests = 1 }) => (serverCPU / requests) * 1e6 },
    { name: ", scheduler CPU each", unit: " us", of: ({ schedulerCPU = 0, requests = 1 }) => (schedulerCPU / requests) * 1e6 },
  ];
  const seen = (Object.keys(starters) as Side[]).filter((side) => Object.values(rounds).some((by) => by[side]));
  const rows = Object.entries(rounds).flatMap(([key, by]) =>
    measures.map(({ name, unit, of }) => {
      const series = (side: Side): number[] => (by[side] ?? []).map(of);
      const cells = seen.map((side) => (by[side] ? `${short(median(series(side)))}${unit} (${percent(spread(series(side)))})` : ""));
      const ratios = seen.filter((side) => side !== "peer").map((side) => ratio(series(side), series("peer")));
      return [`${key}${name}`, ...cells, ...(seen.includes("peer") ? ratios : [])];
    }),
  );
  const ratioTitles = seen.includes("peer") ? seen.filter((side) => side !== "peer").map((side) => `${side} / peer`) : [];
  return table(["", ...seen.map((side) => starters[side].title), ...ratioTitles], rows);
}

function ratio(ours: readonly number[], peer: readonly number[]): string {
  const count = Math.min(ours.length, peer.length);
  if (!count) return "";
  const { ratio, spread: apart, established } = compare(ours.slice(0, count), peer.slice(0, count));
  return established ? `${ratio.toFixed(2)}x (${percent(apart)})` : `not established (${ratio.toFixed(2)}x, ${percent(apart)}, ${count} rounds)`;
}
