/** Seconds after which who was refused may come again (k8s.io/apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go). */
const longest = 32;

/** Of one priority level: doubles while many are refused, goes down by one when few are. */
export class RetryAfter {
  #history: { second: number; refused: number }[] = [];
  #second = 0;
  #refused = 0;
  #seconds = 1;
  #raised = 0;

  get seconds(): number {
    return this.#seconds;
  }
  /** One was refused now, seconds since the epoch. */
  refused(now: number): void {
    const second = Math.floor(now);
    if (second === this.#second) {
      this.#refused++;
      return;
    }
    const kept = Math.min(2 * this.#seconds, longest);
    const ended = this.#second;
    this.#history.push({ second: ended, refused: this.#refused });
    this.#history = this.#history.filter((one) => ended - one.second <= kept);
    this.#second = second;
    this.#refused = 1;
    this.#adapt(second);
  }
  #adapt(second: number): void {
    const seconds = this.#seconds;
    let recent = 0;
    for (const one of this.#history) if (second - one.second <= seconds && one.second < second) recent += one.refused;
    if (second - this.#raised >= seconds && recent >= 3 * seconds) {
      this.#seconds = Math.min(2 * seconds, longest);
      this.#raised = second;
    } else if (recent < seconds && seconds > 1) this.#seconds--;
  }
}
