/** When a long answer is over. */
import type { ApiResponse } from "../api/exchange.ts";

type Told = (sent: number, whole: boolean) => void;

/**
 * Calls `fn` once when the stream has ended, however it does, or was given up before it was begun; with the bytes that were
 * sent, and whether that is all. Of several for one answer in the order in which they asked.
 */
export function whenEnded(response: ApiResponse, fn: Told): ApiResponse {
  const { events, body } = response;
  if (events) return { ...response, events: told(events, fn) };
  if (body && !(body instanceof Uint8Array)) return { ...response, body: told(body, fn) };
  fn(body?.length ?? 0, true);
  return response;
}

/** Half a dozen ask of each answer: one iterator for all of them, as each costs something for every chunk. */
function told<T>(stream: AsyncIterable<T>, fn: Told): AsyncIterable<T> {
  const ending = stream instanceof EndingStream ? (stream as EndingStream<T>) : new EndingStream(stream);
  ending.tell(fn);
  return ending;
}

class EndingStream<T> implements AsyncIterableIterator<T> {
  readonly #stream: AsyncIterable<T>;
  readonly #told: Told[] = [];
  #inner?: AsyncIterator<T>;
  #sent = 0;
  #over = false;

  constructor(stream: AsyncIterable<T>) {
    this.#stream = stream;
  }
  tell(fn: Told): void {
    this.#told.push(fn);
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
  next(): Promise<IteratorResult<T, unknown>> {
    return this.#iterator().next().then(this.#seen, this.#failed);
  }
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#end(false);
    await this.#iterator().return?.();
    return { done: true, value: undefined };
  }
  #iterator(): AsyncIterator<T> {
    this.#inner ??= this.#stream[Symbol.asyncIterator]();
    return this.#inner;
  }
  readonly #seen = (step: IteratorResult<T, unknown>): IteratorResult<T, unknown> => {
    if (step.done) this.#end(true);
    else if (step.value instanceof Uint8Array) this.#sent += step.value.length;
    return step;
  };
  readonly #failed = (error: unknown): never => {
    this.#end(false);
    throw error;
  };
  #end(whole: boolean): void {
    if (this.#over) return;
    this.#over = true;
    for (const fn of this.#told) fn(this.#sent, whole);
  }
}
