/**
 * DNS messages as bytes (RFC 1035, EDNS of RFC 6891): what a server reads of questions, and writes. Nothing that arrives
 * makes it throw or loop: names are at most 255 bytes, and compression pointers lead backwards only.
 */

export const types = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, IXFR: 251, AXFR: 252, ANY: 255 } as const;
export type RecordType = "A" | "AAAA" | "CNAME" | "NS" | "PTR" | "SOA" | "SRV" | "TXT";
export const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;
export type Rcode = keyof typeof rcodes;
const typeNames = new Map<number, string>(Object.entries(types).map(([name, number]) => [number, name]));

/** As CoreDNS names them in metrics: those without a name of their own are "other". */
export const typeName = (type: number): string => typeNames.get(type) ?? "other";

export const headerLength = 12;
const internet = 1;

export interface Query {
  id: number;
  opcode: number;
  recursionDesired: boolean;
  /** In lower case without the final dot. */
  name: string;
  type: number;
  internet: boolean;
  /** Where the question ends. */
  end: number;
  /** Undefined without EDNS. */
  edns?: { size: number; version: number };
}

export interface RR {
  name: string;
  type: RecordType;
  ttl: number;
  data: RecordData;
}
export type RecordData = string | { priority: number; weight: number; port: number; target: string } | SOA | { bytes: Uint8Array };
interface SOA {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

/** Undefined for what is no well-formed question. */
export function readQuery(message: Buffer): Query | undefined {
  if (message.length < headerLength + 5) return undefined;
  const flags = message.readUInt16BE(2);
  if (flags & 0x8000 || message.readUInt16BE(4) !== 1) return undefined;
  const name = readName(message, headerLength);
  if (!name || name.next + 4 > message.length) return undefined;
  const end = name.next + 4;
  const query: Query = {
    id: message.readUInt16BE(0),
    opcode: (flags >> 11) & 15,
    recursionDesired: (flags & 0x100) !== 0,
    name: name.text.toLowerCase(),
    type: message.readUInt16BE(name.next),
    internet: message.readUInt16BE(name.next + 2) === internet,
    end,
  };
  let at = end;
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  for (let i = 0; i < records; i++) {
    const record = readRecord(message, at);
    if (!record) return undefined;
    if (record.type === types.OPT) {
      if (query.edns) return undefined;
      query.edns = { size: record.class, version: (record.ttl >>> 16) & 255 };
    }
    at = record.end;
  }
  return query;
}

/** A name as text, and where reading goes on after it. */
function readName(message: Buffer, start: number): { text: string; next: number } | undefined {
  let at = start;
  let next = 0;
  let limit = start;
  let length = 1;
  let text = "";
  for (;;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) return { text, next: next || at + 1 };
    if (size >= 192) {
      const low = message[at + 1];
      if (low === undefined) return undefined;
      next ||= at + 2;
      at = ((size & 63) << 8) | low;
      // Each pointer leads further back than the one before, so there is an end.
      if (at >= limit || at < headerLength) return undefined;
      limit = at;
      continue;
    }
    length += size + 1;
    if (size > 63 || length > 255 || at + size >= message.length) return undefined;
    const label = message.toString("latin1", at + 1, at + 1 + size);
    // A dot within a label would be read as a border between two.
    if (label.includes(".")) return undefined;
    text += text ? `.${label}` : label;
    at += size + 1;
  }
}

interface RawRecord {
  name: string;
  type: number;
  class: number;
  ttl: number;
  ttlAt: number;
  dataAt: number;
  end: number;
}

function readRecord(message: Buffer, at: number): RawRecord | undefined {
  const name = readName(message, at);
  if (!name || name.next + 10 > message.length) return undefined;
  const end = name.next + 10 + message.readUInt16BE(name.next + 8);
  if (end > message.length) return undefined;
  return {
    name: name.text,
    type: message.readUInt16BE(name.next),
    class: message.readUInt16BE(name.next + 2),
    ttl: message.readUInt32BE(name.next + 4),
    ttlAt: name.next + 4,
    dataAt: name.next + 10,
    end,
  };
}

/** All records of an answer but EDNS's, in order; undefined when it is damaged. */
function records(message: Buffer): RawRecord[] | undefined {
  if (message.length < headerLength) return undefined;
  let at = headerLength;
  for (let i = message.readUInt16BE(4); i > 0; i--) {
    const name = readName(message, at);
    if (!name) return undefined;
    at = name.next + 4;
  }
  const found: RawRecord[] = [];
  for (let i = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10); i > 0; i--) {
    const record = readRecord(message, at);
    if (!record) return undefined;
    if (record.type !== types.OPT) found.push(record);
    at = record.end;
  }
  return found;
}

/** Where the lives of its records stand, for those who keep an answer; undefined when it is damaged. */
export function lives(message: Buffer): { at: number; seconds: number }[] | undefined {
  return records(message)?.map(({ ttlAt, ttl }) => ({ at: ttlAt, seconds: ttl }));
}

/** Addresses in an answer, and the aliases that lead to them; none when it is damaged. */
export function readAddresses(message: Buffer): RR[] {
  const answers = message.length < headerLength ? 0 : message.readUInt16BE(6);
  return (records(message) ?? []).slice(0, answers).flatMap((record): RR[] => {
    const { name, ttl, type, dataAt, end } = record;
    if (type === types.A || type === types.AAAA) {
      if (end - dataAt !== (type === types.A ? 4 : 16)) return [];
      return [{ name, type: type === types.A ? "A" : "AAAA", ttl, data: { bytes: Buffer.from(message.subarray(dataAt, end)) } }];
    }
    const target = type === types.CNAME ? readName(message, dataAt) : undefined;
    return target ? [{ name, type: "CNAME", ttl, data: target.text }] : [];
  });
}

/** A question of our own. */
export function question(id: number, name: string, type: number): Buffer {
  const writer = new Writer(Buffer.alloc(headerLength + name.length + 6));
  writer.u16(id);
  writer.u16(0x100);
  writer.u16(1);
  writer.at = headerLength;
  writer.name(name, false);
  writer.u16(type);
  writer.u16(internet);
  return writer.bytes();
}

export interface Response {
  rcode: Rcode;
  authoritative: boolean;
  answers: readonly RR[];
  authorities: readonly RR[];
  additionals: readonly RR[];
}

/** With EDNS we say how much we take, and keep below what fragments. */
export const largestUDP = 1232;

/** Three names, a SOA's, and numbers: each record is written whole before it is seen that it does not fit. */
const longestRecord = 1024;

/** The answer to a question in at most `limit` bytes; what does not fit is left out, and that is said where it matters. */
export function writeResponse(message: Buffer, query: Query, response: Response, limit: number): Buffer {
  const size = Math.min(limit, 512 + 300 * (response.answers.length + response.authorities.length + response.additionals.length));
  const writer = new Writer(Buffer.allocUnsafe(size + longestRecord));
  message.copy(writer.buffer, 0, 0, query.end);
  writer.at = query.end;
  writer.know(query.name, headerLength);
  const room = limit - (query.edns ? 11 : 0);
  const count = (all: readonly RR[]): [number, boolean] => {
    let written = 0;
    for (const record of all) {
      const start = writer.at;
      writer.record(record);
      if (writer.at > room) {
        writer.forget(start);
        return [written, true];
      }
      written++;
    }
    return [written, false];
  };
  const [answers, cut] = count(response.answers);
  const [authorities, cutAuthorities] = cut ? [0, true] : count(response.authorities);
  const [additionals] = cut || cutAuthorities ? [0] : count(response.additionals);
  if (query.edns) writer.opt(rcodes[response.rcode] >> 4);
  const flags =
    0x8080 | (response.authoritative ? 0x400 : 0) | (cut || cutAuthorities ? 0x200 : 0) | (query.recursionDesired ? 0x100 : 0) | (rcodes[response.rcode] & 15);
  const { buffer } = writer;
  buffer.writeUInt16BE(flags | (query.opcode << 11), 2);
  buffer.writeUInt16BE(1, 4);
  buffer.writeUInt16BE(answers, 6);
  buffer.writeUInt16BE(authorities, 8);
  buffer.writeUInt16BE(additionals + (query.edns ? 1 : 0), 10);
  return writer.bytes();
}

/** The header of what could not be read, with a code and nothing else. */
export function bareResponse(message: Buffer, rcode: Rcode): Buffer {
  const header = Buffer.alloc(headerLength);
  message.copy(header, 0, 0, 4);
  header[2] = ((header[2] as number) & 0x79) | 0x80;
  header[3] = 0x80 | rcodes[rcode];
  return header;
}

class Writer {
  readonly buffer: Buffer;
  at = 0;
  /** Names that were written, and where. */
  readonly #names = new Map<string, number>();
  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.at);
  }
  u16(value: number): void {
    this.at = this.buffer.writeUInt16BE(value & 0xffff, this.at);
  }
  u32(value: number): void {
    this.at = this.buffer.writeUInt32BE(value >>> 0, this.at);
  }

  know(name: string, at: number): void {
    let offset = at;
    for (let rest = name; rest; ) {
      if (!this.#names.has(rest)) this.#names.set(rest, offset);
      const dot = rest.indexOf(".");
      if (dot < 0) return;
      offset += dot + 1;
      rest = rest.slice(dot + 1);
    }
  }
  /** Takes back what was written after `at`. */
  forget(at: number): void {
    this.at = at;
    for (const [name, offset] of this.#names) if (offset >= at) this.#names.delete(name);
  }

  name(text: string, compress = true): void {
    let rest = text;
    while (rest) {
      const known = compress ? this.#names.get(rest.toLowerCase()) : undefined;
      if (known !== undefined) {
        this.u16(0xc000 | known);
        return;
      }
      if (compress && this.at < 0x4000) this.#names.set(rest.toLowerCase(), this.at);
      const dot = rest.indexOf(".");
      const label = dot < 0 ? rest : rest.slice(0, dot);
      this.buffer[this.at++] = label.length;
      this.at += this.buffer.write(label, this.at, "latin1");
      rest = dot < 0 ? "" : rest.slice(dot + 1);
    }
    this.buffer[this.at++] = 0;
  }

  record({ name, type, ttl, data }: RR): void {
    this.name(name);
    this.u16(types[type]);
    this.u16(internet);
    this.u32(ttl);
    const lengthAt = this.at;
    this.at += 2;
    this.#data(type, data);
    this.buffer.writeUInt16BE(this.at - lengthAt - 2, lengthAt);
  }

  #data(type: RecordType, data: RecordData): void {
    if (typeof data === "string") {
      if (type === "A") for (const part of data.split(".")) this.buffer[this.at++] = Number(part);
      else if (type === "AAAA") for (const group of groupsOf(data)) this.u16(group);
      else if (type === "TXT") {
        this.buffer[this.at] = Buffer.byteLength(data, "latin1");
        this.at += 1 + this.buffer.write(data, this.at + 1, "latin1");
      } else this.name(data);
    } else if ("bytes" in data) {
      this.buffer.set(data.bytes, this.at);
      this.at += data.bytes.length;
    } else if ("target" in data) {
      this.u16(data.priority);
      this.u16(data.weight);
      this.u16(data.port);
      // RFC 2782: the target is not compressed.
      this.name(data.target, false);
    } else {
      this.name(data.mname);
      this.name(data.rname);
      for (const value of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.u32(value);
    }
  }

  opt(extendedRcode: number): void {
    this.buffer[this.at++] = 0;
    this.u16(types.OPT);
    this.u16(largestUDP);
    this.u32(extendedRcode << 24);
    this.u16(0);
  }
}

/** The eight groups of an IPv6 address. */
function groupsOf(text: string): number[] {
  const [head = "", tail] = text.split("::");
  const parse = (part: string): number[] =>
    part
      .split(":")
      .filter(Boolean)
      .flatMap((group) => {
        if (!group.includes(".")) return [Number.parseInt(group, 16)];
        const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
        return [a * 256 + b, c * 256 + d];
      });
  const first = parse(head);
  const last = tail === undefined ? [] : parse(tail);
  return [...first, ...new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
}
