/** One request on an HTTP/2 connection and its answer, as the server sees it. */
import type { Http2Body } from "./body.ts";
import { ErrorCode } from "./frames.ts";

/** What came with HEADERS. Shared by requests that carry the same headers: nobody changes it. */
export interface Head {
  /** Names in lower case; values that came more than once joined as node:http joins them. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Each value of those that came more than once. */
  readonly repeated?: Readonly<Record<string, string[] | undefined>>;
}

export interface RequestHead {
  method: string;
  /** As it came, with the query. */
  path: string;
  /** -1: not given. */
  contentLength: number;
  head: Head;
}

interface Connection {
  reset(stream: Http2Stream, code: number): void;
}

/** The connection's sending half. */
interface Outgoing {
  readonly closed: boolean;
  readonly streamWindow: number;
  answer(stream: Http2Stream, status: number, headers: readonly string[], body: Uint8Array | undefined): void;
  head(stream: Http2Stream, status: number, headers: readonly string[]): void;
  pump(stream: Http2Stream): void;
}

export class Http2Stream {
  readonly id: number;
  readonly read: RequestHead;
  /** Whole where it came at once with the headers. */
  body?: Uint8Array | Http2Body;
  /** Called once when nobody waits for the answer any more: the stream was reset or the connection is gone. */
  onAbort?: (error: Error) => void;

  /** For the connection alone. */
  sendWindow: number;
  receiveWindow: number;
  /** Taken by the reader and not yet given back to the sender. */
  taken = 0;
  /** Come and not yet taken. */
  held = 0;
  /** Come after the answer. */
  dropped = 0;
  /** Bytes of the body that content-length still promises; -1: it promises nothing. */
  promised = -1;
  remoteEnded = false;
  localEnded = false;
  queue: Uint8Array[] = [];
  endQueued = false;
  /** Looks at it since some of its answer was sent. */
  stalled = 0;
  readonly #connection: Connection;
  readonly #sender: Outgoing;
  #drained: (() => void)[] = [];

  constructor(connection: Connection, sender: Outgoing, id: number, read: RequestHead, receiveWindow: number) {
    this.#connection = connection;
    this.#sender = sender;
    this.id = id;
    this.read = read;
    this.promised = read.contentLength;
    this.sendWindow = sender.streamWindow;
    this.receiveWindow = receiveWindow;
  }
  /** Nothing can be sent any more: it ended, was reset, or the connection is gone. */
  get closed(): boolean {
    return this.localEnded || this.#sender.closed;
  }
  /** The whole answer. `headers`: names in lower case and values in turn. */
  answer(status: number, headers: readonly string[], body?: Uint8Array): void {
    if (!this.closed) this.#sender.answer(this, status, headers, body);
  }
  /** The head of an answer that write() continues and end() ends. */
  begin(status: number, headers: readonly string[]): void {
    if (!this.closed) this.#sender.head(this, status, headers);
  }
  /** False: wait for drained() before the next. Nobody may change the bytes. */
  write(chunk: Uint8Array): boolean {
    if (this.closed || chunk.length === 0) return true;
    // Most are sent at once; the first push makes room for seventeen.
    if (this.queue.length === 0) this.queue = [chunk];
    else this.queue.push(chunk);
    this.#sender.pump(this);
    return this.queue.length === 0;
  }
  /** Resolves when everything written has been sent, or never can be. */
  drained(): Promise<void> {
    if (this.queue.length === 0 || this.closed) return Promise.resolve();
    return new Promise((resolve) => {
      if (this.#drained.length === 0) this.#drained = [resolve];
      else this.#drained.push(resolve);
    });
  }
  end(): void {
    if (this.closed || this.endQueued) return;
    this.endQueued = true;
    this.#sender.pump(this);
  }
  /** Breaks the answer off. */
  reset(code: number = ErrorCode.internal): void {
    if (!this.closed) this.#connection.reset(this, code);
  }

  /** For the connection: the queue is empty. */
  wake(): void {
    const waiting = this.#drained;
    if (!waiting.length) return;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }
  /** For the connection: nobody listens any more. */
  abort(error: Error): void {
    const answered = this.localEnded || this.endQueued;
    this.localEnded = true;
    this.remoteEnded = true;
    this.queue = [];
    if (this.body && !(this.body instanceof Uint8Array) && !this.body.ended) this.body.fail(error);
    this.wake();
    if (!answered) this.onAbort?.(error);
  }
}
