/**
 * Header blocks of SPDY/3.1 (section 2.6.10): one zlib stream for each direction of a connection. What we write are stored
 * blocks, which every inflater reads and which need no state; what we read may be compressed against all before it.
 */
import { createInflate, type Inflate } from "node:zlib";
import { dictionary } from "./dictionary.ts";

/** Names in lower case; several values of one name stand in order. */
export type Headers = Record<string, string[]>;

/** Bytes that one header block may unfold to. */
const maxBlock = 64 << 10;
const dictionaryAdler = adler32(dictionary);

export class HeaderWriter {
  #begun = false;

  write(headers: Headers): Buffer {
    const parts: Buffer[] = [uint32(Object.keys(headers).length)];
    for (const [name, values] of Object.entries(headers)) {
      const key = Buffer.from(name.toLowerCase());
      const value = Buffer.from(values.join("\0"));
      parts.push(uint32(key.length), key, uint32(value.length), value);
    }
    const stored = storedBlocks(Buffer.concat(parts));
    if (this.#begun) return stored;
    this.#begun = true;
    // zlib header with FDICT set (RFC 1950 section 2.2).
    return Buffer.concat([Buffer.from([0x78, 0xbb]), uint32(dictionaryAdler), stored]);
  }
}

export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary });
  #failed: Error | undefined;
  #plain: Buffer[] = [];
  #length = 0;

  constructor() {
    this.#inflate.on("error", (error) => {
      this.#failed = error;
    });
    // Taken as it comes, so that a block that unfolds to more than it may ends the stream instead of holding it up for ever.
    this.#inflate.on("data", (chunk: Buffer) => {
      this.#plain.push(chunk);
      this.#length += chunk.length;
      if (this.#length <= maxBlock) return;
      this.#failed = new Error("header block too large");
      this.#inflate.destroy();
    });
  }

  /** Blocks must be given in the order in which they came. Rejects for what is not a header block. */
  async read(block: Uint8Array): Promise<Headers> {
    if (this.#failed) throw this.#failed;
    this.#plain = [];
    this.#length = 0;
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error | null): void => {
        this.#inflate.off("error", settle);
        this.#inflate.off("close", closed);
        if (error) reject(error);
        else resolve();
      };
      const closed = (): void => settle(this.#failed ?? new Error("the connection ended"));
      this.#inflate.once("error", settle);
      this.#inflate.once("close", closed);
      this.#inflate.write(block, settle);
    });
    if (this.#failed) throw this.#failed;
    return parse(Buffer.concat(this.#plain, this.#length));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function parse(plain: Buffer): Headers {
  let at = 0;
  const number = (): number => {
    if (at + 4 > plain.length) throw new Error("header block cut short");
    const value = plain.readUInt32BE(at);
    at += 4;
    return value;
  };
  const text = (): string => {
    const length = number();
    if (at + length > plain.length) throw new Error("header block cut short");
    at += length;
    return plain.toString("utf8", at - length, at);
  };
  const headers = Object.create(null) as Headers;
  for (let count = number(); count > 0; count--) {
    const name = text();
    headers[name] = text().split("\0");
  }
  return headers;
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** Deflate blocks of type "stored" (RFC 1951 section 3.2.4), each whole bytes. */
function storedBlocks(data: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < data.length || at === 0; at += 65535) {
    const piece = data.subarray(at, at + 65535);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(piece.length, 1);
    head.writeUInt16LE(~piece.length & 0xffff, 3);
    blocks.push(head, piece);
  }
  // An empty block is how a sync flush ends: Go's inflater hands out what it has only when it sees one.
  blocks.push(Buffer.of(0, 0, 0, 0xff, 0xff));
  return Buffer.concat(blocks);
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
