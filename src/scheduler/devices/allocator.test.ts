import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device, DeviceClass, DeviceRequest, ResourceClaim, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import { Allocator } from "./allocator.ts";
import { type DevicesInUse, devicesInUse } from "./in-use.ts";

const node = { name: "n1", labels: { zone: "a" } };
const driver = "gpu.example.com";

function claimOf(requests: DeviceRequest[], rest: Partial<ResourceClaim["spec"]["devices"]> = {}, name = "c"): ResourceClaim {
  return { metadata: { name, namespace: "default", uid: name } as ResourceClaim["metadata"], spec: { devices: { requests, ...rest } }, status: {} };
}
const exactly = (name: string, rest: Partial<NonNullable<DeviceRequest["exactly"]>> = {}): DeviceRequest => ({
  name,
  exactly: { deviceClassName: "any", allocationMode: "ExactCount", count: 1, ...rest },
});
const where = (expression: string): { selectors: { cel: { expression: string } }[] } => ({ selectors: [{ cel: { expression } }] });

function sliceOf(devices: Device[] | undefined, spec: Partial<ResourceSlice["spec"]> = {}, name = "s"): ResourceSlice {
  const metadata = { name } as ResourceSlice["metadata"];
  const placed = spec.perDeviceNodeSelection || spec.sharedCounters || spec.nodeSelector ? {} : { nodeName: "n1" };
  return { metadata, spec: { driver, pool: { name: "p", generation: 1, resourceSliceCount: 1 }, ...placed, devices, ...spec } };
}
const deviceOf = (name: string, model: string, rest: Partial<Device> = {}): Device => ({ name, attributes: { model: { string: model } }, ...rest });

interface World {
  slices: ResourceSlice[];
  inUse?: DevicesInUse;
  classes?: Record<string, DeviceClass["spec"]>;
}
function allocate(claims: ResourceClaim[], { slices, inUse = devicesInUse([]), classes = {} }: World): string[][] | undefined {
  const known: World["classes"] = { any: {}, ...classes };
  let shares = 0;
  const allocator = new Allocator({
    claims,
    slices,
    inUse,
    classOf: (name) => (known[name] ? { metadata: { name } as DeviceClass["metadata"], spec: known[name] } : undefined),
    uuid: () => `share-${++shares}`,
    timer: () => () => {},
  });
  return allocator.allocate(node)?.map(({ devices }) => (devices.results ?? []).map(({ request, device }) => `${request}=${device}`));
}
const pair = sliceOf([deviceOf("d1", "a"), deviceOf("d2", "b"), deviceOf("d3", "b")]);

test("devices are taken in order, each once", () => {
  assert.deepEqual(allocate([claimOf([exactly("x", { count: 2 }), exactly("y")])], { slices: [pair] }), [["x=d1", "x=d2", "y=d3"]]);
  assert.equal(allocate([claimOf([exactly("x", { count: 4 })])], { slices: [pair] }), undefined);
  const inUse = devicesInUse([{ devices: { results: [{ request: "r", driver, pool: "p", device: "d1" }] } }]);
  assert.deepEqual(allocate([claimOf([exactly("x")])], { slices: [pair], inUse }), [["x=d2"]]);
});

test("where the first choice leads nowhere another is tried", () => {
  const claim = claimOf([exactly("x"), exactly("y")], { constraints: [{ matchAttribute: `${driver}/model` }] });
  assert.deepEqual(allocate([claim], { slices: [pair] }), [["x=d2", "y=d3"]]);
  const distinct = claimOf([exactly("x", { count: 2 })], { constraints: [{ distinctAttribute: `${driver}/model` }] });
  assert.deepEqual(allocate([distinct], { slices: [pair] }), [["x=d1", "x=d2"]]);
  assert.deepEqual(allocate([claimOf([exactly("x")]), claimOf([exactly("y", where(`device.attributes["${driver}"].model == "a"`))])], { slices: [pair] }), [
    ["x=d2"],
    ["y=d1"],
  ]);
});

test("the selectors of class and request both count, and what fails in them is told", () => {
  const classes = { b: where(`device.attributes["${driver}"].model == "b"`), broken: where(`device.attributes["${driver}"].nope > 1`) };
  assert.deepEqual(allocate([claimOf([exactly("x", { deviceClassName: "b" })])], { slices: [pair], classes }), [["x=d2"]]);
  assert.throws(() => allocate([claimOf([exactly("x", { deviceClassName: "broken" })])], { slices: [pair], classes }), {
    message: "class broken: selector #0: CEL runtime error: no such key: nope",
  });
});

test("all devices means all of them, and none is no answer", () => {
  const all = (expression: string): ResourceClaim => claimOf([exactly("x", { allocationMode: "All", ...where(expression) })]);
  assert.deepEqual(allocate([all(`device.attributes["${driver}"].model == "b"`)], { slices: [pair] }), [["x=d2", "x=d3"]]);
  assert.equal(allocate([all("false")], { slices: [pair] }), undefined);
  const halfway = sliceOf([deviceOf("d1", "a")], { pool: { name: "p", generation: 1, resourceSliceCount: 2 } });
  assert.throws(() => allocate([all("true")], { slices: [halfway] }), {
    message: "claim default/c, request x: asks for all devices, but resource pool gpu.example.com/p is currently being updated",
  });
  assert.equal(allocate([claimOf([exactly("x")])], { slices: [halfway] }), undefined);
});

test("of alternatives the first that works is taken", () => {
  const firstAvailable = [
    { name: "three", deviceClassName: "any", allocationMode: "ExactCount", count: 3, ...where(`device.attributes["${driver}"].model == "b"`) },
    { name: "two", deviceClassName: "any", allocationMode: "ExactCount", count: 2, ...where(`device.attributes["${driver}"].model == "b"`) },
  ];
  assert.deepEqual(allocate([claimOf([{ name: "x", firstAvailable }])], { slices: [pair] }), [["x/two=d2", "x/two=d3"]]);
});

test("taints keep those away who do not tolerate them", () => {
  const slices = [sliceOf([deviceOf("d1", "a", { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] })])];
  assert.equal(allocate([claimOf([exactly("x")])], { slices }), undefined);
  assert.deepEqual(allocate([claimOf([exactly("x", { tolerations: [{ key: "k", operator: "Exists" }] })])], { slices }), [["x=d1"]]);
});

test("administrators get what others hold", () => {
  const inUse = devicesInUse([{ devices: { results: ["d1", "d2", "d3"].map((device) => ({ request: "r", driver, pool: "p", device })) } }]);
  assert.equal(allocate([claimOf([exactly("x")])], { slices: [pair], inUse }), undefined);
  assert.deepEqual(allocate([claimOf([exactly("x", { adminAccess: true })])], { slices: [pair], inUse }), [["x=d1"]]);
});

test("parts of one device share its counters", () => {
  const pool = { name: "p", generation: 1, resourceSliceCount: 2 };
  const part = (name: string, value: string): Device => ({ name, consumesCounters: [{ counterSet: "whole", counters: { memory: { value } } }] });
  const counters = sliceOf(undefined, { pool, sharedCounters: [{ name: "whole", counters: { memory: { value: "10Gi" } } }] }, "counters");
  const slices = [counters, sliceOf([part("all", "10Gi"), part("half-1", "5Gi"), part("half-2", "5Gi"), part("half-3", "5Gi")], { pool })];
  assert.deepEqual(allocate([claimOf([exactly("x", { count: 2 })])], { slices }), [["x=half-1", "x=half-2"]]);
  assert.equal(allocate([claimOf([exactly("x", { count: 3 })])], { slices }), undefined);
  const inUse = devicesInUse([{ devices: { results: [{ request: "r", driver, pool: "p", device: "half-2" }] } }]);
  assert.deepEqual(allocate([claimOf([exactly("x")])], { slices, inUse }), [["x=half-1"]]);
});

test("shares of a device end where its capacity does", () => {
  const requestPolicy = { default: "1", validRange: { min: "1", step: "2", max: "9" } };
  const slices = [sliceOf([deviceOf("d1", "a", { allowMultipleAllocations: true, capacity: { bandwidth: { value: "10", requestPolicy } } })])];
  const share = (amount: string): ResourceClaim => claimOf([exactly("x", { capacity: { requests: { bandwidth: amount } } })]);
  assert.deepEqual(allocate([share("4"), share("4")], { slices }), [["x=d1"], ["x=d1"]]);
  assert.equal(allocate([share("4"), share("6")], { slices }), undefined);
  assert.equal(allocate([share("10")], { slices }), undefined);
});

test("devices that only some nodes reach", () => {
  const devices = [deviceOf("d1", "a", { nodeName: "n2" }), deviceOf("d2", "a", { allNodes: true })];
  assert.deepEqual(allocate([claimOf([exactly("x")])], { slices: [sliceOf(devices, { perDeviceNodeSelection: true })] }), [["x=d2"]]);
  const zone = (value: string): ResourceSlice =>
    sliceOf([deviceOf("d1", "a")], { nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: [value] }] }] } });
  assert.deepEqual(allocate([claimOf([exactly("x")])], { slices: [zone("a")] }), [["x=d1"]]);
  assert.equal(allocate([claimOf([exactly("x")])], { slices: [zone("b")] }), undefined);
});

test("the newest generation of a pool counts", () => {
  const old = sliceOf([deviceOf("d1", "a")], {}, "old");
  const now = sliceOf([deviceOf("d2", "a")], { pool: { name: "p", generation: 2, resourceSliceCount: 1 } }, "now");
  assert.deepEqual(allocate([claimOf([exactly("x")])], { slices: [old, now] }), [["x=d2"]]);
  const elsewhere = sliceOf([deviceOf("d2", "a")], { pool: { name: "p", generation: 2, resourceSliceCount: 1 }, nodeName: "n2" }, "now");
  assert.deepEqual(allocate([claimOf([exactly("x")])], { slices: [old, elsewhere] }), [["x=d1"]]);
});
