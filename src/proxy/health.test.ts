import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import type { Node } from "../api/types/core-v1.gen.ts";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { Metrics } from "../base/metrics.ts";
import { ProxyHealth } from "./health.ts";
import { HealthChecks } from "./health-check.ts";
import { proxyMetrics } from "./metrics.ts";

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
const node = (over: object = {}, taints: object[] = []): Node => ({ metadata: { name: "n", ...over }, spec: { taints } }) as unknown as Node;

test("the proxy is well while no change waits longer than the timeout, in either family", async () => {
  const clock = new VirtualClock(0);
  const metrics = new Metrics();
  const health = new ProxyHealth(clock, 60_000, proxyMetrics(metrics));
  health.node = node();
  for (const family of ["IPv4", "IPv6"] as const) health.updated(family);
  await clock.advance(1000);
  health.queued("IPv6");
  await clock.advance(59_000);
  assert.equal(health.healthz().status, 200);
  await clock.advance(1000);
  const { status, body } = health.healthz();
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(body), {
    lastUpdated: "1970-01-01T00:00:00.000Z",
    currentTime: "1970-01-01T00:01:01.000Z",
    nodeEligible: true,
    healthy: false,
    status: {
      IPv4: { lastUpdated: "1970-01-01T00:00:00.000Z", healthy: true },
      IPv6: { lastUpdated: "1970-01-01T00:00:00.000Z", healthy: false },
    },
  });
  health.updated("IPv6");
  assert.equal(JSON.parse(health.livez().body).lastUpdated, "1970-01-01T00:01:01.000Z");
  assert.match(metrics.expose(), /kubeproxy_proxy_healthz_total\{code="503"\} 1/);
});
test("a node that is about to go is not eligible, but alive", () => {
  const health = new ProxyHealth(new VirtualClock(0), 60_000, proxyMetrics(new Metrics()));
  health.updated("IPv4");
  for (const going of [undefined, node({ deletionTimestamp: "2026-01-01T00:00:00Z" }), node({}, [{ key: "ToBeDeletedByClusterAutoscaler" }])]) {
    health.node = going;
    assert.equal(health.healthz().status, 503);
    assert.equal(health.livez().status, 200);
    assert.equal("nodeEligible" in JSON.parse(health.livez().body), false);
  }
});
test("a health check port tells balancers how many endpoints are here, and closes with its Service", async () => {
  let healthy = true;
  const failures: string[] = [];
  await using checks = new HealthChecks({
    addresses: () => ["127.0.0.1"],
    healthy: () => healthy,
    failed: (service, _, error) => failures.push(`${service} ${(error as NodeJS.ErrnoException).code}`),
    logger: silentLogger,
  });
  const port = await freePort();
  const ask = async (): Promise<[number, string | null, string]> => {
    const response = await fetch(`http://127.0.0.1:${port}/anything`);
    return [response.status, response.headers.get("x-load-balancing-endpoint-weight"), await response.text()];
  };
  await checks.set("default/web", port, 2);
  assert.deepEqual(await ask(), [
    200,
    "2",
    '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}',
  ]);
  await checks.set("default/web", port, 0);
  assert.equal((await ask())[0], 503);
  await checks.set("default/web", port, 1);
  healthy = false;
  assert.equal((await ask())[0], 503);
  await checks.set("default/other", port, 1);
  assert.deepEqual(failures, ["default/other EADDRINUSE"]);
  await checks.set("default/web", 0, 0);
  await assert.rejects(ask());
});
