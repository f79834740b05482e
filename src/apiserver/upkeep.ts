/** What the server itself does again and again, whatever nobody asks: one task after the other, so long as it runs. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { Rounds } from "../base/rounds.ts";

/** Milliseconds between rounds. */
const interval = 10_000;

export class Upkeep implements AsyncDisposable {
  readonly #rounds: Rounds;

  /** The first round is one interval from now. A task that fails is logged and comes again. */
  constructor(clock: Clock, logger: Logger, tasks: Readonly<Record<string, () => Promise<void>>>) {
    this.#rounds = new Rounds(
      clock,
      () => interval,
      async (signal) => {
        for (const [task, work] of Object.entries(tasks)) {
          if (signal.aborted) return;
          try {
            await work();
          } catch (error) {
            logger.warn("not kept, will be tried again", { task, error });
          }
        }
      },
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#rounds[Symbol.asyncDispose]();
  }
}
