import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject, WatchEvent } from "../api/object.ts";
import { isExpired, StatusError } from "../api/status.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { collectionOf, type FaultPlan, FaultyProcess, ProcessKilledError } from "./faulty-transport.ts";
import { createClient } from "./rest.ts";
import { configmaps, pods } from "./resources.gen.ts";
import type { ClientRequest, Transport } from "./transport.ts";

const pod = (name: string): KubeObject => ({ metadata: { name, namespace: "d", uid: name, resourceVersion: "1", creationTimestamp: "" } }) as KubeObject;

/** Carries everything out and says so; events are what the test sends. */
class Recorder implements Transport {
  readonly carriedOut: string[] = [];
  #send: ((event: WatchEvent<KubeObject> | undefined) => void) | undefined;
  async request(request: ClientRequest) {
    this.carriedOut.push(`${request.method} ${request.path}`);
    return { status: 200, headers: {}, object: {}, warnings: [] };
  }
  async *watch(): AsyncGenerator<WatchEvent<KubeObject>> {
    const waiting: (WatchEvent<KubeObject> | undefined)[] = [];
    let wake = (): void => {};
    this.#send = (event) => {
      waiting.push(event);
      wake();
    };
    for (;;) {
      while (waiting.length) {
        const next = waiting.shift();
        if (!next) return;
        yield next;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  async send(name: string): Promise<void> {
    this.#send?.({ type: "ADDED", object: pod(name) });
    await settle();
  }
  async stream(): Promise<never> {
    throw new Error("not used");
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

function faulty(plan: FaultPlan) {
  const clock = new VirtualClock();
  const inner = new Recorder();
  const deaths: number[] = [];
  const process = new FaultyProcess({ clock, plan, onKilled: () => deaths.push(process.writes) });
  const client = createClient(process.transport(inner), { userAgent: "t" });
  const create = () => client.resource(configmaps).create("d", { metadata: { name: "a" } });
  return { clock, inner, deaths, process, client, create };
}

test("a process that is killed before a write never makes it, nor any after it", async () => {
  const { inner, deaths, process, create, client } = faulty({ write: ({ number }) => (number === 2 ? { kill: "before" } : undefined) });
  await create();
  await assert.rejects(create(), ProcessKilledError);
  await assert.rejects(create(), ProcessKilledError);
  await assert.rejects(client.resource(configmaps).get("d", "a"), ProcessKilledError);
  assert.equal(inner.carriedOut.length, 1);
  assert.deepEqual([deaths, process.killed], [[2], true]);
});

test("a process that is killed after a write has made it, and the next one counts on", async () => {
  const plan: FaultPlan = { write: ({ number }) => (number === 1 ? { kill: "after" } : undefined) };
  const { clock, inner, process, create } = faulty(plan);
  await assert.rejects(create(), ProcessKilledError);
  assert.equal(inner.carriedOut.length, 1);
  const next = new FaultyProcess({ clock, plan, after: process });
  await createClient(next.transport(inner), { userAgent: "t" })
    .resource(configmaps)
    .create("d", { metadata: { name: "a" } });
  assert.deepEqual([next.writes, next.killed, inner.carriedOut.length], [2, false, 2]);
});

test("an error answers with or without the write, and a replay makes it twice", async () => {
  const error = new StatusError({ code: 500, reason: "InternalError", message: "no" });
  const faults = [{ fail: { when: "before" as const, error } }, { fail: { when: "after" as const, error } }, { replay: true }];
  const { inner, create } = faulty({ write: ({ number }) => faults[number - 1] });
  await assert.rejects(create(), error);
  assert.equal(inner.carriedOut.length, 0);
  await assert.rejects(create(), error);
  assert.equal(inner.carriedOut.length, 1);
  await create();
  assert.equal(inner.carriedOut.length, 3);
});

async function follow(client: ReturnType<typeof faulty>["client"], names: string[]): Promise<void> {
  for await (const event of client.resource(pods).watch()) names.push(event.object.metadata.name);
}

test("a write holds back what its watchers see, in order, and others go on", async () => {
  const { clock, inner, client } = faulty({ write: () => ({ watches: { hold: 1000 } }) });
  const names: string[] = [];
  void follow(client, names);
  await settle();
  await inner.send("a");
  await client.resource(pods).create("d", { metadata: { name: "b" }, spec: { containers: [] } });
  await inner.send("b");
  await inner.send("c");
  assert.deepEqual(names, ["a"]);
  await clock.advance(999);
  assert.deepEqual(names, ["a"]);
  await clock.advance(1);
  assert.deepEqual(names, ["a", "b", "c"]);
});

test("a write can hold back what all watchers see", async () => {
  const { clock, inner, client, create } = faulty({ write: () => ({ watches: { hold: 1000, all: true } }) });
  const names: string[] = [];
  void follow(client, names);
  await settle();
  await create();
  await inner.send("a");
  await clock.advance(999);
  assert.deepEqual(names, []);
  await clock.advance(1);
  assert.deepEqual(names, ["a"]);
});

test("a watch ends before it shows the write that was to end it", async () => {
  for (const end of ["expired", "closed"] as const) {
    const { inner, client } = faulty({ write: () => ({ watches: { end } }) });
    const names: string[] = [];
    const following = follow(client, names).catch((error: unknown) => error);
    await settle();
    await inner.send("a");
    await client.resource(pods).delete("d", "a");
    await inner.send("b");
    assert.equal(isExpired(await following), end === "expired");
    assert.deepEqual(names, ["a"]);
  }
});

test("events come late by as much as the plan says, or twice", async () => {
  const { clock, inner, client } = faulty({ double: true, delay: (collection) => (collection === "/api/v1/pods" ? 500 : 0) });
  const names: string[] = [];
  void follow(client, names);
  await settle();
  await inner.send("a");
  await clock.advance(300);
  await inner.send("b");
  await clock.advance(200);
  assert.deepEqual(names, ["a", "a"]);
  await clock.advance(300);
  assert.deepEqual(names, ["a", "a", "b", "b"]);
});

test("a path tells its collection", () => {
  assert.equal(collectionOf("/api/v1/namespaces/d/pods/a/status"), "/api/v1/pods");
  assert.equal(collectionOf("/api/v1/pods"), "/api/v1/pods");
  assert.equal(collectionOf("/api/v1/namespaces/d"), "/api/v1/namespaces");
  assert.equal(collectionOf("/api/v1/namespaces/d/finalize"), "/api/v1/namespaces");
  assert.equal(collectionOf("/apis/apps/v1/namespaces/d/deployments"), "/apis/apps/v1/deployments");
  assert.equal(collectionOf("/apis/rbac.authorization.k8s.io/v1/clusterroles/a"), "/apis/rbac.authorization.k8s.io/v1/clusterroles");
});
