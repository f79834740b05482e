/**
 * Requests of a connection that have come and are not begun yet. Most clients send headers and body in two TLS records, which
 * come in one turn of the event loop as two chunks: a request that announces a small body begins when it has it whole, and at
 * the end of the turn at the latest.
 */
import type { Http2Stream } from "./stream.ts";

/** What fits in one DATA frame of the usual size. */
const smallBody = 16_384;

const awaitsBody = (stream: Http2Stream): boolean => !stream.closed && !stream.remoteEnded && stream.promised > 0 && stream.promised <= smallBody;

export class Arrivals {
  #streams: Http2Stream[] = [];
  #waiting = false;
  readonly #run: (stream: Http2Stream) => void;

  constructor(run: (stream: Http2Stream) => void) {
    this.#run = run;
  }
  add(stream: Http2Stream): void {
    // Most come alone; the first push makes room for seventeen.
    if (this.#streams.length === 0) this.#streams = [stream];
    else this.#streams.push(stream);
  }
  has(stream: Http2Stream): boolean {
    return this.#streams.includes(stream);
  }
  /** After each chunk. */
  begin(): void {
    const streams = this.#streams;
    if (streams.length === 0) return;
    const waiting = streams.every(awaitsBody) ? streams : streams.filter(awaitsBody);
    if (waiting.length > 0 && !this.#waiting) {
      this.#waiting = true;
      setImmediate(this.#beginAll);
    }
    if (waiting === streams) return;
    this.#streams = waiting;
    for (const stream of streams) if (!waiting.includes(stream)) this.#run(stream);
  }
  readonly #beginAll = (): void => {
    this.#waiting = false;
    const streams = this.#streams;
    this.#streams = [];
    for (const stream of streams) this.#run(stream);
  };
}
