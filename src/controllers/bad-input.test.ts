/** What cannot be done, goes round in circles or is claimed by two: it ends, harms nobody else, and does not run hot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { controllerOf } from "../api/meta/owner.ts";
import type { KubeObject } from "../api/object.ts";
import { StatusError } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Resource } from "../client/client.ts";
import {
  configmaps,
  cronjobs,
  daemonsets,
  deployments,
  events,
  namespaces,
  poddisruptionbudgets,
  pods,
  replicasets,
  resourcequotas,
  services,
} from "../client/resources.gen.ts";
import { type Cluster, startCluster } from "../distro/start-cluster.ts";

const start = (): Promise<Cluster> => startCluster({ clock: "virtual", seed: 1 });
const template = (labels: Record<string, string>) => ({ metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } });
const podSpec = { containers: [{ name: "c", image: "i" }] };
const podsOf = async ({ client }: Cluster, labelSelector = ""): Promise<Pod[]> =>
  (await client.resource(pods).list({ namespace: "default", labelSelector })).items;
const refused = (code: number, text: RegExp) => (error: unknown) => error instanceof StatusError && error.code === code && text.test(error.message);

/** Version of the newest object: how much has been written. */
async function version({ client }: Cluster): Promise<number> {
  const { metadata } = await client.resource(configmaps).create("default", { metadata: { generateName: "version-" } });
  return Number(metadata.resourceVersion);
}

async function owned(cluster: Cluster, name: string, owners: KubeObject[]): Promise<KubeObject> {
  const ownerReferences = owners.map(({ metadata }) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    name: metadata.name,
    uid: metadata.uid,
    blockOwnerDeletion: true,
  }));
  return await cluster.client.resource(configmaps).create("default", { metadata: { name, ownerReferences } });
}
const own = (cluster: Cluster, name: string, owner: KubeObject): Promise<KubeObject> =>
  cluster.client.resource(configmaps as unknown as Resource<KubeObject>).patch("default", name, "merge", {
    metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: owner.metadata.name, uid: owner.metadata.uid, blockOwnerDeletion: true }] },
  });
const names = async ({ client }: Cluster): Promise<string[]> =>
  (await client.resource(configmaps).list({ namespace: "default" })).items.map((object) => object.metadata.name).filter((name) => name !== "kube-root-ca.crt");

test("owners in a circle are deleted in the foreground all the same", async () => {
  await using cluster = await start();
  const a = await owned(cluster, "a", []);
  const b = await owned(cluster, "b", [a]);
  const c = await owned(cluster, "c", [b]);
  await own(cluster, "a", c);
  await cluster.advance(1000);
  assert.deepEqual(await names(cluster), ["a", "b", "c"]);
  await cluster.client.resource(configmaps).delete("default", "b", { propagationPolicy: "Foreground" });
  await cluster.advance(60_000);
  assert.deepEqual(await names(cluster), []);
});

test("two that own each other and are deleted in the foreground at once do not wait for each other", async () => {
  await using cluster = await start();
  const a = await owned(cluster, "a", []);
  const b = await owned(cluster, "b", [a]);
  await own(cluster, "a", b);
  await cluster.advance(1000);
  const remove = (name: string) => cluster.client.resource(configmaps).delete("default", name, { propagationPolicy: "Foreground" });
  await Promise.all([remove("a"), remove("b")]);
  await cluster.advance(60_000);
  assert.deepEqual(await names(cluster), []);
});

test("what owns itself lives until it is deleted, and then goes", async () => {
  await using cluster = await start();
  const a = await owned(cluster, "a", []);
  await own(cluster, "a", a);
  await cluster.advance(30_000);
  assert.deepEqual(await names(cluster), ["a"]);
  await cluster.client.resource(configmaps).delete("default", "a", { propagationPolicy: "Foreground" });
  await cluster.advance(60_000);
  assert.deepEqual(await names(cluster), []);
});

test("an owner in another namespace does not count, and of one that is left nothing is deleted", async () => {
  await using cluster = await start();
  await cluster.client.resource(namespaces).create("", { metadata: { name: "other" } });
  const far = await cluster.client.resource(configmaps).create("other", { metadata: { name: "far" } });
  const near = await owned(cluster, "near", []);
  await owned(cluster, "kept", [far, near]);
  await owned(cluster, "lost", [far]);
  await cluster.advance(30_000);
  assert.deepEqual(await names(cluster), ["kept", "near"]);
  const { items } = await cluster.client.resource(events).list({ namespace: "default" });
  assert.ok(items.some((event) => event.reason === "OwnerRefInvalidNamespace"));
});

test("orphans that two owners select are adopted by one of them each, and no pod is controlled by two", async () => {
  await using cluster = await start();
  for (const name of ["a", "b", "c"]) await cluster.client.resource(pods).create("default", { metadata: { name, labels: { app: "web" } }, spec: podSpec });
  const set = (name: string) =>
    cluster.client
      .resource(replicasets)
      .create("default", { metadata: { name }, spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template: template({ app: "web" }) } });
  await Promise.all([set("one"), set("two")]);
  await cluster.advance(30_000);
  const all = await podsOf(cluster);
  assert.deepEqual(all.map((pod) => controllerOf(pod)?.name).sort(), ["one", "one", "two", "two"]);
  for (const pod of all) assert.equal(pod.metadata.ownerReferences?.length, 1);
});

test("a successor of the same name does not take over what its predecessor owned and lets go", async () => {
  await using cluster = await start();
  const spec = { replicas: 1, selector: { matchLabels: { app: "web" } }, template: template({ app: "web" }) };
  const first = await cluster.client.resource(replicasets).create("default", { metadata: { name: "web" }, spec });
  await cluster.advance(5000);
  await cluster.client.resource(replicasets).delete("default", "web", { propagationPolicy: "Background" });
  const second = await cluster.client.resource(replicasets).create("default", { metadata: { name: "web" }, spec });
  await cluster.advance(30_000);
  assert.notEqual(first.metadata.uid, second.metadata.uid);
  assert.deepEqual(
    (await podsOf(cluster)).map((pod) => controllerOf(pod)?.uid),
    [second.metadata.uid],
  );
});

test("selectors that select everything, or not their own template, are refused", async () => {
  await using cluster = await start();
  const labels = { app: "web" };
  const create = (resource: Resource, spec: object) =>
    cluster.client
      .resource(resource)
      .create("default", { metadata: { name: "web" }, spec } as unknown as Parameters<ReturnType<typeof cluster.client.resource>["create"]>[1]);
  for (const resource of [deployments, replicasets, daemonsets] as unknown as Resource[]) {
    await assert.rejects(create(resource, { selector: {}, template: template(labels) }), refused(422, /empty selector is invalid/));
    await assert.rejects(
      create(resource, { selector: { matchLabels: { app: "other" } }, template: template(labels) }),
      refused(422, /`selector` does not match template `labels`/),
    );
  }
});

test("a service and a budget that select everything touch what is there and nothing else", async () => {
  await using cluster = await start();
  const { client } = cluster;
  for (const name of ["a", "b"]) await client.resource(pods).create("default", { metadata: { name, labels: { app: name } }, spec: podSpec });
  await client.resource(services).create("default", { metadata: { name: "all" }, spec: { selector: {}, ports: [{ port: 80 }] } });
  const budget = (name: string) => client.resource(poddisruptionbudgets).create("default", { metadata: { name }, spec: { minAvailable: 1, selector: {} } });
  await budget("first");
  await cluster.advance(5000);
  assert.equal((await client.resource(poddisruptionbudgets).get("default", "first")).status?.currentHealthy, 2);
  const evict = (name: string) =>
    client
      .resource(pods)
      .subresource("POST", "default", name, "eviction", { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" } });
  await evict("a");
  await assert.rejects(evict("b"), refused(429, /disruption budget/));
  await budget("second");
  await cluster.advance(5000);
  await assert.rejects(evict("b"), refused(500, /more than one PodDisruptionBudget/));
  assert.deepEqual(
    (await podsOf(cluster)).map((pod) => pod.metadata.name),
    ["b"],
  );
});

test("a quota is kept under many writers at once, and who is refused tries again slowly", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.resource(resourcequotas).create("default", { metadata: { name: "few" }, spec: { hard: { pods: "3" } } });
  await cluster.advance(1000);
  const made = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) => client.resource(pods).create("default", { metadata: { name: `p${i}`, labels: { app: "p" } }, spec: podSpec })),
  );
  assert.equal(made.filter((one) => one.status === "fulfilled").length, 3);
  for (const one of made)
    if (one.status === "rejected") assert.ok(refused(403, /exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3/)(one.reason));
  await client
    .resource(replicasets)
    .create("default", { metadata: { name: "web" }, spec: { replicas: 5, selector: { matchLabels: { app: "web" } }, template: template({ app: "web" }) } });
  await cluster.advance(60_000);
  const set = await client.resource(replicasets).get("default", "web");
  assert.equal(set.status?.conditions?.[0]?.reason, "FailedCreate");
  const before = await version(cluster);
  await cluster.advance(150_000);
  assert.ok((await version(cluster)) - before < 200, "it runs hot");
  await client.resource(resourcequotas).patch("default", "few", "merge", { spec: { hard: { pods: "5" } } });
  await cluster.advance(400_000);
  assert.equal((await podsOf(cluster, "app=web")).length, 2);
});

test("pods that admission refuses, that fit no node or a time that never comes do not keep controllers busy", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const labels = { app: "web" };
  const impossible = template(labels);
  await client.resource(replicasets).create("default", {
    metadata: { name: "no-account" },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { ...impossible, spec: { ...podSpec, serviceAccountName: "nobody" } } },
  });
  await client.resource(daemonsets).create("default", {
    metadata: { name: "too-big" },
    spec: {
      selector: { matchLabels: { app: "big" } },
      template: { metadata: { labels: { app: "big" } }, spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu: "9999" } } }] } },
    },
  });
  await client.resource(cronjobs).create("default", {
    metadata: { name: "never" },
    spec: { schedule: "0 0 30 2 *", jobTemplate: { spec: { template: { spec: { restartPolicy: "Never", ...podSpec } } } } },
  });
  await cluster.advance(60_000);
  const before = await version(cluster);
  await cluster.advance(150_000);
  assert.ok((await version(cluster)) - before < 200, "it runs hot");
  assert.deepEqual(
    (await podsOf(cluster)).map((pod) => [pod.metadata.labels?.app, pod.status?.phase]),
    [["big", "Pending"]],
  );
});
