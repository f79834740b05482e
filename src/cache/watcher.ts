/** One watch of one resource: a bounded queue that the cache fills and the caller empties. */
import { CompactedError } from "../store/store.ts";
import type { CacheEvent, CacheWatchOptions, EventBatch } from "./cache.ts";

/** Events that may wait for a caller who does not come for them. */
export const queueLimit = 10_000;

type Step = IteratorResult<EventBatch, undefined>;

export class Watcher {
  readonly options: CacheWatchOptions;
  /** Changes up to here are not for this watcher. */
  readonly from: number;
  /** It has them up to here. */
  #seen: number;
  readonly #queue: EventBatch[] = [];
  #waiting = 0;
  /** The caller waits for the next batch. */
  #resolve?: (step: Step) => void;
  #reject?: (error: Error) => void;
  #ended = false;
  #error?: Error;
  readonly #onEnd: () => void;

  /** `onEnd` is called once, when nothing more is put into the queue. */
  constructor(options: CacheWatchOptions, from: number, onEnd: () => void) {
    this.options = options;
    this.from = from;
    this.#seen = from;
    this.#onEnd = onEnd;
  }

  /** Changes in order of revision. What the watcher has seen is left out; the batch itself is passed on where that is nothing. */
  push(batch: EventBatch): void {
    const last = batch.at(-1);
    if (!last || last.revision <= this.#seen) return;
    const due = (batch[0] as CacheEvent).revision > this.#seen ? batch : batch.filter(({ revision }) => revision > this.#seen);
    this.#seen = last.revision;
    this.#put(due);
  }
  /** All changes up to `revision` have been pushed. */
  bookmark(revision: number): void {
    if (revision > this.from) this.#put([{ type: "BOOKMARK", revision }]);
  }
  /** The iteration finishes, with the error if there is one; what waits is dropped then. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (error) this.#queue.length = 0;
    if (error) this.#reject?.(error);
    else this.#resolve?.({ done: true, value: undefined });
    this.#onEnd();
  }
  /** The next batch, as soon as there is one. To be called again only when the promise has settled. */
  next(): Promise<Step> {
    const batch = this.#queue.shift();
    if (batch) {
      this.#waiting -= batch.length;
      return Promise.resolve({ done: false, value: batch });
    }
    if (this.#error) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise(this.#wait);
  }

  readonly #wait = (resolve: (step: Step) => void, reject: (error: Error) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };
  #put(batch: EventBatch): void {
    if (this.#ended) return;
    const resolve = this.#resolve;
    if (resolve) {
      this.#resolve = this.#reject = undefined;
      resolve({ done: false, value: batch });
      return;
    }
    this.#queue.push(batch);
    this.#waiting += batch.length;
    if (this.#waiting > queueLimit) this.end(new CompactedError((batch.at(-1) as CacheEvent).revision));
  }
}
