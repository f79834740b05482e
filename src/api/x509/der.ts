/** Just enough DER (ITU-T X.690) to read certificates and requests exactly, whatever characters their names hold. */

export interface Element {
  tag: number;
  content: Uint8Array;
  /** With tag and length. */
  raw: Uint8Array;
}

export class DerError extends Error {
  override name = "DerError";
}

/** What stands side by side in these bytes. Throws DerError. */
export function* elements(bytes: Uint8Array): Generator<Element> {
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const tag = bytes[at++] as number;
    if ((tag & 0x1f) === 0x1f) throw new DerError("multi-byte tag");
    let length = bytes[at++];
    if (length === undefined) throw new DerError("no length");
    if (length & 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) throw new DerError("length not in DER");
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] ?? Number.NaN);
    }
    if (!(at + length <= bytes.length)) throw new DerError("value longer than its container");
    yield { tag, content: bytes.subarray(at, at + length), raw: bytes.subarray(start, at + length) };
    at += length;
  }
}

/** In figures and dots. */
export function oid(content: Uint8Array): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (numbers.length) numbers.push(value);
    else numbers.push(Math.min(Math.floor(value / 40), 2), value - 40 * Math.min(Math.floor(value / 40), 2));
    value = 0;
  }
  return numbers.join(".");
}

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true });
const utf16 = new TextDecoder("utf-16be", { fatal: true });

/** Undefined for what is not a string type. */
function text({ tag, content }: Element): string | undefined {
  try {
    if (tag === 0x0c) return utf8.decode(content);
    if (tag === 0x13 || tag === 0x16 || tag === 0x12 || tag === 0x14) return latin1.decode(content);
    if (tag === 0x1e) return utf16.decode(content);
  } catch {
    throw new DerError("string in a wrong encoding");
  }
  return undefined;
}

export interface NameAttribute {
  oid: string;
  value: string | undefined;
}

/** The attributes of a name in their order. Throws DerError. */
export function attributesOf(subject: Element | undefined): NameAttribute[] {
  if (subject?.tag !== 0x30) throw new DerError("no subject");
  const attributes: NameAttribute[] = [];
  for (const relative of elements(subject.content)) {
    for (const attribute of elements(relative.content)) {
      const [type, value] = elements(attribute.content);
      if (type?.tag !== 0x06 || !value) throw new DerError("attribute without a type or value");
      attributes.push({ oid: oid(type.content), value: text(value) });
    }
  }
  return attributes;
}

/** The fields of the part of a certificate or request that is signed. Throws DerError. */
export function signedFields(der: Uint8Array): Element[] {
  const [outer] = elements(der);
  const [signed] = outer ? elements(outer.content) : [];
  if (!signed) throw new DerError("no content");
  return [...elements(signed.content)];
}

/** The subject's attributes of a PKCS #10 request in their order. Throws DerError. */
export function requestSubject(der: Uint8Array): NameAttribute[] {
  return attributesOf(signedFields(der)[1]);
}

export const nameOids = { commonName: "2.5.4.3", organization: "2.5.4.10", uid: "1.3.6.1.4.1.57683.2" } as const;
