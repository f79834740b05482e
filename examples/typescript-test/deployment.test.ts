/** A test with a cluster of its own in the test's process. Run: npm install && npm test (Node 24). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployments, jobs, pods, startCluster } from "k8ts";

const container = { name: "app", image: "example.com/app:1" };

test("a deployment's pods run", async () => {
  await using cluster = await startCluster();
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container] } };
  await cluster.client.resource(deployments).create("default", {
    metadata: { name: "web" },
    spec: { replicas: 3, selector: { matchLabels: { app: "web" } }, template },
  });
  for await (const event of cluster.client.resource(deployments).watch({ namespace: "default", resourceVersion: "0" }))
    if (event.object.status?.readyReplicas === 3) break;
  const { items } = await cluster.client.resource(pods).list({ namespace: "default" });
  assert.equal(items.length, 3);
});

test("a minute passes in no time, and the job is done", async () => {
  await using cluster = await startCluster({ clock: "virtual", seed: 1 });
  await cluster.client.resource(jobs).create("default", {
    metadata: { name: "report" },
    spec: { template: { spec: { restartPolicy: "Never", containers: [container] } } },
  });
  await cluster.advance(60_000);
  assert.equal((await cluster.client.resource(jobs).get("default", "report")).status?.succeeded, 1);
});
