import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { type FakeServer, running } from "./fake-server.ts";
import { makeNode, makePod } from "./fixtures.ts";

const nodeOf = (server: FakeServer, name: string): string | undefined => server.pod(name)?.spec.nodeName;

test("a pod gets a node and an event that says so", () =>
  running(async (server, tick) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("p"));
    await tick();
    assert.equal(nodeOf(server, "p"), "a");
    assert.deepEqual(
      server.events.map(({ reason, note }) => [reason, note]),
      [["Scheduled", "Successfully assigned default/p to a"]],
    );
  }));

test("a pod that fits nowhere is told why, and gets its node when one comes", () =>
  running(async (server, tick) => {
    server.put("nodes", makeNode("a", { allocatable: { cpu: "1" } }));
    server.put("pods", makePod("p", { requests: { cpu: "2" } }));
    await tick();
    const condition = server.pod("p")?.status.conditions?.[0];
    const message =
      "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    assert.deepEqual([condition?.type, condition?.status, condition?.reason, condition?.message], ["PodScheduled", "False", "Unschedulable", message]);
    assert.deepEqual(
      server.events.map(({ note }) => note),
      [message],
    );
    server.put("nodes", makeNode("b"));
    await tick(1000);
    assert.equal(nodeOf(server, "p"), "b");
  }));

test("a binding that fails gives the room back and is tried again after the back-off", () =>
  running(async (server, tick) => {
    server.put("nodes", makeNode("a"));
    server.refusal = new StatusError({ code: 500, reason: "InternalError", message: "away" });
    server.put("pods", makePod("p", { requests: { cpu: "4" } }));
    await tick();
    assert.equal(server.pod("p")?.status.conditions?.[0]?.reason, "SchedulerError");
    server.refusal = undefined;
    await tick(999);
    assert.equal(nodeOf(server, "p"), undefined);
    await tick(1);
    assert.equal(nodeOf(server, "p"), "a");
  }));

test("a pod that matters more takes the place of one that matters less", () =>
  running(async (server, tick) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("low", { requests: { cpu: "4" }, priority: 1 }));
    await tick();
    server.put("pods", makePod("high", { requests: { cpu: "4" }, priority: 2 }));
    await tick(1000);
    assert.equal(server.pod("low"), undefined);
    assert.equal(nodeOf(server, "high"), "a");
    assert.deepEqual(
      server.events.map(({ reason }) => reason),
      ["Scheduled", "FailedScheduling", "Preempted", "Scheduled"],
    );
    const [preempted] = server.patches.filter(({ name }) => name === "low");
    assert.match(JSON.stringify(preempted?.patch), /"reason":"PreemptionByScheduler"/);
  }));

test("pods of other schedulers are counted but not scheduled", () =>
  running(async (server, tick) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("theirs", { schedulerName: "other", requests: { cpu: "3" } }));
    await tick();
    assert.equal(nodeOf(server, "theirs"), undefined);
    const theirs = server.pod("theirs") as Pod;
    server.put("pods", { ...theirs, spec: { ...theirs.spec, nodeName: "a" } });
    server.put("pods", makePod("ours", { requests: { cpu: "2" } }));
    await tick();
    assert.equal(nodeOf(server, "ours"), undefined);
    server.remove("pods", "default/theirs");
    await tick(1000);
    assert.equal(nodeOf(server, "ours"), "a");
  }));

test("a pod about which a plugin fails is told so and tried again; the others get their nodes", () =>
  running(async (server, tick) => {
    server.put("nodes", makeNode("a"));
    server.put("csinodes", { metadata: { name: "a" }, spec: { drivers: [{ name: "csi", allocatable: { count: 1 } }] } } as never);
    const claim = (name: string) => ({
      metadata: { name, namespace: "default", annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
      spec: { volumeName: "v" },
    });
    server.put("persistentvolumes", { metadata: { name: "v" }, spec: { csi: { driver: "csi", volumeHandle: "h" } } } as never);
    server.put("persistentvolumeclaims", claim("foreign-own") as never);
    server.put("persistentvolumeclaims", claim("data") as never);
    server.put("pods", makePod("foreign", { nodeName: "a", volumes: [{ name: "own", ephemeral: {} }] }));
    server.put("pods", makePod("p", { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] }));
    server.put("pods", makePod("q"));
    await tick();
    assert.equal(nodeOf(server, "p"), undefined);
    assert.equal(nodeOf(server, "q"), "a");
    const [told] = server.events.filter(({ reason }) => reason === "FailedScheduling");
    assert.equal(told?.note, 'running "NodeVolumeLimits" filter plugin: PVC default/foreign-own was not created for pod default/foreign (pod is not owner)');
    server.remove("pods", "default/foreign");
    await tick(1000);
    assert.equal(nodeOf(server, "p"), "a");
  }));
