/** Client over a transport: builds paths, queries and bodies; keeps no state. */
import type { Draft, KubeList, KubeObject, WatchEvent } from "../api/object.ts";
import type { DeleteOptions } from "../api/types/meta-v1.gen.ts";
import type { Client, ListOptions, PatchOptions, PatchType, ReadOptions, Resource, ResourceClient, WatchOptions, WriteOptions } from "./client.ts";
import type { ClientRequest, Transport } from "./transport.ts";

export interface RestClientOptions {
  /** Names the component to the server: the field manager is what comes before the first `/`. */
  userAgent: string;
  /** Every request is made as this user, which the one that the transport authenticates must be allowed to impersonate. */
  impersonate?: string;
  /** Called for each Warning of the server. */
  onWarning?(text: string): void;
}

/** Segments are encoded; resource names come from resources.gen.ts. */
export function pathOf(resource: Resource, namespace: string, name = "", subresource = ""): string {
  const root = resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`;
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${scope}/${resource.resource}${name ? `/${encodeURIComponent(name)}` : ""}${subresource ? `/${subresource}` : ""}`;
}

const patchTypes: Record<PatchType, string> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

export function createClient(transport: Transport, options: RestClientOptions): Client {
  return {
    transport,
    resource: <T extends KubeObject>(resource: Resource<T>): ResourceClient<T> => new RestResourceClient(transport, resource, options),
  };
}

class RestResourceClient<T extends KubeObject> implements ResourceClient<T> {
  readonly #transport: Transport;
  readonly #resource: Resource<T>;
  readonly #options: RestClientOptions;
  readonly #headers: Record<string, string>;
  readonly #apiVersion: string;

  constructor(transport: Transport, resource: Resource<T>, options: RestClientOptions) {
    this.#transport = transport;
    this.#resource = resource;
    this.#options = options;
    this.#headers = { "user-agent": options.userAgent, ...(options.impersonate ? { "impersonate-user": options.impersonate } : {}) };
    this.#apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
  }

  get(namespace: string, name: string, options: ReadOptions = {}): Promise<T> {
    return this.#send({ method: "GET", path: this.#path(namespace, name), query: { resourceVersion: options.resourceVersion }, signal: options.signal });
  }

  list(options: ListOptions = {}): Promise<KubeList<T>> {
    return this.#send({ method: "GET", path: pathOf(this.#resource, options.namespace ?? ""), query: listQuery(options), signal: options.signal });
  }

  watch(options: WatchOptions = {}): AsyncIterable<WatchEvent<T>> {
    return this.#transport.watch({
      method: "GET",
      path: pathOf(this.#resource, options.namespace ?? ""),
      query: {
        watch: true,
        ...listQuery(options),
        allowWatchBookmarks: options.allowWatchBookmarks,
        timeoutSeconds: options.timeoutSeconds,
        sendInitialEvents: options.sendInitialEvents,
      },
      headers: this.#headers,
      signal: options.signal,
    }) as AsyncIterable<WatchEvent<T>>;
  }

  create(namespace: string, object: Draft<T>, options: WriteOptions = {}): Promise<T> {
    return this.#send({ method: "POST", path: pathOf(this.#resource, namespace), ...write(options), body: this.#typed(object) });
  }

  update(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#send({ method: "PUT", path: this.#pathOfObject(object), ...write(options), body: this.#typed(object) });
  }

  updateStatus(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#send({ method: "PUT", path: this.#pathOfObject(object, "status"), ...write(options), body: this.#typed(object) });
  }

  patch(namespace: string, name: string, type: PatchType, patch: object, options: PatchOptions = {}): Promise<T> {
    const { query, signal } = write(options);
    return this.#send({
      method: "PATCH",
      path: this.#path(namespace, name, options.subresource),
      query: { ...query, force: options.force },
      headers: { "content-type": patchTypes[type] },
      body: patch,
      signal,
    });
  }

  async delete(namespace: string, name: string, options: Partial<DeleteOptions> & { signal?: AbortSignal } = {}): Promise<void> {
    const { signal, ...deletion } = options;
    await this.#send({ method: "DELETE", path: this.#path(namespace, name), body: deleteOptions(deletion), signal });
  }

  async deleteCollection(options: ListOptions, deletion: Partial<DeleteOptions> = {}): Promise<void> {
    const path = pathOf(this.#resource, options.namespace ?? "");
    await this.#send({ method: "DELETE", path, query: listQuery(options), body: deleteOptions(deletion), signal: options.signal });
  }

  subresource<R>(method: "GET" | "POST" | "PUT", namespace: string, name: string, subresource: string, body?: object, signal?: AbortSignal): Promise<R> {
    return this.#send({ method, path: this.#path(namespace, name, subresource), body, signal });
  }

  /** A name is needed: without one the path would mean the whole collection. */
  #path(namespace: string, name: string, subresource = ""): string {
    if (!name) throw new TypeError(`${this.#resource.resource}: name must not be empty`);
    if (this.#resource.namespaced && !namespace) throw new TypeError(`${this.#resource.resource} ${name}: namespace must not be empty`);
    return pathOf(this.#resource, namespace, name, subresource);
  }

  #pathOfObject(object: T, subresource = ""): string {
    return this.#path(object.metadata.namespace ?? "", object.metadata.name, subresource);
  }

  /** Items of lists and watches come without their type. */
  #typed(object: T | Draft<T>): object {
    const { apiVersion, kind } = object as KubeObject;
    return apiVersion && kind ? object : { ...object, apiVersion: this.#apiVersion, kind: this.#resource.kind };
  }

  async #send<R>(request: ClientRequest): Promise<R> {
    const response = await this.#transport.request({ ...request, headers: { ...this.#headers, ...request.headers } });
    if (this.#options.onWarning) for (const text of response.warnings) this.#options.onWarning(text);
    return response.object as R;
  }
}

function listQuery(options: ListOptions): NonNullable<ClientRequest["query"]> {
  return {
    labelSelector: options.labelSelector || undefined,
    fieldSelector: options.fieldSelector || undefined,
    limit: options.limit,
    continue: options.continue || undefined,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
  };
}

function write(options: WriteOptions): Pick<ClientRequest, "query" | "signal"> {
  return {
    query: { dryRun: options.dryRun ? "All" : undefined, fieldManager: options.fieldManager, fieldValidation: options.fieldValidation },
    signal: options.signal,
  };
}

const deleteOptions = (deletion: Partial<DeleteOptions>): object => ({ kind: "DeleteOptions", apiVersion: "v1", ...deletion });
