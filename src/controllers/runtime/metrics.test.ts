import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { Workqueue } from "../../client/workqueue.ts";
import { ControllerMetrics } from "./metrics.ts";

test("a queue tells how long keys wait and how long they are worked on", async () => {
  const clock = new VirtualClock();
  const metrics = new Metrics();
  const all = new ControllerMetrics(metrics, clock);
  const queue: Workqueue = new Workqueue({ clock, observer: all.observer("deployment-controller", () => queue.length) });
  queue.add("a");
  queue.add("b");
  queue.addAfter("c", 60_000);
  await clock.advance(2000);
  await queue.take();
  await clock.advance(3000);
  const text = metrics.expose();
  const value = (line: string): string | undefined => text.split("\n").find((one) => one.startsWith(`${line} `));
  assert.equal(value('workqueue_depth{name="deployment"}'), 'workqueue_depth{name="deployment"} 1');
  assert.equal(value('workqueue_adds_total{name="deployment"}'), 'workqueue_adds_total{name="deployment"} 2');
  assert.equal(value('workqueue_retries_total{name="deployment"}'), 'workqueue_retries_total{name="deployment"} 1');
  assert.equal(value('workqueue_queue_duration_seconds_sum{name="deployment"}'), 'workqueue_queue_duration_seconds_sum{name="deployment"} 2');
  assert.equal(value('workqueue_longest_running_processor_seconds{name="deployment"}'), 'workqueue_longest_running_processor_seconds{name="deployment"} 3');
  queue.done("a");
  assert.match(metrics.expose(), /workqueue_work_duration_seconds_sum\{name="deployment"\} 3\n/);
  assert.match(metrics.expose(), /workqueue_unfinished_work_seconds\{name="deployment"\} 0\n/);
});
