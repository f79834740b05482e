import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { MountedVolumes } from "./volumes/plugin.ts";
import type { ConfigMap, Container, Pod, Secret, Service } from "../api/types/core-v1.gen.ts";
import { hostsFile, podDns, podHostname } from "./dns.ts";
import { containerEnv, ObjectMissing, type References } from "./env.ts";
import { expand } from "./expansion.ts";
import { serviceEnv } from "./service-env.ts";

const pod = { metadata: { name: "p", namespace: "n", uid: "u", labels: { a: "b" } }, spec: { containers: [], nodeName: "node" }, status: {} } as unknown as Pod;
const facts = { podIPs: ["10.0.0.9"], hostIPs: ["10.0.0.1"], nodeName: "node", allocatable: { cpu: "2", memory: "1Gi" } };
const references: References = {
  configMap: async (_, name) => {
    if (name !== "cm") throw new ObjectMissing(`configmap ${JSON.stringify(name)} not found`);
    return { data: { k: "v" } } as unknown as ConfigMap;
  },
  secret: async () => ({ data: { s: Buffer.from("hidden").toString("base64") } }) as unknown as Secret,
};

test("references in text are replaced, unknown ones and escaped ones stay", () => {
  const lookup = (name: string): string | undefined => ({ A: "1", B: "" })[name];
  for (const [text, expected] of [
    ["$(A)-$(B)-$(C)", "1--$(C)"],
    ["$$(A)", "$(A)"],
    ["$A $", "$A $"],
    ["$(A", "$(A"],
    ["$$$(A)", "$1"],
  ] as const)
    assert.equal(expand(text, lookup), expected, text);
});

test("variables come from every source and see those before them", async () => {
  const container = {
    name: "c",
    envFrom: [{ prefix: "P_", configMapRef: { name: "cm" } }, { configMapRef: { name: "no", optional: true } }],
    env: [
      { name: "A", value: "$(P_k)$(B)$(SVC)" },
      { name: "B", valueFrom: { secretKeyRef: { name: "s", key: "s" } } },
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
      { name: "NONE", valueFrom: { configMapKeyRef: { name: "cm", key: "zz", optional: true } } },
    ],
  } as unknown as Container;
  const env = await containerEnv(
    pod,
    container,
    new Map([
      ["SVC", "s"],
      ["A", "hidden by the container's own"],
    ]),
    facts,
    references,
    new Map(),
  );
  assert.deepEqual(Object.fromEntries(env), { P_k: "v", A: "v$(B)s", B: "hidden", IP: "10.0.0.9", CPU: "2", SVC: "s" });
});

test("variables come from files of volumes; an optional one that is not there is left out", async (t) => {
  const path = mkdtempSync(join(tmpdir(), "env-"));
  t.after(() => rmSync(path, { recursive: true }));
  writeFileSync(join(path, "f"), "k='1'\n");
  const volumes = new Map([["v", { path, readOnly: false }]]) as MountedVolumes;
  const from = (name: string, key: string, more = {}): object => ({ name, valueFrom: { fileKeyRef: { volumeName: "v", path: "f", key, ...more } } });
  const read = (...env: object[]) => containerEnv(pod, { name: "c", env } as unknown as Container, new Map(), facts, references, volumes);
  assert.deepEqual([...(await read(from("A", "k"), from("B", "none", { optional: true })))], [["A", "1"]]);
  await assert.rejects(read(from("A", "none")), { message: `environment variable key "none" not found in file "${path}/f"` });
  await assert.rejects(read(from("A", "k", { path: "g", optional: true })), { message: "couldn't parse env file" });
});

test("what is missing is said as upstream says it", async () => {
  const run = (env: object): Promise<unknown> => containerEnv(pod, { name: "c", env: [env] } as unknown as Container, new Map(), facts, references, new Map());
  await assert.rejects(run({ name: "X", valueFrom: { configMapKeyRef: { name: "no", key: "k" } } }), { message: 'configmap "no" not found' });
  const file = { name: "X", valueFrom: { fileKeyRef: { volumeName: "v", path: "f", key: "k" } } };
  await assert.rejects(run(file), { message: 'cannot find the volume "v" referenced by FileKeyRef' });
  await assert.rejects(run({ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }), { message: "couldn't find key k in Secret n/s" });
});

test("services are told to pods of their namespace, the master to all", () => {
  const service = (namespace: string, name: string, clusterIP: string, ports: object[]): Service =>
    ({ metadata: { namespace, name }, spec: { clusterIP, ports } }) as unknown as Service;
  const services = [
    service("default", "kubernetes", "10.96.0.1", [{ name: "https", port: 443 }]),
    service("n", "my-db", "10.96.0.5", [{ port: 5432 }]),
    service("n", "headless", "None", []),
  ];
  const with_ = serviceEnv(services, "n", true);
  assert.equal(with_.get("MY_DB_SERVICE_HOST"), "10.96.0.5");
  assert.equal(with_.get("MY_DB_PORT_5432_TCP"), "tcp://10.96.0.5:5432");
  assert.equal(with_.get("KUBERNETES_SERVICE_PORT_HTTPS"), "443");
  assert.equal(with_.has("HEADLESS_SERVICE_HOST"), false);
  assert.deepEqual([...new Set([...serviceEnv(services, "n", false).keys()].map((k) => k.split("_")[0]))], ["KUBERNETES"]);
});

test("resolver settings follow the policy", () => {
  const cluster = { servers: ["10.96.0.10"], domain: "cluster.local", host: { servers: ["1.1.1.1"], searches: ["example.org"], options: [] } };
  const of = (spec: object): object => podDns({ ...pod, spec: { ...pod.spec, ...spec } }, cluster, () => {});
  assert.deepEqual(of({}), {
    servers: ["10.96.0.10"],
    searches: ["n.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"],
    options: ["ndots:5"],
  });
  assert.deepEqual(of({ hostNetwork: true }), cluster.host);
  assert.deepEqual(of({ dnsPolicy: "None", dnsConfig: { nameservers: ["9.9.9.9"], options: [{ name: "ndots", value: "2" }] } }), {
    servers: ["9.9.9.9"],
    searches: [],
    options: ["ndots:2"],
  });
});

test("/etc/hosts has the pod's names and its aliases", () => {
  const named = { ...pod, spec: { ...pod.spec, hostname: "h", subdomain: "s", hostAliases: [{ ip: "1.2.3.4", hostnames: ["a", "b"] }] } } as Pod;
  const text = hostsFile(named, ["10.0.0.9"], podHostname(named, "cluster.local"), "");
  assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.match(text, /\n10\.0\.0\.9\th\.s\.n\.svc\.cluster\.local\th\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/);
});
