/** Who is told when nobody waits for an answer any more, without the AbortSignal that few ask for: making one costs more than a look into the cache. */
import type { ApiRequest } from "../api/exchange.ts";

type Told = (reason: unknown) => void;

export class LazyAbort {
  #aborted = false;
  #reason: unknown;
  #controller?: AbortController;
  readonly #told = new Set<Told>();

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }
  /** Calls `fn` once, now where it has happened; what is returned takes that back. */
  onAbort(fn: Told): () => void {
    if (this.#aborted) fn(this.#reason);
    else this.#told.add(fn);
    return () => void this.#told.delete(fn);
  }
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const fn of this.#told) fn(reason);
    this.#told.clear();
  }
}

/** The same for any request: by its signal where it knows no other way. */
export function onAbort(request: Pick<ApiRequest, "signal" | "onAbort">, fn: Told): () => void {
  if (request.onAbort) return request.onAbort(fn);
  const { signal } = request;
  const told = (): void => fn(signal.reason);
  if (signal.aborted) told();
  else signal.addEventListener("abort", told, { once: true });
  return () => signal.removeEventListener("abort", told);
}
