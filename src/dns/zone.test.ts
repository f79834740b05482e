import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import { Zone, type ZoneView } from "./zone.ts";

const service = (name: string, spec: object): Service => ({ metadata: { name, namespace: "default" }, spec, status: {} }) as unknown as Service;
const web = service("web", { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"], ports: [{ name: "http", port: 80, protocol: "TCP" }] });
const db = service("db", { clusterIP: "None", clusterIPs: ["None"], ports: [{ name: "sql", port: 5432 }] });
const out = service("out", { type: "ExternalName", externalName: "example.org" });
const slice = {
  metadata: { name: "db-1", namespace: "default", labels: { "kubernetes.io/service-name": "db" } },
  addressType: "IPv4",
  endpoints: [
    { addresses: ["10.244.0.5"], hostname: "db-0", conditions: { ready: true } },
    { addresses: ["10.244.0.6"], conditions: {} },
    { addresses: ["10.244.0.7"], conditions: { ready: false } },
  ],
  ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
} as unknown as EndpointSlice;
const view: ZoneView = {
  service: (ns, name) => (ns === "default" ? [web, db, out].find((s) => s.metadata.name === name) : undefined),
  slices: (_, name) => (name === "db" ? [slice] : []),
  servicesByIP: (ip) => (ip === "10.96.0.7" ? [web] : []),
  slicesByIP: (ip) => (ip === "10.244.0.5" ? [slice] : []),
  namespaceExists: (name) => name === "default",
  known: true,
  generation: 1,
};
const zone = new Zone("cluster.local", view);
const ask = (name: string, type = "A"): unknown => {
  const found = zone.resolve(name, type);
  return found && [found.rcode, ...found.answers.map((a) => ("data" in a ? a.data : undefined))];
};

test("a Service with a cluster IP resolves to it, and to nothing in the other family", () => {
  assert.deepEqual(ask("web.default.svc.cluster.local"), ["NOERROR", "10.96.0.7"]);
  assert.deepEqual(ask("web.default.svc.cluster.local", "AAAA"), ["NOERROR"]);
});
test("a headless Service resolves to its ready endpoints, each also under its own name", () => {
  assert.deepEqual(ask("db.default.svc.cluster.local"), ["NOERROR", "10.244.0.5", "10.244.0.6"]);
  assert.deepEqual(ask("db-0.db.default.svc.cluster.local"), ["NOERROR", "10.244.0.5"]);
  assert.deepEqual(ask("10-244-0-6.db.default.svc.cluster.local"), ["NOERROR", "10.244.0.6"]);
  assert.deepEqual(ask("10-244-0-7.db.default.svc.cluster.local"), ["NXDOMAIN"]);
});
test("named ports have SRV records that point at the Service or at each endpoint", () => {
  assert.deepEqual(ask("_http._tcp.web.default.svc.cluster.local", "SRV"), [
    "NOERROR",
    { priority: 0, weight: 100, port: 80, target: "web.default.svc.cluster.local" },
  ]);
  assert.deepEqual(ask("_sql._tcp.db.default.svc.cluster.local", "SRV"), [
    "NOERROR",
    { priority: 0, weight: 50, port: 5432, target: "db-0.db.default.svc.cluster.local" },
    { priority: 0, weight: 50, port: 5432, target: "10-244-0-6.db.default.svc.cluster.local" },
  ]);
  assert.deepEqual(ask("_none._tcp.web.default.svc.cluster.local", "SRV"), ["NXDOMAIN"]);
});
test("an ExternalName is an alias that is left for the caller to follow", () => {
  assert.deepEqual(ask("out.default.svc.cluster.local"), ["NOERROR", "example.org"]);
  assert.equal(zone.resolve("out.default.svc.cluster.local", "A")?.external, "example.org");
});
test("names that exist only as parents answer without records, names that do not exist are NXDOMAIN", () => {
  assert.deepEqual(ask("default.svc.cluster.local"), ["NOERROR"]);
  assert.deepEqual(ask("svc.cluster.local"), ["NOERROR"]);
  assert.deepEqual(ask("nope.default.svc.cluster.local"), ["NXDOMAIN"]);
  assert.deepEqual(ask("web.other.svc.cluster.local"), ["NXDOMAIN"]);
});
test("addresses lead back to names; those of nobody here are left to others", () => {
  assert.deepEqual(ask("7.0.96.10.in-addr.arpa", "PTR"), ["NOERROR", "web.default.svc.cluster.local"]);
  assert.deepEqual(ask("5.0.244.10.in-addr.arpa", "PTR"), ["NOERROR", "db-0.db.default.svc.cluster.local"]);
  assert.equal(ask("1.1.1.1.in-addr.arpa", "PTR"), undefined);
  assert.equal(ask("example.org"), undefined);
});
test("a pod's name holds its address, in namespaces that exist", () => {
  assert.deepEqual(ask("10-244-0-9.default.pod.cluster.local"), ["NOERROR", "10.244.0.9"]);
  assert.deepEqual(ask("10-244-0-9.other.pod.cluster.local"), ["NXDOMAIN"]);
  assert.deepEqual(ask("10-244-0-999.default.pod.cluster.local"), ["NXDOMAIN"]);
});
test("the version of the specification is told", () => {
  assert.deepEqual(ask("dns-version.cluster.local", "TXT"), ["NOERROR", "1.1.0"]);
});
