/** The body of a request that had not come whole when the request was begun. */

export class Http2Body implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #ended = false;
  #discarding = false;
  #error?: Error;
  #wake?: () => void;
  /** Told how many bytes were taken: the other side may send as many more. */
  readonly #taken: (bytes: number) => void;

  constructor(taken: (bytes: number) => void) {
    this.#taken = taken;
  }
  get ended(): boolean {
    return this.#ended;
  }
  push(chunk: Uint8Array): void {
    if (this.#discarding) {
      this.#taken(chunk.length);
      return;
    }
    this.#chunks.push(chunk);
    this.#wake?.();
  }
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }
  /** Nobody reads it any more: what comes is dropped, and the sender may go on. */
  discard(): void {
    this.#discarding = true;
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const chunk of chunks) this.#taken(chunk.length);
    this.fail(new Error("the answer was sent"));
  }
  /** Everything. Rejects with what `tooLong` makes as soon as more than `limit` bytes have come, and where the sender goes away. */
  async whole(limit: number, tooLong: () => Error): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this) {
      length += chunk.length;
      if (length > limit) throw tooLong();
      chunks.push(chunk);
    }
    return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, length);
  }
  /** Rejects where the sender goes away before the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      for (const chunk of chunks) {
        this.#taken(chunk.length);
        yield chunk;
      }
      if (this.#chunks.length) continue;
      if (this.#ended) return;
      if (this.#error) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
