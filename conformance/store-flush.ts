/**
 * `node conformance/store-flush.ts [--writes 1000] [--writers 1]`: under strace, whether each acknowledgement left the
 * process only after a flush that began after the write had been handed to the file ended. Needs strace. Exit code 1 otherwise.
 *
 * Each value begins with its number, `<17>`, and the child writes `ack <17>` to a file of its own, so that the system calls
 * alone tell the order: the store's pwrite of that value, an fdatasync, the meta page (descriptor with O_DSYNC), the
 * acknowledgement.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { lmdbStore } from "../src/store/lmdb.ts";

interface Call {
  /** Microseconds since midnight. */
  begin: number;
  end: number;
  name: string;
  text: string;
}

export interface FlushResult {
  acknowledged: number;
  /** Flushes (fdatasync of the store's file). */
  flushes: number;
  /** Longest and mean time of a flush, microseconds. */
  slowest: number;
  mean: number;
  problems: string[];
}

/** `trace`: output of `strace -f -tt -T -y`; `store`: path of the store's file, `acks`: of the acknowledgements'. */
export function judge(trace: string, store: string, acks: string): FlushResult {
  const calls = parse(trace);
  const writes = calls.filter((c) => /^p?write(v|64|v2)?$/.test(c.name) && c.text.includes(`<${store}>`));
  const flushes = calls.filter((c) => /^(fdatasync|fsync|msync)$/.test(c.name) && (c.name === "msync" || c.text.includes(`<${store}>`)));
  const acknowledged = calls.filter((c) => c.name === "write" && c.text.includes(`<${acks}>`));
  const problems: string[] = [];
  for (const ack of acknowledged) {
    const name = /<\d+>/.exec(ack.text.replace(`<${acks}>`, ""))?.[0] ?? "";
    const data = writes.findLast((w) => w.end <= ack.begin && w.text.includes(name));
    const flush = data && flushes.find((f) => f.begin >= data.end && f.end <= ack.begin);
    const meta = flush && writes.find((w) => w.begin >= flush.end && w.end <= ack.begin);
    if (!data) problems.push(`${name} was acknowledged before it was written`);
    else if (!flush) problems.push(`${name} was acknowledged before a flush that began after its write ended`);
    else if (!meta) problems.push(`${name} was acknowledged before the meta page was written`);
  }
  if (acknowledged.length === 0) problems.push("no acknowledgement was seen");
  const times = flushes.map((f) => f.end - f.begin);
  return {
    acknowledged: acknowledged.length,
    flushes: flushes.length,
    slowest: Math.max(0, ...times),
    mean: times.reduce((sum, t) => sum + t, 0) / Math.max(1, times.length),
    problems,
  };
}

/** Joins the two halves of calls that other threads interrupted. */
function parse(trace: string): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, { begin: number; name: string; text: string }>();
  for (const line of trace.split("\n")) {
    const match = /^(\d+)\s+(\d+):(\d+):(\d+\.\d+) (.*)$/.exec(line);
    if (!match) continue;
    const [, thread = "", hours, minutes, seconds, text = ""] = match;
    const at = Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1e6);
    const resumed = /^<\.\.\. (\w+) resumed>/.exec(text);
    const unfinished = text.endsWith("<unfinished ...>");
    if (resumed) {
      const first = open.get(thread);
      open.delete(thread);
      if (first) calls.push({ ...first, end: at });
      continue;
    }
    const name = /^(\w+)\(/.exec(text)?.[1];
    if (!name) continue;
    if (unfinished) open.set(thread, { begin: at, name, text });
    else calls.push({ begin: at, end: at + Math.round(Number(/<(\d+\.\d+)>$/.exec(text)?.[1] ?? 0) * 1e6), name, text });
  }
  return calls.sort((a, b) => a.begin - b.begin);
}

async function write(directory: string, count: number, writers: number): Promise<void> {
  const acks = openSync(join(directory, "acks"), "a");
  const store = await lmdbStore({ directory: join(directory, "store"), clock: systemClock });
  let next = 0;
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (;;) {
        const n = next++;
        if (n >= count) return;
        await store.create(`/${n}`, Buffer.from(`<${n}>`.padEnd(2600, "x")));
        writeSync(acks, `ack <${n}>\n`);
      }
    }),
  );
  await store[Symbol.asyncDispose]();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { writes: { type: "string", default: "1000" }, writers: { type: "string", default: "1" }, child: { type: "string" } },
  });
  if (values.child) await write(values.child, Number(values.writes), Number(values.writers));
  else {
    const directory = mkdtempSync(join(tmpdir(), "store-flush-"));
    const trace = join(directory, "trace");
    const child = [process.execPath, "--disable-warning=ExperimentalWarning", fileURLToPath(import.meta.url), "--child", directory];
    const calls = "trace=write,writev,pwrite64,pwritev,pwritev2,fdatasync,fsync,msync,openat";
    const run = spawnSync(
      "strace",
      ["-f", "-tt", "-T", "-y", "-s", "64", "-e", calls, "-o", trace, ...child, "--writes", values.writes, "--writers", values.writers],
      {
        stdio: "inherit",
        timeout: 300_000,
      },
    );
    if (run.status !== 0) throw new Error(`strace ended with ${run.status ?? run.signal ?? run.error}`);
    const text = readFileSync(trace, "utf8");
    const store = join(directory, "store", "store.mdb");
    const result = judge(text, store, join(directory, "acks"));
    if (!new RegExp(`"${store}", O_WRONLY\\|O_DSYNC`).test(text)) result.problems.push("the meta page's descriptor is not O_DSYNC");
    for (const problem of result.problems.slice(0, 20)) process.stdout.write(`PROBLEM ${problem}\n`);
    process.stdout.write(
      `${result.acknowledged} acknowledgements, ${result.flushes} flushes, mean ${(result.mean / 1000).toFixed(3)} ms, slowest ${(result.slowest / 1000).toFixed(3)} ms, ${result.problems.length} problems\n`,
    );
    if (result.problems.length > 0) process.exitCode = 1;
    else rmSync(directory, { recursive: true });
  }
}
