import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import type { Client, Resource } from "../client/client.ts";
import { createInformerFactory } from "../client/factory.ts";
import { nodes, persistentvolumeclaims, persistentvolumes, pods } from "../client/resources.gen.ts";
import { LocalPathProvisioner } from "../storage/local-path.ts";
import { ensureClusterObjects } from "./cluster-objects.ts";
import { startCluster } from "./start-cluster.ts";

const root = join(mkdtempSync(join(tmpdir(), "k8ts-local-path-")), "volumes");
after(() => rmSync(join(root, ".."), { recursive: true }));

/** Resolves with the object when it is as wanted. */
async function seen<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  namespace: string,
  name: string,
  wanted: (object: T | undefined) => boolean,
): Promise<T> {
  const signal = AbortSignal.timeout(20_000);
  for await (const event of client.resource(resource).watch({ namespace, fieldSelector: `metadata.name=${name}`, resourceVersion: "0", signal }))
    if (event.type !== "BOOKMARK" && wanted(event.type === "DELETED" ? undefined : (event.object as T))) return event.object as T;
  throw new Error(`${name} did not become as wanted`);
}

test("a claim of the default class gets a directory where its pod is placed, grows, and takes it along", async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { client } = cluster;
  await ensureClusterObjects(client, { dnsAddress: "10.96.0.10", nodeAddress: "10.244.0.1", serveDNS: false, localPath: true, metrics: false });
  const [node] = (await client.resource(nodes).list()).items;
  const end = new AbortController();
  using _end = { [Symbol.dispose]: () => end.abort() };
  mkdirSync(join(root, "pvc-stray"), { recursive: true });
  mkdirSync(join(root, "pvc-full"));
  writeFileSync(join(root, "pvc-full", "data"), "kept");
  const own = cluster.clientAs("system:k8ts:local-path");
  const informers = createInformerFactory({ client: own, clock: systemClock, logger: silentLogger });
  const provisioner = new LocalPathProvisioner({ client: own, informers, clock: systemClock, logger: silentLogger, nodeName: node?.metadata.name ?? "", root });
  informers.start(end.signal);
  const running = provisioner.run(end.signal);

  const claims = client.resource(persistentvolumeclaims);
  await claims.create("default", { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } });
  await client.resource(pods).create("default", {
    metadata: { name: "web" },
    spec: { containers: [{ name: "c", image: "i" }], volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] },
  });
  await seen(client, pods, "default", "web", (pod) => pod?.status?.phase === "Running");
  const bound = await seen(client, persistentvolumeclaims, "default", "data", (claim) => claim?.status?.phase === "Bound");
  const directory = join(root, bound.spec.volumeName ?? "");
  assert.equal(statSync(directory).mode & 0o777, 0o777);
  assert.equal(statSync(root).mode & 0o777, 0o711);
  assert.deepEqual(readdirSync(root).sort(), ["pvc-full", bound.spec.volumeName].sort());

  await claims.patch("default", "data", "merge", { spec: { resources: { requests: { storage: "3Gi" } } } });
  await seen(client, persistentvolumeclaims, "default", "data", (claim) => claim?.status?.capacity?.storage === "3Gi");
  assert.equal((await client.resource(persistentvolumes).get("", bound.spec.volumeName ?? "")).spec.capacity?.storage, "3Gi");

  writeFileSync(join(directory, "file"), "x");
  await client.resource(pods).delete("default", "web", { gracePeriodSeconds: 0 });
  await claims.delete("default", "data");
  await seen(client, persistentvolumes, "", bound.spec.volumeName ?? "", (volume) => volume === undefined);
  assert.equal(existsSync(directory), false);
  end.abort();
  await running;
});
