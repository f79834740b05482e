/** Exponential back-off per key (k8s.io/client-go/util/flowcontrol Backoff): doubles from the first delay to the last, forgotten after twice the last. */
import type { Clock } from "../base/clock.ts";

interface Entry {
  delay: number;
  updated: number;
}

export class Backoff {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #first: number;
  readonly #last: number;

  /** Delays in milliseconds. */
  constructor(clock: Clock, first: number, last: number) {
    this.#clock = clock;
    this.#first = first;
    this.#last = last;
  }
  #expired(entry: Entry, at: number): boolean {
    return at - entry.updated > 2 * this.#last;
  }
  /** Milliseconds that are still to be waited after something that happened at `since`; 0 when it may be tried now. */
  remaining(key: string, since: number): number {
    const entry = this.#entries.get(key);
    if (!entry || this.#expired(entry, since)) return 0;
    return Math.max(0, since + entry.delay - this.#clock.now());
  }
  /** As remaining, counted from the last failure. */
  remainingSinceUpdate(key: string): number {
    const entry = this.#entries.get(key);
    return entry ? this.remaining(key, entry.updated) : 0;
  }
  /** The current delay in milliseconds. */
  delay(key: string): number {
    return this.#entries.get(key)?.delay ?? 0;
  }
  /** Notes a failure (or a restart) that happened at `at`: the next delay is twice as long. */
  next(key: string, at: number): void {
    const entry = this.#entries.get(key);
    const delay = !entry || this.#expired(entry, at) ? this.#first : Math.min(entry.delay * 2, this.#last);
    this.#entries.set(key, { delay, updated: this.#clock.now() });
  }
  /** Forgets every key that starts with `prefix`. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }
}

/** Milliseconds as Go prints a duration of whole seconds: `10s`, `1m20s`, `5m0s`. */
export function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m${seconds % 60}s`;
}

/** Milliseconds as Go prints a duration: `15ms`, `1.234s`, `2m5.5s`. */
export function formatDuration(ms: number): string {
  if (ms <= 0) return "0s";
  if (ms < 1000) return `${Math.floor(ms)}ms`;
  const trimmed = (value: number): string => String(Math.floor(value) / 1000);
  if (ms < 60_000) return `${trimmed(ms)}s`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes >= 60 ? `${Math.floor(minutes / 60)}h${minutes % 60}` : minutes}m${trimmed(ms % 60_000)}s`;
}
