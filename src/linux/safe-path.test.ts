import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { makeDirectoriesBelow, UnsafePath, withSafePath } from "./safe-path.ts";

function inTree(work: (root: string) => void): void {
  const root = mkdtempSync(`${tmpdir()}/safe-`);
  try {
    mkdirSync(`${root}/volume/d`, { recursive: true });
    mkdirSync(`${root}/outside`);
    writeFileSync(`${root}/volume/d/f`, "inside");
    writeFileSync(`${root}/outside/f`, "secret");
    symlinkSync("d", `${root}/volume/in`);
    symlinkSync("../outside", `${root}/volume/out`);
    symlinkSync("/etc", `${root}/volume/abs`);
    work(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("links inside of the tree are followed, those that lead out are not", () =>
  inTree((root) => {
    const volume = `${root}/volume`;
    assert.equal(
      withSafePath(volume, "in/f", (path) => readFileSync(path, "utf8")),
      "inside",
    );
    for (const path of ["out/f", "out", "abs", "../outside/f", "/etc"]) assert.throws(() => withSafePath(volume, path, () => {}), UnsafePath, path);
  }));

test("directories are made with their mode, never through a link that leads out", () =>
  inTree((root) => {
    const volume = `${root}/volume`;
    makeDirectoriesBelow(volume, "in/x/y", 0o777);
    assert.equal(statSync(`${volume}/d/x/y`).mode & 0o777, 0o777);
    assert.throws(() => makeDirectoriesBelow(volume, "out/x", 0o777), UnsafePath);
    assert.throws(() => statSync(`${root}/outside/x`), { code: "ENOENT" });
  }));
