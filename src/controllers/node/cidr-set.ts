/** The subnets of one range, and which of them are taken (pkg/controller/nodeipam/ipam/cidrset). */
import { cidrContains, formatIP, maskIP, parseCIDR } from "../../api/ip.ts";

/** Wider differences between an IPv6 range and its subnets are refused, as upstream does. */
const maxDifferenceIPv6 = 16;

const toNumber = (bytes: readonly number[]): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

export class CIDRSet {
  readonly range: string;
  readonly #length: number;
  readonly #base: bigint;
  readonly #prefix: number;
  readonly #mask: number;
  readonly #taken: Uint8Array;
  #count = 0;
  /** Ever. */
  allocations = 0;
  releases = 0;
  #next = 0;

  /** `mask` is the prefix length of a subnet. Throws for what is no range, and for subnets that are larger than it or too small. */
  constructor(range: string, mask: number) {
    const cidr = parseCIDR(range);
    if (!cidr) throw new Error(`invalid CIDR address: ${range}`);
    const { prefix } = cidr;
    this.#length = cidr.ip.bytes.length;
    if (mask < prefix || mask > this.#length * 8)
      throw new Error("Invalid --cluster-cidr, mask size of cluster CIDR must be less than or equal to --node-cidr-mask-size configured for CIDR family");
    if (this.#length === 16 && mask - prefix > maxDifferenceIPv6) throw new Error("New CIDR set failed; the node CIDR size is too big");
    const base = maskIP(cidr.ip.bytes, prefix);
    this.range = `${formatIP(base)}/${prefix}`;
    this.#base = toNumber(base);
    this.#prefix = prefix;
    this.#mask = mask;
    this.#taken = new Uint8Array(2 ** (mask - prefix));
  }

  get size(): number {
    return this.#taken.length;
  }
  /** How many subnets are taken. */
  get taken(): number {
    return this.#count;
  }

  /** The next free subnet; undefined when all are taken. */
  take(): string | undefined {
    const size = this.#taken.length;
    if (this.#count === size) return undefined;
    let at = this.#next;
    while (this.#taken[at]) at = (at + 1) % size;
    this.#next = (at + 1) % size;
    this.#set(at, at, 1);
    return this.#subnet(at);
  }

  /** Marks all subnets that the range touches; throws when it touches none. */
  occupy(cidr: string): void {
    this.#set(...this.#indices(cidr), 1);
  }
  /** Frees all subnets that the range touches; throws when it touches none. */
  release(cidr: string): void {
    this.#set(...this.#indices(cidr), 0);
  }

  #set(begin: number, end: number, value: 0 | 1): void {
    for (let i = begin; i <= end; i++) {
      if (this.#taken[i] === value) continue;
      this.#taken[i] = value;
      this.#count += value ? 1 : -1;
      if (value) this.allocations++;
      else this.releases++;
    }
  }
  #subnet(index: number): string {
    const value = this.#base | (BigInt(index) << BigInt(this.#length * 8 - this.#mask));
    const bytes = Array.from({ length: this.#length }, (_, i) => Number((value >> BigInt(8 * (this.#length - 1 - i))) & 255n));
    return `${formatIP(bytes)}/${this.#mask}`;
  }
  #indices(text: string): [begin: number, end: number] {
    const cidr = parseCIDR(text);
    const own = parseCIDR(this.range);
    if (!cidr || !own) throw new Error(`invalid CIDR address: ${text}`);
    if (!cidrContains(own, cidr.ip) && !cidrContains(cidr, own.ip)) throw new Error(`cidr ${text} is out the range of cluster cidr ${this.range}`);
    if (cidr.prefix <= this.#prefix) return [0, this.#taken.length - 1];
    const shift = BigInt(this.#length * 8 - this.#mask);
    const first = toNumber(maskIP(cidr.ip.bytes, cidr.prefix));
    const last = first | ((1n << BigInt(this.#length * 8 - cidr.prefix)) - 1n);
    return [Number((first - this.#base) >> shift), Number((last - this.#base) >> shift)];
  }
}
