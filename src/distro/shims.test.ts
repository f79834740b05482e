import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { identify, type ProcessIdentity, withDescendants } from "../linux/process.ts";
import { Shims } from "./shims.ts";

let root: string;
let servers: Server[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "shims-"));
  servers = [];
  mkdirSync(join(root, "s"));
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(root, { recursive: true });
});

const tasks = (): string => join(root, "state/io.containerd.runtime.v2.task/k8s.io");
const shims = (): Shims => new Shims({ state: join(root, "state"), directory: join(root, "s"), containerd: join(root, "containerd.sock"), clock: systemClock });
const old = (file: string): void => utimesSync(file, 1, 1);

test("the socket of a shim goes when its task has gone, those of others stay", () => {
  const swept = shims();
  for (const name of ["a", "b"]) {
    mkdirSync(join(tasks(), name), { recursive: true });
    writeFileSync(join(tasks(), name, "address"), `unix://${join(root, "s", name)}`);
    writeFileSync(join(root, "s", name), "");
  }
  writeFileSync(join(root, "s", "foreign"), "");
  swept.sweep();
  rmSync(join(tasks(), "a"), { recursive: true });
  swept.sweep();
  assert.deepEqual(readdirSync(join(root, "s")).sort(), ["b", "foreign"]);
});

test("of forgotten sockets only old ones that nobody listens on go", async () => {
  const living = join(root, "s", "living");
  await new Promise<void>((resolve) => servers.push(createServer().listen(living, resolve)));
  const dead = deadSocket(join(root, "s", "dead"));
  const fresh = deadSocket(join(root, "s", "fresh"));
  old(living);
  old(dead);
  await shims().sweepForgotten({ pid: 0, started: "0" }, new Set());
  assert.deepEqual([existsSync(living), existsSync(dead), existsSync(fresh)], [true, false, true]);
});

test("a shim of an earlier containerd that the present one does not know is ended with what it has started, others are not", async () => {
  const shim = (id: string, containerd: string): ChildProcess =>
    spawn("sh", ["-c", "sleep 100 & wait", "-namespace", "k8s.io", "-id", id, "-address", containerd], { argv0: "containerd-shim-runc-v2" });
  const ours = join(root, "containerd.sock");
  const [lost, kept, foreign] = [shim("lost", ours), shim("kept", ours), shim("lost", "/run/other.sock")];
  // Start times are counted in hundredths of a second.
  await new Promise((resolve) => systemClock.after(50, () => resolve(undefined)));
  const containerd = spawn("sleep", ["100"]);
  await new Promise((resolve) => systemClock.after(50, () => resolve(undefined)));
  const young = shim("young", ours);
  const others = [kept, foreign, young];
  try {
    mkdirSync(join(tasks(), "lost"), { recursive: true });
    const ended = new Promise((resolve) => lost.once("exit", (_, signal) => resolve(signal)));
    await shims().sweepForgotten(identify(containerd.pid as number) as ProcessIdentity, new Set(["kept"]));
    assert.equal(await ended, "SIGKILL");
    assert.deepEqual(
      others.map(({ exitCode, signalCode }) => exitCode ?? signalCode),
      [null, null, null],
    );
    assert.equal(existsSync(join(tasks(), "lost")), false);
  } finally {
    for (const child of [...others, containerd]) for (const pid of withDescendants([child.pid as number])) process.kill(pid, "SIGKILL");
  }
});

/** What a killed process leaves: the file, with nobody behind it. */
function deadSocket(path: string): string {
  spawnSync(process.execPath, ["-e", `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`]);
  return path;
}
