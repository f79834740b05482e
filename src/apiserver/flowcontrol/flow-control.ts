/**
 * API Priority and Fairness (KEP-1040, k8s.io/apiserver/pkg/util/flowcontrol): requests are told apart by flow schemas, live
 * from the cache, and wait fairly for the seats of their priority level.
 */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../../api/types/flowcontrol-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Reader } from "../../cache/cache.ts";
import type { Extent } from "../../cache/resource.ts";
import { onAbort } from "../lazy-abort.ts";
import type { RequestInfo } from "../request-info.ts";
import { byPrecedence, compileSchema, compileSubjects, distinguisherOf, type Matcher } from "./classify.ts";
import { Dealer } from "./dealer.ts";
import { type Level, Levels } from "./levels.ts";
import { type Limiter, type Passage, TooManyRequests } from "./limiter.ts";
import { isReading } from "./max-in-flight.ts";
import type { FlowRequest } from "./queue-set.ts";
import { type FlowControlSeries, type FlowSeries, flowControlSeries } from "./series.ts";
import { WatchCounts } from "./watch-counts.ts";
import { WorkEstimator } from "./work-estimate.ts";

export interface FlowControlOptions {
  reader: Reader;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  /** Requests that are carried out at the same time. */
  seats: number;
  /** What holds even where nobody has made it: `exempt` and `catch-all`. */
  mandatory: { schemas: readonly FlowSchema[]; levels: readonly PriorityLevelConfiguration[] };
  /** Of a resource's objects. */
  extentOf(resource: string): Extent | undefined;
}

export const flowSchemas = "flowschemas.flowcontrol.apiserver.k8s.io";
export const priorityLevels = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io";

/** Milliseconds between divisions of the seats. */
const rebalanceEvery = 10_000;
/** Nobody waits longer, milliseconds. */
const longestWait = 60_000;
const noHand: readonly number[] = [];

/** A flow schema, ready to be asked. */
interface Flow {
  readonly matches: Matcher;
  readonly concerns: (user: UserInfo) => boolean;
  readonly distinguisher: (info: RequestInfo, user: UserInfo) => string;
  readonly level: Level;
  readonly dealer: Dealer | undefined;
  readonly series: FlowSeries;
  readonly headers: Readonly<Record<string, string>>;
}

export class FlowControl implements Limiter, Disposable {
  readonly queues = true;
  readonly #options: FlowControlOptions;
  readonly #series: FlowControlSeries;
  readonly #estimator: WorkEstimator;
  readonly #watches = new WatchCounts();
  readonly levels: Levels;
  #flows: Flow[] = [];
  /** Those that concern somebody: authenticators give the same object for the same user again and again. */
  #flowsOf = new WeakMap<UserInfo, Flow[]>();
  #catchAll: Flow | undefined;
  #pending = false;
  #closed = false;
  #timer: Timer;

  constructor(options: FlowControlOptions) {
    const { clock, metrics, reader, logger, seats, mandatory } = options;
    this.#options = options;
    this.#series = flowControlSeries(metrics, clock);
    this.#estimator = new WorkEstimator(clock, options.extentOf);
    this.levels = new Levels({ clock, logger, series: this.#series, seats, mandatory: mandatory.levels });
    for (const resource of [flowSchemas, priorityLevels]) reader.onChange(resource, () => this.#changed());
    this.#digest();
    this.#timer = this.#rebalanceLater();
  }
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer.cancel();
  }

  enter(request: ApiRequest, info: RequestInfo, user: UserInfo, isLong: boolean, waitMs: number): Passage | undefined | Promise<Passage> {
    const isWatch = info.verb === "watch";
    if (isLong && !isWatch) return undefined;
    const flow = this.#flowOf(info, user);
    const { level, series } = flow;
    const distinguisher = flow.distinguisher(info, user);
    const work = this.#estimator.estimate(info, request.query, level.maxSeats, () => {
      const count = this.#watches.concernedBy(info);
      series.watches(count);
      return count;
    });
    series.estimated(Math.max(work.initialSeats, work.finalSeats));
    const admitted = level.set.start(series, { info, user, distinguisher }, work, flow.dealer ? flow.dealer.hand(distinguisher) : noHand);
    if (!admitted) throw this.#refusal(flow, 0);
    if (admitted.state !== "executing") return this.#wait(flow, admitted, request, info, Math.min(waitMs, longestWait));
    return this.#passage(flow, admitted, request, info, 0);
  }

  async #wait(flow: Flow, admitted: FlowRequest, request: ApiRequest, info: RequestInfo, waitMs: number): Promise<Passage> {
    const { clock } = this.#options;
    const kind = isReading(info, request) ? "readOnly" : "mutating";
    const giveUp = (): void => flow.level.set.cancel(admitted);
    this.#series.inPhase("waiting", kind, 1);
    const timer = clock.after(waitMs, giveUp);
    let unasked: (() => void) | undefined;
    try {
      const execute = await new Promise<boolean>((resolve) => {
        admitted.decided = resolve;
        unasked = onAbort(request, giveUp);
      });
      const waited = (clock.monotonic() - admitted.arrived) / 1000;
      if (!execute) throw this.#refusal(flow, waited);
      return this.#passage(flow, admitted, request, info, waited);
    } finally {
      timer.cancel();
      unasked?.();
      this.#series.inPhase("waiting", kind, -1);
    }
  }
  #refusal({ level, series, headers }: Flow, waited: number): TooManyRequests {
    if (!level.isExempt) series.waited(false, waited);
    level.retryAfter.refused(this.#options.clock.now() / 1000);
    this.#left(level);
    return new TooManyRequests(level.retryAfter.seconds, headers);
  }
  #passage(flow: Flow, admitted: FlowRequest, request: ApiRequest, info: RequestInfo, waited: number): Passage {
    if (!flow.level.isExempt) flow.series.waited(true, waited);
    const kind = isReading(info, request) ? "readOnly" : "mutating";
    this.#series.inPhase("executing", kind, 1);
    const isWatch = info.verb === "watch";
    const over = isWatch ? this.#watches.begin(info, request.query) : undefined;
    const finish = (): void => {
      if (admitted.state !== "executing") return;
      flow.level.set.finish(admitted);
      this.#series.inPhase("executing", kind, -1);
      flow.series.executed(isWatch ? "watch" : "regular", (this.#options.clock.monotonic() - admitted.started) / 1000);
      this.#left(flow.level);
    };
    if (!over) return { headers: flow.headers, leave: finish };
    return {
      headers: flow.headers,
      initialized: finish,
      leave() {
        finish();
        over();
      },
    };
  }
  #flowOf(info: RequestInfo, user: UserInfo): Flow {
    let flows = this.#flowsOf.get(user);
    if (!flows) {
      flows = this.#flows.filter((flow) => flow.concerns(user));
      this.#flowsOf.set(user, flows);
    }
    for (let i = 0; i < flows.length; i++) {
      const flow = flows[i] as Flow;
      if (flow.matches(info, user)) return flow;
    }
    return this.#catchAll as Flow;
  }
  #left({ quiescing, set }: Level): void {
    if (quiescing && set.isIdle) this.#changed();
  }

  /** Many changes in a row are looked at once. */
  #changed(): void {
    if (this.#pending || this.#closed) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      if (!this.#closed) this.#digest();
    });
  }
  /** Schemas whose level does not exist are left out; those without which nothing would work are there in any case. */
  #digest(): void {
    const { reader, mandatory } = this.#options;
    const wanted = reader.list<FlowSchema & { kind: string; apiVersion: string }>(flowSchemas) as FlowSchema[];
    this.levels.digest(reader.list(priorityLevels) as unknown as PriorityLevelConfiguration[]);
    const named = new Map(wanted.map((schema) => [schema.metadata.name, schema]));
    for (const schema of mandatory.schemas) if (!named.has(schema.metadata.name)) named.set(schema.metadata.name, schema);
    this.#flows = [];
    this.#flowsOf = new WeakMap();
    for (const schema of [...named.values()].sort(byPrecedence)) {
      const level = this.levels.get(schema.spec.priorityLevelConfiguration?.name ?? "");
      if (!level || level.quiescing) continue;
      const flow = this.#compile(schema, level);
      this.#flows.push(flow);
      if (schema.metadata.name === "catch-all") this.#catchAll = flow;
    }
  }
  #compile(schema: FlowSchema, level: Level): Flow {
    const { limiting, handSize } = level;
    const { name, uid = "" } = schema.metadata;
    const queued = typeof limiting === "object";
    return {
      matches: compileSchema(schema),
      concerns: compileSubjects(schema),
      // One queue needs nobody told apart.
      distinguisher: queued && limiting.queues > 1 ? distinguisherOf(schema) : () => "",
      level,
      dealer: queued ? new Dealer(name, limiting.queues, Math.min(handSize, limiting.queues)) : undefined,
      series: this.#series.flow(level.name, name),
      headers: { "x-kubernetes-pf-flowschema-uid": uid, "x-kubernetes-pf-prioritylevel-uid": level.uid },
    };
  }
  #rebalanceLater(): Timer {
    return this.#options.clock.after(rebalanceEvery, () => {
      this.levels.rebalance();
      this.#timer = this.#rebalanceLater();
    });
  }
}
