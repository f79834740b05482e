import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import { type PackedSlice, packerFor } from "./packed-slice.ts";
import { healthCheckPortOf, localReady, packService, type ServicePort, servicePorts } from "./service-port.ts";
import { staleFlows } from "./stale-flows.ts";

const pack = packerFor("here");
interface Endpoint {
  ip: string;
  node?: string;
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
  zones?: string[];
  nodes?: string[];
}
const slice = (endpoints: Endpoint[], name = "web-1", addressType = "IPv4"): PackedSlice =>
  pack({
    metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType,
    ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    endpoints: endpoints.map(({ ip, node, ready = true, serving = true, terminating = false, zones, nodes }) => ({
      addresses: [ip],
      nodeName: node,
      conditions: { ready, serving, terminating },
      hints: { forZones: zones?.map((zone) => ({ name: zone })), forNodes: nodes?.map((one) => ({ name: one })) },
    })),
  } as unknown as EndpointSlice);
const service = (spec: object = {}, ingress: object[] = []) =>
  packService({
    metadata: { name: "web", namespace: "default" },
    spec: { type: "ClusterIP", clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "fd00::7"], ports: [{ name: "http", port: 80, protocol: "TCP" }], ...spec },
    status: { loadBalancer: { ingress } },
  } as unknown as Service);
const portOf = (endpoints: Endpoint[], spec: object = {}, zone = "a"): ServicePort =>
  servicePorts(service(spec), [slice(endpoints)], "IPv4", zone)[0] as ServicePort;
const ips = (backends: readonly { ip: string }[]): string[] => backends.map((b) => b.ip);

test("each family has the Service's address and the endpoints of that family", () => {
  const slices = [slice([{ ip: "10.244.0.5" }]), slice([{ ip: "fd00:1::5" }], "web-6", "IPv6")];
  const [v6] = servicePorts(service(), slices, "IPv6", "");
  assert.equal(v6?.clusterIP, "fd00::7");
  assert.deepEqual(ips(v6?.cluster ?? []), ["fd00:1::5"]);
  assert.deepEqual(servicePorts(service({ clusterIPs: ["10.96.0.7"] }), slices, "IPv6", ""), []);
  assert.deepEqual(servicePorts(service({ clusterIP: "None", clusterIPs: ["None"] }), slices, "IPv4", ""), []);
  assert.deepEqual(servicePorts(service({ type: "ExternalName" }), slices, "IPv4", ""), []);
});
test("endpoints that end but serve take the traffic only when no other is ready", () => {
  const ending = { ip: "10.244.0.6", ready: false, terminating: true };
  assert.deepEqual(ips(portOf([{ ip: "10.244.0.5" }, ending]).cluster), ["10.244.0.5"]);
  assert.deepEqual(ips(portOf([ending]).cluster), ["10.244.0.6"]);
  assert.equal(portOf([{ ...ending, serving: false }]).anyEndpoints, false);
  assert.equal(portOf([{ ip: "10.244.0.7", ready: false, serving: false }]).anyEndpoints, false);
});
test("of two endpoints with one address the one that does not end counts", () => {
  const gone = { ip: "10.244.0.5", ready: false, serving: false, terminating: true };
  const both = [slice([{ ip: "10.244.0.5" }], "a"), slice([gone], "b")];
  for (const slices of [both, both.toReversed()]) assert.deepEqual(ips(servicePorts(service(), slices, "IPv4", "")[0]?.cluster ?? []), ["10.244.0.5"]);
});
test("internalTrafficPolicy Local leads to endpoints of this node alone, and to none when another node has them", () => {
  const local = { internalTrafficPolicy: "Local" };
  const port = portOf(
    [
      { ip: "10.244.0.5", node: "here" },
      { ip: "10.244.1.5", node: "there" },
    ],
    local,
  );
  assert.deepEqual([ips(port.local), ips(port.cluster), port.anyEndpoints], [["10.244.0.5"], [], true]);
  const remote = portOf([{ ip: "10.244.1.5", node: "there" }], local);
  assert.deepEqual([ips(remote.local), remote.anyEndpoints], [[], true]);
});
test("externalTrafficPolicy Local keeps endpoints of the cluster for what comes from inside", () => {
  const spec = { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ name: "http", port: 80, protocol: "TCP", nodePort: 30080 }] };
  const port = portOf(
    [
      { ip: "10.244.0.5", node: "here", ready: false, terminating: true },
      { ip: "10.244.1.5", node: "there" },
    ],
    spec,
  );
  assert.deepEqual([ips(port.local), ips(port.cluster)], [["10.244.0.5"], ["10.244.1.5"]]);
  assert.deepEqual(ips(port.hairpin), ["10.244.0.5"]);
});
test("hints for this node go before hints for its zone, and count only when all endpoints have some", () => {
  const near = { ip: "10.244.0.5", zones: ["a"], nodes: ["here"] };
  const zone = { ip: "10.244.0.6", zones: ["a"], nodes: ["there"] };
  const far = { ip: "10.244.0.7", zones: ["b"], nodes: ["there"] };
  assert.deepEqual(ips(portOf([near, zone, far]).cluster), ["10.244.0.5"]);
  assert.deepEqual(ips(portOf([{ ...near, nodes: ["other"] }, zone, far]).cluster), ["10.244.0.5", "10.244.0.6"]);
  assert.deepEqual(ips(portOf([near, { ...zone, zones: [], nodes: [] }, far]).cluster), ["10.244.0.5", "10.244.0.6", "10.244.0.7"]);
  assert.deepEqual(
    ips(
      portOf(
        [near, zone, far].map((e) => ({ ...e, nodes: [] })),
        {},
        "c",
      ).cluster,
    ),
    ["10.244.0.5", "10.244.0.6", "10.244.0.7"],
  );
  assert.deepEqual(
    ips(portOf([near, { ...far, ready: false, serving: false, zones: [], nodes: [] }]).cluster),
    ["10.244.0.5"],
    "what is not ready needs no hint",
  );
});
test("addresses of balancers that keep the destination are ours to answer, those of proxying ones are not", () => {
  const ingress = [{ ip: "192.0.2.1" }, { ip: "192.0.2.2", ipMode: "Proxy" }, { ip: "2001:db8::1", ipMode: "VIP" }, { hostname: "x" }];
  const spec = { type: "LoadBalancer", loadBalancerSourceRanges: [" 198.51.100.0/24 ", "2001:db8::/32"] };
  const [v4] = servicePorts(service(spec, ingress), [], "IPv4", "");
  assert.deepEqual([v4?.balancerIPs, v4?.sourceRanges], [["192.0.2.1"], ["198.51.100.0/24"]]);
  const [open] = servicePorts(service({ ...spec, loadBalancerSourceRanges: ["10.0.0.0/8", "0.0.0.0/0"] }, ingress), [], "IPv4", "");
  assert.deepEqual(open?.sourceRanges, [], "everybody is no restriction");
});
test("only balanced Services with the Local policy have a health check port; it counts ready addresses of this node", () => {
  const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 32000 };
  assert.equal(healthCheckPortOf(service(spec)), 32000);
  assert.equal(healthCheckPortOf(service({ ...spec, externalTrafficPolicy: "Cluster" })), 0);
  assert.equal(healthCheckPortOf(service({ ...spec, type: "NodePort" })), 0);
  const endpoints = [
    { ip: "10.244.0.5", node: "here" },
    { ip: "10.244.0.6", node: "here", ready: false, terminating: true },
    { ip: "10.244.1.5", node: "there" },
  ];
  assert.equal(localReady([slice(endpoints)], service(spec)), 1);
});

const flow = (destination: string, destinationPort: number, answerer: string, answererPort = 53) => ({ destination, destinationPort, answerer, answererPort });
test("UDP flows to what does not serve any more are forgotten, wherever they came in", () => {
  const port = {
    clusterIP: "10.96.0.10",
    port: 53,
    nodePort: 30053,
    externalIPs: ["192.0.2.1"],
    balancerIPs: [],
    serving: [{ ip: "10.244.0.5", port: 53 }],
  } as unknown as ServicePort;
  const stale = [
    flow("10.96.0.10", 53, "10.244.0.9"),
    flow("10.96.0.10", 53, "10.96.0.10"),
    flow("192.0.2.1", 53, "10.244.0.5", 5353),
    flow("172.16.0.1", 30053, "10.244.0.9"),
  ];
  const good = [flow("10.96.0.10", 53, "10.244.0.5"), flow("10.96.0.11", 53, "10.244.0.9"), flow("172.16.0.1", 30053, "10.244.0.5")];
  assert.deepEqual(staleFlows([...stale, ...good], [port]), stale);
  assert.deepEqual(staleFlows(stale, [{ ...port, serving: [] }]), [], "there is nowhere else to go");
});
