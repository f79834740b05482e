import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Device, DeviceClass, ResourceClaim, ResourceSlice } from "../api/types/resource-v1.gen.ts";
import { type FakeServer, running } from "./fake-server.ts";
import { makeNode, makePod } from "./fixtures.ts";

const driver = "gpu.example.com";

function furnish(server: FakeServer, devices: Device[] = [{ name: "d1" }]): void {
  server.put("nodes", makeNode("a"));
  server.put("nodes", makeNode("b"));
  server.put<DeviceClass>("deviceclasses", { metadata: { name: "gpu" } as DeviceClass["metadata"], spec: {} });
  const spec = { driver, pool: { name: "b", generation: 1, resourceSliceCount: 1 }, nodeName: "b", devices };
  server.put<ResourceSlice>("resourceslices", { metadata: { name: "slice" } as ResourceSlice["metadata"], spec });
}
function claimNamed(name: string): ResourceClaim {
  const metadata = { name, namespace: "default", uid: `uid-${name}` } as ResourceClaim["metadata"];
  const requests = [{ name: "r", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } }];
  return { metadata, spec: { devices: { requests } }, status: {} };
}
const podWith = (name: string, claim: string): Pod => makePod(name, { resourceClaims: [{ name: "c", resourceClaimName: claim }] });
const claimIn = (server: FakeServer, name: string): ResourceClaim => server.get<ResourceClaim>("resourceclaims", `default/${name}`) as ResourceClaim;

test("a pod goes where its claim gets a device, which is written into the claim", () =>
  running(async (server, tick) => {
    furnish(server);
    server.put("resourceclaims", claimNamed("c"));
    server.put("pods", podWith("p", "c"));
    await tick();
    assert.equal(server.pod("p")?.spec.nodeName, "b");
    const { metadata, status } = claimIn(server, "c");
    assert.deepEqual(metadata.finalizers, ["resource.kubernetes.io/delete-protection"]);
    assert.deepEqual(status.allocation?.devices, { results: [{ request: "r", driver, pool: "b", device: "d1" }] });
    assert.deepEqual(status.allocation?.nodeSelector?.nodeSelectorTerms, [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] }]);
    assert.deepEqual(
      status.reservedFor?.map(({ resource, name }) => [resource, name]),
      [["pods", "p"]],
    );
  }));

test("a pod waits for its claim to be made, and for devices to be given back", () =>
  running(async (server, tick) => {
    furnish(server);
    server.put("pods", podWith("p", "c"));
    await tick();
    assert.equal(server.pod("p")?.status.conditions, undefined);
    server.put("resourceclaims", claimNamed("c"));
    await tick();
    assert.equal(server.pod("p")?.spec.nodeName, "b");
    server.put("resourceclaims", claimNamed("d"));
    server.put("pods", podWith("q", "d"));
    await tick();
    const message = server.pod("q")?.status.conditions?.[0]?.message;
    assert.equal(
      message,
      "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
    server.put("resourceclaims", { ...claimIn(server, "c"), status: {} });
    await tick(1000);
    assert.equal(server.pod("q")?.spec.nodeName, "b");
  }));

test("pods share a claim that has its devices", () =>
  running(async (server, tick) => {
    furnish(server);
    server.put("resourceclaims", claimNamed("c"));
    server.put("pods", podWith("p", "c"));
    await tick();
    server.put("pods", podWith("q", "c"));
    await tick();
    assert.equal(server.pod("q")?.spec.nodeName, "b");
    assert.deepEqual(
      claimIn(server, "c").status.reservedFor?.map(({ name }) => name),
      ["p", "q"],
    );
  }));

test("devices that nobody uses any more are given back where they cannot be reached", () =>
  running(async (server, tick) => {
    furnish(server);
    const elsewhere = { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["gone"] }] }] };
    const allocation = { devices: { results: [{ request: "r", driver, pool: "gone", device: "d1" }] }, nodeSelector: elsewhere };
    server.put("resourceclaims", { ...claimNamed("c"), status: { allocation } });
    server.put("pods", podWith("p", "c"));
    await tick();
    assert.match(server.events[0]?.note ?? "", /2 resourceclaim not available on the node\. deallocation of ResourceClaim completed, preemption/);
    await tick(1000);
    assert.equal(server.pod("p")?.spec.nodeName, "b");
  }));

test("a device that has to be made ready first holds the binding up", () =>
  running(async (server, tick) => {
    furnish(server, [{ name: "d1", bindingConditions: ["ready"] }]);
    server.put("resourceclaims", claimNamed("c"));
    server.put("pods", podWith("p", "c"));
    await tick();
    assert.equal(server.pod("p")?.spec.nodeName, undefined);
    assert.deepEqual(
      server.events.map(({ note }) => note),
      ["waiting for binding conditions for device on node b"],
    );
    const { status, ...claim } = claimIn(server, "c");
    const conditions = [{ type: "ready", status: "True", reason: "x", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" }];
    server.put("resourceclaims", { ...claim, status: { ...status, devices: [{ driver, pool: "b", device: "d1", conditions }] } });
    await tick(5000);
    assert.equal(server.pod("p")?.spec.nodeName, "b");
  }));
