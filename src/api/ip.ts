/**
 * IP addresses and CIDR ranges as text: what upstream accepts, warns about and prints (k8s.io/utils/net,
 * k8s.io/apimachinery/pkg/util/validation/ip.go).
 */
import { type FieldError, invalidValue, type Path } from "./field.ts";
import { goQuote } from "./go-quote.ts";

export interface IP {
  /** 4 or 16 bytes; an IPv4-mapped IPv6 address has 4. */
  bytes: number[];
  /** Written as ::ffff:1.2.3.4 or alike. */
  mapped: boolean;
  /** An IPv4 part had leading zeros, which strict readers refuse. */
  leadingZeros: boolean;
}

export interface CIDR {
  /** The address as written, not masked. */
  ip: IP;
  prefix: number;
  leadingZeros: boolean;
}

function parseV4(text: string): { bytes: number[]; leadingZeros: boolean } | undefined {
  let leadingZeros = false;
  const bytes: number[] = [];
  /** So far; -1 before the first digit. */
  let byte = -1;
  for (let i = 0; i <= text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (byte === 0) leadingZeros = true;
      byte = Math.max(byte, 0) * 10 + digit;
      if (byte > 255) return undefined;
    } else if (byte >= 0 && (i === text.length || text[i] === ".")) {
      bytes.push(byte);
      byte = -1;
    } else return undefined;
  }
  return bytes.length === 4 ? { bytes, leadingZeros } : undefined;
}

function parseGroups(text: string): { bytes: number[]; leadingZeros: boolean } | undefined {
  if (text === "") return { bytes: [], leadingZeros: false };
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (i === groups.length - 1 && group.includes(".")) {
      const v4 = parseV4(group);
      return v4 && { bytes: [...bytes, ...v4.bytes], leadingZeros: v4.leadingZeros };
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return { bytes, leadingZeros: false };
}

/** Reads an address as leniently as upstream (leading zeros in IPv4 are decimal); undefined when it is none. */
export function parseIP(text: string): IP | undefined {
  if (!text.includes(":")) {
    const v4 = parseV4(text);
    return v4 && { ...v4, mapped: false };
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string) : { bytes: [], leadingZeros: false };
  if (!head || !tail || (halves.length === 2 && (halves[0] as string).includes("."))) return undefined;
  const missing = 16 - head.bytes.length - tail.bytes.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  const bytes = [...head.bytes, ...Array<number>(missing).fill(0), ...tail.bytes];
  const leadingZeros = head.leadingZeros || tail.leadingZeros;
  const mapped = bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return { bytes: mapped ? bytes.slice(12) : bytes, mapped, leadingZeros };
}

/** As Go's net.IP has it: not unspecified, loopback, link-local, multicast or broadcast. */
export function isGlobalUnicast(bytes: readonly number[]): boolean {
  const [first = 0, second = 0] = bytes;
  if (bytes.every((byte) => byte === 0)) return false;
  if (bytes.length === 4) return first !== 127 && first >> 4 !== 0xe && !(first === 169 && second === 254) && !bytes.every((byte) => byte === 255);
  const loopback = bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
  return !loopback && first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80);
}

/** RFC 5952; IPv4-mapped addresses print as IPv4, as Go's net.IP does. */
export function formatIP(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      best = i;
      bestLength = end - i;
    }
    i = Math.max(end, i + 1);
  }
  const hex = (part: number[]): string => part.map((g) => g.toString(16)).join(":");
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** As lenient as parseIP; undefined when it is no range. */
export function parseCIDR(text: string): CIDR | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const ip = parseIP(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (!ip || !/^[0-9]+$/.test(length)) return undefined;
  const prefix = Number(length);
  if (prefix > (ip.mapped ? 128 : ip.bytes.length * 8)) return undefined;
  return { ip, prefix, leadingZeros: ip.leadingZeros || (length.length > 1 && length[0] === "0") };
}

/** The bytes with everything behind the prefix cleared. */
export function maskIP(bytes: readonly number[], prefix: number): number[] {
  return bytes.map((byte, i) => byte & (0xff << Math.min(8, Math.max(0, 8 * (i + 1) - prefix))));
}

const maskedCIDR = (cidr: CIDR): string => {
  const prefix = cidr.ip.mapped ? cidr.prefix - 96 : cidr.prefix;
  return `${formatIP(maskIP(cidr.ip.bytes, prefix))}/${prefix}`;
};

export const isIPv4 = (text: string): boolean => parseIP(text)?.bytes.length === 4;
export const isIPv6 = (text: string): boolean => parseIP(text)?.bytes.length === 16;
export const isIPv6CIDR = (text: string): boolean => parseCIDR(text)?.ip.bytes.length === 16;

/** Whether the range holds the address; false for different families. */
export function cidrContains(cidr: CIDR, ip: IP): boolean {
  if (cidr.ip.bytes.length !== ip.bytes.length) return false;
  const prefix = cidr.ip.mapped ? cidr.prefix - 96 : cidr.prefix;
  return formatIP(maskIP(cidr.ip.bytes, prefix)) === formatIP(maskIP(ip.bytes, prefix));
}

/** For fields older than strict parsing: not canonical is fine, ambiguous is not; what the old object had passes. */
export function isValidIPForLegacyField(path: Path, value: string, validOldIPs: readonly string[] = []): FieldError[] {
  if (validOldIPs.includes(value)) return [];
  const ip = parseIP(value);
  if (!ip) return [invalidValue(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
  if (ip.leadingZeros) return [invalidValue(path, value, "must not have leading 0s")];
  return ip.mapped ? [invalidValue(path, value, "must not be an IPv4-mapped IPv6 address")] : [];
}

export function isValidIP(path: Path, value: string): FieldError[] {
  const errors = isValidIPForLegacyField(path, value);
  if (errors.length) return errors;
  const canonical = formatIP((parseIP(value) as IP).bytes);
  return canonical === value ? [] : [invalidValue(path, value, `must be in canonical form (${goQuote(canonical)})`)];
}

/** Warnings for a value that is accepted though not written canonically; `field` is its path. */
export function warningsForIP(field: Path | string, value: string): string[] {
  const ip = parseIP(value);
  const odd = ip && (ip.leadingZeros || ip.mapped);
  if (!ip || (!odd && ip.bytes.length === 4)) return [];
  const canonical = formatIP(ip.bytes);
  if (odd) return [`${field}: non-standard IP address ${goQuote(value)} is invalid: use ${goQuote(canonical)}`];
  if (canonical !== value) return [`${field}: IPv6 address ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(canonical)})`];
  return [];
}

export function isValidCIDRForLegacyField(path: Path, value: string, validOldCIDRs: readonly string[] = []): FieldError[] {
  if (validOldCIDRs.includes(value)) return [];
  const cidr = parseCIDR(value);
  if (!cidr) return [invalidValue(path, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")];
  if (cidr.leadingZeros) return [invalidValue(path, value, "must not have leading 0s in IP or prefix length")];
  if (cidr.ip.mapped) return [invalidValue(path, value, "must not have an IPv4-mapped IPv6 address")];
  if (formatIP(maskIP(cidr.ip.bytes, cidr.prefix)) !== formatIP(cidr.ip.bytes))
    return [invalidValue(path, value, "must not have bits set beyond the prefix length")];
  return [];
}

export function isValidCIDR(path: Path, value: string): FieldError[] {
  const errors = isValidCIDRForLegacyField(path, value);
  if (errors.length) return errors;
  const canonical = maskedCIDR(parseCIDR(value) as CIDR);
  return canonical === value ? [] : [invalidValue(path, value, `must be in canonical form (${goQuote(canonical)})`)];
}

export function warningsForCIDR(field: Path | string, value: string): string[] {
  const cidr = parseCIDR(value);
  if (!cidr) return [];
  const warnings: string[] = [];
  const masked = maskedCIDR(cidr);
  const address = formatIP(cidr.ip.bytes);
  if (!masked.startsWith(`${address}/`)) {
    const single = `${address}/${cidr.ip.bytes.length * 8}`;
    warnings.push(`${field}: CIDR value ${goQuote(value)} is ambiguous in this context (should be ${goQuote(masked)} or ${goQuote(single)}?)`);
  }
  if (cidr.leadingZeros || cidr.ip.mapped) warnings.push(`${field}: non-standard CIDR value ${goQuote(value)} is invalid: use ${goQuote(masked)}`);
  const canonical = `${address}/${cidr.prefix}`;
  if (!warnings.length && cidr.ip.bytes.length === 16 && canonical !== value)
    warnings.push(`${field}: IPv6 CIDR value ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(canonical)})`);
  return warnings;
}
