/** The typed client that every component uses; nothing else reaches the API server. */
import type { Draft, KubeList, KubeObject, WatchEvent } from "../api/object.ts";
import type { DeleteOptions } from "../api/types/meta-v1.gen.ts";
import type { Transport } from "./transport.ts";

/** A resource as a URL names it; the constants are in resources.gen.ts. The type parameter is the kind's. */
export interface Resource<T extends KubeObject = KubeObject> {
  group: string;
  version: string;
  resource: string;
  kind: string;
  namespaced: boolean;
  /** Never set: carries the type. */
  readonly object?: T;
}

export interface ReadOptions {
  resourceVersion?: string;
  signal?: AbortSignal;
}
export interface ListOptions extends ReadOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersionMatch?: "NotOlderThan" | "Exact";
}
export interface WatchOptions extends Omit<ListOptions, "limit" | "continue"> {
  allowWatchBookmarks?: boolean;
  timeoutSeconds?: number;
  sendInitialEvents?: boolean;
}
export interface WriteOptions {
  dryRun?: boolean;
  fieldManager?: string;
  fieldValidation?: "Ignore" | "Warn" | "Strict";
  signal?: AbortSignal;
}
export type PatchType = "json" | "merge" | "strategic" | "apply";
export interface PatchOptions extends WriteOptions {
  force?: boolean;
  /** `status`, `scale`, ... */
  subresource?: string;
}

/** Verbs on one resource. `namespace` is "" for what has none. All reject as Transport does. */
export interface ResourceClient<T extends KubeObject> {
  get(namespace: string, name: string, options?: ReadOptions): Promise<T>;
  list(options?: ListOptions): Promise<KubeList<T>>;
  watch(options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create(namespace: string, object: Draft<T>, options?: WriteOptions): Promise<T>;
  /** Replaces; honours metadata.resourceVersion. */
  update(object: T, options?: WriteOptions): Promise<T>;
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patch(namespace: string, name: string, type: PatchType, patch: object, options?: PatchOptions): Promise<T>;
  delete(namespace: string, name: string, options?: Partial<DeleteOptions> & { signal?: AbortSignal }): Promise<void>;
  deleteCollection(options: ListOptions, deletion?: Partial<DeleteOptions>): Promise<void>;
  /** POST, PUT or GET of a subresource with a type of its own (binding, eviction, token, scale). */
  subresource<R>(method: "GET" | "POST" | "PUT", namespace: string, name: string, subresource: string, body?: object, signal?: AbortSignal): Promise<R>;
}

export interface Client {
  readonly transport: Transport;
  resource<T extends KubeObject>(resource: Resource<T>): ResourceClient<T>;
}
