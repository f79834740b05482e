import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { type ResourceDef, resourceOf } from "../api/schema/schema.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { memoryStore } from "../store/memory.ts";
import type { CacheEvent, EventBatch, ResourceCache } from "./cache.ts";
import { openCache } from "./watch-cache.ts";

const pods = resourceOf("", "v1", "pods") as ResourceDef;
const pod = (namespace: string, name: string): KubeObject => ({
  kind: "Pod",
  apiVersion: "v1",
  metadata: { name, namespace, uid: `uid-${name}` } as KubeObject["metadata"],
});
const brief = (event: CacheEvent): string => `${event.type} ${event.stored?.name}@${event.revision}`;

async function open(): Promise<{ pods: ResourceCache; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const cache = await openCache({ store: memoryStore({ clock }), clock, resources: [pods], index: () => ({}) });
  return { pods: cache.resource(pods), clock };
}

test("who watch the same are given the very same batches, each without what it was told before", async () => {
  const { pods: cache } = await open();
  const { signal } = new AbortController();
  const begin = (options: { namespace?: string; fromRevision: number }) => cache.watch({ ...options, signal })[Symbol.asyncIterator]();
  const next = async (watch: AsyncIterator<EventBatch>): Promise<EventBatch> => (await watch.next()).value;
  const [first, second, local, ahead] = [
    begin({ fromRevision: 1 }),
    begin({ fromRevision: 1 }),
    begin({ fromRevision: 1, namespace: "default" }),
    begin({ fromRevision: 3 }),
  ];
  const all = [first, second, local].map(next);
  const later = next(ahead);
  await settle();
  await Promise.all([cache.create(pod("default", "a")), cache.create(pod("default", "b"))]);
  // It begins where the changes are applied and nobody has been told yet.
  const late = begin({ fromRevision: 2 });
  assert.deepEqual((await next(late)).map(brief), ["ADDED b@3"]);
  const batches = await Promise.all(all);
  assert.deepEqual(
    batches.map((batch) => batch.map(brief)),
    Array.from({ length: 3 }, () => ["ADDED a@2", "ADDED b@3"]),
  );
  assert.equal(batches[0], batches[1]);
  const again = [first, second, late].map(next);
  await cache.create(pod("other", "c"));
  const [one, ...others] = await Promise.all([...again, later]);
  assert.deepEqual(one?.map(brief), ["ADDED c@4"]);
  for (const other of others) assert.equal(other, one);
});

test("a watch that is given up holds nothing, however far it has come", async () => {
  const { pods: cache } = await open();
  await cache.create(pod("default", "a"));
  const signal = new AbortController().signal;
  const added: unknown[] = [];
  signal.addEventListener = (_: string, listener: unknown) => void added.push(listener);
  signal.removeEventListener = (_: string, listener: unknown) => void added.splice(added.indexOf(listener), 1);
  const begin = (): AsyncIterator<EventBatch> => cache.watch({ fromRevision: 0, initial: true, signal })[Symbol.asyncIterator]();
  const never = begin();
  await never.return?.();
  assert.equal((await never.next()).done, true);
  const early = begin();
  await early.next();
  assert.equal(added.length, 1);
  await early.return?.();
  const waiting = begin();
  await waiting.next();
  await waiting.next();
  const pending = waiting.next();
  await waiting.return?.();
  assert.equal((await pending).done, true);
  const beginning = begin();
  const first = beginning.next();
  await Promise.all([first, beginning.return?.()]);
  assert.equal((await beginning.next()).done, true);
  assert.deepEqual(added, []);
});
