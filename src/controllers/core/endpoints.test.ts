import assert from "node:assert/strict";
import { test } from "node:test";
import type { Informer } from "../../client/informer.ts";
import type { ControllerContext } from "../runtime/controller.ts";
import { endpoints } from "./endpoints.ts";

/** The reconciler over caches that hold nothing but `cached` Endpoints, and the deletions it asks for. */
function reconciler(cached: object | undefined) {
  const deleted: unknown[] = [];
  const informer = { onChange() {}, get: () => undefined, list: () => [], hasSynced: true } as unknown as Informer<never>;
  const context = {
    client: {
      resource: () => ({
        delete: async (namespace: string, name: string, options: { preconditions?: object }) => void deleted.push([namespace, name, options.preconditions]),
      }),
    },
    informers: { informer: (resource: { resource: string }) => (resource.resource === "endpoints" ? { ...informer, get: () => cached } : informer) },
  } as unknown as ControllerContext;
  return { reconcile: endpoints.start(context), deleted };
}

test("Endpoints of a service that is gone are deleted even when the cache has not seen them yet", async () => {
  const { reconcile, deleted } = reconciler(undefined);
  await reconcile("main/short");
  assert.deepEqual(deleted, [["main", "short", undefined]]);
});

test("Endpoints that serve as a lock belong to no service", async () => {
  const { reconcile, deleted } = reconciler({ metadata: { uid: "1", annotations: { "control-plane.alpha.kubernetes.io/leader": "{}" } } });
  await reconcile("main/lock");
  assert.deepEqual(deleted, []);
});
