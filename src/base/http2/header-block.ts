/** HEADERS and the CONTINUATION frames behind it, gathered to one block within bounds (RFC 9113, 6.2 and 6.10). */
import { ConnectionError, ErrorCode, Flag } from "./frames.ts";

/** Go's DefaultMaxHeaderBytes, which kube-apiserver has, and what Go adds for ten headers' overhead. What headers may come to, compressed or not. */
export const maxHeaderBytes = (1 << 20) + 320;
/** Frames of one block; empty ones cost work as well. */
const maxFrames = 128;

export interface Block {
  readonly stream: number;
  readonly endStream: boolean;
  /** It names its own stream as the one it depends on. */
  readonly onItself: boolean;
  readonly bytes: Buffer;
}

const broken = (message: string): ConnectionError => new ConnectionError(ErrorCode.protocol, message);

/** The stream that a priority depends on is the stream itself (RFC 7540, 5.3.1). */
export const dependsOn = (id: number, payload: Buffer, at: number): boolean => (payload.readUInt32BE(at) & 0x7fffffff) === id;

export class BlockReader {
  #stream = 0;
  #endStream = false;
  #onItself = false;
  #parts: Buffer[] = [];
  #length = 0;

  /** Frames of other kinds and streams may not come now. */
  get open(): boolean {
    return this.#stream !== 0;
  }
  /** The block, where it is whole. Throws ConnectionError. */
  headers(id: number, flags: number, payload: Buffer): Block | undefined {
    if (id % 2 === 0) throw broken(`HEADERS of stream ${id}`);
    let from = 0;
    let to = payload.length;
    if (flags & Flag.padded) {
      to -= payload[0] ?? 0;
      from = 1;
    }
    const priority = from;
    if (flags & Flag.priority) from += 5;
    if (from > to) throw broken("more padding than frame");
    this.#stream = id;
    this.#endStream = (flags & Flag.endStream) !== 0;
    this.#onItself = (flags & Flag.priority) !== 0 && dependsOn(id, payload, priority);
    this.#parts = [payload.subarray(from, to)];
    this.#length = to - from;
    return flags & Flag.endHeaders ? this.#take() : undefined;
  }
  /** The same for what continues it. */
  continuation(id: number, flags: number, payload: Buffer): Block | undefined {
    if (id === 0 || this.#stream !== id) throw broken("CONTINUATION without HEADERS");
    this.#length += payload.length;
    this.#parts.push(payload);
    if (this.#length > maxHeaderBytes || this.#parts.length > maxFrames) throw new ConnectionError(ErrorCode.enhanceYourCalm, "headers are too long");
    return flags & Flag.endHeaders ? this.#take() : undefined;
  }
  #take(): Block {
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 ? (first as Buffer) : Buffer.concat(this.#parts, this.#length);
    const block = { stream: this.#stream, endStream: this.#endStream, onItself: this.#onItself, bytes };
    this.#stream = 0;
    this.#parts = [];
    return block;
  }
}
