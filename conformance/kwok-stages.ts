/**
 * kwok's own stage files, unmodified, beside what kwok's own tests say they do: each object of its test data, with the stages
 * that match it, their weights and delays, and every patch, deletion and event they make. Then the same files in a whole
 * cluster with a virtual clock: nodes Ready, a Deployment Running, a Job done, pods deleted, a claim bound.
 *
 * Usage: node conformance/kwok-stages.ts MODULE
 *   MODULE   directory of kwok's sources: what `go mod download -json sigs.k8s.io/kwok@v0.8.0` prints as Dir
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parseYAML } from "../src/api/codec/yaml.ts";
import type { KubeObject } from "../src/api/object.ts";
import { persistentvolumeclaims, pods, deployments, jobs, nodes } from "../src/client/resources.gen.ts";
import { type Cluster, startCluster } from "../src/distro/start-cluster.ts";
import { parseStages } from "../src/sim/parse-stages.ts";
import { applied, finalizersPatch, patchOf } from "../src/sim/play.ts";
import { kindKey, type Stage, type Step } from "../src/sim/stage.ts";
import type { TemplateEnvironment } from "../src/sim/template/functions.ts";

const [module] = process.argv.slice(2);
if (!module) {
  process.stderr.write("usage: node conformance/kwok-stages.ts MODULE\n");
  process.exit(2);
}
const root = join(module, "kustomize", "stage");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
const isStage = (file: string): boolean => /^kind: Stage$/m.test(readFileSync(join(root, file), "utf8"));
const stageFiles = files.filter((file) => file.endsWith(".yaml") && !file.includes("testdata") && isStage(file));
let failures = 0;
let checks = 0;
function check(what: string, problem: string | undefined): void {
  checks++;
  if (problem !== undefined) failures++;
  process.stdout.write(`${problem === undefined ? "ok  " : "FAIL"} ${what}${problem === undefined ? "" : `\n     ${problem}`}\n`);
}

const loaded = new Map<string, Stage[]>();
for (const file of stageFiles) {
  try {
    loaded.set(file, parseStages(readFileSync(join(root, file), "utf8"), file));
    check(`read ${file}`, undefined);
  } catch (error) {
    check(`read ${file}`, (error as Error).message);
  }
}

/** Marks instead of values, as kwok's tests have them; NodeIPWith and the first of NodeIPsWith are one here. */
const marks: TemplateEnvironment = {
  now: () => "<Now>",
  startTime: "<StartTime>",
  version: "<Version>",
  nodeName: () => "<NodeName>",
  nodeIPs: (name) => (name === undefined ? ["<NodeIP>"] : [`<0 of NodeIPsWith("${name}")>`, `<1 of NodeIPsWith("${name}")>`]),
  nodePort: () => "<NodePort>" as unknown as number,
  podIPs: (node, hostNetwork, uid, name, namespace) => {
    const text = `PodIPsWith("${node}", ${hostNetwork}, "${uid}", "${name}", "${namespace}")`;
    return [`<0 of ${text}>`, `<1 of ${text}>`];
  },
};
const asMarked = (text: string): string => text.replaceAll(/<(Node|Pod)IPWith\(/g, "<0 of $1IPsWith(");
const types = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  apply: "application/apply-patch+yaml",
  strategic: "application/merge-patch+json",
};
const now = Date.UTC(2006, 0, 2, 15, 4, 5);

function written(step: Step, object: KubeObject): object[] {
  switch (step.kind) {
    case "event":
      return [{ kind: "event", type: step.type, reason: step.reason, message: step.message }];
    case "delete":
      return [{ kind: "delete" }];
    case "apply":
      return [{ kind: "apply", type: types[step.type], ...(step.subresource ? { subresource: step.subresource } : {}), data: applied(step, object, marks) }];
    case "finalizers":
      return finalizersPatch(step, object) ? [{ kind: "patch", type: types.json, data: finalizersPatch(step, object)?.body }] : [];
    case "patch": {
      const { subresource, body } = patchOf(step, object, marks);
      const { metadata, ...rest } = body as { metadata?: { uid?: string } };
      const { uid: _, ...others } = metadata ?? {};
      const data = Object.keys(others).length ? { ...rest, metadata: others } : rest;
      return [{ kind: "patch", type: types[step.type], ...(subresource ? { subresource } : {}), data }];
    }
  }
}

function played(stages: readonly Stage[], object: KubeObject): object[] {
  const matching = stages.filter((stage) => kindKey(stage.of) === `${object.apiVersion} ${object.kind}` && stage.matches(object));
  const total = matching.reduce((sum, stage) => sum + Math.max(0, stage.weight(object) ?? 0), 0);
  const possible = matching.length > 1 && total > 0 ? matching.filter((stage) => (stage.weight(object) ?? 0) > 0) : matching;
  return possible.map((stage) => {
    const bound = (next: number): number => Math.round(stage.delay(object, now, { next: () => next } as never) * 1e6);
    const range = [...new Set([bound(0), bound(1)])];
    const steps = stage.steps.flatMap((step) => written(step, object));
    return { stage: stage.name, weight: stage.weight(object), range, steps };
  });
}

for (const file of files.filter((name) => name.endsWith(".input.yaml"))) {
  const object = parseYAML(readFileSync(join(root, file), "utf8")).value as unknown as KubeObject;
  const expected = parseYAML(asMarked(readFileSync(join(root, file.replace(".input.", ".output.")), "utf8"))).value as {
    stages: { stage: string; weight: number; delay?: number[]; next: { kind: string }[] }[];
  };
  const folder = dirname(dirname(file));
  const stages = [...loaded].filter(([name]) => dirname(name) === folder).flatMap(([, found]) => found);
  const wanted = expected.stages.map(({ stage, weight, delay, next }) => ({
    stage,
    weight,
    range: delay ?? [0],
    steps: next.filter((step) => step.kind !== "immediate"),
  }));
  let got: unknown;
  try {
    got = played(stages, object);
  } catch (error) {
    got = String(error);
  }
  check(
    `${relative(".", folder)}: ${basename(file, ".input.yaml")}`,
    isDeepStrictEqual(got, wanted) ? undefined : `${JSON.stringify(got)}\n     kwok: ${JSON.stringify(wanted)}`,
  );
}

/** The text of the files of these folders. */
const textOf = (...folders: string[]): string =>
  stageFiles
    .filter((file) => folders.includes(dirname(file)) && loaded.has(file))
    .map((file) => readFileSync(join(root, file), "utf8"))
    .join("\n---\n");

const container = { name: "c", image: "i" };
const until = async (what: string, cluster: Cluster, holds: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 60; i++) {
    if (await holds()) return check(what, undefined);
    await cluster.advance(1000);
  }
  check(what, "not within a minute of the cluster's time");
};

async function live(title: string, folders: string[]): Promise<void> {
  await using cluster = await startCluster({ clock: "virtual", seed: 1, nodes: 3, stages: textOf(...folders) });
  const of = (labels: string) => async () => (await cluster.client.resource(pods).list({ namespace: "default", labelSelector: labels })).items;
  const [web, work] = [of("a=web"), of("job-name=work")];
  const { items } = await cluster.client.resource(nodes).list();
  check(`${title}: 3 nodes are Ready`, items.length === 3 ? undefined : `${items.length} nodes`);
  const template = { metadata: { labels: { a: "web" } }, spec: { initContainers: [{ name: "init", image: "i" }], containers: [container] } };
  await cluster.client
    .resource(deployments)
    .create("default", { metadata: { name: "web" }, spec: { replicas: 3, selector: { matchLabels: { a: "web" } }, template } });
  await cluster.client.resource(jobs).create("default", {
    metadata: { name: "work" },
    spec: { completions: 2, parallelism: 2, template: { spec: { restartPolicy: "Never", containers: [container] } } },
  });
  const ready = async (): Promise<boolean> => (await cluster.client.resource(deployments).get("default", "web")).status?.availableReplicas === 3;
  await until(`${title}: a Deployment of 3 is available, with init containers`, cluster, ready);
  await until(`${title}: a Job of 2 is complete`, cluster, async () => (await cluster.client.resource(jobs).get("default", "work")).status?.succeeded === 2);
  check(`${title}: the Job's pods have Succeeded`, (await work()).every((pod) => pod.status?.phase === "Succeeded") ? undefined : "some have not");
  await cluster.client.resource(deployments).delete("default", "web");
  await until(`${title}: the pods of a deleted Deployment are gone`, cluster, async () => (await web()).length === 0);
}
await live("fast", ["node/fast", "node/heartbeat-with-lease", "pod/fast"]);
await live("general", ["node/fast", "node/heartbeat", "pod/general"]);

async function chaos(): Promise<void> {
  const folders = ["node/fast", "node/chaos", "pod/fast", "pod/chaos"];
  await using cluster = await startCluster({ clock: "virtual", seed: 1, stages: textOf(...folders) });
  const api = cluster.client.resource(pods);
  const labels = { "pod-container-running-failed.stage.kwok.x-k8s.io": "true" };
  const annotations = { "pod-container-running-failed.stage.kwok.x-k8s.io/reason": "Broken", "pod-container-running-failed.stage.kwok.x-k8s.io/delay": "5s" };
  await api.create("default", { metadata: { name: "p", labels, annotations }, spec: { containers: [container] } });
  await cluster.advance(500);
  const before = await api.get("default", "p");
  check("chaos: a labelled pod runs at first", before.status?.phase === "Running" ? undefined : String(before.status?.phase));
  await cluster.advance(6000);
  const after = await api.get("default", "p");
  const reason = after.status?.containerStatuses?.[0]?.state?.terminated?.reason;
  check(
    "chaos: then fails with the reason of its annotation",
    after.status?.phase === "Failed" && reason === "Broken" ? undefined : `${after.status?.phase} ${reason}`,
  );
  await cluster.client.resource(nodes).patch("", "node", "merge", { metadata: { labels: { "node-not-ready.stage.kwok.x-k8s.io": "true" } } });
  await until("chaos: a labelled node is not Ready any longer", cluster, async () => {
    const { status } = await cluster.client.resource(nodes).get("", "node");
    return status.conditions?.find((c) => c.type === "Ready")?.status === "False";
  });
}
await chaos();

async function volumes(): Promise<void> {
  await using cluster = await startCluster({ clock: "virtual", seed: 1, stages: textOf("volume/fast") });
  const api = cluster.client.resource(persistentvolumeclaims);
  const spec = { accessModes: ["ReadWriteOnce"], storageClassName: "kwok-volume", resources: { requests: { storage: "5Gi" } } };
  await api.create("default", { metadata: { name: "c" }, spec });
  await until("volume: a claim of the class kwok-volume is Bound", cluster, async () => (await api.get("default", "c")).status?.phase === "Bound");
}
if (stageFiles.filter((file) => dirname(file) === "volume/fast").every((file) => loaded.has(file))) await volumes();

process.stdout.write(`${checks - failures} of ${checks} hold\n`);
process.exitCode = failures ? 1 : 0;
