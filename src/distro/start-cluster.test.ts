import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { StatusError } from "../api/status.ts";
import { parseYAML } from "../api/codec/yaml.ts";
import { settle, systemClock } from "../base/clock.ts";
import type { Client, Resource } from "../client/client.ts";
import { createHttpTransport } from "../client/http-transport.ts";
import { type Kubeconfig, transportOptions } from "../client/kubeconfig.ts";
import { createClient } from "../client/rest.ts";
import { TransportError } from "../client/transport.ts";
import { deployments, events, jobs, leases, namespaces, nodes, pods, replicasets, secrets } from "../client/resources.gen.ts";
import { type Cluster, startCluster } from "./start-cluster.ts";

const isForbidden = (error: unknown): boolean => error instanceof StatusError && error.reason === "Forbidden";
const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: "c", image: "i" }] } });
const createDeployment = (client: Client, name: string, replicas: number) =>
  client
    .resource(deployments)
    .create("default", { metadata: { name }, spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) } });

/** Every event of these resources in the order in which it was seen. */
function recordHistory(cluster: Cluster): { lines: string[]; stop(): Promise<void> } {
  const lines: string[] = [];
  const end = new AbortController();
  const follow = async (resource: Resource<KubeObject>): Promise<void> => {
    try {
      for await (const event of cluster.client.resource(resource).watch({ resourceVersion: "0", signal: end.signal })) lines.push(JSON.stringify(event));
    } catch (error) {
      if (!end.signal.aborted) throw error;
    }
  };
  const followed = [pods, deployments, replicasets, jobs, nodes, leases, events, secrets].map((resource) =>
    follow(resource as unknown as Resource<KubeObject>),
  );
  return {
    lines,
    async stop() {
      end.abort();
      await Promise.all(followed);
    },
  };
}

async function oneHistory(seed: number): Promise<string[]> {
  await using cluster = await startCluster({ nodes: 2, clock: "virtual", seed });
  const history = recordHistory(cluster);
  await createDeployment(cluster.client, "web", 5);
  await cluster.client.resource(secrets).create("default", {
    metadata: { name: "token", annotations: { "kubernetes.io/service-account.name": "default" } },
    type: "kubernetes.io/service-account-token",
  });
  await cluster.client.resource(jobs).create("default", {
    metadata: { name: "sum" },
    spec: { completions: 3, parallelism: 2, template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } },
  });
  await cluster.advance(30_000);
  const first = await cluster.client.resource(pods).list({ namespace: "default", labelSelector: "app=web" });
  await cluster.client.resource(pods).delete("default", first.items[0]?.metadata.name ?? "");
  await cluster.client.resource(deployments).patch("default", "web", "merge", { spec: { replicas: 2 } });
  await cluster.advance(60_000);
  await history.stop();
  return history.lines;
}

test("with the virtual clock one seed gives one history, byte for byte, and another seed another one", async () => {
  const [a, b, c] = [await oneHistory(7), await oneHistory(7), await oneHistory(8)];
  assert.ok(a.length > 100, `only ${a.length} events`);
  assert.ok(
    a.some((line) => line.includes('"token":"')),
    "no token was made",
  );
  for (const [i, line] of a.entries()) assert.equal(b[i], line, `event ${i}`);
  assert.equal(a.length, b.length);
  assert.notDeepEqual(a, c);
});

test("a deployment's pods run and a job's pods succeed, and nothing happens before time moves", async () => {
  await using cluster = await startCluster({ clock: "virtual", seed: 1 });
  await createDeployment(cluster.client, "web", 3);
  await cluster.client
    .resource(jobs)
    .create("default", { metadata: { name: "sum" }, spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } } });
  await cluster.advance(10_000);
  const { items } = await cluster.client.resource(pods).list({ namespace: "default" });
  assert.deepEqual(items.map((pod) => pod.status?.phase).sort(), ["Running", "Running", "Running", "Succeeded"]);
  assert.equal(new Set(items.map((pod) => pod.status?.podIP)).size, 4);
  assert.equal((await cluster.client.resource(jobs).get("default", "sum")).status?.succeeded, 1);
  assert.equal((await cluster.client.resource(deployments).get("default", "web")).status?.readyReplicas, 3);
  const before = cluster.clock.now();
  await cluster.settled();
  assert.equal(cluster.clock.now(), before);
});

test("a request that waits for time to pass does not keep time from passing", async () => {
  await using cluster = await startCluster({ clock: "virtual", seed: 1 });
  const spec = { containers: [{ name: "c", image: "i" }] };
  const refused = assert.rejects(cluster.client.resource(pods).create("nowhere", { metadata: { name: "p" }, spec }), /namespaces "nowhere" not found/);
  await cluster.client.resource(namespaces).create("", { metadata: { name: "new" } });
  const created = cluster.client.resource(pods).create("new", { metadata: { name: "p" }, spec });
  await cluster.advance(1000);
  await refused;
  assert.equal((await created).metadata.namespace, "new");
});

test("every identity has its own rights", async () => {
  await using cluster = await startCluster({ clock: "virtual", seed: 1 });
  await assert.rejects(cluster.clientAs("jane").resource(pods).list({ namespace: "default" }), isForbidden);
  await assert.rejects(
    cluster
      .clientAs({ name: "system:node:node", groups: ["system:nodes", "system:authenticated"] })
      .resource(nodes)
      .delete("", "other"),
    isForbidden,
  );
});

test("a deleted namespace takes its pods along", async () => {
  await using cluster = await startCluster({ clock: "virtual", seed: 1 });
  await cluster.client.resource(namespaces).create("", { metadata: { name: "gone" } });
  await cluster.advance(1000);
  await cluster.client.resource(pods).create("gone", { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } });
  await cluster.advance(5000);
  await cluster.client.resource(namespaces).delete("", "gone");
  await cluster.advance(30_000);
  assert.deepEqual((await cluster.client.resource(namespaces).list()).items.map((n) => n.metadata.name).sort(), [
    "default",
    "kube-node-lease",
    "kube-public",
    "kube-system",
  ]);
});

test("what is in a deleted namespace stays for as long as somebody needs who deletes a tree of objects, its namespace first", async () => {
  await using cluster = await startCluster({ clock: "virtual", seed: 1 });
  await cluster.client.resource(namespaces).create("", { metadata: { name: "tree" } });
  await cluster.advance(1000);
  await cluster.client.resource(secrets).create("tree", { metadata: { name: "leaf" } });
  await cluster.client.resource(namespaces).delete("", "tree");
  await cluster.advance(4000);
  await cluster.client.resource(secrets).delete("tree", "leaf");
  await cluster.advance(10_000);
  assert.ok(!(await cluster.client.resource(namespaces).list()).items.some(({ metadata }) => metadata.name === "tree"));
});

test("stages of the test's own decide what happens to pods", async () => {
  const stages = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: fail}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .status.phase, operator: In, values: [Pending]}
  delay: {durationMilliseconds: 5000}
  next:
    statusTemplate: |
      phase: Failed
      reason: Tested
`;
  await using cluster = await startCluster({ clock: "virtual", seed: 1, stages });
  await cluster.client.resource(pods).create("default", { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } });
  await cluster.advance(4000);
  assert.equal((await cluster.client.resource(pods).get("default", "p")).status?.phase, "Pending");
  await cluster.advance(2000);
  assert.equal((await cluster.client.resource(pods).get("default", "p")).status?.reason, "Tested");
});

test("a kubeconfig works from outside, and the port is closed with the cluster", async () => {
  await using cluster = await startCluster();
  const text = await cluster.kubeconfig();
  assert.equal(await cluster.kubeconfig(), text);
  await using transport = createHttpTransport(transportOptions(parseYAML(text).value as unknown as Kubeconfig, { directory: "/", clock: systemClock }));
  const outside = createClient(transport, { userAgent: "test" });
  assert.deepEqual(
    (await outside.resource(nodes).list()).items.map((node) => node.metadata.name),
    ["node"],
  );
  await cluster[Symbol.asyncDispose]();
  await assert.rejects(outside.resource(nodes).list(), TransportError);
});

test("advance is refused with the real clock", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  await assert.rejects(cluster.advance(1), /clock: "virtual"/);
});

test("a cluster that was taken away has left no timer, no port and no handle", async () => {
  const open = new Map<number, string>();
  const hook = createHook({
    init: (id, type) => void (/Timeout|Immediate|WRAP|HANDLE|MESSAGEPORT/.test(type) && open.set(id, type)),
    destroy: (id) => void open.delete(id),
  });
  const cluster = await startCluster();
  await cluster[Symbol.asyncDispose]();
  // What only the first cluster of a process opens is not counted: the test of a port above has loaded it, too.
  hook.enable();
  const second = await startCluster();
  await second.kubeconfig();
  await createDeployment(second.client, "web", 2);
  assert.notEqual(open.size, 0);
  await second[Symbol.asyncDispose]();
  for (let turn = 0; turn < 3; turn++) await settle();
  hook.disable();
  assert.deepEqual(
    [...open.values()].filter((type) => type !== "Immediate"),
    [],
  );
});
