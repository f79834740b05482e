import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { DeviceClass, ResourceClaim, ResourceSlice } from "../api/types/resource-v1.gen.ts";
import { type FakeServer, running } from "./fake-server.ts";
import { makeNode, makePod } from "./fixtures.ts";

const driver = "gpu.example.com";
const resource = "example.com/gpu";

function furnish(server: FakeServer, nodes: Record<string, number>): void {
  server.put<DeviceClass>("deviceclasses", { metadata: { name: "gpu" } as DeviceClass["metadata"], spec: { extendedResourceName: resource } });
  for (const [nodeName, count] of Object.entries(nodes)) {
    server.put("nodes", makeNode(nodeName));
    const devices = Array.from({ length: count }, (_, i) => ({ name: `d${i}` }));
    const spec = { driver, pool: { name: nodeName, generation: 1, resourceSliceCount: 1 }, nodeName, devices };
    server.put<ResourceSlice>("resourceslices", { metadata: { name: `of-${nodeName}` } as ResourceSlice["metadata"], spec });
  }
}
const podFor = (name: string, amount: string, of = resource): Pod => makePod(name, { requests: { [of]: amount } });
const claims = (server: FakeServer): ResourceClaim[] => server.list<ResourceClaim>("resourceclaims");
const why = (server: FakeServer, name: string): string => server.pod(name)?.status.conditions?.[0]?.message ?? "";

test("a pod that asks for an extended resource gets a claim of its own where devices stand behind the resource", () =>
  running(async (server, tick) => {
    furnish(server, { a: 0, b: 2 });
    server.put("pods", podFor("p", "2"));
    await tick();
    const pod = server.pod("p") as Pod;
    assert.equal(pod.spec.nodeName, "b");
    const [claim] = claims(server);
    const { metadata, spec, status } = claim as ResourceClaim;
    assert.match(metadata.name, /^p-extended-resources-/);
    assert.deepEqual(metadata.annotations, { "resource.kubernetes.io/extended-resource-claim": "true" });
    assert.deepEqual(metadata.ownerReferences, [{ apiVersion: "v1", kind: "Pod", name: "p", uid: pod.metadata.uid, controller: true }]);
    assert.deepEqual(metadata.finalizers, ["resource.kubernetes.io/delete-protection"]);
    const exactly = { deviceClassName: "gpu", allocationMode: "ExactCount", count: 2 };
    assert.deepEqual(spec, { devices: { requests: [{ name: "container-0-request-0", exactly }] } });
    assert.deepEqual(
      status.allocation?.devices.results?.map(({ device }) => device),
      ["d0", "d1"],
    );
    assert.deepEqual(
      status.reservedFor?.map(({ name }) => name),
      ["p"],
    );
    assert.deepEqual(pod.status.extendedResourceClaimStatus, {
      resourceClaimName: metadata.name,
      requestMappings: [{ containerName: "main", resourceName: resource, requestName: "container-0-request-0" }],
    });
  }));

test("the class's own name for its devices does as well, and devices are given once", () =>
  running(async (server, tick) => {
    furnish(server, { a: 1 });
    server.put("pods", podFor("p", "1", "deviceclass.resource.kubernetes.io/gpu"));
    await tick();
    assert.equal(server.pod("p")?.spec.nodeName, "a");
    server.put("pods", podFor("q", "1"));
    await tick();
    assert.equal(server.pod("q")?.spec.nodeName, undefined);
    assert.match(why(server, "q"), /^0\/1 nodes are available: 1 cannot allocate all claims\. still not schedulable, /);
    const [claim] = claims(server);
    server.put("resourceclaims", { ...(claim as ResourceClaim), status: {} });
    await tick(1000);
    assert.equal(server.pod("q")?.spec.nodeName, "a");
  }));

test("a node that has the resource itself gives its own", () =>
  running(async (server, tick) => {
    furnish(server, { a: 0 });
    server.put("nodes", makeNode("plugin", { allocatable: { [resource]: "1" } }));
    server.put("pods", podFor("p", "1"));
    await tick();
    assert.equal(server.pod("p")?.spec.nodeName, "plugin");
    assert.deepEqual(claims(server), []);
    assert.equal(server.pod("p")?.status.extendedResourceClaimStatus, undefined);
    server.put("pods", podFor("q", "1"));
    await tick();
    assert.match(why(server, "q"), /1 Insufficient example\.com\/gpu, 1 cannot allocate all claims/);
  }));

test("a pod waits for the class that stands behind its resource", () =>
  running(async (server, tick) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", podFor("p", "1"));
    await tick();
    assert.match(why(server, "p"), /1 Insufficient example\.com\/gpu/);
    furnish(server, { a: 1 });
    await tick(1000);
    assert.equal(server.pod("p")?.spec.nodeName, "a");
  }));

test("a claim that was made is removed when the pod is not bound, and its devices are free again", () =>
  running(async (server, tick) => {
    furnish(server, { a: 1 });
    server.refusal = new StatusError({ code: 500, reason: "InternalError", message: "away" });
    server.put("pods", podFor("p", "1"));
    await tick();
    assert.equal(server.pod("p")?.spec.nodeName, undefined);
    assert.deepEqual(claims(server), []);
    server.refusal = undefined;
    await tick(15_000);
    assert.equal(server.pod("p")?.spec.nodeName, "a");
    assert.equal(claims(server).length, 1);
  }));

test("what an earlier scheduler has left of a pod is removed before the pod is tried again", () =>
  running(async (server, tick) => {
    furnish(server, { a: 1 });
    const pod = podFor("p", "1");
    const ownerReferences = [{ apiVersion: "v1", kind: "Pod", name: "p", uid: pod.metadata.uid, controller: true }];
    const annotations = { "resource.kubernetes.io/extended-resource-claim": "true" };
    const metadata = { name: "old", namespace: "default", uid: "old", ownerReferences, annotations } as unknown as ResourceClaim["metadata"];
    const requests = [{ name: "container-0-request-0", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } }];
    server.put<ResourceClaim>("resourceclaims", { metadata, spec: { devices: { requests } }, status: {} });
    server.put("pods", pod);
    await tick();
    assert.match(server.events[0]?.note ?? "", /1 cannot schedule extended resource claim\. deletion of ResourceClaim completed, /);
    await tick(15_000);
    assert.equal(server.pod("p")?.spec.nodeName, "a");
    assert.notEqual(claims(server)[0]?.metadata.name, "old");
  }));
