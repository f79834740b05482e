/**
 * What the servers behind APIServices say that they serve (handler_discovery.go of kube-aggregator): asked when an APIService
 * changes, every minute, and again with a growing delay while they do not answer. The last good answer stays, marked stale.
 */
import { isMap, textOf } from "../../api/json.ts";
import type { APIVersionDiscovery, DiscoveredResource } from "../../api/discovery.ts";
import type { APIResource, APIResourceList } from "../../api/types/meta-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Reader } from "../../cache/cache.ts";
import { type Backends, withUser } from "./backend.ts";
import { apiServiceResource, type Remote, type Remotes } from "./remotes.ts";

/** Milliseconds. */
const refresh = 60_000;
const firstRetry = 500;
const patience = 5000;
/** Bytes of a document. */
const limit = 32 << 20;
const accept =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
const asker = { name: "system:kube-aggregator", groups: ["system:masters"] };

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isMap) : []);
type GroupVersionKind = DiscoveredResource["responseKind"];
const kindOf = (value: unknown): GroupVersionKind =>
  isMap(value) ? { group: textOf(value.group), version: textOf(value.version), kind: textOf(value.kind) } : { group: "", version: "", kind: "" };

/** Only what the form has room for: who answers may say anything. */
function resourceOf(value: Record<string, unknown>): DiscoveredResource {
  const [shortNames, categories, subresources] = [texts(value.shortNames), texts(value.categories), list(value.subresources)];
  return {
    resource: textOf(value.resource),
    responseKind: kindOf(value.responseKind),
    scope: value.scope === "Namespaced" ? "Namespaced" : "Cluster",
    singularResource: textOf(value.singularResource),
    verbs: texts(value.verbs),
    ...(shortNames.length ? { shortNames } : {}),
    ...(categories.length ? { categories } : {}),
    ...(subresources.length
      ? { subresources: subresources.map((s) => ({ subresource: textOf(s.subresource), responseKind: kindOf(s.responseKind), verbs: texts(s.verbs) })) }
      : {}),
  };
}

/** An APIGroupDiscoveryList's entry for a version; undefined where it has none. Throws for what is no such list. */
export function versionOf(document: unknown, group: string, version: string): DiscoveredResource[] | undefined {
  if (!isMap(document) || !Array.isArray(document.items)) throw new Error("the answer is no APIGroupDiscoveryList");
  for (const item of list(document.items)) {
    if (!isMap(item.metadata) || textOf(item.metadata.name) !== group) continue;
    const found = list(item.versions).find((one) => one.version === version);
    if (found) return list(found.resources).map(resourceOf);
  }
  return undefined;
}

/** The older form of the same. Throws for what is no APIResourceList. */
export function fromLegacy(document: unknown): DiscoveredResource[] {
  if (!isMap(document) || !Array.isArray(document.resources)) throw new Error("the answer is no APIResourceList");
  const entries = list((document as unknown as APIResourceList).resources) as unknown as APIResource[];
  const kind = (entry: APIResource): GroupVersionKind => ({ group: textOf(entry.group), version: textOf(entry.version), kind: textOf(entry.kind) });
  const found: DiscoveredResource[] = [];
  for (const entry of entries) {
    const [resource = "", subresource] = textOf(entry.name).split("/");
    if (subresource === undefined) {
      found.push(
        resourceOf({ ...entry, resource, responseKind: kind(entry), scope: entry.namespaced ? "Namespaced" : "Cluster", singularResource: entry.singularName }),
      );
      continue;
    }
    const parent = found.find((one) => one.resource === resource);
    if (!parent) continue;
    parent.subresources ??= [];
    parent.subresources.push({ subresource, responseKind: kind(entry), verbs: texts(entry.verbs) });
  }
  return found;
}

export interface RemoteDiscoveryOptions {
  reader: Reader;
  remotes: Remotes;
  backends: Backends;
  clock: Clock;
  logger: Logger;
}

export class RemoteDiscovery implements AsyncDisposable {
  readonly #options: RemoteDiscoveryOptions;
  readonly #stop = new AbortController();
  readonly #known = new Map<string, APIVersionDiscovery>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, Timer>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #queue = new Set<string>();

  constructor(options: RemoteDiscoveryOptions) {
    this.#options = options;
    options.reader.onChange(apiServiceResource, (_, name) => this.#add(name));
    for (const { name } of options.remotes.all()) this.#add(name);
  }

  /** Stale and empty where nobody has ever answered. */
  of({ name, version }: Remote): APIVersionDiscovery {
    return this.#known.get(name) ?? { version, freshness: "Stale" };
  }

  #add(name: string): void {
    if (this.#stop.signal.aborted) return;
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
    const remote = this.#options.remotes.get(name);
    if (!remote) {
      this.#known.delete(name);
      this.#failures.delete(name);
      return;
    }
    if (this.#running.has(name)) return void this.#queue.add(name);
    this.#running.set(
      name,
      this.#look(remote).finally(() => {
        this.#running.delete(name);
        if (this.#queue.delete(name)) this.#add(name);
      }),
    );
  }

  async #look(remote: Remote): Promise<void> {
    const { name, version } = remote;
    const { clock, logger } = this.#options;
    let again = refresh;
    try {
      const resources = await this.#ask(remote);
      this.#known.set(name, { version, ...(resources.length ? { resources } : {}), freshness: "Current" });
      this.#failures.delete(name);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      logger.debug("an aggregated API does not say what it serves", { name, error });
      const failures = this.#failures.get(name) ?? 0;
      this.#failures.set(name, failures + 1);
      again = Math.min(refresh, firstRetry * 2 ** failures);
      this.#known.set(name, { ...(this.#known.get(name) ?? { version }), freshness: "Stale" });
    }
    if (!this.#options.remotes.get(name)) return void this.#known.delete(name);
    this.#timers.set(
      name,
      clock.after(again, () => this.#add(name)),
    );
  }

  async #ask(remote: Remote): Promise<DiscoveredResource[]> {
    const { group, version } = remote;
    const all = await this.#get(remote, "/apis", accept);
    if (all.status === 200 && /;\s*as=APIGroupDiscoveryList/i.test(all.type)) return versionOf(JSON.parse(all.text), group, version) ?? [];
    if (all.status === 503) throw new Error("service returned non-success response code: 503");
    const one = await this.#get(remote, `/apis/${group}/${version}`, "application/json");
    if (one.status !== 200) throw new Error(`failed to download legacy discovery: ${one.status}`);
    return fromLegacy(JSON.parse(one.text));
  }

  async #get(remote: Remote, path: string, wanted: string): Promise<{ status: number; type: string; text: string }> {
    const abort = new AbortController();
    const timer = this.#options.clock.after(patience, () => abort.abort(new Error("request timed out")));
    try {
      const headers = withUser({ accept: wanted }, asker);
      const signal = AbortSignal.any([abort.signal, this.#stop.signal]);
      const { response, body } = await this.#options.backends.fetch(remote, { method: "GET", path, headers, signal }, limit);
      return { status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", text: body.toString() };
    } finally {
      timer.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the server stops"));
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#running.values());
  }
}
