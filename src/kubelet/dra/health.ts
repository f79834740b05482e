/** Health of the devices of drivers, as their plugins tell it (KEP-4680; pkg/kubelet/cm/dra/healthinfo.go). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { Checkpoint } from "../checkpoint/file.ts";
import type { DeviceHealth } from "./health-types.gen.ts";

export interface Health {
  Health: "Healthy" | "Unhealthy" | "Unknown";
  Message: string;
}
interface Known extends Health {
  PoolName: string;
  DeviceName: string;
  /** RFC 3339. */
  LastUpdated: string;
  /** Nanoseconds after which it is not known any more. */
  HealthCheckTimeout: number;
}
type State = Record<string, { Devices: Record<string, Known> }>;

const defaultTimeout = 30e9;
const longestMessage = 1024;
const names = { HEALTHY: "Healthy", UNHEALTHY: "Unhealthy", UNKNOWN: "Unknown" } as const;
const unknown: Health = { Health: "Unknown", Message: "" };

export class DeviceHealths {
  readonly #checkpoint: Checkpoint;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #drivers: State = {};

  constructor(file: string, clock: Clock, logger: Logger) {
    this.#checkpoint = new Checkpoint(file);
    this.#clock = clock;
    this.#logger = logger;
  }
  /** What cannot be read is forgotten: plugins tell it again. */
  async load(): Promise<void> {
    try {
      const text = await this.#checkpoint.read();
      if (text !== undefined) this.#drivers = (JSON.parse(text) as State | null) ?? {};
    } catch (error) {
      this.#logger.error("Failed to load health checkpoint, proceeding with empty cache", { file: this.#checkpoint.path, error });
    }
  }
  of(driver: string, pool: string, device: string): Health {
    const known = this.#drivers[driver]?.Devices[`${pool}/${device}`];
    return known && !this.#stale(known) ? known : unknown;
  }
  #stale(known: Known): boolean {
    return (this.#clock.now() - Date.parse(known.LastUpdated)) * 1e6 > (known.HealthCheckTimeout || defaultTimeout);
  }
  /** Takes what a plugin says now; gives the devices for which something has changed. */
  update(driver: string, devices: readonly DeviceHealth[]): { pool: string; device: string }[] {
    const before = this.#drivers[driver]?.Devices ?? {};
    const after: Record<string, Known> = { ...before };
    const changed: { pool: string; device: string }[] = [];
    const put = (key: string, known: Known): void => {
      const old = before[key];
      if (old?.Health !== known.Health || old.Message !== known.Message || old.HealthCheckTimeout !== known.HealthCheckTimeout)
        changed.push({ pool: known.PoolName, device: known.DeviceName });
      after[key] = known;
    };
    const LastUpdated = new Date(this.#clock.now()).toISOString();
    const told = new Set<string>();
    for (const { device, health, healthCheckTimeoutSeconds, message } of devices) {
      const { poolName: PoolName = "", deviceName: DeviceName = "" } = device ?? {};
      told.add(`${PoolName}/${DeviceName}`);
      const HealthCheckTimeout = healthCheckTimeoutSeconds > 0 ? healthCheckTimeoutSeconds * 1e9 : defaultTimeout;
      const Message = message.length > longestMessage ? `${message.slice(0, longestMessage - 3)}...` : message;
      put(`${PoolName}/${DeviceName}`, { PoolName, DeviceName, Health: names[health] ?? "Unknown", LastUpdated, HealthCheckTimeout, Message });
    }
    for (const [key, known] of Object.entries(before))
      if (!told.has(key) && known.Health !== "Unknown" && this.#stale(known)) put(key, { ...known, ...unknown, LastUpdated });
    this.#drivers = { ...this.#drivers, [driver]: { Devices: after } };
    if (changed.length) this.#save();
    return changed;
  }
  /** The driver says nothing any more. */
  clear(driver: string): void {
    const { [driver]: gone, ...rest } = this.#drivers;
    this.#drivers = rest;
    if (gone) this.#save();
  }
  #save(): void {
    this.#checkpoint
      .save(() => JSON.stringify(this.#drivers))
      .catch((error: unknown) => this.#logger.error("the health of devices could not be kept", { error }));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#checkpoint[Symbol.asyncDispose]();
  }
}
