import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, VirtualClock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import type { ListResult, Store } from "../store/store.ts";
import { memoryStore } from "../store/memory.ts";
import { TestServer } from "./assembled.fixture.ts";

const count = (server: TestServer, resource: string, status: string): number =>
  Number(
    new RegExp(`apiserver_storage_consistency_checks_total\\{group="",resource="${resource}",status="${status}"\\} (\\d+)`).exec(
      server.api.metrics.expose(),
    )?.[1] ?? 0,
  );

test("what the cache holds is compared with the store: each resource counts, and what differs is told", async () => {
  const clock = new VirtualClock();
  await using store = memoryStore({ clock });
  const errors: { message: string; fields: unknown }[] = [];
  const logger: Logger = { ...silentLogger, error: (message, fields) => errors.push({ message, fields }), child: () => logger };
  /** What the store says of ConfigMaps, when it does not say what it has. */
  let lie: ((result: ListResult) => ListResult) | undefined;
  const lying: Store = new Proxy(store, {
    get(target, name) {
      if (name === "list")
        return async (prefix: string, options: object) => {
          const result = await target.list(prefix, options);
          return lie && prefix === "/registry/configmaps/" ? lie(result) : result;
        };
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await using server = new TestServer({ clock, store: lying, logger });
  await server.start();
  for (let i = 0; i < 600; i++) await server.answer("POST", "/api/v1/namespaces/default/configmaps", { metadata: { name: `c${i}` } });
  const round = async (status: string): Promise<void> => {
    const before = count(server, "configmaps", status);
    await clock.advance(460_000);
    for (let i = 0; i < 200 && count(server, "configmaps", status) === before; i++) {
      await clock.advance(5);
      await settle();
    }
    assert.ok(count(server, "configmaps", status) > before, status);
  };
  await round("success");
  assert.ok(count(server, "namespaces", "success") > 0);
  assert.deepEqual([count(server, "configmaps", "failure"), errors], [0, []]);
  lie = (result) => ({ ...result, items: result.items.filter(({ key }) => !key.endsWith("/c7")) });
  await round("failure");
  assert.equal(errors[0]?.message, "the cache is not what the store is");
  assert.match(JSON.stringify(errors[0]?.fields), /"resource":"configmaps","cache":\{"key":"\/registry\/configmaps\/default\/c7"/);
  lie = () => {
    throw new Error("broken");
  };
  await round("error");
});
