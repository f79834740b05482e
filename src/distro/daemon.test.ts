import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { identify, isAlive, type ProcessIdentity, signalProcess } from "../linux/process.ts";
import { UsageError } from "./commands/options.ts";
import { daemonPids, endProcesses, findDaemon, lastError, logFile, runDaemon, startDaemon, stopDaemon } from "./daemon.ts";
import { pathsOf } from "./paths.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-daemon-"));
after(() => rmSync(scratch, { recursive: true }));
const clock = systemClock;

async function until(condition: () => boolean): Promise<void> {
  const deadline = clock.monotonic() + 60_000;
  while (!condition()) {
    assert.ok(clock.monotonic() < deadline, "not in time");
    await clock.sleep(10);
  }
}

test("a daemon that refuses its configuration is not started again; its last words are found", async () => {
  const paths = pathsOf(join(scratch, "refuses"));
  // A server without certificates: it names what is missing and ends with the status of a wrong configuration.
  const daemon = startDaemon(paths, "server", ["server", `--data-dir=${paths.data}`]);
  assert.equal(findDaemon(paths, "server")?.supervisor.pid, daemon.supervisor.pid);
  await until(() => findDaemon(paths, "server") === undefined);
  assert.match(lastError(paths, "server"), /^k8ts: no certificates in .*pki: `k8ts up` makes them$/);
  assert.equal(readFileSync(logFile(paths, "server"), "utf8").match(/no certificates/g)?.length, 1);
  assert.equal(await stopDaemon(paths, "server", clock), true);
  assert.equal(await stopDaemon(paths, "server", clock), false);
});

test("a daemon that is killed is started again, until it is stopped", async () => {
  const paths = pathsOf(join(scratch, "again"));
  // `k8ts --help` would end with 0, and the loop with it; killed before that, it is started again.
  const daemon = startDaemon(paths, "server", ["--help"]);
  let first: ProcessIdentity | undefined;
  await until(() => {
    const [pid] = daemonPids(daemon);
    first = pid === undefined ? undefined : identify(pid);
    return first !== undefined && signalProcess(first, "SIGKILL");
  });
  await until(() => daemonPids(daemon).some((pid) => pid !== first?.pid) || findDaemon(paths, "server") === undefined);
  assert.ok(findDaemon(paths, "server"), "the loop ended with the killed process");
  await stopDaemon(paths, "server", clock);
  assert.equal(isAlive(daemon.supervisor), false);
  assert.equal(findDaemon(paths, "server"), undefined);
});

test("an error ends a daemon for good only when it has never served since it was started", async () => {
  const paths = pathsOf(join(scratch, "served"));
  const fails = (serveFirst: boolean): Promise<unknown> =>
    runDaemon(paths, "agent", async (started) => {
      if (serveFirst) started();
      throw new Error("no runtime");
    }).catch((error: unknown) => error);
  assert.equal((await fails(false)) instanceof UsageError, false);
  const later = (await fails(true)) as UsageError;
  assert.deepEqual([later.message, later.exitCode], ["no runtime", 1]);
  assert.equal(((await fails(false)) as UsageError).exitCode, 1);
});

test("a pid file whose number is another process's by now finds nothing and kills nobody", async () => {
  const paths = pathsOf(join(scratch, "reused"));
  mkdirSync(paths.run, { recursive: true });
  writeFileSync(join(paths.run, "server.json"), JSON.stringify({ pid: process.pid, started: "1" }));
  assert.equal(findDaemon(paths, "server"), undefined);
  assert.equal(await stopDaemon(paths, "server", clock), true);
});

test("processes that are gone need no waiting", async () => {
  await endProcesses([{ pid: 4_194_304, started: "1" }], clock);
});

test("the last error of a log is its last line about one, else its last line", () => {
  const paths = pathsOf(join(scratch, "log"));
  mkdirSync(paths.logs, { recursive: true });
  writeFileSync(logFile(paths, "agent"), "12:00 INFO a\n12:01 ERROR b\n12:02 INFO c\n");
  assert.equal(lastError(paths, "agent"), "12:01 ERROR b");
  writeFileSync(logFile(paths, "agent"), "12:00 INFO a\n12:02 INFO c\n");
  assert.equal(lastError(paths, "agent"), "12:02 INFO c");
  writeFileSync(logFile(paths, "agent"), "");
  assert.equal(lastError(paths, "agent"), "");
});
