/** Metrics of flow control under upstream's names (k8s.io/apiserver/pkg/util/flowcontrol/metrics): series are bound once. */
import type { Histogram, Metrics, Value } from "../../base/metrics.ts";
import type { Clock } from "../../base/clock.ts";
import { type Demand, Integrator, type Moments } from "./integrator.ts";
import { RatioGauge } from "./ratio-gauge.ts";

export type Refusal = "queue-full" | "concurrency-limit" | "time-out";

/** Of one flow schema at its priority level. */
export interface FlowSeries {
  readonly schema: string;
  queued(requests: number, seats: number): void;
  queueLength(length: number): void;
  executing(requests: number): void;
  seats(seats: number): void;
  dispatched(): void;
  rejected(why: Refusal): void;
  notAccommodated(): void;
  waited(execute: boolean, seconds: number): void;
  executed(type: "regular" | "watch", seconds: number): void;
  estimated(seats: number): void;
  watches(count: number): void;
}

/** Of one priority level. Times are the clock's monotonic(). */
export interface LevelSeries {
  waiting(requests: number, now: number): void;
  executing(requests: number, now: number): void;
  seats(seats: number, now: number): void;
  demand(seats: number, now: number): void;
  dispatched(r: number, s: number, low: number, high: number, lowDiscounted: number, highDiscounted: number): void;
  rewound(): void;
  /** Demand since the last time. */
  resetDemand(now: number): Moments;
  /** `denominator`: what demand and use are shown in proportion to. */
  configured(nominal: number, lower: number, upper: number): void;
  adjusted(demand: Demand, target: number, limit: number, denominator: number, queueCapacity: number, now: number): void;
}

type Kind = "readOnly" | "mutating";

export interface FlowControlSeries {
  flow(level: string, schema: string): FlowSeries;
  level(name: string, currentR: () => number): LevelSeries;
  /** The level is gone. */
  forget(name: string): void;
  fairFraction(fraction: number): void;
  /** Requests of a kind in a phase have become more or fewer. */
  inPhase(phase: "waiting" | "executing", kind: Kind, by: number): void;
  capacity(waiting: number, executing: number): void;
}

const scale = 1e8;
const seconds = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const prefix = "apiserver_flowcontrol_";
const level = "priority_level";
const flow = ["priority_level", "flow_schema"];

function flowMetrics(metrics: Metrics) {
  return {
    rejected: metrics.counter(`${prefix}rejected_requests_total`, "Number of requests rejected by API Priority and Fairness subsystem", [...flow, "reason"]),
    dispatched: metrics.counter(`${prefix}dispatched_requests_total`, "Number of requests executed by API Priority and Fairness subsystem", flow),
    inqueue: metrics.gauge(
      `${prefix}current_inqueue_requests`,
      "Number of requests currently pending in queues of the API Priority and Fairness subsystem",
      flow,
    ),
    inqueueSeats: metrics.gauge(
      `${prefix}current_inqueue_seats`,
      "Number of seats currently pending in queues of the API Priority and Fairness subsystem",
      flow,
    ),
    length: metrics.histogram(
      `${prefix}request_queue_length_after_enqueue`,
      "Length of queue in the API Priority and Fairness subsystem, as seen by each request after it is enqueued",
      [0, 10, 25, 50, 100, 250, 500, 1000],
      flow,
    ),
    executing: metrics.gauge(
      `${prefix}current_executing_requests`,
      "Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem",
      flow,
    ),
    seats: metrics.gauge(
      `${prefix}current_executing_seats`,
      "Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem",
      flow,
    ),
    waits: metrics.histogram(`${prefix}request_wait_duration_seconds`, "Length of time a request spent waiting in its queue", seconds, [...flow, "execute"]),
    execution: metrics.histogram(
      `${prefix}request_execution_seconds`,
      "Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem",
      seconds,
      [...flow, "type"],
    ),
    watches: metrics.histogram(
      `${prefix}watch_count_samples`,
      "count of watchers for mutating requests in API Priority and Fairness",
      [0, 1, 10, 100, 1000, 10000],
      flow,
    ),
    estimated: metrics.histogram(
      `${prefix}work_estimated_seats`,
      "Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness",
      [1, 2, 4, 8, 16, 32, 64, 100],
      flow,
    ),
    unaccommodated: metrics.counter(
      `${prefix}request_dispatch_no_accommodation_total`,
      "Number of times a dispatch attempt resulted in a non accommodation due to lack of available seats",
      flow,
    ),
  };
}

function levelMetrics(metrics: Metrics) {
  const gauge = (name: string, help: string, labels: readonly string[] = [level]): Value => metrics.gauge(prefix + name, help, labels);
  const ratio = (name: string, help: string, buckets: readonly number[], labels: readonly string[]): Histogram =>
    metrics.histogram(prefix + name, help, buckets, labels);
  return {
    currentR: gauge("current_r", "R(time of last change)"),
    dispatchR: gauge("dispatch_r", "R(time of last dispatch)"),
    latestS: gauge("latest_s", "S(most recently dispatched request)"),
    nextS: gauge("next_s_bounds", "min and max, over queues, of S(oldest waiting request in queue)", [level, "bound"]),
    nextDiscountedS: gauge("next_discounted_s_bounds", "min and max, over queues, of S(oldest waiting request in queue) - estimated work in progress", [
      level,
      "bound",
    ]),
    epochs: metrics.counter(`${prefix}epoch_advance_total`, "Number of times the queueset's progress meter jumped backward", [level, "success"]),
    nominal: gauge("nominal_limit_seats", "Nominal number of execution seats configured for each priority level"),
    lower: gauge("lower_limit_seats", "Configured lower bound on number of execution seats available to each priority level"),
    upper: gauge("upper_limit_seats", "Configured upper bound on number of execution seats available to each priority level"),
    current: gauge("current_limit_seats", "current derived number of execution seats available to each priority level"),
    high: gauge("demand_seats_high_watermark", "High watermark, over last adjustment period, of demand_seats"),
    average: gauge("demand_seats_average", "Time-weighted average, over last adjustment period, of demand_seats"),
    deviation: gauge("demand_seats_stdev", "Time-weighted standard deviation, over last adjustment period, of demand_seats"),
    smoothed: gauge("demand_seats_smoothed", "Smoothed seat demands"),
    target: gauge("target_seats", "Seat allocation targets"),
    demand: ratio(
      "demand_seats",
      "Observations, at the end of every nanosecond, of (the number of seats each priority level could use) / (nominal number of seats for that level)",
      [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6],
      [level],
    ),
    seats: ratio(
      "priority_level_seat_utilization",
      "Observations, at the end of every nanosecond, of utilization of seats for any stage of execution (but only initial stage for WATCHes)",
      [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1],
      ["phase", level],
    ),
    requests: ratio(
      "priority_level_request_utilization",
      "Observations, at the end of every nanosecond, of number of requests (as a fraction of the relevant limit) waiting or in any stage of execution (but only initial stage for WATCHes)",
      [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1],
      ["phase", level],
    ),
    readWrite: ratio(
      "read_vs_write_current_requests",
      "Observations, at the end of every nanosecond, of the number of requests (as a fraction of the relevant limit) waiting or in regular stage of execution",
      [0, 0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1],
      ["phase", "request_kind"],
    ),
  };
}

export function flowControlSeries(metrics: Metrics, clock: Clock): FlowControlSeries {
  const flows = flowMetrics(metrics);
  const levels = levelMetrics(metrics);
  const fair = metrics.gauge(`${prefix}seat_fair_frac`, "Fair fraction of server's concurrency to allocate to each priority level that can use it");
  /** By level; "" are those of the whole server. */
  const ratios = new Map<string, RatioGauge[]>();
  const progress = new Map<string, () => number>();
  metrics.onCollect(() => {
    const now = clock.monotonic();
    for (const gauges of ratios.values()) for (const gauge of gauges) gauge.upTo(now);
    for (const [name, currentR] of progress) levels.currentR.set(currentR() / scale, name);
  });
  const ratio = (histogram: Histogram, ...values: string[]): RatioGauge => new RatioGauge(histogram.weighted(...values), clock.monotonic());
  const phases = { waiting: new Map<Kind, RatioGauge>(), executing: new Map<Kind, RatioGauge>() };
  const counts = { waiting: { readOnly: 0, mutating: 0 }, executing: { readOnly: 0, mutating: 0 } };
  for (const phase of ["waiting", "executing"] as const)
    for (const kind of ["readOnly", "mutating"] as const) phases[phase].set(kind, ratio(levels.readWrite, phase, kind));
  ratios.set("", [...phases.waiting.values(), ...phases.executing.values()]);

  return {
    flow(levelName, schema) {
      const labels = [levelName, schema] as const;
      const dispatched = flows.dispatched.with(...labels);
      const executing = flows.executing.with(...labels);
      const seats = flows.seats.with(...labels);
      const queued = once(() => ({ requests: flows.inqueue.with(...labels), seats: flows.inqueueSeats.with(...labels) }));
      const length = once(() => flows.length.series(...labels));
      const estimated = once(() => flows.estimated.series(...labels));
      const watches = once(() => flows.watches.series(...labels));
      const regular = once(() => flows.execution.series(...labels, "regular"));
      const watch = once(() => flows.execution.series(...labels, "watch"));
      const executed = once(() => {
        // Upstream puts each request into a queue, and be it for no time: so the queue shows that nobody waits.
        queued();
        return flows.waits.series(...labels, "true");
      });
      return {
        schema,
        queued(requests, width) {
          queued().requests.value += requests;
          queued().seats.value += width;
        },
        queueLength: (value) => length()(value),
        executing(requests) {
          executing.value += requests;
        },
        seats(width) {
          seats.value += width;
        },
        dispatched() {
          dispatched.value++;
        },
        rejected: (why) => flows.rejected.inc(...labels, why),
        notAccommodated: () => flows.unaccommodated.inc(...labels),
        waited: (execute, time) => (execute ? executed()(time) : flows.waits.observe(time, ...labels, "false")),
        executed: (type, time) => (type === "watch" ? watch() : regular())(time),
        estimated: (value) => estimated()(value),
        watches: (count) => watches()(count),
      };
    },
    level(name, currentR) {
      const integrator = new Integrator(clock.monotonic());
      const demand = ratio(levels.demand, name);
      const seats = ratio(levels.seats, "executing", name);
      const executing = ratio(levels.requests, "executing", name);
      const waiting = ratio(levels.requests, "waiting", name);
      ratios.set(name, [demand, seats, executing, waiting]);
      progress.set(name, currentR);
      const r = once(() => ({
        dispatch: levels.dispatchR.with(name),
        latest: levels.latestS.with(name),
        bounds: [levels.nextS.with(name, "min"), levels.nextS.with(name, "max")] as const,
        discounted: [levels.nextDiscountedS.with(name, "min"), levels.nextDiscountedS.with(name, "max")] as const,
      }));
      return {
        waiting: (requests, now) => waiting.set(requests, now),
        executing: (requests, now) => executing.set(requests, now),
        seats: (width, now) => seats.set(width, now),
        demand(width, now) {
          demand.set(width, now);
          integrator.set(width, now);
        },
        dispatched(current, s, low, high, lowDiscounted, highDiscounted) {
          const { dispatch, latest, bounds, discounted } = r();
          dispatch.value = current / scale;
          latest.value = s / scale;
          bounds[0].value = low / scale;
          bounds[1].value = high / scale;
          discounted[0].value = lowDiscounted / scale;
          discounted[1].value = highDiscounted / scale;
        },
        rewound: () => levels.epochs.inc(name, "true"),
        resetDemand: (now) => integrator.reset(now),
        configured(nominal, lower, upper) {
          levels.nominal.set(nominal, name);
          levels.lower.set(lower, name);
          levels.upper.set(upper, name);
        },
        adjusted({ highWatermark, average, deviation, smoothed }, target, limit, denominator, queueCapacity, now) {
          levels.high.set(highWatermark, name);
          levels.average.set(average, name);
          levels.deviation.set(deviation, name);
          levels.smoothed.set(smoothed, name);
          levels.target.set(target, name);
          levels.current.set(limit, name);
          for (const gauge of [demand, seats, executing]) gauge.setDenominator(denominator, now);
          waiting.setDenominator(queueCapacity, now);
        },
      };
    },
    forget(name) {
      ratios.delete(name);
      progress.delete(name);
    },
    fairFraction: (fraction) => fair.set(fraction),
    inPhase(phase, kind, by) {
      counts[phase][kind] += by;
      phases[phase].get(kind)?.set(counts[phase][kind], clock.monotonic());
    },
    capacity(waiting, executing) {
      const now = clock.monotonic();
      for (const gauge of phases.waiting.values()) gauge.setDenominator(Math.max(1, waiting), now);
      for (const gauge of phases.executing.values()) gauge.setDenominator(Math.max(1, executing), now);
    },
  };
}

/** Made when it is first asked for: a series that nothing was observed in is not shown. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
