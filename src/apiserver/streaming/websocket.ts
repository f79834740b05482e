/** The server's side of a WebSocket, with the subprotocol rule that Kubernetes' clients need. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

export const isWebSocket = (request: IncomingMessage): boolean => /\bwebsocket\b/i.test(request.headers.upgrade ?? "");

/** Subprotocols that the client offers, in its order. */
export const offered = (request: IncomingMessage): string[] =>
  String(request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((p) => p.trim())
    .filter(Boolean);

const maxMessage = 32 << 20;

/**
 * Accepts with `protocol` ("" for none). ws refuses `SPDY/3.1+portforward.k8s.io`, because "/" is no token character, so
 * the offer is taken away before it looks and the choice is put into the answer by hand.
 */
export function accept(request: IncomingMessage, socket: Duplex, head: Buffer, protocol: string): Promise<WebSocket> {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: maxMessage, clientTracking: false });
  delete request.headers["sec-websocket-protocol"];
  if (protocol) server.on("headers", (headers) => void headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve) => server.handleUpgrade(request, socket, head, resolve));
}

/** Resolves when the message has been handed to the socket; rejects when it is closed. */
export function send(socket: WebSocket, data: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => socket.send(data, { binary: typeof data !== "string" }, (error) => (error ? reject(error) : resolve())));
}

export const bytesOf = (data: Buffer | ArrayBuffer | Buffer[]): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);
