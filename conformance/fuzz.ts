/**
 * Inputs made to break what reads them. Whatever is thrown that is no refusal, what takes more than 1 s of processor time or
 * 64 MB, what changes a prototype, and what does not survive being written and read again is a finding; its input is saved.
 *
 * Usage: node conformance/fuzz.ts [TARGET...] [--seconds 120] [--seed 1] [--corpus DIR] [--directory DIR] [--no-coverage]
 *        node conformance/fuzz.ts TARGET --input FILE...     what comes of these
 * Example: node conformance/fuzz.ts json yaml --seconds 1800
 * Targets are the files of conformance/fuzz that make one; without names all are run, one after the other.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { misused, parseArgs } from "../tools/command-line.ts";
import type { Task } from "./fuzz/child.ts";
import { replay, watchTarget } from "./fuzz/watch.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    seconds: { type: "string", default: "120" },
    seed: { type: "string", default: "1" },
    corpus: { type: "string" },
    directory: { type: "string", default: join(tmpdir(), "k8ts-fuzz") },
    input: { type: "string", multiple: true },
    coverage: { type: "boolean", default: true },
  },
});
const folder = join(import.meta.dirname, "fuzz");
const all = readdirSync(folder).filter((file) => file.endsWith(".ts") && readFileSync(join(folder, file), "utf8").includes("export const makeTarget"));
const known = all.map((file) => file.slice(0, -".ts".length)).sort();
const names = positionals.length ? positionals : known;
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) misused(`${unknown} is no target; there are: ${known.join(", ")}`);
if (!(Number(values.seconds) > 0)) misused("--seconds is a number");
mkdirSync(values.directory, { recursive: true });
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const task = (target: string): Task => ({
  target,
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  directory: values.directory,
  coverage: values.coverage,
  ...(values.corpus ? { corpus: values.corpus } : {}),
});
let findings = 0;
for (const name of names) {
  if (values.input) {
    if (!(await replay({ ...task(name), inputs: values.input }, say))) findings++;
    continue;
  }
  const { seconds, inputs, kept, outcomes, blocks, restarts, slowest, grown, findings: found } = await watchTarget(task(name), say);
  findings += found.length;
  const line = `${name}: ${inputs} inputs in ${Math.round(seconds)} s (${kept} kept, ${outcomes} outcomes, ${blocks} blocks, ${restarts} restarts, slowest ${slowest.toFixed(2)} s, ${grown.toFixed(0)} MB grown): ${found.length} findings`;
  say(line);
  appendFileSync(join(values.directory, "done.txt"), `${line}\n`);
}
process.exitCode = findings ? 1 : 0;
