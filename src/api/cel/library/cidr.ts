/** Ranges of IP addresses (k8s.io/apiserver/pkg/cel/library/cidr.go). */
import { maskIP } from "../../ip.ts";
import { type Library, member, overload } from "../declarations.ts";
import { opaque, types } from "../types.ts";
import { CelError, noSuchOverload, ObjectValue, type Value } from "../values.ts";
import { quoted } from "./long-texts.ts";
import { IPValue, ipType, parseAddress } from "./ip.ts";

const { bool, int, string } = types;
export const cidrType = opaque("net.CIDR");

export class CIDRValue extends ObjectValue {
  readonly type = cidrType;
  override readonly onlyWithItsLike = true;
  readonly ip: IPValue;
  readonly prefix: number;
  constructor(ip: IPValue, prefix: number) {
    super();
    this.ip = ip;
    this.prefix = prefix;
  }
  override get size(): number {
    return Math.ceil(this.prefix / 8);
  }
  override toString(): string {
    return `${this.ip}/${this.prefix}`;
  }
  masked(): CIDRValue {
    return new CIDRValue(new IPValue(maskIP(this.ip.bytes, this.prefix)), this.prefix);
  }
  contains({ bytes }: IPValue): boolean {
    if (bytes.length !== this.ip.bytes.length) return false;
    const [mine, its] = [maskIP(this.ip.bytes, this.prefix), maskIP(bytes, this.prefix)];
    return mine.every((one, i) => one === its[i]);
  }
  equals(other: Value): boolean {
    return other instanceof CIDRValue && this.toString() === other.toString();
  }
}

function parse(text: string): CIDRValue | CelError {
  const given = quoted(text);
  const error = "network address parse error during conversion from string: ";
  const fail = (why: string): CelError => new CelError(`${error}${error}netip.ParsePrefix(${given}): ${why}`);
  const slash = text.lastIndexOf("/");
  if (slash < 0) return fail("no '/'");
  const address = text.slice(0, slash);
  const length = text.slice(slash + 1);
  if (address.includes("%")) return fail("IPv6 zones cannot be present in a prefix");
  const ip = parseAddress(address);
  if (ip instanceof CelError) {
    if (ip.message.startsWith("IPv4-mapped")) return new CelError(`${error}IPv4-mapped IPv6 address ${given} is not allowed`);
    return fail(ip.message.replace(/^.*?conversion from string: /, ""));
  }
  if (!/^(?:0|[1-9]\d*)$/.test(length)) return fail(`bad bits after slash: ${quoted(length)}`);
  return Number(length) > ip.bytes.length * 8 ? fail("prefix length out of range") : new CIDRValue(ip, Number(length));
}
const containsCIDR = (outer: CIDRValue, inner: CIDRValue): boolean => outer.prefix <= inner.prefix && outer.contains(inner.ip);

export const cidr: Library = {
  types: [cidrType],
  functions: {
    cidr: [overload("string_to_cidr", [string], cidrType, parse)],
    isCIDR: [overload("is_cidr", [string], bool, (text: string) => parse(text) instanceof CIDRValue)],
    string: [overload("cidr_to_string", [cidrType], string, String)],
    containsIP: [
      member("cidr_contains_ip_string", [cidrType, string], bool, (of: CIDRValue, text: string) => {
        const ip = parseAddress(text);
        return ip instanceof CelError ? noSuchOverload : of.contains(ip);
      }),
      member("cidr_contains_ip_ip", [cidrType, ipType], bool, (of: CIDRValue, ip: IPValue) => of.contains(ip)),
    ],
    containsCIDR: [
      member("cidr_contains_cidr_string", [cidrType, string], bool, (of: CIDRValue, text: string) => {
        const inner = parse(text);
        return inner instanceof CelError ? inner : containsCIDR(of, inner);
      }),
      member("cidr_contains_cidr", [cidrType, cidrType], bool, containsCIDR),
    ],
    ip: [member("cidr_ip", [cidrType], ipType, (of: CIDRValue) => of.ip)],
    prefixLength: [member("cidr_prefix_length", [cidrType], int, (of: CIDRValue) => BigInt(of.prefix))],
    masked: [member("cidr_masked", [cidrType], cidrType, (of: CIDRValue) => of.masked())],
  },
};
