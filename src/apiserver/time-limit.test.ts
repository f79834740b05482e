import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { VirtualClock } from "../base/clock.ts";
import { TimeLimit } from "./time-limit.ts";

const requestWith = (signal: AbortSignal): ApiRequest => ({ method: "GET", path: "/", query: new URLSearchParams(), headers: {}, remoteAddress: "", signal });
const answerOf = (body: NonNullable<ApiResponse["body"]>): ApiResponse => ({ status: 200, headers: {}, body });
const textOf = async (answer: Promise<ApiResponse>): Promise<string> => String((await answer).body);
const expired = (): Error => new Error("too late");

test("what takes too long is answered for and told to stop, each at its own time", async () => {
  const clock = new VirtualClock();
  const limit = new TimeLimit(clock, 1000, new AbortController().signal);
  const ends: string[] = [];
  const begin = (name: string): void => {
    const work = (request: ApiRequest): Promise<ApiResponse> => {
      request.signal.addEventListener("abort", () => ends.push(`${name} stopped`));
      return new Promise(() => {});
    };
    limit.run(requestWith(new AbortController().signal), work, 1000, expired).catch((error: Error) => ends.push(`${name} ${error.message}`));
  };
  begin("first");
  await clock.advance(400);
  begin("second");
  await clock.advance(599);
  assert.deepEqual(ends, []);
  await clock.advance(1);
  assert.deepEqual(ends, ["first stopped", "first too late"]);
  await clock.advance(400);
  assert.deepEqual(ends.slice(2), ["second stopped", "second too late"]);
  assert.equal(clock.next(), undefined);
});

test("a client that goes away aborts the work; what was answered in time leaves nothing behind", async () => {
  const clock = new VirtualClock();
  const limit = new TimeLimit(clock, 1000, new AbortController().signal);
  const client = new AbortController();
  let seen: AbortSignal | undefined;
  const work = async (request: ApiRequest): Promise<ApiResponse> => {
    seen = request.signal;
    if (!seen.aborted) await new Promise((resolve) => seen?.addEventListener("abort", resolve));
    return answerOf(Buffer.from((seen.reason as Error).message));
  };
  const running = limit.run(requestWith(client.signal), work, 1000, expired);
  client.abort(new Error("gone"));
  assert.equal(await textOf(running), "gone");
  assert.equal(await textOf(limit.run(requestWith(client.signal), work, 1000, expired)), "gone");
  assert.equal(await textOf(limit.run(requestWith(new AbortController().signal), async () => answerOf(Buffer.from("answer")), 1000, expired)), "answer");
  await assert.rejects(
    limit.run(requestWith(client.signal), async () => Promise.reject(new Error("refused")), 1000, expired),
    /refused/,
  );
  await clock.advance(5000);
  assert.equal(clock.next(), undefined);
});

test("a server that ends leaves no timer behind, but bounds what still runs", async () => {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const limit = new TimeLimit(clock, 1000, ending.signal);
  const run = (work: () => Promise<ApiResponse>): Promise<ApiResponse> => limit.run(requestWith(new AbortController().signal), work, 1000, expired);
  await run(async () => answerOf(Buffer.from("answer")));
  assert.notEqual(clock.next(), undefined);
  ending.abort();
  assert.equal(clock.next(), undefined);
  const late = assert.rejects(
    run(() => new Promise(() => {})),
    /too late/,
  );
  await run(async () => answerOf(Buffer.from("answer")));
  await clock.advance(1000);
  await late;
  assert.equal(clock.next(), undefined);
});

test("an answer in chunks is cut when its time is up, and told of; one that is whole by then leaves nothing behind", async () => {
  const clock = new VirtualClock();
  const limit = new TimeLimit(clock, 1000, new AbortController().signal);
  let cuts = 0;
  let told: AbortSignal | undefined;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("one");
    yield Buffer.from("two");
  }
  const run = (): Promise<ApiResponse> => {
    const work = async (request: ApiRequest): Promise<ApiResponse> => {
      told = request.signal;
      return answerOf(chunks());
    };
    return limit.run(requestWith(new AbortController().signal), work, 1000, expired, () => cuts++);
  };
  const whole = await run();
  for await (const _ of whole.body as AsyncIterable<Uint8Array>) assert.equal(whole.cut?.aborted, false);
  await clock.advance(1000);
  assert.deepEqual([cuts, whole.cut?.aborted, told?.aborted, clock.next()], [0, false, false, undefined]);
  const late = await run();
  await (late.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next();
  await clock.advance(999);
  assert.equal(late.cut?.aborted, false);
  await clock.advance(1);
  assert.deepEqual([cuts, late.cut?.aborted, told?.aborted, clock.next()], [1, true, true, undefined]);
});
