/**
 * One target, fed until its time is over. What it is fed with lies in a file before it is fed, so that who watches over this
 * process knows what it died of. Lines of JSON on standard output: findings, and at the end what was done.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { Coverage } from "./coverage.ts";
import { CurrentInput } from "./current.ts";
import { byteMutators, spliced, wordMutator } from "./mutate.ts";
import { kindOf, type MakeTarget, type Target } from "./target.ts";

export interface Task {
  target: string;
  seconds: number;
  seed: number;
  /** Where the file of the present input is. */
  directory: string;
  /** Inputs that were worth keeping are read from here and written to it. */
  corpus?: string;
  /** Runs these files and nothing else. */
  inputs?: string[];
  coverage: boolean;
  /** Only begins, to see what memory that takes. */
  measure?: boolean;
}
export type Line =
  | { kind: "finding"; what: string; message: string; stack?: string; file: string }
  | { kind: "ready"; heap: number }
  | { kind: "progress"; inputs: number; kept: number; outcomes: number; blocks: number; slowest: number; heap: number };

const slow = 1_000_000;
const muchOutside = 64 << 20;
const task = JSON.parse(process.argv[2] as string) as Task;
const say = (line: Line): void => void writeSync(1, `${JSON.stringify(line)}\n`);

const prototypes = [Object, Array, Function, String, Number, Boolean, RegExp, Map, Set, Promise, Error, Uint8Array].map(({ prototype }) => prototype as object);
const counts = (): string => prototypes.map((prototype) => Reflect.ownKeys(prototype).length).join();
const before = counts();

const current = new CurrentInput(join(task.directory, `${task.target}.current`));

const nameOf = (input: Uint8Array): string => createHash("sha256").update(input).digest("hex").slice(0, 16);
const reported = new Set<string>();
function report(input: Uint8Array, what: string, error: unknown): void {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const at = error instanceof Error ? (error.stack?.split("\n").find((line) => line.includes("/src/")) ?? "").trim() : "";
  const key = `${what} ${kindOf(message)} ${at}`;
  if (reported.has(key)) return;
  reported.add(key);
  mkdirSync(join(task.directory, "findings"), { recursive: true });
  const file = join(task.directory, "findings", `${task.target}-${nameOf(input)}`);
  writeFileSync(file, input);
  say({ kind: "finding", what, message, file, ...(error instanceof Error && error.stack ? { stack: error.stack } : {}) });
}

let slowest = 0;
/** The name of what came out, which may be a part of a long text. */
async function feed(target: Target, input: Uint8Array): Promise<string> {
  current.announce(input);
  const outside = getHeapStatistics().external_memory;
  const begun = process.threadCpuUsage();
  let outcome: string;
  try {
    const running = target.run(input);
    outcome = typeof running === "string" ? running : await running;
  } catch (error) {
    report(input, "thrown", error);
    outcome = `broken ${kindOf(String(error))}`;
  }
  const { user, system } = process.threadCpuUsage(begun);
  slowest = Math.max(slowest, user + system);
  if (user + system > slow) await confirmSlow(target, input, user + system);
  if (counts() !== before) {
    report(input, "pollution", new Error(prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String).join()).join("\n")));
    process.exit(3);
  }
  const more = getHeapStatistics().external_memory - outside;
  if (more > muchOutside) report(input, "memory", new Error(`${more >> 20} MB outside the heap`));
  current.done();
  return outcome;
}

/** Names of what came out are many and long, and would count as the reader's memory. */
const shortly = (outcome: string): number => createHash("sha256").update(outcome).digest().readUIntBE(0, 6);

/** Time of a busy machine is not the input's: the best of three counts. */
async function confirmSlow(target: Target, input: Uint8Array, first: number): Promise<void> {
  let best = first;
  for (let n = 0; n < 2; n++) {
    // A turn of its own for who watches, who ends what takes longer than all three may.
    current.announce(input);
    const begun = process.threadCpuUsage();
    await Promise.resolve(target.run(input)).catch(() => "");
    const { user, system } = process.threadCpuUsage(begun);
    best = Math.min(best, user + system);
  }
  if (best > slow) report(input, "slow", new Error(`${(best / 1e6).toFixed(1)} s of processor time for ${input.length} bytes`));
}

/** Bytes of inputs that are changed by their meaning. */
const understood = 256 << 10;

function changed(target: Target, corpus: readonly Uint8Array[], random: Random): Uint8Array {
  const pick = (): Uint8Array =>
    corpus[random.next() < 0.4 ? corpus.length - 1 - random.int(Math.min(30, corpus.length)) : random.int(corpus.length)] as Uint8Array;
  const longest = target.longest ?? 64 << 10;
  const cut = (bytes: Uint8Array): Uint8Array => (bytes.length > longest ? bytes.subarray(0, longest) : bytes);
  const words = target.words ? [wordMutator(target.words)] : [];
  let input = pick();
  for (let n = 1 + random.int(4); n > 0; n--) {
    const choice = random.next();
    // These make objects of the whole input, in the memory that its reader is allowed.
    const own = input.length <= understood ? (target.mutators ?? []) : [];
    if (choice < 0.1) input = cut(spliced(input, pick(), random));
    else {
      const from = choice < 0.55 && own.length ? own : choice < 0.7 && words.length ? words : byteMutators;
      const next = from[random.int(from.length)]?.(input, random);
      if (next) input = cut(next);
    }
  }
  return cut(input);
}

async function main(): Promise<void> {
  const random = seededRandom(task.seed);
  const { makeTarget } = (await import(`./${task.target}.ts`)) as { makeTarget: MakeTarget };
  const target = await makeTarget(random);
  const kept = task.corpus ? join(task.corpus, task.target) : undefined;
  if (kept) mkdirSync(kept, { recursive: true });
  const corpus = [...target.seeds, ...(kept ? readdirSync(kept).map((name) => readFileSync(join(kept, name))) : [])];
  const end = (): never => process.exit(0);
  if (task.inputs) {
    for (const seed of target.seeds.slice(0, 20)) await feed(target, seed);
    for (const file of task.inputs) say({ kind: "finding", what: "outcome", message: await feed(target, readFileSync(file)), file });
    await target.close?.();
    end();
  }
  if (task.measure) corpus.length = Math.min(corpus.length, 100);
  const coverage = task.coverage ? new Coverage() : undefined;
  const outcomes = new Set<number>();
  for (const input of corpus) outcomes.add(shortly(await feed(target, input)));
  coverage?.take();
  globalThis.gc?.();
  say({ kind: "ready", heap: process.memoryUsage().heapUsed });
  if (task.measure) end();
  let inputs = corpus.length;
  const keep = (input: Uint8Array): void => {
    const copy = Uint8Array.from(input);
    corpus.push(copy);
    if (kept) writeFileSync(join(kept, nameOf(copy)), copy);
  };
  const progress = (): void => {
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed;
    say({ kind: "progress", inputs, kept: corpus.length, outcomes: outcomes.size, blocks: coverage?.blocks ?? 0, slowest, heap });
  };
  const started = process.hrtime.bigint();
  const passed = (): number => Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000;
  let size = 32;
  for (let told = 0; passed() < task.seconds; ) {
    const batch: Uint8Array[] = [];
    const begun = passed();
    while (batch.length < size && passed() - begun < 5) {
      const input = changed(target, corpus, random);
      batch.push(input);
      const outcome = shortly(await feed(target, input));
      inputs++;
      if (outcomes.has(outcome) || outcomes.size > 20_000) continue;
      outcomes.add(outcome);
      keep(input);
    }
    const fed = passed() - begun;
    if (coverage) {
      const asked = passed();
      const fresh = coverage.take();
      for (const input of batch) {
        if (!fresh.size) break;
        await feed(target, input);
        if (coverage.reached(fresh)) keep(input);
      }
      // A look takes as long as it takes: not more than a fifth of the time.
      if (passed() - asked > fed / 4) size = Math.min(4096, size * 2);
      else if (size > 64) size >>= 1;
    }
    if (passed() - told > 10) {
      told = passed();
      progress();
    }
  }
  progress();
  await target.close?.();
  end();
}

process.on("uncaughtException", (error) => {
  report(current.input, "uncaught", error);
});
await main();
