/**
 * Says of each APIService with a Service whether it can be reached (pkg/controllers/status/remote of kube-aggregator): what
 * the Service and its endpoints tell, then five tries at its discovery document. Looked at when something of it changes,
 * every thirty seconds, and soon again after a failure. Local ones are always available.
 */
import { goQuote } from "../../api/go-quote.ts";
import type { ApiHandler } from "../../api/exchange.ts";
import type { APIService, APIServiceCondition } from "../../api/types/apiregistration-v1.gen.ts";
import type { Service } from "../../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import { formatTime } from "../../api/time.ts";
import { deepEqual } from "../../api/copy.ts";
import { serviceNameLabel } from "../../api/discovery/service-name.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Reader } from "../../cache/cache.ts";
import { askItself } from "../ask-itself.ts";
import { slicesOf, Unroutable } from "../service-resolver.ts";
import { type Backends, urlOf, withUser } from "./backend.ts";
import { apiServiceResource, availabilityOf, type Remote, type Remotes } from "./remotes.ts";

/** Milliseconds. */
const resync = 30_000;
const patience = 5000;
const firstRetry = 5;
const lastRetry = 30_000;
const attempts = 5;
/** Of an answer, nobody reads more than its status. */
const limit = 64 << 20;

type Verdict = Pick<APIServiceCondition, "status" | "reason" | "message">;

/** What can be told without asking the server itself; undefined where it has to be asked. */
export function judge(remote: Remote, service: Service | undefined, slices: readonly EndpointSlice[]): Verdict | undefined {
  const { namespace, name, port } = remote.service;
  const where = `service/${name} in ${goQuote(namespace)}`;
  const not = (reason: string, message: string): Verdict => ({ status: "False", reason, message });
  if (!service) return not("ServiceNotFound", `${where} is not present`);
  if ((service.spec.type ?? "ClusterIP") !== "ClusterIP") return undefined;
  const wanted = service.spec.ports?.find((one) => one.port === port);
  if (!wanted) return not("ServicePortError", `${where} is not listening on port ${port}`);
  if (!slices.length) return not("EndpointsNotFound", `cannot find endpointslices for ${where}`);
  const portName = wanted.name ?? "";
  const active = slices.some(
    (slice) => slice.endpoints?.some((e) => e.conditions?.ready !== false) && slice.ports?.some((p) => (p.name ?? "") === portName && p.port !== undefined),
  );
  return active ? undefined : not("MissingEndpoints", `endpointslices for ${where} have no addresses with port name ${goQuote(portName)}`);
}

export interface AvailabilityOptions {
  reader: Reader;
  remotes: Remotes;
  backends: Backends;
  /** Of this server; conditions are written through it as its own. */
  handler: ApiHandler;
  clock: Clock;
  logger: Logger;
}

export class Availability implements AsyncDisposable {
  readonly #options: AvailabilityOptions;
  readonly #stop = new AbortController();
  readonly #queue = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, Timer>();

  constructor(options: AvailabilityOptions) {
    this.#options = options;
    const { reader, remotes } = options;
    const ofService = (namespace: string, service: string | undefined): void => {
      if (!remotes.size) return;
      for (const remote of remotes.all())
        if (remote.service.namespace === namespace && (service === undefined || remote.service.name === service)) this.#add(remote.name);
    };
    reader.onChange(apiServiceResource, (_, name) => this.#add(name));
    reader.onChange("services", ofService);
    reader.onChange("endpointslices.discovery.k8s.io", (namespace, name) => {
      if (remotes.size) ofService(namespace, reader.labels("endpointslices.discovery.k8s.io", namespace, name)?.[serviceNameLabel]);
    });
    for (const { metadata } of reader.list<APIService>(apiServiceResource)) this.#add(metadata.name);
  }

  #add(name: string): void {
    if (this.#stop.signal.aborted) return;
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
    if (this.#running.has(name)) return void this.#queue.add(name);
    this.#running.set(
      name,
      this.#look(name).finally(() => {
        this.#running.delete(name);
        if (this.#queue.delete(name)) this.#add(name);
      }),
    );
  }

  #later(name: string, ms: number): void {
    if (this.#stop.signal.aborted || this.#timers.has(name)) return;
    this.#timers.set(
      name,
      this.#options.clock.after(ms, () => this.#add(name)),
    );
  }

  async #look(name: string): Promise<void> {
    // Whoever wrote has finished before it is judged.
    await Promise.resolve();
    const { reader, remotes, logger } = this.#options;
    try {
      const item = reader.get<APIService>(apiServiceResource, "", name);
      if (!item) return this.#forget(name);
      const remote = remotes.get(name);
      if (!remote) return await this.#write(item, { status: "True", reason: "Local", message: "Local APIServices are always available" });
      const { namespace, name: service } = remote.service;
      const known = judge(remote, reader.get<Service>("services", namespace, service), slicesOf(reader, namespace, service));
      const failure = known ? undefined : await this.#ask(remote);
      const verdict: Verdict = failure
        ? { status: "False", reason: "FailedDiscoveryCheck", message: failure }
        : { status: "True", reason: "Passed", message: "all checks passed" };
      await this.#write(item, known ?? verdict);
      if (!failure) {
        this.#failures.delete(name);
        return this.#later(name, resync);
      }
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      logger.info("the availability of an API is not known, will be tried again", { name, error });
    }
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    this.#later(name, Math.min(lastRetry, firstRetry * 2 ** failures));
  }

  #forget(name: string): void {
    this.#failures.delete(name);
    this.#options.backends.forget(name);
  }

  /** Why it does not answer; undefined when it does, to one of several tries. */
  async #ask(remote: Remote): Promise<string | undefined> {
    const tries = Array.from({ length: attempts }, () => this.#askOnce(remote));
    try {
      await Promise.any(tries);
      return undefined;
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      const [last] = (error as AggregateError).errors as Error[];
      return last?.message ?? "no answer";
    }
  }

  async #askOnce(remote: Remote): Promise<void> {
    const { backends, clock } = this.#options;
    const path = remote.name === "v1." ? "/api/v1" : `/apis/${remote.group}/${remote.version}`;
    const address = backends.address(remote);
    const url = `${urlOf(address)}${path}`;
    const abort = new AbortController();
    const timer = clock.after(patience, () => abort.abort(new Error("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")));
    try {
      const headers = withUser({ "user-agent": "Go-http-client/1.1" }, { name: "system:kube-aggregator", groups: ["system:masters"] });
      const signal = AbortSignal.any([abort.signal, this.#stop.signal]);
      const { response } = await backends.fetch(remote, { method: "GET", path, headers, signal }, limit, address);
      const status = response.statusCode ?? 0;
      if (status < 200 || status >= 300) throw new BadStatus(`failing or missing response from ${url}: bad status from ${url}: ${status}`);
    } catch (error) {
      if (error instanceof BadStatus || error instanceof Unroutable) throw error;
      const why = abort.signal.aborted ? (abort.signal.reason as Error).message : (error as Error).message;
      throw new Error(`failing or missing response from ${url}: Get "${url}": ${why}`);
    } finally {
      timer.cancel();
    }
  }

  /** Only what changed. */
  async #write(item: APIService, verdict: Verdict): Promise<void> {
    const { handler, clock } = this.#options;
    const old = availabilityOf(item);
    const lastTransitionTime = old?.status === verdict.status && old.lastTransitionTime ? old.lastTransitionTime : formatTime(clock.now());
    const condition: APIServiceCondition = { type: "Available", status: verdict.status, lastTransitionTime, reason: verdict.reason, message: verdict.message };
    if (deepEqual(old as object, condition as object)) return;
    const conditions = [...(item.status?.conditions ?? []).filter(({ type }) => type !== "Available"), condition];
    const response = await askItself(handler, {
      method: "PUT",
      path: `/apis/apiregistration.k8s.io/v1/apiservices/${encodeURIComponent(item.metadata.name)}/status`,
      object: { ...item, apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", status: { ...item.status, conditions } },
      signal: this.#stop.signal,
    });
    // Gone, or changed by somebody: that change is looked at next.
    if (response.status >= 300 && response.status !== 404 && response.status !== 409) throw new Error(`the condition was not taken: ${response.status}`);
    if (response.status === 409) this.#queue.add(item.metadata.name);
  }

  /** Resolves when nothing is being looked at. */
  async settled(): Promise<void> {
    while (this.#running.size) await Promise.all(this.#running.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the server stops"));
    for (const timer of this.#timers.values()) timer.cancel();
    await this.settled();
  }
}

class BadStatus extends Error {}
