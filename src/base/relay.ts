/** Two byte streams joined until both have ended, with half-close passed on. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

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

/** The head of an answer as it goes on the wire, for a socket that was taken over. */
export function responseHead(response: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  for (let i = 0; i < response.rawHeaders.length; i += 2) lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Writes a complete answer on a socket that was taken over, and ends it. */
export function answer(socket: Duplex, status: number, reason: string, contentType: string, body: string | Uint8Array): void {
  const bytes = Buffer.from(body);
  socket.write(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`);
  socket.end(bytes);
}

/**
 * Headers of a request that is passed on: as they came, each line its own value, because receivers tell protocol versions
 * apart by lines; without credentials, which are for us alone, and without the host. `raw` is IncomingMessage.rawHeaders.
 */
export function forwardedHeaders(raw: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (name !== "authorization" && name !== "host") headers[name] = [...(headers[name] ?? []), raw[i + 1] as string];
  }
  return headers;
}
