/**
 * Informers, shared: one list and watch per resource, selection and projection, however many ask.
 * They start with start(signal), or at once when asked for after it, and end with the signal.
 */
import { type KubeObject, keyOf } from "../api/object.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client, Resource } from "./client.ts";
import { byNamespace, type IndexFunction, IndexedStore } from "./indexed-store.ts";
import type { ChangeHandler, Informer } from "./informer.ts";
import { type ReflectorTarget, reflect } from "./reflector.ts";

export interface InformerOptions<T extends KubeObject> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Added to those that other users of the same informer declared. */
  indexes?: Record<string, IndexFunction<T>>;
  /** What is kept of each object; equal functions (the same reference) share an informer. Must keep metadata. */
  project?: (object: T) => T;
}

export interface InformerFactory {
  informer<T extends KubeObject>(resource: Resource<T>, options?: InformerOptions<T>): Informer<T>;
  /** Idempotent per factory: the first signal counts. */
  start(signal: AbortSignal): void;
  /** Resolves when every informer asked for so far has synced; rejects with the signal's reason. */
  synced(signal?: AbortSignal): Promise<void>;
}

export interface InformerFactoryOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  random?: Random;
  /** For informers that name none, e.g. withoutManagedFields. */
  project?: <T extends KubeObject>(object: T) => T;
}

export function createInformerFactory(options: InformerFactoryOptions): InformerFactory {
  const informers = new Map<string, SharedInformer<KubeObject>>();
  const projections = new Map<unknown, number>();
  let started: AbortSignal | undefined;
  const numberOf = (projection: unknown): number => {
    if (!projections.has(projection)) projections.set(projection, projections.size);
    return projections.get(projection) as number;
  };
  return {
    informer<T extends KubeObject>(resource: Resource<T>, selection: InformerOptions<T> = {}): Informer<T> {
      const { indexes = {}, project = options.project, namespace, labelSelector, fieldSelector } = selection;
      const key = JSON.stringify([resource.group, resource.version, resource.resource, namespace, labelSelector, fieldSelector, numberOf(project)]);
      let informer = informers.get(key) as SharedInformer<T> | undefined;
      if (!informer) {
        informer = new SharedInformer<T>(options, resource, { namespace, labelSelector, fieldSelector }, project);
        informers.set(key, informer as unknown as SharedInformer<KubeObject>);
        if (started) informer.run(started);
      }
      for (const [name, index] of Object.entries(indexes)) informer.addIndex(name, index);
      return informer;
    },
    start(signal) {
      if (started) return;
      started = signal;
      for (const informer of informers.values()) informer.run(signal);
    },
    async synced(signal) {
      await Promise.all([...informers.values()].map((informer) => informer.synced(signal)));
    },
  };
}

/** A projection that keeps all but what only the server reads. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!object.metadata.managedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

class SharedInformer<T extends KubeObject> implements Informer<T>, ReflectorTarget<T> {
  readonly #options: InformerFactoryOptions;
  readonly #resource: Resource<T>;
  readonly #selection: { namespace?: string; labelSelector?: string; fieldSelector?: string };
  readonly #project: ((object: T) => T) | undefined;
  readonly #store = new IndexedStore<T>();
  readonly #handlers: ChangeHandler<T>[] = [];
  #waiting: (() => void)[] = [];
  hasSynced = false;
  resourceVersion = "";

  constructor(
    options: InformerFactoryOptions,
    resource: Resource<T>,
    selection: { namespace?: string; labelSelector?: string; fieldSelector?: string },
    project: ((object: T) => T) | undefined,
  ) {
    this.#options = options;
    this.#resource = resource;
    this.#selection = selection;
    this.#project = project;
  }

  run(signal: AbortSignal): void {
    const { client, clock, logger, random } = this.#options;
    void reflect(
      { client: client.resource(this.#resource), selection: this.#selection, target: this, clock, logger: logger.child(this.#resource.resource), random },
      signal,
    );
  }

  get(namespace: string, name: string): T | undefined {
    return this.#store.get(namespace ? `${namespace}/${name}` : name);
  }
  list(namespace?: string): T[] {
    return namespace === undefined || namespace === "" ? this.#store.values() : this.#store.by(byNamespace, namespace);
  }
  by(index: string, value: string): T[] {
    return this.#store.by(index, value);
  }
  addIndex(name: string, index: IndexFunction<T>): void {
    this.#store.addIndex(name, index);
  }
  onChange(handler: ChangeHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#store.values()) this.#tell(handler, undefined, object);
  }
  synced(signal?: AbortSignal): Promise<void> {
    if (this.hasSynced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = (): void => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
    });
  }

  replace(items: T[], resourceVersion: string): void {
    const present = new Set(items.map(keyOf));
    const changes: [T | undefined, T | undefined][] = [];
    for (const [key, object] of [...this.#store.entries()]) {
      if (present.has(key)) continue;
      this.#store.delete(key);
      changes.push([object, undefined]);
    }
    for (const item of items) {
      const kept = this.#project ? this.#project(item) : item;
      const old = this.#store.set(kept);
      if (!old) changes.push([undefined, kept]);
      else if (old.metadata.uid !== kept.metadata.uid) changes.push([old, undefined], [undefined, kept]);
      else if (old.metadata.resourceVersion !== kept.metadata.resourceVersion) changes.push([old, kept]);
    }
    this.resourceVersion = resourceVersion;
    for (const [old, object] of changes) this.#tellAll(old, object);
    if (this.hasSynced) return;
    this.hasSynced = true;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }

  change(type: string, object: T): void {
    this.resourceVersion = object.metadata.resourceVersion;
    const kept = this.#project ? this.#project(object) : object;
    if (type === "DELETED") {
      // Its last state, which carries the deletion's version; handlers want what it was.
      this.#store.delete(keyOf(kept));
      this.#tellAll(kept, undefined);
      return;
    }
    const old = this.#store.set(kept);
    if (old && old.metadata.uid !== kept.metadata.uid) {
      this.#tellAll(old, undefined);
      this.#tellAll(undefined, kept);
    } else this.#tellAll(old, kept);
  }

  progress(resourceVersion: string): void {
    this.resourceVersion = resourceVersion;
  }

  #tellAll(old: T | undefined, object: T | undefined): void {
    for (const handler of this.#handlers) this.#tell(handler, old, object);
  }
  #tell(handler: ChangeHandler<T>, old: T | undefined, object: T | undefined): void {
    try {
      handler(old, object);
    } catch (error) {
      this.#options.logger.error("change handler threw", { resource: this.#resource.resource, error });
    }
  }
}
