/**
 * A watch over a WebSocket, each event a message: text where it is JSON, binary where it is not
 * (k8s.io/apiserver/pkg/endpoints/handlers/watch.go HandleWS). Hands are shaken as golang.org/x/net/websocket does it: only
 * with who says where they come from.
 */
import type { ApiHandler, ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { parseRequestURI } from "../../api/cel/library/go-url.ts";
import { systemClock } from "../../base/clock.ts";
import { drained } from "../../base/drained.ts";
import { acceptOf, CloseCode, closing, Listening, messageHead, Opcode } from "../../base/websocket.ts";
import { abandon } from "../http/exchange.ts";
import type { Upgrade, UpgradeHandler } from "../http/listener.ts";
import { readableInfo } from "../request-info.ts";

/** Milliseconds in which the end of a watch has to be taken. */
const stalledAfter = 60_000;

const accept = (request: ApiRequest, protocol: string | undefined): string =>
  [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(request.headers["sec-websocket-key"] ?? "")}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    "\r\n",
  ].join("\r\n");

function hasOrigin(origin: string | undefined): boolean {
  if (!origin) return false;
  try {
    parseRequestURI(origin);
    return true;
  } catch {
    return false;
  }
}

/** The bytes that answer a client that asks for a WebSocket, and whether they open it. */
export function handshake(request: ApiRequest): { opens: boolean; head: string } {
  const refused = (status: string, says = "", header = ""): { opens: boolean; head: string } => ({
    opens: false,
    head: `HTTP/1.1 ${status}\r\n${header}\r\n${says}`,
  });
  const first = (name: string): string | undefined => request.repeatedHeaders?.[name]?.[0] ?? request.headers[name];
  if (request.method !== "GET") return refused("405 Method Not Allowed", "bad method");
  if (!first("sec-websocket-key")) return refused("400 Bad Request", "mismatch challenge/response");
  if (first("sec-websocket-version") !== "13") return refused("400 Bad Request", "missing or bad WebSocket Version", "Sec-WebSocket-Version: 13\r\n");
  if (!hasOrigin(first("origin"))) return refused("403 Forbidden");
  const offered = first("sec-websocket-protocol")?.trim();
  const protocols = offered ? offered.split(",").map((protocol) => protocol.trim()) : [];
  // Nobody chooses among several.
  if (protocols.length > 1) return refused("400 Bad Request");
  return { opens: true, head: accept(request, protocols[0]) };
}

async function send({ socket, head }: Upgrade, response: ApiResponse): Promise<void> {
  const opcode = response.headers["content-type"] === "application/json" ? Opcode.text : Opcode.binary;
  let over = false;
  // The socket's end is the request's, which ends the watch.
  const end = (): void => {
    if (over) return;
    over = true;
    socket.end(closing(CloseCode.normal), () => socket.destroy());
    const timer = systemClock.after(stalledAfter, () => socket.destroy());
    socket.once("close", () => timer.cancel());
  };
  const listening = new Listening((frame) => socket.write(frame));
  const read = (chunk: Uint8Array): void => {
    if (!over && !listening.read(chunk)) end();
  };
  socket.on("data", read);
  socket.once("end", end);
  if (head.length) read(head);
  try {
    for await (const message of response.body as AsyncIterable<Uint8Array>) {
      if (over) break;
      socket.write(messageHead(opcode, message.length));
      if (!socket.write(message)) await drained(socket);
    }
  } finally {
    end();
  }
}

async function watch(request: ApiRequest, upgrade: Upgrade, handler: ApiHandler): Promise<ApiResponse | undefined> {
  request.messages = true;
  const response = await handler(request);
  if (response.status !== 101) return response;
  const { opens, head } = handshake(request);
  if (opens && !request.signal.aborted) {
    upgrade.socket.write(head);
    await send(upgrade, response);
  } else {
    upgrade.socket.end(head, () => upgrade.socket.destroy());
    await abandon(response.body);
  }
  return undefined;
}

/** Answers upgrades of watches; all others are `other`'s. */
export const orWatch =
  (handler: ApiHandler, other: UpgradeHandler): UpgradeHandler =>
  (request, upgrade) =>
    readableInfo(request)?.verb === "watch" ? watch(request, upgrade, handler) : other(request, upgrade);
