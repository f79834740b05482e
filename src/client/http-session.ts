/**
 * HTTP/2 connections to one server. HTTP/2 because against kube-apiserver Node 24 spends half the processor time per
 * request that HTTP/1.1 with kept-alive sockets costs (100 against 205 microseconds), and watches need no socket each.
 *
 * Guarantees: a connection carries at most `streamsPerConnection` streams, more open further connections; one that is
 * going away takes no new stream; one that answers no ping within `pingTimeout` is destroyed and its streams fail.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type OutgoingHttpHeaders } from "node:http2";
import { isIP } from "node:net";
import type { Clock, Timer } from "../base/clock.ts";

/** PEM texts. */
export interface TLSMaterial {
  ca?: string;
  cert?: string;
  key?: string;
  /** Name to verify instead of the host's. */
  serverName?: string;
  /** Accept any server certificate. */
  insecure?: boolean;
}

/** kube-apiserver announces 100; a server may announce less. */
const streamsPerConnection = 100;
/** Milliseconds of silence before a ping, and until its answer must have come (client-go's values). */
const idleBeforePing = 30_000;
const pingTimeout = 15_000;
const connectTimeout = 30_000;
/** Bytes in flight per stream and per connection; the defaults of 64 KiB make large lists wait for round trips. */
const streamWindow = 1 << 20;
const connectionWindow = 1 << 24;

interface Connection {
  session: ClientHttp2Session;
  ready: Promise<void>;
  streams: number;
  draining: boolean;
  pings: Timer | undefined;
}

export class HttpSessions {
  readonly #origin: URL;
  readonly #tls: () => TLSMaterial;
  readonly #clock: Clock;
  #connections: Connection[] = [];

  constructor(origin: URL, tls: () => TLSMaterial, clock: Clock) {
    this.#origin = origin;
    this.#tls = tls;
    this.#clock = clock;
  }

  /** A stream that has been sent its headers. Rejects when no connection can be made. */
  async open(headers: OutgoingHttpHeaders, endStream: boolean): Promise<ClientHttp2Stream> {
    const connection = this.#usable() ?? this.#connect();
    connection.streams++;
    let stream: ClientHttp2Stream;
    try {
      await connection.ready;
      stream = connection.session.request(headers, { endStream });
    } catch (error) {
      connection.streams--;
      throw error;
    }
    connection.session.ref();
    stream.once("close", () => {
      connection.streams--;
      if (connection.streams > 0) return;
      if (connection.draining) connection.session.close();
      else connection.session.unref();
    });
    return stream;
  }

  /** New streams use new connections (with credentials read again); the old ones end with their last stream. */
  renew(): void {
    for (const connection of this.#connections) this.#drain(connection);
    this.#connections = [];
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.session.destroy();
    this.#connections = [];
  }

  #usable(): Connection | undefined {
    return this.#connections.find((c) => {
      const announced = c.session.remoteSettings?.maxConcurrentStreams ?? streamsPerConnection;
      return c.streams < Math.min(streamsPerConnection, announced);
    });
  }

  #drain(connection: Connection): void {
    connection.draining = true;
    this.#connections = this.#connections.filter((c) => c !== connection);
    if (connection.streams === 0) connection.session.close();
  }

  #connect(): Connection {
    const { ca, cert, key, serverName, insecure } = this.#tls();
    const servername = serverName ?? (isIP(this.#origin.hostname) ? undefined : this.#origin.hostname);
    const session = connect(this.#origin, {
      ca,
      // Any certificate of the bundle is trusted, as client-go has it.
      ...(ca ? { allowPartialTrustChain: true } : {}),
      cert,
      key,
      ...(servername ? { servername } : {}),
      rejectUnauthorized: !insecure,
      settings: { enablePush: false, initialWindowSize: streamWindow },
    });
    const connection: Connection = { session, ready: Promise.resolve(), streams: 0, draining: false, pings: undefined };
    connection.ready = new Promise((resolve, reject) => {
      const timer = this.#clock.after(connectTimeout, () => session.destroy(new Error(`no connection within ${connectTimeout / 1000} s`)));
      session.once("connect", () => {
        timer.cancel();
        session.setLocalWindowSize(connectionWindow);
        this.#keepAlive(connection);
        resolve();
      });
      session.on("error", (error) => {
        timer.cancel();
        reject(error);
      });
      session.once("close", () => {
        timer.cancel();
        reject(new Error("connection closed"));
      });
    });
    connection.ready.catch(() => {});
    session.once("goaway", () => this.#drain(connection));
    session.once("close", () => {
      connection.pings?.cancel();
      this.#connections = this.#connections.filter((c) => c !== connection);
    });
    this.#connections.push(connection);
    return connection;
  }

  #keepAlive(connection: Connection): void {
    const { session } = connection;
    connection.pings = this.#clock.after(idleBeforePing, () => {
      if (session.destroyed) return;
      const late = this.#clock.after(pingTimeout, () => session.destroy(new Error("connection lost: ping not answered"), constants.NGHTTP2_INTERNAL_ERROR));
      session.ping((error) => {
        late.cancel();
        if (!error) this.#keepAlive(connection);
      });
    });
  }
}
