/**
 * Finds plugins by their sockets below plugins_registry, asks each who it is and hands it to the handler of its type
 * (pkg/kubelet/pluginmanager). A plugin that hangs, dies or lies concerns nobody else: each has a loop of its own.
 */
import type { Clock } from "../../base/clock.ts";
import { connectGrpc, type GrpcClient } from "../../base/grpc/client.ts";
import { protocolOf } from "../../base/grpc/protocol.ts";
import type { Logger } from "../../base/logger.ts";
import facts from "./facts.json" with { type: "json" };
import type { PluginHandler, PluginType } from "./handler.ts";
import type { RegistrationMethods } from "./types.gen.ts";
import { SocketWatcher } from "./watcher.ts";

export const pluginRegistration = protocolOf<RegistrationMethods>(facts);

/** Milliseconds for connecting and the answer. */
const infoTimeout = 11_000;
const notifyTimeout = 5000;
/** Milliseconds between attempts: upstream's exponentialbackoff. */
const firstDelay = 500;
const longestDelay = 122_000;

export interface PluginManagerOptions {
  /** `<rootDir>/plugins_registry` */
  directory: string;
  clock: Clock;
  logger: Logger;
  handlers: Partial<Record<PluginType, PluginHandler>>;
}

interface Plugin {
  stop: AbortController;
  /** Resolves when the plugin has been deregistered. */
  done: Promise<void>;
}

export class PluginManager {
  readonly #options: PluginManagerOptions;
  readonly #watcher: SocketWatcher;
  /** By socket. */
  readonly #plugins = new Map<string, Plugin>();
  #closing = false;

  constructor(options: PluginManagerOptions) {
    this.#options = options;
    this.#watcher = new SocketWatcher({
      directory: options.directory,
      logger: options.logger,
      onAdded: (path) => this.#add(path),
      onRemoved: (path) => this.#remove(path),
    });
  }
  /** Plugins that are there already are found; their registration goes on behind. */
  start(): Promise<void> {
    return this.#watcher.start();
  }
  /** Plugins stay registered with their handlers: their sockets have not gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await this.#watcher[Symbol.asyncDispose]();
    const plugins = [...this.#plugins.values()];
    for (const { stop } of plugins) stop.abort();
    await Promise.all(plugins.map(({ done }) => done));
  }
  #add(path: string): void {
    const former = this.#plugins.get(path);
    former?.stop.abort();
    const stop = new AbortController();
    const done = (former?.done ?? Promise.resolve()).then(() => this.#keep(path, stop.signal));
    this.#plugins.set(path, { stop, done });
  }
  #remove(path: string): void {
    this.#plugins.get(path)?.stop.abort();
  }
  /** Never rejects. Ends when the plugin has gone. */
  async #keep(path: string, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    for (let delay = firstDelay; !signal.aborted; delay = Math.min(delay * 2, longestDelay)) {
      try {
        const registered = await this.#register(path, signal);
        await gone(signal);
        if (!this.#closing) registered.handler.deregister(registered.name, registered.endpoint);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn("a plugin could not be registered", { socket: path, error, again: `${delay}ms` });
        await clock.sleep(delay, signal).catch(() => {});
      }
    }
  }
  async #register(path: string, signal: AbortSignal): Promise<{ handler: PluginHandler; name: string; endpoint: string }> {
    await using client = connectGrpc(path, pluginRegistration, this.#options.clock);
    const info = await client.call("GetInfo", {}, { timeout: infoTimeout, signal }).catch((error: Error) => {
      throw new Error(`RegisterPlugin error -- failed to get plugin info using RPC GetInfo at socket ${path}, err: ${error.message}`);
    });
    const refuse = async (message: string): Promise<never> => {
      await notify(client, message, signal);
      throw new Error(message);
    };
    const { name, supportedVersions } = info;
    const endpoint = info.endpoint || path;
    const handler = this.#options.handlers[info.type as PluginType];
    if (!handler) return await refuse(`RegisterPlugin error -- no handler registered for plugin type: ${info.type} at socket ${path}`);
    try {
      handler.validate(name, endpoint, supportedVersions);
    } catch (error) {
      return await refuse(`RegisterPlugin error -- plugin validation failed with err: ${(error as Error).message}`);
    }
    await handler
      .register(name, endpoint, supportedVersions, signal)
      .catch((error: Error) => refuse(`RegisterPlugin error -- plugin registration failed with err: ${error.message}`));
    try {
      await notify(client, "", signal);
    } catch (error) {
      if (!this.#closing) handler.deregister(name, endpoint);
      throw new Error(`RegisterPlugin error -- failed to send registration status at socket ${path}, err: ${(error as Error).message}`);
    }
    return { handler, name, endpoint };
  }
}

/** `problem` is empty when the plugin is registered. */
async function notify(client: GrpcClient<RegistrationMethods>, problem: string, signal: AbortSignal): Promise<void> {
  await client.call("NotifyRegistrationStatus", { pluginRegistered: problem === "", error: problem }, { timeout: notifyTimeout, signal });
}

function gone(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
