/** A turn of the event loop that takes no longer had nothing to do. Milliseconds. */
const idleMs = 0.1;

/**
 * Says, turn by turn of the event loop, whether what can wait is due: when a turn went by in which nothing was to be done, or
 * after `patienceMs` where others never rest. Times are the caller's, in milliseconds.
 */
export class IdleTurns {
  readonly #patienceMs: number;
  #since = 0;
  #last = 0;
  #looks = 0;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }
  /** Something waits from now on. */
  begin(now: number): void {
    this.#since = now;
    this.#last = now;
    this.#looks = 0;
  }
  /** What was done until now is not others' work. */
  worked(now: number): void {
    this.#last = now;
  }
  /** Once a turn. */
  isDue(now: number): boolean {
    // Sockets may not have been looked at before the first.
    const isIdle = this.#looks++ > 0 && now - this.#last <= idleMs;
    this.#last = now;
    return isIdle || now - this.#since >= this.#patienceMs;
  }
}
