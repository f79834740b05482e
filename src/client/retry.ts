/** Writing again after a conflict, as client-go's retry.RetryOnConflict does. */
import { isConflict } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";

/**
 * Calls `attempt` until it does not reject with Conflict, at most `attempts` times, waiting 10 ms, 20 ms, ... in between.
 * `attempt` must read the object anew each time. Rejects with the last conflict, or at once with any other error.
 */
export async function retryOnConflict<R>(clock: Clock, attempt: () => Promise<R>, options: { attempts?: number; signal?: AbortSignal } = {}): Promise<R> {
  const { attempts = 5, signal } = options;
  for (let i = 1; ; i++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error) || i >= attempts) throw error;
      await clock.sleep(10 * 2 ** (i - 1), signal);
    }
  }
}
