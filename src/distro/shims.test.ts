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

test("sockets go that are old, of no task, and that nobody listens on", async () => {
  const living = join(root, "s", "living");
  await new Promise<void>((resolve) => servers.push(createServer().listen(living, resolve)));
  const [dead, fresh, held] = ["dead", "fresh", "held"].map((name) => deadSocket(join(root, "s", name))) as [string, string, string];
  mkdirSync(join(tasks(), "held"), { recursive: true });
  writeFileSync(join(tasks(), "held", "address"), `unix://${held}`);
  for (const socket of [living, dead, held]) old(socket);
  const swept = shims();
  await swept.sweepSockets();
  await swept.sweepSockets();
  assert.deepEqual(
    [living, dead, fresh, held].map((socket) => existsSync(socket)),
    [true, false, true, true],
  );
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
    for (const task of ["lost", "kept", "young", "starting"]) mkdirSync(join(tasks(), task), { recursive: true });
    for (const task of ["lost", "kept", "young"]) old(join(tasks(), task));
    const ended = new Promise((resolve) => lost.once("exit", (_, signal) => resolve(signal)));
    shims().endForgotten(identify(containerd.pid as number) as ProcessIdentity, new Set(["kept"]));
    assert.equal(await ended, "SIGKILL");
    assert.deepEqual(
      others.map(({ exitCode, signalCode }) => exitCode ?? signalCode),
      [null, null, null],
    );
    assert.deepEqual(readdirSync(tasks()).sort(), ["kept", "starting", "young"]);
  } finally {
    for (const child of [...others, containerd]) for (const pid of withDescendants([child.pid as number])) process.kill(pid, "SIGKILL");
  }
});

/** What a killed process leaves: the file, with nobody behind it. */
function deadSocket(path: string): string {
  spawnSync(process.execPath, ["-e", `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`]);
  return path;
}
