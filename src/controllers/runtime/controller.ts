/**
 * A controller brings what exists towards what is wanted, one key at a time.
 *
 * Guarantees of the runtime: reconcile gets a key, never an event, and runs only after every informer that start() asked
 * for has synced; one key is never reconciled twice at once; a rejection is retried with growing delays, what only a
 * stale cache explains (Conflict, NotFound) quietly; each controller acts with an identity of its own.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { EventRecorder } from "../../client/events.ts";
import type { InformerFactory } from "../../client/factory.ts";
import type { Measures } from "./measures.ts";
import type { ControllerOptions } from "./options.ts";

/**
 * `requeueAfter`: milliseconds after which the key is looked at again even if nothing changes. `retry`: like a failure,
 * with growing delays, but nothing is wrong.
 */
export type Outcome = undefined | { requeueAfter: number } | { retry: true };
// biome-ignore lint/suspicious/noConfusingVoidType: a reconciler that plans nothing returns nothing
export type Reconcile = (key: string) => Promise<Outcome | void>;

export interface ControllerContext {
  /** Acts as the controller's own service account. */
  client: Client;
  informers: InformerFactory;
  events: EventRecorder;
  clock: Clock;
  random: Random;
  logger: Logger;
  options: ControllerOptions;
  measures: Measures;
  /** Aborts when the controllers stop. */
  signal: AbortSignal;
  /** Looks at a key now, or after so many milliseconds. */
  enqueue(key: string, afterMs?: number): void;
}

export interface Controller {
  /** Upstream's name, as its --controllers flag takes it. */
  name: string;
  /** Service account in kube-system whose role the bootstrap policy defines. */
  account: string;
  /** Source of its events; the account's name if absent. */
  component?: string;
  /** Keys worked on at once. @default 5 */
  workers?: number;
  /** Not among those that `*` of --controllers means. @default false */
  offByDefault?: boolean;
  /** The feature without which it does not run at all. */
  gate?: string;
  /** Asks for informers, wires their changes to keys, and returns the reconciler. Must not write. */
  start(context: ControllerContext): Reconcile;
}
