/** A few things that are found by looking at each, those that were used last first; what was used longest ago is forgotten. */
export class RecentList<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }
  find(isIt: (item: T) => boolean): T | undefined {
    const at = this.#items.findIndex(isIt);
    if (at > 0) this.#items.unshift(...this.#items.splice(at, 1));
    return at < 0 ? undefined : this.#items[0];
  }
  add(item: T): void {
    this.#items.unshift(item);
    if (this.#items.length > this.#capacity) this.#items.pop();
  }
}
