import assert from "node:assert/strict";
import { test } from "node:test";
import { type KubeObject, keyOf } from "../api/object.ts";
import { StatusError } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import type { Client, Resource } from "../client/client.ts";
import type { InformerFactory } from "../client/factory.ts";
import type { ChangeHandler, Informer } from "../client/informer.ts";
import { makeNode, makePod } from "./fixtures.ts";
import { createScheduler } from "./scheduler.ts";

/** Objects of all resources, told at once to whoever listens; writes are kept for looking at. */
class FakeServer {
  readonly #informers = new Map<string, { objects: Map<string, KubeObject>; handlers: ChangeHandler<KubeObject>[] }>();
  readonly events: { reason: string; note: string }[] = [];
  readonly patches: { name: string; patch: object }[] = [];
  /** Thrown by bindings while set. */
  refusal: StatusError | undefined;
  #version = 1;

  #of(resource: string) {
    let kept = this.#informers.get(resource);
    if (!kept) {
      kept = { objects: new Map(), handlers: [] };
      this.#informers.set(resource, kept);
    }
    return kept;
  }
  put<T extends KubeObject>(resource: string, object: T): T {
    const { objects, handlers } = this.#of(resource);
    const old = objects.get(keyOf(object));
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    objects.set(keyOf(object), stored);
    for (const handler of handlers) handler(old, stored);
    return stored;
  }
  remove(resource: string, key: string): void {
    const { objects, handlers } = this.#of(resource);
    const old = objects.get(key);
    objects.delete(key);
    for (const handler of handlers) handler(old, undefined);
  }
  pod(name: string): Pod | undefined {
    return this.#of("pods").objects.get(`default/${name}`) as Pod | undefined;
  }

  readonly informers: InformerFactory = {
    informer: <T extends KubeObject>({ resource }: Resource<T>): Informer<T> => {
      const { objects, handlers } = this.#of(resource);
      return {
        get: (namespace: string, name: string) => objects.get(namespace ? `${namespace}/${name}` : name),
        list: () => [...objects.values()],
        by: () => [],
        onChange: (handler: ChangeHandler<KubeObject>) => handlers.push(handler),
        hasSynced: true,
        synced: () => Promise.resolve(),
        resourceVersion: "1",
      } as unknown as Informer<T>;
    },
    start() {},
    synced: () => Promise.resolve(),
  };

  readonly client = {
    resource: ({ resource }: Resource) => ({
      create: async (_: string, object: { reason: string; note: string }) => {
        if (resource === "events") this.events.push(object);
        return object;
      },
      patch: async (namespace: string, name: string, _: string, patch: { status?: object }) => {
        this.patches.push({ name, patch });
        const pod = this.pod(name);
        if (pod && patch.status) this.put(resource, { ...pod, status: { ...pod.status, ...patch.status } });
        return { namespace, name };
      },
      delete: async (namespace: string, name: string) => this.remove(resource, `${namespace}/${name}`),
      subresource: async (_: string, __: string, name: string, ___: string, body: { target: { name: string } }) => {
        if (this.refusal) throw this.refusal;
        const pod = this.pod(name) as Pod;
        this.put("pods", { ...pod, spec: { ...pod.spec, nodeName: body.target.name } });
      },
    }),
  } as unknown as Client;
}

async function running(work: (server: FakeServer, tick: (ms?: number) => Promise<void>) => Promise<void>): Promise<void> {
  const server = new FakeServer();
  const clock = new VirtualClock();
  const { client, informers } = server;
  const scheduler = createScheduler({ client, informers, clock, random: seededRandom(1), logger: silentLogger });
  const stop = new AbortController();
  const run = scheduler.run(stop.signal);
  const tick = async (ms = 0): Promise<void> => {
    await clock.advance(ms);
    for (let i = 0; i < 20; i++) await settle();
  };
  await tick();
  await work(server, tick);
  stop.abort(new Error("the test is over"));
  await run;
}

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
