/**
 * Random small worlds, decided pod by pod by upstream's kube-scheduler and by ours, on one kube-apiserver: a pod that upstream
 * binds must be on a node that scores highest here, one that it refuses must have the same message, one that it preempts
 * for must have victims that are best here. Prints what differs and exits 1 when anything does.
 *
 *   node conformance/scheduler-differential.ts ADMIN.conf KUBE-SCHEDULER SCHEDULER.conf [worlds] [seed] [port]
 */
import { spawn } from "node:child_process";
import { systemClock } from "../src/base/clock.ts";
import { createLogger } from "../src/base/logger.ts";
import { type Random, seededRandom } from "../src/base/random.ts";
import { formatTime } from "../src/api/time.ts";
import type { Node, Pod } from "../src/api/types/core-v1.gen.ts";
import { createInformerFactory } from "../src/client/factory.ts";
import { createHttpTransport } from "../src/client/http-transport.ts";
import { loadKubeconfig } from "../src/client/kubeconfig.ts";
import { namespaces, nodes, persistentvolumeclaims, persistentvolumes, pods, priorityclasses, serviceaccounts } from "../src/client/resources.gen.ts";
import { createClient } from "../src/client/rest.ts";
import { defaultConfig } from "../src/scheduler/config.ts";
import { fitMessage } from "../src/scheduler/framework/message.ts";
import { podInfoOf } from "../src/scheduler/framework/pod-info.ts";
import { evaluate, type Profile } from "../src/scheduler/framework/schedule.ts";
import { postFilter } from "../src/scheduler/preemption.ts";
import { createScheduler } from "../src/scheduler/scheduler.ts";
import { VictimMemory } from "../src/scheduler/victim-memory.ts";
import { makeClasses, makeVolumes, randomNode, randomPod, removeVolumes } from "./scheduler-worlds.ts";

const [admin = "", binary = "", schedulerConfig = "", count = "50", seed = "1", port = "21890"] = process.argv.slice(2);
const clock = systemClock;
const logger = createLogger({ name: "differential", clock, level: "warn", write: (line) => process.stderr.write(line) });
const stop = new AbortController();
const client = createClient(createHttpTransport(loadKubeconfig(admin, clock)), { userAgent: "scheduler-differential" });
const informers = createInformerFactory({ client, clock, logger });
const scheduler = createScheduler({ client, informers, clock, random: seededRandom(1), logger });
const { cluster, cache, nominations } = scheduler.view;
const profile = defaultConfig.profiles.get("default-scheduler") as Profile;
const api = { pods: client.resource(pods), nodes: client.resource(nodes) };

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 500; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleep(20);
  }
  throw new Error(`${what}: not within 10 s`);
}

interface Verdict {
  best: string[];
  message: string;
  /** Of each choice that is as good as any. */
  victims: string[][];
}

/** What is decided here, the pod itself left out of the picture. */
function decide(pod: Pod): Verdict {
  cache.deletePod(pod.metadata.uid);
  const info = podInfoOf(pod);
  const cycle = { pod: info, snapshot: cache.snapshot(), cluster };
  const { feasible, diagnosis, prepared } = evaluate(profile, cycle, nominations);
  const top = Math.max(...feasible.map(({ score }) => score));
  const best = feasible.filter(({ score }) => score === top).map(({ row }) => cycle.snapshot.rows[row]?.name as string);
  if (best.length) return { best, message: "", victims: [] };
  const result = postFilter(profile, { ...cycle, nominations, diagnosis, prepared, random: seededRandom(1), memory: new VictimMemory() });
  const victims = (result.candidates ?? []).map(({ victims }) => victims.map(({ key }) => key).sort());
  return { best, victims, message: fitMessage(diagnosis, result.message) };
}

let started = 0;
const compared = { bound: 0, refused: 0, preempted: 0 };
const differences: string[] = [];

async function world(number: number, random: Random): Promise<void> {
  const made = Array.from({ length: 2 + random.int(7) }, (_, i) => randomNode(random, `w${number}-n${i}`));
  for (const node of made) {
    const created = await api.nodes.create("", node);
    // Admission taints a new node until it is ready.
    await api.nodes.patch("", created.metadata.name, "merge", { spec: { taints: node.spec?.taints ?? null } });
    await api.nodes.updateStatus({ ...(await api.nodes.get("", created.metadata.name)), status: node.status as Node["status"] });
  }
  await until(
    "nodes",
    () =>
      (informers
        .informer(nodes)
        .list()
        .every((n) => n.status.allocatable?.cpu && n.spec.taints?.every((t) => !t.key.includes("not-ready")) !== false) &&
        cache.snapshot().size === made.length) ||
      undefined,
  );
  await clock.sleep(150);
  const names = made.map((node) => node.metadata.name as string);
  await makeVolumes(client, names[random.int(names.length)] as string);
  await until(
    "volumes",
    () => (informers.informer(persistentvolumes).list().length === 2 && informers.informer(persistentvolumeclaims).list().length === 8) || undefined,
  );
  await clock.sleep(100);
  for (let i = 0; i < 10; i++) {
    const draft = randomPod(
      random,
      `w${number}-p${i}`,
      made.map((node) => node.metadata.name as string),
    );
    const created = await api.pods.create(draft.metadata.namespace as string, draft);
    const ours = decide(created);
    const { namespace = "", name } = created.metadata;
    const ended = await until(name, async () => {
      const pod = await api.pods.get(namespace, name);
      return pod.spec.nodeName || pod.status?.conditions?.some((c) => c.type === "PodScheduled" && c.reason === "Unschedulable") ? pod : undefined;
    });
    const theirs = ended.status?.conditions?.find((c) => c.type === "PodScheduled")?.message ?? "";
    const where = `world ${number} pod ${i}`;
    const report = (text: string): unknown => differences.push(`${where}: ${text}\n  ${JSON.stringify({ meta: draft.metadata, spec: draft.spec })}`);
    if (ended.spec.nodeName) {
      compared.bound++;
      // As a kubelet would: whom to evict of pods that have not started is chance upstream.
      const startTime = formatTime(Date.UTC(2026, 0, 1) + ++started * 1000);
      await api.pods.patch(namespace, name, "merge", { status: { startTime } }, { subresource: "status" });
      if (!ours.best.includes(ended.spec.nodeName)) report(`upstream chose ${ended.spec.nodeName}, we ${ours.best.join(",") || ours.message}`);
    } else {
      compared.refused++;
      if (ours.best.length) report(`upstream refused: ${theirs}\n  we chose ${ours.best.join(",")}`);
      else if (ours.message !== theirs) report(`upstream: ${theirs}\n  ours:     ${ours.message}`);
      if (ended.status?.nominatedNodeName || ours.victims.length) {
        compared.preempted++;
        await clock.sleep(150);
        const gone = (await api.pods.list()).items
          .filter((pod) => pod.metadata.deletionTimestamp)
          .map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}`);
        if (!ours.victims.some((victims) => victims.join() === gone.sort().join())) report(`upstream evicts ${gone.join()}, we ${ours.victims.join(" or ")}`);
      }
      await api.pods.delete(namespace, name, { gracePeriodSeconds: 0 });
      for (const pod of (await api.pods.list()).items) {
        if (pod.metadata.deletionTimestamp) await api.pods.delete(pod.metadata.namespace as string, pod.metadata.name, { gracePeriodSeconds: 0 });
      }
    }
    await until("informer", () => {
      const seen = informers.informer(pods, { fieldSelector: "status.phase!=Succeeded,status.phase!=Failed" }).list();
      const here = seen.find((pod) => pod.metadata.uid === created.metadata.uid);
      const settled = ended.spec.nodeName ? here?.status?.startTime : !here;
      return (settled && !seen.some((pod) => pod.metadata.deletionTimestamp)) || undefined;
    });
    // Upstream's own cache needs the same news.
    await clock.sleep(30);
  }
  await Promise.all(
    (await api.pods.list()).items.map((pod) => api.pods.delete(pod.metadata.namespace as string, pod.metadata.name, { gracePeriodSeconds: 0 })),
  );
  await removeVolumes(client);
  for (const node of made) await api.nodes.delete("", node.metadata.name as string);
  await until("empty", () => (informers.informer(persistentvolumes).list().length === 0 && cache.snapshot().size === 0 && cache.podCount === 0) || undefined);
}

const ignoreExisting = (error: { code?: number }): void => {
  if (error.code !== 409) throw error;
};
for (const [name, labels] of [
  ["a", { team: "x" }],
  ["b", { team: "y" }],
] as const) {
  await client.resource(namespaces).create("", { metadata: { name, labels } }).catch(ignoreExisting);
  await client
    .resource(serviceaccounts)
    .create(name, { metadata: { name: "default" } })
    .catch(ignoreExisting);
}
for (const [name, value] of [
  ["low", 10],
  ["high", 1000],
] as const)
  await client.resource(priorityclasses).create("", { metadata: { name }, value }).catch(ignoreExisting);

await makeClasses(client);

const upstream = spawn(
  binary,
  ["--kubeconfig", schedulerConfig, "--leader-elect=false", `--secure-port=${port}`, "--bind-address=127.0.0.1", "--authentication-skip-lookup=true"],
  { stdio: "ignore" },
);
try {
  informers.start(stop.signal);
  await informers.synced();
  const random = seededRandom(Number(seed));
  for (let i = 0; i < Number(count); i++) await world(i, random);
} finally {
  upstream.kill();
  stop.abort(new Error("done"));
}
for (const text of differences) console.log(text);
console.log(`${count} worlds: ${compared.bound} bound, ${compared.refused} refused, ${compared.preempted} preempting; ${differences.length} differences`);
process.exit(differences.length ? 1 : 0);
