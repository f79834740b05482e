/**
 * Packets through both proxies: the same Services and endpoints, our proxy and upstream's kube-proxy (nftables) one after the
 * other on a node with pods and a world outside (network namespaces), and from the node, from a pod and from outside every
 * way in is tried. Who answers, and from which address the request seemed to come, must be the same.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/proxy-differential.ts [--bin DIR] [--port N] [--dir DIR]
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "../tools/command-line.ts";
import { proxySynced, startProxy } from "../bench/proxy-program.ts";
import { end } from "../bench/servers.ts";
import { node, serviceWorld, sliceOf } from "../bench/service-world.ts";
import { systemClock } from "../src/base/clock.ts";
import { endpointslices, nodes, services } from "../src/client/resources.gen.ts";
import { localPods, remotePods, type Scenario, scenarios, zone } from "./proxy/scenarios.ts";

const { values } = parseArgs({
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    dir: { type: "string", default: "/var/tmp/k8ts-proxy-differential" },
    port: { type: "string", default: "22240" },
  },
});
const port = Number(values.port);
const nodeAddress = "192.168.9.1";
/** Milliseconds. */
const patience = 30_000;
const started = systemClock.monotonic();

interface Peer {
  name: string;
  ask(protocol: string, host: string, at: number): Promise<string>;
}
interface Way {
  scenario: Scenario;
  title: string;
  host: string;
  port: number;
}

const children: ChildProcess[] = [];
makeNetwork();
const peers = [await peer("node", []), await peer("pod", ["pod", ...localPods, ...remotePods]), await peer("outside", ["outside", "192.168.9.2"])];
await using world = await serviceWorld({ directory: values.dir, port, bin: values.bin, count: 0, endpoints: 0 });
const ways = await makeServices();
const upstream = await outcomes("upstream");
const ours = await outcomes("ours");
const different = [...upstream].filter(([title, said]) => ours.get(title) !== said);
for (const [title, said] of different) process.stdout.write(`DIFFERENT ${title}: upstream ${JSON.stringify(said)}, ours ${JSON.stringify(ours.get(title))}\n`);
const kinds = new Map<string, number>();
for (const said of upstream.values()) kinds.set(said.replace(/\d+\.\d+\.\d+\.\d+/g, "A"), (kinds.get(said.replace(/\d+\.\d+\.\d+\.\d+/g, "A")) ?? 0) + 1);
process.stdout.write(`${[...kinds].map(([kind, count]) => `${count} ${kind}`).join(", ")}\n`);
const seconds = ((systemClock.monotonic() - started) / 1000).toFixed(0);
process.stdout.write(
  `${different.length ? "FAIL" : "PASS"} proxy-differential: ${upstream.size - different.length} of ${upstream.size} ways end alike (${seconds} s)\n`,
);
process.exitCode = different.length ? 1 : 0;
for (const child of children) child.kill();

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

/** This namespace is the node; `pod` and `outside` hang on it. */
function makeNetwork(): void {
  ip("link", "set", "lo", "up");
  for (const [name, address] of [
    ["pod", "10.128.0.254/24"],
    ["outside", `${nodeAddress}/24`],
  ] as const) {
    ip("netns", "add", name);
    ip("link", "add", `to-${name}`, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("addr", "add", address, "dev", `to-${name}`);
    ip("link", "set", `to-${name}`, "up");
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "link", "set", "eth0", "up");
  }
  for (const pod of localPods) ip("-n", "pod", "addr", "add", `${pod}/24`, "dev", "eth0");
  for (const pod of remotePods) ip("-n", "pod", "addr", "add", `${pod}/32`, "dev", "lo");
  ip("route", "add", "10.129.0.0/24", "via", "10.128.0.1");
  ip("-n", "pod", "route", "add", "default", "via", "10.128.0.254");
  ip("-n", "outside", "addr", "add", "192.168.9.2/24", "dev", "eth0");
  ip("-n", "outside", "route", "add", "default", "via", nodeAddress);
  ip("route", "replace", "default", "via", "192.168.9.2");
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
  // What refuses must say so each time.
  writeFileSync("/proc/sys/net/ipv4/icmp_ratelimit", "0");
}

async function peer(name: string, [namespace, ...addresses]: string[]): Promise<Peer> {
  const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(import.meta.dirname, "proxy/peer.ts"), ...addresses];
  const [command = "", ...args] = namespace ? ["ip", "netns", "exec", namespace, ...program] : program;
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const waiting = new Map<number, (said: string) => void>();
  const ready = new Promise<string>((resolve) => waiting.set(0, resolve));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, said } = JSON.parse(line) as { id: number; said: string };
    waiting.get(id)?.(said);
    waiting.delete(id);
  });
  await ready;
  let next = 1;
  return {
    name,
    ask: (protocol, host, at) =>
      new Promise((resolve) => {
        const id = next++;
        waiting.set(id, resolve);
        child.stdin.write(`${JSON.stringify({ id, protocol, host, port: at })}\n`);
      }),
  };
}

async function makeServices(): Promise<Way[]> {
  const { client } = world;
  const status = { status: { addresses: [{ type: "InternalIP", address: nodeAddress }] } };
  await client.resource(nodes).patch("", node, "merge", { metadata: { labels: { "topology.kubernetes.io/zone": zone } } });
  await client.resource(nodes).patch("", node, "merge", status, { subresource: "status" });
  const all: Way[] = [];
  for (const [i, scenario] of scenarios.entries()) {
    const name = `scenario-${i}`;
    const protocol = scenario.protocol ?? "TCP";
    const spec = { ports: [{ name: "p", port: 80, targetPort: 8080, protocol }], ...scenario.spec };
    const made = await client.resource(services).create("default", { metadata: { name }, spec });
    if (scenario.ingress)
      await client.resource(services).patch("default", name, "merge", { status: { loadBalancer: { ingress: scenario.ingress } } }, { subresource: "status" });
    const slice = sliceOf(name, []);
    await client.resource(endpointslices).create("default", {
      ...slice,
      ports: [{ name: "p", protocol, port: 8080 }],
      endpoints: scenario.endpoints.map(({ ip: address, local, conditions, zones, nodes: hinted }) => ({
        addresses: [address],
        nodeName: local ? node : "n2",
        conditions: conditions ?? { ready: true, serving: true, terminating: false },
        hints: { ...(zones ? { forZones: zones.map((one) => ({ name: one })) } : {}), ...(hinted ? { forNodes: hinted.map((one) => ({ name: one })) } : {}) },
      })),
    });
    const way = (title: string, host: string, at: number): void => void all.push({ scenario, title, host, port: at });
    way("cluster address", made.spec.clusterIP as string, 80);
    way("another port of it", made.spec.clusterIP as string, 81);
    const own = made.spec.ports?.[0]?.nodePort;
    if (own) way("NodePort", nodeAddress, own);
    for (const address of [...(made.spec.externalIPs ?? []), ...(scenario.ingress ?? []).map((one) => one.ip)]) way("external address", address, 80);
  }
  all.push({ scenario: { name: "an address of no Service", spec: {}, endpoints: [] }, title: "any port", host: "10.96.255.250", port: 80 });
  return all;
}

async function outcomes(side: "ours" | "upstream"): Promise<Map<string, string>> {
  const program = { world, bin: values.bin, port: port + 5 };
  const child = startProxy(side === "ours", side, program);
  try {
    await proxySynced(child, program, patience);
    await systemClock.sleep(500);
    const said = new Map<string, string>();
    for (const { name, ask } of peers)
      for (let at = 0; at < ways.length; at += 16)
        await Promise.all(
          ways.slice(at, at + 16).map(async (way) => {
            said.set(`${way.scenario.name}: ${way.title} from ${name}`, await ask(way.scenario.protocol ?? "TCP", way.host, way.port));
          }),
        );
    return said;
  } finally {
    await end(child);
    for (const table of ["ip kube-proxy", "ip6 kube-proxy", "ip k8ts_proxy", "ip6 k8ts_proxy"]) spawnSync("nft", ["delete", "table", ...table.split(" ")]);
    spawnSync("conntrack", ["-F"]);
  }
}
