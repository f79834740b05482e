import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { isAlive } from "../linux/process.ts";
import { runningContainerd } from "./containerd.ts";

test("a containerd is found by its configuration, though nobody wrote down which process it is", async () => {
  const file = `/nowhere/${process.pid}/config.toml`;
  const start = (argv0: string, config: string) => spawn("sh", ["-c", "sleep 100; :", "--config", config], { argv0, stdio: "ignore", detached: true });
  const [other, editor, ours] = [start("/usr/bin/containerd", "/nowhere/else"), start("vi", file), start("/usr/bin/containerd", file)];
  const found = runningContainerd(file);
  assert.equal(found?.pid, ours.pid);
  assert.ok(found && isAlive(found));
  for (const { pid } of [other, editor, ours]) process.kill(-(pid as number), "SIGKILL");
});
