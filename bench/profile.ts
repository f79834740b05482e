/**
 * The functions of a CPU profile by their own time, beside it what they and all they called took. "(program)" is native
 * code: TLS, sockets, the kernel.
 *
 * Usage: node bench/profile.ts FILE.cpuprofile [lines] [own|with]
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./machine.ts";
import { table } from "./statistics.ts";

interface Profile {
  nodes: { id: number; children?: number[]; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const [file = "", lines = "25", order = "own"] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
const byId = new Map(nodes.map((node) => [node.id, node]));
const nameOf = ({ callFrame: { functionName, url, lineNumber } }: Profile["nodes"][number]): string => {
  const place = url.startsWith("file:") ? relative(root, fileURLToPath(url)) : url;
  return `${functionName || "(anonymous)"}${place ? ` ${place}:${lineNumber + 1}` : ""}`;
};
const spent = new Map<number, number>();
for (const [at, id] of samples.entries()) spent.set(id, (spent.get(id) ?? 0) + (timeDeltas[at] ?? 0));

const times = new Map<string, { own: number; with: number }>();
/** A recursive function's time counts once: `above` are the names on the stack. */
function visit(id: number, above: ReadonlySet<string>): number {
  const node = byId.get(id) as Profile["nodes"][number];
  const name = nameOf(node);
  const own = name === "(idle)" ? 0 : (spent.get(id) ?? 0);
  const below = new Set(above).add(name);
  const whole = (node.children ?? []).reduce((sum, child) => sum + visit(child, below), own);
  const time = times.get(name) ?? { own: 0, with: 0 };
  times.set(name, { own: time.own + own, with: time.with + (above.has(name) ? 0 : whole) });
  return whole;
}
const busy = visit(nodes[0]?.id as number, new Set());
const key = order === "with" ? "with" : "own";
const shown = [...times].sort((a, b) => b[1][key] - a[1][key]).slice(0, Number(lines));
const cells = (time: number): string[] => [(time / 1000).toFixed(0), ((100 * time) / busy).toFixed(1)];
process.stdout.write(`${(busy / 1e6).toFixed(2)} s busy\n`);
process.stdout.write(
  `${table(
    ["function", "own ms", "%", "with callees ms", "%"],
    shown.map(([name, time]) => [name, ...cells(time.own), ...cells(time.with)]),
  )}\n`,
);
