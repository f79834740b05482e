/**
 * Work that may take long, done in slices of some milliseconds. Between two slices all else that waits on the event loop has
 * its turn, and whatever that brings with it: a request takes half a dozen turns until it is answered, and must not meet a
 * slice of each long list in every one of them. So one slice runs at a time, whoever's it is, and only when a turn went by in
 * which nothing was to be done; where others never rest, after a while all the same.
 */
import type { Clock } from "./clock.ts";

const sliceMs = 2;
/** A turn of the event loop that takes no longer had nothing to do. */
const idleMs = 0.1;
/** Others' work that a slice waits for at most: then it is as much as a fifth of what is done. */
const patienceMs = 8;

/** Gives out turns, one after the other, in the order in which they were asked for. */
export class TurnQueue {
  readonly #now: () => number;
  /** Calls back in the next turn of the event loop. */
  readonly #soon: (fn: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  /** When the next one began to wait, when this turn of the event loop began, and how many have been looked at. */
  #since = 0;
  #last = 0;
  #looks = 0;

  constructor(now: () => number = () => performance.now(), soon: (fn: () => void) => void = setImmediate) {
    this.#now = now;
    this.#soon = soon;
  }
  turn(): Promise<void> {
    return new Promise((resolve) => {
      // Who asks has worked until now: that is not others' work.
      this.#last = this.#now();
      if (this.#waiting.push(resolve) === 1) this.#begin(this.#last);
    });
  }
  #begin(now: number): void {
    this.#since = now;
    this.#looks = 0;
    this.#soon(this.#look);
  }
  readonly #look = (): void => {
    const now = this.#now();
    // Sockets may not have been looked at before the first.
    const isIdle = this.#looks++ > 0 && now - this.#last <= idleMs;
    this.#last = now;
    if (!isIdle && now - this.#since < patienceMs) {
      this.#soon(this.#look);
      return;
    }
    const next = this.#waiting.shift();
    if (this.#waiting.length > 0) this.#begin(now);
    next?.();
  };
}

const all = new TurnQueue();

/** Of one long piece of work. The first slice begins at once. */
export class Slices {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #queue: TurnQueue;
  #until: number;

  constructor(clock: Pick<Clock, "monotonic">, queue = all) {
    this.#clock = clock;
    this.#queue = queue;
    this.#until = clock.monotonic() + sliceMs;
  }
  /** It has had its time: rest() is due. */
  get isOver(): boolean {
    return this.#clock.monotonic() >= this.#until;
  }
  /** Resolves at the beginning of the next slice. */
  async rest(): Promise<void> {
    await this.#queue.turn();
    this.#until = this.#clock.monotonic() + sliceMs;
  }
}
