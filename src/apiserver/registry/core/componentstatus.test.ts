import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import test, { after, before } from "node:test";
import { TestServer } from "../../assembled.fixture.ts";
import { type ComponentHealth, healthOfPort } from "../../outside/component-health.ts";

let health: ComponentHealth = { healthy: true, message: "ok" };
const server = new TestServer({ components: new Map([["scheduler", async () => health]]) });
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const path = "/api/v1/componentstatuses";

test("components are asked when their statuses are, the store among them", async () => {
  const { items, metadata, kind } = await server.answer("GET", path);
  assert.equal(kind, "ComponentStatusList");
  assert.deepEqual(metadata, {});
  assert.deepEqual(items, [
    { metadata: { name: "scheduler" }, conditions: [{ type: "Healthy", status: "True", message: "ok" }] },
    { metadata: { name: "etcd-0" }, conditions: [{ type: "Healthy", status: "True", message: "ok" }] },
  ]);
  health = { healthy: false, message: "", error: "it is gone" };
  const { conditions } = (await server.answer("GET", `${path}/scheduler`)) as unknown as { conditions: unknown };
  assert.deepEqual(conditions, [{ type: "Healthy", status: "False", error: "it is gone" }]);
});

test("one is selected by its name; none has labels, and one that there is not is a 404", async () => {
  const names = async (query: string): Promise<unknown> => (await server.answer("GET", `${path}?${query}`)).items?.map((item) => item.metadata.name);
  assert.deepEqual(await names("fieldSelector=metadata.name%3Detcd-0"), ["etcd-0"]);
  assert.deepEqual(await names("labelSelector=a"), []);
  const absent = await server.answer("GET", `${path}/nothing`);
  assert.deepEqual([absent.http, absent.message], [404, 'componentstatus "nothing" not found']);
});

test("a port at which nobody listens is a component that is not well", async () => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const message = `Get "https://127.0.0.1:${port}/healthz": dial tcp 127.0.0.1:${port}: connect: connection refused`;
  assert.deepEqual(await healthOfPort(port)(), { healthy: false, message });
});
