/**
 * A SPDY/3.1 connection over any duplex, as Kubernetes uses it for exec, attach and port-forward: streams with headers in
 * both directions, half-close, reset, ping. Like the implementations it talks to (moby/spdystream) it keeps no flow-control
 * windows: a stream whose reader is slow holds back the whole connection by TCP.
 *
 * Guarantees: what comes for one stream arrives in order and as soon as it comes, so that no more than a control frame is held; a stream ends for its reader when the other side has closed it; when
 * the connection ends, every stream ends with it (with an error if it was cut).
 */
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { type Headers, HeaderReader, HeaderWriter } from "./headers.ts";
import { SpdyStream } from "./stream.ts";

const type = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const;
const flagFin = 1;
const protocolError = 1;
const refused = 3;
const cancelled = 5;
/** A data frame that we write. */
const maxData = 16 << 10;
const maxControl = 64 << 10;

export interface SpdyConnectionEvents {
  /** A stream that the other side opened. Reply to it or reset it. */
  stream: [stream: SpdyStream];
  close: [error?: Error];
}

export class SpdyConnection extends EventEmitter<SpdyConnectionEvents> {
  readonly #transport: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #reader = new HeaderReader();
  readonly #writer = new HeaderWriter();
  #nextId: number;
  /** The data frame whose head was read, until all of it has come: it may be as large as its 24 bits allow. */
  #begun: { stream: SpdyStream | undefined; left: number; fin: boolean } | undefined;
  /** What came of a frame that is not whole, and how many bytes must have come before it is looked at again. */
  #pending: Buffer[] = [];
  #held = 0;
  #wanted = 8;
  #closed = false;

  /** The side that accepts gives its streams even numbers. Begins reading at once. */
  constructor(transport: Duplex, role: "client" | "server") {
    super();
    this.#transport = transport;
    this.#nextId = role === "client" ? 1 : 2;
    transport.on("error", (error) => this.#end(error));
    transport.on("close", () => this.#end());
    void this.#read().then(
      () => this.#end(),
      (error: Error) => this.#end(error),
    );
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Opens a stream; `reply()` of it resolves when the other side has accepted it. */
  open(headers: Headers): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = this.#add(id, headers);
    const body = Buffer.alloc(10);
    body.writeUInt32BE(id, 0);
    this.#control(type.synStream, 0, Buffer.concat([body, this.#writer.write(headers)]));
    return stream;
  }

  /** Ends the connection and every stream of it. */
  close(): void {
    if (this.#closed) return;
    const last = Buffer.alloc(8);
    this.#control(type.goAway, 0, last);
    this.#transport.end();
    this.#end();
  }

  #add(id: number, headers: Headers): SpdyStream {
    const stream = new SpdyStream(headers, {
      reply: (reply) => this.#control(type.synReply, 0, Buffer.concat([uint32(id), this.#writer.write(reply)])),
      data: (chunk, fin) => this.#data(id, chunk, fin),
      reset: () => {
        this.#control(type.rstStream, 0, Buffer.concat([uint32(id), uint32(cancelled)]));
        this.#streams.delete(id);
      },
      resume: () => this.#transport.resume(),
      done: () => this.#streams.delete(id),
    });
    this.#streams.set(id, stream);
    return stream;
  }

  #control(kind: number, flags: number, body: Uint8Array): void {
    if (this.#closed) return;
    const head = Buffer.alloc(8);
    head.writeUInt16BE(0x8003, 0);
    head.writeUInt16BE(kind, 2);
    head.writeUInt32BE(((flags << 24) | body.length) >>> 0, 4);
    this.#transport.write(Buffer.concat([head, body]));
  }

  /** Resolves when the transport takes more. */
  async #data(id: number, chunk: Uint8Array, fin: boolean): Promise<void> {
    let at = 0;
    do {
      if (this.#closed) throw new Error("the connection is closed");
      const piece = chunk.subarray(at, at + maxData);
      at += piece.length;
      const head = Buffer.alloc(8);
      head.writeUInt32BE(id, 0);
      head.writeUInt32BE((((fin && at >= chunk.length ? flagFin : 0) << 24) | piece.length) >>> 0, 4);
      if (!this.#transport.write(Buffer.concat([head, piece]))) await this.#drained();
    } while (at < chunk.length);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#transport.off("drain", done);
        this.#transport.off("close", done);
        resolve();
      };
      this.#transport.on("drain", done);
      this.#transport.on("close", done);
    });
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#transport as AsyncIterable<Buffer>) {
      this.#pending.push(chunk);
      this.#held += chunk.length;
      // Joined once for a frame, not for each of its pieces.
      if (this.#held < this.#wanted) continue;
      await this.#frames(this.#pending.length > 1 ? Buffer.concat(this.#pending, this.#held) : chunk);
    }
  }

  /** Takes the whole control frames and what there is of data, and keeps the rest. */
  async #frames(bytes: Buffer): Promise<void> {
    let at = await this.#content(bytes);
    this.#wanted = 8;
    while (!this.#begun && bytes.length - at >= 8) {
      const head = bytes.subarray(at, at + 8);
      const word = head.readUInt32BE(4);
      const length = word & 0xffffff;
      if ((head.readUInt8(0) & 0x80) === 0) {
        this.#begun = { stream: this.#streams.get(head.readUInt32BE(0)), left: length, fin: ((word >>> 24) & flagFin) !== 0 };
        at += 8;
        const taken = this.#content(bytes.subarray(at));
        // Millions of frames that nobody reads need not each wait for the next turn.
        at += typeof taken === "number" ? taken : await taken;
        continue;
      }
      if (length > maxControl) throw new Error("control frame too large");
      if (bytes.length - at < 8 + length) {
        this.#wanted = 8 + length;
        break;
      }
      at += 8 + length;
      await this.#frame(head.readUInt32BE(0), word >>> 24, bytes.subarray(at - length, at));
    }
    if (this.#begun) this.#wanted = 1;
    this.#pending = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#held = bytes.length - at;
  }

  /** Passes on what belongs to the data frame that has begun, and says how much that is. */
  #content(bytes: Buffer): number | Promise<number> {
    const frame = this.#begun;
    if (!frame) return 0;
    const length = Math.min(bytes.length, frame.left);
    frame.left -= length;
    if (!frame.left) this.#begun = undefined;
    const last = frame.fin && !frame.left;
    if (!frame.stream || (!length && !last)) return length;
    return frame.stream.receive(bytes.subarray(0, length), last).then(() => length);
  }

  async #frame(first: number, flags: number, body: Buffer): Promise<void> {
    if (((first >>> 16) & 0x7fff) !== 3) throw new Error("not SPDY/3");
    switch (first & 0xffff) {
      case type.synStream: {
        if (body.length < 10) throw new Error("SYN_STREAM cut short");
        const id = body.readUInt32BE(0) & 0x7fffffff;
        const headers = await this.#reader.read(body.subarray(10));
        if (this.#streams.has(id) || this.listenerCount("stream") === 0) {
          this.#control(type.rstStream, 0, Buffer.concat([uint32(id), uint32(this.#streams.has(id) ? protocolError : refused)]));
          return;
        }
        const stream = this.#add(id, headers);
        this.emit("stream", stream);
        if (flags & flagFin) await stream.receive(Buffer.alloc(0), true);
        return;
      }
      case type.synReply: {
        if (body.length < 4) throw new Error("SYN_REPLY cut short");
        this.#streams.get(body.readUInt32BE(0) & 0x7fffffff)?.accepted(await this.#reader.read(body.subarray(4)));
        return;
      }
      case type.headers: {
        // Read even where nobody asks: the blocks share one compression state.
        if (body.length >= 4) await this.#reader.read(body.subarray(4));
        return;
      }
      case type.rstStream: {
        if (body.length < 8) throw new Error("RST_STREAM cut short");
        const id = body.readUInt32BE(0) & 0x7fffffff;
        this.#streams.get(id)?.wasReset(body.readUInt32BE(4));
        this.#streams.delete(id);
        return;
      }
      case type.ping:
        // An odd number is the client's: each side answers the other's.
        if (body.length === 4 && body.readUInt32BE(0) % 2 !== this.#nextId % 2) this.#control(type.ping, 0, body);
        return;
      default:
        // GOAWAY is followed by the end of the connection; SETTINGS and WINDOW_UPDATE concern windows that nobody keeps.
        return;
    }
  }

  #end(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.cut(error);
    this.#streams.clear();
    this.#reader.close();
    this.#transport.destroy();
    this.emit("close", error);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
