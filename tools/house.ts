/**
 * The house: what a file may import (its own folder's layer or a lower one, never a sibling component), no import cycle
 * between files, file length, no clock, timer or random number outside src/base/, no table of a file that finds what objects
 * inherit, and no value of node:http but by src/base/http1.ts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const layers: Record<string, number> = {
  base: 0,
  api: 1,
  store: 2,
  client: 2,
  cri: 2,
  csi: 2,
  cni: 2,
  linux: 2,
  cache: 3,
  apiserver: 4,
  controllers: 4,
  scheduler: 4,
  kubelet: 4,
  proxy: 4,
  network: 4,
  dns: 4,
  storage: 4,
  ingress: 4,
  cloud: 4,
  helm: 4,
  monitoring: 4,
  sim: 4,
  distro: 5,
};
/** Lines a file may have; longer ones need an entry with the reason. */
const maxLines = 400;
const longFiles: Record<string, { lines: number; why: string }> = {};

const ambient = /(?<!\.)\b(Date\.now|new Date\(\)|setTimeout|setInterval|Math\.random|randomUUID|performance\.now)\b/;

/** A table of the file, and being asked for text that was not written down. */
const plainTable = /^(?:export )?const (\w+): (?:Readonly<)?(?:Partial<)?Record<string,[^=]* = \{(?!\};)/gm;
const isAsked = (text: string, name: string): boolean => new RegExp(`(?<![\\w.])${name}(\\?\\.)?\\[[a-z]| in ${name}\\b`).test(text);

export function checkHouse(root = "src"): string[] {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((f) => f.endsWith(".ts"))
    .map((f) => join(root, f));
  const problems: string[] = [];
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    const generated = file.endsWith(".gen.ts");
    const lines = text.split("\n").length - 1;
    const allowed = longFiles[file]?.lines ?? maxLines;
    if (!generated && lines > allowed) problems.push(`${file}: ${lines} lines; at most ${allowed}: split it along its own seams`);
    const folder = relative(root, file).split("/")[0] as string;
    if (folder !== "base" && !file.endsWith(".test.ts")) {
      text.split("\n").forEach((line, i) => {
        const found = ambient.exec(line.replace(/\/\/.*|^\s*\*.*/, ""));
        if (found) problems.push(`${file}:${i + 1}: ${found[0]} outside src/base: take a Clock or a Random, so that tests and simulations control it`);
      });
    }
    if (!generated && !file.endsWith(".test.ts"))
      for (const [, name = ""] of text.matchAll(plainTable))
        if (isAsked(text, name)) problems.push(`${file}: ${name} is asked for text: make it with table() of src/base/table.ts, or it finds "constructor"`);
    if (file !== join(root, "base/http1.ts") && !file.endsWith(".test.ts") && /^import (?!type )[^;]*"node:http";/m.test(text))
      problems.push(`${file}: imports from node:http: take values from src/base/http1.ts, types with import type`);
    const imports: string[] = [];
    for (const match of text.matchAll(/^\s*(?:import|export)\s(?:[^"';]*?\sfrom\s)?"(\.[^"]+)"/gm)) {
      const target = join(dirname(file), match[1] as string);
      const typeOnly = /^\s*(?:import|export)\s+type\s/.test(match[0]);
      if (!typeOnly) imports.push(target);
      const to = relative(root, target).split("/")[0] as string;
      const mine = layers[folder];
      const theirs = layers[to];
      if (mine === undefined || file.endsWith(".test.ts")) continue;
      if (theirs === undefined) problems.push(`${file}: imports ${target}, which is in no layer`);
      else if (folder !== to && theirs >= mine)
        problems.push(`${file}: ${folder} (layer ${mine}) must not import ${to} (layer ${theirs}): components meet only in distro`);
      else if (folder === "apiserver" && to === "client") problems.push(`${file}: apiserver never imports client`);
      else if (mine === 4 && folder !== "apiserver" && (to === "store" || to === "cache"))
        problems.push(`${file}: ${folder} never imports ${to}; it uses the client`);
    }
    graph.set(file, imports);
  }
  return [...problems, ...cycles(graph)];
}

/** Each strongly connected component of more than one file (Tarjan). */
function cycles(graph: Map<string, string[]>): string[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const found: string[] = [];
  const visit = (v: string): void => {
    index.set(v, index.size);
    low.set(v, index.get(v) as number);
    stack.push(v);
    onStack.add(v);
    for (const w of graph.get(v) ?? []) {
      if (!graph.has(w)) continue;
      if (!index.has(w)) {
        visit(w);
        low.set(v, Math.min(low.get(v) as number, low.get(w) as number));
      } else if (onStack.has(w)) low.set(v, Math.min(low.get(v) as number, index.get(w) as number));
    }
    if (low.get(v) !== index.get(v)) return;
    const component: string[] = [];
    for (;;) {
      const w = stack.pop() as string;
      onStack.delete(w);
      component.push(w);
      if (w === v) break;
    }
    if (component.length > 1) found.push(`import cycle: ${component.reverse().join(" -> ")}`);
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}
