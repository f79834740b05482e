import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "../api/types/core-v1.gen.ts";
import { computePodActions, containerHash, type ProbeResults } from "./actions.ts";
import type { ContainerRecord, ContainerState, RuntimePod } from "./runtime-pod.ts";

const container = (name: string, extra: Partial<Container> = {}): Container => ({ name, image: "i", ...extra }) as Container;
const pod = (spec: Partial<Pod["spec"]>): Pod =>
  ({
    metadata: { name: "p", namespace: "n", uid: "u", resourceVersion: "1", creationTimestamp: "" },
    spec: { restartPolicy: "Always", containers: [container("c")], ...spec },
    status: {},
  }) as Pod;
const record = (name: string, state: ContainerState, extra: Partial<ContainerRecord> = {}): ContainerRecord => ({
  id: `${name}-id`,
  name,
  sandboxId: "s",
  state,
  createdAt: 1,
  startedAt: 1,
  finishedAt: 2,
  exitCode: 0,
  reason: "",
  message: "",
  image: "i",
  imageRef: "i",
  restartCount: 0,
  hash: containerHash(container(name)),
  logPath: "",
  ...extra,
});
const running = (containers: ContainerRecord[], ready = true): RuntimePod => ({
  uid: "u",
  namespace: "n",
  name: "p",
  sandboxes: [{ id: "s", attempt: 0, ready, createdAt: 1, hostNetwork: false, ips: ["10.0.0.1"] }],
  containers,
});
const none: ProbeResults = () => undefined;
const names = (list: Container[]): string[] => list.map((c) => c.name);

test("a new pod gets a sandbox and its containers, init containers first", () => {
  const empty = { ...running([]), sandboxes: [] };
  const plain = computePodActions(pod({}), empty, none);
  assert.deepEqual([plain.createSandbox, plain.attempt, names(plain.toStart), names(plain.initToStart)], [true, 0, ["c"], []]);
  const withInit = computePodActions(pod({ initContainers: [container("i1"), container("i2")] }), empty, none);
  assert.deepEqual([names(withInit.initToStart), names(withInit.toStart)], [["i1"], []]);
});

test("init containers run one after the other, and a failed one ends a pod that never restarts", () => {
  const two = { initContainers: [container("i1"), container("i2")] };
  assert.deepEqual(names(computePodActions(pod(two), running([record("i1", "running")]), none).initToStart), []);
  assert.deepEqual(names(computePodActions(pod(two), running([record("i1", "exited")]), none).initToStart), ["i2"]);
  const done = computePodActions(pod(two), running([record("i2", "exited"), record("i1", "exited")]), none);
  assert.deepEqual([names(done.initToStart), names(done.toStart)], [[], ["c"]]);
  const failed = running([record("i1", "exited", { exitCode: 1 })]);
  assert.deepEqual(names(computePodActions(pod(two), failed, none).initToStart), ["i1"]);
  assert.equal(computePodActions(pod({ ...two, restartPolicy: "Never" }), failed, none).killPod, true);
});

test("a sidecar lets the next container start once it has started, and is restarted whatever the pod's policy", () => {
  const spec = { restartPolicy: "Never", initContainers: [container("side", { restartPolicy: "Always", startupProbe: {} }), container("i2")] };
  const state = running([record("side", "running")]);
  assert.deepEqual(names(computePodActions(pod(spec), state, none).initToStart), []);
  assert.deepEqual(names(computePodActions(pod(spec), state, (kind) => (kind === "startup" ? "success" : undefined)).initToStart), ["i2"]);
  const died = running([record("c", "running"), record("side", "exited", { exitCode: 1 })]);
  assert.deepEqual(names(computePodActions(pod(spec), died, none).initToStart), ["side"]);
});

test("restart policies decide about containers that have ended", () => {
  const ended = (exitCode: number): RuntimePod => running([record("c", "exited", { exitCode })]);
  const starts = (policy: string, exitCode: number): boolean => computePodActions(pod({ restartPolicy: policy }), ended(exitCode), none).toStart.length > 0;
  assert.deepEqual([starts("Always", 0), starts("OnFailure", 0), starts("OnFailure", 1), starts("Never", 1)], [true, false, true, false]);
  assert.equal(computePodActions(pod({ restartPolicy: "Never" }), ended(0), none).killPod, true);
});

test("failed probes and changed images kill, saying why", () => {
  const live = computePodActions(pod({}), running([record("c", "running")]), (kind) => (kind === "liveness" ? "failure" : undefined));
  assert.deepEqual([live.toKill[0]?.message, names(live.toStart)], ["Container c failed liveness probe, will be restarted", ["c"]]);
  const never = computePodActions(pod({ restartPolicy: "Never" }), running([record("c", "running")]), (kind) => (kind === "startup" ? "failure" : undefined));
  assert.deepEqual([never.toKill[0]?.message, names(never.toStart)], ["Container c failed startup probe", []]);
  const changed = computePodActions(pod({ containers: [container("c", { image: "other" })] }), running([record("c", "running")]), none);
  assert.equal(changed.toKill[0]?.message, "Container c definition changed, will be restarted");
});

test("a dead sandbox is replaced, unless the pod is over", () => {
  const dead = running([record("c", "exited", { exitCode: 137 })], false);
  const again = computePodActions(pod({}), dead, none);
  assert.deepEqual([again.killPod, again.createSandbox, again.attempt, names(again.toStart)], [true, true, 1, ["c"]]);
  assert.equal(computePodActions(pod({ restartPolicy: "Never" }), dead, none).createSandbox, false);
});

test("nothing is started in a pod that is being deleted", () => {
  const deleted = pod({});
  deleted.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  assert.deepEqual(names(computePodActions(deleted, running([record("c", "exited", { exitCode: 1 })]), none).toStart), []);
});
