/**
 * `node conformance/store-crash.ts --rounds 1000 [--seed 1] [--directory DIR]`: a child process writes to the LMDB store
 * and tells what was acknowledged, is killed (SIGKILL) at a random moment, and the store is opened again: every
 * acknowledged write is there, revisions do not go back, and a watch from the last one seen has no gap. Exit code 1 otherwise.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { type Random, seededRandom } from "../src/base/random.ts";
import { lmdbStore } from "../src/store/lmdb.ts";
import { CompactedError, type Store, type StoreEvent } from "../src/store/store.ts";

const self = fileURLToPath(import.meta.url);

/** What the world outside the store has been told. */
interface Told {
  /** Key -> acknowledged revision and value (absent: deleted). */
  keys: Map<string, { revision: number; value?: string }>;
  /** Highest revision acknowledged or seen by the watch. */
  highest: number;
  /** Highest revision that the child's watch delivered. */
  watched: number;
  acknowledged: number;
}

export interface CrashOptions {
  rounds: number;
  seed: number;
  directory: string;
  /** Called after each round. */
  progress?(round: number): void;
}
export interface CrashResult {
  rounds: number;
  acknowledged: number;
  /** Writes found in the store that nobody had been told of: allowed, they were under way. */
  unacknowledged: number;
  problems: string[];
}

/** Rounds of write, kill and check on one store. Problems are sentences; none means that all held. */
export async function crash(options: CrashOptions): Promise<CrashResult> {
  const random = seededRandom(options.seed);
  const told: Told = { keys: new Map(), highest: 1, watched: 1, acknowledged: 0 };
  const result: CrashResult = { rounds: 0, acknowledged: 0, unacknowledged: 0, problems: [] };
  for (let round = 1; round <= options.rounds && result.problems.length === 0; round++) {
    await writeAndKill(options.directory, random, told);
    result.unacknowledged += await check(options.directory, told, (problem) => result.problems.push(`round ${round}: ${problem}`));
    result.rounds = round;
    result.acknowledged = told.acknowledged;
    options.progress?.(round);
  }
  return result;
}

async function writeAndKill(directory: string, random: Random, told: Told): Promise<void> {
  const child: ChildProcess = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", self, "--child", directory, "--seed", String(random.int(2 ** 31))],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  // Some die while they open, most while they write; a few acknowledgements are always in the pipe.
  const patience = random.int(20) === 0 ? 0 : 1 + random.int(400);
  let seen = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  lines.on("line", (line) => {
    const [what, revision = "0", key = "", value] = line.split(" ");
    told.highest = Math.max(told.highest, Number(revision));
    if (what === "watch") told.watched = Number(revision);
    if (what === "ack") {
      told.acknowledged++;
      if ((told.keys.get(key)?.revision ?? 0) < Number(revision)) told.keys.set(key, { revision: Number(revision), ...(value ? { value } : {}) });
    }
    if (++seen === patience) timer = setTimeout(() => child.kill("SIGKILL"), random.int(4));
  });
  if (patience === 0) timer = setTimeout(() => child.kill("SIGKILL"), random.int(250));
  const closed = once(lines, "close");
  const [code, signal] = await exited;
  clearTimeout(timer);
  await closed;
  if (signal !== "SIGKILL") throw new Error(`the writer ended by itself (code ${code}, signal ${signal})`);
}

async function check(directory: string, told: Told, problem: (text: string) => void): Promise<number> {
  const store = await lmdbStore({ directory, clock: systemClock });
  try {
    const revision = await store.revision();
    if (revision < told.highest) problem(`revision ${told.highest} had been given out, the store is at ${revision}`);
    const compacted = await store.compactedRevision();
    const from = Math.max(told.watched, compacted);
    const events = from < revision ? await eventsAfter(store, from, revision) : [];
    events.forEach((event, i) => {
      if (event.revision !== from + 1 + i) problem(`the watch from ${from} gave ${event.revision} where ${from + 1 + i} was due`);
    });
    if (events.length !== revision - from) problem(`the watch from ${from} gave ${events.length} of ${revision - from} changes`);
    for (const [key, acknowledged] of told.keys) {
      const now = await store.get(key);
      if (now?.revision === acknowledged.revision || (!now && acknowledged.value === undefined)) {
        if (now && Buffer.from(now.value.subarray(0, acknowledged.value?.length)).toString() !== acknowledged.value)
          problem(`${key} has another value than acknowledged at ${acknowledged.revision}`);
        continue;
      }
      // Something newer, of which the answer did not get out; it must be in the history.
      const newer = events.findLast((event) => event.key === key);
      if (!newer || newer.revision < acknowledged.revision || (newer.value === undefined) !== (now === undefined))
        problem(`${key}, acknowledged at ${acknowledged.revision}, is ${now ? `at ${now.revision}` : "gone"}`);
    }
    const listed = await store.list("");
    if (listed.revision !== revision) problem(`the list is of ${listed.revision}, the store at ${revision}`);
    told.keys = new Map(listed.items.map((item) => [item.key, { revision: item.revision, value: valueName(item.value) }]));
    told.highest = told.watched = revision;
    return events.length;
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

const valueName = (value: Uint8Array): string => Buffer.from(value).toString().split("|", 1)[0] as string;

async function eventsAfter(store: Store, from: number, until: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  for await (const batch of store.watch("", { fromRevision: from, signal: AbortSignal.timeout(10_000) })) {
    events.push(...batch);
    if ((events.at(-1) as StoreEvent).revision >= until) break;
  }
  return events;
}

/** Writes for ever: creations, updates, deletions and compactions by eight writers, and a watch that tells what it sees. */
async function write(directory: string, random: Random): Promise<never> {
  const store = await lmdbStore({ directory, clock: systemClock });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  let watched = await store.revision();
  const watch = async (): Promise<void> => {
    for (;;)
      try {
        for await (const batch of store.watch("", { fromRevision: watched, signal: new AbortController().signal })) {
          watched = (batch.at(-1) as StoreEvent).revision;
          say(`watch ${watched}`);
        }
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
        watched = error.compacted;
      }
  };
  const writer = async (id: number): Promise<never> => {
    for (let n = 0; ; n++) {
      const key = `/w${id}/${random.int(10)}`;
      const before = await store.get(key);
      const name = `v${id}.${n}.${random.int(1e9)}`;
      const value = Buffer.from(`${name}|${"x".repeat(random.int(3000))}`);
      if (!before) say(`ack ${await store.create(key, value)} ${key} ${name}`);
      else if (random.int(4) === 0) say(`ack ${await store.delete(key, before.revision)} ${key}`);
      else say(`ack ${await store.update(key, value, before.revision)} ${key} ${name}`);
      if (random.int(300) === 0) await store.compact(Math.max(1, (await store.revision()) - random.int(200)));
    }
  };
  await Promise.all([watch(), ...Array.from({ length: 8 }, (_, id) => writer(id))]);
  throw new Error("the writers never end");
}

if (process.argv[1] === self) {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "1000" }, seed: { type: "string", default: "1" }, directory: { type: "string" }, child: { type: "string" } },
  });
  if (values.child) await write(values.child, seededRandom(Number(values.seed)));
  const directory = values.directory ?? mkdtempSync(join(tmpdir(), "store-crash-"));
  const started = process.hrtime.bigint();
  const result = await crash({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    directory,
    progress: (round) => round % 100 === 0 && process.stdout.write(`${round} rounds\n`),
  });
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000;
  for (const problem of result.problems) process.stdout.write(`PROBLEM ${problem}\n`);
  process.stdout.write(
    `${result.rounds} rounds, ${result.acknowledged} acknowledged writes, ${result.unacknowledged} more found after the last seen revision, ${seconds.toFixed(0)} s\n`,
  );
  if (result.problems.length > 0) process.stdout.write(`the store is left in ${directory}\n`);
  else if (!values.directory && existsSync(directory)) rmSync(directory, { recursive: true });
  process.exitCode = result.problems.length > 0 ? 1 : 0;
}
