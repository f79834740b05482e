/**
 * kwok itself beside our simulated nodes: the same nodes and pods in two clusters of ours, the same stage files, in one of
 * them kwok's program carries them out, in the other we do. What every node and pod says of itself afterwards must be equal
 * but for times, addresses and names of programs.
 *
 * Usage: node conformance/kwok-beside.ts MODULE KWOK [--port N]
 *   MODULE   directory of kwok's sources: what `go mod download -json sigs.k8s.io/kwok@v0.8.0` prints as Dir
 *   KWOK     kwok's program, of the same version
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { misused, parseArgs } from "../tools/command-line.ts";
import type { KubeObject } from "../src/api/object.ts";
import { systemClock } from "../src/base/clock.ts";
import { nodes, pods } from "../src/client/resources.gen.ts";
import { type Cluster, startCluster } from "../src/distro/start-cluster.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { port: { type: "string", default: "0" } } });
const [module, kwok] = positionals;
if (!module || !kwok) misused("MODULE and KWOK are needed");
const folders = ["node/fast", "pod/fast", "node/chaos", "pod/chaos"].map((folder) => join(module, "kustomize", "stage", folder));
const files = folders.flatMap((folder) =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((file) => file.endsWith(".yaml") && /^kind: Stage$/m.test(readFileSync(file, "utf8"))),
);

const container = { name: "c", image: "registry.k8s.io/pause:3.9" };
const failing = { "pod-container-running-failed.stage.kwok.x-k8s.io": "true" };
const wanted: Record<string, { labels?: Record<string, string>; annotations?: Record<string, string>; spec: object }> = {
  plain: { spec: { containers: [container] } },
  two: { spec: { containers: [container, { ...container, name: "d", resources: { requests: { cpu: "1" } } }] } },
  init: { spec: { initContainers: [{ ...container, name: "i" }], containers: [container] } },
  sidecar: { spec: { initContainers: [{ ...container, name: "s", restartPolicy: "Always" }], containers: [container] } },
  host: { spec: { hostNetwork: true, containers: [container] } },
  gated: { spec: { readinessGates: [{ conditionType: "example.com/ready" }], containers: [container] } },
  never: { spec: { restartPolicy: "Never", containers: [container] } },
  "ends-badly": { labels: failing, spec: { containers: [container] } },
  "ends-named": {
    labels: failing,
    annotations: {
      "pod-container-running-failed.stage.kwok.x-k8s.io/reason": "Full",
      "pod-container-running-failed.stage.kwok.x-k8s.io/exit-code": "28",
      "pod-container-running-failed.stage.kwok.x-k8s.io/container-name": "c",
    },
    spec: { containers: [container, { ...container, name: "d" }] },
  },
  "init-fails": {
    labels: { "pod-init-container-running-failed.stage.kwok.x-k8s.io": "true" },
    spec: { initContainers: [{ ...container, name: "i" }], containers: [container] },
  },
  deleted: { spec: { containers: [container] } },
};

/** Nodes a (plain) and b (not Ready by its label), the pods on a; then their statuses, ten seconds later. */
async function play(cluster: Cluster, annotations: Record<string, string>): Promise<Map<string, unknown>> {
  const { client } = cluster;
  await client.resource(nodes).create("", { metadata: { name: "a", annotations }, spec: { podCIDR: "10.1.0.0/24" } });
  const labels = { "node-not-ready.stage.kwok.x-k8s.io": "true" };
  await client.resource(nodes).create("", { metadata: { name: "b", labels, annotations }, spec: { podCIDR: "10.2.0.0/24" } });
  for (const [name, { spec, ...metadata }] of Object.entries(wanted))
    await client.resource(pods).create("default", { metadata: { name, ...metadata }, spec: { nodeName: "a", ...spec } as never });
  await systemClock.sleep(5000);
  await client.resource(pods).delete("default", "deleted", { gracePeriodSeconds: 5 });
  await systemClock.sleep(5000);
  const found = [...(await client.resource(nodes).list()).items, ...(await client.resource(pods).list({ namespace: "default" })).items] as KubeObject[];
  return new Map(found.map((object) => [object.metadata.name, comparable((object as { status?: object }).status ?? {})]));
}

/** Without what must differ; lists by type or name, because patches may add to them in another order. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value === "string") {
    if (/^\d{4}-\d\d-\d\dT/.test(value)) return "TIME";
    if (/^\d+\.\d+\.\d+\.\d+$/.test(value)) return "ADDRESS";
    return value.replace(/^kwok-.*/, "PROGRAM");
  }
  if (typeof value !== "object" || value === null) return value;
  if ((value as { type?: string }).type === "Hostname") return "HOSTNAME";
  const entries = Object.entries(value).filter(([key]) => key !== "daemonEndpoints");
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, comparable(field)]));
}

async function withKwok(program: string): Promise<Map<string, unknown>> {
  const directory = mkdtempSync(join(tmpdir(), "kwok-"));
  await using cluster = await startCluster({ nodes: 0, port: Number(values.port) });
  writeFileSync(join(directory, "kubeconfig"), await cluster.kubeconfig(), { mode: 0o600 });
  const args = [
    "--kubeconfig",
    join(directory, "kubeconfig"),
    "--manage-all-nodes=true",
    "--node-ip",
    "10.3.0.1",
    "--node-name",
    "kwok",
    ...files.flatMap((file) => ["--config", file]),
  ];
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { HOME: directory, PATH: process.env.PATH ?? "" } });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += String(chunk);
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    const statuses = await play(cluster, {});
    if (child.exitCode !== null) throw new Error(`kwok has ended:\n${log}`);
    return statuses;
  } finally {
    child.kill();
    await ended;
    rmSync(directory, { recursive: true });
  }
}

async function withUs(): Promise<Map<string, unknown>> {
  await using cluster = await startCluster({ nodes: 0, stages: files.map((file) => ({ file, text: readFileSync(file, "utf8") })) });
  return await play(cluster, { "kwok.x-k8s.io/node": "fake" });
}

const theirs = await withKwok(kwok);
const ours = await withUs();
let equal = 0;
const names = [...new Set([...theirs.keys(), ...ours.keys()])].sort();
for (const name of names) {
  const [a, b] = [JSON.stringify(theirs.get(name)), JSON.stringify(ours.get(name))];
  if (a === b) equal++;
  process.stdout.write(a === b ? `ok   ${name}\n` : `FAIL ${name}\n     kwok: ${a}\n     ours: ${b}\n`);
}
process.stdout.write(`${equal} of ${names.length} nodes and pods say the same; gone in both: ${names.includes("deleted") ? "no" : "deleted"}\n`);
process.exitCode = equal === names.length && !names.includes("deleted") ? 0 : 1;
