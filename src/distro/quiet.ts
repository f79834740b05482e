/** Knows when nothing is going on in a process whose components share the in-process transport. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ApiHandler } from "../api/exchange.ts";
import { type Clock, settle } from "../base/clock.ts";

/**
 * Turns of the event loop without any request after which nothing is on its way: an event travels from the store through
 * watch cache, transport, informer and queue to the next request in fewer.
 */
const quietTurns = 16;

export class Quiet {
  #running = 0;
  #total = 0;
  readonly #current = new AsyncLocalStorage<{ isRunning: boolean }>();

  /** The same handler, counted. */
  watching(handler: ApiHandler): ApiHandler {
    return async (request) => {
      const one = { isRunning: true };
      this.#running++;
      this.#total++;
      try {
        return await this.#current.run(one, () => handler(request));
      } finally {
        one.isRunning = false;
        this.#running--;
        this.#total++;
      }
    };
  }
  /** The same clock, for one that moves only when nothing goes on: a request that sleeps by it does not count meanwhile. */
  sleeping(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, fn) => clock.after(ms, fn),
      sleep: async (ms, signal) => {
        if (!this.#current.getStore()?.isRunning) return await clock.sleep(ms, signal);
        this.#running--;
        try {
          await clock.sleep(ms, signal);
        } finally {
          this.#running++;
          this.#total++;
        }
      },
    };
  }
  /**
   * Resolves when no request is running and none has been made for a while, in turns of the event loop. Rejects when that
   * is not so after `patience` turns: somebody repeats requests without waiting for time to move on.
   */
  async reached(patience = Number.POSITIVE_INFINITY): Promise<void> {
    let [turns, seen] = [0, this.#total];
    for (let waited = 0; turns < quietTurns; waited++) {
      if (waited > patience) throw new Error(`no end of requests within one moment: ${this.#total} so far`);
      await settle();
      turns = this.#running === 0 && this.#total === seen ? turns + 1 : 0;
      seen = this.#total;
    }
  }
}
