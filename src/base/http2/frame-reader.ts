/** Bytes of a connection to frames. */
import { ConnectionError, defaultFrameSize, ErrorCode, frameHead, largestWindow } from "./frames.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** The payload is what `bytes` has between `from` and `to`. */
export type OnFrame = (type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number) => void;

/** Of a client: its preface first. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest?: Buffer;
  #greeted = false;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }
  /** Hands over each frame that is complete. Throws ConnectionError, and what the handler throws. */
  read(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let at = 0;
    if (!this.#greeted) {
      const length = Math.min(bytes.length, preface.length);
      if (preface.compare(bytes, 0, length, 0, length) !== 0) throw new ConnectionError(ErrorCode.protocol, "no HTTP/2 preface");
      if (length < preface.length) {
        this.#rest = bytes;
        return;
      }
      this.#greeted = true;
      at = length;
    }
    while (bytes.length - at >= frameHead) {
      const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
      if (length > defaultFrameSize) throw new ConnectionError(ErrorCode.frameSize, `a frame of ${length} bytes`);
      const end = at + frameHead + length;
      if (end > bytes.length) break;
      this.#onFrame(bytes[at + 3] as number, bytes[at + 4] as number, bytes.readUInt32BE(at + 5) & largestWindow, bytes, at + frameHead, end);
      at = end;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}
