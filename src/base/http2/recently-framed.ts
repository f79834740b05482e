/**
 * Payloads that many connections send under the same stream number, as watchers of the same objects do, with the heads of their
 * frames in between: one piece for all. Of a head and its payload TLS would make one piece for each, in memory of its own.
 */
import { defaultFrameSize, FrameType, frameHead, writeFrameHead } from "./frames.ts";

interface Payload {
  chunk: Uint8Array;
  stream: number;
  /** Made when it is sent for the second time: most are sent once. */
  framed?: Uint8Array;
}

const kept = 4;
/** Payloads beyond it are not kept. */
export const largestFramed = 256 * 1024;

export class RecentlyFramed {
  readonly #recent: Payload[] = [];
  #next = 0;

  /** DATA frames that do not end the stream; undefined where the payload is sent for the first time, as far as is remembered. */
  get(chunk: Uint8Array, stream: number): Uint8Array | undefined {
    for (const payload of this.#recent)
      if (payload.chunk === chunk && payload.stream === stream) {
        payload.framed ??= framesOf(chunk, stream);
        return payload.framed;
      }
    if (chunk.length > largestFramed) return undefined;
    this.#recent[this.#next] = { chunk, stream };
    this.#next = (this.#next + 1) % kept;
    return undefined;
  }
}

function framesOf(chunk: Uint8Array, stream: number): Uint8Array {
  const frames = Math.ceil(chunk.length / defaultFrameSize);
  const out = Buffer.allocUnsafeSlow(chunk.length + frames * frameHead);
  let at = 0;
  for (let from = 0; from < chunk.length; from += defaultFrameSize) {
    const to = Math.min(from + defaultFrameSize, chunk.length);
    writeFrameHead(out, at, to - from, FrameType.data, 0, stream);
    out.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), at + frameHead);
    at += frameHead + to - from;
  }
  return out;
}
