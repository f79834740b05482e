import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { removeTree } from "./remove-tree.ts";

test("a tree goes with its links, and what they point to stays", async () => {
  const root = mkdtempSync(`${tmpdir()}/remove-`);
  mkdirSync(`${root}/tree/a/b`, { recursive: true });
  mkdirSync(`${root}/other`);
  writeFileSync(`${root}/other/file`, "kept");
  writeFileSync(`${root}/tree/a/file`, "");
  symlinkSync("../../other", `${root}/tree/a/link`);
  await removeTree(`${root}/tree`);
  assert.equal(existsSync(`${root}/tree`), false);
  assert.equal(existsSync(`${root}/other/file`), true);
  await removeTree(`${root}/tree`);
  rmSync(root, { recursive: true });
});
