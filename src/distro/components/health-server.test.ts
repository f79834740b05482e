import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type HealthCheck, ping } from "../../api/health-checks.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { Metrics } from "../../base/metrics.ts";
import type { Client } from "../../client/client.ts";
import { DelegatedAccess } from "./delegated-access.ts";
import { startHealthServer } from "./health-server.ts";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("health tells why it is bad, metrics are exposed, other paths do not exist", async () => {
  const port = await freePort();
  const metrics = new Metrics();
  metrics.counter("things_total", "Things.").inc();
  let why: string | undefined;
  const checks = (root: string): HealthCheck[] =>
    root === "livez"
      ? []
      : [
          { name: "leaderElection", check: () => why },
          { ...ping, name: "ttl-controller" },
        ];
  await using _server = await startHealthServer({ host: "127.0.0.1", port, metrics, checks, logger: silentLogger });
  const get = async (path: string, method = "GET"): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get("/healthz"), [200, "ok"]);
  assert.deepEqual(await get("/healthz?verbose"), [200, "[+]leaderElection ok\n[+]ttl-controller ok\nhealthz check passed\n"]);
  assert.deepEqual(await get("/healthz/ttl-controller"), [200, "ok"]);
  assert.equal((await get("/healthz/other"))[0], 404);
  why = "no rules yet";
  assert.deepEqual(await get("/healthz"), [500, "[-]leaderElection failed: reason withheld\n[+]ttl-controller ok\nhealthz check failed\n"]);
  assert.deepEqual(await get("/healthz/leaderElection"), [500, "internal server error: no rules yet\n"]);
  assert.deepEqual(await get("/livez?verbose"), [200, "[+]ping ok\nlivez check passed\n"]);
  assert.deepEqual((await get("/metrics/slis"))[1].match(/^kubernetes.*$/gm), [
    'kubernetes_healthcheck{name="leaderElection",type="healthz"} 0',
    'kubernetes_healthcheck{name="ttl-controller",type="healthz"} 1',
    'kubernetes_healthcheck{name="ping",type="livez"} 1',
    'kubernetes_healthchecks_total{name="leaderElection",status="success",type="healthz"} 2',
    'kubernetes_healthchecks_total{name="ttl-controller",status="success",type="healthz"} 3',
    'kubernetes_healthchecks_total{name="leaderElection",status="error",type="healthz"} 1',
    'kubernetes_healthchecks_total{name="ping",status="success",type="livez"} 1',
  ]);
  assert.deepEqual(await get("/metrics/slis", "DELETE"), [200, "metrics reset\n"]);
  assert.match(
    (await get("/metrics/slis"))[1],
    /^# HELP process_start_time_seconds .*\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds [\d.]+\n$/,
  );
  assert.match((await get("/metrics"))[1], /things_total 1/);
  assert.equal((await get("/other"))[0], 404);
  assert.equal((await get("/healthz", "POST"))[0], 405);
});

test("a component tells of itself: text, or an object by its kind", async () => {
  const port = await freePort();
  const described = { component: "kube-proxy", flags: { v: "2" } };
  const answers = { proxyMode: () => ({ status: 200, body: "nftables" }) };
  await using _server = await startHealthServer({ host: "127.0.0.1", port, metrics: new Metrics(), answers, described, logger: silentLogger });
  const ask = (path: string, accept: string) => fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept } });
  const status = await (await ask("/statusz", "*/*")).text();
  assert.match(status, /^\nkube-proxy statusz\n[\s\S]*\nPaths\W+\/flagz \/healthz \/livez \/metrics \/proxyMode \/readyz\n$/);
  const flags = await ask("/flagz", "application/json;g=config.k8s.io;v=v1alpha1;as=Flagz");
  assert.deepEqual(
    [((await flags.json()) as { flags: object }).flags, flags.headers.get("content-type")],
    [described.flags, "application/json;g=config.k8s.io;v=v1alpha1;as=Flagz"],
  );
  assert.match(flags.headers.get("warning") ?? "", /^299 - "This version of the flagz endpoint is deprecated/);
  assert.equal((await ask("/flagz", "application/json")).status, 406);
});

test("a port that is taken is an error", async () => {
  const port = await freePort();
  await using _server = await startHealthServer({ host: "127.0.0.1", port, logger: silentLogger });
  await assert.rejects(startHealthServer({ host: "127.0.0.1", port, logger: silentLogger }), /EADDRINUSE/);
});

test("an answer about rights is remembered for ten seconds, a failure is not", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  let broken = true;
  const create = async (): Promise<unknown> => {
    asked++;
    if (broken) throw new Error("away");
    return { status: { allowed: true } };
  };
  const access = new DelegatedAccess({ resource: () => ({ create }) } as unknown as Client, clock);
  const user = { name: "jane", groups: [] };
  await assert.rejects(access.allowed(user, "GET", "/metrics"), /away/);
  broken = false;
  assert.equal(await access.allowed(user, "GET", "/metrics"), true);
  assert.equal(await access.allowed(user, "HEAD", "/metrics"), true);
  assert.equal(asked, 2);
  await clock.advance(10_000);
  assert.equal(await access.allowed(user, "GET", "/metrics"), true);
  assert.equal(asked, 3);
});
