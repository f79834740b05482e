/** What disposes of several things. AsyncDisposableStack is not in Node 20 and 22. */

/** Disposes in reverse order, once. What fails does not keep the others; the first failure is told in the end. */
export class Owned implements AsyncDisposable {
  readonly #parts: (() => unknown)[] = [];

  use<T extends AsyncDisposable | Disposable>(part: T): T {
    this.#parts.push(() => (Symbol.asyncDispose in part ? part[Symbol.asyncDispose]() : part[Symbol.dispose]()));
    return part;
  }
  defer(dispose: () => unknown): void {
    this.#parts.push(dispose);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let part = this.#parts.pop(); part; part = this.#parts.pop()) {
      try {
        await part();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length) throw failures[0];
  }
}
