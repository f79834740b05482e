/** The sending half of a connection: answers within the peer's windows, and what the socket has not taken yet. */
import type { Duplex } from "node:stream";
import {
  ConnectionError,
  defaultFrameSize,
  defaultWindow,
  ErrorCode,
  Flag,
  FrameType,
  fourBytes,
  frame,
  frameHead,
  largestWindow,
  writeFrameHead,
} from "./frames.ts";
import { headerBlockRoom, writeHeaderBlock } from "./hpack.ts";
import { RecentlyJoined } from "../recently-joined.ts";
import { type Flusher, Output, type Part } from "./output.ts";
import { largestFramed, RecentlyFramed } from "./recently-framed.ts";
import type { Http2Stream } from "./stream.ts";

/** Bytes that a socket has not taken beyond which a peer's wish for acknowledgements ends the connection. */
const maxUnread = 1 << 20;
/** Payloads of this size are handed to the socket as they are. */
const sharedFrom = 4096;
/** A stream's share before the next has its turn. What other connections may send as well is not cut for it, or each made a copy of its own. */
const turnBytes = 64 * 1024;

const recentlyFramed = new RecentlyFramed();
const recentlyJoined = new RecentlyJoined();
/** Other connections may send it, too. */
const isShared = (part: Part): boolean => part.release === undefined;
const bytesOf = (part: Part): Uint8Array => part.bytes;

export class Sender {
  readonly #socket: Duplex;
  readonly #flusher: Flusher;
  /** Told of a stream whose answer is complete. */
  readonly #ended: (stream: Http2Stream) => void;
  readonly #output = new Output();
  /** Streams with something queued that a window or the socket holds back. */
  readonly #held = new Set<Http2Stream>();
  #window = defaultWindow;
  #full = false;
  /** What the flusher knows of: nothing, that there is something, or that it shall leave at the end of the turn. */
  #flushing: "no" | "patiently" | "soon" = "no";
  #finished = false;
  /** Window that a new stream begins with. */
  streamWindow = defaultWindow;
  /** The peer allows no table for our headers any more and must be told that we use none. */
  tableGone = false;
  closed = false;

  constructor(socket: Duplex, flusher: Flusher, ended: (stream: Http2Stream) => void) {
    this.#socket = socket;
    this.#flusher = flusher;
    this.#ended = ended;
    socket.on("drain", () => {
      this.#full = false;
      this.#pumpAll();
    });
  }

  answer(stream: Http2Stream, status: number, headers: readonly string[], body: Uint8Array | undefined): void {
    const size = body?.length ?? 0;
    if (size > defaultFrameSize || size > this.#window || size > stream.sendWindow || this.#full) {
      this.head(stream, status, headers);
      stream.write(body as Uint8Array);
      stream.end();
      return;
    }
    const reserved = frameHead + roomFor(headers) + (size ? frameHead + size : 0);
    const { bytes, at } = this.#output.reserve(reserved);
    let end = this.#writeHead(bytes, at, stream, status, headers, size ? 0 : Flag.endStream);
    if (body && size) {
      writeFrameHead(bytes, end, size, FrameType.data, Flag.endStream, stream.id);
      bytes.set(body, end + frameHead);
      end += frameHead + size;
      this.#window -= size;
      stream.sendWindow -= size;
    }
    this.#output.shrink(at + reserved - end);
    this.#flushSoon();
    this.#end(stream);
  }
  head(stream: Http2Stream, status: number, headers: readonly string[]): void {
    const reserved = frameHead + roomFor(headers);
    const { bytes, at } = this.#output.reserve(reserved);
    const end = this.#writeHead(bytes, at, stream, status, headers, 0);
    this.#output.shrink(at + reserved - end);
    this.#flushSoon();
  }
  /** Sends of the stream's queue what may be sent. */
  pump(stream: Http2Stream): void {
    if (this.#pumpSome(stream, Number.POSITIVE_INFINITY)) this.#held.delete(stream);
    else this.#held.add(stream);
  }
  send(type: number, flags: number, stream: number, payload: readonly number[] | Uint8Array): void {
    if (this.closed) return;
    this.#output.push(frame(type, flags, stream, payload));
    this.#flushSoon();
  }
  /** The same, for what a peer can ask for without end. Throws ConnectionError when it does not take what it asked for. */
  reply(type: number, flags: number, stream: number, payload: readonly number[] | Uint8Array): void {
    if (this.#socket.writableLength + this.#output.length > maxUnread)
      throw new ConnectionError(ErrorCode.enhanceYourCalm, "acknowledgements are asked for and not read");
    this.send(type, flags, stream, payload);
  }
  reset(stream: number, code: number): void {
    this.send(FrameType.reset, 0, stream, fourBytes(code));
  }
  forget(stream: Http2Stream): void {
    this.#held.delete(stream);
  }
  widen(by: number): void {
    this.#window += by;
    if (this.#window > largestWindow) throw new ConnectionError(ErrorCode.flowControl, "a window beyond 2^31 - 1");
    this.#pumpAll();
  }
  /** The stream's window grew. */
  widened(stream: Http2Stream): void {
    if (this.#held.has(stream)) this.pump(stream);
  }
  flush(): void {
    this.#flushing = "no";
    if (this.closed || this.#finished || this.#output.length === 0) return;
    const { length } = this.#output;
    const parts = this.#output.take();
    if (parts.length > 1 && parts.every(isShared)) {
      const bytes = recentlyJoined.join(parts.map(bytesOf), length);
      if (!this.#socket.write(bytes)) this.#full = true;
      return;
    }
    if (parts.length > 1) this.#socket.cork();
    for (const { bytes, release } of parts) if (!this.#socket.write(bytes, release)) this.#full = true;
    if (parts.length > 1) this.#socket.uncork();
  }
  /** Nothing follows. */
  finish(): void {
    if (this.#finished) return;
    this.#flusher.now(this);
    this.#finished = true;
    this.#socket.end();
  }
  close(): void {
    this.closed = true;
    this.#held.clear();
  }

  #writeHead(bytes: Buffer, at: number, stream: Http2Stream, status: number, headers: readonly string[], flags: number): number {
    let from = at + frameHead;
    if (this.tableGone) bytes[from++] = 0x20;
    this.tableGone = false;
    const end = writeHeaderBlock(bytes, from, status, headers);
    writeFrameHead(bytes, at, end - at - frameHead, FrameType.headers, Flag.endHeaders | flags, stream.id);
    return end;
  }
  /** False while something is held back. */
  #pumpSome(stream: Http2Stream, share: number): boolean {
    const { queue } = stream;
    let left = share;
    while (queue.length) {
      const chunk = queue[0] as Uint8Array;
      const size = Math.min(chunk.length, this.#window, stream.sendWindow, chunk.length > largestFramed ? left : chunk.length);
      if (size <= 0 || left <= 0 || this.#full) return false;
      const whole = size === chunk.length;
      if (whole) queue.shift();
      else queue[0] = chunk.subarray(size);
      const ends = whole && queue.length === 0 && stream.endQueued;
      this.#data(stream, chunk, size, ends);
      left -= size;
      if (ends) return true;
    }
    if (stream.endQueued && !stream.localEnded) {
      this.send(FrameType.data, Flag.endStream, stream.id, []);
      this.#end(stream);
    }
    stream.wake();
    return true;
  }
  #data(stream: Http2Stream, chunk: Uint8Array, size: number, ends: boolean): void {
    const framed = ends || size < chunk.length || size < sharedFrom ? undefined : recentlyFramed.get(chunk, stream.id);
    if (framed) this.#output.share(framed);
    else this.#frames(stream, chunk, size, ends);
    this.#window -= size;
    stream.sendWindow -= size;
    stream.stalled = 0;
    if (this.#output.length > maxUnread) this.#flusher.now(this);
    else if (ends || stream.queue.length > 0) this.#flushSoon();
    else this.#flushPatiently();
    if (!ends) return;
    this.#end(stream);
    stream.wake();
  }
  #frames(stream: Http2Stream, chunk: Uint8Array, size: number, ends: boolean): void {
    for (let from = 0; from < size; from += defaultFrameSize) {
      const to = Math.min(from + defaultFrameSize, size);
      const copied = to - from < sharedFrom;
      const { bytes, at } = this.#output.reserve(frameHead + (copied ? to - from : 0));
      writeFrameHead(bytes, at, to - from, FrameType.data, ends && to === size ? Flag.endStream : 0, stream.id);
      const part = from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
      if (copied) bytes.set(part, at + frameHead);
      else this.#output.share(part);
    }
  }
  #pumpAll(): void {
    let progress = this.#held.size > 0;
    while (progress && this.#window > 0 && !this.#full) {
      progress = false;
      for (const stream of [...this.#held]) {
        const before = this.#window;
        if (this.#pumpSome(stream, turnBytes)) this.#held.delete(stream);
        if (this.#window < before) progress = true;
      }
    }
  }
  #end(stream: Http2Stream): void {
    stream.localEnded = true;
    this.#held.delete(stream);
    this.#ended(stream);
  }
  #flushSoon(): void {
    if (this.#flushing === "soon") return;
    this.#flushing = "soon";
    this.#flusher.add(this);
  }
  #flushPatiently(): void {
    if (this.#flushing !== "no") return;
    this.#flushing = "patiently";
    this.#flusher.addPatiently(this);
  }
}

/** An answer's headers are one frame: nothing that we send needs more. */
function roomFor(headers: readonly string[]): number {
  const room = headerBlockRoom(headers);
  if (room > defaultFrameSize) throw new RangeError("the headers of the answer are too long");
  return room;
}
