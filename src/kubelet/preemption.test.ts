import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import { admit } from "./admission.ts";
import type { Shortage } from "./lifecycle.ts";
import { podsToPreempt } from "./preemption.ts";

const pod = (name: string, cpu: string | undefined, extra: { limit?: boolean; priority?: number } = {}): Pod => {
  const requests = cpu === undefined ? {} : { cpu, memory: "1Mi" };
  const resources = cpu === undefined ? {} : { requests, ...(extra.limit ? { limits: requests } : {}) };
  return { metadata: { name, uid: name }, spec: { priority: extra.priority ?? 0, containers: [{ name: "c", resources }] }, status: {} } as unknown as Pod;
};
const critical = (cpu: string): Pod => pod("critical", cpu, { priority: 2_000_000_000 });
const node = { metadata: { name: "n", labels: {} }, spec: {}, status: {} } as unknown as Node;
const room = { cpu: "1", memory: "1Gi", pods: "10" };
const short = (of: Pod, others: Pod[]): readonly Shortage[] => admit(of, node, others, room, [])?.shortages ?? [];
const names = (pods: Pod[]): string[] => pods.map((p) => p.metadata.name);

test("only for a critical pod may others end, and only when nothing else is against it", () => {
  const others = [pod("a", "800m")];
  assert.deepEqual(admit(pod("b", "500m"), node, others, room, []), {
    reason: "OutOfcpu",
    message: "Node didn't have enough resource: cpu, requested: 500, used: 800, capacity: 1000",
  });
  assert.deepEqual(short(critical("500m"), others), [{ name: "cpu", requested: 500, used: 800, capacity: 1000 }]);
  const elsewhere = critical("500m");
  elsewhere.spec.nodeSelector = { no: "where" };
  assert.equal(admit(elsewhere, node, others, room, [])?.reason, "NodeAffinity");
});

test("those without a claim go before those with one, as few as can be, and of equals who asks for less", () => {
  const others = [pod("guaranteed", "300m", { limit: true }), pod("big", "400m"), pod("small", "200m"), pod("nothing", undefined)];
  const needs = short(critical("400m"), others);
  assert.deepEqual(names(podsToPreempt(critical("400m"), others, needs)), ["big"]);
  assert.deepEqual(names(podsToPreempt(critical("200m"), others, short(critical("200m"), others))), ["small"]);
  assert.deepEqual(names(podsToPreempt(critical("900m"), others, short(critical("900m"), others))).sort(), ["big", "guaranteed", "small"]);
});

test("when all of them together are not enough, nobody ends", () => {
  const others = [pod("equal", "800m", { priority: 2_000_000_000 }), pod("a", "100m")];
  assert.throws(
    () => podsToPreempt(critical("500m"), others, short(critical("500m"), others)),
    new Error("no set of running pods found to reclaim resources: [(res: cpu, q: 300), ]"),
  );
});
