/** One plugin of a DRA driver on this node (pkg/kubelet/cm/dra/plugin/dra_plugin.go). */
import type { Clock } from "../../base/clock.ts";
import { connectGrpc, type GrpcClient } from "../../base/grpc/client.ts";
import { GrpcError } from "../../base/grpc/error.ts";
import { protocolOf } from "../../base/grpc/protocol.ts";
import type { Logger } from "../../base/logger.ts";
import facts from "./facts.json" with { type: "json" };
import healthFacts from "./health-facts.json" with { type: "json" };
import type { DeviceHealth, DRAResourceHealthMethods } from "./health-types.gen.ts";
import type { Claim, DRAPluginMethods, NodePrepareResourceResponse, NodeUnprepareResourceResponse } from "./types.gen.ts";
import oldFacts from "./v1beta1-facts.json" with { type: "json" };

/** By the name under which plugins list them, the latest first. What v1beta1 has, v1 has too. */
export const services = { "v1.DRAPlugin": protocolOf<DRAPluginMethods>(facts), "v1beta1.DRAPlugin": protocolOf<DRAPluginMethods>(oldFacts) };
export type Service = keyof typeof services;
export const resourceHealth = protocolOf<DRAResourceHealthMethods>(healthFacts);

/** Milliseconds for a call, connecting included. */
const callTimeout = 45_000;
/** Milliseconds after which health is asked for again. */
const healthDelay = 5000;

export interface DriverPluginOptions {
  driver: string;
  endpoint: string;
  service: Service;
  clock: Clock;
  logger: Logger;
  onConnection(): void;
  onHealth(devices: readonly DeviceHealth[]): void;
  /** Nothing is said of health any more. */
  onHealthEnd(): void;
}

export class DriverPlugin {
  readonly #options: DriverPluginOptions;
  readonly #client: GrpcClient<DRAPluginMethods>;
  readonly #health: GrpcClient<DRAResourceHealthMethods>;
  readonly #stop = new AbortController();
  #connected = false;

  constructor(options: DriverPluginOptions) {
    this.#options = options;
    this.#client = connectGrpc(options.endpoint, services[options.service], options.clock);
    this.#health = connectGrpc(options.endpoint, resourceHealth, options.clock);
    this.#client.watchConnection((connected) => {
      this.#connected = connected;
      options.onConnection();
    });
    void this.#watchHealth();
  }
  get endpoint(): string {
    return this.#options.endpoint;
  }
  get connected(): boolean {
    return this.#connected;
  }
  async #watchHealth(): Promise<void> {
    const { clock, logger, driver, onHealth, onHealthEnd } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const { devices } of this.#health.stream("NodeWatchResources", {}, signal)) onHealth(devices);
      } catch (error) {
        if (signal.aborted) return;
        // Health is optional.
        if (error instanceof GrpcError && error.unimplemented) return;
        logger.debug("a DRA driver does not tell the health of its devices", { driver, error });
      }
      onHealthEnd();
      await clock.sleep(healthDelay, signal).catch(() => {});
    }
  }
  async prepare(claims: readonly Claim[]): Promise<Record<string, NodePrepareResourceResponse>> {
    return (await this.#client.call("NodePrepareResources", { claims: [...claims] }, { timeout: callTimeout })).claims;
  }
  async unprepare(claims: readonly Claim[]): Promise<Record<string, NodeUnprepareResourceResponse>> {
    return (await this.#client.call("NodeUnprepareResources", { claims: [...claims] }, { timeout: callTimeout })).claims;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#client[Symbol.asyncDispose]();
    await this.#health[Symbol.asyncDispose]();
  }
}
