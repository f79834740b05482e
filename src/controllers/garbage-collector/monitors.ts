/** A watch over every resource that can be deleted, kept in step with what the server serves. */
import { groupVersionOf } from "../../api/group-version.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Resource } from "../../client/client.ts";
import { type Discovery, discover, type ServedResource } from "../../client/discovery.ts";
import { createInformerFactory } from "../../client/factory.ts";
import type { ControllerContext } from "../runtime/controller.ts";

export type ObjectHandler = (resource: ServedResource, old: KubeObject | undefined, object: KubeObject | undefined) => void;

/** Milliseconds between looks at what is served. */
const resync = 30_000;
/** Milliseconds after which a look that failed at the start is repeated; twice as many after the next. */
const firstRetry = 1000;
/** Milliseconds that a new watch may hold up the collector. */
const patience = 30_000;

export class Monitors {
  readonly #context: ControllerContext;
  readonly #handler: ObjectHandler;
  readonly #running = new Map<string, { stop: AbortController; synced: Promise<void> }>();
  #served: Discovery = { resources: [], failures: [] };
  #first: Promise<void> | undefined;

  constructor(context: ControllerContext, handler: ObjectHandler) {
    this.#context = context;
    this.#handler = handler;
  }

  /** Follows discovery until the context's signal aborts. */
  async run(): Promise<void> {
    const { clock, logger, signal } = this.#context;
    let wait = firstRetry;
    while (!signal.aborted) {
      const looked = this.sync();
      this.#first ??= looked;
      try {
        await looked;
        wait = resync;
      } catch (error) {
        logger.warn("discovery failed", { error });
      }
      await clock.sleep(wait, signal).catch(() => {});
      wait = Math.min(2 * wait, resync);
    }
  }

  /** Resolves when all watches have their first list, or have had time enough for it. */
  async ready(): Promise<void> {
    this.#first ??= this.sync();
    await this.#first.catch(() => {});
    await Promise.all([...this.#running.values()].map(({ synced }) => synced));
  }

  /** The resource of a reference; looks at discovery again for one that is not known. */
  async resolve(apiVersion: string, kind: string): Promise<ServedResource | undefined> {
    const { group, version } = groupVersionOf(apiVersion);
    const find = (): ServedResource | undefined => this.#served.resources.find((r) => r.kind === kind && r.group === group && r.version === version);
    const known = find();
    if (known) return known;
    await this.sync();
    return find();
  }

  async sync(): Promise<void> {
    const { client, signal } = this.#context;
    this.#served = await discover(client.transport, signal);
    const wanted = new Map<string, ServedResource>();
    for (const resource of this.#served.resources) {
      const watchable = ["delete", "list", "watch"].every((verb) => resource.verbs.includes(verb));
      if (resource.preferred && watchable && resource.resource !== "events") wanted.set(`${resource.resource}.${resource.group}/${resource.version}`, resource);
    }
    for (const [key, { stop }] of this.#running) {
      // A group that does not answer now has not lost its objects.
      if (wanted.has(key) || this.#served.failures.length > 0) continue;
      stop.abort();
      this.#running.delete(key);
    }
    for (const [key, resource] of wanted) if (!this.#running.has(key)) this.#running.set(key, this.#watch(resource));
  }

  #watch(resource: ServedResource): { stop: AbortController; synced: Promise<void> } {
    const { client, clock, random, logger, signal } = this.#context;
    const stop = new AbortController();
    const ended = AbortSignal.any([stop.signal, signal]);
    const factory = createInformerFactory({ client, clock, random, logger });
    const informer = factory.informer(resource as Resource<KubeObject>, { project: ownership });
    informer.onChange((old, object) => this.#handler(resource, old, object));
    factory.start(ended);
    const synced = Promise.race([factory.synced(ended), clock.sleep(patience, ended)]).catch(() => {});
    return { stop, synced };
  }
}

/** What the collector needs of an object, and nothing more: it holds all of them. */
function ownership(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = object.metadata;
  return { metadata: { name, namespace, uid, resourceVersion, creationTimestamp: "", ownerReferences, finalizers, deletionTimestamp } };
}
