import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { lmdbStore } from "./lmdb.ts";
import { type Store, StoreError, type StoreEvent } from "./store.ts";
import { collect, storeSuite } from "./suite.ts";

const root = mkdtempSync(join(tmpdir(), "store-"));
let count = 0;
const fresh = (): string => join(root, String(count++));
storeSuite("lmdb", (clock) => lmdbStore({ directory: fresh(), clock }));
after(() => rmSync(root, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const refuses = async (directory: string, sentence: RegExp): Promise<void> => {
  await assert.rejects(lmdbStore({ directory, clock: new VirtualClock() }), (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.match(error.message, sentence);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
};
async function filled(directory: string, clock = new VirtualClock()): Promise<Store> {
  const store = await lmdbStore({ directory, clock });
  await store.create("/a", bytes("a1"));
  await store.create("/b", bytes("b1"));
  await store.update("/a", bytes("a2"), 2);
  await store.delete("/b", 3);
  return store;
}

describe("lmdb files", () => {
  test("what was written is there after reopening, history and revision too", async () => {
    const directory = fresh();
    const first = await filled(directory);
    await first[Symbol.asyncDispose]();
    const store = await lmdbStore({ directory, clock: new VirtualClock() });
    assert.equal(await store.revision(), 5);
    assert.deepEqual(
      (await store.list("")).items.map((i) => [i.key, Buffer.from(i.value).toString(), i.revision, i.createRevision]),
      [["/a", "a2", 4, 2]],
    );
    assert.deepEqual(
      (await store.list("", { revision: 3 })).items.map((i) => Buffer.from(i.value).toString()),
      ["a1", "b1"],
    );
    assert.deepEqual(
      (await collect(store, "", 1, 4)).map((e: StoreEvent) => [e.revision, e.value && Buffer.from(e.value).toString()]),
      [
        [2, "a1"],
        [3, "b1"],
        [4, "a2"],
        [5, undefined],
      ],
    );
    await store[Symbol.asyncDispose]();
  });

  test("compaction survives reopening, and a deleted last write does not take the revision back", async () => {
    const directory = fresh();
    const first = await filled(directory);
    await first.compact(5);
    await first[Symbol.asyncDispose]();
    const store = await lmdbStore({ directory, clock: new VirtualClock() });
    assert.deepEqual([await store.revision(), await store.compactedRevision()], [5, 5]);
    assert.equal(await store.create("/c", bytes("c")), 6);
    assert.equal((await store.get("/a"))?.createRevision, 2);
    await store[Symbol.asyncDispose]();
  });

  test("times to live go on after reopening", async () => {
    const directory = fresh();
    const clock = new VirtualClock();
    const first = await lmdbStore({ directory, clock });
    await first.create("/ttl", bytes("x"), { ttlSeconds: 10 });
    await first[Symbol.asyncDispose]();
    await clock.advance(6_000);
    const store = await lmdbStore({ directory, clock });
    assert.ok(await store.get("/ttl"));
    const gone = collect(store, "/ttl", 2, 1);
    await clock.advance(4_000);
    assert.equal((await gone)[0]?.value, undefined);
    await store[Symbol.asyncDispose]();
  });

  test("more changes than are kept in memory are watched from the disk", async () => {
    const store = await lmdbStore({ directory: fresh(), clock: new VirtualClock() });
    let revision = await store.create("/a", bytes("0"));
    const others = Array.from({ length: 6_000 }, (_, i) => store.create(`/o/${i}`, bytes(String(i))));
    revision = await store.update("/a", bytes("1"), revision);
    await Promise.all(others);
    const events = await collect(store, "", 1, 6_002);
    assert.deepEqual(
      events.map((e) => e.revision),
      Array.from({ length: 6_002 }, (_, i) => i + 2),
    );
    assert.equal(Buffer.from(events.find((e) => e.revision === revision)?.value ?? []).toString(), "1");
    await store[Symbol.asyncDispose]();
  });

  test("files are for their owner alone", async () => {
    const directory = fresh();
    const store = await filled(directory);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, "store.mdb")).mode & 0o077, 0);
    await store[Symbol.asyncDispose]();
  });

  test("a store in use is not opened twice, one whose owner died is", async () => {
    const directory = fresh();
    const store = await filled(directory);
    await refuses(directory, new RegExp(`in use by process ${process.pid}$`));
    await store[Symbol.asyncDispose]();
    writeFileSync(join(directory, "owner"), "999999999 1\n");
    const again = await lmdbStore({ directory, clock: new VirtualClock() });
    assert.equal(await again.revision(), 5);
    await again[Symbol.asyncDispose]();
  });

  test("foreign, cut and damaged files are refused with one sentence and left alone", async () => {
    const foreign = fresh();
    mkdirSync(foreign);
    writeFileSync(join(foreign, "store.mdb"), "SQLite format 3\0".padEnd(8192, "x"));
    await refuses(foreign, /is not a store: it does not begin like an LMDB database/);

    const cut = fresh();
    const store = await filled(cut);
    await store[Symbol.asyncDispose]();
    const path = join(cut, "store.mdb");
    truncateSync(path, 4096 * 3);
    await refuses(cut, /is cut short: it has 12288 bytes of \d+; restore it from a backup/);
    truncateSync(path, 100);
    await refuses(cut, /does not begin like/);

    const directory = fresh();
    mkdirSync(join(directory, "store.mdb"), { recursive: true });
    await refuses(directory, /not a regular file/);
  });

  test("a file without its last pages is whole when they were given up, and cut when they hold anything", async () => {
    const missing = (path: string): number => {
      const file = readFileSync(path);
      const pages = Math.max(...[0, 4096].map((meta) => Number(file.readBigUInt64LE(meta + 24 + 120)) + 1));
      return pages * 4096 - file.length;
    };
    let seen = 0;
    for (let writes = 5; writes <= 80; writes += 5) {
      const directory = fresh();
      const path = join(directory, "store.mdb");
      const first = await lmdbStore({ directory, clock: new VirtualClock() });
      await first.create("/kept", Buffer.alloc(writes * 100, "k"));
      const revisions = await Promise.all(Array.from({ length: writes }, (_, i) => first.create(`/${i}`, Buffer.alloc(300))));
      await Promise.all(revisions.map((revision, i) => first.delete(`/${i}`, revision)));
      await first.compact(await first.revision());
      await first[Symbol.asyncDispose]();
      if (missing(path) <= 0) continue;
      seen++;
      const store = await lmdbStore({ directory, clock: new VirtualClock() });
      assert.equal(Buffer.from((await store.get("/kept"))?.value ?? []).toString(), "k".repeat(writes * 100));
      assert.equal(await store.revision(), 2 + 2 * writes);
      await store[Symbol.asyncDispose]();
      truncateSync(path, 4096 * 4);
      await refuses(directory, /is cut short: it has 16384 bytes of \d+; restore it from a backup/);
    }
    assert.ok(seen > 0, "no page was given up at the end of a file");
  });

  test("a database of another program is refused and not written to", async () => {
    const { open } = await import("lmdb");
    const directory = fresh();
    mkdirSync(directory);
    const path = join(directory, "store.mdb");
    const other = open({ path, noSubdir: true, overlappingSync: false });
    await other.put("hello", "world");
    await other.close();
    const before = readFileSync(path);
    await refuses(directory, /database of another program or version/);
    assert.ok(before.equals(readFileSync(path)));
  });
});
