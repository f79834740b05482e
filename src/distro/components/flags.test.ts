import assert from "node:assert/strict";
import { test } from "node:test";
import { componentEntries } from "../commands/components.ts";
import { bool, duration, endpoint, file, fixed, integer, list, networks, pairs, parseDuration } from "./flag-types.ts";
import { defineComponent, helpText, parseFlags } from "./flags.ts";

const flags = {
  "secure-port": integer("the port", 6443, 1, 65535),
  wait: duration("how long", "1m0s", 1000),
  verbose: bool("say more"),
  names: list("names", ["a"]),
  ranges: networks("ranges"),
  labels: pairs("labels"),
  "metrics-address": endpoint("metrics", "127.0.0.1", 10249),
  mode: fixed("string", "mode", ["nftables"], "nothing else exists"),
} as const;
const component = defineComponent({
  name: "thing",
  summary: "a thing",
  description: "A thing.",
  examples: ["k8ts thing --wait=1s"],
  flags,
  refused: [["it is gone", "old-flag"]],
  async run() {},
});
const refusal = (...args: string[]): string => {
  try {
    parseFlags(component, args);
  } catch (error) {
    return (error as Error).message.split("\n").slice(0, -1).join("\n");
  }
  return "";
};

test("flags that are not given have their defaults", () => {
  assert.deepEqual(parseFlags(component, []), {
    "secure-port": 6443,
    wait: 60_000,
    verbose: false,
    names: ["a"],
    ranges: [],
    labels: {},
    "metrics-address": { host: "127.0.0.1", port: 10249 },
    mode: "nftables",
  });
});

test("values come after an equals sign or as the next argument; switches need none", () => {
  const read = parseFlags(component, [
    "--secure-port",
    "1",
    "--wait=1h30m",
    "--verbose",
    "--names=b,c",
    "--names",
    "d",
    "--labels=x=1,y=a=b",
    "--metrics-address=9",
  ]);
  assert.equal(read["secure-port"], 1);
  assert.equal(read.wait, 5_400_000);
  assert.equal(read.verbose, true);
  assert.deepEqual(read.names, ["b", "c", "d"]);
  assert.deepEqual(read.labels, { x: "1", y: "a=b" });
  assert.deepEqual(read["metrics-address"], { host: "127.0.0.1", port: 9 });
  assert.equal(parseFlags(component, ["--verbose=false"]).verbose, false);
  assert.equal(parseFlags(component, ["--secure_port=2"])["secure-port"], 2);
});

test("each mistake is told, all at once", () => {
  assert.equal(
    refusal("--secure-prt=1", "--old-flag", "value", "--secure-port=0", "--wait=soon", "stray", "--mode=iptables", "--verbose=perhaps"),
    [
      "unknown flag --secure-prt: did you mean --secure-port?",
      "--old-flag is not supported: it is gone",
      'invalid value "0" for --secure-port: it must be a whole number from 1 to 65535',
      'invalid value "soon" for --wait: a duration is a number with a unit such as 30s, 5m or 1h30m',
      '"stray" is not a flag: k8ts thing takes only flags, each beginning with --',
      'invalid value "iptables" for --mode: only "nftables" is supported: nothing else exists',
      'invalid value "perhaps" for --verbose: it must be true or false',
    ].join("\n"),
  );
  assert.equal(refusal("--wait"), "--wait needs a value of type duration: --wait=...");
  assert.match(refusal("--ranges=10.0.0.0/33"), /"10.0.0.0\/33" is not a network such as 10.0.0.0\/8/);
  assert.match(refusal("--labels=x"), /"x" is not KEY=VALUE/);
});

test("durations are Go's", () => {
  assert.equal(parseDuration("1h0m0s"), 3_600_000);
  assert.equal(parseDuration("1.5s"), 1500);
  assert.equal(parseDuration("100ms"), 100);
  assert.equal(parseDuration("0"), 0);
  for (const wrong of ["", "5", "1 s", "s", "1d", "1s2"]) assert.throws(() => parseDuration(wrong), wrong);
});

test("help names every flag with its default, and the examples", () => {
  const help = helpText(component as never);
  for (const name of Object.keys(flags)) assert.ok(help.includes(`--${name}`), name);
  assert.ok(help.includes("(default 1m0s)"));
  assert.ok(help.includes("k8ts thing --wait=1s"));
  assert.equal(file("x").type, "file");
});

test("no component both has a flag and refuses it, or refuses it twice", async () => {
  for (const { load } of componentEntries) {
    const { name, flags: own, refused } = await load();
    const names = refused.flatMap(([, ...list]) => list);
    assert.deepEqual(
      names.filter((one) => one in own),
      [],
      name,
    );
    assert.equal(new Set(names).size, names.length, `${name}: ${names.filter((one, i) => names.indexOf(one) !== i)}`);
  }
});
