/**
 * A cluster on this machine: from the start of `k8ts up` with data that exist already to a Ready node and to HTTP 200 from
 * an application through its NodePort; memory and processor time when nothing happens. Needs root.
 *
 * Usage: node bench/up.ts [--rounds N] [--idle SECONDS] [--images TAR] [--dir DIR] [--port N] [--wait SECONDS]
 *   --rounds  @default 5
 *   --idle    how long processor time is counted @default 60; 600 says more
 *   --images  archive with the application's image @default /var/tmp/k8ts-judges/images.tar (conformance/build.ts --images)
 *   --wait    for another cluster to leave the machine @default 0
 */
import { get } from "node:http";
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { deployments, nodes, services } from "../src/client/resources.gen.ts";
import { addressOf, defaultSettings } from "../src/distro/settings.ts";
import { cluster, image, machineFree } from "./cluster.ts";
import { cpuSeconds, describeMachine, pssMiB } from "./machine.ts";
import { median, percent, spread, table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    idle: { type: "string", default: "60" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench/up" },
    port: { type: "string", default: "22210" },
    wait: { type: "string", default: "0" },
  },
});
const clock = systemClock;
const nodePort = 30080;
const labels = { app: "web" };
process.stdout.write(`${describeMachine()}\n`);
await machineFree(Number(values.wait));
await using ours = cluster(values.dir, values.port);

/** Milliseconds since `began` at which the application answered. */
async function answered(began: number): Promise<number> {
  const url = `http://${addressOf(defaultSettings().podCIDR, 1)}:${nodePort}/hostname`;
  for (;;) {
    const status = await new Promise<number | undefined>((resolve) => {
      const request = get(url, { timeout: 200, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", () => resolve(undefined));
      request.on("timeout", () => request.destroy());
    });
    if (status === 200) return clock.monotonic() - began;
    if (clock.monotonic() - began > 120_000) throw new Error(`${url} does not answer`);
    await clock.sleep(5);
  }
}

async function prepare(): Promise<void> {
  await ours.k8ts("up");
  await ours.k8ts("image import", values.images);
  const client = ours.client();
  const containers = [{ name: "web", image, args: ["netexec", "--http-port=8080"], ports: [{ containerPort: 8080 }] }];
  await client.resource(deployments).create("default", {
    metadata: { name: "web" },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 0 } } },
  });
  await client
    .resource(services)
    .create("default", { metadata: { name: "web" }, spec: { type: "NodePort", selector: labels, ports: [{ port: 8080, nodePort }] } });
  await answered(clock.monotonic());
  await client.transport[Symbol.asyncDispose]();
}

await prepare();
const ready: number[] = [];
const served: number[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  await ours.k8ts("down");
  const began = clock.monotonic();
  const [up, http] = await Promise.all([ours.k8ts("up").then(() => clock.monotonic() - began), answered(began)]);
  ready.push(up / 1000);
  served.push(http / 1000);
  process.stderr.write(`round ${round}: up ends (node Ready) after ${(up / 1000).toFixed(2)} s, HTTP 200 after ${(http / 1000).toFixed(2)} s\n`);
}

/** What keeps running after the start (images are listed, leases and caches settle) is not idling. */
await clock.sleep(20_000);
const seconds = Number(values.idle);
const { k8ts, runtime } = ours.pids();
const cpu = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
const pss = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + pssMiB(pid), 0);
const before = { k8ts: cpu(k8ts), runtime: cpu(runtime) };
await clock.sleep(seconds * 1000);
const used = { k8ts: (cpu(k8ts) - before.k8ts) / seconds, runtime: (cpu(runtime) - before.runtime) / seconds };
const memory = { k8ts: pss(k8ts), runtime: pss(runtime) };
const client = ours.client();
const version = (await client.resource(nodes).list()).items[0]?.status.nodeInfo?.containerRuntimeVersion;
await client.transport[Symbol.asyncDispose]();
const times = (list: readonly number[]): string => `${median(list).toFixed(2)} s (${percent(spread(list))})`;
const core = (fraction: number): string => `${(fraction * 100).toFixed(2)} % of a core`;
const rows = [
  ["up, warm: node Ready", times(ready)],
  ["up, warm: HTTP 200 through a NodePort", times(served)],
  [`idle, ${k8ts.length} k8ts processes: memory (PSS)`, `${memory.k8ts.toFixed(0)} MiB`],
  [`idle: the same with ${version} and shims (${runtime.length})`, `${(memory.k8ts + memory.runtime).toFixed(0)} MiB`],
  [`idle, ${seconds} s: k8ts processes`, core(used.k8ts)],
  ["idle: the same with containerd and shims", core(used.k8ts + used.runtime)],
];
process.stdout.write(`${table(["", "median (spread)"], rows)}\n`);
