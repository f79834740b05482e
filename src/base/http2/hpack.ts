/**
 * Header compression (RFC 7541). Decoding is complete; encoding refers to the static table only, so that it has no state
 * and an answer's header block does not depend on those before it.
 */
import { decodeHuffman } from "./huffman.ts";

/** The block cannot be read; the connection's state is lost with it (COMPRESSION_ERROR). */
export class HpackError extends Error {
  override name = "HpackError";
}

/** Names and values in turn: appendix A. */
const staticTable =
  ":authority||:method|GET|:method|POST|:path|/|:path|/index.html|:scheme|http|:scheme|https|:status|200|:status|204|:status|206|:status|304|:status|400|:status|404|:status|500|accept-charset||accept-encoding|gzip, deflate|accept-language||accept-ranges||accept||access-control-allow-origin||age||allow||authorization||cache-control||content-disposition||content-encoding||content-language||content-length||content-location||content-range||content-type||cookie||date||etag||expect||expires||from||host||if-match||if-modified-since||if-none-match||if-range||if-unmodified-since||last-modified||link||location||max-forwards||proxy-authenticate||proxy-authorization||range||referer||refresh||retry-after||server||set-cookie||strict-transport-security||transfer-encoding||user-agent||vary||via||www-authenticate|".split(
    "|",
  );
const staticEntries = staticTable.length / 2;
/** First index of each name. */
const staticNames = new Map<string, number>();
for (let i = staticEntries; i >= 1; i--) staticNames.set(staticTable[i * 2 - 2] as string, i);

/** What an entry costs besides its text. */
const entryOverhead = 32;
/** SETTINGS_HEADER_TABLE_SIZE that we never change. */
const tableLimit = 4096;

const strings = Buffer.allocUnsafeSlow(4096);

export class HpackDecoder {
  /** The newest is last; those before #head are gone. */
  #names: string[] = [];
  #values: string[] = [];
  #head = 0;
  #size = 0;
  #limit = tableLimit;
  #block: Buffer = strings;
  #at = 0;
  #end = 0;
  readonly #maxList: number;

  /** `maxList`: size of a list of headers (RFC 9113, 6.5.2) beyond which the rest of it is left out. */
  constructor(maxList: number) {
    this.#maxList = maxList;
  }

  /** Appends names and values in turn; false when the list is too large. Throws HpackError. */
  decode(block: Buffer, list: string[]): boolean {
    this.#block = block;
    this.#at = 0;
    this.#end = block.length;
    let size = 0;
    let mayResize = true;
    while (this.#at < this.#end) {
      const first = block[this.#at] as number;
      if (first >= 0x20 && first < 0x40) {
        if (!mayResize) throw new HpackError("a table size behind the first header");
        const limit = this.#integer(5);
        if (limit > tableLimit) throw new HpackError("a table size above what was offered");
        this.#limit = limit;
        this.#evict(0);
        continue;
      }
      mayResize = false;
      let name: string;
      let value: string;
      if (first >= 0x80) {
        const index = this.#integer(7);
        name = this.#nameAt(index);
        value = index <= staticEntries ? (staticTable[index * 2 - 1] as string) : (this.#values[this.#names.length - (index - staticEntries)] as string);
      } else {
        const indexed = first >= 0x40;
        const index = this.#integer(indexed ? 6 : 4);
        name = index === 0 ? this.#string() : this.#nameAt(index);
        value = this.#string();
        if (indexed) this.#add(name, value);
      }
      size += name.length + value.length + entryOverhead;
      if (size <= this.#maxList) list.push(name, value);
    }
    this.#block = strings;
    return size <= this.#maxList;
  }

  #nameAt(index: number): string {
    if (index === 0) throw new HpackError("index 0");
    if (index <= staticEntries) return staticTable[index * 2 - 2] as string;
    const at = this.#names.length - (index - staticEntries);
    if (at < this.#head) throw new HpackError(`index ${index} is not in the table`);
    return this.#names[at] as string;
  }
  #add(name: string, value: string): void {
    const size = name.length + value.length + entryOverhead;
    this.#evict(size);
    if (size > this.#limit) return;
    this.#names.push(name);
    this.#values.push(value);
    this.#size += size;
  }
  /** Makes room. */
  #evict(wanted: number): void {
    while (this.#head < this.#names.length && this.#size + wanted > this.#limit) {
      this.#size -= (this.#names[this.#head] as string).length + (this.#values[this.#head] as string).length + entryOverhead;
      this.#head++;
    }
    if (this.#head < 64 || this.#head * 2 < this.#names.length) return;
    this.#names = this.#names.slice(this.#head);
    this.#values = this.#values.slice(this.#head);
    this.#head = 0;
  }
  /** `bits` of the first octet belong to it. */
  #integer(bits: number): number {
    const mask = (1 << bits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > 0x7fffffff) throw new HpackError("an integer is too large");
      if (byte < 0x80) return value;
      if (shift > 28) throw new HpackError("an integer is too long");
    }
  }
  #byte(): number {
    if (this.#at >= this.#end) throw new HpackError("the block ends too early");
    return this.#block[this.#at++] as number;
  }
  #string(): string {
    const huffman = (this.#block[this.#at] as number) >= 0x80;
    const length = this.#integer(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw new HpackError("the block ends too early");
    if (!huffman) return this.#block.toString("latin1", from, this.#at);
    const room = Math.ceil((length * 8) / 5);
    const out = room <= strings.length ? strings : Buffer.allocUnsafe(room);
    const count = decodeHuffman(this.#block, from, this.#at, out);
    if (count < 0) throw new HpackError("a string is in no Huffman code");
    return out.toString("latin1", 0, count);
  }
}

const shortStatus: Readonly<Record<number, number>> = { 200: 0x88, 204: 0x89, 206: 0x8a, 304: 0x8b, 400: 0x8c, 404: 0x8d, 500: 0x8e };

/** An upper bound of the header block's length. */
export function headerBlockRoom(headers: readonly string[]): number {
  let room = 8;
  for (let i = 0; i < headers.length; i++) room += (headers[i] as string).length + 8;
  return room;
}

/** Writes the block of an answer; gives the position behind it. `headers`: names in lower case and values in turn, Latin-1. */
export function writeHeaderBlock(out: Buffer, from: number, status: number, headers: readonly string[]): number {
  let at = from;
  const short = shortStatus[status];
  if (short) out[at++] = short;
  else {
    out[at++] = 0x08;
    at = writeText(out, at, String(status));
  }
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    at = writeInteger(out, at, 4, staticNames.get(name) ?? 0);
    if (!staticNames.has(name)) at = writeText(out, at, name);
    at = writeText(out, at, headers[i + 1] as string);
  }
  return at;
}

function writeInteger(out: Buffer, from: number, bits: number, value: number): number {
  const mask = (1 << bits) - 1;
  let at = from;
  if (value < mask) {
    out[at++] = value;
    return at;
  }
  out[at++] = mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[at++] = rest;
  return at;
}

function writeText(out: Buffer, from: number, text: string): number {
  const at = writeInteger(out, from, 7, text.length);
  if (text.length > 40) return at + out.write(text, at, "latin1");
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}
