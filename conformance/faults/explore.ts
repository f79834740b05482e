/** Every fault point of a scenario, one run each. */
import type { RequestRecord } from "../../src/client/faulty-transport.ts";
import { eventFaults, type FaultPoint, isPossible, nameOf, readFaults, runFaults, writeFaults } from "./kinds.ts";
import { type Run, run } from "./run.ts";
import type { Scenario } from "./scenario.ts";

/** Reads that go wrong in one scenario: most are the first lists of informers, which are all alike. */
const maxReads = 20;

export interface ExploreOptions {
  scenario: Scenario;
  controller: string;
  seed: number;
  /** Only these kinds. */
  kinds?: RegExp;
  /** Only at these writes. */
  at?(write: RequestRecord): boolean;
  /** Instead of single faults: so many runs with several at random. */
  chaos?: number;
  /** Only one of so many points, chosen evenly. @default 1 */
  every?: number;
  /** Leaves out as many points as it holds, and counts them down; several explorations may share it. */
  skip?: { left: number };
  /** As for a run. */
  prove?: boolean;
  /** Called before each run; false ends it all. */
  goOn?(): boolean;
}

export interface Finding {
  scenario: string;
  controller: string;
  seed: number;
  /** Absent: without any fault. */
  point?: string;
  problems: string[];
}

export interface Exploration {
  points: number;
  runs: number;
  /** Those of events included. */
  writes: number;
  findings: Finding[];
}

export async function explore(options: ExploreOptions): Promise<Exploration> {
  const { scenario, controller, seed, every = 1 } = options;
  const what = { scenario: scenario.name, controller, seed };
  const base = await run({ scenario, seed, controller, ...(options.prove === undefined ? {} : { prove: options.prove }) });
  const result: Exploration = { points: 0, runs: 1, writes: base.writes.length + base.events.length, findings: [] };
  if (base.problems.length) {
    result.findings.push({ ...what, problems: base.problems });
    return result;
  }
  const points = options.chaos === undefined ? pointsOf(base, options) : Array.from({ length: options.chaos }, (_, i) => ({ kind: "chaos", at: i + 1 }));
  for (let i = seed % every; i < points.length; i += every) {
    if (options.skip && options.skip.left > 0) {
      options.skip.left--;
      continue;
    }
    if (options.goOn && !options.goOn()) break;
    const point = points[i] as FaultPoint;
    const { problems, writes } = await run({ scenario, seed, controller, point, expected: base.state });
    if (writes.length > 3 * base.writes.length + 100) problems.push(`runs hot: ${writes.length} writes instead of ${base.writes.length}`);
    result.points++;
    result.runs++;
    if (problems.length) result.findings.push({ ...what, point: nameOf(point), problems });
  }
  return result;
}

function pointsOf(base: Run, { kinds, at }: ExploreOptions): FaultPoint[] {
  const wanted = (kind: string): boolean => kinds === undefined || kinds.test(kind);
  const points: FaultPoint[] = Object.keys(runFaults).map((kind) => ({ kind }));
  for (const resource of [...base.watched].sort()) points.push({ kind: `late:${resource}` });
  base.writes.forEach((write, i) => {
    if (at && !at(write)) return;
    for (const kind of Object.keys(writeFaults)) if (isPossible(kind, write)) points.push({ kind, at: i + 1 });
  });
  base.events.forEach((_, i) => {
    if (!at) for (const kind of Object.keys(eventFaults)) points.push({ kind, at: i + 1 });
  });
  const step = Math.ceil(base.reads.length / maxReads);
  for (let i = 0; i < base.reads.length; i += step) for (const kind of Object.keys(readFaults)) points.push({ kind, at: i + 1 });
  return points.filter(({ kind }) => wanted(kind));
}
