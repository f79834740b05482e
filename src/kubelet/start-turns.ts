/**
 * The order in which the runtime is asked to make sandboxes and containers when many pods come at once: pods are brought to
 * their end one after the other instead of all being half made until the last moment. The runtime's work is processor time, so
 * the last pod is ready no later for it, and the others are earlier. Nobody waits for what hangs: a turn that lasts longer
 * than `patience` counts no more.
 */
import type { Clock } from "../base/clock.ts";

export interface StartTurnsOptions {
  clock: Clock;
  /** Turns at the same time. */
  parallel: number;
}

/** Milliseconds. */
const patience = 3000;

export class StartTurns {
  readonly #options: StartTurnsOptions;
  readonly #waiting: Record<"sandbox" | "container", (() => void)[]> = { sandbox: [], container: [] };
  #running = 0;
  constructor(options: StartTurnsOptions) {
    this.#options = options;
  }
  /** Runs the work when it is its turn: containers before sandboxes, else in the order of asking. Rejects as the signal does while it waits. */
  async take<T>(what: "sandbox" | "container", signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(this.#waiting[what], signal);
    let counts = true;
    const leave = (): void => {
      if (!counts) return;
      counts = false;
      this.#running--;
      this.#next();
    };
    const timer = this.#options.clock.after(patience, leave);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      timer.cancel();
      leave();
    }
  }
  /** The turn of who is woken is counted already. */
  #next(): void {
    const next = this.#waiting.container.shift() ?? this.#waiting.sandbox.shift();
    if (!next) return;
    this.#running++;
    next();
  }
  async #turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.#options.parallel) {
      this.#running++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => {
      const at = waiting.indexOf(resolve);
      if (at < 0) return;
      waiting.splice(at, 1);
      reject(signal.reason);
    };
    waiting.push(resolve);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}
