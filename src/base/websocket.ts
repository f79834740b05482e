/**
 * A WebSocket as a server has it that speaks and does not listen (RFC 6455): frames out; what the client says is read and let
 * go of, and answered where the protocol wants it, as golang.org/x/net/websocket answers.
 */
import { createHash } from "node:crypto";

export const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export const CloseCode = { normal: 1000, protocolError: 1002 } as const;

/** What Sec-WebSocket-Accept says to a Sec-WebSocket-Key. */
export const acceptOf = (key: string): string => createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** The head of a whole message of so many bytes. */
export function messageHead(opcode: number, length: number): Buffer {
  if (length <= 125) return Buffer.from([0x80 | opcode, length]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

export const message = (opcode: number, payload: Uint8Array): Buffer => Buffer.concat([messageHead(opcode, payload.length), payload]);

export const closing = (code: number): Buffer => message(Opcode.close, Buffer.from([code >> 8, code & 255]));

/** Bytes of a message that is still let go of. */
const longest = 32 << 20;
/** Bytes of a ping that are sent back. */
const echoed = 125;

export class Listening {
  readonly #answer: (frame: Buffer) => void;
  #head: number[] = [];
  #left = 0;
  /** Of the ping that is being read. */
  #echo: number[] | undefined;
  #mask: number[] = [];
  #over = false;

  /** `answer` is given whole frames. */
  constructor(answer: (frame: Buffer) => void) {
    this.#answer = answer;
  }

  /** False once the client has closed, or broken the protocol: nothing more is read. */
  read(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length && !this.#over; ) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        if (this.#echo) this.#keep(chunk.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#ended();
      } else {
        this.#head.push(chunk[at] as number);
        at++;
        this.#began();
      }
    }
    return !this.#over;
  }

  #keep(bytes: Uint8Array): void {
    const echo = this.#echo as number[];
    for (let i = 0; i < bytes.length && echo.length < echoed; i++) echo.push((bytes[i] as number) ^ (this.#mask[echo.length % 4] as number));
  }

  #began(): void {
    const [first = 0, second = 0] = this.#head;
    if (this.#head.length < 2) return;
    const short = second & 0x7f;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const masked = (second & 0x80) !== 0;
    if (this.#head.length < 2 + extended + (masked ? 4 : 0)) return;
    const lengthBytes = this.#head.slice(2, 2 + extended);
    // The highest bit has no meaning.
    if (extended === 8) lengthBytes[0] = (lengthBytes[0] as number) & 0x7f;
    this.#mask = this.#head.slice(2 + extended);
    this.#head = [];
    const opcode = first & 15;
    if (!masked) this.#answer(closing(CloseCode.protocolError));
    this.#left = extended ? lengthBytes.reduce((sum, byte) => sum * 256 + byte, 0) : short;
    this.#echo = opcode === Opcode.ping ? [] : undefined;
    this.#over = !masked || opcode === Opcode.close || (opcode < Opcode.close && this.#left > longest);
    if (this.#left === 0 && !this.#over) this.#ended();
  }

  #ended(): void {
    if (this.#echo) this.#answer(message(Opcode.pong, Buffer.from(this.#echo)));
    this.#echo = undefined;
  }
}
