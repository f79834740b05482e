/** While a value of a resource cannot be read (k8s.io/apiserver/pkg/storage/cacher, KEP-4568): when it is tried again, and what is answered. */
import type { ResourceDef } from "../api/schema/schema.ts";
import { type StatusError, tooManyRequests } from "../api/status.ts";
import type { Clock, Timer } from "../base/clock.ts";

export interface Unread {
  /** Until it is tried again. */
  timer: Timer;
  /** Milliseconds of that. */
  delay: number;
  /** By the clock's monotonic(). */
  since: number;
  why: string;
}

const firstDelay = 1_000;
const longestDelay = 10_000;

export const nextDelay = (former: Unread | undefined): number => (former ? Math.min(former.delay * 2, longestDelay) : firstDelay);

/** The more patience is asked for, the longer it lasts. */
export function initializing({ group, kind }: ResourceDef, unread: Unread | undefined, clock: Clock): StatusError {
  const { since = clock.monotonic(), why = "" } = unread ?? {};
  const seconds = Math.exp((0.06 * (clock.monotonic() - since)) / 1000);
  const what = `*${group.split(".")[0] || "core"}.${kind}`;
  return tooManyRequests(`storage is (re)initializing: failed to list ${what}: ${why}`, Math.trunc(Math.min(30, Math.max(1, seconds))));
}
