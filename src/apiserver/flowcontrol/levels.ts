/**
 * Priority levels and how the server's seats are divided among them (k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go):
 * by shares, and every ten seconds anew by what each level could use, within what it lends and may borrow.
 */
import type { PriorityLevelConfiguration, PriorityLevelConfigurationSpec } from "../../api/types/flowcontrol-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { allocate } from "./allocation.ts";
import { type Demand, nextDemand, noDemand } from "./integrator.ts";
import { type Limiting, QueueSet } from "./queue-set.ts";
import { RetryAfter } from "./retry-after.ts";
import type { FlowControlSeries, LevelSeries } from "./series.ts";

/** Of the nominal seats of a level, what one request takes at most. */
const seatsOfOne = 0.15;

export class Level {
  readonly name: string;
  readonly set: QueueSet;
  readonly series: LevelSeries;
  readonly retryAfter = new RetryAfter();
  uid = "";
  spec: PriorityLevelConfigurationSpec = { type: "Limited" };
  /** No object asks for it any more: it goes when nothing runs in it. */
  quiescing = false;
  nominal = 0;
  lower = 0;
  upper = 0;
  /** Seats that it has now; undefined before it has any. */
  current: number | undefined;
  demand: Demand = noDemand;
  /** Seats that one request gets at most; 0: the level does not say. */
  maxSeats = 0;

  constructor(name: string, clock: Clock, series: FlowControlSeries) {
    this.name = name;
    this.series = series.level(name, () => this.set.currentR);
    this.set = new QueueSet(clock, this.series);
  }
  get isExempt(): boolean {
    return this.spec.type === "Exempt";
  }
  get limiting(): Limiting {
    if (this.isExempt) return "exempt";
    const queuing = this.spec.limited?.limitResponse?.queuing;
    return queuing ? { queues: queuing.queues ?? 64, queueLengthLimit: queuing.queueLengthLimit ?? 50 } : "reject";
  }
  get handSize(): number {
    return this.spec.limited?.limitResponse?.queuing?.handSize ?? 0;
  }
  get shares(): number {
    return (this.spec.limited ?? this.spec.exempt)?.nominalConcurrencyShares ?? 0;
  }
  /** Seats that it keeps however little it uses them, for what it needed lately. */
  get floor(): number {
    if (this.isExempt) return Math.max(this.lower, this.demand.highWatermark);
    return Math.max(this.lower, Math.min(this.nominal, this.demand.highWatermark));
  }
}

export interface LevelsOptions {
  clock: Clock;
  logger: Logger;
  series: FlowControlSeries;
  /** Requests that the server carries out at the same time. */
  seats: number;
  /** What is there even when nobody has made it: `exempt` and `catch-all`. */
  mandatory: readonly PriorityLevelConfiguration[];
}

export class Levels {
  readonly #options: LevelsOptions;
  #levels = new Map<string, Level>();
  #nominalSum = 0;

  constructor(options: LevelsOptions) {
    this.#options = options;
  }
  get(name: string): Level | undefined {
    return this.#levels.get(name);
  }
  /** By name. */
  all(): Level[] {
    return [...this.#levels.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  /** Levels that nobody asks for any more stay until they are empty; the mandatory ones always do. */
  digest(wanted: readonly PriorityLevelConfiguration[]): void {
    const { mandatory, clock, series, seats } = this.#options;
    const next = new Map<string, Level>();
    const take = ({ metadata, spec }: PriorityLevelConfiguration): void => {
      if (!spec.limited && !spec.exempt) return;
      const level = this.#levels.get(metadata.name) ?? new Level(metadata.name, clock, series);
      level.uid = metadata.uid ?? "";
      level.spec = spec;
      level.quiescing = false;
      next.set(level.name, level);
    };
    for (const one of wanted) take(one);
    for (const one of mandatory) if (!next.has(one.metadata.name)) take(one);
    for (const level of this.#levels.values()) {
      if (next.has(level.name)) continue;
      if (level.set.isIdle) {
        series.forget(level.name);
        continue;
      }
      level.quiescing = true;
      next.set(level.name, level);
    }
    this.#levels = next;
    const shares = [...next.values()].reduce((sum, level) => sum + level.shares, 0);
    let waiting = 0;
    this.#nominalSum = 0;
    for (const level of next.values()) {
      this.#limit(level, Math.ceil((seats * level.shares) / shares));
      this.#nominalSum += level.nominal;
      const { limiting } = level;
      if (typeof limiting === "object") waiting += limiting.queues * limiting.queueLengthLimit;
    }
    series.capacity(waiting, this.#nominalSum);
    this.rebalance();
  }
  #limit(level: Level, nominal: number): void {
    const { limited, exempt } = level.spec;
    const lendable = Math.round((nominal * ((limited ?? exempt)?.lendablePercent ?? 0)) / 100);
    const percent = limited?.borrowingLimitPercent;
    const borrowable = percent === undefined ? this.#options.seats : Math.round((nominal * percent) / 100);
    level.nominal = nominal;
    level.lower = nominal - lendable;
    level.upper = nominal + borrowable;
    level.current ??= nominal - Math.floor(lendable / 2);
    const { handSize } = level;
    level.maxSeats = handSize ? Math.max(1, Math.min(Math.ceil(nominal * seatsOfOne), Math.floor(nominal / handSize))) : 0;
    level.series.configured(level.nominal, level.lower, level.upper);
  }
  /** Gives the seats out by what was asked for since the last time. */
  rebalance(): void {
    const { clock, series, logger } = this.#options;
    const now = clock.monotonic();
    const levels = [...this.#levels.values()];
    for (const level of levels) level.demand = nextDemand(level.demand, level.series.resetDemand(now));
    const limited = levels.filter((level) => !level.isExempt);
    const remaining = levels.reduce((left, level) => left - (level.isExempt ? level.floor : 0), this.#nominalSum);
    const lowest = limited.reduce((sum, level) => sum + level.lower, 0);
    const floors = limited.reduce((sum, level) => sum + level.floor, 0);
    const claims = limited.map((level) => ({ target: Math.max(level.floor, level.demand.smoothed), lower: level.floor, upper: level.upper }));
    let shares = limited.map((level) => level.lower);
    let fraction = 0;
    if (remaining > floors) {
      try {
        const { shares: given, fairProportion } = allocate(this.#nominalSum, claims);
        shares = given.map(Math.round);
        fraction = fairProportion;
      } catch (error) {
        logger.warn("seats are not divided anew", { error });
        shares = limited.map((level) => level.current ?? level.nominal);
      }
    } else if (remaining > lowest) {
      const part = (remaining - lowest) / (floors - lowest);
      shares = limited.map(({ lower, floor }) => lower + Math.round((floor - lower) * part));
    }
    series.fairFraction(fraction);
    for (const [i, level] of limited.entries()) this.#give(level, shares[i] as number, claims[i]?.target ?? 0, now);
    for (const level of levels) if (level.isExempt) this.#give(level, level.floor, level.demand.smoothed, now);
  }
  #give(level: Level, seats: number, target: number, now: number): void {
    level.current = seats;
    const { limiting } = level;
    const capacity = typeof limiting === "object" ? limiting.queues * limiting.queueLengthLimit : 1;
    level.series.adjusted(level.demand, target, seats, seats || Math.max(1, Math.round(this.#options.seats / 10)), capacity, now);
    level.set.configure(limiting, seats);
  }
}
