/**
 * Keeps Services and the record of their addresses and node ports in agreement, whatever broke it: a process that died between
 * two writes, an operator's edit, another server on the same store (upstream's ipallocator and portallocator repair controllers).
 */
import type { KubeObject } from "../../../api/object.ts";
import type { Service } from "../../../api/types/core-v1.gen.ts";
import type { IPAddress, ServiceCIDR } from "../../../api/types/networking-v1.gen.ts";
import type { Clock, Timer } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import type { Random } from "../../../base/random.ts";
import type { Reader, ResourceCache } from "../../../cache/cache.ts";
import { ExistsError, RevisionMismatchError } from "../../../store/store.ts";
import type { ServerEvents } from "./server-events.ts";
import { newIPAddress } from "./service-addresses.ts";
import { type Finding, judgeAddress, judgeNodePorts, judgeService, type Verdict, type World } from "./service-address-verdict.ts";

export interface ServiceRepairOptions {
  reader: Reader;
  /** Of `ipaddresses.networking.k8s.io`. */
  addresses: ResourceCache;
  events: ServerEvents;
  clock: Clock;
  random: Random;
  logger: Logger;
  nodePorts?: { first: number; last: number };
}

/** Milliseconds between looks at everything. */
const interval = 3 * 60_000;
/** Milliseconds after a write that failed. */
const retryDelay = 1000;
const addressKey = "address ";
const serviceKey = "service ";
const addressResource = "ipaddresses.networking.k8s.io";

export class ServiceRepair implements AsyncDisposable {
  readonly #options: ServiceRepairOptions;
  readonly #world: World;
  readonly #waiting = new Set<string>();
  readonly #timers = new Map<string, Timer>();
  #running: Promise<void> | undefined;
  #stopped = false;

  /** Looks at everything at once, and from then on at what changes. */
  constructor(options: ServiceRepairOptions) {
    this.#options = options;
    const { reader } = options;
    this.#world = {
      get cidrs() {
        return reader.list<ServiceCIDR & KubeObject>("servicecidrs.networking.k8s.io");
      },
      address: (name) => reader.get<IPAddress & KubeObject>(addressResource, "", name),
      service: (namespace, name) => reader.get<Service & KubeObject>("services", namespace, name),
    };
    reader.onChange("services", (namespace, name) => this.#add(`${serviceKey}${namespace}/${name}`));
    reader.onChange(addressResource, (_, name) => this.#add(`${addressKey}${name}`));
    this.#all();
  }

  /** Resolves when nothing waits to be looked at. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const timer of this.#timers.values()) timer.cancel();
    await this.#running;
  }

  #all(): void {
    const { reader, clock, nodePorts = { first: 30000, last: 32767 } } = this.#options;
    const services = reader.list<Service & KubeObject>("services");
    for (const { metadata } of services) this.#add(`${serviceKey}${metadata.namespace}/${metadata.name}`);
    for (const { metadata } of reader.list(addressResource)) this.#add(`${addressKey}${metadata.name}`);
    for (const { service, finding } of judgeNodePorts(services, nodePorts.first, nodePorts.last))
      void this.#tell("Service", "v1", service, "portallocator-repair-controller", finding);
    this.#timers.set(
      "",
      clock.after(interval, () => this.#all()),
    );
  }

  #add(key: string, afterMs = 0): void {
    if (this.#stopped) return;
    if (afterMs > 0) {
      this.#timers.get(key)?.cancel();
      const timer = this.#options.clock.after(afterMs, () => {
        this.#timers.delete(key);
        this.#add(key);
      });
      this.#timers.set(key, timer);
      return;
    }
    this.#waiting.add(key);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Whoever writes has finished before it is judged.
    await Promise.resolve();
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      try {
        if (key.startsWith(addressKey)) await this.#address(key, key.slice(addressKey.length));
        else await this.#service(key.slice(serviceKey.length));
      } catch (error) {
        this.#options.logger.warn("service address not repaired, will be tried again", { key, error });
        this.#add(key, retryDelay);
      }
    }
    this.#running = undefined;
  }

  async #service(key: string): Promise<void> {
    const [namespace = "", name = ""] = key.split("/");
    const service = this.#world.service(namespace, name);
    if (!service) return;
    for (const { ip, verdict } of judgeService(service, this.#world)) {
      if (verdict.finding) await this.#tell("Service", "v1", service, "ipallocator-repair-controller", verdict.finding);
      await this.#act(ip, verdict, service);
    }
  }

  async #address(key: string, name: string): Promise<void> {
    const address = this.#world.address(name);
    if (!address) return;
    const verdict = judgeAddress(address, this.#world, this.#options.clock.now());
    if (verdict.finding) await this.#tell("IPAddress", "networking.k8s.io/v1", address, "ipallocator-repair-controller", verdict.finding);
    await this.#act(name, verdict);
    if (verdict.again !== undefined) this.#add(key, verdict.again);
  }

  async #act(ip: string, { act }: Verdict, service?: Service): Promise<void> {
    const { addresses, clock, random } = this.#options;
    if (act === "drop" || act === "anew") {
      const stored = await addresses.get("", ip);
      try {
        if (stored) await addresses.delete("", ip, stored.revision);
      } catch (error) {
        // Somebody has changed it: that change is looked at next.
        if (!(error instanceof RevisionMismatchError)) throw error;
        return;
      }
    }
    if (!service || (act !== "make" && act !== "anew")) return;
    try {
      await addresses.create(newIPAddress(ip, service, clock, random));
    } catch (error) {
      if (!(error instanceof ExistsError)) throw error;
    }
  }

  async #tell(kind: string, apiVersion: string, object: KubeObject, controller: string, finding: Finding): Promise<void> {
    this.#options.logger.warn(finding.message, { reason: finding.reason });
    await this.#options.events.warn(kind, apiVersion, object, { controller, ...finding });
  }
}
