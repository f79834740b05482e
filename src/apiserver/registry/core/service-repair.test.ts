import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import test, { after, before } from "node:test";
import type { KubeObject } from "../../../api/object.ts";
import { resources } from "../../../api/schema/schema.ts";
import type { Service } from "../../../api/types/core-v1.gen.ts";
import { settle, VirtualClock } from "../../../base/clock.ts";
import { silentLogger } from "../../../base/logger.ts";
import { seededRandom } from "../../../base/random.ts";
import type { ResourceCache } from "../../../cache/cache.ts";
import { memoryStore } from "../../../store/memory.ts";
import { type AssembledServer, assembleApiServer } from "../../assemble.ts";
import { newIPAddress } from "./service-addresses.ts";

const clock = new VirtualClock();
const random = seededRandom(1);
const store = memoryStore({ clock });
let api: AssembledServer;

before(async () => {
  const serviceAccountKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  api = await assembleApiServer({
    clock,
    random,
    logger: silentLogger,
    store,
    serviceAccountKey,
    serviceAccountIssuer: "https://x",
    serviceRanges: ["10.96.0.0/24"],
  });
});
after(async () => {
  await api[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const cacheOf = (name: string): ResourceCache => api.cache.resource(resources.find(({ resource }) => resource === name) as (typeof resources)[number]);
const service = (name: string): Service => ({ metadata: { namespace: "default", name } }) as unknown as Service;
async function events(): Promise<string[]> {
  const { items } = await cacheOf("events").list({});
  return items.map((stored) => stored.object() as KubeObject & { reason: string; message: string }).map(({ reason, message }) => `${reason}: ${message}`);
}
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await settle();
}

test("an address whose Service was never stored is given back after a minute, with an event", async () => {
  await cacheOf("ipaddresses").create(newIPAddress("10.96.0.77", service("died"), clock, random));
  await settled();
  await clock.advance(30_000);
  await settled();
  assert.ok(await cacheOf("ipaddresses").get("", "10.96.0.77"));
  await clock.advance(40_000);
  await settled();
  assert.equal(await cacheOf("ipaddresses").get("", "10.96.0.77"), undefined);
  assert.ok((await events()).includes("IPAddressNotAllocated: IPAddress: 10.96.0.77 for Service default/died appears to have leaked: cleaning up"));
});

test("the address of a Service that lost its record is recorded again", async () => {
  const address = await cacheOf("ipaddresses").get("", "10.96.0.1");
  await cacheOf("ipaddresses").delete("", "10.96.0.1", address?.revision ?? 0);
  await settled();
  // Nothing has changed about the Service: the look at everything finds it.
  await clock.advance(3 * 60_000);
  await settled();
  const again = (await cacheOf("ipaddresses").get("", "10.96.0.1"))?.object() as KubeObject & { spec: { parentRef: { name: string } } };
  assert.equal(again.spec.parentRef.name, "kubernetes");
  assert.ok((await events()).includes("ClusterIPNotAllocated: Cluster IP [IPv4]: 10.96.0.1 is not allocated; repairing"));
});
