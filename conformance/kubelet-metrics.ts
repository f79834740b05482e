/**
 * What upstream's kubelet and ours tell of the same pods, one after the other on the same control plane and runtime:
 * `/stats/summary`, `/metrics/cadvisor`, `/metrics/resource`, `/metrics/probes` and the stable and beta families of `/metrics`.
 * Families, types and labels must be the same; figures of a pod that does a known amount of work must be close.
 * `kubelet-metrics/absent.json` says why a family or a field is not there.
 *
 *   node conformance/kubelet-metrics.ts [--directory DIR] [--images TAR] [--bin DIR] [--compare]
 *
 *   --directory  where nodes are, and what they told @default /var/tmp/k8ts-kubelet-metrics
 *   --compare    only what was told the last time
 *
 * Root. Exits 1 where something differs. Each kubelet has a machine of its own (own-machine.sh).
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { pods } from "../src/client/resources.gen.ts";
import type { Client } from "../src/client/client.ts";
import { pathsOf } from "../src/distro/paths.ts";
import { until } from "./cluster/cluster.ts";
import type { Side } from "./interchange/world.ts";
import { NodeOfParts, nodeName } from "./node/node.ts";

const { values } = parseArgs({
  options: {
    directory: { type: "string", default: "/var/tmp/k8ts-kubelet-metrics" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    look: { type: "string" },
    compare: { type: "boolean", default: false },
  },
});
const pages = ["stats/summary", "metrics/cadvisor", "metrics/resource", "metrics/probes", "metrics"] as const;
type Page = (typeof pages)[number];
type Pages = Record<Page, string>;

const image = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";
const script = "head -c 20000000 /dev/zero > /cache/file; while :; do :; done";
/** Half a core, 20 MB in an emptyDir, a probe that succeeds and one that fails. */
const workload = {
  metadata: { name: "worker", labels: { app: "worker" } },
  spec: {
    terminationGracePeriodSeconds: 0,
    // Its volume has another name each time.
    automountServiceAccountToken: false,
    containers: [
      {
        name: "busy",
        image,
        command: ["sh", "-c", script],
        resources: { requests: { cpu: "100m", memory: "20Mi" }, limits: { cpu: "200m", memory: "100Mi" } },
        volumeMounts: [{ name: "cache", mountPath: "/cache" }],
        readinessProbe: { exec: { command: ["true"] }, periodSeconds: 2 },
      },
      { name: "idle", image, command: ["sleep", "100000"], livenessProbe: { exec: { command: ["true"] }, periodSeconds: 2 } },
    ],
    volumes: [{ name: "cache", emptyDir: {} }],
  },
};

async function fetchPage(client: Client, page: Page): Promise<string> {
  const { body } = await client.transport.stream({ method: "GET", path: `/api/v1/nodes/${nodeName}/proxy/${page}` });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const pageFile = (side: string, page: Page): string => join(values.directory, `${side}-${page.replaceAll("/", "-")}`);

async function look(kubelet: Side): Promise<void> {
  const { bin, images } = values;
  // cAdvisor looks for containerd in one place only.
  mkdirSync("/run/containerd", { recursive: true });
  symlinkSync(pathsOf(join(values.directory, kubelet)).containerdSocket, "/run/containerd/containerd.sock");
  await using node = await NodeOfParts.start({ server: "ours", kubelet, proxy: "ours", dns: "ours", bin, images, directory: join(values.directory, kubelet) });
  const { client } = node;
  await client.resource(pods).create("default", workload);
  await until("the pod Ready", 60, async () => {
    const { status } = await client.resource(pods).get("default", "worker");
    return status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  });
  // Upstream looks every ten seconds, and at files every minute.
  await pause(25_000);
  for (const page of pages) await fetchPage(client, page);
  await pause(75_000);
  for (const page of pages) writeFileSync(pageFile(kubelet, page), await fetchPage(client, page));
  await client.resource(pods).delete("default", "worker", { gracePeriodSeconds: 0 });
}

/** On a machine of its own. Gives what was told. */
function told(side: Side): Pages {
  if (!values.compare) {
    const [script = ""] = process.argv.slice(1);
    const machine = join(import.meta.dirname, "own-machine.sh");
    const parameters = ["directory", "images", "bin"].map((name) => `--${name}=${values[name as "bin"]}`);
    rmSync(join(values.directory, side), { recursive: true, force: true });
    const { status } = spawnSync("sh", [machine, process.execPath, script, "--look", side, ...parameters], { stdio: "inherit" });
    rmSync(join(values.directory, side), { recursive: true, force: true });
    if (status !== 0) throw new Error(`${side}: the node could not be looked at`);
  }
  return Object.fromEntries(pages.map((page) => [page, readFileSync(pageFile(side, page), "utf8")])) as Pages;
}

interface Family {
  type: string;
  stability: string;
  /** Names of labels of each series that is not of the whole node. */
  labels: Set<string>;
  series: Map<string, number>;
}

function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const line of text.split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind) {
      const family = families.get(name) ?? { type: "", stability: "", labels: new Set(), series: new Map() };
      families.set(name, family);
      if (kind === "TYPE") family.type = rest;
      else family.stability = /^\[(\w+)\]/.exec(rest)?.[1] ?? "";
      continue;
    }
    const [, sample, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?$/.exec(line) ?? [];
    const family = sample && (families.get(sample) ?? families.get(sample.replace(/_(bucket|sum|count)$/, "")));
    if (!family) continue;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", text = ""]) => [label, text] as const);
    for (const [label] of pairs) if (label !== "le") family.labels.add(label);
    family.series.set(
      pairs
        .filter(([label]) => label !== "id" && label !== "name" && label !== "image")
        .map((pair) => pair.join("="))
        .sort()
        .join(","),
      Number(value),
    );
  }
  return families;
}

const reasons = JSON.parse(readFileSync(new URL("kubelet-metrics/absent.json", import.meta.url), "utf8")) as Record<string, string[]>;
const fits = (pattern: string, name: string): boolean => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name);
const excused = (name: string): boolean => Object.values(reasons).some((names) => names.some((one) => fits(one, name)));

let compared = 0;
const problems: string[] = [];
function problem(text: string): void {
  problems.push(text);
}

function compareFamilies(page: Page, theirs: Map<string, Family>, ours: Map<string, Family>): void {
  for (const [name, family] of theirs) {
    if (
      page === "metrics" &&
      !["STABLE", "BETA"].includes(family.stability) &&
      !/^kubelet_(running|pleg|volume_stats|runtime_operations|pod_start|node_name)/.test(name)
    )
      continue;
    if (excused(name)) continue;
    compared++;
    const own = ours.get(name);
    if (!own) problem(`${page}: ${name} (${family.type}${family.stability && `, ${family.stability}`}) is missing`);
    else if (own.type !== family.type) problem(`${page}: ${name}: upstream's is a ${family.type}, ours a ${own.type}`);
    else if (own.stability !== family.stability)
      problem(`${page}: ${name}: upstream says ${family.stability || "nothing"} of its stability, ours ${own.stability || "nothing"}`);
    else {
      const [a, b] = [family, own].map(({ labels }) => [...labels].sort().join());
      if (a !== b) problem(`${page}: ${name}: upstream's labels ${a}, ours ${b}`);
    }
  }
  for (const name of ours.keys()) if (page !== "metrics" && !theirs.has(name) && !excused(name)) problem(`${page}: ${name} is ours alone`);
}

/** Fields of both, by their path; items of lists by their names. */
function fields(value: unknown, at = ""): Map<string, number | string> {
  const found = new Map<string, number | string>();
  if (typeof value !== "object" || value === null) found.set(at, value as number | string);
  else
    for (const [key, item] of Object.entries(value)) {
      const name = Array.isArray(value)
        ? ((item as { name?: string; podRef?: { name: string } }).name ?? (item as { podRef?: { name: string } }).podRef?.name ?? key)
        : key;
      for (const [path, one] of fields(item, at ? `${at}.${name}` : name)) found.set(path, one);
    }
  return found;
}

/** Of the pod: by field or series, how far apart figures may be, relative and absolute. */
const close: Record<string, [relative: number, absolute: number]> = {
  "pods.worker.cpu.usageNanoCores": [0.2, 0],
  "pods.worker.containers.busy.cpu.usageNanoCores": [0.2, 0],
  "pods.worker.containers.busy.memory.availableBytes": [0.1, 20 << 20],
  "pods.worker.containers.busy.memory.workingSetBytes": [0.3, 25 << 20],
  "pods.worker.containers.busy.rootfs.capacityBytes": [0, 0],
  "pods.worker.containers.busy.logs.capacityBytes": [0, 0],
  "pods.worker.volume.cache.usedBytes": [0.02, 8192],
  "pods.worker.volume.cache.inodesUsed": [0, 1],
  "pods.worker.process_stats.process_count": [0, 1],
  "pods.worker.ephemeral-storage.usedBytes": [0.1, 65536],
  "node.fs.capacityBytes": [0, 0],
  "node.runtime.imageFs.capacityBytes": [0, 0],
  "node.rlimit.maxpid": [0, 0],
};

function compareSummary(theirs: object, ours: object): void {
  const [a, b] = [fields(theirs), fields(ours)];
  for (const path of a.keys()) {
    if (excused(`summary:${path}`)) continue;
    compared++;
    if (!b.has(path)) problem(`summary: ${path} is missing`);
  }
  for (const path of b.keys()) if (!a.has(path) && !excused(`summary:${path}`)) problem(`summary: ${path} is ours alone`);
  for (const [path, [relative, absolute]] of Object.entries(close)) {
    const [x, y] = [Number(a.get(path)), Number(b.get(path))];
    compared++;
    if (!(Math.abs(x - y) <= Math.max(absolute, relative * Math.abs(x)))) problem(`summary: ${path}: upstream says ${x}, ours ${y}`);
  }
}

if (values.look) {
  await look(values.look as Side);
  process.exit(0);
}
mkdirSync(values.directory, { recursive: true, mode: 0o711 });
const theirs = told("upstream");
const ours = told("ours");
for (const page of pages) if (page !== "stats/summary") compareFamilies(page, parse(theirs[page]), parse(ours[page]));
compareSummary(JSON.parse(theirs["stats/summary"]) as object, JSON.parse(ours["stats/summary"]) as object);
for (const text of problems) process.stdout.write(`DIFF ${text}\n`);
process.stdout.write(`${compared} comparisons, ${problems.length} different\n`);
process.exitCode = problems.length ? 1 : 0;
