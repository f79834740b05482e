import assert from "node:assert/strict";
import { test } from "node:test";
import {
  events,
  ipaddresses,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  servicecidrs,
  services,
  volumeattachments,
} from "../client/resources.gen.ts";
import { type Cluster, startCluster } from "./start-cluster.ts";

const driver = "disk.example.com";
const inUse = [`kubernetes.io/csi/${driver}^h`];

async function prepare({ client }: Cluster): Promise<void> {
  for (const name of ["first", "second"])
    await client.resource(nodes).create("", { metadata: { name, annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" } } });
  const common = { accessModes: ["ReadWriteOnce"], storageClassName: "none" };
  const capacity = { storage: "1Gi" };
  await client.resource(persistentvolumes).create("", {
    metadata: { name: "pv" },
    spec: { ...common, capacity, claimRef: { namespace: "default", name: "data" }, csi: { driver, volumeHandle: "h" } },
  });
  await client
    .resource(persistentvolumeclaims)
    .create("default", { metadata: { name: "data" }, spec: { ...common, resources: { requests: capacity }, volumeName: "pv" } });
}

test("a disk follows its pods from node to node, and is taken from a node that no longer answers", async () => {
  await using cluster = await startCluster({ nodes: 0, clock: "virtual", seed: 1 });
  const { client } = cluster;
  const pass = async (ms: number): Promise<void> => {
    await cluster.advance(ms);
    await cluster.settled();
  };
  const places = async (): Promise<string[]> => (await client.resource(volumeattachments).list()).items.map(({ spec }) => spec.nodeName);
  const mayMount = async (node: string): Promise<number> => (await client.resource(nodes).get("", node)).status.volumesAttached?.length ?? 0;
  const attached = async (): Promise<void> => {
    const { items } = await client.resource(volumeattachments).list();
    for (const { metadata } of items)
      await client.resource(volumeattachments).patch("", metadata.name, "merge", { status: { attached: true } }, { subresource: "status" });
    await pass(1000);
  };
  const uses = (node: string, volumesInUse: string[] | null) =>
    client.resource(nodes).patch("", node, "merge", { status: { volumesInUse } }, { subresource: "status" });
  const run = async (name: string, nodeName: string): Promise<void> => {
    const spec = {
      nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "c", image: "i" }],
      volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }],
    };
    await client.resource(pods).create("default", { metadata: { name }, spec });
    await pass(1000);
  };
  await prepare(cluster);
  await pass(1000);

  await run("one", "first");
  assert.deepEqual(await places(), ["first"]);
  assert.equal(await mayMount("first"), 0, "the driver has not attached it yet");
  await attached();
  assert.equal(await mayMount("first"), 1);

  await uses("first", inUse);
  await run("two", "second");
  await client.resource(pods).delete("default", "one", { gracePeriodSeconds: 0 });
  await pass(5000);
  assert.deepEqual(await places(), ["first"], "its node still uses it");
  await uses("first", null);
  await pass(1000);
  assert.deepEqual(await places(), ["second"]);
  assert.equal(await mayMount("first"), 0);
  await attached();

  await uses("second", inUse);
  await client.resource(pods).delete("default", "two", { gracePeriodSeconds: 0 });
  await pass(5 * 60_000);
  assert.deepEqual(await places(), ["second"]);
  await pass(2 * 60_000);
  assert.deepEqual(await places(), [], "after six minutes it is taken from a node that is not ready");

  const told = (await client.resource(events).list()).items.filter(({ source }) => source.component === "attachdetach-controller");
  assert.deepEqual(
    told.map(({ involvedObject, message }) => `${involvedObject.name}: ${message}`),
    [
      'one: AttachVolume.Attach succeeded for volume "pv" ',
      'two: Multi-Attach error for volume "pv" Volume is already used by pod(s) one',
      'two: AttachVolume.Attach succeeded for volume "pv" ',
    ],
  );
});

test("services get addresses of a further range, which stays as long as they have them", async () => {
  await using cluster = await startCluster({ nodes: 0, clock: "virtual", seed: 1 });
  const { client } = cluster;
  const pass = async (ms: number): Promise<void> => {
    await cluster.advance(ms);
    await cluster.settled();
  };
  await client.resource(servicecidrs).create("", { metadata: { name: "more" }, spec: { cidrs: ["10.200.0.0/24"] } });
  await pass(1000);
  await client.resource(services).create("default", { metadata: { name: "there" }, spec: { clusterIP: "10.200.0.9", ports: [{ port: 80 }] } });
  assert.equal((await client.resource(ipaddresses).get("", "10.200.0.9")).spec.parentRef?.name, "there");
  await client.resource(servicecidrs).delete("", "more");
  await pass(30_000);
  const [condition] = (await client.resource(servicecidrs).get("", "more")).status?.conditions ?? [];
  assert.equal(condition?.reason, "Terminating");
  await client.resource(services).delete("default", "there");
  await pass(30_000);
  await assert.rejects(client.resource(servicecidrs).get("", "more"), /not found/);
});

test("the Service of the API server and its range come back when somebody deletes them", async () => {
  await using cluster = await startCluster({ nodes: 0, clock: "virtual", seed: 1 });
  const { client } = cluster;
  const before = await client.resource(services).get("default", "kubernetes");
  await client.resource(services).delete("default", "kubernetes");
  await client.resource(servicecidrs).delete("", "kubernetes");
  await cluster.advance(60_000);
  await cluster.settled();
  const after = await client.resource(services).get("default", "kubernetes");
  assert.notEqual(after.metadata.uid, before.metadata.uid);
  assert.equal(after.spec.clusterIP, before.spec.clusterIP);
  const address = await client.resource(ipaddresses).get("", before.spec.clusterIP ?? "");
  assert.equal(address.spec.parentRef?.name, "kubernetes");
  assert.equal((await client.resource(servicecidrs).get("", "kubernetes")).spec.cidrs?.[0], "10.96.0.0/16");
});
