import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { containerForLogs, type LogOptions, readLogs } from "./logs.ts";

const line = (second: number, text: string, stream = "stdout", tag = "F"): string => `2026-01-01T00:00:0${second}.000000000Z ${stream} ${tag} ${text}\n`;
const content = line(1, "one") + line(2, "two", "stderr") + line(3, "th", "stdout", "P") + line(4, "ree");

async function collect(path: string, options: LogOptions): Promise<string> {
  let text = "";
  for await (const bytes of readLogs({ path, running: async () => false, clock: systemClock }, options)) text += bytes.toString();
  return text;
}
async function inDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/logs-`);
  try {
    writeFileSync(`${directory}/0.log`, content);
    await work(`${directory}/0.log`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("logs are cut as asked", () =>
  inDirectory(async (path) => {
    assert.equal(await collect(path, {}), "one\ntwo\nthree\n");
    assert.equal(await collect(path, { tailLines: 2 }), "three\n");
    assert.equal(await collect(path, { tailLines: 0 }), "");
    assert.equal(await collect(path, { tailLines: 99 }), "one\ntwo\nthree\n");
    assert.equal(await collect(path, { since: Date.parse("2026-01-01T00:00:02Z") }), "two\nthree\n");
    assert.equal(await collect(path, { limitBytes: 5 }), "one\nt");
    assert.equal(await collect(path, { stream: "Stderr" }), "two\n");
    assert.equal(await collect(path, { timestamps: true, tailLines: 2 }), "2026-01-01T00:00:03.000000000Z three\n");
  }));

test("the last lines are as many as asked for, whatever is written while they are read", () =>
  inDirectory(async (path) => {
    // Asked between the search for the first line and the reading.
    const signal = { throwIfAborted: () => appendFileSync(path, line(5, "five")) } as AbortSignal;
    assert.equal(await collect(path, { tailLines: 1, signal }), "ree\n");
  }));

test("following goes on with new lines and over a rotation until the container ends", () =>
  inDirectory(async (path) => {
    let alive = true;
    const logs = readLogs({ path, running: async () => alive, clock: systemClock }, { follow: true });
    assert.equal((await logs.next()).value?.toString(), "one\ntwo\nthree\n");
    appendFileSync(path, line(5, "five"));
    assert.equal((await logs.next()).value?.toString(), "five\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, line(6, "six"));
    assert.equal((await logs.next()).value?.toString(), "six\n");
    alive = false;
    appendFileSync(path, line(7, "last"));
    assert.equal((await logs.next()).value?.toString(), "last\n");
    assert.equal((await logs.next()).done, true);
  }));

test("the right container is chosen, or it is said why there is none", () => {
  const status = (state: object, lastState: object = {}): never =>
    ({ containerStatuses: [{ name: "c", state, lastState, containerID: "containerd://now" }] }) as never;
  assert.equal(containerForLogs("p", status({ running: {} }), "c", false), "now");
  assert.equal(containerForLogs("p", status({ waiting: {} }, { terminated: { containerID: "containerd://before" } }), "c", false), "before");
  assert.throws(() => containerForLogs("p", status({ running: {} }), "c", true), { message: 'previous terminated container "c" in pod "p" not found' });
  assert.throws(() => containerForLogs("p", status({ waiting: { reason: "ErrImagePull" } }), "c", false), {
    message: 'container "c" in pod "p" is waiting to start: image can\'t be pulled',
  });
  assert.throws(() => containerForLogs("p", {}, "x", false), { message: 'container "x" in pod "p" is not available' });
});
