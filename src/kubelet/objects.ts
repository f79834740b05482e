/** ConfigMaps and Secrets that the node's pods refer to, each kept current by a watch for as long as some pod needs it. */
import type { KubeObject } from "../api/object.ts";
import type { ConfigMap, Pod, Secret } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client, Resource } from "../client/client.ts";
import { createInformerFactory } from "../client/factory.ts";
import type { Informer } from "../client/informer.ts";
import { configmaps, secrets } from "../client/resources.gen.ts";
import { ObjectMissing, type References } from "./env.ts";

interface Watched<T extends KubeObject> {
  informer: Informer<T>;
  stop: AbortController;
  pods: Set<string>;
}

/** How long a reader waits for the first answer, in milliseconds. */
const patience = 2000;

class WatchedObjects<T extends KubeObject> {
  readonly #options: ReferencedObjectsOptions;
  readonly #resource: Resource<T>;
  readonly #word: string;
  readonly #watched = new Map<string, Watched<T>>();
  constructor(options: ReferencedObjectsOptions, resource: Resource<T>) {
    this.#options = options;
    this.#resource = resource;
    this.#word = resource.kind.toLowerCase();
  }
  #watch(namespace: string, name: string): Watched<T> {
    const key = `${namespace}/${name}`;
    const known = this.#watched.get(key);
    if (known) return known;
    const { client, clock, logger } = this.#options;
    const factory = createInformerFactory({ client, clock, logger });
    const stop = new AbortController();
    const informer = factory.informer(this.#resource, { namespace, fieldSelector: `metadata.name=${name}` });
    const watched: Watched<T> = { informer, stop, pods: new Set() };
    informer.onChange(() => {
      if (informer.hasSynced) for (const uid of watched.pods) this.#options.onChange(uid);
    });
    this.#watched.set(key, watched);
    factory.start(stop.signal);
    return watched;
  }
  async read(uid: string, namespace: string, name: string): Promise<T> {
    const watched = this.#watch(namespace, name);
    watched.pods.add(uid);
    if (!watched.informer.hasSynced) await this.#synced(watched.informer);
    const object = watched.informer.get(namespace, name);
    if (!object) throw new ObjectMissing(`${this.#word} ${JSON.stringify(name)} not found`);
    return object;
  }
  async #synced(informer: Informer<T>): Promise<void> {
    const wait = new AbortController();
    const timer = this.#options.clock.after(patience, () => wait.abort(new Error(`failed to sync ${this.#word} cache: timed out waiting for the condition`)));
    try {
      await informer.synced(wait.signal);
    } finally {
      timer.cancel();
    }
  }
  forget(uid: string): void {
    for (const [key, watched] of this.#watched) {
      if (!watched.pods.delete(uid) || watched.pods.size) continue;
      watched.stop.abort(new Error("no pod needs it any more"));
      this.#watched.delete(key);
    }
  }
  close(): void {
    for (const { stop } of this.#watched.values()) stop.abort(new Error("the kubelet stops"));
    this.#watched.clear();
  }
}

export interface ReferencedObjectsOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** Something that a pod refers to has changed. */
  onChange(uid: string): void;
}

export class ReferencedObjects {
  readonly #configMaps: WatchedObjects<ConfigMap>;
  readonly #secrets: WatchedObjects<Secret>;
  constructor(options: ReferencedObjectsOptions) {
    this.#configMaps = new WatchedObjects(options, configmaps);
    this.#secrets = new WatchedObjects(options, secrets);
  }
  /** What one pod reads; it hears of changes until it is forgotten. */
  for(pod: Pod): References {
    const { uid } = pod.metadata;
    return {
      configMap: (namespace, name) => this.#configMaps.read(uid, namespace, name),
      secret: (namespace, name) => this.#secrets.read(uid, namespace, name),
    };
  }
  forget(uid: string): void {
    this.#configMaps.forget(uid);
    this.#secrets.forget(uid);
  }
  close(): void {
    this.#configMaps.close();
    this.#secrets.close();
  }
}
