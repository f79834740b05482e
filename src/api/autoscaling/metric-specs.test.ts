import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsCell } from "./metric-specs.ts";

test("a target that has no value of its type is shown as the nothing it is", () => {
  const cpu = { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } };
  const pods = { type: "Pods", pods: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "10" } } };
  const status = { type: "Pods", pods: { metric: { name: "m" }, current: {} } };
  assert.equal(metricsCell([cpu, pods, pods] as never, [{}, status] as never), "cpu: <unknown>/60%, <nil>/10 + 1 more...");
});
