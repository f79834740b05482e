import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openCgroups } from "./cgroups.ts";

const privileged = process.getuid?.() === 0 && existsSync("/sys/fs/cgroup/pids/cgroup.procs");

test("what still runs in a group is ended before the group goes", { skip: !privileged && "groups need root and cgroup v1" }, async () => {
  const cgroups = openCgroups();
  const path = `/k8ts-test-${process.pid}`;
  cgroups.create(path, {});
  const child = spawn("sleep", ["100"]);
  const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  try {
    writeFileSync(`/sys/fs/cgroup/pids${path}/cgroup.procs`, String(child.pid));
    assert.equal(cgroups.remove(path), false);
    assert.equal(await ended, "SIGKILL");
  } finally {
    child.kill("SIGKILL");
    assert.equal(cgroups.remove(path), true);
  }
});

test("a group of a hybrid is removed from every hierarchy, the unified one too", () => {
  const root = mkdtempSync(join(tmpdir(), "cgroups-"));
  try {
    const hierarchies = ["memory", "cpu", "systemd", "unified"];
    for (const name of hierarchies) {
      mkdirSync(join(root, name, "kubepods/pod1/container"), { recursive: true });
      writeFileSync(join(root, name, "cgroup.procs"), "");
    }
    assert.equal(openCgroups(root).remove("/kubepods/pod1"), true);
    assert.deepEqual(
      hierarchies.filter((name) => existsSync(join(root, name, "kubepods/pod1"))),
      [],
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});
