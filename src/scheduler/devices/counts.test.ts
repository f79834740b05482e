import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device, DeviceClass, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import { deviceCounts } from "./counts.ts";
import { devicesInUse } from "./in-use.ts";

const driver = "gpu.example.com";
const slice = (name: string, devices: Device[], where: Partial<ResourceSlice["spec"]>): ResourceSlice => ({
  metadata: { name } as ResourceSlice["metadata"],
  spec: { driver, pool: { name, generation: 1, resourceSliceCount: 1 }, devices, ...where },
});
const fast = (name: string, bool: boolean, more: Partial<Device> = {}): Device => ({ name, attributes: { fast: { bool } }, ...more });
const slices = [
  slice("a", [fast("d1", true), fast("d2", false), fast("d3", true)], { nodeName: "a" }),
  slice("all", [fast("d1", true)], { allNodes: true }),
  slice("each", [fast("d1", true, { nodeName: "b" }), fast("d2", true, { nodeName: "c" })], { perDeviceNodeSelection: true }),
];
const held = { devices: { results: [{ request: "r", driver, pool: "a", device: "d3" }] } };
const counts = (expression: string | undefined, node: string): { all: number; used: number } => {
  const spec = expression === undefined ? {} : { selectors: [{ cel: { expression } }] };
  const of: DeviceClass = { metadata: { name: "gpu" } as DeviceClass["metadata"], spec };
  return deviceCounts(of, { slices: () => slices, inUse: () => devicesInUse([held]) })({ name: node, labels: {} });
};

test("devices of a class are counted where they can be reached, and those that claims hold besides", () => {
  assert.deepEqual(
    ["a", "b", "c", "d"].map((node) => counts(undefined, node)),
    [
      { all: 4, used: 1 },
      { all: 2, used: 0 },
      { all: 2, used: 0 },
      { all: 1, used: 0 },
    ],
  );
  assert.deepEqual(counts(`device.attributes["${driver}"].fast`, "a"), { all: 3, used: 1 });
});

test("where a selector fails nothing is counted", () => {
  assert.deepEqual(counts(`device.attributes["${driver}"].missing`, "a"), { all: 0, used: 0 });
});
