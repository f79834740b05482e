/** One device plugin: its devices as it lists them, until it goes (pkg/kubelet/cm/devicemanager/endpoint.go). */
import type { Clock } from "../../base/clock.ts";
import { connectGrpc, type GrpcClient } from "../../base/grpc/client.ts";
import type { Logger } from "../../base/logger.ts";
import { devicePlugin } from "./protocol.ts";
import type { ContainerAllocateResponse, Device, DevicePluginMethods, DevicePluginOptions } from "./types.gen.ts";

/** Milliseconds after which a plugin that does not answer is given up; connecting included. */
const connectTimeout = 10_000;
const callTimeout = 30_000;

export interface PluginOptions {
  resource: string;
  socket: string;
  clock: Clock;
  logger: Logger;
  onDevices(devices: Device[]): void;
  /** The plugin lists no devices any more: it went, failed, or was disposed of. */
  onGone(): void;
}

export class Plugin {
  readonly #options: PluginOptions;
  readonly #client: GrpcClient<DevicePluginMethods>;
  readonly #stop = new AbortController();
  #says: DevicePluginOptions = { preStartRequired: false, getPreferredAllocationAvailable: false };
  #gone = false;

  constructor(options: PluginOptions) {
    this.#options = options;
    this.#client = connectGrpc(options.socket, devicePlugin, options.clock);
  }
  /** Rejects when the plugin does not answer; then nothing goes on. */
  async connect(): Promise<void> {
    try {
      this.#says = await this.#client.call("GetDevicePluginOptions", {}, { timeout: connectTimeout });
    } catch (error) {
      await this.#client[Symbol.asyncDispose]();
      throw new Error(`failed to get device plugin options: ${(error as Error).message}`);
    }
    void this.#watch();
  }
  get gone(): boolean {
    return this.#gone;
  }
  get preStartRequired(): boolean {
    return this.#says.preStartRequired;
  }
  async #watch(): Promise<void> {
    const { resource, logger, onDevices, onGone } = this.#options;
    try {
      for await (const { devices } of this.#client.stream("ListAndWatch", {}, this.#stop.signal)) onDevices(devices);
      logger.warn("a device plugin ended its list of devices", { resource });
    } catch (error) {
      if (!this.#stop.signal.aborted) logger.warn("ListAndWatch ended unexpectedly for device plugin", { resource, error });
    }
    this.#gone = true;
    onGone();
    await this.#client[Symbol.asyncDispose]();
  }
  /** Which of `available` the plugin would take; undefined where it has no opinion. */
  async preferred(available: Iterable<string>, mustInclude: Iterable<string>, size: number): Promise<Set<string> | undefined> {
    if (!this.#says.getPreferredAllocationAvailable) return undefined;
    this.#check();
    const request = { availableDeviceIDs: [...available], mustIncludeDeviceIDs: [...mustInclude], allocationSize: size };
    try {
      const { containerResponses } = await this.#client.call("GetPreferredAllocation", { containerRequests: [request] }, { timeout: callTimeout });
      return new Set(containerResponses[0]?.deviceIDs);
    } catch (error) {
      throw new Error(`device plugin GetPreferredAllocation rpc failed with err: ${(error as Error).message}`);
    }
  }
  async allocate(ids: Iterable<string>): Promise<ContainerAllocateResponse> {
    this.#check();
    const { containerResponses } = await this.#client.call("Allocate", { containerRequests: [{ devicesIds: [...ids] }] }, { timeout: callTimeout });
    const [response] = containerResponses;
    if (!response) throw new Error("no containers return in allocation response &AllocateResponse{ContainerResponses:[]*ContainerAllocateResponse{},}");
    return response;
  }
  async preStart(ids: Iterable<string>): Promise<void> {
    try {
      this.#check();
      await this.#client.call("PreStartContainer", { devicesIds: [...ids] }, { timeout: callTimeout });
    } catch (error) {
      throw new Error(`device plugin PreStartContainer rpc failed with err: ${(error as Error).message}`);
    }
  }
  #check(): void {
    if (this.#gone) throw new Error(`endpoint ${this.#options.socket} has been stopped`);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#client[Symbol.asyncDispose]();
  }
}
