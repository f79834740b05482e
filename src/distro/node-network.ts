/** Names and Services of a node: the DNS server and the Service proxy within the agent, each where it is not disabled. */
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { Metrics } from "../base/metrics.ts";
import { systemRandom } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { createInformerFactory, type InformerFactory, withoutManagedFields } from "../client/factory.ts";
import { nameServers } from "../dns/forward.ts";
import { type LastZone, readLastZone } from "../dns/last-zone.ts";
import { DNSServer } from "../dns/server.ts";
import { createZoneView } from "../dns/view.ts";
import { Zone } from "../dns/zone.ts";
import { ProxyHealth } from "../proxy/health.ts";
import { proxyMetrics } from "../proxy/metrics.ts";
import { ServiceProxy } from "../proxy/proxy.ts";
import { writeFileAtomic } from "./files.ts";
import type { Paths } from "./paths.ts";
import { kernelDataplane, removeServiceRules } from "./service-network.ts";
import { nodeAddress, type Settings } from "./settings.ts";

export interface NodeNetworkOptions {
  settings: Settings;
  paths: Paths;
  clientAs(user: string, agent: string): Client;
  logger: Logger;
}

export class NodeNetwork implements AsyncDisposable {
  readonly #options: NodeNetworkOptions;
  readonly #informers: InformerFactory[] = [];
  #dns: DNSServer | undefined;
  #proxy: ServiceProxy | undefined;

  constructor(options: NodeNetworkOptions) {
    this.#options = options;
  }

  /** Resolves when names are answered, from what was known when the node last ran. */
  async start(): Promise<void> {
    const { disabled } = this.#options.settings;
    if (disabled.includes("proxy")) await removeServiceRules();
    else this.#proxy = this.#serviceProxy();
    if (disabled.includes("dns")) return;
    this.#dns = this.#nameServer();
    await this.#dns.start();
  }

  /** From when the API server answers until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    for (const informers of this.#informers) informers.start(signal);
    await this.#proxy?.run(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#options.logger.error("the Service proxy ended", { error });
    });
  }

  #informersOf(user: "dns" | "proxy"): InformerFactory {
    const client = this.#options.clientAs(user, `k8ts-${user}`);
    const logger = this.#options.logger.child(user);
    const informers = createInformerFactory({ client, clock: systemClock, logger, random: systemRandom, project: withoutManagedFields });
    this.#informers.push(informers);
    return informers;
  }

  #nameServer(): DNSServer {
    const { settings, paths, logger } = this.#options;
    const address = nodeAddress(settings);
    const file = join(paths.run, "dns.json");
    const save = (zone: LastZone): void => {
      try {
        writeFileAtomic(file, JSON.stringify(zone), 0o600);
      } catch (error) {
        logger.warn("the zone could not be kept for a later start", { error });
      }
    };
    const view = createZoneView(this.#informersOf("dns"), { clock: systemClock, last: readLastZone(file), save });
    return new DNSServer({
      zone: new Zone(settings.clusterDomain, view, [address]),
      address,
      upstreams: nameServers("/etc/resolv.conf", [address]),
      clock: systemClock,
      logger: logger.child("dns"),
    });
  }

  #serviceProxy(): ServiceProxy {
    const { settings, logger } = this.#options;
    const metrics = proxyMetrics(new Metrics());
    return new ServiceProxy({
      informers: this.#informersOf("proxy"),
      nodeName: settings.nodeName,
      families: ["IPv4"],
      nodePortAddresses: () => [nodeAddress(settings)],
      local: () => ({ kind: "cidr", cidr: settings.podCIDR }),
      dataplane: kernelDataplane,
      metrics,
      health: new ProxyHealth(systemClock, 60_000, metrics),
      clock: systemClock,
      logger: logger.child("proxy"),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dns?.[Symbol.asyncDispose]();
  }
}
