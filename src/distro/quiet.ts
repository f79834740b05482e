/** Knows when nothing is going on in a process whose components share the in-process transport. */
import type { ApiHandler } from "../api/exchange.ts";
import { settle } from "../base/clock.ts";

/**
 * Turns of the event loop without any request after which nothing is on its way: an event travels from the store through
 * watch cache, transport, informer and queue to the next request in fewer.
 */
const quietTurns = 16;

export class Quiet {
  #running = 0;
  #total = 0;

  /** The same handler, counted. */
  watching(handler: ApiHandler): ApiHandler {
    return async (request) => {
      this.#running++;
      this.#total++;
      try {
        return await handler(request);
      } finally {
        this.#running--;
        this.#total++;
      }
    };
  }
  /** Resolves when no request is running and none has been made for a while, in turns of the event loop. */
  async reached(): Promise<void> {
    let [turns, seen] = [0, this.#total];
    while (turns < quietTurns) {
      await settle();
      turns = this.#running === 0 && this.#total === seen ? turns + 1 : 0;
      seen = this.#total;
    }
  }
}
