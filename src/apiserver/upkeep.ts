/** What the server itself does again and again, whatever nobody asks: one task after the other, so long as it runs. */
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";

/** Milliseconds between rounds. */
const interval = 10_000;

export class Upkeep implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tasks: Readonly<Record<string, () => Promise<void>>>;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  /** The first round is one interval from now. A task that fails is logged and comes again. */
  constructor(clock: Clock, logger: Logger, tasks: Readonly<Record<string, () => Promise<void>>>) {
    this.#clock = clock;
    this.#logger = logger;
    this.#tasks = tasks;
    this.#wait();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #wait(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(interval, () => {
      this.#running = this.#round().finally(() => this.#wait());
    });
  }
  async #round(): Promise<void> {
    for (const [task, work] of Object.entries(this.#tasks)) {
      if (this.#stopped) return;
      try {
        await work();
      } catch (error) {
        this.#logger.warn("not kept, will be tried again", { task, error });
      }
    }
  }
}
