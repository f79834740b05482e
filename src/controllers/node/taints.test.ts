import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../../api/types/core-v1.gen.ts";
import { evictionRate, observe, silentConditions, zoneState } from "./node-health.ts";
import { toleratedFor, withNoExecute, withNoSchedule } from "./taints.ts";

const node = (conditions: object[], spec: object = {}): Node =>
  ({ metadata: { name: "n", creationTimestamp: "2026-01-01T00:00:00Z" }, spec, status: { conditions } }) as unknown as Node;
const ready = (status: string, beat = "1") => ({ type: "Ready", status, lastHeartbeatTime: beat });

test("conditions and cordoning become NoSchedule taints, and foreign taints stay", () => {
  const foreign = { key: "mine", effect: "NoSchedule" };
  const stale = { key: "node.kubernetes.io/disk-pressure", effect: "NoSchedule" };
  const taints = withNoSchedule(node([ready("Unknown")], { unschedulable: true, taints: [foreign, stale] }), "t");
  assert.deepEqual(
    taints?.map((t) => t.key),
    ["mine", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable"],
  );
  assert.equal(withNoSchedule(node([ready("True")], { taints: [foreign] }), "t"), undefined);
});

test("not ready and unreachable exclude each other", () => {
  const unreachable = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
  assert.deepEqual(withNoExecute(node([], { taints: [unreachable] }), "node.kubernetes.io/not-ready", "t"), [
    { key: "node.kubernetes.io/not-ready", effect: "NoExecute", timeAdded: "t" },
  ]);
  assert.equal(withNoExecute(node([], { taints: [unreachable] }), "node.kubernetes.io/unreachable", "t"), undefined);
  assert.deepEqual(withNoExecute(node([], { taints: [unreachable] }), undefined, "t"), []);
});

test("a pod stays as long as its shortest toleration, and not at all without one", () => {
  const taints = [
    { key: "a", effect: "NoExecute" },
    { key: "b", value: "v", effect: "NoExecute" },
  ];
  assert.equal(toleratedFor([{ operator: "Exists" }], taints), undefined);
  assert.equal(toleratedFor([{ key: "a", operator: "Exists" }], taints), 0);
  assert.equal(
    toleratedFor(
      [
        { key: "a", operator: "Exists", tolerationSeconds: 30 },
        { key: "b", operator: "Equal", value: "v", tolerationSeconds: 5 },
      ],
      taints,
    ),
    5000,
  );
});

test("a node is lost when neither status nor lease move for the grace period", () => {
  const grace = { monitor: 40_000, startup: 60_000 };
  const first = observe(undefined, node([ready("True")]), undefined, 0);
  assert.equal(silentConditions(node([ready("True")]), first, grace, 40_000), undefined);
  assert.deepEqual(
    silentConditions(node([ready("True")]), first, grace, 40_001)?.map((c) => [c.type, c.status, c.reason]),
    [
      ["Ready", "Unknown", "NodeStatusUnknown"],
      ["MemoryPressure", "Unknown", "NodeStatusNeverUpdated"],
      ["DiskPressure", "Unknown", "NodeStatusNeverUpdated"],
      ["PIDPressure", "Unknown", "NodeStatusNeverUpdated"],
    ],
  );
  const renewed = observe(first, node([ready("True")]), { spec: { renewTime: "x" } } as never, 30_000);
  assert.equal(silentConditions(node([ready("True")]), renewed, grace, 60_000), undefined);
  assert.equal(observe(renewed, node([ready("True", "2")]), { spec: { renewTime: "x" } } as never, 50_000).seenAt, 50_000);
});

const rates = { primary: 0.1, secondary: 0.01, large: 50 };

test("evictions slow down when much of a zone is lost and stop when all is", () => {
  assert.equal(zoneState(0, 1), "FullDisruption");
  assert.equal(zoneState(2, 3), "PartialDisruption");
  assert.equal(zoneState(1, 2), "Normal");
  assert.equal(evictionRate("PartialDisruption", 60, false, rates), 0.01);
  assert.equal(evictionRate("PartialDisruption", 10, false, rates), 0);
  assert.equal(evictionRate("FullDisruption", 10, true, rates), 0);
});
