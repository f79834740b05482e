/** The CSI drivers that are registered with this node (pkg/volume/csi/csi_plugin.go). */
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import type { PluginHandler } from "../../plugin-manager/handler.ts";
import type { CsiNode, DriverInfo } from "./csi-node.ts";
import { CsiDriverClient } from "./driver.ts";

interface Registered {
  endpoint: string;
  version: readonly number[];
  client: CsiDriverClient;
}

export interface CsiDriversOptions {
  clock: Clock;
  logger: Logger;
  node: Pick<CsiNode, "install" | "update" | "uninstall">;
  /** A driver has come: what waited for it can go on. */
  onRegistered(name: string): void;
}

const quote = (text: unknown): string => JSON.stringify(text);

/** The highest version 1.x, or undefined. */
export function highestVersion(versions: readonly string[]): readonly number[] | undefined {
  const known = versions.map((version) => /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number)).filter((v) => v?.[0] === 1) as number[][];
  return known.sort(compare).at(-1);
}
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((part, i) => part !== b[i]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}

async function infoOf(name: string, client: CsiDriverClient, signal: AbortSignal): Promise<DriverInfo> {
  const { nodeId, maxVolumesPerNode, accessibleTopology } = await client.info(signal);
  return { name, nodeID: nodeId, maxVolumes: maxVolumesPerNode, topology: accessibleTopology?.segments ?? {} };
}

export class CsiDrivers implements PluginHandler, AsyncDisposable {
  readonly #options: CsiDriversOptions;
  readonly #drivers = new Map<string, Registered>();
  constructor(options: CsiDriversOptions) {
    this.#options = options;
  }
  /** Throws with upstream's text when no driver of the name is registered. */
  get(name: string): CsiDriverClient {
    const driver = this.#drivers.get(name);
    if (!driver) throw new Error(`driver name ${name} not found in the list of registered CSI drivers`);
    return driver.client;
  }
  validate(name: string, endpoint: string, versions: readonly string[]): void {
    try {
      this.#version("ValidatePlugin", name, versions);
    } catch (error) {
      throw new Error(`validation failed for CSI Driver ${name} at endpoint ${endpoint}: ${(error as Error).message}`, { cause: error });
    }
  }
  #version(caller: string, name: string, versions: readonly string[]): readonly number[] {
    const failed = (why: string): Error => new Error(`kubernetes.io/csi: ${caller} for CSI driver ${quote(name)} failed. ${why}`);
    if (!versions.length) throw failed("Plugin returned an empty list for supported versions");
    const version = highestVersion(versions);
    if (!version)
      throw failed(`None of the versions specified ${`[${versions.map(quote).join(" ")}]`} are supported. err=None of the versions reported are supported`);
    const other = this.#drivers.get(name);
    if (other && compare(other.version, version) >= 0)
      throw failed(`Another driver with the same name is already registered with a higher supported version: ${quote(other.version.join("."))}`);
    return version;
  }
  async register(name: string, endpoint: string, versions: readonly string[], signal: AbortSignal): Promise<void> {
    const version = this.#version("RegisterPlugin", name, versions);
    const client = new CsiDriverClient(endpoint, this.#options.clock);
    const former = this.#drivers.get(name);
    this.#drivers.set(name, { endpoint, version, client });
    await former?.client[Symbol.asyncDispose]();
    try {
      await this.#options.node.install(await infoOf(name, client, signal));
    } catch (error) {
      await this.#remove(name, client);
      throw error;
    }
    this.#options.logger.info("a CSI driver is registered", { driver: name, endpoint });
    this.#options.onRegistered(name);
  }
  has(name: string): boolean {
    return this.#drivers.has(name);
  }
  /** Asks the driver again how many volumes the node takes of it, and tells the API; what fails is logged. */
  async refresh(name: string): Promise<void> {
    const { node, logger } = this.#options;
    try {
      await node.update(await infoOf(name, this.get(name), new AbortController().signal));
    } catch (error) {
      logger.warn("how many volumes a CSI driver takes is not known anew", { driver: name, error });
    }
  }
  deregister(name: string, endpoint: string): void {
    const driver = this.#drivers.get(name);
    if (driver?.endpoint !== endpoint) return;
    this.#options.logger.info("a CSI driver has gone", { driver: name, endpoint });
    this.#remove(name, driver.client).catch((error: unknown) =>
      this.#options.logger.warn("could not take a CSI driver from the node", { driver: name, error }),
    );
  }
  async #remove(name: string, client: CsiDriverClient): Promise<void> {
    if (this.#drivers.get(name)?.client !== client) return;
    this.#drivers.delete(name);
    await client[Symbol.asyncDispose]();
    await this.#options.node.uninstall(name);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#drivers.values()].map(({ client }) => client[Symbol.asyncDispose]()));
  }
}
