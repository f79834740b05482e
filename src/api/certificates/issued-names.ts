/**
 * Subject and alternative names of the certificate that is issued for a request, as Go writes what it has read of them
 * (crypto/x509/pkix, ToRDNSequence; crypto/x509, marshalSANs): known attributes in a fixed order, all values of one together,
 * and the kinds of names that it knows, one kind after the other. In DER.
 */
import { pemBlocks } from "./pem.ts";
import { elements } from "./pkcs10.ts";
import type { RequestNames } from "./request-names.ts";

/** In the order in which they are written; the last two have one value. */
const attributes = ["550406", "550408", "550407", "550409", "550411", "55040a", "55040b", "550403", "550405"];
const single = new Set(["550403", "550405"]);
const tags = { sequence: 0x30, set: 0x31, oid: 0x06, utf8: 0x0c, printable: 0x13 } as const;
const unreadable = new Set([0x1c, 0x05]);

function element(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function valueText(tag: number, content: Uint8Array): string {
  if (tag !== 0x1e) return Buffer.from(content).toString("utf8");
  return Buffer.from(content.length % 2 ? [] : content)
    .swap16()
    .toString("utf16le");
}
const written = (text: string): Uint8Array => element(/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? tags.printable : tags.utf8, Buffer.from(text));

/** Throws for what is no request. `base64` is the PEM request in base64. */
export function issuedSubject(base64: string): Uint8Array {
  const [block] = pemBlocks(base64);
  const [request] = elements(block?.bytes ?? new Uint8Array(0));
  const [info] = elements(request?.content ?? new Uint8Array(0));
  const [, subject] = elements(info?.content ?? new Uint8Array(0));
  const values = new Map<string, string[]>();
  for (const relative of elements(subject?.content ?? new Uint8Array(0)))
    for (const attribute of elements(relative.content)) {
      const [type, value] = elements(attribute.content);
      const oid = Buffer.from(type?.content ?? []).toString("hex");
      if (!value || unreadable.has(value.tag)) continue;
      const text = valueText(value.tag, value.content);
      values.set(oid, single.has(oid) ? [text] : [...(values.get(oid) ?? []), text]);
    }
  const sets = attributes.flatMap((oid) => {
    const list = (values.get(oid) ?? []).filter((text) => text || !single.has(oid));
    if (!list.length) return [];
    const pairs = list.map((text) => Buffer.from(element(tags.sequence, element(tags.oid, Buffer.from(oid, "hex")), written(text))));
    return [element(tags.set, ...pairs.sort(Buffer.compare))];
  });
  return element(tags.sequence, ...sets);
}

/** Four bytes where it is an IPv4 address in the form of IPv6. */
const shortest = (ip: Uint8Array): Uint8Array =>
  ip.length === 16 && Buffer.from(ip.subarray(0, 12)).equals(Buffer.from("00000000000000000000ffff", "hex")) ? ip.subarray(12) : ip;

/** The extension's value; undefined where there are no names. */
export function issuedAlternatives({ dns, emails, ips, uris }: RequestNames): Uint8Array | undefined {
  const names = [
    ...dns.map((name) => element(0x82, Buffer.from(name))),
    ...emails.map((name) => element(0x81, Buffer.from(name))),
    ...ips.map((ip) => element(0x87, shortest(ip))),
    ...uris.map((uri) => element(0x86, Buffer.from(uri))),
  ];
  return names.length ? element(tags.sequence, ...names) : undefined;
}
