/**
 * Fair queuing of the requests of one priority level (KEP-1040, k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset):
 * a progress meter R, in seat-seconds that every busy queue was given; the queue whose oldest request would end first in
 * that virtual time is served next. Work is whole hundred-millionths of a seat-second, times are a clock's monotonic().
 */
import type { UserInfo } from "../../api/exchange.ts";
import type { Clock } from "../../base/clock.ts";
import type { RequestInfo } from "../request-info.ts";
import type { FlowSeries, LevelSeries } from "./series.ts";

/** Seats that a request takes. */
export interface Work {
  readonly initialSeats: number;
  /** Taken for `additionalLatency` milliseconds after the answer. */
  readonly finalSeats: number;
  readonly additionalLatency: number;
}

export interface Queuing {
  queues: number;
  queueLengthLimit: number;
}

/** What a request is expected to take, milliseconds. */
const expected = 3;
const scale = 1e8;
/** Milliseconds between ends that count as one. */
const togetherMs = 0.5;
/** Beyond it R is wound back, so that numbers stay exact. */
const highR = 2 ** 52;
const rewind = 2 ** 51;

export const seatSeconds = (seats: number, ms: number): number => Math.round(seats * ms * (scale / 1000));

/** `12.00300000ss` */
export function formatSeatSeconds(work: number): string {
  const whole = Math.floor(work / scale);
  return `${whole}.${String(work - whole * scale).padStart(8, "0")}ss`;
}

export class Queue {
  index: number;
  readonly waiting: FlowRequest[] = [];
  executing = 0;
  seatsInUse = 0;
  /** R at which the next request is served in the virtual world. */
  nextR = 0;
  waitingWork = 0;

  constructor(index: number) {
    this.index = index;
  }
  get isActive(): boolean {
    return this.executing > 0 || this.waiting.length > 0;
  }
}

/** Of whom a request is, for those who look at the queues. */
export interface Described {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly distinguisher: string;
}

export class FlowRequest {
  readonly flow: FlowSeries;
  readonly about: Described;
  readonly initialSeats: number;
  finalSeats: number;
  additionalLatency: number;
  readonly maxSeats: number;
  readonly work: number;
  readonly arrived: number;
  readonly queue: Queue | undefined;
  arrivedR = 0;
  state: "waiting" | "executing" | "cancelled" | "finished" = "waiting";
  started = 0;
  /** Set by who waits: called once, when it is decided. */
  decided?: (execute: boolean) => void;

  constructor(flow: FlowSeries, about: Described, { initialSeats, finalSeats, additionalLatency }: Work, arrived: number, queue: Queue | undefined) {
    this.flow = flow;
    this.about = about;
    this.initialSeats = initialSeats;
    this.finalSeats = finalSeats;
    this.additionalLatency = additionalLatency;
    this.maxSeats = Math.max(initialSeats, finalSeats);
    this.work = seatSeconds(initialSeats, expected) + seatSeconds(finalSeats, additionalLatency);
    this.arrived = arrived;
    this.queue = queue;
  }
}

export type Limiting = "exempt" | "reject" | Queuing;

export class QueueSet {
  readonly #clock: Clock;
  readonly #series: LevelSeries;
  limiting: Limiting = "reject";
  limit = 0;
  queues: Queue[] = [];
  /** Those that execute, whether they came through a queue or not. */
  readonly executing = new Set<FlowRequest>();
  seatsInUse = 0;
  seatsWaiting = 0;
  waiting = 0;
  rejected = 0;
  cancelled = 0;
  dispatched = 0;
  /** Seats in use of requests that came through a queue. */
  #queuedSeats = 0;
  #activeQueues = 0;
  /** Those that ended last, which still take their seats. */
  #releasing?: { began: number; latency: number; requests: FlowRequest[] };
  #currentR = 0;
  #last: number;
  #robin = 0;
  #enqueued = 0;

  constructor(clock: Clock, series: LevelSeries) {
    this.#clock = clock;
    this.#series = series;
    this.#last = clock.monotonic();
  }
  get isIdle(): boolean {
    return this.waiting === 0 && this.executing.size === 0;
  }
  get currentR(): number {
    return this.#currentR;
  }
  /** Queues that are too many go once they are empty. */
  configure(limiting: Limiting, limit: number): void {
    this.#sync();
    this.limiting = limiting;
    this.limit = limit;
    if (typeof limiting === "object") while (this.queues.length < limiting.queues) this.queues.push(new Queue(this.queues.length));
    for (const queue of [...this.queues].reverse()) this.#prune(queue);
    this.#dispatch(this.#last);
  }
  /** Undefined: refused. `hand`: the queues in which its flow may wait. */
  start(flow: FlowSeries, about: Described, work: Work, hand: readonly number[]): FlowRequest | undefined {
    const now = this.#sync();
    if (typeof this.limiting !== "object") return this.#startUnqueued(flow, about, work, now);
    const queue = this.#chosen(hand);
    const request = new FlowRequest(flow, about, work, now, queue);
    request.arrivedR = this.#currentR;
    if (this.seatsInUse >= this.limit && queue.waiting.length >= this.limiting.queueLengthLimit) {
      this.#bound(queue);
      this.rejected++;
      flow.rejected("queue-full");
      return undefined;
    }
    if (!queue.isActive) {
      queue.nextR = this.#currentR;
      this.#activeQueues++;
    }
    if (this.waiting === 0 && this.seatsInUse < this.limit && this.#accommodates(request.maxSeats)) {
      flow.queueLength(1);
      this.#robin = queue.index;
      this.#narrow(request);
      this.#execute(request, now);
      this.#series.dispatched(this.#currentR, queue.nextR, queue.nextR, queue.nextR, 0, 0);
      queue.nextR += request.work;
      return request;
    }
    queue.waiting.push(request);
    queue.waitingWork += request.work;
    this.waiting++;
    this.seatsWaiting += request.maxSeats;
    flow.queued(1, request.maxSeats);
    this.#demand(now);
    this.#bound(queue);
    flow.queueLength(queue.waiting.length);
    this.#dispatch(now);
    return request;
  }
  /** Of one that waits: it left, or waited too long. */
  cancel(request: FlowRequest): void {
    if (request.state !== "waiting" || !request.queue) return;
    const now = this.#sync();
    const { queue } = request;
    request.state = "cancelled";
    queue.waiting.splice(queue.waiting.indexOf(request), 1);
    queue.waitingWork -= request.work;
    this.#leftQueue(request, now);
    this.rejected++;
    this.cancelled++;
    request.flow.rejected("time-out");
    this.#bound(queue);
    this.#settled(queue);
    request.decided?.(false);
    this.#dispatch(now);
  }
  /** The answer is made; seats that it takes longer are given back later. */
  finish(request: FlowRequest): void {
    if (request.state !== "executing") return;
    const now = this.#sync();
    const { queue } = request;
    request.state = "finished";
    this.executing.delete(request);
    request.flow.executing(-1);
    this.#series.executing(this.executing.size, now);
    if (queue) {
      queue.executing--;
      queue.nextR -= seatSeconds(request.initialSeats, expected - (now - request.started));
      this.#bound(queue);
      if (!queue.isActive) this.#activeQueues--;
    }
    if (request.additionalLatency <= 0) this.#release(request, now);
    else this.#releaseLater(request, now);
    this.#dispatch(now);
  }

  /** One timer for all that end in the same turn and so give back their seats together; timers are no more exact than that. */
  #releaseLater(request: FlowRequest, now: number): void {
    const { additionalLatency: latency } = request;
    const last = this.#releasing;
    if (last && last.latency === latency && now - last.began < togetherMs) {
      last.requests.push(request);
      return;
    }
    const group = { began: now, latency, requests: [request] };
    this.#releasing = group;
    this.#clock.after(latency, () => {
      if (this.#releasing === group) this.#releasing = undefined;
      const later = this.#sync();
      for (const one of group.requests) this.#release(one, later);
      this.#dispatch(later);
    });
  }
  #startUnqueued(flow: FlowSeries, about: Described, work: Work, now: number): FlowRequest | undefined {
    const request = new FlowRequest(flow, about, work, now, undefined);
    if (this.limiting !== "exempt" && !this.#accommodates(request.maxSeats)) {
      this.rejected++;
      flow.rejected("concurrency-limit");
      return undefined;
    }
    this.#execute(request, now);
    return request;
  }
  /** Of the hand the one with the least work; where several have, not always the same. */
  #chosen(hand: readonly number[]): Queue {
    const { length } = hand;
    const offset = this.#enqueued++ % length;
    let best: Queue | undefined;
    for (let i = 0; i < length; i++) {
      const queue = this.queues[hand[(offset + i) % length] as number] as Queue;
      if (!best || queue.waitingWork < best.waitingWork) best = queue;
      if (best.waitingWork === 0) break;
    }
    return best as Queue;
  }
  #accommodates(seats: number): boolean {
    // One that is wider than the level waits until it is alone.
    if (seats > this.limit) return this.seatsInUse === 0;
    return this.seatsInUse + seats <= this.limit;
  }
  #dispatch(now: number): void {
    while (this.waiting > 0 && this.seatsInUse < this.limit && this.#dispatchOne(now));
  }
  #dispatchOne(now: number): boolean {
    const { queues } = this;
    let first = Number.POSITIVE_INFINITY;
    let [low, high] = [Number.POSITIVE_INFINITY, 0];
    let [lowDiscounted, highDiscounted] = [Number.POSITIVE_INFINITY, 0];
    let chosen = -1;
    let at = this.#robin;
    for (let i = 0; i < queues.length; i++) {
      at = (at + 1) % queues.length;
      const queue = queues[at] as Queue;
      const oldest = queue.waiting[0];
      if (!oldest) continue;
      const discounted = queue.nextR - seatSeconds(queue.seatsInUse, expected);
      low = Math.min(low, queue.nextR);
      high = Math.max(high, queue.nextR);
      lowDiscounted = Math.min(lowDiscounted, discounted);
      highDiscounted = Math.max(highDiscounted, discounted);
      const end = queue.nextR + oldest.work;
      if (end >= first) continue;
      first = end;
      chosen = at;
    }
    const queue = queues[chosen];
    const request = queue?.waiting[0];
    if (!queue || !request) return false;
    if (!this.#accommodates(request.maxSeats)) {
      request.flow.notAccommodated();
      return false;
    }
    queue.waiting.shift();
    queue.waitingWork -= request.work;
    this.#robin = chosen;
    this.#series.dispatched(this.#currentR, queue.nextR, low, high, lowDiscounted, highDiscounted);
    this.#leftQueue(request, now);
    this.#narrow(request);
    this.#execute(request, now);
    queue.nextR += request.work;
    this.#bound(queue);
    request.decided?.(true);
    return true;
  }
  /** More final seats than the level has take them longer. */
  #narrow(request: FlowRequest): void {
    if (request.finalSeats <= this.limit || this.limit === 0) return;
    request.additionalLatency *= request.finalSeats / this.limit;
    request.finalSeats = this.limit;
  }
  #leftQueue(request: FlowRequest, now: number): void {
    this.waiting--;
    this.seatsWaiting -= request.maxSeats;
    request.flow.queued(-1, -request.maxSeats);
    this.#series.waiting(this.waiting, now);
    this.#demand(now);
  }
  #execute(request: FlowRequest, now: number): void {
    const { queue, maxSeats, flow } = request;
    request.state = "executing";
    request.started = now;
    this.executing.add(request);
    this.seatsInUse += maxSeats;
    this.dispatched++;
    if (queue) {
      queue.executing++;
      queue.seatsInUse += maxSeats;
      this.#queuedSeats += maxSeats;
    }
    flow.executing(1);
    flow.seats(maxSeats);
    flow.dispatched();
    this.#series.executing(this.executing.size, now);
    this.#seats(now);
  }
  #release(request: FlowRequest, now: number): void {
    const { queue, maxSeats, flow } = request;
    this.seatsInUse -= maxSeats;
    flow.seats(-maxSeats);
    this.#seats(now);
    if (!queue) return;
    queue.seatsInUse -= maxSeats;
    this.#queuedSeats -= maxSeats;
    this.#prune(queue);
  }
  #seats(now: number): void {
    this.#series.seats(this.seatsInUse, now);
    this.#demand(now);
  }
  #demand(now: number): void {
    this.#series.demand(this.seatsInUse + this.seatsWaiting, now);
    if (this.waiting > 0) this.#series.waiting(this.waiting, now);
  }
  /** Nothing is served before it came: a queue that could not use its share gathers no advantage. */
  #bound(queue: Queue): void {
    const oldest = queue.waiting[0];
    if (oldest && queue.nextR < oldest.arrivedR) queue.nextR = oldest.arrivedR;
  }
  /** After a request left without being served. */
  #settled(queue: Queue): void {
    if (queue.isActive) return;
    this.#activeQueues--;
    this.#prune(queue);
  }
  #prune(queue: Queue): void {
    const wanted = typeof this.limiting === "object" ? this.limiting.queues : 0;
    const { index } = queue;
    // Hands are dealt from the first ones.
    if (index < wanted || queue.isActive || queue.seatsInUse > 0 || this.queues[index] !== queue) return;
    this.queues.splice(index, 1);
    for (let i = index; i < this.queues.length; i++) (this.queues[i] as Queue).index = i;
    if (this.#robin >= index) this.#robin--;
  }
  /** Before anything changes: what there was has been so since the last time. */
  #sync(): number {
    const now = this.#clock.monotonic();
    const passed = now - this.#last;
    this.#last = now;
    if (passed > 0 && this.#activeQueues > 0) {
      const rate = Math.min(this.#queuedSeats + this.seatsWaiting, this.limit) / this.#activeQueues;
      this.#currentR += seatSeconds(rate, passed);
      if (this.#currentR >= highR) this.#rewind();
    }
    return now;
  }
  #rewind(): void {
    this.#currentR -= rewind;
    for (const queue of this.queues) {
      queue.nextR = queue.isActive ? queue.nextR - rewind : 0;
      for (const request of queue.waiting) request.arrivedR -= rewind;
    }
    this.#series.rewound();
  }
}
