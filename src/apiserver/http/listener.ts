/**
 * The HTTPS port: HTTP/1.1 and HTTP/2 on one socket, client certificates asked for and never required. Certificates can be
 * replaced while it serves. Closing drains: no new connections, GOAWAY to HTTP/2 peers, running requests finish.
 */
import { listening } from "../../base/listening.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import type { ApiHandler, ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { Http2Connection } from "../../base/http2/connection.ts";
import { ConnectionError } from "../../base/http2/frames.ts";
import { Flusher } from "../../base/http2/output.ts";
import type { Logger } from "../../base/logger.ts";
import { askingForCertificates } from "../../base/sent-certificates.ts";
import { type AnswerOptions, answerUpgrade, serveHttp1, serveHttp2, type Upgrade, upgradeRequest } from "./exchange.ts";
import { table } from "../../base/table.ts";

export interface TlsMaterial {
  /** PEM, leaf first. */
  cert: string | Buffer;
  key: string | Buffer;
  /** PEM bundle of the authorities whose client certificates are asked for. */
  clientCa?: string | Buffer;
}

export type { Upgrade };
/** Takes over the socket, or answers on it and ends it, or gives an answer that is HTTP's. */
export type UpgradeHandler = (request: ApiRequest, upgrade: Upgrade) => Promise<ApiResponse | undefined>;
export interface Upgrades {
  /** Whether the request leads to what may leave HTTP. Others are answered as if they had not asked to. */
  accepts(request: ApiRequest): boolean;
  handler: UpgradeHandler;
}

export interface ListenerOptions {
  handler: ApiHandler;
  upgrades?: Upgrades;
  tls: TlsMaterial;
  host: string;
  /** 0: any free port. */
  port: number;
  /** Of the dates in answers. */
  clock: Clock;
  logger: Logger;
  /** Requests at the same time on a connection of HTTP/2. @default 100 */
  maxStreams?: number;
  /** Whether HTTP/2 is spoken. @default true */
  http2?: boolean;
  /** Told of each client with which TLS could not be agreed on. */
  handshakeFailed?(): void;
  /** Runs before answers leave, over HTTP/2 once for all of a turn. */
  beforeFlush?(): void;
}

export interface Listener {
  readonly port: number;
  readonly connections: number;
  /** New connections use it at once; those that exist keep theirs. */
  replaceTls(tls: TlsMaterial): void;
  /** Waits for running requests at most `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/**
 * As kube-apiserver has them (k8s.io/apiserver/pkg/server/secure_serving.go): 32 s for the handshake and for headers, 90 s
 * between requests, probes of a silent peer after three minutes. HTTP/2 has its own in base/http2/patience.ts.
 */
const limits = {
  handshakeTimeout: 32_000,
  headersTimeout: 32_000,
  keepAliveTimeout: 90_000,
  // A body may take as long as its request.
  requestTimeout: 0,
  maxHeaderSize: 1 << 20,
  keepAlive: true,
  keepAliveInitialDelay: 180_000,
};

/** A connection that is closed with something unread loses its answer: so long the rest is taken (net/http's rstAvoidanceDelay). */
const lingerMs = 500;

/** What node:http could not read, as Go's server answers it. */
const refusals = table<string>({
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
});

export async function listen(options: ListenerOptions): Promise<Listener> {
  const { logger } = options;
  const connections = new Set<Http2Connection>();
  const sockets = new Set<Duplex>();
  const flusher = new Flusher(options.beforeFlush);
  const date = dateHeader(options.clock);
  const server = createServer({
    ...secureContext(options.tls),
    ALPNProtocols: options.http2 === false ? ["http/1.1"] : ["h2", "http/1.1"],
    requestCert: true,
    rejectUnauthorized: false,
    ...limits,
    shouldUpgradeCallback: (message) => options.upgrades?.accepts(upgradeRequest(message, new AbortController().signal)) ?? false,
  });
  const [speakHttp1] = server.listeners("secureConnection") as ((socket: TLSSocket) => void)[];
  server.removeAllListeners("secureConnection");
  let draining = false;
  const answering: AnswerOptions = { date, clock: systemClock, ...(options.beforeFlush ? { beforeAnswer: options.beforeFlush } : {}) };
  const failed = (error: unknown): void => logger.error("request handling broke", { error });
  server.on("request", (message: IncomingMessage, reply: ServerResponse) => {
    if (draining) reply.setHeader("connection", "close");
    serveHttp1(options.handler, message, reply, answering).catch((error) => {
      failed(error);
      message.destroy();
    });
  });
  const speakHttp2 = (socket: TLSSocket): void => {
    socket.setNoDelay(true);
    const end = (): void => connection.shutdown();
    const connection = new Http2Connection(socket, {
      handler: (stream) => serveHttp2(options.handler, stream, socket, date, end),
      flusher,
      clock: systemClock,
      ...(options.maxStreams ? { maxStreams: options.maxStreams } : {}),
      onError: (error) => (error instanceof ConnectionError ? logger.debug("HTTP/2 connection ended", { error }) : failed(error)),
      onClose: () => connections.delete(connection),
    });
    connections.add(connection);
    if (draining) connection.shutdown();
  };
  server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", (error: Error) => logger.debug("connection broke", { error }));
    if (socket.alpnProtocol === "h2") speakHttp2(socket);
    else speakHttp1?.call(server, socket);
  });
  server.on("tlsClientError", (error) => {
    options.handshakeFailed?.();
    logger.debug("TLS handshake failed", { error });
  });
  const refused = new WeakSet<Duplex>();
  server.on("clientError", (error, socket) => {
    // What still comes of the same request.
    if (refused.has(socket)) return;
    logger.debug("malformed request", { error });
    const status = refusals[(error as NodeJS.ErrnoException).code ?? ""] ?? "400 Bad Request";
    if (!socket.writable) return void socket.destroy();
    refused.add(socket);
    socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`);
    systemClock.after(lingerMs, () => socket.destroy());
  });
  const upgrade = async (handler: UpgradeHandler, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const abort = new AbortController();
    const broke = (error: Error): void => logger.debug("upgraded connection broke", { error });
    const gone = (): void => abort.abort(new Error("the client went away"));
    socket.on("error", broke);
    socket.on("close", gone);
    const request = upgradeRequest(message, abort.signal);
    const way = { request: message, socket, head };
    const response = await handler(request, way);
    if (!response) return;
    await answerUpgrade(request, response, way, answering, (given) => {
      socket.off("error", broke);
      socket.off("close", gone);
      speakHttp1?.call(server, given);
    });
  };
  server.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!options.upgrades) return void socket.destroy();
    upgrade(options.upgrades.handler, message, socket, head).catch((error) => {
      failed(error);
      socket.destroy();
    });
  });
  await listening(server, { port: options.port, host: options.host });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get connections() {
      return sockets.size;
    },
    replaceTls: (tls) => server.setSecureContext(secureContext(tls)),
    async close(graceMs) {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.shutdown();
      // HTTP/1.1 connections that carry no request have nothing to say goodbye with.
      server.closeIdleConnections();
      const cut = options.clock.after(graceMs, () => {
        for (const connection of connections) connection.destroy();
        for (const socket of sockets) socket.destroy();
      });
      await closed;
      cut.cancel();
    },
  };
}

/** Who a certificate stands for is found out by the request: its authority may be that of front proxies. */
const secureContext = (tls: TlsMaterial): SecureContextOptions => ({
  cert: tls.cert,
  key: tls.key,
  ...askingForCertificates(tls.clientCa),
  minVersion: "TLSv1.2",
});

/** The text of the header for the present second (RFC 9110, 5.6.7). */
function dateHeader(clock: Clock): () => string {
  let second = Number.NaN;
  let text = "";
  return () => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}
