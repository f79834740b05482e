/**
 * The DRA drivers that have registered, and what becomes of the devices that they offer when they go: their ResourceSlices
 * are removed, so that no pod is placed here to wait for them (pkg/kubelet/cm/dra/plugin/dra_plugin_manager.go).
 */
import { isNotFound } from "../../api/status.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { PluginHandler } from "../plugin-manager/handler.ts";
import { DriverPlugin, type DriverPluginOptions, type Service, services } from "./driver.ts";
import type { DeviceHealth } from "./health-types.gen.ts";

export interface DriversOptions {
  clock: Clock;
  logger: Logger;
  /** Removes the slices of this node: of the driver, or all. */
  removeSlices(driver: string | undefined, signal: AbortSignal): Promise<void>;
  onHealth(driver: string, devices: readonly DeviceHealth[]): void;
  onHealthEnd(driver: string): void;
}

/** Milliseconds in which a driver may be replaced before its slices go. */
const wipingDelay = 30_000;
const longestRetry = 300_000;

const quoted = (names: readonly string[]): string => `[${names.map((name) => JSON.stringify(name)).join(" ")}]`;

/** Throws when the kubelet speaks none of what the plugin does. */
export function chooseService(offered: readonly string[]): Service {
  if (!offered.length) throw new Error("empty list of supported gRPC services (aka supported versions)");
  const chosen = offered.find((name) => name in services);
  if (!chosen) throw new Error(`none of services supported by the plugin (${quoted(offered)}) are supported by the kubelet (${quoted(Object.keys(services))})`);
  return chosen as Service;
}

export class Drivers implements PluginHandler {
  readonly #options: DriversOptions;
  /** Oldest first. */
  readonly #plugins = new Map<string, DriverPlugin[]>();
  readonly #wipes = new Map<string, Timer>();
  readonly #stop = new AbortController();

  constructor(options: DriversOptions) {
    this.#options = options;
  }
  /** No driver has registered yet: what the API has of them is of the past. */
  start(): void {
    void this.#wipe(undefined);
  }
  /** The plugin that registered last of those that answer. Throws when there is none at all. */
  get(driver: string): DriverPlugin {
    const plugins = this.#plugins.get(driver) ?? [];
    const plugin = plugins.findLast((one) => one.connected) ?? plugins.at(-1);
    if (!plugin) throw new Error(`DRA driver ${driver} is not registered`);
    return plugin;
  }
  validate(name: string, endpoint: string, offered: readonly string[]): void {
    try {
      chooseService(offered);
    } catch (error) {
      throw new Error(`invalid supported gRPC versions of DRA driver plugin ${name} at endpoint ${endpoint}: ${(error as Error).message}`);
    }
  }
  async register(driver: string, endpoint: string, offered: readonly string[]): Promise<void> {
    const { clock, logger, onHealth, onHealthEnd } = this.#options;
    const plugins = this.#plugins.get(driver) ?? [];
    if (plugins.some((plugin) => plugin.endpoint === endpoint)) throw new Error(`endpoint ${endpoint} already registered for DRA driver plugin ${driver}`);
    const options: DriverPluginOptions = {
      driver,
      endpoint,
      service: chooseService(offered),
      clock,
      logger,
      onConnection: () => this.#look(driver),
      onHealth: (devices) => onHealth(driver, devices),
      onHealthEnd: () => onHealthEnd(driver),
    };
    this.#plugins.set(driver, [...plugins, new DriverPlugin(options)]);
    this.#look(driver);
    logger.info("a DRA driver has registered", { driver, endpoint });
  }
  deregister(driver: string, endpoint: string): void {
    const plugins = this.#plugins.get(driver) ?? [];
    const rest = plugins.filter((plugin) => plugin.endpoint !== endpoint);
    if (rest.length) this.#plugins.set(driver, rest);
    else {
      this.#plugins.delete(driver);
      this.#options.onHealthEnd(driver);
    }
    for (const plugin of plugins) if (!rest.includes(plugin)) void plugin[Symbol.asyncDispose]();
    this.#look(driver);
  }
  /** The time of a driver that does not answer runs from the first moment on. */
  #look(driver: string): void {
    if (this.#stop.signal.aborted) return;
    if (this.#plugins.get(driver)?.some((plugin) => plugin.connected)) {
      this.#wipes.get(driver)?.cancel();
      this.#wipes.delete(driver);
    } else if (!this.#wipes.has(driver))
      this.#wipes.set(
        driver,
        this.#options.clock.after(wipingDelay, () => void this.#wipe(driver)),
      );
  }
  async #wipe(driver: string | undefined): Promise<void> {
    const { clock, logger, removeSlices } = this.#options;
    const { signal } = this.#stop;
    const wanted = (): boolean => !signal.aborted && (driver === undefined || this.#wipes.has(driver));
    for (let delay = 1000; wanted(); delay = Math.min(delay * 2, longestRetry)) {
      try {
        await removeSlices(driver, signal);
        break;
      } catch (error) {
        if (isNotFound(error) || signal.aborted) break;
        logger.warn("could not remove the ResourceSlices of a driver that is not here", { driver, error });
        await clock.sleep(delay, signal).catch(() => {});
      }
    }
    if (driver !== undefined) this.#wipes.delete(driver);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#wipes.values()) timer.cancel();
    await Promise.all([...this.#plugins.values()].flat().map((plugin) => plugin[Symbol.asyncDispose]()));
  }
}
