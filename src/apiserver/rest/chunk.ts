/** Bytes of an answer that are put together in one place; what was taken belongs to the taker. */
export class Chunk {
  #bytes: Buffer;
  length = 0;

  /** It grows where `size` is not enough. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }
  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }
  write(bytes: Uint8Array, from = 0): void {
    this.#room(bytes.length - from);
    this.#bytes.set(from ? bytes.subarray(from) : bytes, this.length);
    this.length += bytes.length - from;
  }
  text(text: string): void {
    this.#room(text.length * 3);
    this.length += this.#bytes.write(text, this.length);
  }
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #room(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.length + more, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}
