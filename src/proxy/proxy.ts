/**
 * Keeps the kernel's rules equal to the Services and EndpointSlices, in both address families. Each change costs what it
 * touches. While the API server is away the rules stay; what somebody else took away is made again within the sync period.
 */
import type { ObjectReference } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Resource } from "../client/client.ts";
import type { InformerFactory } from "../client/factory.ts";
import type { Informer } from "../client/informer.ts";
import { endpointslices, services } from "../client/resources.gen.ts";
import type { LocalTraffic } from "./frame.ts";
import type { ProxyHealth } from "./health.ts";
import { HealthChecks } from "./health-check.ts";
import type { ProxyMetrics } from "./metrics.ts";
import { NodeView } from "./node-view.ts";
import { type Family, type PackedSlice, packerFor } from "./packed-slice.ts";
import { FamilyRules, type RulesKernel } from "./rules.ts";
import { healthCheckPortOf, localReady, packService, type PackedService, selector, type ServicePort, servicePorts } from "./service-port.ts";
import { type Flow, staleFlows } from "./stale-flows.ts";

/** The kernel's side; what fails is tried again. */
export interface Dataplane extends RulesKernel {
  udpFlows(family: Family): Promise<Flow[]>;
  /** The next packet of such a flow is looked at as a new one's. */
  forgetUDPFlow(family: Family, flow: Flow): Promise<void>;
}

export interface ProxyOptions {
  informers: InformerFactory;
  nodeName: string;
  /** The node's primary family first. */
  families: readonly Family[];
  /** Addresses of this machine on which NodePorts answer, looked up at every full sync; undefined: all but loopback. */
  nodePortAddresses(family: Family): readonly string[] | undefined;
  /** How traffic of the cluster's pods is told; undefined: not at all. */
  local(family: Family): LocalTraffic | undefined;
  /** @default false */
  masqueradeAll?: boolean;
  /** @default 14 */
  masqueradeBit?: number;
  /** Milliseconds between two looks at whether the rules are still there. @default 30 s */
  syncPeriod?: number;
  /** Milliseconds from one sync to the next at least. @default 0 */
  minSyncPeriod?: number;
  dataplane: Dataplane;
  metrics: ProxyMetrics;
  health: ProxyHealth;
  /** Shown as an event of the Service. */
  warn?(about: ObjectReference, reason: string, message: string): void;
  clock: Clock;
  logger: Logger;
}

const byService = "proxy-service";
const retryAfter = 1000;
const fullSyncPeriod = 3_600_000;

interface Pending {
  services: number;
  slices: number;
  /** When the changes happened that these slices are the outcome of. */
  triggers: number[];
}
const noPending = (): Pending => ({ services: 0, slices: 0, triggers: [] });

export class ServiceProxy {
  readonly #options: ProxyOptions;
  readonly #services: Informer<PackedService>;
  readonly #slices: Informer<PackedSlice>;
  readonly #node: NodeView;
  readonly #rules: Map<Family, FamilyRules>;
  readonly #checks: HealthChecks;
  /** UDP ports that have endpoints, per family and Service. */
  readonly #udp = new Map<string, ServicePort[]>();
  /** Ports per family whose policy is Local and that have no endpoint here. */
  readonly #withoutLocal = new Map<string, { internal: number; external: number }>();
  #dirty = new Set<string>();
  #pending = noPending();
  #synced = false;
  #wake: (() => void) | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    const { informers, nodeName, dataplane, clock, health, logger } = options;
    this.#services = informers.informer(services as unknown as Resource<PackedService>, {
      labelSelector: selector,
      project: packService as unknown as (service: PackedService) => PackedService,
    });
    this.#slices = informers.informer(endpointslices as unknown as Resource<PackedSlice>, {
      labelSelector: selector,
      project: packerFor(nodeName) as unknown as (slice: PackedSlice) => PackedSlice,
      indexes: { [byService]: (slice: PackedSlice) => [slice.service] },
    });
    this.#node = new NodeView(informers, nodeName);
    this.#rules = new Map(
      options.families.map((family) => [
        family,
        new FamilyRules({
          family,
          nodePortAddresses: () => options.nodePortAddresses(family),
          local: () => options.local(family),
          masqueradeAll: options.masqueradeAll ?? false,
          masqueradeBit: options.masqueradeBit ?? 14,
          kernel: dataplane,
          clock,
        }),
      ]),
    );
    this.#checks = new HealthChecks({
      addresses: () => options.families.flatMap((family) => options.nodePortAddresses(family) ?? [family === "IPv6" ? "::" : "0.0.0.0"]),
      healthy: () => health.healthy,
      failed: (service, port, error) => this.#checkFailed(service, port, error),
      logger,
    });
    this.#listen();
  }

  #listen(): void {
    this.#services.onChange((old, now) => {
      const { namespace, name } = (now ?? old)?.metadata ?? {};
      this.#pending.services++;
      this.#options.metrics.serviceChanges.inc();
      this.#touch(`${namespace}/${name}`);
    });
    this.#slices.onChange((old, now) => {
      const same = old && now && old.endpoints === now.endpoints && old.ports === now.ports && old.service === now.service;
      if (same) return;
      this.#pending.slices++;
      this.#options.metrics.endpointChanges.inc();
      if (this.#synced && now?.triggered && now.triggered !== old?.triggered) this.#pending.triggers.push(Date.parse(now.triggered));
      for (const slice of [old, now]) if (slice) this.#touch(slice.service);
    });
    this.#node.onChange((node, everything) => {
      this.#options.health.node = node;
      if (!everything || !this.#synced) return;
      for (const service of this.#services.list()) this.#touch(`${service.metadata.namespace}/${service.metadata.name}`);
    });
  }

  #touch(key: string): void {
    this.#dirty.add(key);
    this.#queued();
  }

  #queued(): void {
    const { metrics, health, clock, families } = this.#options;
    metrics.endpointChangesPending.set(this.#pending.slices);
    metrics.serviceChangesPending.set(this.#pending.services);
    if (this.#synced)
      for (const family of families) {
        health.queued(family);
        metrics.lastQueued.set(clock.now() / 1000, family);
      }
    this.#wake?.();
  }

  /** Ends with the signal; the rules stay. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, families, health, syncPeriod = 30_000, minSyncPeriod = 0 } = this.#options;
    for (const family of families) health.updated(family);
    await Promise.all([this.#services.synced(signal), this.#slices.synced(signal), this.#node.synced(signal)]);
    this.#synced = true;
    let checked = clock.monotonic();
    let full = checked;
    await using _checks = this.#checks;
    while (!signal.aborted) {
      const started = clock.monotonic();
      try {
        await this.sync();
        if (clock.monotonic() - full >= fullSyncPeriod) {
          full = clock.monotonic();
          this.#requireFullSync();
        } else if (clock.monotonic() - checked >= syncPeriod) {
          checked = clock.monotonic();
          await this.#look();
        }
      } catch (error) {
        logger.error("the rules of the Services could not be applied", { error });
        await clock.sleep(retryAfter, signal).catch(() => {});
        continue;
      }
      await clock.sleep(Math.max(0, started + minSyncPeriod - clock.monotonic()), signal).catch(() => {});
      if (this.#idle) await this.#changed(signal, this.#hasStale ? Math.min(retryAfter + 50, syncPeriod) : syncPeriod);
    }
  }

  get #idle(): boolean {
    return this.#dirty.size === 0 && !this.#node.changed && [...this.#rules.values()].every((rules) => !rules.needsFullSync);
  }
  get #hasStale(): boolean {
    return [...this.#rules.values()].some((rules) => rules.hasStale);
  }
  #requireFullSync(): void {
    for (const rules of this.#rules.values()) rules.needsFullSync = true;
  }

  /** Whether somebody took the rules away: `nft flush ruleset` is what reloading a firewall does. */
  async #look(): Promise<void> {
    for (const [family, rules] of this.#rules) {
      if (await rules.present()) continue;
      this.#options.logger.warn("the rules of the Services were gone and are made again", { family });
      rules.needsFullSync = true;
    }
  }

  #changed(signal: AbortSignal, most: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = undefined;
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = this.#options.clock.after(most, done);
      this.#wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }

  /** Applies what has changed since the last time. What fails is brought whole the next time. */
  async sync(): Promise<void> {
    const { clock, metrics, health } = this.#options;
    const dirty = this.#dirty;
    const pending = this.#pending;
    this.#dirty = new Set();
    this.#pending = noPending();
    this.#node.changed = false;
    const failures: unknown[] = [];
    for (const [family, rules] of this.#rules) {
      const started = clock.monotonic();
      const full = rules.needsFullSync;
      try {
        const changed = new Map([...dirty].map((key) => [key, this.#portsOf(key, family)]));
        rules.nodeIP = this.#node.address(family);
        await rules.sync(changed, this.#node.serviceCIDRs(family));
        const seconds = (clock.monotonic() - started) / 1000;
        metrics.sync.observe(seconds, family);
        (full ? metrics.fullSync : metrics.partialSync).observe(seconds, family);
        metrics.lastSync.set(clock.now() / 1000, family);
        for (const at of pending.triggers) metrics.programming.observe(Math.max(0, (clock.now() - at) / 1000), family);
        health.updated(family);
        this.#countWithoutLocal(family, changed);
        await this.#forgetStale(family, changed);
      } catch (error) {
        metrics.syncFailures.inc(family);
        failures.push(error);
      }
    }
    metrics.endpointChangesPending.set(this.#pending.slices);
    metrics.serviceChangesPending.set(this.#pending.services);
    for (const key of dirty) await this.#check(key);
    if (failures.length) throw failures[0];
  }

  #serviceOf(key: string): PackedService | undefined {
    const slash = key.indexOf("/");
    return this.#services.get(key.slice(0, slash), key.slice(slash + 1));
  }

  #portsOf(key: string, family: Family): ServicePort[] {
    const service = this.#serviceOf(key);
    return service ? servicePorts(service, this.#slices.by(byService, key), family, this.#node.zone) : [];
  }

  async #check(key: string): Promise<void> {
    const service = this.#serviceOf(key);
    const port = service ? healthCheckPortOf(service) : 0;
    await this.#checks.set(key, port, service && port ? localReady(this.#slices.by(byService, key), service) : 0);
  }

  #checkFailed(key: string, port: number, error: Error): void {
    const service = this.#serviceOf(key);
    if (!service) return;
    const { namespace, name, uid } = service.metadata;
    const message = `node ${this.#options.nodeName} failed to start healthcheck ${JSON.stringify(key)} on port ${port}: ${error.message}`;
    this.#options.warn?.({ kind: "Service", apiVersion: "v1", namespace, name, uid }, "FailedToStartServiceHealthcheck", message);
  }

  #countWithoutLocal(family: Family, changed: ReadonlyMap<string, readonly ServicePort[]>): void {
    for (const [key, ports] of changed) {
      const without = ports.filter((port) => port.anyEndpoints && port.local.length === 0);
      const counts = { internal: without.filter((port) => port.internalLocal).length, external: without.filter((port) => port.externalLocal).length };
      if (counts.internal || counts.external) this.#withoutLocal.set(`${family} ${key}`, counts);
      else this.#withoutLocal.delete(`${family} ${key}`);
    }
    for (const policy of ["internal", "external"] as const) {
      let total = 0;
      for (const [key, counts] of this.#withoutLocal) if (key.startsWith(`${family} `)) total += counts[policy];
      this.#options.metrics.noLocalEndpoints.set(total, policy, family);
    }
  }

  async #forgetStale(family: Family, changed: ReadonlyMap<string, readonly ServicePort[]>): Promise<void> {
    const { dataplane, metrics, clock, logger } = this.#options;
    const touched: ServicePort[] = [];
    for (const [key, ports] of changed) {
      const udp = ports.filter((port) => port.serving.length > 0);
      const before = this.#udp.get(`${family} ${key}`);
      if (udp.length) this.#udp.set(`${family} ${key}`, udp);
      else this.#udp.delete(`${family} ${key}`);
      if (before || udp.length) touched.push(...udp);
    }
    if (touched.length === 0) return;
    const started = clock.monotonic();
    try {
      const stale = staleFlows(await dataplane.udpFlows(family), touched);
      for (const flow of stale) await dataplane.forgetUDPFlow(family, flow);
      metrics.conntrackDeleted.add(stale.length, family);
    } catch (error) {
      // The rules are right; flows end by themselves when their client is silent for a while.
      logger.error("tracked UDP flows could not be looked through", { error });
    }
    metrics.conntrack.observe((clock.monotonic() - started) / 1000, family);
  }
}
