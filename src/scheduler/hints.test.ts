import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { VirtualClock } from "../base/clock.ts";
import { makeNode, makePod, World, defaultProfile } from "./fixtures.ts";
import { action, type ClusterEvent, type EventSource } from "./framework/events.ts";
import { SchedulingQueue } from "./queue.ts";

/** Whether the event wakes a pod that the plugin refused. */
function wakes(pod: Pod, plugin: string, source: EventSource, actions: number, old?: KubeObject, object?: KubeObject): boolean {
  const queue = new SchedulingQueue({ clock: new VirtualClock(), cluster: new World().cluster, plugins: () => defaultProfile.plugins });
  queue.add(pod);
  const queued = queue.take();
  assert.ok(queued);
  queue.unschedulable(queued, new Set([plugin]));
  const event: ClusterEvent = { source, actions, old, object };
  queue.move(event);
  return queue.get(pod.metadata.uid)?.place !== "unschedulable";
}

test("a node that has grown wakes a pod only where it has grown in what the pod wants, and enough", () => {
  const pod = makePod("p", { requests: { cpu: "2" } });
  const changed = (cpu: string, memory = "32Gi"): boolean =>
    wakes(
      pod,
      "NodeResourcesFit",
      "Node",
      action.updateAllocatable,
      makeNode("a", { allocatable: { cpu: "1" } }),
      makeNode("a", { allocatable: { cpu, memory } }),
    );
  assert.equal(changed("2"), true);
  assert.equal(changed("1500m"), false);
  assert.equal(changed("1", "64Gi"), false);
});

test("a pod that shrinks wakes those who want what it gives back", () => {
  const shrunk = (wanted: Record<string, string>): boolean => {
    const [old, now] = ["2", "1"].map((cpu) => makePod("other", { nodeName: "a", requests: { cpu, memory: "1Gi" } }));
    return wakes(makePod("p", { requests: wanted }), "NodeResourcesFit", "AssignedPod", action.updatePodScaleDown, old, now);
  };
  assert.equal(shrunk({ cpu: "1" }), true);
  assert.equal(shrunk({ memory: "1Gi" }), false);
});

test("a node that loses its place in a topology frees those who keep away from others there", () => {
  const term = { topologyKey: "zone", labelSelector: { matchLabels: { app: "web" } } };
  const pod = makePod("p", { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
  const moved = (before: Record<string, string>, after: Record<string, string>): boolean =>
    wakes(pod, "InterPodAffinity", "Node", action.updateLabel, makeNode("a", { labels: before }), makeNode("a", { labels: after }));
  assert.equal(moved({ zone: "z1" }, {}), true);
  assert.equal(moved({ zone: "z1" }, { zone: "z2" }), true);
  assert.equal(moved({}, { zone: "z1" }), false);
});

test("a node that declares more wakes those who need it", () => {
  const restarting = { ...makePod("p"), spec: { ...makePod("p").spec, containers: [{ name: "c", restartPolicyRules: [{ action: "RestartAllContainers" }] }] } };
  const declaring = (...declaredFeatures: string[]) => ({ ...makeNode("a"), status: { ...makeNode("a").status, declaredFeatures } });
  const feature = "RestartAllContainersOnContainerExits";
  assert.deepEqual(new World({ nodes: [declaring(feature), makeNode("b")] }).feasible(restarting as Pod), ["a"]);
  const woken = (old: string[], now: string[]) =>
    wakes(restarting as Pod, "NodeDeclaredFeatures", "Node", action.updateNodeDeclaredFeature, declaring(...old), declaring(...now));
  assert.deepEqual([woken([], [feature]), woken([feature], [feature])], [true, false]);
});
