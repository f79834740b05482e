/**
 * The HTTPS port: HTTP/1.1 and HTTP/2 on one socket, client certificates asked for and never required. Certificates can be
 * replaced while it serves. Closing drains: no new connections, GOAWAY to HTTP/2 peers, running requests finish.
 */
import type { IncomingMessage } from "node:http";
import { createSecureServer, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { ApiHandler, ApiRequest } from "../../api/exchange.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { serveHttp1, serveHttp2, upgradeRequest } from "./exchange.ts";

export interface TlsMaterial {
  /** PEM, leaf first. */
  cert: string | Buffer;
  key: string | Buffer;
  /** PEM bundle that client certificates are verified against. */
  clientCa?: string | Buffer;
}

export interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}
/** Takes over the socket, or answers on it and ends it. */
export type UpgradeHandler = (request: ApiRequest, upgrade: Upgrade) => Promise<void>;

export interface ListenerOptions {
  handler: ApiHandler;
  upgrade?: UpgradeHandler;
  tls: TlsMaterial;
  host: string;
  /** 0: any free port. */
  port: number;
  clock: Clock;
  logger: Logger;
}

export interface Listener {
  readonly port: number;
  readonly connections: number;
  /** New connections use it at once; those that exist keep theirs. */
  replaceTls(tls: TlsMaterial): void;
  /** Waits for running requests at most `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

export async function listen(options: ListenerOptions): Promise<Listener> {
  const { logger } = options;
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Duplex>();
  const server = createSecureServer({
    ...secureContext(options.tls),
    allowHTTP1: true,
    requestCert: true,
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams: 250, initialWindowSize: 1 << 20 },
    maxSessionMemory: 64,
  });
  let draining = false;
  const failed = (error: unknown): void => logger.error("request handling broke", { error });
  server.on("request", (message, reply) => {
    if (draining) reply.setHeader("connection", "close");
    serveHttp1(options.handler, message as unknown as IncomingMessage, reply as never).catch((error) => {
      failed(error);
      message.destroy();
    });
  });
  // A "request" listener brings in node's own HTTP/2 translation, half as fast again as the stream itself.
  server.removeAllListeners("stream");
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
    serveHttp2(options.handler, stream, headers, rawHeaders).catch((error) => {
      failed(error);
      stream.destroy();
    });
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", (error) => logger.debug("session ended by an error", { error }));
    session.on("close", () => sessions.delete(session));
    if (draining) session.close();
  });
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", (error: Error) => logger.debug("connection broke", { error }));
  });
  server.on("tlsClientError", (error) => logger.debug("TLS handshake failed", { error }));
  server.on("clientError", (error, socket) => {
    logger.debug("malformed request", { error });
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request");
    else socket.destroy();
  });
  server.on("sessionError", (error: Error) => logger.debug("HTTP/2 session error", { error }));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const abort = new AbortController();
    socket.on("error", (error) => logger.debug("upgraded connection broke", { error }));
    socket.on("close", () => abort.abort(new Error("the client went away")));
    if (!options.upgrade) {
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    options.upgrade(upgradeRequest(request, abort.signal), { request, socket, head }).catch((error) => {
      failed(error);
      socket.destroy();
    });
  });
  await listening(server, options.port, options.host);
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
      for (const session of sessions) session.close();
      // HTTP/1.1 connections that carry no request have nothing to say goodbye with.
      (server as unknown as { closeIdleConnections?: () => void }).closeIdleConnections?.();
      const cut = options.clock.after(graceMs, () => {
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      });
      await closed;
      cut.cancel();
    },
  };
}

function secureContext(tls: TlsMaterial): { cert: string | Buffer; key: string | Buffer; ca?: string | Buffer; minVersion: "TLSv1.2" } {
  return { cert: tls.cert, key: tls.key, ...(tls.clientCa ? { ca: tls.clientCa } : {}), minVersion: "TLSv1.2" };
}

function listening(server: Http2SecureServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}
