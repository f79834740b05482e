import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openCgroups } from "./cgroups.ts";

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
