import assert from "node:assert/strict";
import { test } from "node:test";
import { notFound } from "../../api/status.ts";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import type { Transport } from "../../client/transport.ts";
import { ClientMetrics } from "./client-metrics.ts";

test("requests are counted by what they were answered, and watches once", async () => {
  const clock = new VirtualClock();
  const metrics = new Metrics();
  const answer = { status: 200, headers: {}, object: {}, warnings: [] };
  const plain: Transport = {
    async request({ path }) {
      await clock.advance(2000);
      if (path === "/gone") throw notFound("pods", "gone");
      if (path === "/away") throw new Error("refused");
      return answer;
    },
    async *watch() {
      yield { type: "ADDED", object: { metadata: {} } } as never;
      yield { type: "ADDED", object: { metadata: {} } } as never;
    },
    stream: () => Promise.reject(new Error("unused")),
    async [Symbol.asyncDispose]() {},
  };
  const transport = new ClientMetrics(metrics, clock).measure(plain, "https://10.0.0.1:6443");
  await transport.request({ method: "GET", path: "/there" });
  await assert.rejects(transport.request({ method: "GET", path: "/gone" }));
  await assert.rejects(transport.request({ method: "PUT", path: "/away" }));
  for await (const _ of transport.watch({ method: "GET", path: "/watch" })) {
    // Counted however many events come.
  }
  const text = metrics.expose();
  for (const line of [
    'rest_client_requests_total{code="200",host="10.0.0.1:6443",method="GET"} 2',
    'rest_client_requests_total{code="404",host="10.0.0.1:6443",method="GET"} 1',
    'rest_client_requests_total{code="<error>",host="10.0.0.1:6443",method="PUT"} 1',
    'rest_client_request_duration_seconds_sum{host="10.0.0.1:6443",verb="GET"} 4',
  ])
    assert.ok(text.includes(line), `${line} is not in ${text}`);
});
