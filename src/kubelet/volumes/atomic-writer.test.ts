import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { writeAtomically } from "./atomic-writer.ts";

const options = { clock: new VirtualClock(), random: seededRandom(1) };
const payload = (files: Record<string, string>, mode = 0o640): Map<string, { data: Buffer; mode: number }> =>
  new Map(Object.entries(files).map(([path, data]) => [path, { data: Buffer.from(data), mode }]));

test("files appear through ..data, are exchanged together and vanish when they are no longer wanted", async () => {
  const directory = await mkdtemp(`${tmpdir()}/atomic-`);
  try {
    assert.equal(await writeAtomically(directory, payload({ a: "1", "d/b": "2" }), options), true);
    const first = await readlink(`${directory}/..data`);
    assert.equal(await readFile(`${directory}/d/b`, "utf8"), "2");
    assert.equal((await stat(`${directory}/a`)).mode & 0o777, 0o640);
    assert.equal(await writeAtomically(directory, payload({ a: "1", "d/b": "2" }), options), false);
    assert.equal(await readlink(`${directory}/..data`), first);
    assert.equal(await writeAtomically(directory, payload({ a: "new" }), options), true);
    assert.equal(await readFile(`${directory}/a`, "utf8"), "new");
    const names = (await readdir(directory)).sort();
    assert.equal(names.length, 3);
    assert.deepEqual(names.slice(1), ["..data", "a"]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a path that leads out is refused and nothing changes", async () => {
  const directory = await mkdtemp(`${tmpdir()}/atomic-`);
  try {
    await assert.rejects(writeAtomically(directory, payload({ "../x": "1" }), options), /must not contain/);
    assert.deepEqual(await readdir(directory), []);
  } finally {
    await rm(directory, { recursive: true });
  }
});
