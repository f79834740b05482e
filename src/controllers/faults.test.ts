/** A sample of conformance/faults.ts, which tries every fault at every request, and what it has found before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explore, type ExploreOptions } from "../../conformance/faults/explore.ts";
import { violations } from "../../conformance/faults/invariants.ts";
import { run } from "../../conformance/faults/run.ts";
import { loadScenarios } from "../../conformance/faults/scenario.ts";
import type { Deployment, ReplicaSet } from "../api/types/apps-v1.gen.ts";

const scenarios = new Map(loadScenarios().map((scenario) => [scenario.name, scenario]));

async function nothingGoesWrong(name: string, controller: string, options: Partial<ExploreOptions>): Promise<void> {
  const scenario = scenarios.get(name);
  assert.ok(scenario, name);
  const { points, findings } = await explore({ scenario, controller, seed: 1, prove: false, ...options });
  assert.ok(points > 0, "no fault was tried");
  assert.deepEqual(findings, []);
}

/** Each in the place of several hundred runs. */
const samples: [scenario: string, controller: string, every: number][] = [
  ["deployment-recreate", "deployment-controller", 400],
  ["statefulset-parallel", "statefulset-controller", 450],
  ["daemonset-surge", "daemonset-controller", 260],
  ["cronjob-replace", "cronjob-controller", 150],
];
for (const [name, controller, every] of samples)
  test(`${name}: whatever goes wrong with a request of the ${controller}, the end is the same`, () => nothingGoesWrong(name, controller, { every }));

const creatingPods = /^\/api\/v1\/namespaces\/default\/pods$/;
for (const [name, controller] of [
  ["replicaset-adoption", "replicaset-controller"],
  ["job-ttl", "job-controller"],
] as const)
  test(`${name}: no pod is made twice when the answer to its creation is lost and the cache does not show it`, () =>
    nothingGoesWrong(name, controller, { kinds: /^lost-and-stale$/, at: ({ method, path }) => method === "POST" && creatingPods.test(path) }));

test("a Job whose status was written without an answer counts no pod twice", () =>
  nothingGoesWrong("job-ttl", "job-controller", { kinds: /^lost-and-stale$/, at: ({ method, path }) => method === "PUT" && path.endsWith("/status") }));

test("device-claims: no claim is made twice when the answer to its creation is lost, none again for a pod that has ended", () =>
  nothingGoesWrong("device-claims", "resourceclaim-controller", { kinds: /^lost-and-stale$/, at: ({ method }) => method === "POST" }));

for (const [name, controller] of [
  ["tokens", "serviceaccount-token-controller"],
  ["bootstrap-tokens", "token-cleaner-controller"],
] as const)
  test(`${name}: a deletion that met a conflict is made again`, () =>
    nothingGoesWrong(name, controller, { kinds: /^conflict$/, at: ({ method }) => method === "DELETE" }));

for (const [name, controller, kinds] of [
  ["deletion-background", "deployment-controller", /^late:deployments$/],
  ["deletion-foreground", "replicaset-controller", /^late:replicasets$/],
  ["workloads-background", "statefulset-controller", /^late:statefulsets$/],
  ["workloads-foreground", "daemonset-controller", /^late:daemonsets$/],
  ["service-deletion", "endpointslice-controller", /^late:services$/],
] as const)
  test(`${name}: the ${controller} does not replace for ever what goes because of something that it has not heard of yet`, () =>
    nothingGoesWrong(name, controller, { kinds }));

test("quota: what is counted from a cache that shows nothing yet gives nothing away that is taken", () =>
  nothingGoesWrong("quota", "resourcequota-controller", { kinds: /^late:pods$/ }));

test("deletion-orphan: a garbage collector that could not look at the start soon looks again", async () => {
  const scenario = scenarios.get("deletion-orphan");
  assert.ok(scenario);
  const common = { scenario, seed: 1, controller: "garbage-collector-controller", prove: false };
  const { state } = await run(common);
  const { problems } = await run({ ...common, point: { kind: "read-error", at: 1 }, expected: state });
  assert.deepEqual(problems, []);
});

test("a Deployment says that its new ReplicaSet came, also where that met a conflict", async () => {
  const found = scenarios.get("deployment-recreate");
  assert.ok(found);
  // With one pod nothing is seen to progress between the old set and the new one.
  const scenario = JSON.parse(JSON.stringify(found).replace('"replicas":2', '"replicas":1')) as typeof found;
  const common = { scenario, seed: 1, controller: "deployment-controller", prove: false };
  const { writes } = await run(common);
  const creation = writes.findIndex(({ method }, i) => method === "POST" && i > 5);
  const { body } = writes[creation] ?? assert.fail("no second ReplicaSet");
  const { name } = (body as ReplicaSet).metadata;
  const { history } = await run({ ...common, point: { kind: "conflict", at: creation + 2 } });
  const messages = history
    .filter(({ key }) => key === "/registry/deployments/default/web")
    .map(({ value }) => JSON.parse(Buffer.from(value as Uint8Array).toString()) as Deployment)
    .flatMap(({ status }) => status?.conditions?.find(({ type }) => type === "Progressing")?.message ?? []);
  assert.ok(messages.includes(`Created new replica set "${name}"`));
  assert.ok(messages.includes(`ReplicaSet "${name}" has successfully progressed.`));
});

test("the garbage collector outlives a server that cannot say what it serves", () =>
  nothingGoesWrong("replicationcontroller-adoption", "garbage-collector-controller", { kinds: /^read-(error|timeout)$/, every: 9 }));

test("one seed gives one history, byte for byte, also where a process dies and its requests fail", async () => {
  const scenario = scenarios.get("statefulset-parallel");
  assert.ok(scenario);
  const once = async (): Promise<string[]> => {
    const { history } = await run({ scenario, seed: 3, controller: "statefulset-controller", point: { kind: "chaos", at: 2 }, prove: false });
    return history.map(({ key, revision, value }) => `${revision} ${key} ${value ? Buffer.from(value).toString() : "is gone"}`);
  };
  const [a, b] = [await once(), await once()];
  assert.ok(a.length > 200, `only ${a.length} changes`);
  for (const [i, line] of a.entries()) assert.equal(b[i], line, `change ${i}`);
  assert.equal(b.length, a.length);
});

test("a history with a pod too many is told from one without", () => {
  const owner = (kind: string, spec: object) => ({ kind, metadata: { name: "o", namespace: "d", uid: "o" }, spec });
  const pod = (name: string, annotations = {}, status = {}) => ({
    kind: "Pod",
    metadata: { name, namespace: "d", uid: name, annotations, ownerReferences: [{ uid: "o", controller: true }] },
    spec: {},
    status,
  });
  const judged = (...objects: { kind: string; metadata: { name: string } }[]): number =>
    violations(
      objects.map((object, i) => ({
        key: `/registry/${object.kind.toLowerCase()}s/d/${object.metadata.name}`,
        revision: i + 1,
        value: Buffer.from(JSON.stringify(object)),
      })),
    ).length;
  const index = (i: number) => ({ "batch.kubernetes.io/job-completion-index": String(i) });
  const ready = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  assert.equal(judged(owner("ReplicaSet", { replicas: 2 }), pod("a"), pod("b")), 0);
  assert.equal(judged(owner("ReplicaSet", { replicas: 1 }), pod("a"), pod("b")), 1);
  assert.equal(judged(owner("Job", { parallelism: 2, completions: 2 }), pod("a", {}, { phase: "Succeeded" }), pod("b")), 0);
  assert.equal(judged(owner("Job", { parallelism: 2, completions: 1 }), pod("a", {}, { phase: "Succeeded" }), pod("b")), 1);
  assert.equal(judged(owner("Job", { parallelism: 2, completions: 2 }), pod("a", index(0)), pod("b", index(1))), 0);
  assert.equal(judged(owner("Job", { parallelism: 2, completions: 2 }), pod("a", index(1)), pod("b", index(1))), 1);
  assert.equal(judged(owner("StatefulSet", { replicas: 2 }), pod("o-0", {}, ready), pod("o-1")), 0);
  assert.equal(judged(owner("StatefulSet", { replicas: 2 }), pod("o-0"), pod("o-1")), 1);
});
