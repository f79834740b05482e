/** A client that writes a WebSocket byte by byte, as no library would, and keeps what comes back. */
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { decodeProtobuf } from "../../src/api/codec/protobuf.ts";
import { decodeWatchFrame } from "../../src/api/codec/protobuf-envelope.ts";
import { typeOfKind } from "../../src/api/schema/schema.ts";
import type { Server } from "../differential/exchange.ts";

export interface Frame {
  first: number;
  payload: unknown;
}
export interface Outcome {
  /** Of HTTP: code, type, body. What was written past HTTP: as it came. */
  head: unknown;
  frames: Frame[];
  closed: boolean;
}

const mask = Buffer.from([1, 2, 3, 4]);

/** A frame of a client; `length` where it says another than its own. */
export function clientFrame(first: number, payload: string, { masked = true, length = BigInt(payload.length) } = {}): Buffer {
  const bytes = Buffer.from(payload, "latin1");
  const size = length <= 125n ? Buffer.from([Number(length)]) : length < 65536n ? Buffer.from([126, 0, 0]) : Buffer.from([127, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (size.length === 3) size.writeUInt16BE(Number(length), 1);
  if (size.length === 9) size.writeBigUInt64BE(length, 1);
  if (!masked) return Buffer.concat([Buffer.from([first]), size, bytes]);
  size[0] = (size[0] as number) | 0x80;
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ (mask[i % 4] as number);
  return Buffer.concat([Buffer.from([first]), size, mask, bytes]);
}

function read(bytes: Buffer): { whole: { first: number; payload: Buffer }[]; rest: number } {
  const whole: { first: number; payload: Buffer }[] = [];
  let at = 0;
  for (;;) {
    if (bytes.length < at + 2) break;
    const short = (bytes[at + 1] as number) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < at + head) break;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    if (bytes.length < at + head + length) break;
    whole.push({ first: bytes[at] as number, payload: bytes.subarray(at + head, at + head + length) });
    at += head + length;
  }
  return { whole, rest: bytes.length - at };
}

function meaning({ first, payload }: { first: number; payload: Buffer }): unknown {
  if (first === 0x81) {
    const text = payload.toString();
    return { ...(JSON.parse(text) as object), ends: JSON.stringify(text.slice(-2)) };
  }
  if (first !== 0x82) return payload.toString("hex");
  const { type, object } = decodeWatchFrame(payload);
  return { type, object: decodeProtobuf(object, typeOfKind) };
}

/** A body in chunks or with its length, and whatever comes until the end without either. */
function bodyOf(head: string, body: Buffer): string {
  if (!/^transfer-encoding: chunked/im.test(head)) return body.toString();
  let [text, rest] = ["", body.toString()];
  for (;;) {
    const end = rest.indexOf("\r\n");
    const size = Number.parseInt(rest.slice(0, end), 16);
    if (!size) return text;
    text += rest.slice(end + 2, end + 2 + size);
    rest = rest.slice(end + 4 + size);
  }
}

/** An object, or the events of a plain watch. */
function parsed(said: string): unknown {
  try {
    return JSON.parse(said) as unknown;
  } catch {
    return said
      .split("\n")
      .filter(Boolean)
      .map((part) => JSON.parse(part) as unknown);
  }
}

function headOf(text: string, body: Buffer): unknown {
  if (!/^date: /im.test(text)) return { raw: `${text}${body.toString()}` };
  const line = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "im").exec(text)?.[1];
  const type = line("content-type");
  const said = bodyOf(text, body);
  return {
    status: text.split("\r\n")[0],
    type,
    warnings: line("warning"),
    cache: line("cache-control"),
    body: type === "application/json" ? parsed(said) : said,
  };
}

export class SocketClient {
  readonly #socket: TLSSocket;
  #bytes = Buffer.alloc(0);
  #closed = false;
  #last = performance.now();

  constructor({ url, agent, others }: Server, client: string | undefined) {
    const { ca, cert, key } = (client ? others[client] : agent)?.options ?? {};
    const options: ConnectionOptions & { allowHalfOpen: true } = {
      host: url.hostname,
      port: Number(url.port),
      ca,
      cert,
      key,
      ALPNProtocols: ["http/1.1"],
      allowHalfOpen: true,
    };
    this.#socket = connect(options);
    this.#socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#last = performance.now();
    });
    this.#socket.on("error", () => {});
    this.#socket.on("end", () => {
      this.#closed = true;
    });
    this.#socket.on("close", () => {
      this.#closed = true;
    });
  }
  write(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }
  half(): void {
    this.#socket.end();
  }
  /** Waits until the head of an answer is there, or the end. */
  async answered(): Promise<void> {
    for (let i = 0; i < 500 && !this.#closed && !this.#bytes.includes("\r\n\r\n"); i++) await pause(10);
  }
  /** Waits until the connection is closed or nothing came for so long. */
  async quiet(ms: number): Promise<void> {
    this.#last = performance.now();
    while (!this.#closed && performance.now() - this.#last < ms) await pause(20);
  }
  outcome(): Outcome {
    const end = this.#bytes.indexOf("\r\n\r\n");
    const text = this.#bytes.subarray(0, end < 0 ? this.#bytes.length : end + 4).toString();
    const rest = end < 0 ? Buffer.alloc(0) : this.#bytes.subarray(end + 4);
    const closed = this.#closed;
    this.#socket.destroy();
    if (!text.startsWith("HTTP/1.1 101")) return { head: headOf(text, rest), frames: [], closed };
    const { whole, rest: left } = read(rest);
    return {
      head: text,
      frames: [...whole.map((frame) => ({ first: frame.first, payload: meaning(frame) })), ...(left ? [{ first: -1, payload: left }] : [])],
      closed,
    };
  }
}
