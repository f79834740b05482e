import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../../api/types/core-v1.gen.ts";
import { NodeCIDRs } from "./node-ipam.ts";

const node = (...podCIDRs: string[]): Node => ({ metadata: { name: "n" }, spec: { podCIDR: podCIDRs[0], podCIDRs } }) as unknown as Node;
const pools = [
  { cidr: "10.0.0.0/23", mask: 24 },
  { cidr: "fd00::/63", mask: 64 },
];

test("a node gets one network of each family", () => {
  assert.deepEqual(new NodeCIDRs(pools, []).take(), ["10.0.0.0/24", "fd00::/64"]);
});

test("what nodes have and what services have is not given out", () => {
  const cidrs = new NodeCIDRs([{ cidr: "10.0.0.0/22", mask: 24 }], ["10.0.0.0/24", "192.168.0.0/16"]);
  cidrs.occupy(node("10.0.1.0/24"));
  assert.deepEqual(cidrs.take(), ["10.0.2.0/24"]);
});

test("when one family is exhausted nothing is taken of the other", () => {
  const cidrs = new NodeCIDRs([...pools.slice(0, 1), { cidr: "fd00::/64", mask: 64 }], []);
  cidrs.take();
  assert.throws(() => cidrs.take(), /failed to allocate cidr from cluster cidr at idx:1: CIDR allocation failed; there are no remaining CIDRs left/);
  cidrs.giveBack(["10.0.0.0/24", "fd00::/64"]);
  assert.deepEqual(cidrs.take(), ["10.0.0.0/24", "fd00::/64"]);
});

test("a node with a network that no pool has is named", () => {
  assert.throws(() => new NodeCIDRs(pools.slice(0, 1), []).occupy(node("10.0.0.0/24", "fd00::/64")), /node:n has an allocated cidr: fd00::\/64 at index:1/);
});
