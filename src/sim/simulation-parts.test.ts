import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../api/types/core-v1.gen.ts";
import { VirtualClock } from "../base/clock.ts";
import { Addresses, subnet } from "./addresses.ts";
import { DelayQueue } from "./delay-queue.ts";
import { WorkQueue } from "./work-queue.ts";

const node = (name: string, podCIDR?: string): Node => ({ metadata: { name }, spec: podCIDR ? { podCIDR } : {}, status: {} }) as unknown as Node;

test("a node has its network's first address, its pods the others, each its own until it is released", () => {
  const addresses = new Addresses("10.64.0.0/10");
  addresses.addNode(node("a", "10.1.0.0/29"));
  assert.deepEqual(addresses.ofNode("a"), ["10.1.0.1"]);
  const given = ["1", "2", "3", "4", "5"].map((uid) => addresses.ofPod(uid, "a"));
  assert.deepEqual(given, ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]);
  assert.equal(addresses.ofPod("2", "a"), "10.1.0.3");
  assert.throws(() => addresses.ofPod("6", "a"), /10\.1\.0\.0\/29 has no address left/);
  addresses.release("3");
  assert.equal(addresses.ofPod("6", "a"), "10.1.0.4");
});

test("addresses of pods from an earlier run are not given again", () => {
  const addresses = new Addresses("10.64.0.0/10");
  addresses.addNode(node("a", "10.1.0.0/24"));
  addresses.remember("old", "a", "10.1.0.2");
  assert.equal(addresses.ofPod("new", "a"), "10.1.0.3");
  assert.equal(addresses.ofPod("old", "a"), "10.1.0.2");
});

test("nodes without a network share one", () => {
  const addresses = new Addresses("10.64.0.0/10");
  addresses.addNode(node("a"));
  addresses.addNode(node("b"));
  assert.deepEqual([...addresses.ofNode("a"), ...addresses.ofNode("b"), addresses.ofPod("1", "b")], ["10.64.0.1", "10.64.0.2", "10.64.0.3"]);
});

test("networks of nodes follow each other, and end where their network ends", () => {
  assert.equal(subnet("10.128.0.0/9", 24, 300), "10.129.44.0/24");
  assert.throws(() => subnet("10.0.0.0/23", 24, 2), /10\.0\.0\.0\/23 holds 2 networks of \/24, not 3/);
});

test("delayed work comes in order of time, then of addition, and what is cancelled not at all", async () => {
  const clock = new VirtualClock();
  const queue = new DelayQueue(clock, 20);
  const done: string[] = [];
  queue.add(100, () => done.push("b"));
  queue.add(95, () => done.push("c"));
  queue.add(10, () => {
    done.push("a");
    queue.add(0, () => done.push("a2"));
  });
  queue.add(50, () => done.push("never")).cancel();
  await clock.advance(60);
  assert.deepEqual(done, ["a", "a2"]);
  await clock.advance(60);
  assert.deepEqual(done, ["a", "a2", "b", "c"]);
  queue.add(10, () => done.push("closed"));
  queue.close();
  await clock.advance(60);
  assert.equal(done.length, 4);
});

test("work runs in order, only so much at once, and closing waits for what runs", async () => {
  const work = new WorkQueue(2);
  const started: number[] = [];
  const finish: (() => void)[] = [];
  for (let i = 0; i < 4; i++)
    work.add(() => {
      started.push(i);
      return new Promise((resolve) => finish.push(resolve));
    });
  assert.deepEqual(started, [0, 1]);
  finish[0]?.();
  await Promise.resolve().then(() => {});
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.deepEqual(started, [0, 1, 2]);
  let closed = false;
  const closing = work.close().then(() => {
    closed = true;
  });
  assert.equal(closed, false);
  finish[1]?.();
  finish[2]?.();
  await closing;
  assert.deepEqual(started, [0, 1, 2]);
});
