import assert from "node:assert/strict";
import { test } from "node:test";
import { path } from "../field.ts";
import { metricsCell, validateMetrics } from "./metric-specs.ts";

test("a target that has no value of its type is shown as the nothing it is", () => {
  const cpu = { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } };
  const pods = { type: "Pods", pods: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "10" } } };
  const status = { type: "Pods", pods: { metric: { name: "m" }, current: {} } };
  assert.equal(metricsCell([cpu, pods, pods] as never, [{}, status] as never), "cpu: <unknown>/60%, <nil>/10 + 1 more...");
});

test("a container's resource is quoted as a text first and as a name of its own type after it", () => {
  const containerResource = { name: "\x7f", container: "c", target: { type: "AverageValue", averageValue: "1" } };
  const errors = validateMetrics([{ type: "ContainerResource", containerResource }], 1, path("spec", "metrics"), {} as never);
  const values = errors.map(({ body }) => body.split(": ")[1]);
  assert.deepEqual(values, ['"\\x7f"', '"\x7f"']);
});
