import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Container, Pod, ResourceRequirements } from "../../api/types/core-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { CriClient } from "../../cri/client.ts";
import type { Cgroups, CgroupValues } from "../../linux/cgroups.ts";
import { computePodActions, containerHash } from "../actions.ts";
import type { PodEvents } from "../pod-events.ts";
import type { ContainerRecord, RuntimePod } from "../runtime-pod.ts";
import { type Allocation, allocationOf, withAllocation, withResource } from "./allocation.ts";
import { applyResize } from "./apply.ts";
import { inOrder, type PendingPod, PendingResizes } from "./pending.ts";
import { PodResize } from "./pod-resize.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-resize-"));
after(() => rmSync(scratch, { recursive: true }));

const both = (cpu: string, memory: string): ResourceRequirements => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const container = (name: string, resources: ResourceRequirements, extra: Partial<Container> = {}): Container =>
  ({ name, image: "i", resources, ...extra }) as Container;
const pod = (containers: Container[], extra: Partial<Pod["spec"]> = {}, generation = 1): Pod =>
  ({
    metadata: { name: "p", namespace: "n", uid: "u", generation },
    spec: { restartPolicy: "Always", containers, ...extra },
    status: { qosClass: "Guaranteed" },
  }) as Pod;
const record = (name: string): ContainerRecord =>
  ({ id: `${name}-id`, name, state: "running", hash: containerHash(container(name, {})), exitCode: 0 }) as ContainerRecord;
const running = (...names: string[]): RuntimePod => ({
  uid: "u",
  namespace: "n",
  name: "p",
  sandboxes: [{ id: "s", attempt: 0, ready: true, createdAt: 1, hostNetwork: false, ips: ["10.0.0.1"] }],
  containers: names.map(record),
});

test("a pod keeps what it was given, whatever its spec asks for since", () => {
  const first = pod([container("a", both("1", "1Gi"))]);
  const wanted = pod([container("a", both("2", "1Gi"))]);
  assert.equal(withAllocation(first, allocationOf(first)), first);
  assert.deepEqual(withAllocation(wanted, allocationOf(first)).spec.containers[0]?.resources, both("1", "1Gi"));
  assert.deepEqual(withResource(both("1", "1Gi"), both("2", "2Gi"), "cpu"), { requests: { cpu: "2", memory: "1Gi" }, limits: { cpu: "2", memory: "1Gi" } });
});

test("what shrinks is updated before what grows, each resource by itself", () => {
  const actuated = allocationOf(pod([container("grows", both("1", "1Gi")), container("shrinks", both("1", "1Gi")), container("stays", both("1", "1Gi"))]));
  const given = pod([container("grows", both("2", "1Gi")), container("shrinks", both("500m", "512Mi")), container("stays", both("1000m", "1024Mi"))]);
  const { resize, toKill } = computePodActions(given, running("grows", "shrinks", "stays"), () => undefined, actuated);
  assert.deepEqual(
    resize.cpu.map((u) => u.container.name),
    ["shrinks", "grows"],
  );
  assert.deepEqual(
    resize.memory.map((u) => u.container.name),
    ["shrinks"],
  );
  assert.deepEqual([resize.pod, toKill], [false, []]);
});

test("a container whose policy wants a restart is made anew, and nobody's of whom nothing is known", () => {
  const policy = { resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] } as Partial<Container>;
  const given = pod([container("a", both("1", "2Gi"), policy)]);
  const actions = computePodActions(given, running("a"), () => undefined, { containers: { a: both("1", "1Gi") } });
  assert.deepEqual(
    actions.toKill.map((k) => k.message),
    ["Container a resize requires restart"],
  );
  assert.deepEqual([actions.toStart.map((c) => c.name), actions.resize.pod], [["a"], true]);
  assert.deepEqual(computePodActions(given, running("a"), () => undefined).toKill, []);
});

interface Machine {
  group: CgroupValues;
  steps: string[];
  usage: number;
}
function context(machine: Machine, refuse = "") {
  const cgroups = {
    read: () => machine.group,
    update: (_: string, values: CgroupValues) => {
      machine.steps.push(`pod ${JSON.stringify(values)}`);
      machine.group = { ...machine.group, ...values };
    },
    memoryUsage: () => machine.usage,
  } as unknown as Cgroups;
  const call = async (_: string, request: { containerId: string; linux: { memoryLimitInBytes: number; cpuQuota: number } }): Promise<object> => {
    if (request.containerId === refuse) throw new Error("the runtime refuses");
    machine.steps.push(`${request.containerId} ${request.linux.cpuQuota} ${request.linux.memoryLimitInBytes / 2 ** 20}`);
    return {};
  };
  const actuated: Allocation[] = [];
  const limits = { memoryCapacity: 2 ** 34, cfsQuota: true, cfsPeriod: 100_000, minOomScore: -1000 };
  return { actuated, it: { cri: { call } as unknown as CriClient, cgroups, cgroupRoot: "/", limits, onActuated: (a: Allocation) => void actuated.push(a) } };
}

test("limits grow from the pod inwards and shrink from the containers outwards", async () => {
  const before = pod([container("a", both("1", "256Mi"))]);
  const given = pod([container("a", both("500m", "512Mi"))]);
  const machine: Machine = { group: { cpuShares: 1024, cpuQuota: 100_000, cpuPeriod: 100_000, memory: 256 * 2 ** 20 }, steps: [], usage: 0 };
  const { it, actuated } = context(machine);
  await applyResize(it, given, computePodActions(given, running("a"), () => undefined, allocationOf(before)).resize, allocationOf(before));
  assert.deepEqual(machine.steps, [
    'pod {"memory":536870912}',
    "a-id 100000 512",
    "a-id 50000 512",
    'pod {"cpuShares":512}',
    'pod {"cpuQuota":50000,"cpuPeriod":100000}',
  ]);
  assert.deepEqual(actuated.at(-1)?.containers, { a: both("500m", "512Mi") });
});

test("memory is not taken away from below what uses it; what a refusal leaves undone is known", async () => {
  const before = pod([container("a", both("1", "256Mi")), container("b", both("1", "256Mi"))]);
  const given = pod([container("a", both("2", "128Mi")), container("b", both("2", "256Mi"))]);
  const plan = computePodActions(given, running("a", "b"), () => undefined, allocationOf(before)).resize;
  const group = { cpuShares: 2048, cpuQuota: 200_000, cpuPeriod: 100_000, memory: 512 * 2 ** 20 };
  const full: Machine = { group, steps: [], usage: 200 * 2 ** 20 };
  await assert.rejects(
    applyResize(context(full).it, given, plan, allocationOf(before)),
    /^Error: cannot decrease memory limits: attempting to set container "a" memory limit \(134217728\) below current usage \(209715200\)$/,
  );
  assert.deepEqual(full.steps, []);
  const refusing = context({ group, steps: [], usage: 0 }, "b-id");
  await assert.rejects(applyResize(refusing.it, given, plan, allocationOf(before)), /the runtime refuses/);
  assert.deepEqual(refusing.actuated.at(-1)?.containers, { a: both("2", "128Mi"), b: both("1", "256Mi") });
});

test("a resize that waits, is given, fails and ends is told by conditions and events, and survives a restart", () => {
  const told: string[] = [];
  const events = { pod: (_pod: Pod, _type: string, reason: string, message: string) => void told.push(`${reason} ${message}`) } as unknown as PodEvents;
  const directory = join(scratch, "pods", "u");
  const first = pod([container("a", both("1", "1Gi"))]);
  const wanted = pod([container("a", both("2", "1Gi"))], {}, 2);
  const resize = new PodResize(first, directory, events);
  resize.made(first, "a");
  assert.equal(resize.allocate(wanted, { message: "no room" }), false);
  assert.deepEqual(resize.conditions, [{ type: "PodResizePending", status: "True", reason: "Deferred", message: "no room", observedGeneration: 2 }]);
  resize.allocate(wanted, { message: "no room" });
  assert.equal(new PodResize(wanted, directory, events).allocated(wanted).spec.containers[0]?.resources?.requests?.cpu, "1");
  assert.equal(resize.allocate(wanted, undefined), true);
  resize.failed(wanted, "busy");
  const again = new PodResize({ ...wanted, status: { conditions: resize.conditions } } as Pod, directory, events);
  assert.equal(again.allocated(wanted), wanted);
  assert.deepEqual(again.actuated.containers, { a: both("1", "1Gi") });
  again.actuate(allocationOf(wanted));
  again.observe(wanted, () => true);
  assert.deepEqual(again.conditions, []);
  const resources = JSON.stringify([{ name: "a", resources: both("2", "1Gi") }]);
  assert.deepEqual(told, [
    `ResizeDeferred Pod resize Deferred: {"containers":${resources},"generation":2,"error":"no room"}`,
    `ResizeStarted Pod resize started: {"containers":${resources},"generation":2}`,
    `ResizeError Pod resize error: {"containers":${resources},"generation":2,"error":"busy"}`,
    `ResizeCompleted Pod resize completed: {"containers":${resources},"generation":2}`,
  ]);
});

test("of a pod that has nothing to be resized nothing is written", () => {
  const directory = join(scratch, "pods", "none");
  const best = pod([container("a", { requests: { "example.com/device": "1" } })]);
  const resize = new PodResize(best, directory, {} as PodEvents);
  resize.save();
  resize.made(best, "a");
  assert.equal(existsSync(directory), false);
  assert.equal(new PodResize(best, directory, {} as PodEvents).asksForMore(best), false);
});

test("a state file that was cut is as none: the spec holds", () => {
  const directory = join(scratch, "pods", "cut");
  const first = pod([container("a", both("1", "1Gi"))]);
  new PodResize(first, directory, {} as PodEvents).made(first, "a");
  const file = join(directory, "resources.json");
  writeFileSync(file, readFileSync(file, "utf8").slice(0, 20));
  const wanted = pod([container("a", both("2", "1Gi"))]);
  assert.equal(new PodResize(wanted, directory, {} as PodEvents).allocated(wanted), wanted);
});

const waiting = (name: string, has: string, wants: string, extra: Partial<PendingPod> & { priority?: number } = {}): PendingPod & { tried: number } => {
  const of = (cpu: string): Pod => {
    const made = pod([container("a", both(cpu, "1Gi"))], extra.priority === undefined ? {} : { priority: extra.priority });
    return { ...made, metadata: { ...made.metadata, uid: name, name } };
  };
  return { desired: of(wants), pod: of(has), pendingSince: "2026-01-01T00:00:01Z", qos: "Burstable", tried: 0, tryResize: () => false, ...extra };
};

test("room goes first to who needs none, then by priority, quality of service and time", () => {
  const order = [
    waiting("shrinks", "2", "1"),
    waiting("important", "1", "2", { priority: 10 }),
    waiting("guaranteed", "1", "2", { qos: "Guaranteed" }),
    waiting("early", "1", "2", { pendingSince: "2026-01-01T00:00:00Z" }),
    waiting("late", "1", "2"),
  ];
  assert.deepEqual(
    [...order]
      .reverse()
      .sort(inOrder)
      .map((p) => p.pod.metadata.name),
    order.map((p) => p.pod.metadata.name),
  );
});

test("what waits is tried again when room may have come up, and every three minutes", async () => {
  const clock = new VirtualClock();
  const pending = new PendingResizes(clock);
  let tried = 0;
  pending.add(waiting("a", "1", "2", { tryResize: () => ++tried === 3 }));
  pending.retry();
  await clock.advance(179_000);
  assert.equal(tried, 1);
  await clock.advance(1_000);
  assert.equal(tried, 2);
  pending.retry();
  await clock.advance(600_000);
  assert.equal(tried, 3);
});
