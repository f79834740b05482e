import type { Clock, Timer } from "./clock.ts";

/** Does something again and again, the first time after one wait; each wait begins when the round before has ended. */
export class Rounds implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #wait: () => number;
  readonly #round: (signal: AbortSignal) => Promise<void>;
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  /** `wait` gives milliseconds. `round` never rejects; it ends soon when its signal is aborted. */
  constructor(clock: Clock, wait: () => number, round: (signal: AbortSignal) => Promise<void>) {
    this.#clock = clock;
    this.#wait = wait;
    this.#round = round;
    this.#later();
  }
  /** Resolves when the round that was under way has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("no more rounds"));
    this.#timer?.cancel();
    await this.#running;
  }
  #later(): void {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    this.#timer = this.#clock.after(this.#wait(), () => {
      this.#running = this.#round(signal).finally(() => this.#later());
    });
  }
}
