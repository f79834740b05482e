/** Work that must not overlap for the same key, in the order in which it came. */
export class KeyedLock {
  readonly #last = new Map<string, Promise<unknown>>();
  /** Resolves or rejects as `work` does, which begins when everything before it for `key` has ended. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, result);
    const clear = (): void => {
      if (this.#last.get(key) === result) this.#last.delete(key);
    };
    result.then(clear, clear);
    return result;
  }
}
