import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { type ResourceDef, resourceOf } from "../api/schema/schema.ts";
import { VirtualClock } from "../base/clock.ts";
import { Metrics } from "../base/metrics.ts";
import { memoryStore } from "../store/memory.ts";
import { openCache } from "./watch-cache.ts";

const pods = resourceOf("", "v1", "pods") as ResourceDef;
const pod = (name: string): KubeObject => ({ kind: "Pod", apiVersion: "v1", metadata: { name, namespace: "a", uid: name } as KubeObject["metadata"] });

test("changes, lists and beginnings of watches are counted for each resource, and what is read past the cache apart", async () => {
  const clock = new VirtualClock();
  const metrics = new Metrics();
  const store = memoryStore({ clock });
  await using cache = await openCache({ store, clock, resources: [pods], index: () => ({}), metrics, history: { least: 1, most: 1 } });
  const held = cache.resource(pods);
  const [first] = [await held.create(pod("x")), await held.create(pod("y")), await held.create(pod("z"))];
  await held.list({});
  await held.list({ predicate: ({ name }) => name === "x" });
  await held.list({ revision: first.revision });
  const stop = new AbortController();
  for await (const events of held.watch({ fromRevision: 0, initial: true, signal: stop.signal })) if (events.at(-1)?.initial) break;
  const text = metrics.expose();
  const labels = 'group="",resource="pods"';
  for (const line of [
    `apiserver_storage_events_received_total{${labels}} 3`,
    `apiserver_watch_cache_events_received_total{${labels}} 3`,
    `apiserver_watch_cache_events_dispatched_total{${labels}} 3`,
    `apiserver_watch_cache_initializations_total{${labels}} 1`,
    `apiserver_init_events_total{${labels}} 3`,
    `apiserver_cache_list_total{${labels},index=""} 2`,
    `apiserver_cache_list_fetched_objects_total{${labels},index=""} 6`,
    `apiserver_cache_list_returned_objects_total{${labels}} 4`,
    // One is that which filled the cache.
    `apiserver_storage_list_total{${labels}} 2`,
    `apiserver_storage_list_returned_objects_total{${labels}} 1`,
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\n${text}`);
});
