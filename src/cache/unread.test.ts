import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { type ResourceDef, resourceOf } from "../api/schema/schema.ts";
import type { StatusError } from "../api/status.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { memoryStore } from "../store/memory.ts";
import { TransformingStore, type ValueTransformer } from "./transformer.ts";
import { openCache } from "./watch-cache.ts";

const secrets = resourceOf("", "v1", "secrets") as ResourceDef;
const pods = resourceOf("", "v1", "pods") as ResourceDef;
const named = (kind: string, name: string): KubeObject => ({
  kind,
  apiVersion: "v1",
  metadata: { name, namespace: "default", uid: name } as KubeObject["metadata"],
});

test("while a value cannot be read its resource alone is not held, and it is again once it can be read", async () => {
  const clock = new VirtualClock();
  const plain = memoryStore({ clock });
  let known = true;
  const ask = (): void => {
    if (!known) throw new Error("the key is away");
  };
  const transformer: ValueTransformer = {
    fromStorage(data) {
      ask();
      return { data: data.subarray(4), stale: false };
    },
    toStorage(data) {
      ask();
      return Buffer.concat([Buffer.from("enc:"), data]);
    },
  };
  const open = () =>
    openCache({
      store: new TransformingStore(plain, { resources: [secrets, pods], transformerOf: ({ resource }) => (resource === "secrets" ? transformer : undefined) }),
      clock,
      resources: [secrets, pods],
      index: () => ({}),
    });
  await using first = await open();
  await first.resource(secrets).create(named("Secret", "a"));
  known = false;
  await using cache = await open();
  const held = cache.resource(secrets);
  const changed: string[] = [];
  cache.reader.onChange("secrets", (namespace, name) => changed.push(`${namespace}/${name}`));
  const initializing = {
    code: 429,
    message: 'storage is (re)initializing: failed to list *core.Secret: unable to transform key "/registry/secrets/default/a": the key is away',
  };
  await assert.rejects(held.held(), initializing);
  await assert.rejects(held.list({}), initializing);
  await assert.rejects(held.list({ limit: 1 }), { message: 'unable to transform key "/registry/secrets/default/a": the key is away' });
  await assert.rejects(held.get("default", "a"), { message: "the key is away" });
  assert.equal(await held.get("default", "none"), undefined);
  await assert.rejects(held.create(named("Secret", "b")), { code: 500, message: "Internal error occurred: the key is away" });
  assert.deepEqual(cache.reader.list("secrets"), []);
  assert.equal((await cache.resource(pods).create(named("Pod", "p"))).name, "p");
  await clock.advance(20_000);
  await assert.rejects(held.held(), (error: StatusError) => error.status.details?.retryAfterSeconds === 3);
  known = true;
  await clock.advance(10_000);
  await settle();
  await held.held();
  assert.deepEqual(
    (await held.list({})).items.map(({ name }) => name),
    ["a"],
  );
  assert.deepEqual(changed, ["default/a"]);
  assert.equal((await held.create(named("Secret", "b"))).name, "b");
});
