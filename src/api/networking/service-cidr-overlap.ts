/** How ranges of service addresses lie to each other (pkg/api/servicecidr). Pure. */
import { cidrContains, formatIP, type IP, maskIP, parseCIDR, parseIP } from "../ip.ts";
import type { ServiceCIDR } from "../types/networking-v1.gen.ts";

const cidrsOf = (item: ServiceCIDR): string[] => item.spec.cidrs ?? [];

function overlap(one: string, other: string): boolean {
  const [a, b] = [parseCIDR(one), parseCIDR(other)];
  return a !== undefined && b !== undefined && (a.prefix < b.prefix ? cidrContains(a, b.ip) : cidrContains(b, a.ip));
}
const covers = (outer: string, inner: string): boolean => overlap(outer, inner) && (parseCIDR(outer)?.prefix as number) <= (parseCIDR(inner)?.prefix as number);

export const overlapping = (all: readonly ServiceCIDR[], cidr: string): ServiceCIDR[] => all.filter((item) => cidrsOf(item).some((one) => overlap(one, cidr)));
/** The same range counts. */
export const covering = (all: readonly ServiceCIDR[], cidr: string): ServiceCIDR[] => all.filter((item) => cidrsOf(item).some((one) => covers(one, cidr)));

/** Whether a Service may have the address from the range: neither the network's own nor, for IPv4, the broadcast address. */
export function holdsAddress(range: string, address: IP): boolean {
  const cidr = parseCIDR(range);
  if (!cidr || !cidrContains(cidr, address)) return false;
  const text = formatIP(address.bytes);
  if (formatIP(maskIP(cidr.ip.bytes, cidr.prefix)) === text) return false;
  if (address.bytes.length !== 4) return true;
  const network = maskIP(address.bytes, cidr.prefix);
  const hostBits = maskIP([255, 255, 255, 255], cidr.prefix).map((byte) => 255 - byte);
  return formatIP(network.map((byte, i) => byte | (hostBits[i] as number))) !== text;
}

/** Those of which the address may come; none for what is no address. */
export function containing(all: readonly ServiceCIDR[], address: string): ServiceCIDR[] {
  const ip = parseIP(address);
  return ip ? all.filter((item) => cidrsOf(item).some((range) => holdsAddress(range, ip))) : [];
}
