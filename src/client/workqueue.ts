/**
 * Keys waiting to be worked on, with client-go's guarantees (k8s.io/client-go/util/workqueue):
 * - fair: keys are given out in the order in which they were added;
 * - stingy: a key added many times before it is taken is given out once;
 * - one worker at a time: a key added while it is worked on is given out again only after done();
 * - addAfter keeps the earliest of several times; addRateLimited waits longer with each failure of the same key, and all
 *   failures together pass a token bucket.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { TokenBucket } from "../base/token-bucket.ts";

/** Is told of every key: what the metrics of a queue are made of. */
export interface WorkqueueObserver {
  added(key: string): void;
  taken(key: string): void;
  done(key: string): void;
  /** It comes again later, after a failure or because time alone brings news. */
  delayed(): void;
}

export interface WorkqueueOptions {
  clock: Clock;
  observer?: WorkqueueObserver;
  /** Milliseconds of the first retry. @default 5 */
  baseDelay?: number;
  /** Milliseconds of the longest retry. @default 1000000 */
  maxDelay?: number;
  /** Retries per second of all keys together. @default 10 */
  qps?: number;
  /** @default 100 */
  burst?: number;
}

export class Workqueue {
  readonly #clock: Clock;
  readonly #observer: WorkqueueObserver | undefined;
  readonly #baseDelay: number;
  readonly #maxDelay: number;
  readonly #bucket: TokenBucket;
  #queue: string[] = [];
  #head = 0;
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; timer: Timer }>();
  #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkqueueOptions) {
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#baseDelay = options.baseDelay ?? 5;
    this.#maxDelay = options.maxDelay ?? 1_000_000;
    this.#bucket = new TokenBucket(options.clock, options.qps ?? 10, options.burst ?? 100);
  }

  /** Keys waiting, not those being worked on nor those delayed. */
  get length(): number {
    return this.#queue.length - this.#head;
  }
  /** True when nothing waits or is being worked on; delayed keys do not count. */
  get quiet(): boolean {
    return this.length === 0 && this.#processing.size === 0;
  }

  add(key: string): void {
    if (this.#closed || this.#dirty.has(key)) return;
    this.#observer?.added(key);
    this.#dirty.add(key);
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms > 0) this.#observer?.delayed();
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const waiting = this.#delayed.get(key);
    if (waiting && waiting.at <= at) return;
    waiting?.timer.cancel();
    const timer = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, timer });
  }

  /** `atLeast`: milliseconds that the server asked for. */
  addRateLimited(key: string, atLeast = 0): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.max(Math.min(this.#baseDelay * 2 ** failures, this.#maxDelay), this.#bucket.reserve(), atLeast));
  }

  /** Ends the growth of a key's retries: call it after success. */
  forget(key: string): void {
    this.#failures.delete(key);
  }
  retries(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, or undefined once closed and empty. Whoever takes a key calls done() with it. */
  take(): Promise<string | undefined> {
    const key = this.#next();
    if (key !== undefined) return Promise.resolve(key);
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    this.#observer?.done(key);
    this.#processing.delete(key);
    if (this.#dirty.has(key)) this.#enqueue(key);
  }

  /** No more additions; what waits is dropped, takers get undefined. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#head = 0;
    this.#dirty.clear();
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    for (const resolve of this.#takers) resolve(undefined);
    this.#takers = [];
  }

  #enqueue(key: string): void {
    this.#queue.push(key);
    const taker = this.#takers.shift();
    if (taker) taker(this.#next());
  }

  #next(): string | undefined {
    if (this.#head >= this.#queue.length) return undefined;
    const key = this.#queue[this.#head++] as string;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#observer?.taken(key);
    this.#dirty.delete(key);
    this.#processing.add(key);
    return key;
  }
}
