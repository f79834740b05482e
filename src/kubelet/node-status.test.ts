import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus } from "../api/types/core-v1.gen.ts";
import type { KubeletConfig } from "./config.ts";
import { type NodeFacts, nodeStatus } from "./node-status.ts";

const config = {
  nodeIPs: ["10.0.0.1"],
  hostname: "n1",
  port: 10250,
  maxPods: 110,
  systemReserved: {},
  kubeReserved: {},
  evictionHard: { "memory.available": "100Mi" },
};
const facts = {
  machine: { cpus: 2, memory: 4 * 2 ** 30, architecture: "amd64" },
  filesystem: { capacity: 2 ** 30, available: 2 ** 30 },
  runtimeVersion: "containerd://1.6.20",
  runtime: { handlers: [] },
  images: [],
  pressures: new Set(),
  volumesInUse: [],
  devices: { capacity: { "example.com/listed": "3" }, allocatable: { "example.com/listed": "2" } },
  problems: [],
};
const status = (old: object): NodeStatus =>
  nodeStatus(config as unknown as KubeletConfig, facts as unknown as NodeFacts, old as NodeStatus, "2026-01-01T00:00:00Z");

test("an extended resource that was put into the capacity stays there and becomes allocatable", () => {
  const { capacity, allocatable } = status({ capacity: { "example.com/dongle": "4", cpu: "64" }, allocatable: {} });
  assert.deepEqual([capacity?.["example.com/dongle"], allocatable?.["example.com/dongle"]], ["4", "4"]);
  assert.equal(capacity?.cpu, "2");
  assert.deepEqual([capacity?.["example.com/listed"], allocatable?.["example.com/listed"]], ["3", "2"]);
});

test("what the runtime can do is told where it says so; pods with users of their own are not among it", () => {
  const of = (runtime: NodeFacts["runtime"]): NodeStatus =>
    nodeStatus(config as unknown as KubeletConfig, { ...facts, runtime } as unknown as NodeFacts, undefined, "2026-01-01T00:00:00Z");
  assert.deepEqual([of({ handlers: [] }).features, of({ handlers: [] }).runtimeHandlers], [undefined, undefined]);
  const features = { recursiveReadOnlyMounts: true, userNamespaces: true };
  const told = of({ features: { supplementalGroupsPolicy: true }, handlers: [{ name: "runc", features }, { name: "" }] as NodeFacts["runtime"]["handlers"] });
  assert.deepEqual(told.features, { supplementalGroupsPolicy: true });
  assert.deepEqual(told.runtimeHandlers, [
    { name: "", features: { recursiveReadOnlyMounts: false, userNamespaces: false } },
    { name: "runc", features: { recursiveReadOnlyMounts: true, userNamespaces: false } },
  ]);
});
