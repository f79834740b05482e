import assert from "node:assert/strict";
import { test } from "node:test";
import { CIDRSet } from "./cidr-set.ts";

test("subnets are given out in order, round after round", () => {
  const set = new CIDRSet("10.0.0.0/22", 24);
  assert.deepEqual([set.take(), set.take()], ["10.0.0.0/24", "10.0.1.0/24"]);
  set.release("10.0.0.0/24");
  assert.deepEqual([set.take(), set.take(), set.take(), set.take()], ["10.0.2.0/24", "10.0.3.0/24", "10.0.0.0/24", undefined]);
});

test("what is occupied is not given out, once freed it is", () => {
  const set = new CIDRSet("10.0.0.0/22", 24);
  set.occupy("10.0.0.0/23");
  set.occupy("10.0.0.0/24");
  assert.equal(set.take(), "10.0.2.0/24");
  set.release("10.0.1.0/24");
  assert.deepEqual([set.take(), set.take(), set.take()], ["10.0.3.0/24", "10.0.1.0/24", undefined]);
});

test("a range around it, or smaller than a subnet, occupies what it touches", () => {
  const whole = new CIDRSet("10.0.0.0/22", 24);
  whole.occupy("10.0.0.0/8");
  assert.equal(whole.take(), undefined);
  const part = new CIDRSet("10.0.0.0/22", 24);
  part.occupy("10.0.0.64/26");
  assert.equal(part.take(), "10.0.1.0/24");
});

test("IPv6 subnets lie in the upper half of the address", () => {
  const set = new CIDRSet("fd00:1::/48", 64);
  set.occupy("fd00:1:0:0::/64");
  assert.deepEqual([set.take(), set.take()], ["fd00:1:0:1::/64", "fd00:1:0:2::/64"]);
  set.occupy("fd00:1:0:3::/64");
  assert.equal(set.take(), "fd00:1:0:4::/64");
});

test("ranges and sizes that make no sense are refused", () => {
  assert.throws(() => new CIDRSet("10.0.0.0", 24), /invalid CIDR address: 10.0.0.0/);
  assert.throws(() => new CIDRSet("10.0.0.0/16", 12), /mask size of cluster CIDR must be less than or equal/);
  assert.throws(() => new CIDRSet("fd00::/40", 64), /the node CIDR size is too big/);
  assert.throws(() => new CIDRSet("10.0.0.0/22", 24).occupy("10.1.0.0/24"), /cidr 10.1.0.0\/24 is out the range of cluster cidr 10.0.0.0\/22/);
});
