import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lease } from "../api/types/coordination-v1.gen.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { memoryStore } from "../store/memory.ts";
import { TestServer } from "./assembled.fixture.ts";
import { identityOf, isExpired } from "./identity-lease.ts";

const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const name = "apiserver-wlv32tlttr4jl3gtroqexyxapa";
const read = async (server: TestServer): Promise<Lease> => (await server.answer("GET", `${leases}/${name}`)) as unknown as Lease;

/** What the clock set off is done when it shows; a test that waits in vain is ended by the runner. */
async function after(server: TestServer, ms: number, shows: () => Promise<boolean>): Promise<void> {
  await server.clock.advance(ms);
  while (!(await shows())) await settle();
}

test("the name follows from the machine's, as upstream's", () => {
  assert.equal(identityOf("vm"), name);
});

test("a lease without a time, without a duration, or whose time is over has expired", () => {
  const at = Date.parse("2026-11-22T09:00:00Z");
  const lease = (spec: Lease["spec"]): Lease => ({ metadata: { name: "a" }, spec }) as Lease;
  assert.equal(isExpired(lease({ renewTime: "2026-11-22T08:00:00.000000Z", leaseDurationSeconds: 3600 }), at), false);
  assert.equal(isExpired(lease({ renewTime: "2026-11-22T07:59:59.999000Z", leaseDurationSeconds: 3600 }), at), true);
  assert.equal(isExpired(lease({ renewTime: "2026-11-22T08:59:59.999000Z" }), at), true);
  assert.equal(isExpired(lease({ leaseDurationSeconds: 3600 }), at), true);
});

test("a server has a Lease of its own, renews it, makes it again when it is deleted, and takes it away when it stops", async () => {
  const clock = new VirtualClock();
  await using store = memoryStore({ clock });
  const server = new TestServer({ store, hostname: "vm", advertise: { address: "10.0.0.1", port: 6443 } });
  await server.start();
  try {
    const first = await read(server);
    assert.deepEqual(first.metadata.labels, { "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": "vm" });
    assert.deepEqual(first.metadata.annotations, { "kubernetes.io/peer-advertise-address": "10.0.0.1:6443" });
    assert.equal(first.spec?.leaseDurationSeconds, 3600);
    assert.match(first.spec?.holderIdentity ?? "", /^apiserver-wlv32tlttr4jl3gtroqexyxapa_[0-9a-f-]{36}$/);
    assert.equal(first.metadata.managedFields?.[0]?.manager, "kube-apiserver");
    await after(server, 10_500, async () => (await read(server)).spec?.renewTime !== first.spec?.renewTime);
    const second = await read(server);
    assert.equal(second.metadata.uid, first.metadata.uid);
    assert.equal(second.spec?.holderIdentity, first.spec?.holderIdentity);
    await server.answer("PATCH", `${leases}/${name}`, { metadata: { labels: { mine: "yes" } } }, "application/merge-patch+json");
    await after(server, 10_500, async () => (await read(server)).spec?.renewTime !== second.spec?.renewTime);
    const third = await read(server);
    assert.equal(third.metadata.labels?.mine, "yes");
    await server.answer("DELETE", `${leases}/${name}`);
    await after(server, 10_500, async () => (await server.send("GET", `${leases}/${name}`)).status === 200);
    assert.notEqual((await read(server)).metadata.uid, first.metadata.uid);
  } finally {
    await server[Symbol.asyncDispose]();
  }
  await using next = new TestServer({ store });
  await next.start();
  assert.deepEqual((await next.answer("GET", leases)).items, []);
});

test("leases of servers that are heard of no more go, others stay", async () => {
  await using server = new TestServer({ hostname: "vm" });
  await server.start();
  const labels = { "apiserver.kubernetes.io/identity": "kube-apiserver" };
  await server.answer("POST", leases, { metadata: { name: "apiserver-dead", labels } });
  await server.answer("POST", leases, { metadata: { name: "mine" } });
  await server.answer("POST", leases, { metadata: { name: "other", labels: { "apiserver.kubernetes.io/identity": "sample" } } });
  await after(server, 3_600_001, async () => (await server.send("GET", `${leases}/apiserver-dead`)).status === 404);
  const { items = [] } = await server.answer("GET", leases);
  assert.deepEqual(items.map(({ metadata }) => metadata.name).sort(), [name, "mine", "other"]);
});

test("without a name of the machine, or without Leases, there is none", async () => {
  await using server = new TestServer();
  await server.start();
  assert.deepEqual((await server.answer("GET", leases)).items, []);
});
