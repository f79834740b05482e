/** A watch as its caller sees it: what it begins with, then what the watcher is told, each step the watcher's own promise. */
import type { EventBatch } from "./cache.ts";
import type { Watcher } from "./watcher.ts";

type Step = IteratorResult<EventBatch, undefined>;
/** Returns who is told of the rest, where there is one. */
export type Beginning = AsyncGenerator<EventBatch, Watcher | undefined, undefined>;

export class Watch implements AsyncIterableIterator<EventBatch, undefined> {
  readonly #beginning: Beginning;
  #watcher?: Watcher;
  #isOver = false;

  constructor(beginning: Beginning) {
    this.#beginning = beginning;
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
  next(): Promise<Step> {
    return this.#watcher ? this.#watcher.next() : this.#begin();
  }
  async return(): Promise<Step> {
    this.#isOver = true;
    if (this.#watcher) this.#watcher.end();
    else await this.#beginning.return(undefined);
    return { done: true, value: undefined };
  }
  async #begin(): Promise<Step> {
    const step = await this.#beginning.next();
    if (!step.done) return step;
    this.#watcher = step.value;
    if (this.#isOver) this.#watcher?.end();
    return this.#watcher ? this.#watcher.next() : { done: true, value: undefined };
  }
}
