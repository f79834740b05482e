/** IP addresses, written strictly (k8s.io/apiserver/pkg/cel/library/ip.go; Go's net/netip). */
import { formatIP, parseIP, isGlobalUnicast } from "../../ip.ts";
import { type Library, member, overload } from "../declarations.ts";
import { opaque, types } from "../types.ts";
import { CelError, ObjectValue, type Value } from "../values.ts";
import { quoted } from "./long-texts.ts";

const { bool, int, string } = types;
export const ipType = opaque("net.IP");

export class IPValue extends ObjectValue {
  readonly type = ipType;
  override readonly onlyWithItsLike = true;
  readonly bytes: readonly number[];
  constructor(bytes: readonly number[]) {
    super();
    this.bytes = bytes;
  }
  override get size(): number {
    return this.bytes.length;
  }
  override toString(): string {
    return formatIP(this.bytes);
  }
  equals(other: Value): boolean {
    return other instanceof IPValue && this.toString() === other.toString();
  }
}

/** netip.ParseAddr's complaints, the common ones. */
function complaint(text: string): string {
  const given = quoted(text);
  const parse = (why: string): string => `IP Address ${given} parse error during conversion from string: ParseAddr(${given}): ${why}`;
  const colon = text.includes(":");
  if (!colon && !text.includes(".")) return parse("unable to parse IP");
  if (colon)
    return parse(
      /[^\da-fA-F:.]/.test(text)
        ? `each colon-separated field must have at least one digit (at ${quoted(text.replace(/^[\da-fA-F:.]*/, ""))})`
        : "invalid IPv6 address",
    );
  const parts = text.split(".");
  if (/[^\d.]/.test(text)) return parse(`unexpected character (at ${quoted(text.replace(/^[\d.]*/, ""))})`);
  if (parts.some((part) => part.length > 1 && part.startsWith("0"))) return parse("IPv4 field has octet with leading zero");
  if (parts.some((part) => Number(part) > 255)) return parse("IPv4 field has value >255");
  return parse(parts.length < 4 ? "IPv4 address too short" : parts.length > 4 ? "IPv4 address too long" : "IPv4 field must have at least one digit");
}
export function parseAddress(text: string): IPValue | CelError {
  if (/^[^%]*:[^%]*%.+/.test(text) && parseIP(text.replace(/%.*/s, ""))) return new CelError(`IP address ${quoted(text)} with zone value is not allowed`);
  const found = parseIP(text);
  if (!found || found.leadingZeros) return new CelError(complaint(text));
  return found.mapped ? new CelError(`IPv4-mapped IPv6 address ${quoted(text)} is not allowed`) : new IPValue(found.bytes);
}

const byte = ({ bytes }: IPValue, i: number): number => bytes[i] as number;
const isV4 = ({ bytes }: IPValue): boolean => bytes.length === 4;
const isUnspecified = ({ bytes }: IPValue): boolean => bytes.every((one) => one === 0);
const isLoopback = (ip: IPValue): boolean => (isV4(ip) ? byte(ip, 0) === 127 : ip.toString() === "::1");
const isLinkLocalMulticast = (ip: IPValue): boolean =>
  isV4(ip) ? byte(ip, 0) === 224 && byte(ip, 1) === 0 && byte(ip, 2) === 0 : byte(ip, 0) === 0xff && (byte(ip, 1) & 0xf) === 2;
const isLinkLocalUnicast = (ip: IPValue): boolean =>
  isV4(ip) ? byte(ip, 0) === 169 && byte(ip, 1) === 254 : byte(ip, 0) === 0xfe && (byte(ip, 1) & 0xc0) === 0x80;

function isCanonical(text: string): Value {
  const found = parseAddress(text);
  return found instanceof CelError ? found : found.toString() === text;
}
const test = (name: string, id: string, holds: (ip: IPValue) => boolean) => ({ [name]: [member(id, [ipType], bool, holds)] });

export const ip: Library = {
  types: [ipType],
  functions: {
    ip: [overload("string_to_ip", [string], ipType, parseAddress)],
    isIP: [overload("is_ip", [string], bool, (text: string) => parseAddress(text) instanceof IPValue)],
    "ip.isCanonical": [overload("ip_is_canonical", [string], bool, isCanonical)],
    family: [member("ip_family", [ipType], int, (value: IPValue) => (isV4(value) ? 4n : 6n))],
    string: [overload("ip_to_string", [ipType], string, String)],
    ...test("isUnspecified", "ip_is_unspecified", isUnspecified),
    ...test("isLoopback", "ip_is_loopback", isLoopback),
    ...test("isLinkLocalMulticast", "ip_is_link_local_multicast", isLinkLocalMulticast),
    ...test("isLinkLocalUnicast", "ip_is_link_local_unicast", isLinkLocalUnicast),
    ...test("isGlobalUnicast", "ip_is_global_unicast", ({ bytes }) => isGlobalUnicast(bytes)),
  },
};
