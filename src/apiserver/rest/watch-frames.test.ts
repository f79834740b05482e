import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { settle } from "../../base/clock.ts";
import { CompactedError } from "../../store/store.ts";
import { type Answer, admin, TestServer } from "../assembled.fixture.ts";
import type { Call } from "./call.ts";
import { WatchFrames } from "./watch-frames.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const configmaps = "/api/v1/namespaces/default/configmaps";
const create = (name: string, text = ""): Promise<Answer> => server.answer("POST", configmaps, { metadata: { name }, data: { text } });

/** The chunks of a watch from now on. */
async function watching(options: { query?: string; accept?: string; signal?: AbortSignal } = {}): Promise<AsyncIterator<Uint8Array, undefined>> {
  const { query = "", ...rest } = options;
  const { metadata } = await server.answer("GET", configmaps);
  const { body } = await server.send("GET", `${configmaps}?watch=1&resourceVersion=${metadata.resourceVersion}${query}`, rest);
  const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  return chunks as AsyncIterator<Uint8Array, undefined>;
}
const namesIn = (chunk: Uint8Array | undefined): string[] =>
  [
    ...Buffer.from(chunk as Uint8Array)
      .toString()
      .matchAll(/"name":"([^"]*)"/g),
  ].map(([, name]) => name as string);

test("who watch the same in the same form are sent the very same bytes, others bytes of their own", async () => {
  const watches = await Promise.all([
    watching(),
    watching(),
    watching({ accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" }),
    watching({ query: "&labelSelector=!x" }),
    watching({ accept: "application/json;as=Table;g=meta.k8s.io;v=v1" }),
    watching({ accept: "application/json;as=Table;g=meta.k8s.io;v=v1" }),
  ]);
  const next = watches.map((watch) => watch.next());
  await settle();
  await Promise.all([create("a"), create("b")]);
  const [plain, same, partial, selected, table, other] = (await Promise.all(next)).map((step) => step.value);
  assert.deepEqual(namesIn(plain), ["a", "b"]);
  assert.equal(same, plain);
  assert.deepEqual(selected, plain);
  assert.match(Buffer.from(partial as Uint8Array).toString(), /"kind":"PartialObjectMetadata"/);
  assert.deepEqual(other, table);
  assert.notEqual(other, table, "ages change");
  for (const watch of watches) await watch.return?.();
});

test("a batch leaves in chunks that a slow client can take one after the other", async () => {
  const watch = await watching();
  await Promise.all(["c", "d", "e"].map((name) => create(name, "x".repeat(100_000))));
  assert.deepEqual(namesIn((await watch.next()).value), ["c", "d"]);
  assert.deepEqual(namesIn((await watch.next()).value), ["e"]);
  await watch.return?.();
});

test("each event of a watch over a WebSocket is a message", async () => {
  const { metadata } = await server.answer("GET", configmaps);
  const query = new URLSearchParams({ watch: "1", resourceVersion: metadata.resourceVersion as string });
  const request = { method: "GET", path: configmaps, query, headers: {}, user: admin, remoteAddress: "127.0.0.1", messages: true };
  const { status, body } = await server.api.server.handler({ ...request, signal: new AbortController().signal });
  assert.equal(status, 101);
  await Promise.all([create("f"), create("g")]);
  const messages = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  assert.deepEqual([namesIn((await messages.next()).value), namesIn((await messages.next()).value)], [["f"], ["g"]]);
  await messages.return?.();
});

test("a watch ends when its request does, or when it is given up", async () => {
  const stop = new AbortController();
  const [aborted, left] = await Promise.all([watching({ signal: stop.signal }), watching()]);
  const waiting = [aborted.next(), left.next()];
  await settle();
  stop.abort();
  await left.return?.();
  assert.deepEqual(await Promise.all(waiting), Array(2).fill({ done: true, value: undefined }));
  assert.equal((await left.next()).done, true);
});

test("a watch that cannot go on says why, and is over", async () => {
  const { clock, api } = server;
  const rest = { ...api.server.rest, clock };
  const endpoint = api.server.endpoint("", "v1", "configmaps");
  const call = { rest, endpoint, form: { media: "json" }, request: { query: new URLSearchParams("resourceVersion=3") } } as unknown as Call;
  const source = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new CompactedError(7)) }),
  };
  let ends = 0;
  const frames = new WatchFrames(call, source, false, () => ends++);
  const { object, type } = JSON.parse(Buffer.from((await frames.next()).value as Uint8Array).toString());
  assert.deepEqual([type, object.code, object.message], ["ERROR", 410, "too old resource version: 3 (7)"]);
  assert.equal((await frames.next()).done, true);
  assert.equal(ends, 1);
});
