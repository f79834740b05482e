/** Runs children of one target one after the other, until its time is over, and says what killed those that died. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Line, Task } from "./child.ts";
import { readCurrent } from "./current.ts";

export interface Outcome {
  target: string;
  seconds: number;
  inputs: number;
  kept: number;
  outcomes: number;
  blocks: number;
  /** Ends of its process between two inputs. */
  restarts: number;
  /** Processor time of the slowest input, seconds. */
  slowest: number;
  /** MB that a process came to hold between inputs beyond what it held before the first. */
  grown: number;
  findings: { what: string; message: string; file: string; stack?: string }[];
}

/** Of processor time for one input: what is ended from outside never came to measure itself. */
const hangTicks = 300;
/** Without processor time: something is waited for that never comes. */
const stalledPolls = 200;
const poll = 250;
const young = 4;
const mostMemory = 64;
/** Those that measure another process, and wait for it as long as it works. */
const unbounded = new Set(["requests"]);

/** Processor time in ticks, and whether it wants more of it than a busy machine gives. */
const processOf = (pid: number): { ticks: number; runs: boolean } => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return { ticks: Number(fields[11]) + Number(fields[12]), runs: fields[0] !== "S" };
};

interface End {
  code: number | null;
  signal: string | null;
  hung: string | undefined;
  errors: string;
}

/** Resolves when the child has ended. `heap` in MB is what it may hold. */
function runChild(task: Task, heap: number | undefined, take: (line: Line) => void): Promise<End> {
  // What is made for an input may be old at once, so the young generation is small and counted in.
  const flags = ["--expose-gc", "--disable-warning=ExperimentalWarning", `--max-semi-space-size=${young}`, ...(heap ? [`--max-old-space-size=${heap}`] : [])];
  const child: ChildProcess = spawn(process.execPath, [...flags, join(import.meta.dirname, "child.ts"), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: what it started ends with it.
    detached: true,
  });
  const endAll = (): void => {
    try {
      process.kill(-(child.pid as number), "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const stop = (): never => {
    endAll();
    process.exit(1);
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.once(signal, stop);
  let hung: string | undefined;
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000);
  });
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => take(JSON.parse(line) as Line));
  let last = { sequence: -1, ticks: 0, polls: 0 };
  const timer = setInterval(() => {
    try {
      const { sequence, fed } = readCurrent(currentOf(task));
      const { ticks, runs } = processOf(child.pid as number);
      if (sequence !== last.sequence || !fed) last = { sequence, ticks, polls: 0 };
      if (!runs && !unbounded.has(task.target)) last.polls++;
      if (ticks - last.ticks > hangTicks) hung = `more than ${(ticks - last.ticks) / 100} s of processor time`;
      else if (last.polls > stalledPolls && ticks - last.ticks < 20) hung = "waits for what does not come";
      if (hung) endAll();
    } catch {
      // It ended between two looks.
    }
  }, poll);
  return new Promise((resolve) =>
    child.on("close", (code, signal) => {
      clearInterval(timer);
      endAll();
      for (const name of signals) process.off(name, stop);
      resolve({ code, signal, hung, errors });
    }),
  );
}

const currentOf = (task: Task): string => join(task.directory, `${task.target}.current`);

function save(task: Task, input: Uint8Array): string {
  mkdirSync(join(task.directory, "findings"), { recursive: true });
  const file = join(task.directory, "findings", `${task.target}-${createHash("sha256").update(input).digest("hex").slice(0, 16)}`);
  writeFileSync(file, input);
  return file;
}

/** MB that a child of this target may hold: what it holds before it is changed, and 64. */
export async function memoryOf(task: Task): Promise<number | undefined> {
  if (unbounded.has(task.target)) return undefined;
  let heap = 0;
  await runChild({ ...task, measure: true }, undefined, (line) => {
    if (line.kind === "ready") heap = line.heap;
  });
  return Math.ceil(heap / (1 << 20)) + mostMemory - 3 * young;
}

export async function watchTarget(task: Task, say: (text: string) => void): Promise<Outcome> {
  const outcome: Outcome = { target: task.target, seconds: 0, inputs: 0, kept: 0, outcomes: 0, blocks: 0, restarts: 0, slowest: 0, grown: 0, findings: [] };
  const heap = await memoryOf(task);
  let ready = 0;
  const known = new Set<string>();
  const found = (what: string, message: string, file: string, stack?: string): void => {
    const key = `${what} ${message.replace(/\d+/g, "N").slice(0, 200)}`;
    if (known.has(key)) return;
    known.add(key);
    outcome.findings.push({ what, message, file, ...(stack ? { stack } : {}) });
    say(`${task.target}: ${what}: ${stack ?? message}\n  ${file}`);
  };
  for (let round = 0; outcome.seconds < task.seconds; round++) {
    const began = process.hrtime.bigint();
    let done = { inputs: 0, slowest: 0 };
    const end = await runChild({ ...task, seed: task.seed + round * 1000, seconds: task.seconds - outcome.seconds }, heap, (line) => {
      if (line.kind === "finding") found(line.what, line.message, line.file, line.stack);
      else if (line.kind === "ready") ready = line.heap;
      else if (line.kind === "progress") {
        done = line;
        outcome.kept = Math.max(outcome.kept, line.kept);
        outcome.outcomes = Math.max(outcome.outcomes, line.outcomes);
        outcome.blocks = Math.max(outcome.blocks, line.blocks);
        outcome.grown = Math.max(outcome.grown, (line.heap - ready) / (1 << 20));
      }
    });
    outcome.inputs += done.inputs;
    outcome.slowest = Math.max(outcome.slowest, done.slowest / 1e6);
    const seconds = Number((process.hrtime.bigint() - began) / 1_000_000n) / 1000;
    outcome.seconds += seconds;
    if (end.code === 0) break;
    if (end.code === 3) continue;
    const { input, fed } = readCurrent(currentOf(task));
    if (!fed) {
      // What makes the next input out of others took more than the reader is allowed.
      outcome.restarts++;
      if (seconds < 2) break;
      continue;
    }
    const file = save(task, input);
    const words =
      end.errors
        .trim()
        .split("\n")
        .filter((line) => /error|fatal|assert|at /i.test(line))
        .slice(0, 6)
        .join("\n    ") || end.errors.slice(0, 300);
    if (end.hung) found("hang", end.hung, file);
    else if (await survives({ ...task, inputs: [file] }, heap))
      found("memory", `its process ended (${end.code ?? end.signal}), this input alone does not end it: ${words}`, file);
    else found("crash", `${end.code ?? end.signal}: ${words}`, file);
    if (seconds < 2) break;
  }
  return outcome;
}

/** Whether a process of its own can take these inputs. */
async function survives(task: Task, heap: number | undefined): Promise<boolean> {
  const end = await runChild(task, heap, () => {});
  return end.code === 0;
}

/** What comes of these files, one line each. */
export async function replay(task: Task, say: (text: string) => void): Promise<boolean> {
  const { inputs: _, ...without } = task;
  const heap = await memoryOf(without);
  let clean = true;
  const end = await runChild(task, heap, (line) => {
    if (line.kind !== "finding") return;
    if (line.what !== "outcome") clean = false;
    say(`${line.what}: ${line.stack ?? line.message}\n  ${line.file}`);
  });
  if (end.code !== 0) say(`ended with ${end.hung ?? end.code ?? end.signal}: ${end.errors.slice(-2000)}`);
  return clean && end.code === 0;
}
