import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { LineFilter } from "./line-filter.ts";
import type { LogOptions } from "./log-options.ts";
import { readLog } from "./log-reader.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-logs-"));
after(() => rmSync(scratch, { recursive: true }));
const base: LogOptions = { follow: false, previous: false, timestamps: false };
const shown = (text: string, options: Partial<LogOptions> = {}, now = 0): string =>
  new LineFilter({ ...base, ...options }, now).take(Buffer.from(text)).toString();
const lines =
  "2026-11-21T10:00:00.1Z stdout F one\n2026-11-21T10:00:00.25Z stderr F two\n2026-11-21T10:00:01Z stdout P thr\n2026-11-21T10:00:01.000000001Z stdout F ee\n";

test("content without its header; what the runtime broke in two is whole again, with one time", () => {
  assert.equal(shown(lines), "one\ntwo\nthree\n");
  assert.equal(shown(lines, { timestamps: true }), "2026-11-21T10:00:00.1Z one\n2026-11-21T10:00:00.25Z two\n2026-11-21T10:00:01Z three\n");
  assert.equal(shown(lines, { stream: "stderr" }), "two\n");
  assert.equal(shown(lines, { limitBytes: 6 }), "one\ntw");
});

test("times are compared with what Go leaves out of them, and in other zones", () => {
  const since = (time: string): string => shown(lines, { sinceTime: Date.parse(time) });
  assert.equal(since("2026-11-21T10:00:00.250Z"), "two\nthree\n");
  assert.equal(since("2026-11-21T10:00:00.251Z"), "three\n");
  assert.equal(since("2026-11-21T10:00:01.000Z"), "three\n");
  assert.equal(since("2026-11-21T10:00:01.001Z"), "");
  assert.equal(shown(lines, { sinceSeconds: 1 }, Date.parse("2026-11-21T10:00:01.2Z")), "two\nthree\n");
  assert.equal(shown("2026-11-21T11:00:00.3+01:00 stdout F zone\n", { sinceTime: Date.parse("2026-11-21T10:00:00.3Z") }), "zone\n");
});

test("further tags are read over, what is no line of a log is left out, an empty line stays", () => {
  assert.equal(shown("2026-11-21T10:00:00Z stdout F:x:y tagged\n2026-11-21T10:00:00Z stdout F \n"), "tagged\n\n");
  assert.equal(shown("\nnoise\n2026-11-21T10:00:00Z stdxxx F no\n2026-11-21T10:00:00Z stdout\n2026-11-21T10:00:00Z stdout F\nlast stdout F yes\n"), "yes\n");
});

test("a file is read in chunks, lines longer than one included, from the last lines on", async () => {
  const path = join(scratch, "long.log");
  const long = "x".repeat(600_000);
  writeFileSync(path, `2026-11-21T10:00:00Z stdout F first\n2026-11-21T10:00:00Z stdout F ${long}\n2026-11-21T10:00:00Z stdout F last`);
  const read = async (options: Partial<LogOptions>): Promise<string> => {
    const parts: Uint8Array[] = [];
    const source = { path, clock: systemClock, signal: new AbortController().signal, stillRunning: async () => false };
    for await (const part of readLog(source, { ...base, ...options })) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  assert.equal(await read({}), `first\n${long}\nlast\n`);
  assert.equal(await read({ tailLines: 2 }), `${long}\nlast\n`);
  assert.equal(await read({ tailLines: 0 }), "");
  assert.equal(await read({ limitBytes: 8 }), "first\nxx");
});

test("following goes on through a rotation until the container ends", async () => {
  const path = join(scratch, "follow.log");
  const line = (text: string): string => `2026-11-21T10:00:00Z stdout F ${text}\n`;
  writeFileSync(path, line("one"));
  let running = true;
  const source = { path, clock: systemClock, signal: new AbortController().signal, stillRunning: async () => running };
  let text = "";
  for await (const part of readLog(source, { ...base, follow: true, tailLines: 1 })) {
    text += Buffer.from(part).toString();
    if (text === "one\n") appendFileSync(path, line("two"));
    if (text === "one\ntwo\n") {
      renameSync(path, `${path}.1`);
      writeFileSync(path, line("three"));
      running = false;
    }
  }
  assert.equal(text, "one\ntwo\nthree\n");
});
