/**
 * What the benches of API servers share: peer and ours in turn (A B A B), each time from an empty store, under one workload;
 * a line for each step as it ends, a table at the end.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { buildLoad, runLoad, type StepResult } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { makePKI, type ServerOptions, startOurs, startPeer } from "./servers.ts";
import { compare, median, percent, short, spread, table } from "./statistics.ts";

/** What is compared of a step. */
export interface Measure {
  of: keyof StepResult;
  name: string;
  unit: string;
}

const starters = { peer: startPeer, ours: startOurs };
type Side = keyof typeof starters;
const titles = { peer: "kube-apiserver + etcd", ours: "k8ts apiserver" };

/** Reads the command line, measures, and writes to standard output. `line`: a step of one round. */
export async function sideBySide(workload: string, measures: readonly Measure[], line: (result: StepResult) => string): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      scale: { type: "string", default: "1" },
      only: { type: "string" },
      plain: { type: "boolean", default: false },
      profile: { type: "string" },
      json: { type: "string" },
      bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
      dir: { type: "string", default: "/var/tmp/k8ts-bench" },
      port: { type: "string", default: "22200" },
      workload: { type: "string", default: join(import.meta.dirname, "workloads", workload) },
    },
  });
  const { profile, dir, bin, plain } = values;
  if (profile) mkdirSync(profile, { recursive: true });
  const sides = (["peer", "ours"] as const).filter((side) => !values.only || side === values.only);
  if (!sides.length) throw new Error(`--only is ours or peer, not ${values.only}`);
  const head = `${describeMachine()}${plain ? ", plain" : ""}`;
  process.stdout.write(`${head}\n`);
  const program = buildLoad(dir);
  const pki = await makePKI(join(dir, "pki"));
  const rounds: Record<Side, StepResult[][]> = { peer: [], ours: [] };
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const side of sides) {
      const options: ServerOptions = {
        directory: join(dir, side),
        pki,
        port: Number(values.port),
        bin,
        everything: !plain,
        ...(profile && side === "ours" ? { profile } : {}),
      };
      await using server = await starters[side](options);
      const seen = (result: StepResult): void => void process.stderr.write(`round ${round} ${side.padEnd(4)} ${line(result)}\n`);
      rounds[side].push(await runLoad(program, server, pki, { workload: values.workload, scale: Number(values.scale), seen }));
    }
  }
  if (values.json) writeFileSync(values.json, JSON.stringify({ head, rounds }, null, 1));
  process.stdout.write(`${summary(sides, rounds, measures)}\n`);
}

function summary(sides: readonly Side[], rounds: Readonly<Record<Side, StepResult[][]>>, measures: readonly Measure[]): string {
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
  return table(["", ...sides.map((side) => titles[side]), ...(sides.length === 2 ? ["ours / peer"] : [])], rows);
}
