import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Journal } from "./journal.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-journal-"));
after(() => rmSync(scratch, { recursive: true }));

test("what was written down is there for the next process, at once", () => {
  const file = join(scratch, "new", "machine.json");
  const first = new Journal(file);
  first.add("links", "k8ts0");
  first.sysctl("net.ipv4.ip_forward", "0");
  const second = new Journal(file);
  assert.deepEqual(second.record, first.record);
  assert.deepEqual(second.record.links, ["k8ts0"]);
});

test("the first value of a sysctl stays: later ones are our own", () => {
  const file = join(scratch, "sysctl.json");
  const journal = new Journal(file);
  journal.sysctl("net.ipv4.ip_forward", "0");
  journal.sysctl("net.ipv4.ip_forward", "1");
  assert.equal(new Journal(file).record.sysctls["net.ipv4.ip_forward"], "0");
});

test("a thing is noted once", () => {
  const journal = new Journal(join(scratch, "once.json"));
  for (let n = 0; n < 3; n++) journal.add("cgroups", "/sys/fs/cgroup/cpu/k8ts");
  assert.deepEqual(journal.record.cgroups, ["/sys/fs/cgroup/cpu/k8ts"]);
});

test("a journal of an older version has empty lists for what it did not know", () => {
  const file = join(scratch, "old.json");
  writeFileSync(file, JSON.stringify({ links: ["k8ts0"] }));
  assert.deepEqual(new Journal(file).record, { sysctls: {}, paths: [], links: ["k8ts0"], nftTables: [], cgroups: [], packages: [] });
});

test("a damaged journal is named, and stays as it is", () => {
  const file = join(scratch, "damaged.json");
  for (const text of ['{"links": ["k8', "", "[]", "null"]) {
    writeFileSync(file, text);
    assert.throws(() => new Journal(file), new RegExp(`${file.replaceAll(".", "\\.")} is damaged`));
    assert.equal(readFileSync(file, "utf8"), text);
  }
});
