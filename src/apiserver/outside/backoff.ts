/** Asking a webhook again after failures that may pass (k8s.io/apiserver/pkg/util/webhook/webhook.go: WithExponentialBackoff). */
import { StatusError } from "../../api/status.ts";
import type { Clock } from "../../base/clock.ts";
import { jittered, type Random } from "../../base/random.ts";
import { Unreachable } from "./post.ts";

/** How much longer each further pause is, and by which part it may be longer at random. */
const factor = 1.5;
const jitter = 0.2;
const attempts = 5;

const passing = new Set(["InternalError", "Timeout", "TooManyRequests", "ServerTimeout"]);

function mayPass(error: unknown): boolean {
  if (error instanceof Unreachable) return error.reset;
  return error instanceof StatusError && (passing.has(error.reason) || (error.status.details?.retryAfterSeconds ?? 0) > 0);
}

export interface BackoffOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Milliseconds before the second attempt. @default 500 */
  readonly firstDelay?: number;
}

/** The first result, or the last error: five attempts at most, and none for errors that stay. */
export async function withBackoff<T>(attempt: () => Promise<T>, { clock, random, signal, firstDelay = 500 }: BackoffOptions): Promise<T> {
  let delay = firstDelay;
  for (let left = attempts; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 1 || signal.aborted || !mayPass(error)) throw error;
      await clock.sleep(jittered(delay, jitter, random), signal).catch(() => {
        throw error;
      });
      delay *= factor;
    }
  }
}
