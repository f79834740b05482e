import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { meanOf, replicasFor, replicasForShare, replicasForTotal, requestsOf, type Sample, utilizationOf } from "./replica-calculator.ts";
import { History, normalize } from "./stabilization.ts";

const now = Date.parse("2026-01-01T01:00:00Z");
const pod = (name: string, phase = "Running", ready = "True"): Pod =>
  ({
    metadata: { name },
    spec: { containers: [{ name: "c", resources: { requests: { cpu: "1" } } }] },
    status: { phase, startTime: "2026-01-01T00:00:00Z", conditions: [{ type: "Ready", status: ready, lastTransitionTime: "2026-01-01T00:00:10Z" }] },
  }) as unknown as Pod;
const samples = (...values: (number | undefined)[]): Map<string, Sample> =>
  new Map(values.flatMap((value, i) => (value === undefined ? [] : [[`p${i}`, { value, timestamp: now, window: 30_000 }] as const])));
const ask = (pods: Pod[], values: (number | undefined)[], target = 50): number =>
  replicasFor({
    pods,
    samples: samples(...values),
    cpu: true,
    current: pods.length,
    tolerances: { up: 0.1, down: 0.1 },
    measure: (s) => utilizationOf(s, requestsOf(pods, "cpu", ""), target),
    assumed: () => 1000,
    now,
  }).replicas;
const three = [pod("p0"), pod("p1"), pod("p2")];

test("the count follows the utilization, beyond the tolerance", () => {
  assert.equal(ask(three, [1000, 1000, 1000]), 6);
  assert.equal(ask(three, [540, 540, 540]), 3);
  assert.equal(ask(three, [100, 100, 100]), 1);
});

test("pods without samples are taken to be idle when the others are busy, and busy when they are idle", () => {
  assert.equal(ask(three, [1000, 1000, undefined]), 4);
  assert.equal(ask(three, [100, 100, undefined]), 3);
});

test("pods that start count as idle when scaling up and not at all when scaling down", () => {
  assert.equal(ask([pod("p0"), pod("p1"), pod("p2", "Pending")], [1000, 1000, undefined]), 4);
  assert.equal(ask([pod("p0"), pod("p1"), pod("p2", "Pending")], [100, 100, undefined]), 1);
  assert.throws(() => ask([pod("p0", "Pending")], [100]), /did not receive metrics for targeted pods/);
});

test("a container without a request is named", () => {
  assert.throws(() => requestsOf([pod("p0")], "memory", ""), /^Error: missing request for memory in container c of Pod p0$/);
  assert.throws(() => requestsOf([pod("p0")], "cpu", "x"), /container x not found in Pod p0/);
  assert.deepEqual(meanOf(samples(100, 201), 100), { ratio: 1.5, usage: 150 });
});

test("a total is divided among the ready pods, a share among all", () => {
  assert.equal(replicasForTotal(3, 2, { up: 0.1, down: 0.1 }, [pod("p0"), pod("p1"), pod("p2", "Running", "False")]), 4);
  assert.deepEqual(replicasForShare(3, 10_000, 2000, { up: 0.1, down: 0.1 }), { replicas: 5, usage: 3334 });
});

test("without behaviour it doubles at most and shrinks only to the highest of five minutes", () => {
  const history = new History();
  assert.deepEqual(normalize(history, { current: 3, desired: 20, min: 1, max: 50, now: 0 }).replicas, 6);
  const held = normalize(history, { current: 6, desired: 2, min: 1, max: 6, now: 60_000 });
  assert.deepEqual([held.replicas, held.able.reason, held.limited.reason], [6, "ScaleDownStabilized", "TooManyReplicas"]);
  assert.equal(normalize(history, { current: 6, desired: 2, min: 1, max: 6, now: 400_000 }).replicas, 2);
});

test("policies count what changed within their period, and Disabled stays", () => {
  const behavior = {
    scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: "Max", policies: [{ type: "Pods", value: 2, periodSeconds: 60 }] },
    scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Disabled", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
  };
  const history = new History();
  const at = (current: number, desired: number, now: number) => normalize(history, { current, desired, min: 1, max: 50, behavior, now });
  assert.deepEqual([at(3, 9, 0).replicas, at(3, 9, 0).limited.reason], [5, "ScaleUpLimit"]);
  history.recordScale(behavior, 3, 5, 0);
  assert.equal(at(5, 9, 30_000).replicas, 5);
  assert.equal(at(5, 9, 61_000).replicas, 7);
  assert.deepEqual([at(5, 1, 120_000).replicas, at(5, 1, 120_000).limited.reason], [5, "ScaleDownLimit"]);
});
