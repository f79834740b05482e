/** An API server as far as the scheduler sees one, for tests. */
import { type KubeObject, keyOf } from "../api/object.ts";
import type { StatusError } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import type { Client, Resource } from "../client/client.ts";
import type { InformerFactory, InformerOptions } from "../client/factory.ts";
import type { ChangeHandler, Informer } from "../client/informer.ts";
import { defaultConfig, type SchedulerConfig } from "./config.ts";
import { createScheduler } from "./scheduler.ts";

/** Objects of all resources, told at once to whoever listens; writes are kept for looking at. */
export class FakeServer {
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
  get<T extends KubeObject>(resource: string, key: string): T | undefined {
    return this.#of(resource).objects.get(key) as T | undefined;
  }
  list<T extends KubeObject>(resource: string): T[] {
    return [...this.#of(resource).objects.values()] as T[];
  }
  pod(name: string): Pod | undefined {
    return this.#of("pods").objects.get(`default/${name}`) as Pod | undefined;
  }

  readonly informers: InformerFactory = {
    informer: <T extends KubeObject>({ resource }: Resource<T>, { indexes = {} }: InformerOptions<T> = {}): Informer<T> => {
      const { objects, handlers } = this.#of(resource);
      return {
        get: (namespace: string, name: string) => objects.get(namespace ? `${namespace}/${name}` : name),
        list: () => [...objects.values()],
        by: (index: string, value: string) => [...objects.values()].filter((object) => indexes[index]?.(object as T).includes(value)),
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
      create: async (namespace: string, object: KubeObject & { reason: string; note: string }) => {
        if (resource === "events") {
          this.events.push(object);
          return object;
        }
        const name = object.metadata.name ?? `${object.metadata.generateName}${++this.#version}`;
        return this.put(resource, { ...object, metadata: { ...object.metadata, namespace, name, uid: `uid-${name}` } });
      },
      patch: async (namespace: string, name: string, _: string, patch: { status?: object }) => {
        this.patches.push({ name, patch });
        const pod = this.pod(name);
        if (pod && patch.status) this.put(resource, { ...pod, status: { ...pod.status, ...patch.status } });
        return { namespace, name };
      },
      get: async (namespace: string, name: string) => this.#of(resource).objects.get(`${namespace}/${name}`),
      update: async (object: KubeObject) => this.put(resource, object),
      updateStatus: async (object: KubeObject) => this.put(resource, object),
      delete: async (namespace: string, name: string) => this.remove(resource, `${namespace}/${name}`),
      subresource: async (_: string, __: string, name: string, ___: string, body: { target: { name: string } }) => {
        if (this.refusal) throw this.refusal;
        const pod = this.pod(name) as Pod;
        this.put("pods", { ...pod, spec: { ...pod.spec, nodeName: body.target.name } });
      },
    }),
  } as unknown as Client;
}

/** A scheduler on a virtual clock; `tick` lets time pass, and what is due then happen. */
export async function running(
  work: (server: FakeServer, tick: (ms?: number) => Promise<void>) => Promise<void>,
  config: SchedulerConfig = defaultConfig,
): Promise<void> {
  const server = new FakeServer();
  const clock = new VirtualClock();
  const { client, informers } = server;
  const scheduler = createScheduler({ client, informers, clock, random: seededRandom(1), logger: silentLogger, config });
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
