import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ContainerStatus, Pod } from "../api/types/core-v1.gen.ts";
import { isNotFound, StatusError } from "../api/status.ts";
import { events, jobs, leases, nodes, pods } from "../client/resources.gen.ts";
import { type Cluster, startCluster } from "./start-cluster.ts";

let cluster: Cluster;
before(async () => {
  cluster = await startCluster({ clock: "virtual", seed: 1 });
});
after(() => cluster[Symbol.asyncDispose]());

const spec = { containers: [{ name: "c", image: "i" }] };
const phase = async (name: string): Promise<string | undefined> => (await cluster.client.resource(pods).get("default", name)).status?.phase;
const create = (name: string, more: object = {}, annotations: Record<string, string> = {}) =>
  cluster.client.resource(pods).create("default", { metadata: { name, annotations }, spec: { ...spec, ...more } });

test("a node's lease is renewed by the node itself, and its status says what it is", async () => {
  const node = await cluster.client.resource(nodes).get("", "node");
  assert.deepEqual(node.status.addresses, [
    { type: "InternalIP", address: "10.128.0.1" },
    { type: "Hostname", address: "node" },
  ]);
  await cluster.advance(60_000);
  const { spec: lease, metadata } = await cluster.client.resource(leases).get("kube-node-lease", "node");
  assert.equal(lease.holderIdentity, "node");
  assert.ok(cluster.clock.now() - Date.parse(lease.renewTime ?? "") <= 20_000);
  assert.equal(metadata.ownerReferences?.[0]?.uid, node.metadata.uid);
});

test("a node that is created with the annotation is simulated, with the pods that were bound to it before", async () => {
  await create("early", { nodeName: "later" });
  await cluster.advance(1000);
  assert.equal(await phase("early"), "Pending");
  await cluster.client
    .resource(nodes)
    .create("", { metadata: { name: "later", annotations: { "kwok.x-k8s.io/node": "fake" } }, spec: { podCIDR: "10.9.0.0/24" } });
  await cluster.advance(1000);
  assert.equal(await phase("early"), "Running");
  const { status } = await cluster.client.resource(pods).get("default", "early");
  assert.equal(status?.podIP, "10.9.0.2");
  assert.equal(status?.hostIP, "10.9.0.1");
});

test("a node without the annotation is nobody's: it is not Ready and its pods stay Pending", async () => {
  await cluster.client.resource(nodes).create("", { metadata: { name: "real" } });
  await create("waiting", { nodeName: "real" });
  await cluster.advance(5000);
  assert.equal(await phase("waiting"), "Pending");
  assert.equal(
    (await cluster.client.resource(nodes).get("", "real")).status.conditions?.some((c) => c.status === "True" && c.type === "Ready") ?? false,
    false,
  );
});

test("a node that loses the annotation falls silent, and goes on where it gets it back", async () => {
  const api = cluster.client.resource(nodes);
  const annotate = (value: string | null): Promise<unknown> => api.patch("", "later", "merge", { metadata: { annotations: { "kwok.x-k8s.io/node": value } } });
  const ready = async (): Promise<string | undefined> => (await api.get("", "later")).status.conditions?.find((c) => c.type === "Ready")?.status;
  await create("slow", { nodeName: "later", restartPolicy: "Never" }, { "sim.k8ts.dev/complete-after": "20s" });
  await cluster.advance(1000);
  await annotate(null);
  await create("unheard", { nodeName: "later", tolerations: [{ operator: "Exists" }] });
  await cluster.advance(120_000);
  assert.equal(await ready(), "Unknown");
  assert.equal(await phase("slow"), "Running");
  assert.equal(await phase("unheard"), "Pending");
  await annotate("fake");
  await cluster.advance(30_000);
  assert.equal(await ready(), "True");
  assert.equal(await phase("slow"), "Succeeded");
  assert.equal(await phase("unheard"), "Running");
});

test("a finite pod succeeds after the time that its annotation says, an endless one never", async () => {
  await create("finite", { restartPolicy: "Never" }, { "sim.k8ts.dev/complete-after": "30s" });
  await create("endless", {}, { "sim.k8ts.dev/complete-after": "1s" });
  await cluster.advance(20_000);
  assert.equal(await phase("finite"), "Running");
  await cluster.advance(20_000);
  assert.equal(await phase("finite"), "Succeeded");
  assert.equal(await phase("endless"), "Running");
});

const job = async (name: string, container: object, more: object = {}): Promise<() => Promise<Pod>> => {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i", ...container }], ...more } };
  await cluster.client.resource(jobs).create("default", { metadata: { name }, spec: { backoffLimit: 0, template } });
  return async () => (await cluster.client.resource(pods).list({ namespace: "default", labelSelector: `job-name=${name}` })).items[0] as Pod;
};

test("a Job's container takes as long, and ends, as its command plainly says", async () => {
  const plain = await job("plain", {});
  const sleeping = await job("sleeping", { command: ["/bin/sh", "-c", "sleep 1m; exit 7"] });
  const endless = await job("endless", { image: "registry.k8s.io/pause:3.10" });
  const script = await job("script", { args: ["if [ $X ]; then exit 1; fi"] });
  await cluster.advance(30_000);
  assert.equal((await plain()).status?.phase, "Succeeded");
  assert.equal((await script()).status?.phase, "Succeeded");
  assert.equal((await sleeping()).status?.phase, "Running");
  await cluster.advance(40_000);
  const { status } = await sleeping();
  assert.equal(status?.phase, "Failed");
  assert.deepEqual([status?.containerStatuses?.[0]?.state?.terminated?.exitCode, status?.containerStatuses?.[0]?.state?.terminated?.reason], [7, "Error"]);
  assert.equal(status?.containerStatuses?.[0]?.state?.running, undefined);
  assert.equal((await endless()).status?.phase, "Running");
  const failed = await cluster.client.resource(jobs).get("default", "sleeping");
  assert.ok(failed.status?.conditions?.some((c) => c.type === "Failed" && c.reason === "BackoffLimitExceeded"));
});

test("a container that fails with restartPolicy OnFailure runs again, later each time", async () => {
  await create("crashing", { restartPolicy: "OnFailure", containers: [{ name: "c", image: "i", command: ["sh", "-c", "exit 1"] }] });
  await cluster.advance(5000);
  const get = async (): Promise<ContainerStatus | undefined> => (await cluster.client.resource(pods).get("default", "crashing")).status?.containerStatuses?.[0];
  assert.equal((await get())?.restartCount, 1);
  assert.equal((await get())?.state?.waiting?.reason, "CrashLoopBackOff");
  assert.equal((await get())?.lastState?.terminated?.exitCode, 1);
  assert.equal(await phase("crashing"), "Running");
  await cluster.advance(10_000);
  assert.equal((await get())?.restartCount, 2);
  await cluster.advance(10_000);
  assert.equal((await get())?.restartCount, 2);
  await cluster.advance(10_000);
  assert.equal((await get())?.restartCount, 3);
  assert.deepEqual(Object.keys((await get())?.state ?? {}), ["waiting"]);
});

test("annotations say how a pod ends, before its command does", async () => {
  await create(
    "told",
    { restartPolicy: "Never", containers: [{ name: "c", image: "i", command: ["sleep", "1000"] }] },
    { "sim.k8ts.dev/complete-after": "10s", "sim.k8ts.dev/exit-code": "4" },
  );
  await cluster.advance(5000);
  assert.equal(await phase("told"), "Running");
  await cluster.advance(10_000);
  assert.equal(await phase("told"), "Failed");
});

test("an image that no registry can have keeps a pod waiting until it has another one", async () => {
  const image = (...images: string[]): object => ({ containers: images.map((image, i) => ({ name: `c${i}`, image })) });
  await create("no-tag", image("webserver:404", "nginx"));
  await create("no-registry", image("registry.invalid:5000/app:1"));
  await create("no-name", image("Foo//bar"));
  await create("init", { initContainers: [{ name: "i", image: "foo:non-existent" }], ...image("nginx") });
  await create("there", image("localhost:5000/a/b-c__d:v1.2-3", `nginx:404@sha256:${"0".repeat(64)}`));
  await cluster.advance(1000);
  const get = async (name: string): Promise<Pod> => cluster.client.resource(pods).get("default", name);
  const reasons = async (name: string): Promise<(string | undefined)[]> => {
    const { status } = await get(name);
    return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map((c) => c.state?.waiting?.reason);
  };
  assert.deepEqual(await reasons("no-tag"), ["ErrImagePull", undefined]);
  await cluster.advance(10_000);
  assert.deepEqual(await reasons("no-tag"), ["ImagePullBackOff", undefined]);
  assert.deepEqual(await reasons("no-registry"), ["ImagePullBackOff"]);
  assert.deepEqual(await reasons("no-name"), ["InvalidImageName"]);
  assert.deepEqual(await reasons("init"), ["ImagePullBackOff", "PodInitializing"]);
  assert.equal(await phase("there"), "Running");
  for (const name of ["no-tag", "no-registry", "no-name", "init"]) {
    const { status } = await get(name);
    assert.equal(status?.phase, "Pending");
    assert.match(status?.conditions?.find((c) => c.type === "Ready")?.message ?? "", /^containers with unready status: \[c0\]$/);
  }
  const reported = (await cluster.client.resource(events).list({ namespace: "default" })).items.filter((e) => e.involvedObject.name === "no-tag");
  assert.deepEqual(
    reported.filter((e) => e.source?.component === "kubelet").map((e) => e.message),
    ["Error: ErrImagePull", "Error: ImagePullBackOff"],
  );
  await cluster.client.resource(pods).patch("default", "no-tag", "strategic", { spec: { containers: [{ name: "c0", image: "webserver:1" }] } });
  await cluster.advance(1000);
  const mended = await get("no-tag");
  assert.equal(mended.status?.phase, "Running");
  assert.deepEqual(Object.keys(mended.status?.containerStatuses?.[0]?.state ?? {}), ["running"]);
  assert.deepEqual(
    mended.status?.conditions?.filter((c) => c.status !== "True" || c.reason !== undefined).map((c) => c.type),
    [],
  );
});

test("a pod with a readiness gate is Ready while the gate's condition is True", async () => {
  const api = cluster.client.resource(pods);
  const gates = { readinessGates: [{ conditionType: "example.com/registered" }] };
  await create("gated", gates);
  const ready = async (): Promise<object> => {
    await cluster.advance(1000);
    const condition = (await api.get("default", "gated")).status?.conditions?.find((c) => c.type === "Ready");
    return [condition?.status, condition?.reason, condition?.message];
  };
  const gate = (status: string): Promise<unknown> =>
    api.patch("default", "gated", "strategic", { status: { conditions: [{ type: "example.com/registered", status }] } }, { subresource: "status" });
  const missing = 'corresponding condition of pod readiness gate "example.com/registered" does not exist.';
  assert.deepEqual(await ready(), ["False", "ReadinessGatesNotReady", missing]);
  await gate("True");
  assert.deepEqual(await ready(), ["True", undefined, undefined]);
  await gate("False");
  const closed = 'the status of pod readiness gate "example.com/registered" is not "True", but False';
  assert.deepEqual(await ready(), ["False", "ReadinessGatesNotReady", closed]);
});

test("a changed image is run again, changed resources are given, and the status says for which generation", async () => {
  const api = cluster.client.resource(pods);
  const resources = { requests: { cpu: "100m" } };
  await create("changing", {
    containers: [
      { name: "a", image: "a:1", resources },
      { name: "b", image: "b:1" },
    ],
  });
  await cluster.advance(1000);
  assert.deepEqual((await api.get("default", "changing")).status?.containerStatuses?.[0]?.resources, resources);
  await api.patch("default", "changing", "strategic", { spec: { containers: [{ name: "b", image: "b:2" }] } });
  await cluster.advance(1000);
  const wanted = { requests: { cpu: "200m" } };
  await api.patch("default", "changing", "strategic", { spec: { containers: [{ name: "a", resources: wanted }] } }, { subresource: "resize" });
  await cluster.advance(1000);
  const { status, metadata } = await api.get("default", "changing");
  const [a, b] = status?.containerStatuses ?? [];
  assert.deepEqual([a?.restartCount, a?.image, a?.resources, a?.allocatedResources], [0, "a:1", wanted, wanted.requests]);
  assert.deepEqual([b?.restartCount, b?.image, b?.ready, b?.lastState?.terminated?.exitCode], [1, "b:2", true, 137]);
  assert.deepEqual(Object.keys(b?.state ?? {}), ["running"]);
  assert.equal(status?.observedGeneration, metadata.generation);
  assert.equal(metadata.generation, 3);
});

test("a deletion with a grace period ends, and one that a finalizer holds ends when that goes", async () => {
  const api = cluster.client.resource(pods);
  await create("short");
  await api.create("default", { metadata: { name: "held", finalizers: ["example.com/hold"] }, spec });
  await cluster.advance(1000);
  await api.delete("default", "short", { gracePeriodSeconds: 30 });
  await api.delete("default", "held");
  await cluster.advance(1000);
  await assert.rejects(api.get("default", "short"), isNotFound);
  const held = await api.get("default", "held");
  assert.equal(held.metadata.deletionGracePeriodSeconds, 0);
  assert.equal(held.status?.phase, "Failed");
  assert.deepEqual(
    held.status?.containerStatuses?.map(({ ready, state }) => [ready, Object.keys(state ?? {}), state?.terminated?.exitCode]),
    [[false, ["terminated"], 137]],
  );
  await api.patch("default", "held", "merge", { metadata: { finalizers: null } });
  await cluster.advance(1000);
  await assert.rejects(api.get("default", "held"), isNotFound);
});

test("a Job whose pods are deleted gets others, although its finalizer holds the old ones", async () => {
  const policy = { podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }] } };
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i", command: ["sleep", "1000"] }] } };
  await cluster.client.resource(jobs).create("default", { metadata: { name: "evicted" }, spec: { backoffLimit: 0, template, ...policy } });
  await cluster.advance(2000);
  const list = async (): Promise<Pod[]> => (await cluster.client.resource(pods).list({ namespace: "default", labelSelector: "job-name=evicted" })).items;
  const [first] = await list();
  const { name = "" } = first?.metadata ?? {};
  await cluster.client.resource(pods).subresource("POST", "default", name, "eviction", { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } });
  await cluster.advance(30_000);
  const after = await list();
  assert.deepEqual(
    after.map(({ status }) => status?.phase),
    ["Running"],
  );
  assert.notEqual(after[0]?.metadata.name, name);
});

test("a pod on the host network has its node's address", async () => {
  await create("host", { hostNetwork: true, nodeName: "node" });
  await cluster.advance(1000);
  assert.equal((await cluster.client.resource(pods).get("default", "host")).status?.podIP, "10.128.0.1");
});

test("logs of a container that does not run are refused, and nothing else is answered in their place", async () => {
  await create("silent");
  await cluster.advance(1000);
  await assert.rejects(cluster.client.resource(pods).subresource("GET", "default", "silent", "log"), { code: 503 });
});

test("what a node's identity may not do is refused although the node is simulated", async () => {
  const node = cluster.clientAs({ name: "system:node:node", groups: ["system:nodes", "system:authenticated"] });
  await create("elsewhere", { nodeName: "later" });
  await assert.rejects(
    node.resource(pods).patch("default", "elsewhere", "strategic", { status: { phase: "Failed" } }, { subresource: "status" }),
    (error: unknown) => error instanceof StatusError && /can only update pod status for pods with spec.nodeName set to itself/.test(error.message),
  );
});
