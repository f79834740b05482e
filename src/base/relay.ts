/** Two byte streams joined until both have ended, with half-close passed on. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { drained } from "./drained.ts";

/** `early` are bytes of each side that arrived with its headers. */
export function join(a: Duplex, b: Duplex, early: { fromA?: Buffer; fromB?: Buffer } = {}): void {
  if (early.fromA?.length) b.write(early.fromA);
  if (early.fromB?.length) a.write(early.fromB);
  const tie = (from: Duplex, to: Duplex): void => {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => (from.readableEnded ? to.end() : to.destroy()));
  };
  tie(a, b);
  tie(b, a);
}

/** Header lines as they came, by their names in lower case. `raw` is IncomingMessage.rawHeaders. */
export function headerLines(raw: readonly string[]): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const known = lines.get(name);
    if (known) known.push(raw[i + 1] as string);
    else lines.set(name, [raw[i + 1] as string]);
  }
  return lines;
}

/** The head of an answer that switches protocols, as it goes on the wire. */
export function responseHead(response: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  for (let i = 0; i < response.rawHeaders.length; i += 2) lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Of one connection: node:http has taken the body out of its framing. */
const framing = new Set(["connection", "keep-alive", "transfer-encoding"]);

/** Passes an answer that switches nothing on to a socket that was taken over, and ends it. */
export async function relayRefusal(socket: Duplex, response: IncomingMessage): Promise<void> {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`, "Connection: close"];
  for (let i = 0; i < response.rawHeaders.length; i += 2)
    if (!framing.has((response.rawHeaders[i] as string).toLowerCase())) lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  for await (const chunk of response) {
    if (socket.destroyed) return;
    if (!socket.write(chunk as Buffer)) await drained(socket);
  }
  socket.end();
}

/** Writes a complete answer on a socket that was taken over, and ends it. */
export function answer(socket: Duplex, status: number, reason: string, contentType: string, body: string | Uint8Array): void {
  const bytes = Buffer.from(body);
  socket.write(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`);
  socket.end(bytes);
}

/**
 * Headers of a request that is passed on: as they came, each line its own value, because receivers tell protocol versions
 * apart by lines; without credentials, which are for us alone, and without the host. `raw` is IncomingMessage.rawHeaders,
 * `subprotocols` what authentication has left of those of a WebSocket.
 */
export function forwardedHeaders(raw: readonly string[], subprotocols?: string): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, values] of headerLines(raw)) if (name !== "authorization" && name !== "host") headers[name] = values;
  const offered = headers[offers];
  if (offered && subprotocols !== undefined && offered.join(", ") !== subprotocols) headers[offers] = [subprotocols];
  return headers;
}
const offers = "sec-websocket-protocol";
