import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { seededRandom } from "../base/random.ts";
import type { Family } from "./packed-slice.ts";
import { FamilyRules, type TableObjects } from "./rules.ts";
import type { Backend, ServicePort } from "./service-port.ts";

const backends = (...ips: string[]): Backend[] => ips.map((ip) => ({ ip, port: 8080 }));
const port = (over: Partial<ServicePort> = {}): ServicePort => ({
  id: "default/web/tcp/http",
  protocol: "tcp",
  port: 80,
  nodePort: 0,
  clusterIP: "10.96.0.7",
  externalIPs: [],
  balancerIPs: [],
  sourceRanges: [],
  affinitySeconds: 0,
  internalLocal: false,
  externalLocal: false,
  cluster: backends("10.244.0.5"),
  local: [],
  hairpin: [],
  anyEndpoints: true,
  serving: [],
  ...over,
});
const cidrs = ["10.96.0.0/16"];

/** A kernel that remembers scripts and has the objects that they name. */
class Kernel {
  scripts: string[] = [];
  there: TableObjects | undefined;
  refuse: RegExp | undefined;
  async apply(script: string): Promise<void> {
    if (this.refuse?.test(script)) throw new Error("refused");
    this.scripts.push(script);
    this.there ??= { chains: [], sets: [], maps: [] };
    for (const [, verb, kind, name] of script.matchAll(/^(add|delete) (chain|set|map) ip6? k8ts_proxy (\S+)/gm)) {
      const list = this.there[`${kind}s` as keyof TableObjects];
      if (verb === "delete") list.splice(list.indexOf(name as string), 1);
      else if (!list.includes(name as string)) list.push(name as string);
    }
  }
  async objects(): Promise<TableObjects | undefined> {
    return this.there && structuredClone(this.there);
  }
}
const rulesOn = (kernel: Pick<Kernel, "apply" | "objects">, clock = new VirtualClock(0), family: Family = "IPv4"): FamilyRules =>
  new FamilyRules({
    family,
    nodePortAddresses: () => undefined,
    local: () => ({ kind: "cidr", cidr: family === "IPv6" ? "fd00:10:244::/56" : "10.244.0.0/16" }),
    masqueradeAll: false,
    masqueradeBit: 14,
    kernel,
    clock,
  });

test("a change of one endpoint touches the elements of that Service alone", async () => {
  const kernel = new Kernel();
  const rules = rulesOn(kernel);
  const other = port({ id: "default/other/tcp/", clusterIP: "10.96.0.8" });
  await rules.sync(
    new Map([
      ["default/web", [port()]],
      ["default/other", [other]],
    ]),
    cidrs,
  );
  kernel.scripts = [];
  await rules.sync(new Map([["default/web", [port({ cluster: backends("10.244.0.6") })]]]), cidrs);
  assert.deepEqual(kernel.scripts, [
    "delete element ip k8ts_proxy endpoint-0 { 10.96.0.7 . tcp . 80 }\nadd element ip k8ts_proxy endpoint-0 { 10.96.0.7 . tcp . 80 : 10.244.0.6 . 8080 }\n",
  ]);
  kernel.scripts = [];
  await rules.sync(new Map([["default/web", [port({ cluster: backends("10.244.0.6") })]]]), cidrs);
  assert.deepEqual(kernel.scripts, [], "nothing to do, nothing done");
});

test("what the kernel refused is brought whole the next time", async () => {
  const kernel = new Kernel();
  const rules = rulesOn(kernel);
  await rules.sync(new Map(), cidrs);
  kernel.refuse = /10\.96\.0\.7/;
  await assert.rejects(rules.sync(new Map([["default/web", [port()]]]), cidrs), /refused/);
  assert.equal(rules.needsFullSync, true);
  kernel.refuse = undefined;
  kernel.scripts = [];
  await rules.sync(new Map(), cidrs);
  assert.match(kernel.scripts.join(""), /service_ips \{ 10\.96\.0\.7 \. tcp \. 80/);
});

test("an address that two Services claim is the first one's until it lets go", async () => {
  const kernel = new Kernel();
  const rules = rulesOn(kernel);
  const claim = (name: string, ip: string): ServicePort => port({ id: `default/${name}/tcp/`, clusterIP: ip, externalIPs: ["192.0.2.1"] });
  await rules.sync(new Map([["default/a", [claim("a", "10.96.0.1")]]]), cidrs);
  kernel.scripts = [];
  await rules.sync(new Map([["default/b", [claim("b", "10.96.0.2")]]]), cidrs);
  assert.doesNotMatch(kernel.scripts.join(""), /192\.0\.2\.1/);
  kernel.scripts = [];
  await rules.sync(new Map([["default/a", []]]), cidrs);
  assert.match(kernel.scripts.join(""), /delete element ip k8ts_proxy service_ips \{[^}]*192\.0\.2\.1 \. tcp \. 80/);
  assert.match(kernel.scripts.join(""), /add element ip k8ts_proxy service_ips \{[^}]*192\.0\.2\.1 \. tcp \. 80 : goto external-\S+default\/b/);
});

test("chains are deleted a second after the last element that leads to them", async () => {
  const kernel = new Kernel();
  const clock = new VirtualClock(0);
  const rules = rulesOn(kernel, clock);
  await rules.sync(new Map([["default/web", [port({ nodePort: 30001 })]]]), cidrs);
  await rules.sync(new Map([["default/web", []]]), cidrs);
  assert.equal(rules.hasStale, true);
  kernel.scripts = [];
  await rules.sync(new Map(), cidrs);
  assert.deepEqual(kernel.scripts, []);
  await clock.advance(1000);
  await rules.sync(new Map(), cidrs);
  assert.equal(kernel.scripts.join("").match(/^delete chain/gm)?.length, 2);
  assert.equal(rules.hasStale, false);
});

test("sources outside of loadBalancerSourceRanges are dropped before anything else", async () => {
  const kernel = new Kernel();
  const rules = rulesOn(kernel);
  await rules.sync(new Map([["default/web", [port({ balancerIPs: ["192.0.2.9"], sourceRanges: ["198.51.100.0/24"] })]]]), cidrs);
  assert.match(kernel.scripts.join(""), /add rule ip k8ts_proxy firewall-\S+ ip saddr != \{ 198\.51\.100\.0\/24 \} drop/);
  assert.match(kernel.scripts.join(""), /firewall_ips \{ 192\.0\.2\.9 \. tcp \. 80 : goto firewall-/);
});

test("where no endpoint is here traffic is dropped, where none is anywhere it is refused", async () => {
  const kernel = new Kernel();
  const rules = rulesOn(kernel);
  await rules.sync(
    new Map([
      ["default/none", [port({ clusterIP: "10.96.0.1", cluster: [], anyEndpoints: false })]],
      ["default/elsewhere", [port({ clusterIP: "10.96.0.2", nodePort: 30002, externalLocal: true })]],
      ["default/inside", [port({ clusterIP: "10.96.0.3", internalLocal: true, cluster: [] })]],
    ]),
    cidrs,
  );
  const script = kernel.scripts.join("");
  assert.match(script, /no_endpoint_services \{[^}]*10\.96\.0\.1 \. tcp \. 80 : goto reject_chain/);
  assert.match(script, /no_endpoint_nodeports \{ tcp \. 30002 : drop/);
  assert.match(script, /service_ips \{[^}]*10\.96\.0\.2 \. tcp \. 80 : goto service-/);
  assert.match(script, /no_endpoint_services \{[^}]*10\.96\.0\.3 \. tcp \. 80 : drop/);
});

const real = process.getuid?.() === 0 && spawnSync("nft", ["--version"]).status === 0 ? false : "needs root and nft";

/** What the kernel lists after the scripts, in a network namespace of their own. */
function listed(scripts: readonly string[], family: Family): string[] {
  const table = `${family === "IPv6" ? "ip6" : "ip"} k8ts_proxy`;
  const commands = ["set -e", ...scripts.map((_, i) => `printf '%s' "$S${i}" | nft -f -`), `nft list table ${table}`];
  const env = { ...process.env, ...Object.fromEntries(scripts.map((script, i) => [`S${i}`, script])) };
  const listing = execFileSync("unshare", ["--net", "sh", "-c", commands.join("\n")], { env, encoding: "utf8", stdio: ["pipe", "pipe", "inherit"] });
  return blocks(listing);
}
/** Chains, maps and sets in an order that does not depend on when they were made; without what Services leave behind for others. */
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
    .filter((b) => !/^chain (?:pick|spread)-/.test(b) && !/^map endpoint-\d+ \{[^=]*$/.test(b) && !/^chain [a-z]+-\S* \{\s*\}$/.test(b))
    .sort();

for (const family of ["IPv4", "IPv6"] as const)
  test(`any way through states leaves the kernel with the same rules as the last state alone, ${family}`, { skip: real }, async () => {
    const random = seededRandom(7);
    const ip = (v4: string): string => (family === "IPv4" ? v4 : `fd00::${v4.replaceAll(".", ":")}`);
    const service = (i: number): ServicePort[] => {
      if (random.int(4) === 0) return [];
      const all = Array.from({ length: random.int(4) }, (_, b) => ({ ip: ip(`10.244.0.${10 + b}`), port: 8080 }));
      const protocol = (["tcp", "udp", "sctp"] as const)[random.int(3)] as ServicePort["protocol"];
      return [
        port({
          id: `default/s${i}/${protocol}/`,
          clusterIP: ip(`10.96.0.${20 + i}`),
          protocol,
          nodePort: random.int(2) ? 30000 + i : 0,
          externalIPs: random.int(3) ? [] : [ip(`192.0.2.${1 + random.int(2)}`)],
          balancerIPs: random.int(3) ? [] : [ip(`192.0.3.${i + 1}`)],
          sourceRanges: random.int(2) ? [] : [family === "IPv4" ? "198.51.100.0/24" : "fd00:51::/64"],
          affinitySeconds: random.int(3) ? 0 : 100 + random.int(2),
          cluster: all,
          local: all.slice(1),
          hairpin: all.slice(1),
          anyEndpoints: all.length > 0,
          externalLocal: random.int(2) === 1,
          internalLocal: random.int(4) === 0,
        }),
      ];
    };
    for (let round = 0; round < 3; round++) {
      const clock = new VirtualClock(0);
      const wanderer = new Kernel();
      const rules = rulesOn(wanderer, clock, family);
      const last = new Map<string, ServicePort[]>();
      for (let step = 0; step < 6; step++) {
        const changed = new Map(Array.from({ length: 1 + random.int(4) }, () => random.int(6)).map((i) => [`default/s${i}`, service(i)]));
        for (const [key, ports] of changed) last.set(key, ports);
        if (step === 3) rules.needsFullSync = true;
        await rules.sync(changed, []);
        await clock.advance(1000);
      }
      // Claims of one address go by age: the one way must claim in the order of the other.
      const straight = new Kernel();
      await rulesOn(straight, clock, family).sync(last, []);
      const unclaimed = (all: string[]): string[] => all.map((b) => b.replaceAll(/(?:fd00::)?192[.:]0[.:]2[^,}]*/g, "claimed"));
      assert.deepEqual(unclaimed(listed(wanderer.scripts, family)), unclaimed(listed(straight.scripts, family)));
    }
  });
