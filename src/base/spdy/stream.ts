/** One stream of a SPDY connection: a duplex with headers. Ending it half-closes it; destroying it resets it. */
import { Duplex } from "node:stream";
import type { Headers } from "./headers.ts";

/** What the connection does for its streams. */
export interface StreamPort {
  reply(headers: Headers): void;
  data(chunk: Uint8Array, fin: boolean): Promise<void>;
  reset(): void;
  resume(): void;
  done(): void;
}

export class SpdyStream extends Duplex {
  readonly headers: Headers;
  readonly #port: StreamPort;
  readonly #accepted = Promise.withResolvers<Headers>();
  #wanted: (() => void) | undefined;
  #ended = false;

  constructor(headers: Headers, port: StreamPort) {
    super({ allowHalfOpen: true });
    this.headers = headers;
    this.#port = port;
    // Who never asks for the reply must not be ended by its absence.
    this.#accepted.promise.catch(() => {});
    this.on("close", () => this.#port.done());
  }

  /** Accepts a stream that the other side opened. */
  reply(headers: Headers = {}): void {
    this.#port.reply(headers);
  }

  /** Headers with which the other side accepted; rejects when it reset the stream or the connection ended. */
  replied(): Promise<Headers> {
    return this.#accepted.promise;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#port.data(chunk, false).then(() => callback(), callback);
  }

  /** What has come meanwhile goes together: a million small messages are no million frames. */
  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#port.data(Buffer.concat(chunks.map(({ chunk }) => chunk)), false).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    // A connection that ended has closed this side already.
    this.#port.data(Buffer.alloc(0), true).then(
      () => callback(),
      () => callback(),
    );
  }

  override _read(): void {
    this.#wanted?.();
    this.#wanted = undefined;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#ended || !this.writableFinished) this.#port.reset();
    this.#wanted?.();
    callback(error);
  }

  /** Called by the connection; resolves when the reader takes more. */
  async receive(chunk: Buffer, fin: boolean): Promise<void> {
    if (this.destroyed || this.#ended) return;
    const more = chunk.length === 0 || this.push(chunk);
    if (fin) {
      this.#ended = true;
      this.push(null);
      return;
    }
    if (!more) await new Promise<void>((resolve) => (this.#wanted = resolve));
  }

  accepted(headers: Headers): void {
    this.#accepted.resolve(headers);
  }

  wasReset(status: number): void {
    this.#accepted.reject(new Error(`the stream was reset (status ${status})`));
    this.cut(undefined);
  }

  /** The other side is gone: what was received can still be read. */
  cut(error: Error | undefined): void {
    this.#accepted.reject(error ?? new Error("the connection ended"));
    if (!this.#ended) {
      this.#ended = true;
      this.push(null);
    }
    if (!this.writableEnded) this.end();
  }
}
