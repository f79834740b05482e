/** What every driver must do: the contract of store.ts as tests. A driver's test file calls storeSuite once. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { settle, VirtualClock } from "../base/clock.ts";
import { seededRandom } from "../base/random.ts";
import { checkAgainstModel } from "./model.ts";
import { CompactedError, ExistsError, FutureRevisionError, RevisionMismatchError, type Store, StoreError, type StoreEvent } from "./store.ts";

/** Opens an empty store; times to live follow the clock. */
export type OpenStore = (clock: VirtualClock) => Promise<Store>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();
const brief = (event: StoreEvent): string => `${event.revision} ${event.key} ${text(event.value) ?? "-"}`;

/** Collects events until `count` have come. */
export async function collect(store: Store, prefix: string, fromRevision: number, count: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  const stop = new AbortController();
  for await (const batch of store.watch(prefix, { fromRevision, signal: stop.signal })) {
    events.push(...batch);
    if (events.length >= count) stop.abort();
  }
  return events;
}

export function storeSuite(name: string, open: OpenStore): void {
  const opened: Store[] = [];
  after(async () => {
    for (const store of opened) await store[Symbol.asyncDispose]();
  });
  const fresh = async (clock = new VirtualClock()): Promise<Store> => {
    const store = await open(clock);
    opened.push(store);
    return store;
  };

  describe(name, () => {
    test("a store that never saw a write is at revision 1 and empty", async () => {
      const store = await fresh();
      assert.equal(await store.revision(), 1);
      assert.equal(await store.compactedRevision(), 0);
      assert.equal(await store.get("/a"), undefined);
      assert.deepEqual(await store.list(""), { items: [], revision: 1, remaining: 0 });
    });

    test("each write takes exactly one revision", async () => {
      const store = await fresh();
      assert.equal(await store.create("/a", bytes("1")), 2);
      assert.equal(await store.update("/a", bytes("2"), 2), 3);
      const got = await store.get("/a");
      assert.deepEqual({ ...got, value: text(got?.value) }, { key: "/a", value: "2", revision: 3, createRevision: 2 });
      assert.equal(await store.delete("/a", 3), 4);
      assert.equal(await store.get("/a"), undefined);
      assert.equal(await store.create("/a", bytes("3")), 5);
      assert.equal((await store.get("/a"))?.createRevision, 5);
      assert.equal(await store.revision(), 5);
    });

    test("an empty value is a value, and a long key a key", async () => {
      const store = await fresh();
      const key = `/long/${"x".repeat(3000)}`;
      await store.create("/empty", new Uint8Array());
      await store.create(key, bytes("v"));
      assert.equal((await store.get("/empty"))?.value.length, 0);
      assert.equal(text((await store.get(key))?.value), "v");
      assert.deepEqual(
        (await collect(store, "/", 1, 2)).map((e) => e.value?.length),
        [0, 1],
      );
    });

    test("creating what exists is refused and costs no revision", async () => {
      const store = await fresh();
      await store.create("/a", bytes("1"));
      await assert.rejects(store.create("/a", bytes("2")), (error) => error instanceof ExistsError && error.key === "/a");
      assert.equal(await store.revision(), 2);
    });

    test("a wrong expectation is refused with what is there", async () => {
      const store = await fresh();
      await store.create("/a", bytes("1"));
      await store.update("/a", bytes("2"), 2);
      for (const write of [() => store.update("/a", bytes("3"), 2), () => store.delete("/a", 2)])
        await assert.rejects(write(), (error) => {
          assert.ok(error instanceof RevisionMismatchError);
          assert.deepEqual([error.expected, error.current?.revision, error.current?.createRevision, text(error.current?.value)], [2, 3, 2, "2"]);
          return true;
        });
      await assert.rejects(store.update("/none", bytes("x"), 1), (error) => error instanceof RevisionMismatchError && error.current === undefined);
      await assert.rejects(store.delete("/none", 1), RevisionMismatchError);
      assert.equal(await store.revision(), 3);
    });

    test("of writers that race for one key exactly one wins", async () => {
      const store = await fresh();
      const created = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.create("/a", bytes(String(i)))));
      assert.equal(created.filter((r) => r.status === "fulfilled").length, 1);
      const updated = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.update("/a", bytes(`u${i}`), 2)));
      const losers = updated.filter((r) => r.status === "rejected");
      assert.equal(losers.length, 19);
      const now = await store.get("/a");
      for (const { reason } of losers)
        assert.deepEqual([reason.name, reason.current?.revision, text(reason.current?.value)], ["RevisionMismatchError", 3, text(now?.value)]);
      assert.equal(await store.revision(), 3);
    });

    test("lists are in bytewise order, whatever the order of the writes", async () => {
      const store = await fresh();
      const keys = ["/p/b", "/p/a-b/x", "/p/a/x", "/q/z", "/p/a", "/p/\u{1f600}", "/p/\uffee", "/p/é"];
      for (const key of keys) await store.create(key, bytes(key));
      const listed = await store.list("/p/");
      const expected = keys.filter((k) => k.startsWith("/p/")).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(
        listed.items.map((i) => i.key),
        expected,
      );
      assert.deepEqual(
        listed.items.map((i) => text(i.value)),
        expected,
      );
      assert.deepEqual(
        (await store.list("/p/a/")).items.map((i) => i.key),
        ["/p/a/x"],
      );
    });

    test("limit cuts, after continues, remaining counts", async () => {
      const store = await fresh();
      for (let i = 0; i < 10; i++) await store.create(`/p/${i}`, bytes(String(i)));
      await store.create("/q", bytes("q"));
      const first = await store.list("/p/", { limit: 4 });
      assert.deepEqual([first.items.map((i) => i.key), first.remaining, first.revision], [["/p/0", "/p/1", "/p/2", "/p/3"], 6, 12]);
      const second = await store.list("/p/", { limit: 4, after: "/p/3" });
      assert.deepEqual([second.items.map((i) => i.key), second.remaining], [["/p/4", "/p/5", "/p/6", "/p/7"], 2]);
      const third = await store.list("/p/", { limit: 4, after: "/p/7" });
      assert.deepEqual([third.items.map((i) => i.key), third.remaining], [["/p/8", "/p/9"], 0]);
      assert.deepEqual((await store.list("/p/", { limit: 10 })).remaining, 0);
      assert.deepEqual((await store.list("/p/", { after: "/p/99" })).items, []);
    });

    test("a list at a revision shows what was, page by page", async () => {
      const store = await fresh();
      for (const key of ["a", "b", "c", "d"]) await store.create(`/p/${key}`, bytes(`${key}1`));
      await store.delete("/p/b", 3);
      await store.update("/p/c", bytes("c2"), 4);
      await store.create("/p/aa", bytes("aa"));
      await store.create("/p/b", bytes("b2"));
      const then = await store.list("/p/", { revision: 5 });
      assert.deepEqual([then.items.map((i) => text(i.value)), then.revision, then.remaining], [["a1", "b1", "c1", "d1"], 5, 0]);
      assert.deepEqual(
        then.items.map((i) => [i.revision, i.createRevision]),
        [
          [2, 2],
          [3, 3],
          [4, 4],
          [5, 5],
        ],
      );
      const page = await store.list("/p/", { revision: 5, limit: 2 });
      assert.deepEqual([page.items.map((i) => text(i.value)), page.remaining], [["a1", "b1"], 2]);
      const rest = await store.list("/p/", { revision: 5, limit: 2, after: "/p/b" });
      assert.deepEqual([rest.items.map((i) => text(i.value)), rest.remaining], [["c1", "d1"], 0]);
      assert.deepEqual(
        (await store.list("/p/", { revision: 6 })).items.map((i) => text(i.value)),
        ["a1", "c1", "d1"],
      );
      assert.deepEqual((await store.list("/p/", { revision: 1 })).items, []);
    });

    test("pages of one revision agree while writes go on between them", async () => {
      const store = await fresh();
      const random = seededRandom(5);
      for (let i = 0; i < 40; i++) await store.create(`/p/${String(i).padStart(2, "0")}`, bytes(`${i}`));
      const revision = await store.revision();
      const whole = (await store.list("/p/")).items.map((i) => `${i.key} ${text(i.value)}`);
      for (let round = 0; round < 5; round++) {
        const seen: string[] = [];
        for (let after: string | undefined, remaining = 1; remaining > 0; ) {
          const page = await store.list("/p/", { revision, limit: 7, after });
          seen.push(...page.items.map((i) => `${i.key} ${text(i.value)}`));
          ({ remaining } = page);
          assert.equal(remaining, whole.length - seen.length);
          after = page.items.at(-1)?.key;
          const key = `/p/${String(random.int(60)).padStart(2, "0")}`;
          const now = await store.get(key);
          if (!now) await store.create(key, bytes("new"));
          else if (random.int(2) === 0) await store.delete(key, now.revision);
          else await store.update(key, bytes("changed"), now.revision);
        }
        assert.deepEqual(seen, whole);
      }
    });

    test("the future is refused", async () => {
      const store = await fresh();
      await store.create("/a", bytes("1"));
      await assert.rejects(store.list("/", { revision: 3 }), (error) => error instanceof FutureRevisionError && error.asked === 3 && error.current === 2);
      await assert.rejects(store.compact(3), FutureRevisionError);
    });

    test("a watch tells the past and then the present, each change once, with what was before", async () => {
      const store = await fresh();
      await store.create("/p/a", bytes("1"));
      await store.create("/q/a", bytes("other"));
      await store.update("/p/a", bytes("2"), 2);
      const events = collect(store, "/p/", 1, 5);
      await settle();
      await store.delete("/p/a", 4);
      await store.create("/q/b", bytes("other"));
      await store.create("/p/a", bytes("3"));
      await store.update("/p/a", bytes("4"), 7);
      assert.deepEqual((await events).map(brief), ["2 /p/a 1", "4 /p/a 2", "5 /p/a -", "7 /p/a 3", "8 /p/a 4"]);
      assert.deepEqual((await collect(store, "/p/", 4, 1)).map((e) => e.revision).slice(0, 1), [5]);
    });

    test("a watch from the future waits for it", async () => {
      const store = await fresh();
      const events = collect(store, "/", 3, 1);
      for (const key of ["/a", "/b", "/c"]) await store.create(key, bytes("x"));
      assert.deepEqual(
        (await events).map((e) => e.revision),
        [4],
      );
    });

    test("no change is seen by a watch before its write has settled", async () => {
      const store = await fresh();
      const order: string[] = [];
      const stop = new AbortController();
      const watching = (async () => {
        for await (const batch of store.watch("/", { fromRevision: 1, signal: stop.signal })) {
          order.push(...batch.map((e) => `event ${e.revision}`));
          if (batch.at(-1)?.revision === 21) stop.abort();
        }
      })();
      await Promise.all(Array.from({ length: 20 }, (_, i) => store.create(`/${i}`, bytes("x")).then((revision) => order.push(`settled ${revision}`))));
      await watching;
      for (let revision = 2; revision <= 21; revision++) {
        const settled = order.indexOf(`settled ${revision}`);
        assert.ok(settled >= 0 && settled < order.indexOf(`event ${revision}`), order.join());
      }
    });

    test("a watch ends quietly with its signal, also one that waits", async () => {
      const store = await fresh();
      const stop = new AbortController();
      const ended = (async () => {
        for await (const _ of store.watch("/", { fromRevision: 1, signal: stop.signal })) assert.fail("nothing was written");
      })();
      await settle();
      stop.abort();
      await ended;
      for await (const _ of store.watch("/", { fromRevision: 1, signal: AbortSignal.abort() })) assert.fail("it was aborted before");
    });

    test("compaction forgets the past and keeps what lives", async () => {
      const store = await fresh();
      await store.create("/a", bytes("a1"));
      await store.create("/b", bytes("b1"));
      await store.update("/a", bytes("a2"), 2);
      await store.delete("/b", 3);
      await store.update("/a", bytes("a3"), 4);
      await store.compact(5);
      assert.equal(await store.compactedRevision(), 5);
      assert.equal(await store.revision(), 6);
      await assert.rejects(store.list("/", { revision: 4 }), (error) => error instanceof CompactedError && error.compacted === 5);
      assert.deepEqual(
        (await store.list("/", { revision: 5 })).items.map((i) => [i.key, text(i.value), i.createRevision]),
        [["/a", "a2", 2]],
      );
      assert.deepEqual(
        (await store.list("/")).items.map((i) => text(i.value)),
        ["a3"],
      );
      await assert.rejects(collect(store, "/", 4, 1), (error) => error instanceof CompactedError && error.compacted === 5);
      assert.deepEqual((await collect(store, "/", 5, 1)).map(brief), ["6 /a a3"]);
      await store.compact(3);
      assert.equal(await store.compactedRevision(), 5);
      await store.compact(6);
      assert.deepEqual(
        (await store.list("/")).items.map((i) => text(i.value)),
        ["a3"],
      );
      assert.equal(await store.create("/b", bytes("b2")), 7);
    });

    test("a watch that compaction overtakes is told so", async () => {
      const store = await fresh();
      const watch = store.watch("/", { fromRevision: 1, signal: AbortSignal.timeout(5_000) })[Symbol.asyncIterator]();
      await store.create("/a", bytes("1"));
      assert.equal((await watch.next()).value?.length, 1);
      await store.update("/a", bytes("2"), 2);
      await store.update("/a", bytes("3"), 3);
      await store.compact(4);
      await assert.rejects(watch.next(), CompactedError);
    });

    test("a key with a time to live is deleted after it, as any delete", async () => {
      const clock = new VirtualClock();
      const store = await fresh(clock);
      await store.create("/ttl", bytes("x"), { ttlSeconds: 10 });
      await store.create("/kept", bytes("x"), { ttlSeconds: 10 });
      await store.update("/kept", bytes("y"), 3);
      await store.create("/longer", bytes("x"), { ttlSeconds: 10 });
      await store.update("/longer", bytes("y"), 5, { ttlSeconds: 60 });
      await clock.advance(9_999);
      assert.ok(await store.get("/ttl"));
      const events = collect(store, "/", 6, 1);
      await clock.advance(1);
      assert.deepEqual((await events).map(brief), ["7 /ttl -"]);
      assert.equal(await store.get("/ttl"), undefined);
      assert.ok((await store.get("/kept")) && (await store.get("/longer")));
      const later = collect(store, "/", 7, 1);
      await clock.advance(50_000);
      assert.deepEqual(
        (await later).map((e) => e.key),
        ["/longer"],
      );
      assert.ok(await store.get("/kept"));
    });

    test("a closed store refuses everything and ends its watches", async () => {
      const store = await fresh();
      const watching = collect(store, "/", 1, 1);
      await settle();
      await store[Symbol.asyncDispose]();
      await assert.rejects(watching, StoreError);
      for (const call of [() => store.get("/a"), () => store.list("/"), () => store.create("/a", bytes("1")), () => store.revision(), () => store.compact(1)])
        await assert.rejects(call(), StoreError);
      await store[Symbol.asyncDispose]();
    });

    test("random histories of concurrent writers agree with the model", async () => {
      for (let seed = 1; seed <= 12; seed++) {
        const store = await fresh();
        await checkAgainstModel(store, seededRandom(seed), { writers: 8, steps: 60, keys: 12 });
      }
    });
  });
}
