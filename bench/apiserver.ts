/**
 * API servers under load, peer and ours in turn (A B A B), each time from an empty store: requests and watch events per
 * second, memory after all pods exist, processor time per request.
 *
 * Usage: node bench/apiserver.ts [--rounds N] [--scale X] [--only ours|peer] [--profile DIR] [--json FILE] [--bin DIR] [--dir DIR] [--port N]
 *   --rounds   of each server @default 5; fewer establish nothing
 *   --scale    factor of the counts of measured steps @default 1: 5,000 pods
 *   --only     one of both, for profiles
 *   --profile  writes V8's CPU profile of our server there; `node bench/profile.ts FILE` sums it up
 *   --json     every round's numbers
 *   --bin      kube-apiserver and etcd, see conformance/build.ts @default /var/tmp/k8ts-judges/bin
 *   --dir      data directories, certificates and the load generator @default /var/tmp/k8ts-bench
 *   --port     the first of three ports @default 22200
 *   --workload @default bench/workloads/apiserver.json
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildLoad, runLoad, type StepResult } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { makePKI, type ServerOptions, startOurs, startPeer } from "./servers.ts";
import { compare, median, percent, short, spread, table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    only: { type: "string" },
    profile: { type: "string" },
    json: { type: "string" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench" },
    port: { type: "string", default: "22200" },
    workload: { type: "string", default: join(import.meta.dirname, "workloads/apiserver.json") },
  },
});
const { profile, dir, bin } = values;
if (profile) mkdirSync(profile, { recursive: true });
const starters = { peer: startPeer, ours: startOurs };
type Side = keyof typeof starters;
const sides = (["peer", "ours"] as const).filter((side) => !values.only || side === values.only);
if (!sides.length) throw new Error(`--only is ours or peer, not ${values.only}`);

/** What is compared of a step. */
const measures: { of: keyof StepResult; name: string; unit: string }[] = [
  { of: "perSecond", name: "", unit: "/s" },
  { of: "eventsPerSecond", name: ", watch events", unit: "/s" },
  { of: "p99", name: ", p99", unit: " ms" },
  { of: "serverCPU", name: ", server CPU", unit: " s" },
  { of: "pssMiB", name: "", unit: " MiB" },
];

const head = describeMachine();
process.stdout.write(`${head}\n`);
const program = buildLoad(dir);
const pki = await makePKI(join(dir, "pki"));
const rounds: Record<Side, StepResult[][]> = { peer: [], ours: [] };
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const side of sides) {
    const options: ServerOptions = { directory: join(dir, side), pki, port: Number(values.port), bin, ...(profile && side === "ours" ? { profile } : {}) };
    await using server = await starters[side](options);
    const seen = (result: StepResult): void => void process.stderr.write(`round ${round} ${side.padEnd(4)} ${line(result)}\n`);
    rounds[side].push(await runLoad(program, server, pki, { workload: values.workload, scale: Number(values.scale), seen }));
  }
}
if (values.json) writeFileSync(values.json, JSON.stringify({ head, rounds }, null, 1));
process.stdout.write(`${summary()}\n`);

function line({
  step,
  perSecond,
  eventsPerSecond,
  p50,
  p99,
  pssMiB,
  requests = 1,
  serverCPU = 0,
  clientCPU = 0,
  bytesEach,
  watchRestarts,
}: StepResult): string {
  if (pssMiB) return `${step}: ${short(pssMiB)} MiB`;
  const events = eventsPerSecond ? `, ${short(eventsPerSecond)} events/s${watchRestarts ? ` (${watchRestarts} watches cut)` : ""}` : "";
  const cpu = `server ${short((serverCPU / requests) * 1e6)} us, client ${short((clientCPU / requests) * 1e6)} us of CPU each`;
  return `${step}: ${short(perSecond ?? 0)}/s${events}, p50 ${short(p50 ?? 0)} ms, p99 ${short(p99 ?? 0)} ms, ${cpu}, ${bytesEach} bytes`;
}

function summary(): string {
  const rows: string[][] = [];
  const steps = (rounds[sides[0] as Side][0] ?? []).map(({ step }) => step);
  for (const [at, step] of steps.entries()) {
    for (const { of, name, unit } of measures) {
      const series = (side: Side): number[] => rounds[side].map((results) => Number(results[at]?.[of] ?? 0));
      if (!series(sides[0] as Side).some(Boolean)) continue;
      const cells = sides.map((side) => `${short(median(series(side)))}${unit} (${percent(spread(series(side)))})`);
      const { ratio, spread: apart, established } = compare(series("ours"), series("peer"));
      const verdict = established ? `${ratio.toFixed(2)}x (${percent(apart)})` : `not established (${ratio.toFixed(2)}x, ${percent(apart)})`;
      rows.push([`${step}${name}`, ...cells, ...(sides.length === 2 ? [verdict] : [])]);
    }
  }
  const titles = { peer: "kube-apiserver + etcd", ours: "k8ts apiserver" };
  return table(["", ...sides.map((side) => titles[side]), ...(sides.length === 2 ? ["ours / peer"] : [])], rows);
}
