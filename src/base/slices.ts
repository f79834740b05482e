/**
 * Work that may take long, done in slices of some milliseconds. Between two slices all else that waits on the event loop has
 * its turn, and whatever that brings with it: a request takes half a dozen turns until it is answered, and must not meet a
 * slice of each long list in every one of them. So one slice runs at a time, whoever's it is, and only when a turn went by in
 * which nothing was to be done; where others never rest, after a while all the same.
 */
import type { Clock } from "./clock.ts";
import { IdleTurns } from "./idle-turns.ts";

const sliceMs = 2;
/** Others' work that a slice waits for at most: then it is as much as a fifth of what is done. */
const patienceMs = 8;

/** Gives out turns, one after the other, in the order in which they were asked for. */
export class TurnQueue {
  readonly #now: () => number;
  /** Calls back in the next turn of the event loop. */
  readonly #soon: (fn: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  readonly #turns = new IdleTurns(patienceMs);

  constructor(now: () => number = () => performance.now(), soon: (fn: () => void) => void = setImmediate) {
    this.#now = now;
    this.#soon = soon;
  }
  turn(): Promise<void> {
    return new Promise((resolve) => {
      const now = this.#now();
      this.#turns.worked(now);
      if (this.#waiting.push(resolve) === 1) this.#begin(now);
    });
  }
  #begin(now: number): void {
    this.#turns.begin(now);
    this.#soon(this.#look);
  }
  readonly #look = (): void => {
    const now = this.#now();
    if (!this.#turns.isDue(now)) {
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
