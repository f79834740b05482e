import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { VirtualClock } from "../base/clock.ts";
import { makeNode, makePod, World } from "./fixtures.ts";
import { action } from "./framework/events.ts";
import { defaultPlugins } from "./plugins/default-plugins.ts";
import { SchedulingQueue } from "./queue.ts";

function setup() {
  const clock = new VirtualClock();
  const queue = new SchedulingQueue({ clock, cluster: new World().cluster, plugins: () => defaultPlugins });
  const names = (): string[] => {
    const taken: string[] = [];
    for (let next = queue.take(); next; next = queue.take()) taken.push(next.info.pod.metadata.name);
    return taken;
  };
  return { clock, queue, names };
}

test("pods come out by priority and then by age", async () => {
  const { clock, queue, names } = setup();
  queue.add(makePod("old", { priority: 1 }));
  await clock.advance(1);
  queue.add(makePod("young", { priority: 1 }));
  queue.add(makePod("important", { priority: 5 }));
  assert.deepEqual(names(), ["important", "old", "young"]);
});

test("a pod that no node fits waits for an event that one of its plugins cares about", async () => {
  const { clock, queue, names } = setup();
  queue.add(makePod("p", { requests: { cpu: "2" } }));
  const taken = queue.take();
  assert.ok(taken);
  queue.unschedulable(taken, new Set(["NodeResourcesFit"]));
  queue.move({ source: "Node", actions: action.add, object: makeNode("small", { allocatable: { cpu: "1" } }) });
  queue.move({ source: "Node", actions: action.updateTaint, object: makeNode("big") });
  assert.deepEqual(names(), []);
  queue.move({ source: "Node", actions: action.add, object: makeNode("big") });
  assert.equal(queue.counts().backoff, 1);
  assert.deepEqual(names(), ["p"], "taken early because nothing else is due");
  await clock.advance(0);
});

test("what brings a pod to which queue is told in upstream's words", async () => {
  const told: string[] = [];
  const clock = new VirtualClock();
  const queue = new SchedulingQueue({
    clock,
    cluster: new World().cluster,
    plugins: () => defaultPlugins,
    incoming: (to, why) => told.push(`${to} ${why}`),
  });
  queue.add(makePod("p", { requests: { cpu: "2" } }));
  const taken = queue.take();
  assert.ok(taken);
  queue.unschedulable(taken, new Set(["NodeResourcesFit"]));
  queue.move({ source: "Node", actions: action.add, object: makeNode("big") });
  assert.equal(queue.take(), taken);
  queue.retry(taken);
  await clock.advance(1000);
  assert.equal(queue.take(), taken);
  queue.add(makePod("gated", { schedulingGates: [{ name: "example.com/wait" }] }));
  assert.deepEqual(told, [
    "active UnschedulablePodAdd",
    "unschedulable ScheduleAttemptFailure",
    "backoff NodeAdd",
    "active PopFromBackoffQ",
    "backoff ScheduleAttemptFailure",
    "active BackoffComplete",
    "unschedulable UnschedulablePodAdd",
  ]);
});

test("after an error a pod waits twice as long each time and is never taken early", async () => {
  const { clock, queue } = setup();
  queue.add(makePod("p"));
  for (const wait of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
    const taken = queue.take();
    assert.ok(taken);
    queue.retry(taken);
    await clock.advance(wait - 1);
    assert.equal(queue.take(), undefined);
    await clock.advance(1);
  }
});

test("a gated pod stays out until its gates are gone", () => {
  const { queue, names } = setup();
  const gated: Pod = makePod("p", { schedulingGates: [{ name: "example.com/wait" }] });
  queue.add(gated);
  assert.deepEqual(names(), []);
  queue.flushUnschedulable();
  assert.equal(queue.counts().gated, 1);
  const open: Pod = { ...gated, spec: { ...gated.spec, schedulingGates: [] } };
  queue.update(gated, open, [{ source: "TargetPod", actions: action.updatePodGates, old: gated, object: open }]);
  assert.deepEqual(names(), ["p"]);
});

test("a pod that has waited five minutes is tried again", async () => {
  const { clock, queue, names } = setup();
  queue.add(makePod("p"));
  const taken = queue.take();
  assert.ok(taken);
  queue.unschedulable(taken, new Set(["NodeName"]));
  await clock.advance(300_000);
  queue.flushUnschedulable();
  assert.deepEqual(names(), []);
  await clock.advance(1);
  queue.flushUnschedulable();
  assert.deepEqual(names(), ["p"]);
});

test("a held pod is woken by what it missed only when it is released", () => {
  const { queue, names } = setup();
  const pod = makePod("p");
  queue.add(pod);
  const taken = queue.take();
  assert.ok(taken);
  queue.hold(pod.metadata.uid);
  queue.unschedulable(taken, new Set(["NodeResourcesFit"]));
  queue.move({ source: "AssignedPod", actions: action.delete, old: makePod("victim") });
  assert.deepEqual(names(), []);
  queue.release(pod.metadata.uid, false);
  assert.deepEqual(names(), ["p"]);
});

test("waiting ends with a pod, with the end of a back-off and with the signal", async () => {
  const { clock, queue } = setup();
  const stop = new AbortController();
  const first = queue.wait(stop.signal);
  queue.add(makePod("p"));
  await first;
  const taken = queue.take();
  assert.ok(taken);
  queue.retry(taken);
  await queue.wait(stop.signal);
  let ended = false;
  const second = queue.wait(stop.signal).then(() => {
    ended = true;
  });
  await clock.advance(999);
  assert.equal(ended, false);
  await clock.advance(1);
  await second;
  assert.ok(queue.take());
  const third = queue.wait(stop.signal);
  stop.abort();
  await third;
});
