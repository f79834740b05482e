/** Runs tasks in the order in which they came, at most `limit` at once. */
export class WorkQueue {
  readonly #limit: number;
  #waiting: (() => Promise<void>)[] = [];
  #head = 0;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }
  /** `task` must not reject. */
  add(task: () => Promise<void>): void {
    this.#waiting.push(task);
    this.#start();
  }
  /** Drops what waits; resolves when what runs has ended. */
  close(): Promise<void> {
    this.#waiting = [];
    this.#head = 0;
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
  #start(): void {
    while (this.#running < this.#limit && this.#head < this.#waiting.length) {
      const task = this.#waiting[this.#head++] as () => Promise<void>;
      if (this.#head === this.#waiting.length) {
        this.#waiting = [];
        this.#head = 0;
      }
      this.#running++;
      void task().finally(() => {
        this.#running--;
        this.#start();
        if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
    }
  }
}
