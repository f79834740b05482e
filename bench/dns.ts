/**
 * Our DNS server beside CoreDNS with kubeadm's configuration, on one API server of ours: questions a second and latency by
 * dnsperf, over UDP and TCP, from a mix as pods ask (names of Services, the search path's misses, SRV, PTR, no AAAA).
 *
 * Usage: node bench/dns.ts [--services N] [--rounds N] [--seconds N] [--only ours|peer] [--bin DIR] [--dir DIR] [--port N]
 *   dnsperf must be installed (apt-get install dnsperf)
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { services } from "../src/client/resources.gen.ts";
import { type Side, inTurn } from "./in-turn.ts";
import { cpuSeconds, describeMachine, pssMiB, root } from "./machine.ts";
import { end } from "./servers.ts";
import { serviceWorld } from "./service-world.ts";

const { values } = parseArgs({
  options: {
    services: { type: "string", default: "1000" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    only: { type: "string" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench/dns" },
    port: { type: "string", default: "22230" },
    profile: { type: "string" },
  },
});
const clock = systemClock;
const port = Number(values.port);

const measures = [
  ["udp", "UDP, questions/s"],
  ["udpLatency", "UDP, mean latency, ms"],
  ["udpLost", "UDP, lost, %"],
  ["cpu", "CPU time of the server for a question over UDP, us"],
  ["tcp", "TCP, questions/s"],
  ["memory", "memory of the server (PSS), MiB"],
] as const;

process.stdout.write(`${describeMachine()}\n${values.services} Services\n`);
const world = await serviceWorld({ directory: values.dir, port, bin: values.bin, count: Number(values.services), endpoints: 3 });
const questions = join(values.dir, "questions");
writeFileSync(questions, await mix());
try {
  const { only } = values;
  process.stdout.write(`${await inTurn({ peer: "CoreDNS", ours: "k8ts dns" }, { rounds: Number(values.rounds), only, measures, measure })}\n`);
} finally {
  await world[Symbol.asyncDispose]();
}
process.exit(0);

/** Of ten questions four are for A records that there are, two for AAAA that there are not, two miss, one is SRV, one PTR. */
async function mix(): Promise<string> {
  const { items } = await world.client.resource(services).list({ namespace: "default" });
  const lines = items
    .filter((service) => service.metadata.name !== "kubernetes")
    .flatMap((service, i) => {
      const name = `${service.metadata.name}.default.svc.cluster.local`;
      const reverse = (service.spec.clusterIP as string).split(".").reverse().join(".");
      const a = `${name} A`;
      return [a, `${name} AAAA`, `${name}.default.svc.cluster.local A`, a, i % 2 ? `_http._tcp.${name} SRV` : `${reverse}.in-addr.arpa PTR`];
    });
  return `${lines.join("\n")}\n`;
}

async function measure(side: Side): Promise<Record<(typeof measures)[number][0], number>> {
  const child = start(side);
  try {
    await answers(child);
    // A first second of questions, in which programs compile and grow.
    dnsperf("udp", 1);
    const before = cpuSeconds(child.pid as number);
    const udp = dnsperf("udp", Number(values.seconds));
    const cpu = ((cpuSeconds(child.pid as number) - before) / udp.answered) * 1e6;
    const tcp = dnsperf("tcp", Number(values.seconds));
    return { udp: udp.rate, udpLatency: udp.latency, udpLost: udp.lost, cpu, tcp: tcp.rate, memory: pssMiB(child.pid as number) };
  } finally {
    await end(child);
  }
}

function start(side: Side): ChildProcess {
  const kubeconfig = world.kubeconfig("dns");
  const at = port + 5;
  const log = openSync(join(values.dir, `${side}.log`), "w");
  const corefile = join(values.dir, "Corefile");
  writeFileSync(
    corefile,
    `.:${at} {
  bind 127.0.0.1
  errors
  health 127.0.0.1:${port + 6}
  ready 127.0.0.1:${port + 7}
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 30
  }
  prometheus 127.0.0.1:${port + 8}
  forward . 127.0.0.1:${port + 9}
  cache 30 {
    disable success cluster.local
    disable denial cluster.local
  }
  reload
  loadbalance
}
`,
  );
  const own = ["dns", `--kubeconfig=${kubeconfig}`, "--bind-address=127.0.0.1", `--port=${at}`, `--upstream=127.0.0.1`];
  const ports = [`--healthz-bind-address=127.0.0.1:${port + 6}`, `--metrics-bind-address=127.0.0.1:${port + 8}`];
  const [program, args] = side === "ours" ? [join(root, "k8ts"), [...own, ...ports]] : [join(values.bin, "coredns"), ["-conf", corefile]];
  const profile = side === "ours" && values.profile ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${values.profile}` } : {};
  const child = spawn(program, args, { stdio: ["ignore", log, log], env: { ...process.env, ...profile } });
  closeSync(log);
  return child;
}

/** Until it knows the last Service. */
async function answers(child: ChildProcess): Promise<void> {
  const file = join(values.dir, "last");
  writeFileSync(file, `s${Number(values.services) - 1}.default.svc.cluster.local A\n`);
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the server ended: see ${values.dir}`);
    const out = execFileSync("dnsperf", ["-s", "127.0.0.1", "-p", String(port + 5), "-d", file, "-n", "1", "-t", "1"], { encoding: "utf8", stdio: "pipe" });
    if (/NOERROR 1 /.test(out)) return;
    await clock.sleep(100);
  }
  throw new Error(`the server does not know the Services: see ${values.dir}`);
}

function dnsperf(mode: "udp" | "tcp", seconds: number): { rate: number; latency: number; lost: number; answered: number } {
  const args = ["-s", "127.0.0.1", "-p", String(port + 5), "-d", questions, "-l", String(seconds), "-c", "8", "-m", mode, "-q", "100"];
  const out = execFileSync("dnsperf", args, { encoding: "utf8", stdio: "pipe" });
  const number = (pattern: RegExp): number => Number(pattern.exec(out)?.[1] ?? Number.NaN);
  return {
    rate: number(/Queries per second:\s+([\d.]+)/),
    latency: number(/Average Latency \(s\):\s+([\d.]+)/) * 1000,
    lost: number(/Queries lost:\s+\d+ \(([\d.]+)%\)/),
    answered: number(/Queries completed:\s+(\d+)/),
  };
}
