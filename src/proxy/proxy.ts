/**
 * Keeps the kernel's rules equal to the Services and EndpointSlices. Each change costs what it touches: the Services that
 * changed are computed again, and one transaction brings the difference. While the API server is away the rules stay.
 */
import { serviceNameOf } from "../api/discovery/service-name.ts";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { InformerFactory } from "../client/factory.ts";
import type { Informer } from "../client/informer.ts";
import { endpointslices, services } from "../client/resources.gen.ts";
import { frame, type FrameOptions, merge, type Ruleset, rulesetOf, transition } from "./nftables.ts";
import { type ServicePort, servicePorts } from "./service-port.ts";

/** The kernel's side; what fails is tried again. */
export interface Dataplane {
  /** One transaction of nft commands. */
  apply(script: string): Promise<void>;
  /** Forgets tracked UDP flows to an endpoint that is gone, so that clients with a fixed port find another. */
  forgetUDP(serviceIP: string, endpointIP: string): Promise<void>;
}

export interface ProxyOptions extends FrameOptions {
  informers: InformerFactory;
  nodeName: string;
  dataplane: Dataplane;
  clock: Clock;
  logger: Logger;
}

const byService = "proxy-service";
const serviceOf = (slice: EndpointSlice): string => `${slice.metadata.namespace}/${serviceNameOf(slice)}`;
const retryAfter = 1000;

export class ServiceProxy {
  readonly #options: ProxyOptions;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  /** Per Service (`namespace/name`): what the kernel holds. */
  readonly #applied = new Map<string, { ports: ServicePort[]; ruleset: Ruleset }>();
  #dirty = new Set<string>();
  #wake: (() => void) | undefined;
  #framed = false;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#services = options.informers.informer(services);
    this.#slices = options.informers.informer(endpointslices, { indexes: { [byService]: (slice: EndpointSlice) => [serviceOf(slice)] } });
    this.#services.onChange((old, now) => this.#touch(`${(now ?? old)?.metadata.namespace}/${(now ?? old)?.metadata.name}`));
    this.#slices.onChange((old, now) => {
      for (const slice of [old, now]) if (slice) this.#touch(serviceOf(slice));
    });
  }

  #touch(key: string): void {
    this.#dirty.add(key);
    this.#wake?.();
  }

  /** Ends with the signal; the rules stay. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#services.synced(signal), this.#slices.synced(signal)]);
    while (!signal.aborted) {
      if (this.#dirty.size === 0) await this.#changed(signal);
      if (signal.aborted) return;
      try {
        await this.sync();
      } catch (error) {
        this.#options.logger.error("the rules of the Services could not be applied", { error });
        await this.#options.clock.sleep(retryAfter, signal).catch(() => {});
      }
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = undefined;
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }

  /** Applies what has changed since the last time; nothing is forgotten when it fails. */
  async sync(): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const before: Ruleset[] = [];
    const after = new Map<string, { ports: ServicePort[]; ruleset: Ruleset }>();
    for (const key of dirty) {
      const old = this.#applied.get(key);
      if (old) before.push(old.ruleset);
      const ports = this.#portsOf(key);
      if (ports.length) after.set(key, { ports, ruleset: merge(ports.map(rulesetOf)) });
    }
    const script = transition(merge(before), merge([...after.values()].map((a) => a.ruleset)));
    try {
      if (!this.#framed) await this.#options.dataplane.apply(frame(this.#options) + script);
      else if (script) await this.#options.dataplane.apply(script);
    } catch (error) {
      for (const key of dirty) this.#dirty.add(key);
      throw error;
    }
    this.#framed = true;
    const stale: [string, string][] = [];
    for (const key of dirty) {
      const old = this.#applied.get(key)?.ports ?? [];
      const now = after.get(key);
      stale.push(...staleUDP(old, now?.ports ?? []));
      if (now) this.#applied.set(key, now);
      else this.#applied.delete(key);
    }
    for (const [serviceIP, endpointIP] of stale) await this.#options.dataplane.forgetUDP(serviceIP, endpointIP);
  }

  #portsOf(key: string): ServicePort[] {
    const [namespace, name] = key.split("/") as [string, string];
    const service = this.#services.get(namespace, name);
    return service ? servicePorts(service, this.#slices.by(byService, key), this.#options.nodeName) : [];
  }
}

/** Pairs of a Service address and an endpoint that it no longer leads to. */
export function staleUDP(old: ServicePort[], now: ServicePort[]): [string, string][] {
  return old
    .filter((port) => port.protocol === "udp")
    .flatMap((port) => {
      const current = now.find((p) => p.id === port.id && p.protocol === "udp");
      const kept = new Set(current?.internal.map((b) => b.ip));
      return port.internal.filter((b) => !kept.has(b.ip)).flatMap((b) => port.clusterIPs.map((ip): [string, string] => [ip, b.ip]));
    });
}
