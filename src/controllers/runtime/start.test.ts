import assert from "node:assert/strict";
import { test } from "node:test";
import { tooManyRequests } from "../../api/status.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { seededRandom } from "../../base/random.ts";
import { createInProcessTransport } from "../../client/in-process-transport.ts";
import { createClient } from "../../client/rest.ts";
import type { Controller } from "./controller.ts";
import { runControllers } from "./start.ts";

test("a controller that is told to come back later does, also where that is only the cause; else it tries soon", async () => {
  const clock = new VirtualClock();
  const failures = [new Error("once"), tooManyRequests("busy", 7), new Error("could not", { cause: tooManyRequests("busy", 20) })];
  const looks: number[] = [];
  const controller: Controller = {
    name: "c",
    account: "c",
    start({ enqueue }) {
      enqueue("key");
      return async () => {
        looks.push(clock.monotonic());
        const failure = failures.shift();
        if (failure) throw failure;
      };
    },
  };
  const handler = async () => ({ status: 200, headers: {}, object: {} });
  const client = createClient(createInProcessTransport({ handler, user: { name: "c", groups: [] } }), { userAgent: "c" });
  const running = runControllers({ controllers: [controller], clientFor: () => client, clock, random: seededRandom(1), logger: silentLogger });
  await clock.advance(60_000);
  assert.deepEqual(looks, [0, 5, 7005, 27_005]);
  await running[Symbol.asyncDispose]();
});
