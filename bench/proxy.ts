/**
 * Our Service proxy beside upstream's kube-proxy in nftables mode, on one API server of ours with many Services: from exec to
 * all rules in the kernel, from a write of one EndpointSlice until a new connection reaches the new endpoint, and what both
 * cost in CPU time (nft's included) and memory. Runs in a network namespace of its own (root).
 *
 * Usage: node bench/proxy.ts [--services N] [--endpoints N] [--rounds N] [--changes N] [--only ours|peer] [--bin DIR] [--dir DIR] [--port N]
 */
import { spawnSync } from "node:child_process";
import { connect, createServer } from "node:net";
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { endpointslices, services } from "../src/client/resources.gen.ts";
import { type Side, inTurn } from "./in-turn.ts";
import { cpuSecondsWithEnded, describeMachine, pssMiB } from "./machine.ts";
import { proxySynced, startProxy } from "./proxy-program.ts";
import { end } from "./servers.ts";
import { serviceWorld, type ServiceWorld, sliceOf } from "./service-world.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    services: { type: "string", default: "10000" },
    endpoints: { type: "string", default: "10" },
    rounds: { type: "string", default: "5" },
    changes: { type: "string", default: "10" },
    only: { type: "string" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench/proxy" },
    port: { type: "string", default: "22220" },
    inside: { type: "boolean", default: false },
  },
});
const clock = systemClock;
const port = Number(values.port);
const patience = 300_000;

if (!values.inside) {
  const { status } = spawnSync("unshare", ["--net", process.execPath, ...process.execArgv, import.meta.filename, ...process.argv.slice(2), "--inside"], {
    stdio: "inherit",
  });
  process.exit(status ?? 1);
}

/** Seconds and MiB. */
const measures = [
  ["sync", "exec to all rules, s"],
  ["syncCPU", "its CPU time, s"],
  ["change", "one change, write to packet, s"],
  ["changeCPU", "its CPU time, s"],
  ["memory", "memory of the proxy (PSS), MiB"],
] as const;

process.stdout.write(`${describeMachine()}\n${values.services} Services with ${values.endpoints} endpoints each\n`);
prepareNetwork();
const world = await serviceWorld({ directory: values.dir, port, bin: values.bin, count: Number(values.services), endpoints: Number(values.endpoints) });
const program = { world, bin: values.bin, port: port + 5 };
const probe: Probe = { address: "", group: 1 };
try {
  await makeProbe(world);
  const options = { rounds: Number(values.rounds), only: values.only, measures, measure, figure: (value: number) => value.toFixed(3) };
  process.stdout.write(`${await inTurn({ peer: "kube-proxy", ours: "k8ts proxy" }, options)}\n`);
} finally {
  await world[Symbol.asyncDispose]();
}
process.exit(0);

/** Endpoints that exist: two groups of addresses of this namespace, of which the Service has one at a time. */
function prepareNetwork(): void {
  const ip = (...args: string[]): void => {
    const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  };
  ip("link", "set", "lo", "up");
  ip("addr", "add", "10.250.0.0/16", "dev", "lo");
  ip("route", "add", "10.96.0.0/16", "dev", "lo", "src", "10.250.0.1");
}

interface Probe {
  address: string;
  /** Third number of the addresses that it has. */
  group: number;
}

async function makeProbe({ client }: ServiceWorld): Promise<void> {
  createServer((socket) => socket.end(socket.localAddress?.split(".")[2] ?? "")).listen(8080, "0.0.0.0");
  const service = await client
    .resource(services)
    .create("default", { metadata: { name: "probe" }, spec: { ports: [{ name: "http", port: 80, targetPort: 8080 }] } });
  await client.resource(endpointslices).create("default", sliceOf("probe", group(1)));
  probe.address = service.spec.clusterIP as string;
}

function group(n: number): string[] {
  return Array.from({ length: Number(values.endpoints) }, (_, i) => `10.250.${n}.${i + 1}`);
}

/** The group that a new connection reaches; undefined when it reaches none. */
function reached(): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: probe.address, port: 80, timeout: 200 });
    socket.on("data", (data) => resolve(Number(data.toString())));
    for (const event of ["error", "close", "timeout"]) socket.on(event, () => resolve(undefined));
    socket.on("timeout", () => socket.destroy());
  });
}

async function until(n: number): Promise<void> {
  const deadline = clock.monotonic() + patience;
  while ((await reached()) !== n) {
    if (clock.monotonic() > deadline) throw new Error(`the Service's group ${n} was not reached within ${patience / 1000} s`);
    await clock.sleep(1);
  }
}

async function measure(side: Side): Promise<Record<(typeof measures)[number][0], number>> {
  const child = startProxy(side === "ours", side, program);
  const began = clock.monotonic();
  try {
    await proxySynced(child, program, patience);
    const sync = (clock.monotonic() - began) / 1000;
    await until(probe.group);
    const syncCPU = cpuSecondsWithEnded(child.pid as number);
    // What was left to do after the rules: garbage, statuses of a start.
    await clock.sleep(5000);
    const before = cpuSecondsWithEnded(child.pid as number);
    const times: number[] = [];
    for (let i = 0; i < Number(values.changes); i++) {
      probe.group = probe.group === 1 ? 2 : 1;
      const at = clock.monotonic();
      await world.client.resource(endpointslices).patch("default", "probe-x", "merge", { endpoints: sliceOf("probe", group(probe.group)).endpoints });
      await until(probe.group);
      times.push((clock.monotonic() - at) / 1000);
      // kube-proxy syncs once a second at most.
      await clock.sleep(1500);
    }
    const changeCPU = (cpuSecondsWithEnded(child.pid as number) - before) / times.length;
    return { sync, syncCPU, change: median(times), changeCPU, memory: pssMiB(child.pid as number) };
  } finally {
    await end(child);
    await forgotten();
  }
}

/** The kernel takes tables apart in the background, and whoever changes rules meanwhile waits for it. */
async function forgotten(): Promise<void> {
  for (const name of ["ip kube-proxy", "ip6 kube-proxy", "ip k8ts_proxy", "ip6 k8ts_proxy"]) spawnSync("nft", ["delete", "table", ...name.split(" ")]);
  for (let quick = 0; quick < 5; ) {
    const at = clock.monotonic();
    spawnSync("nft", ["-f", "-"], { input: "add table ip bench_idle\ndelete table ip bench_idle\n" });
    quick = clock.monotonic() - at < 50 ? quick + 1 : 0;
    await clock.sleep(200);
  }
}
