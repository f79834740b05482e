import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiHandler } from "../../api/exchange.ts";
import type { KubeObject, WatchEvent } from "../../api/object.ts";
import { notFound, tooManyRequests } from "../../api/status.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { seededRandom } from "../../base/random.ts";
import type { Resource } from "../../client/client.ts";
import { createInProcessTransport } from "../../client/in-process-transport.ts";
import { configmaps, cronjobs } from "../../client/resources.gen.ts";
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

test("a controller works when its own caches are filled, whatever others wait for", async () => {
  const clock = new VirtualClock();
  const worked: string[] = [];
  const controller = (name: string, resource: Resource<KubeObject>): Controller => ({
    name,
    account: name,
    start({ informers, enqueue }) {
      informers.informer(resource).onChange((_, object) => enqueue(object?.metadata.name ?? ""));
      return async (key) => void worked.push(`${name} ${key}`);
    },
  });
  const handler: ApiHandler = async ({ path, query, signal }) => {
    if (path.includes("cronjobs")) return { status: 404, headers: {}, object: notFound("", "").status };
    if (query.get("watch") === "true") return { status: 200, headers: {}, events: forever(signal) };
    const metadata = { name: "a", namespace: "ns", uid: "u", resourceVersion: "1", creationTimestamp: "" };
    return { status: 200, headers: {}, object: { metadata: { resourceVersion: "1" }, items: [{ metadata }] } };
  };
  const client = createClient(createInProcessTransport({ handler, user: { name: "c", groups: [] } }), { userAgent: "c" });
  const both = [controller("unserved", cronjobs), controller("served", configmaps)];
  const running = runControllers({ controllers: both, clientFor: () => client, clock, random: seededRandom(1), logger: silentLogger });
  await clock.advance(1000);
  assert.deepEqual(worked, ["served a"]);
  await running[Symbol.asyncDispose]();
});

async function* forever(signal: AbortSignal): AsyncGenerator<WatchEvent> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
