import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIP, type IP } from "../../api/ip.ts";
import type { IPAddress, ServiceCIDR } from "../../api/types/networking-v1.gen.ts";
import { mayGo } from "./service-cidr.ts";
import { containing, covering, holdsAddress, overlapping } from "../../api/networking/service-cidr-overlap.ts";

const cidr = (name: string, ...cidrs: string[]): ServiceCIDR => ({ metadata: { name }, spec: { cidrs } }) as unknown as ServiceCIDR;
const address = (name: string, by = "ipallocator.k8s.io"): IPAddress =>
  ({
    metadata: { name, labels: { "ipaddress.kubernetes.io/managed-by": by, "ipaddress.kubernetes.io/ip-family": name.includes(":") ? "IPv6" : "IPv4" } },
  }) as unknown as IPAddress;
const small = cidr("small", "10.0.0.0/24");
const large = cidr("large", "10.0.0.0/16");
const names = (found: ServiceCIDR[]): string[] => found.map((one) => one.metadata.name);

test("a range goes when no address is left in it", () => {
  assert.equal(mayGo(small, [small], []), true);
  assert.equal(mayGo(small, [small], [address("10.0.0.7")]), false);
  assert.equal(mayGo(small, [small], [address("10.0.1.7")]), true);
});

test("a range inside another goes at once, the outer one only when the inner holds all addresses", () => {
  assert.equal(mayGo(small, [small, large], [address("10.0.0.7")]), true);
  assert.equal(mayGo(large, [small, large], [address("10.0.0.7")]), true);
  assert.equal(mayGo(large, [small, large], [address("10.0.5.7")]), false);
});

test("of two families each has to be covered", () => {
  const both = cidr("both", "10.0.0.0/24", "fd00::/64");
  assert.equal(mayGo(both, [both, large], [address("fd00::5")]), false);
  assert.equal(mayGo(both, [both, large], [address("10.0.0.5")]), true);
});

test("addresses that somebody else manages keep nothing", () => {
  assert.equal(mayGo(small, [small], [address("10.0.0.7", "me")]), true);
});

test("neither the network nor the broadcast address belongs to a range", () => {
  const holds = (text: string): boolean => holdsAddress("10.0.0.128/25", parseIP(text) as IP);
  assert.deepEqual(["10.0.0.128", "10.0.0.129", "10.0.0.254", "10.0.0.255", "10.0.0.1"].map(holds), [false, true, true, false, false]);
  assert.equal(holdsAddress("fd00::/120", parseIP("fd00::ff") as IP), true);
  assert.equal(holdsAddress("fd00::/120", parseIP("fd00::") as IP), false);
});

test("ranges overlap in both directions, and are covered in one", () => {
  const all = [small, large, cidr("far", "192.168.0.0/24")];
  assert.deepEqual(names(overlapping(all, "10.0.0.0/20")), ["small", "large"]);
  assert.deepEqual(names(covering(all, "10.0.0.0/20")), ["large"]);
  assert.deepEqual(names(containing(all, "10.0.0.9")), ["small", "large"]);
  assert.deepEqual(names(containing(all, "nonsense")), []);
});
