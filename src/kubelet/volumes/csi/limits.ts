/**
 * Keeps what the API knows of how many volumes the node takes: asks each registered driver again as often as its CSIDriver says
 * (nodeAllocatableUpdatePeriodSeconds; feature gate MutableCSINodeAllocatableCount, pkg/volume/csi/csi_node_updater.go).
 */
import type { CSIDriver } from "../../../api/types/storage-v1.gen.ts";
import type { Clock, Timer } from "../../../base/clock.ts";
import type { CsiDrivers } from "./drivers.ts";

/** Milliseconds; 0: it is asked once. */
export const updatePeriod = (driver: CSIDriver | undefined): number => (driver?.spec.nodeAllocatableUpdatePeriodSeconds ?? 0) * 1000;

export interface CsiLimitsOptions {
  clock: Clock;
  drivers: Pick<CsiDrivers, "has" | "refresh">;
  driver(name: string): CSIDriver | undefined;
  signal: AbortSignal;
}

export class CsiLimits {
  readonly #options: CsiLimitsOptions;
  readonly #turns = new Map<string, { period: number; timer: Timer }>();
  constructor(options: CsiLimitsOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => {
      for (const { timer } of this.#turns.values()) timer.cancel();
    });
  }
  /** The driver, or what its CSIDriver says, may have come, changed or gone. */
  sync(name: string): void {
    const { drivers, driver, signal } = this.#options;
    const period = drivers.has(name) && !signal.aborted ? updatePeriod(driver(name)) : 0;
    const turn = this.#turns.get(name);
    if ((turn?.period ?? 0) === period) return;
    turn?.timer.cancel();
    this.#turns.delete(name);
    if (period) this.#wait(name, period);
  }
  #wait(name: string, period: number): void {
    const { clock, drivers, signal } = this.#options;
    const timer = clock.after(period, () => {
      // It may have gone without anybody having said so.
      if (!drivers.has(name)) return void this.#turns.delete(name);
      void drivers.refresh(name).then(() => {
        if (this.#turns.get(name)?.timer === timer && !signal.aborted) this.#wait(name, period);
      });
    });
    this.#turns.set(name, { period, timer });
  }
}
