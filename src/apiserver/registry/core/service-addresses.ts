/**
 * Cluster addresses: each one given out is an IPAddress object, so that several servers on one store never give one twice
 * (pkg/registry/core/service/ipallocator, KEP-1880).
 */
import { trackUpdate } from "../../../api/apply/managed-fields.ts";
import { formatIP, isIPv6, parseCIDR, parseIP } from "../../../api/ip.ts";
import type { JSONObject } from "../../../api/json.ts";
import { ipAddressKind } from "../../../api/networking/ipaddress.ts";
import { holdsAddress } from "../../../api/networking/service-cidr-overlap.ts";
import type { KubeObject } from "../../../api/object.ts";
import { typeByName } from "../../../api/schema/schema.ts";
import { invalid } from "../../../api/status.ts";
import { formatTime } from "../../../api/time.ts";
import type { Service } from "../../../api/types/core-v1.gen.ts";
import type { ServiceCIDR } from "../../../api/types/networking-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { Reader, ResourceCache } from "../../../cache/cache.ts";
import { ExistsError, RevisionMismatchError } from "../../../store/store.ts";
import type { AddressScope, AddressSeries } from "../../metrics/addresses.ts";
import type { Call } from "../../rest/call.ts";
import { completeObject } from "../../rest/wire.ts";
import { allocatorName, familyLabel, managedByLabel } from "./service-address-verdict.ts";

export interface AddressOptions {
  reader: Reader;
  /** Of `ipaddresses.networking.k8s.io`. */
  addresses: ResourceCache;
  clock: Clock;
  random: Random;
  /** `--service-cluster-ip-range`: the default while no ServiceCIDR exists; one per family at most. */
  ranges: readonly string[];
  series?: AddressSeries;
}

const addressType = typeByName("networking/v1.IPAddress");

/** The record that the Service has the address. */
export function newIPAddress(ip: string, { metadata: { namespace, name } }: Service, clock: Clock, random: Random): KubeObject {
  const created = formatTime(clock.now());
  const object = completeObject("networking.k8s.io/v1", "IPAddress", {
    kind: "IPAddress",
    apiVersion: "networking.k8s.io/v1",
    metadata: {
      name: ip,
      uid: random.uuid(),
      creationTimestamp: created,
      labels: { [familyLabel]: isIPv6(ip) ? "IPv6" : "IPv4", [managedByLabel]: allocatorName },
    },
    spec: { parentRef: { resource: "services", namespace, name } },
  });
  const operation = { manager: "kube-apiserver", apiVersion: "networking.k8s.io/v1", time: created };
  const bare = { ...object, metadata: { ...object.metadata, uid: undefined } } as unknown as JSONObject;
  object.metadata.managedFields = (trackUpdate(addressType, undefined, bare, operation) as unknown as KubeObject).metadata.managedFields;
  return object;
}

type Allocated = { ip: string } | { why: string };

interface Range {
  text: string;
  first: bigint;
  size: bigint;
  /** Addresses at the beginning that are given out only when asked for or when nothing else is left. */
  offset: bigint;
}

const toNumber = (bytes: readonly number[]): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
function fromNumber(value: bigint, length: number): string {
  const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 255n));
  return formatIP(bytes);
}

export function rangeOf(text: string): Range {
  const cidr = parseCIDR(text);
  if (!cidr) throw new Error(`${text} is no network`);
  const bits = cidr.ip.bytes.length * 8 - cidr.prefix;
  const whole = 1n << BigInt(bits);
  // Neither the network's own address nor, for IPv4, the broadcast address.
  const size = whole - (cidr.ip.bytes.length === 4 ? 2n : 1n);
  const min = size / 16n;
  const offset = size < 16n ? 0n : min < 16n ? 16n : min > 256n ? 256n : min;
  return { text, first: ((toNumber(cidr.ip.bytes) >> BigInt(bits)) << BigInt(bits)) + 1n, size, offset };
}

export class AddressAllocator {
  readonly #options: AddressOptions;
  constructor(options: AddressOptions) {
    this.#options = options;
  }

  #ranges(family: string): Range[] {
    const { reader, ranges } = this.#options;
    const ready = reader
      .list<ServiceCIDR & KubeObject>("servicecidrs.networking.k8s.io")
      .filter((cidr) => !cidr.metadata.deletionTimestamp && cidr.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") !== false)
      .flatMap((cidr) => cidr.spec?.cidrs ?? []);
    return (ready.length ? ready : ranges).filter((text) => text.includes(":") === (family === "IPv6")).map(rangeOf);
  }
  /** Families that the cluster gives addresses of, the default first. */
  families(): string[] {
    return [...new Set(this.#options.ranges.map((text) => (text.includes(":") ? "IPv6" : "IPv4")))];
  }

  /** A Service is not validated yet: its name may be none that a parent of an IPAddress may have. */
  #unfitParent(service: Service, ip: string): string {
    const errors = ipAddressKind.validate?.(newIPAddress(ip, service, this.#options.clock, this.#options.random) as never) ?? [];
    return errors.length ? (invalid("IPAddress.networking.k8s.io", ip, errors).status.message ?? "") : "";
  }

  /** `wanted` "" gives any. */
  async allocate(call: Call, service: Service, wanted: string, family: string, dryRun: boolean): Promise<Allocated> {
    const ranges = this.#ranges(family);
    const { clock, series } = this.#options;
    const began = clock.monotonic();
    const scope: AddressScope = wanted ? "static" : "dynamic";
    const allocated = (range: string, ip: string): Allocated => {
      if (!dryRun) series?.allocated(range, scope, (clock.monotonic() - began) / 1000);
      return { ip };
    };
    const failed = (range: string): void => {
      if (!dryRun) series?.failed(range, scope);
    };
    if (wanted) {
      const ip = parseIP(wanted);
      const home = ip && ranges.find((range) => holdsAddress(range.text, ip));
      if (!home) {
        // A dry run asks one range, whichever upstream comes upon first.
        const outside = dryRun && ip ? `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${ranges[0]?.text ?? ""}` : undefined;
        return { why: `failed to allocate IP ${wanted}: ${outside ?? "the provided network does not match the current range"}` };
      }
      const unfit = dryRun ? "" : this.#unfitParent(service, wanted);
      if (!unfit && (await this.#take(call, service, wanted, dryRun))) return allocated(home.text, wanted);
      failed(home.text);
      if (unfit) return { why: `failed to allocate IP ${wanted}: ${unfit}` };
      return { why: `failed to allocate IP ${wanted}: provided IP is already allocated` };
    }
    for (const range of ranges) {
      for (const candidate of this.#candidates(range, family === "IPv6" ? 16 : 4)) {
        if (this.#options.reader.get("ipaddresses.networking.k8s.io", "", candidate)) continue;
        const unfit = dryRun ? "" : this.#unfitParent(service, candidate);
        if (!unfit && (await this.#take(call, service, candidate, dryRun))) return allocated(range.text, candidate);
        failed(range.text);
        if (unfit) return { why: `failed to allocate IP: ${unfit}` };
      }
      failed(range.text);
    }
    return { why: `failed to allocate a serviceIP: range is full` };
  }

  /** Random ones of the upper part, then all of it from a random place on, then the lower part. */
  *#candidates(range: Range, length: number): Generator<string> {
    const at = (offset: bigint): string => fromNumber(range.first + offset, length);
    const upper = range.size - range.offset;
    const width = Number(upper > 0x7fffffffn ? 0x7fffffffn : upper);
    for (let i = 0; i < 16; i++) yield at(range.offset + BigInt(this.#options.random.int(width)));
    const start = this.#options.random.int(width);
    for (let i = 0; i < width; i++) yield at(range.offset + BigInt((start + i) % width));
    for (let i = 0n; i < range.offset; i++) yield at(i);
  }

  async #take(_call: Call, service: Service, ip: string, dryRun: boolean): Promise<boolean> {
    const { addresses, clock, random, reader } = this.#options;
    if (dryRun) return reader.get("ipaddresses.networking.k8s.io", "", ip) === undefined;
    const object = newIPAddress(ip, service, clock, random);
    try {
      await addresses.create(object);
      return true;
    } catch (error) {
      if (error instanceof ExistsError) return false;
      throw error;
    }
  }

  async release(ip: string): Promise<void> {
    const { addresses } = this.#options;
    const stored = await addresses.get("", ip);
    if (!stored) return;
    try {
      await addresses.delete("", ip, stored.revision);
    } catch (error) {
      if (!(error instanceof RevisionMismatchError)) throw error;
    }
  }
}
