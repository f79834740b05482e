/**
 * The server's side of an HTTP/2 connection (RFC 9113): reads frames, keeps streams and windows, writes answers. Push,
 * priorities and CONNECT are not offered. A peer that breaks the protocol gets GOAWAY and is cut; one that resets streams
 * faster than their requests end is refused (CVE-2023-44487), as is one that does not take the acknowledgements it asks for.
 * How long it may be silent says patience.ts.
 */
import type { Duplex } from "node:stream";
import { Arrivals } from "./arrivals.ts";
import { PassingMap } from "../passing-map.ts";
import type { Clock } from "../clock.ts";
import { Http2Body } from "./body.ts";
import { FrameReader } from "./frame-reader.ts";
import { ConnectionError, defaultWindow, ErrorCode, Flag, FrameType, fourBytes, largestWindow, Setting } from "./frames.ts";
import { HeadReader, MalformedError } from "./head.ts";
import { type Block, BlockReader, dependsOn, maxHeaderBytes } from "./header-block.ts";
import { HpackError } from "./hpack.ts";
import type { Flusher } from "./output.ts";
import { Patience } from "./patience.ts";
import { Sender } from "./sender.ts";
import { Http2Stream, type RequestHead } from "./stream.ts";

export interface ConnectionOptions {
  /** Settles when it has no more to do with the stream; rejecting resets the stream. */
  handler(stream: Http2Stream): Promise<void>;
  flusher: Flusher;
  /** Sockets live in real time, whatever a simulated cluster's clock says. */
  clock: Clock;
  /** Told of what ended the connection from our side, and of handlers that reject. */
  onError(error: unknown): void;
  onClose?(): void;
  /** @default 100, as kube-apiserver has it */
  maxStreams?: number;
}

const streamWindow = 1 << 20;
const connectionWindow = 8 << 20;
/** Of a body that comes after its answer. */
const maxDropped = 4 << 20;
const rememberedResets = 100;

const broken = (message: string): ConnectionError => new ConnectionError(ErrorCode.protocol, message);
const nothingRead: RequestHead = { method: "GET", path: "/", contentLength: -1, head: { headers: {} } };
const tooLong = Buffer.from("<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>");
const wrongSize = (message: string): ConnectionError => new ConnectionError(ErrorCode.frameSize, message);

export class Http2Connection {
  readonly #socket: Duplex;
  readonly #options: ConnectionOptions;
  readonly #maxStreams: number;
  readonly #reader = new FrameReader((type, flags, id, bytes, from, to) => this.#frame(type, flags, id, bytes, from, to));
  readonly #head = new HeadReader(maxHeaderBytes);
  readonly #sender: Sender;
  readonly #streams = new PassingMap<number, Http2Stream>();
  /** Streams that we reset: what the client had sent before it knew is no mistake of its (RFC 9113, 5.1). */
  readonly #recentlyReset = new Set<number>();
  readonly #arrivals = new Arrivals((stream) => this.#run(stream));
  readonly #block = new BlockReader();
  readonly #patience: Patience;
  #greeted = false;
  #acknowledged = false;
  #lastStream = 0;
  #running = 0;
  #receiveWindow = connectionWindow;
  #taken = 0;
  #draining = false;

  /** `socket` speaks HTTP/2 from its first byte. */
  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#maxStreams = options.maxStreams ?? 100;
    this.#sender = new Sender(socket, options.flusher, (stream) => this.#answered(stream));
    const settings: [number, number][] = [
      [Setting.maxConcurrentStreams, this.#maxStreams],
      [Setting.initialWindowSize, streamWindow],
      [Setting.maxHeaderListSize, maxHeaderBytes],
    ];
    this.#sender.send(
      FrameType.settings,
      0,
      0,
      settings.flatMap(([name, value]) => [name >> 8, name & 255, ...fourBytes(value)]),
    );
    this.#sender.send(FrameType.windowUpdate, 0, 0, fourBytes(connectionWindow - defaultWindow));
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#patience = new Patience(options.clock, {
      greeted: () => this.#greeted,
      open: this.#streams,
      lastStream: () => this.#lastStream,
      unsent: () => socket.writableLength,
      shutdown: () => this.shutdown(),
      destroy: () => this.destroy(),
    });
    const gone = (): void => this.#close(new Error("the client went away"));
    socket.on("end", () => {
      gone();
      socket.end();
    });
    socket.on("close", () => {
      gone();
      this.#patience.stop();
    });
  }
  /** Takes no new requests; ends the connection when those that run are answered. */
  shutdown(): void {
    if (this.#draining || this.#sender.closed) return;
    this.#draining = true;
    this.#goAway(ErrorCode.none);
    this.#endIfIdle();
  }
  destroy(): void {
    this.#socket.destroy();
    this.#close(new Error("the server ended the connection"));
  }
  /** Breaks one stream off. */
  reset(stream: Http2Stream, code: number): void {
    this.#sender.reset(stream.id, code);
    this.#remember(stream.id);
    this.#forget(stream);
    stream.abort(new Error("the stream was reset"));
  }

  #answered(stream: Http2Stream): void {
    // Not every client can be told to stop sending (RFC 9113, 8.1), so the rest is taken and dropped.
    if (stream.remoteEnded) this.#forget(stream);
    else this.#bodyOf(stream).discard();
    if (this.#draining) this.#endIfIdle();
  }
  #forget(stream: Http2Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#sender.forget(stream);
    this.#give(stream.held);
    if (this.#draining) this.#endIfIdle();
  }
  #endIfIdle(): void {
    if (this.#sender.closed) return;
    for (const stream of this.#streams.values()) if (!stream.localEnded) return;
    this.#sender.finish();
    this.#patience.leave();
  }

  #receive(chunk: Buffer): void {
    if (this.#sender.closed) return;
    try {
      this.#reader.read(chunk);
    } catch (error) {
      if (error instanceof ConnectionError) this.#break(error);
      else if (error instanceof HpackError) this.#break(new ConnectionError(ErrorCode.compression, error.message));
      else throw error;
      return;
    }
    this.#arrivals.begin();
  }
  #break(error: ConnectionError): void {
    this.#options.onError(error);
    this.#goAway(error.code);
    this.#sender.finish();
    this.#close(error);
  }
  #goAway(code: number): void {
    this.#sender.send(FrameType.goAway, 0, 0, [...fourBytes(this.#lastStream), ...fourBytes(code)]);
  }
  #close(error: Error): void {
    if (this.#sender.closed) return;
    this.#sender.close();
    this.#patience.leave();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.abort(error);
    this.#options.onClose?.();
  }
  #run(stream: Http2Stream): void {
    if (stream.closed) return;
    if (!stream.remoteEnded) this.#bodyOf(stream);
    this.#running++;
    this.#options.handler(stream).then(
      () => {
        this.#running--;
      },
      (error: unknown) => {
        this.#running--;
        this.#options.onError(error);
        stream.reset(ErrorCode.internal);
      },
    );
  }

  #frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (!this.#greeted && type !== FrameType.settings) throw broken("the first frame is not SETTINGS");
    if (this.#block.open && type !== FrameType.continuation) throw broken("a frame between HEADERS and CONTINUATION");
    if (type === FrameType.windowUpdate) {
      // Most frames are: read where they are.
      if (to - from !== 4) throw wrongSize("WINDOW_UPDATE of another size than 4");
      this.#onWindowUpdate(id, bytes.readUInt32BE(from) & largestWindow);
      return;
    }
    const payload = bytes.subarray(from, to);
    if (type === FrameType.headers) this.#onBlock(this.#block.headers(id, flags, payload));
    else if (type === FrameType.data) this.#onData(id, flags, payload);
    else if (type === FrameType.continuation) this.#onBlock(this.#block.continuation(id, flags, payload));
    else if (type === FrameType.reset) this.#onReset(id, payload);
    else if (type === FrameType.settings) this.#onSettings(id, flags, payload);
    else if (type === FrameType.priority) this.#onPriority(id, payload);
    else if (type === FrameType.ping) {
      if (id !== 0) throw broken("PING of a stream");
      if (payload.length !== 8) throw wrongSize("PING of another size than 8");
      if (!(flags & Flag.ack)) this.#sender.reply(FrameType.ping, Flag.ack, 0, payload);
    } else if (type === FrameType.goAway) {
      if (id !== 0) throw broken("GOAWAY of a stream");
    } else if (type === FrameType.pushPromise) throw broken("PUSH_PROMISE of a client");
    // What nobody knows is left alone (RFC 9113, 4.1).
  }
  #refuse(id: number, code: number): void {
    this.#remember(id);
    this.#sender.reply(FrameType.reset, 0, id, fourBytes(code));
  }
  #remember(id: number): void {
    this.#recentlyReset.add(id);
    if (this.#recentlyReset.size <= rememberedResets) return;
    const [oldest] = this.#recentlyReset;
    this.#recentlyReset.delete(oldest as number);
  }

  #onPriority(id: number, payload: Buffer): void {
    if (id === 0) throw broken("PRIORITY of the connection");
    if (payload.length !== 5) throw wrongSize("PRIORITY of another size than 5");
    if (!dependsOn(id, payload, 0)) return;
    const stream = this.#streams.get(id);
    if (!stream) throw broken("PRIORITY of a stream on itself");
    this.reset(stream, ErrorCode.protocol);
  }
  /** Undefined: it is not whole yet. */
  #onBlock(block: Block | undefined): void {
    if (!block) return;
    const { stream: id, endStream } = block;
    // Read in any case: later blocks refer to it.
    const read = this.#head.read(block.bytes);
    const known = this.#streams.get(id);
    if (known) {
      if (known.remoteEnded) this.reset(known, ErrorCode.streamClosed);
      else if (!endStream) this.reset(known, ErrorCode.protocol);
      else this.#remoteEnd(known);
      return;
    }
    if (id <= this.#lastStream) {
      // Trailers that were on their way when the stream was reset.
      if (this.#recentlyReset.has(id)) return;
      throw new ConnectionError(ErrorCode.streamClosed, `HEADERS of stream ${id}, which is over`);
    }
    this.#lastStream = id;
    if (this.#running >= 2 * this.#maxStreams) throw new ConnectionError(ErrorCode.enhanceYourCalm, "streams are reset too fast");
    if (this.#draining || this.#streams.size >= this.#maxStreams) this.#refuse(id, ErrorCode.refusedStream);
    else if (block.onItself) this.#refuse(id, ErrorCode.protocol);
    else if (read instanceof MalformedError) {
      if (read.tooLarge) this.#begin(id, endStream, nothingRead).answer(431, ["content-type", "text/html; charset=utf-8"], tooLong);
      else this.#refuse(id, ErrorCode.protocol);
    } else if (endStream && read.contentLength > 0) this.#refuse(id, ErrorCode.protocol);
    else this.#arrivals.add(this.#begin(id, endStream, read));
  }
  #begin(id: number, endStream: boolean, read: RequestHead): Http2Stream {
    const stream = new Http2Stream(this, this.#sender, id, read, streamWindow);
    if (endStream) stream.remoteEnded = true;
    this.#streams.set(id, stream);
    return stream;
  }
  /** Of a stream whose body does not come whole. */
  #bodyOf(stream: Http2Stream): Http2Body {
    stream.body ??= new Http2Body((bytes) => this.#take(stream, bytes));
    return stream.body as Http2Body;
  }
  #remoteEnd(stream: Http2Stream): void {
    if (stream.promised > 0) {
      this.reset(stream, ErrorCode.protocol);
      return;
    }
    stream.remoteEnded = true;
    this.#bodyOf(stream).end();
    if (stream.localEnded) this.#forget(stream);
  }
  #onData(id: number, flags: number, payload: Buffer): void {
    if (id === 0 || id > this.#lastStream) throw broken(`DATA of stream ${id}`);
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) throw new ConnectionError(ErrorCode.flowControl, "more than the connection's window");
    const to = flags & Flag.padded ? payload.length - (payload[0] ?? 0) : payload.length;
    const from = flags & Flag.padded ? 1 : 0;
    if (from > to) throw broken("more padding than frame");
    const stream = this.#streams.get(id);
    if (!stream || stream.remoteEnded) {
      this.#give(payload.length);
      if (stream) this.reset(stream, ErrorCode.streamClosed);
      else if (!this.#recentlyReset.has(id)) this.#refuse(id, ErrorCode.streamClosed);
      return;
    }
    const data = to - from < payload.length ? payload.subarray(from, to) : payload;
    const first = stream.receiveWindow === streamWindow;
    stream.receiveWindow -= payload.length;
    stream.held += payload.length;
    if (data.length < payload.length) this.#take(stream, payload.length - data.length);
    if (stream.promised >= 0) stream.promised -= data.length;
    if (stream.localEnded) {
      stream.dropped += data.length;
      if (stream.dropped > maxDropped) {
        this.reset(stream, ErrorCode.none);
        return;
      }
    }
    const tooMuch = stream.read.contentLength >= 0 && stream.promised < 0;
    if (stream.receiveWindow < 0 || tooMuch) this.reset(stream, tooMuch ? ErrorCode.protocol : ErrorCode.flowControl);
    else if (flags & Flag.endStream) this.#lastData(stream, data, first);
    else if (data.length) this.#bodyOf(stream).push(data);
  }
  #lastData(stream: Http2Stream, data: Buffer, first: boolean): void {
    if (first && stream.promised <= 0 && this.#arrivals.has(stream)) {
      // The usual small body: whole before anybody asks for it.
      stream.remoteEnded = true;
      stream.body = data;
      this.#take(stream, data.length);
      return;
    }
    if (data.length) this.#bodyOf(stream).push(data);
    this.#remoteEnd(stream);
  }
  /** As many bytes may be sent again on the connection. */
  #give(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < connectionWindow / 2) return;
    this.#sender.send(FrameType.windowUpdate, 0, 0, fourBytes(this.#taken));
    this.#receiveWindow += this.#taken;
    this.#taken = 0;
  }
  /** The reader took bytes of the body. Those of a stream that is over were given back when it ended. */
  #take(stream: Http2Stream, bytes: number): void {
    if (!this.#streams.has(stream.id)) return;
    stream.held -= bytes;
    this.#give(bytes);
    if (stream.remoteEnded) return;
    stream.taken += bytes;
    if (stream.taken < streamWindow / 2) return;
    this.#sender.send(FrameType.windowUpdate, 0, stream.id, fourBytes(stream.taken));
    stream.receiveWindow += stream.taken;
    stream.taken = 0;
  }
  #onReset(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw wrongSize("RST_STREAM of another size than 4");
    if (id === 0 || id > this.#lastStream) throw broken(`RST_STREAM of stream ${id}`);
    const stream = this.#streams.get(id);
    if (!stream) return;
    this.#forget(stream);
    stream.abort(new Error("the client went away"));
  }
  #onSettings(id: number, flags: number, payload: Buffer): void {
    if (id !== 0) throw broken("SETTINGS of a stream");
    if (flags & Flag.ack) {
      if (payload.length) throw wrongSize("an acknowledgement with settings");
      if (this.#acknowledged) throw broken("an acknowledgement of settings that were never sent");
      this.#acknowledged = true;
      return;
    }
    if (payload.length % 6) throw wrongSize("SETTINGS of a size that is no multiple of 6");
    this.#greeted = true;
    for (let at = 0; at < payload.length; at += 6) this.#setting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#sender.reply(FrameType.settings, Flag.ack, 0, []);
    this.#sender.widen(0);
  }
  #setting(name: number, value: number): void {
    if (name === Setting.headerTableSize && value < 4096) this.#sender.tableGone = true;
    else if (name === Setting.enablePush && value > 1) throw broken("ENABLE_PUSH is neither 0 nor 1");
    else if (name === Setting.maxFrameSize && (value < 1 << 14 || value >= 1 << 24)) throw broken("MAX_FRAME_SIZE out of range");
    else if (name === Setting.initialWindowSize) {
      if (value > largestWindow) throw new ConnectionError(ErrorCode.flowControl, "INITIAL_WINDOW_SIZE out of range");
      const by = value - this.#sender.streamWindow;
      this.#sender.streamWindow = value;
      for (const stream of this.#streams.values()) {
        stream.sendWindow += by;
        if (stream.sendWindow > largestWindow) throw new ConnectionError(ErrorCode.flowControl, "a window beyond 2^31 - 1");
      }
    }
  }
  #onWindowUpdate(id: number, by: number): void {
    if (id > this.#lastStream) throw broken(`WINDOW_UPDATE of stream ${id}`);
    const stream = this.#streams.get(id);
    if (id === 0) {
      if (by === 0) throw broken("WINDOW_UPDATE by 0");
      this.#sender.widen(by);
    } else if (stream) {
      stream.sendWindow += by;
      if (by === 0 || stream.sendWindow > largestWindow) this.reset(stream, by === 0 ? ErrorCode.protocol : ErrorCode.flowControl);
      else this.#sender.widened(stream);
    }
  }
}
