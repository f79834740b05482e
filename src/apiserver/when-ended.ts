/** When a long answer is over. */
import type { ApiResponse } from "../api/exchange.ts";

/**
 * Calls `fn` once when the stream has ended, however it does, or was given up before it was begun; with the bytes that were
 * sent, and whether that is all.
 */
export function whenEnded(response: ApiResponse, fn: (sent: number, whole: boolean) => void): ApiResponse {
  let sent = 0;
  const once = <T>(stream: AsyncIterable<T>): AsyncIterable<T> => ({
    [Symbol.asyncIterator]() {
      const inner = stream[Symbol.asyncIterator]();
      let over = false;
      const end = (whole: boolean): void => {
        if (!over) fn(sent, whole);
        over = true;
      };
      const seen = (step: IteratorResult<T, unknown>): IteratorResult<T, unknown> => {
        if (step.done) end(true);
        else if (step.value instanceof Uint8Array) sent += step.value.length;
        return step;
      };
      const failed = (error: unknown): never => {
        end(false);
        throw error;
      };
      return {
        next: () => inner.next().then(seen, failed),
        async return() {
          end(false);
          await inner.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  });
  if (response.events) return { ...response, events: once(response.events) };
  if (response.body && !(response.body instanceof Uint8Array)) return { ...response, body: once(response.body) };
  fn(response.body?.length ?? 0, true);
  return response;
}
