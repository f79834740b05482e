import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod, Service } from "../../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import { planSlices } from "./endpointslice-plan.ts";

const service = {
  metadata: { name: "web", namespace: "ns", uid: "svc", labels: { team: "x" } },
  spec: { clusterIP: "10.0.0.1", ipFamilies: ["IPv4"], selector: { a: "b" }, ports: [{ name: "http", port: 80, targetPort: "web" }] },
} as unknown as Service;
const pod = (i: number, { ready = true, node = "n", deleted = false } = {}): Pod =>
  ({
    metadata: { name: `p${i}`, namespace: "ns", uid: `p${i}`, ...(deleted ? { deletionTimestamp: "t" } : {}) },
    spec: { nodeName: node, containers: [{ name: "c", ports: [{ name: "web", containerPort: 8080 }] }] },
    status: {
      phase: "Running",
      podIP: `10.1.0.${i}`,
      podIPs: [{ ip: `10.1.0.${i}` }, { ip: `fd00::${i}` }],
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  }) as unknown as Pod;
const node = (name: string): Node | undefined =>
  name === "n" ? ({ metadata: { name, labels: { "topology.kubernetes.io/zone": "z" } } } as unknown as Node) : undefined;
const plan = (pods: Pod[], existing: EndpointSlice[] = [], of = service) => planSlices({ service: of, pods, existing, node, maxEndpoints: 3 });
const named = (slice: EndpointSlice, name: string): EndpointSlice => ({ ...slice, metadata: { ...slice.metadata, name, uid: name } });

test("endpoints carry address, readiness, node and zone, slices the service's labels", () => {
  const { create } = plan([pod(1), pod(2, { ready: false }), pod(3, { deleted: true })]);
  assert.equal(create.length, 1);
  const [slice] = create;
  assert.deepEqual(
    slice?.endpoints.map((e) => [e.addresses[0], e.conditions?.ready, e.conditions?.serving, e.conditions?.terminating, e.nodeName, e.zone]),
    [
      ["10.1.0.1", true, true, false, "n", "z"],
      ["10.1.0.2", false, false, false, "n", "z"],
      ["10.1.0.3", false, true, true, "n", "z"],
    ],
  );
  assert.deepEqual(slice?.ports, [{ name: "http", port: 8080, protocol: "TCP" }]);
  assert.deepEqual(slice?.metadata.labels, {
    team: "x",
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
});

test("a service without pods has one empty slice, which is not made again", () => {
  const { create } = plan([]);
  assert.deepEqual([create.length, create[0]?.endpoints.length], [1, 0]);
  const again = plan([], [named(create[0] as EndpointSlice, "web-1")]);
  assert.deepEqual([again.create, again.update, again.delete], [[], [], []]);
});

test("the first pod replaces the empty slice in place", () => {
  const [empty] = plan([]).create;
  const { create, update, delete: gone } = plan([pod(1)], [named(empty as EndpointSlice, "web-1")]);
  assert.deepEqual([create.length, gone.length, update.map((s) => s.metadata.name)], [0, 0, ["web-1"]]);
});

test("endpoints stay in their slices; new ones fill changed slices before new ones are made", () => {
  const [full, half] = plan([1, 2, 3, 4].map((i) => pod(i))).create as [EndpointSlice, EndpointSlice];
  const existing = [named(full, "one"), named(half, "two")];
  assert.deepEqual(
    plan(
      [1, 2, 3, 4].map((i) => pod(i)),
      existing,
    ).update,
    [],
  );
  const {
    create,
    update,
    delete: gone,
  } = plan(
    [1, 3, 4, 5].map((i) => pod(i)),
    existing,
  );
  assert.deepEqual([create.length, gone.length], [0, 0]);
  assert.deepEqual(
    update.map((s) => [s.metadata.name, s.endpoints.map((e) => e.addresses[0])]),
    [["one", ["10.1.0.1", "10.1.0.3", "10.1.0.5"]]],
  );
});

test("a pod whose node is unknown is left out and reported", () => {
  const { skipped, create } = plan([pod(1, { node: "gone" })]);
  assert.deepEqual([skipped.map((p) => p.metadata.name), create[0]?.endpoints.length], [["p1"], 0]);
});

test("traffic distribution gives hints to ready endpoints", () => {
  const near = { ...service, spec: { ...service.spec, trafficDistribution: "PreferSameNode" } } as Service;
  const { create } = plan([pod(1), pod(2, { ready: false })], [], near);
  assert.deepEqual(
    create[0]?.endpoints.map((e) => e.hints),
    [{ forZones: [{ name: "z" }], forNodes: [{ name: "n" }] }, undefined],
  );
});
