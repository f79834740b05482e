import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTime } from "../../../api/time.ts";
import type { Service } from "../../../api/types/core-v1.gen.ts";
import type { IPAddress, ServiceCIDR } from "../../../api/types/networking-v1.gen.ts";
import { judgeAddress, judgeNodePorts, judgeService, type World } from "./service-address-verdict.ts";

const made = "2026-01-01T00:00:00Z";
const at = (seconds: number): number => parseTime(made) + seconds * 1000;
const service = (name: string, spec: object): Service => ({ metadata: { namespace: "ns", name, creationTimestamp: made }, spec }) as unknown as Service;
const address = (parentRef: object, metadata: object = {}): IPAddress =>
  ({
    metadata: {
      name: "10.0.0.5",
      creationTimestamp: made,
      labels: { "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io", "ipaddress.kubernetes.io/ip-family": "IPv4" },
      ...metadata,
    },
    spec: { parentRef: { group: "", resource: "services", namespace: "ns", name: "web", ...parentRef } },
  }) as unknown as IPAddress;
const web = service("web", { clusterIPs: ["10.0.0.5"] });
const world = (one: IPAddress | undefined, ...services: Service[]): World => ({
  cidrs: [{ metadata: { name: "kubernetes" }, spec: { cidrs: ["10.0.0.0/24"] } } as unknown as ServiceCIDR],
  address: () => one,
  service: (_, name) => services.find(({ metadata }) => metadata.name === name),
});
const of = (one: IPAddress | undefined, subject = web, ...services: Service[]): [string | undefined, string | undefined] => {
  const [{ verdict } = { verdict: {} }] = judgeService(subject, world(one, ...services)) as { verdict: { finding?: { reason: string }; act?: string } }[];
  return [verdict.finding?.reason, verdict.act];
};

test("a Service and its address that agree are left alone", () => {
  assert.deepEqual(of(address({})), [undefined, undefined]);
  assert.deepEqual(judgeService(service("h", { clusterIPs: ["None"] }), world(undefined)), []);
});

test("an address that is missing, or is somebody else's, is made again", () => {
  assert.deepEqual(of(undefined), ["ClusterIPNotAllocated", "make"]);
  assert.deepEqual(of(address({ group: "gateway", resource: "gateways" })), ["ClusterIPNotAllocated", "anew"]);
  assert.deepEqual(of(address({ name: "gone" })), ["ClusterIPNotAllocated", "anew"]);
  assert.deepEqual(of(address({}, { labels: {} })), [undefined, "anew"]);
});

test("an address that two Services have stays with the one it refers to", () => {
  assert.deepEqual(of(address({ name: "first" }), web, service("first", { clusterIPs: ["10.0.0.5"] })), ["ClusterIPAlreadyAllocated", undefined]);
});

test("an address outside all ranges is only told of", () => {
  assert.deepEqual(of(undefined, service("far", { clusterIPs: ["192.168.0.1"] })), ["ClusterIPOutOfRange", undefined]);
});

test("an address whose Service was never stored is given back after the time of a request", () => {
  const nobody = { service: () => undefined };
  assert.deepEqual(judgeAddress(address({}), nobody, at(20)), { again: 40_001 });
  assert.equal(judgeAddress(address({}), nobody, at(61)).act, "drop");
  assert.match(judgeAddress(address({}), nobody, at(61)).finding?.message ?? "", /for Service ns\/web appears to have leaked/);
});

test("an address that its Service does not have is given back, after a rollback could have done so", () => {
  const other = { service: () => service("web", { clusterIPs: ["10.0.0.9"] }) };
  assert.equal(judgeAddress(address({}), other, at(1)).act, "drop");
  assert.deepEqual(judgeAddress(address({}, { creationTimestamp: "2026-01-01T00:00:10Z" }), other, at(12)), { again: 5000 });
  assert.equal(judgeAddress(address({}, { creationTimestamp: "2026-01-01T00:00:10Z" }), other, at(16)).act, "drop");
});

test("an address that the allocator does not manage is nobody's business", () => {
  assert.deepEqual(judgeAddress(address({ name: "gone" }, { labels: {} }), { service: () => undefined }, at(999)), {});
});

test("a node port that two Services have, or that is out of the range, is told of", () => {
  const ports = (name: string, ...numbers: number[]): Service =>
    service(name, { ports: numbers.map((nodePort, i) => ({ nodePort, protocol: i % 2 ? "UDP" : "TCP" })) });
  const found = judgeNodePorts([ports("a", 30001, 30001), ports("b", 30001), ports("c", 99)], 30000, 32767);
  assert.deepEqual(
    found.map(({ service: { metadata }, finding }) => `${metadata.name} ${finding.reason}`),
    ["b PortAlreadyAllocated", "c PortOutOfRange"],
  );
});
