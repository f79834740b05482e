import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { frame, merge, type Ruleset, rulesetOf, table, transition } from "./nftables.ts";
import type { ServicePort } from "./service-port.ts";

const options = { nodeAddresses: ["10.244.0.1"], podCIDR: "10.244.0.0/24", serviceCIDR: "10.96.0.0/16" };
const none: Ruleset = { chains: new Map(), sets: new Map(), elements: new Map() };
const port = (over: Partial<ServicePort> = {}): ServicePort => ({
  id: "default/web:http",
  protocol: "tcp",
  port: 80,
  nodePort: 0,
  clusterIPs: ["10.96.0.7"],
  externalIPs: [],
  sourceRanges: [],
  affinitySeconds: 0,
  internal: [{ ip: "10.244.0.5", port: 8080 }],
  external: [],
  externalLocal: false,
  ...over,
});
/** In a network namespace of its own, gone when the command ends. */
const inNamespace = (script: string): string =>
  execFileSync("unshare", ["--net", "nft", "-f", "-"], { input: `${script}\nlist table ip ${table}\n`, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
const real = process.getuid?.() === 0 && spawnSync("nft", ["--version"]).status === 0 ? false : "needs root and nft";

test("a Service port without endpoints is refused, one with endpoints is rewritten", () => {
  const without = rulesetOf(port({ internal: [] }));
  assert.deepEqual([...without.elements], [["no_endpoint_services 10.96.0.7 . tcp . 80", "goto reject_chain"]]);
  const withOne = rulesetOf(port());
  assert.match([...withOne.elements.keys()].join(), /^service_ips 10.96.0.7 . tcp . 80$/);
  assert.ok([...withOne.chains.values()].some((rules) => rules.includes("meta l4proto tcp dnat to 10.244.0.5:8080")));
});
test("equal states need no command", () => {
  assert.equal(transition(rulesetOf(port()), rulesetOf(port())), "");
});
test("one endpoint more changes the chains of that Service port alone", () => {
  const other = rulesetOf(port({ id: "default/other:", clusterIPs: ["10.96.0.8"] }));
  const script = transition(
    merge([rulesetOf(port()), other]),
    merge([rulesetOf(port({ internal: [...port().internal, { ip: "10.244.0.6", port: 8080 }] })), other]),
  );
  assert.equal(script.split("\n").filter((l) => l.startsWith("add chain")).length, 2);
  assert.doesNotMatch(script, /10\.96\.0\.8/);
});

test("any way through states leaves the kernel with the same rules as the last state alone", { skip: real }, () => {
  const random = seededRandom(7);
  const pick = (): ServicePort[] =>
    Array.from({ length: random.int(5) }, (_, i) => {
      const backends = Array.from({ length: random.int(4) }, (_, b) => ({ ip: `10.244.0.${10 + b}`, port: 8080 }));
      return port({
        id: `default/s${i}:`,
        clusterIPs: [`10.96.0.${20 + random.int(3) * 10 + i}`],
        protocol: (["tcp", "udp", "sctp"] as const)[random.int(3)],
        nodePort: random.int(2) ? 30000 + i : 0,
        externalIPs: random.int(3) ? [] : [`192.0.2.${i + 1}`],
        sourceRanges: random.int(3) ? [] : ["198.51.100.0/24"],
        affinitySeconds: random.int(2) * (100 + random.int(2)),
        internal: backends,
        external: random.int(2) ? backends : backends.slice(1),
        externalLocal: random.int(2) === 1,
      });
    });
  for (let round = 0; round < 8; round++) {
    const states = Array.from({ length: 4 }, () => merge(pick().map(rulesetOf)));
    const steps = [none, ...states].slice(0, -1).map((from, i) => transition(from, states[i] as Ruleset));
    const last = states.at(-1) as Ruleset;
    const wandered = inNamespace(frame(options) + steps.join(""));
    const straight = inNamespace(frame(options) + transition(none, last));
    assert.deepEqual(blocks(wandered), blocks(straight));
  }
});

/** Chains, maps and sets of a listing in an order that does not depend on when they were made. */
const blocks = (listing: string): string[] =>
  listing
    .replaceAll(
      /elements = \{([^}]*)\}/g,
      (_, inner: string) =>
        `elements = {${inner
          .split(",")
          .map((e) => e.trim())
          .sort()
          .join()}}`,
    )
    .split(/\n(?=\t(?:chain|map|set) )/)
    .map((b) => b.replace(/\n}\s*$/, "").trim())
    .sort();
