import assert from "node:assert/strict";
import { test } from "node:test";
import { type NodeCIDRFlags, nodeCIDRs } from "./node-cidr-flags.ts";

const flags = (given: Partial<NodeCIDRFlags> = {}): NodeCIDRFlags => ({
  "allocate-node-cidrs": true,
  "cluster-cidr": ["10.244.0.0/16"],
  "node-cidr-mask-size": 0,
  "node-cidr-mask-size-ipv4": 0,
  "node-cidr-mask-size-ipv6": 0,
  "service-cluster-ip-range": [],
  ...given,
});

test("nothing is given out unless it is asked for", () => {
  assert.deepEqual(nodeCIDRs(flags({ "allocate-node-cidrs": false })), {});
});

test("networks have 24 bits in IPv4 and 64 in IPv6 unless said otherwise", () => {
  const masks = (given: Partial<NodeCIDRFlags>) => nodeCIDRs(flags(given)).nodeCIDRs?.pools.map(({ mask }) => mask);
  const both = { "cluster-cidr": ["10.244.0.0/16", "fd00::/56"] };
  assert.deepEqual(masks({}), [24]);
  assert.deepEqual(masks({ "node-cidr-mask-size": 26 }), [26]);
  assert.deepEqual(masks(both), [24, 64]);
  assert.deepEqual(masks({ ...both, "node-cidr-mask-size-ipv4": 25, "node-cidr-mask-size-ipv6": 60 }), [25, 60]);
});

test("contradictions are refused in a sentence", () => {
  const both = { "cluster-cidr": ["10.244.0.0/16", "fd00::/56"] };
  assert.throws(() => nodeCIDRs(flags({ "cluster-cidr": [] })), /must specify --cluster-cidr/);
  assert.throws(() => nodeCIDRs(flags({ "cluster-cidr": ["10.0.0.0/16", "10.1.0.0/16"] })), /different families/);
  assert.throws(() => nodeCIDRs(flags({ ...both, "node-cidr-mask-size": 26 })), /not allowed with dual-stack/);
  assert.throws(() => nodeCIDRs(flags({ "node-cidr-mask-size-ipv6": 60 })), /single-stack IPv4 cluster/);
  assert.throws(() => nodeCIDRs(flags({ "node-cidr-mask-size": 12 })), /mask size of cluster CIDR must be less than or equal/);
});
