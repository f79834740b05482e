import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, apiServiceAddress, defaultSettings, dnsServiceAddress, nodeAddress, settingsProblems } from "./settings.ts";

const settings = defaultSettings({ nodeName: "one" });

test("addresses of a network are counted from its base, over octets", () => {
  assert.equal(addressOf("10.244.0.0/24", 1), "10.244.0.1");
  assert.equal(addressOf("10.96.0.0/16", 10), "10.96.0.10");
  assert.equal(addressOf("192.168.0.0/16", 256), "192.168.1.0");
  assert.equal(addressOf("223.255.255.0/24", 255), "223.255.255.255");
});

test("what is no IPv4 network is refused with an example of one", () => {
  for (const text of [
    "",
    "10.0.0.0",
    "10.0.0/24",
    "10.0.0.0/7",
    "10.0.0.0/31",
    "10.0.0.256/24",
    "10.0.0.0/24/1",
    "a.b.c.d/24",
    "fd00::/64",
    "10.0.0.-1/24",
    "10.0..0/24",
    "10.0.0.0/2 4",
  ])
    assert.throws(() => addressOf(text, 0), /is not an IPv4 network such as 10\.244\.0\.0\/24/, text);
});

test("the node has the pods' first address, the kubernetes Service the first of the Services, DNS the tenth", () => {
  assert.equal(nodeAddress(settings), "10.244.0.1");
  assert.equal(apiServiceAddress(settings), "10.96.0.1");
  assert.equal(dnsServiceAddress(settings), "10.96.0.10");
});

test("the defaults make a cluster", () => assert.deepEqual(settingsProblems(settings), []));

test("networks that overlap, either way round, make none", () => {
  for (const [podCIDR, serviceCIDR] of [
    ["10.96.3.0/24", "10.96.0.0/16"],
    ["10.0.0.0/8", "10.96.0.0/16"],
    ["10.96.0.0/16", "10.96.0.0/16"],
  ] as const)
    assert.match(settingsProblems({ ...settings, podCIDR, serviceCIDR }).join(), /overlap/);
  assert.deepEqual(settingsProblems({ ...settings, podCIDR: "10.95.255.0/24" }), []);
});

test("a network with bits beyond its prefix is refused with the network that was meant", () => {
  assert.deepEqual(settingsProblems({ ...settings, podCIDR: "10.244.0.77/24" }), [
    "--pod-cidr 10.244.0.77/24 has bits beyond its prefix: the network is 10.244.0.0/24",
  ]);
});

test("too few Service addresses, and names that are none, are refused", () => {
  assert.match(settingsProblems({ ...settings, serviceCIDR: "10.96.0.0/30" }).join(), /too small: DNS has its 10th address/);
  for (const nodeName of ["", "Upper", "under_score", "-a", "a-", "a..b", "x".repeat(254)])
    assert.match(settingsProblems({ ...settings, nodeName }).join(), /--node-name .* is no DNS name/, nodeName);
  assert.match(settingsProblems({ ...settings, clusterDomain: "cluster local" }).join(), /--cluster-domain/);
});
