import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiResponse } from "../api/exchange.ts";
import { createInProcessTransport } from "./in-process-transport.ts";
import { transportSuite } from "./transport-suite.ts";

transportSuite("in-process", async (handler) => ({
  transport: createInProcessTransport({ handler, user: { name: "system:test", groups: ["system:authenticated"] } }),
  close: async () => {},
}));

for (const form of ["body", "events"] as const)
  test(`the ${form} of an answer that comes when nobody waits any more are given up before they begin`, async () => {
    const { promise: asked, resolve: begin } = Promise.withResolvers<void>();
    const { promise: answer, resolve: reply } = Promise.withResolvers<ApiResponse>();
    const { promise: given, resolve: giveUp } = Promise.withResolvers<string>();
    const parts = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: true as const, value: giveUp("begun") }),
        return: async () => ({ done: true as const, value: giveUp("given up") }),
      }),
    };
    const transport = createInProcessTransport({
      user: { name: "a", groups: [] },
      handler: () => {
        begin();
        return answer;
      },
    });
    const stop = new AbortController();
    const request = transport.request({ method: "GET", path: "/", signal: stop.signal });
    await asked;
    stop.abort(new Error("enough"));
    await assert.rejects(request, { message: "enough" });
    reply({ status: 200, headers: {}, [form]: parts });
    assert.equal(await given, "given up");
  });
