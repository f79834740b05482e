import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest } from "../api/exchange.ts";
import { VirtualClock } from "../base/clock.ts";
import { TimeLimit } from "./time-limit.ts";

const requestWith = (signal: AbortSignal): ApiRequest => ({ method: "GET", path: "/", query: new URLSearchParams(), headers: {}, remoteAddress: "", signal });
const expired = (): Error => new Error("too late");

test("what takes too long is answered for and told to stop, each at its own time", async () => {
  const clock = new VirtualClock();
  const limit = new TimeLimit(clock, 1000, new AbortController().signal);
  const ends: string[] = [];
  const begin = (name: string): void => {
    const work = (request: ApiRequest): Promise<void> => {
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
  const work = async (request: ApiRequest): Promise<string> => {
    seen = request.signal;
    if (!seen.aborted) await new Promise((resolve) => seen?.addEventListener("abort", resolve));
    return String((seen.reason as Error).message);
  };
  const running = limit.run(requestWith(client.signal), work, 1000, expired);
  client.abort(new Error("gone"));
  assert.equal(await running, "gone");
  assert.equal(await limit.run(requestWith(client.signal), work, 1000, expired), "gone");
  assert.equal(await limit.run(requestWith(new AbortController().signal), async () => "answer", 1000, expired), "answer");
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
  const run = (work: () => Promise<void>): Promise<void> => limit.run(requestWith(new AbortController().signal), work, 1000, expired);
  await run(async () => {});
  assert.notEqual(clock.next(), undefined);
  ending.abort();
  assert.equal(clock.next(), undefined);
  const late = assert.rejects(
    run(() => new Promise(() => {})),
    /too late/,
  );
  await run(async () => {});
  await clock.advance(1000);
  await late;
  assert.equal(clock.next(), undefined);
});
