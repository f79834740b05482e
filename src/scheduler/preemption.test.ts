import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { PodDisruptionBudget } from "../api/types/policy-v1.gen.ts";
import { seededRandom } from "../base/random.ts";
import { defaultProfile, makeNode, makePod, World } from "./fixtures.ts";
import { podInfoOf } from "./framework/pod-info.ts";
import type { Rejection } from "./framework/plugin.ts";
import { type Candidate, postFilter } from "./preemption.ts";
import { VictimMemory } from "./victim-memory.ts";

const memories = new WeakMap<World, VictimMemory<Candidate | Rejection>>();

function preempt(world: World, pod: Pod) {
  const { diagnosis, prepared } = world.evaluate(pod);
  const { cluster, nominations, cache } = world;
  const memory = memories.get(world) ?? new VictimMemory<Candidate | Rejection>();
  memories.set(world, memory);
  const input = { pod: podInfoOf(pod), snapshot: cache.snapshot(), cluster, nominations, diagnosis, prepared, random: seededRandom(1), memory };
  const { candidate, promise, message } = postFilter(defaultProfile, input);
  return { node: promise, victims: candidate?.victims.map(({ pod: { metadata } }) => metadata.name), message };
}
const running = (name: string, nodeName: string, cpu: string, priority = 0, labels: Record<string, string> = {}): Pod =>
  makePod(name, { nodeName, requests: { cpu }, priority, labels });

test("the least important and the fewest go, and no more than needed", () => {
  const pods = [running("a1", "a", "2", 5), running("a2", "a", "2", 1), running("b1", "b", "4", 5)];
  const world = new World({ nodes: [makeNode("a"), makeNode("b")], pods });
  assert.deepEqual(preempt(world, makePod("p", { requests: { cpu: "2" }, priority: 10 })), { node: "a", victims: ["a2"], message: "" });
});

test("a disruption budget is respected where there is a choice", () => {
  const labels = { app: "web" };
  const budget = { metadata: { name: "b", namespace: "default" }, spec: { selector: { matchLabels: labels } }, status: { disruptionsAllowed: 0 } };
  const pods = [running("a1", "a", "4", 1, labels), running("b1", "b", "4", 5)];
  const world = new World({ nodes: [makeNode("a"), makeNode("b")], pods, budgets: [budget as unknown as PodDisruptionBudget] });
  assert.deepEqual(preempt(world, makePod("p", { requests: { cpu: "2" }, priority: 10 })).victims, ["b1"]);
});

test("the message says of each node why evicting does not help", () => {
  const nodes = [makeNode("a"), makeNode("b", { allocatable: { cpu: "1" } })];
  const world = new World({ nodes, pods: [running("a1", "a", "4", 20)] });
  const { message, victims, node } = preempt(world, makePod("p", { requests: { cpu: "2" }, priority: 10 }));
  assert.equal(
    message,
    "no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
  );
  assert.equal(victims, undefined);
  assert.equal(node, "");
});

test("a pod that must not evict others does not", () => {
  const world = new World({ nodes: [makeNode("a")], pods: [running("a1", "a", "4", 1)] });
  const { message, node } = preempt(world, makePod("p", { requests: { cpu: "2" }, priority: 10, preemptionPolicy: "Never" }));
  assert.equal(message, "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.");
  assert.equal(node, undefined);
});

test("a pod goes for whose sake another one keeps away", () => {
  const affinity = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "web" } } }],
    },
  };
  const pods = [makePod("a1", { nodeName: "a", affinity, priority: 1 }), makePod("a2", { nodeName: "a", priority: 1 })];
  const world = new World({ nodes: [makeNode("a")], pods });
  assert.deepEqual(preempt(world, makePod("p", { labels: { app: "web" }, priority: 10 })).victims, ["a1"]);
});

test("room that was made for one pod is not given to another", () => {
  const world = new World({ nodes: [makeNode("a")] });
  world.nominations.add(podInfoOf(makePod("awaited", { requests: { cpu: "3" }, priority: 10 })), "a");
  assert.deepEqual(world.feasible(makePod("p", { requests: { cpu: "2" }, priority: 5 })), []);
  assert.deepEqual(world.feasible(makePod("p", { requests: { cpu: "2" }, priority: 11 })), ["a"]);
});

test("what was found out for a pod holds for others like it until the node changes", () => {
  const world = new World({ nodes: [makeNode("a"), makeNode("b")], pods: [running("a1", "a", "4", 1), running("b1", "b", "4", 5)] });
  const pod = (name: string): Pod => makePod(name, { requests: { cpu: "4" }, priority: 10 });
  const first = pod("p");
  assert.deepEqual(preempt(world, first).victims, ["a1"]);
  world.nominations.add(podInfoOf(first), "a");
  assert.deepEqual(preempt(world, pod("q")).victims, ["b1"]);
  world.nominations.delete(first.metadata.uid);
  assert.deepEqual(preempt(world, pod("r")).victims, ["a1"]);
  const [, gone] = [...world.cache.snapshot().rows].flatMap((row) => [...row.pods.values()]);
  world.cache.deletePod(gone?.uid as string);
  world.cache.setPod(running("b2", "b", "4", 0));
  assert.deepEqual(preempt(world, pod("s")).victims, ["b2"]);
});

test("asking what would be leaves everything as it is", () => {
  const world = new World({ nodes: [makeNode("a")], pods: [running("a1", "a", "1", 1), running("a2", "a", "2", 1)] });
  world.nominations.add(podInfoOf(makePod("awaited", { requests: { cpu: "1" }, priority: 10 })), "a");
  const look = () => {
    const { rows, usedCpu, podCount } = world.cache.snapshot();
    return [usedCpu[0], podCount[0], [...(rows[0]?.pods.values() ?? [])].map(({ key }) => key)];
  };
  const before = look();
  preempt(world, makePod("p", { requests: { cpu: "3" }, priority: 10 }));
  assert.deepEqual(look(), before);
});

test("whoever wants company may be the first where all company has gone", () => {
  const affinity = {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "web" } } }],
    },
  };
  const world = new World({ nodes: [makeNode("a")], pods: [running("a1", "a", "4", 1, { app: "web" })] });
  assert.deepEqual(preempt(world, makePod("p", { labels: { app: "web" }, requests: { cpu: "2" }, affinity, priority: 10 })).victims, ["a1"]);
});
