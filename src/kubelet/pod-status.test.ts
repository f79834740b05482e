import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, ContainerStatus, Pod, PodStatus } from "../api/types/core-v1.gen.ts";
import { podPhase } from "./phase.ts";
import { qosClass } from "./pod.ts";
import { podStatus } from "./pod-status.ts";
import { emptyRuntimePod } from "./runtime-pod.ts";
import { mergeStatus, statusPatch, withTimes } from "./status-merge.ts";

const pod = (spec: object = {}, status: PodStatus = {}): Pod =>
  ({
    metadata: { name: "p", namespace: "n", uid: "u", resourceVersion: "1", generation: 2, creationTimestamp: "" },
    spec: { restartPolicy: "Always", containers: [{ name: "c", image: "i" }], ...spec },
    status,
  }) as Pod;
const status = (name: string, state: object, lastState: object = {}): ContainerStatus =>
  ({ name, state, lastState, ready: false, restartCount: 0, image: "i", imageID: "" }) as ContainerStatus;
const ended = (exitCode: number): object => ({ terminated: { exitCode } });

test("phases follow containers and restart policies", () => {
  const cases: [string, object, boolean, string][] = [
    ["Always", { running: {} }, false, "Running"],
    ["Always", { waiting: {} }, false, "Pending"],
    ["Always", ended(0), false, "Running"],
    ["Always", ended(0), true, "Succeeded"],
    ["Always", ended(1), true, "Failed"],
    ["Never", ended(0), false, "Succeeded"],
    ["Never", ended(1), false, "Failed"],
    ["OnFailure", ended(1), false, "Running"],
    ["OnFailure", ended(0), false, "Succeeded"],
  ];
  for (const [restartPolicy, state, terminal, phase] of cases)
    assert.equal(podPhase(pod({ restartPolicy }), [status("c", state)], terminal, true), phase, `${restartPolicy} ${JSON.stringify(state)}`);
  assert.equal(podPhase(pod(), [], false, false), "Pending");
});

test("an init container that failed for good fails the pod, a running one keeps it pending", () => {
  const spec = { restartPolicy: "Never", initContainers: [{ name: "i", image: "i" }] };
  assert.equal(podPhase(pod(spec), [status("i", ended(1)), status("c", { waiting: {} })], false, false), "Failed");
  assert.equal(podPhase(pod(spec), [status("i", { running: {} }), status("c", { waiting: {} })], false, false), "Pending");
});

const input = (p: Pod) => ({
  pod: p,
  runtime: emptyRuntimePod("u", "n", "p"),
  runtimeName: "containerd",
  previous: {},
  failures: () => undefined,
  probes: () => undefined,
  devices: () => [],
  terminal: false,
  hostIPs: ["10.0.0.1"],
  actuated: { containers: {} },
  resize: [],
});

test("a pod that has just arrived waits for its containers, under the conditions of upstream", () => {
  const made = podStatus(input(pod()));
  assert.equal(made.phase, "Pending");
  assert.deepEqual(made.containerStatuses?.[0]?.state, { waiting: { reason: "ContainerCreating" } });
  assert.deepEqual(
    made.conditions?.map((c) => [c.type, c.status, c.reason, c.message]),
    [
      ["PodReadyToStartContainers", "False", undefined, undefined],
      ["Initialized", "True", undefined, undefined],
      ["Ready", "False", "ContainersNotReady", "containers with unready status: [c]"],
      ["ContainersReady", "False", "ContainersNotReady", "containers with unready status: [c]"],
      ["PodScheduled", "True", undefined, undefined],
    ],
  );
  assert.equal(made.observedGeneration, 2);
});

test("a refused pod says nothing but why", () => {
  const made = podStatus({ ...input(pod()), verdict: { phase: "Failed", reason: "OutOfcpu", message: "m", refused: true } });
  assert.deepEqual([made.phase, made.reason, made.message, made.containerStatuses], ["Failed", "OutOfcpu", "m", undefined]);
});

test("a reason why a container does not start is its waiting state", () => {
  const made = podStatus({ ...input(pod()), failures: () => ({ reason: "ErrImagePull", message: "no" }) });
  assert.deepEqual(made.containerStatuses?.[0]?.state, { waiting: { reason: "ErrImagePull", message: "no" } });
});

test("transition times stay while a condition stays", () => {
  const first = withTimes(podStatus(input(pod())), {}, "2026-01-01T00:00:00Z");
  const second = withTimes(podStatus(input(pod())), first, "2026-01-02T00:00:00Z");
  assert.deepEqual(second, first);
  assert.equal(statusPatch("u", first, second), undefined);
});

test("a patch names only what changed and keeps the order of conditions", () => {
  const old = withTimes(podStatus(input(pod())), {}, "2026-01-01T00:00:00Z");
  const conditions = old.conditions!.map((c) => (c.type === "Initialized" ? { ...c, status: "False" } : c));
  const patch = statusPatch("u", old, { ...old, conditions, podIPs: [{ ip: "10.1.1.1" }] }) as { metadata: object; status: Record<string, unknown[]> };
  assert.deepEqual(patch.metadata, { uid: "u" });
  assert.deepEqual(Object.keys(patch.status).sort(), ["$setElementOrder/conditions", "$setElementOrder/podIPs", "conditions", "podIPs"]);
  assert.equal(patch.status.conditions?.length, 1);
  assert.equal(patch.status["$setElementOrder/conditions"]?.length, 5);
  assert.equal(statusPatch("u", {}, { conditions: [] }), undefined);
});

test("a terminal phase waits until nothing can run, and conditions of others stay", () => {
  const foreign = { type: "example.com/gate", status: "True" };
  const current = pod({}, { phase: "Running", conditions: [foreign as never] });
  assert.equal(mergeStatus(current, { phase: "Failed", reason: "X", conditions: [] }, true).phase, "Running");
  const merged = mergeStatus(current, { phase: "Failed", reason: "X", conditions: [{ type: "Ready", status: "True" } as never] }, false);
  assert.deepEqual(
    merged.conditions?.map((c) => [c.type, c.status, c.reason]),
    [
      ["example.com/gate", "True", undefined],
      ["Ready", "False", "PodFailed"],
    ],
  );
});

test("quality of service follows requests and limits", () => {
  const of = (resources: object): string => qosClass(pod({ containers: [{ name: "c", resources } as unknown as Container] }));
  assert.equal(of({}), "BestEffort");
  assert.equal(of({ requests: { cpu: "1m" } }), "Burstable");
  assert.equal(of({ requests: { cpu: "0.1", memory: "1Mi" }, limits: { cpu: "100m", memory: "1024Ki" } }), "Guaranteed");
  assert.equal(of({ limits: { cpu: "100m" } }), "Burstable");
});
