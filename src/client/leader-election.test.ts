import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiHandler } from "../api/exchange.ts";
import { conflict, notFound } from "../api/status.ts";
import type { Lease } from "../api/types/coordination-v1.gen.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import { createInProcessTransport } from "./in-process-transport.ts";
import type { EventRecorder } from "./events.ts";
import { LeadershipLostError, runAsLeader } from "./leader-election.ts";
import { createClient } from "./rest.ts";

/** One lease, with optimistic locking; `broken` refuses everything. */
function leaseServer() {
  const server = { lease: undefined as Lease | undefined, broken: false, version: 0 };
  const handler: ApiHandler = async ({ method, object }) => {
    const fail = ({ status }: { status: { code?: number } & object }) => ({ status: status.code ?? 500, headers: {}, object: status });
    if (server.broken) return fail(conflict("leases", "l", "broken"));
    if (method === "GET") return server.lease ? { status: 200, headers: {}, object: server.lease } : fail(notFound("leases", "l"));
    const sent = object as Lease;
    if (method === "PUT" && sent.metadata.resourceVersion !== server.lease?.metadata.resourceVersion) return fail(conflict("leases", "l", "changed"));
    server.lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(++server.version) } };
    return { status: 200, headers: {}, object: server.lease };
  };
  const client = () => createClient(createInProcessTransport({ handler, user: { name: "u", groups: [] } }), { userAgent: "t" });
  return { server, client };
}

const until = (signal: AbortSignal): Promise<void> => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

test("one of two candidates leads; the other takes over when it lets go", async () => {
  const { server, client } = leaseServer();
  const clock = new VirtualClock();
  const leading = new Set<string>();
  const told: string[] = [];
  const events = { event: (...[about, , , message]: Parameters<EventRecorder["event"]>) => void told.push(`${about.name}: ${message}`), flush: async () => {} };
  const candidate = (identity: string) => {
    const stop = new AbortController();
    const done = runAsLeader(
      { client: client(), clock, logger: silentLogger, random: seededRandom(1), namespace: "kube-system", name: "l", identity, events },
      async (signal) => {
        leading.add(identity);
        await until(signal);
        leading.delete(identity);
      },
      stop.signal,
    );
    return { stop, done };
  };
  const first = candidate("a");
  for (let i = 0; i < 20; i++) await settle();
  const second = candidate("b");
  for (let i = 0; i < 30; i++) await clock.advance(1000);
  assert.deepEqual([...leading], ["a"]);
  first.stop.abort();
  await first.done;
  assert.equal(server.lease?.spec.holderIdentity, "");
  for (let i = 0; i < 30; i++) await clock.advance(1000);
  assert.deepEqual([...leading], ["b"]);
  assert.equal(server.lease?.spec.leaseTransitions, 1);
  second.stop.abort();
  await second.done;
  assert.deepEqual(told, ["l: a became leader", "l: a stopped leading", "l: b became leader", "l: b stopped leading"]);
});

test("a leader that cannot renew stops within its deadline", async () => {
  const { server, client } = leaseServer();
  const clock = new VirtualClock();
  let stopped = false;
  const done = runAsLeader(
    { client: client(), clock, logger: silentLogger, namespace: "kube-system", name: "l", identity: "a" },
    async (signal) => {
      await until(signal);
      stopped = true;
    },
    new AbortController().signal,
  );
  const outcome = done.catch((error: unknown) => error);
  for (let i = 0; i < 10; i++) await clock.advance(1000);
  server.broken = true;
  for (let i = 0; i < 14; i++) await clock.advance(1000);
  assert.equal(stopped, true);
  assert.ok((await outcome) instanceof LeadershipLostError);
});
