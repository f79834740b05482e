/**
 * A node with as many pods as it takes (110): from their creation to the last one Ready, and what the agent (kubelet, Service
 * proxy, names) costs when nothing happens. A third of the pods has probes, a third shows a ConfigMap and a token. Needs root.
 *
 * Usage: node bench/full-node.ts [--pods N] [--idle SECONDS] [--images TAR] [--dir DIR] [--port N] [--wait SECONDS]
 *   --pods  @default 110
 *   --idle  how long processor time is counted @default 120
 */
import { parseArgs } from "../tools/command-line.ts";
import type { Container, PodSpec } from "../src/api/types/core-v1.gen.ts";
import { systemClock } from "../src/base/clock.ts";
import { configmaps, pods } from "../src/client/resources.gen.ts";
import { daemonPids, findDaemon } from "../src/distro/daemon.ts";
import { pathsOf } from "../src/distro/paths.ts";
import { cluster, image, machineFree } from "./cluster.ts";
import { cpuSeconds, describeMachine, pssMiB } from "./machine.ts";
import { table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    pods: { type: "string", default: "110" },
    idle: { type: "string", default: "120" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench/full-node" },
    port: { type: "string", default: "22212" },
    wait: { type: "string", default: "0" },
  },
});
const clock = systemClock;
const limit = 600_000;
const settle = 30_000;
process.stdout.write(`${describeMachine()}\n`);
await machineFree(Number(values.wait));
await using ours = cluster(values.dir, values.port);
await ours.k8ts("up");
await ours.k8ts("image import", values.images);

const http: Container = { name: "c", image, args: ["netexec", "--http-port=8080"], imagePullPolicy: "IfNotPresent", resources: {} };
const probe = { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 10 };
const kinds: PodSpec[] = [
  { containers: [{ ...http, args: ["pause"] }] },
  { containers: [{ ...http, readinessProbe: probe, livenessProbe: probe }] },
  {
    containers: [{ ...http, args: ["pause"], volumeMounts: [{ name: "settings", mountPath: "/settings" }] }],
    volumes: [{ name: "settings", configMap: { name: "settings" } }],
  },
];

const client = ours.client();
const count = Number(values.pods);
await client.resource(configmaps).create("default", { metadata: { name: "settings" }, data: { a: "1", b: "2" } });
const began = clock.monotonic();
for (let i = 0; i < count; i++)
  await client
    .resource(pods)
    .create("default", { metadata: { name: `pod-${i}` }, spec: { ...(kinds[i % kinds.length] as PodSpec), terminationGracePeriodSeconds: 0 } });
for (;;) {
  const { items } = await client.resource(pods).list({ namespace: "default" });
  const ready = items.filter((pod) => pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True")).length;
  if (ready === count) break;
  if (clock.monotonic() - began > limit) throw new Error(`${ready} of ${count} pods are Ready after ${limit / 1000} s`);
  await clock.sleep(250);
}
const last = (clock.monotonic() - began) / 1000;
await client.transport[Symbol.asyncDispose]();

await clock.sleep(settle);
const seconds = Number(values.idle);
const daemon = findDaemon(pathsOf(values.dir), "agent");
if (!daemon) throw new Error("the agent does not run");
const agent = daemonPids(daemon);
const cpu = (): number => agent.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
const before = cpu();
await clock.sleep(seconds * 1000);
const used = (cpu() - before) / seconds;
const memory = agent.reduce((sum, pid) => sum + pssMiB(pid), 0);
const rows = [
  [`${count} pods created, the last Ready`, `${last.toFixed(1)} s`],
  ["the agent: memory (PSS)", `${memory.toFixed(0)} MiB`],
  [`the agent, ${seconds} s without changes`, `${(used * 100).toFixed(2)} % of a core`],
];
process.stdout.write(`${table(["", "measured"], rows)}\n`);
