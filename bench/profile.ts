/**
 * The functions that took most time of a CPU profile (self time; garbage collection and native code are shown as V8 names them).
 *
 * Usage: node bench/profile.ts FILE.cpuprofile [lines]
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./machine.ts";
import { table } from "./statistics.ts";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const [file = "", lines = "25"] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
const names = new Map(
  nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
    const place = url.startsWith("file:") ? relative(root, fileURLToPath(url)) : url;
    return [id, `${functionName || "(anonymous)"}${place ? ` ${place}:${lineNumber + 1}` : ""}`];
  }),
);
const self = new Map<string, number>();
for (const [at, id] of samples.entries()) {
  const name = names.get(id) ?? "";
  self.set(name, (self.get(name) ?? 0) + (timeDeltas[at] ?? 0));
}
self.delete("(idle)");
const busy = [...self.values()].reduce((sum, time) => sum + time, 0);
const rows = [...self].sort((a, b) => b[1] - a[1]).slice(0, Number(lines));
process.stdout.write(`${(busy / 1e6).toFixed(2)} s busy\n`);
process.stdout.write(
  `${table(
    ["function", "ms", "%"],
    rows.map(([name, time]) => [name, (time / 1000).toFixed(0), ((100 * time) / busy).toFixed(1)]),
  )}\n`,
);
