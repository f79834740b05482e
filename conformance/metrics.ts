/**
 * The metrics of two API servers after the same requests: kube-apiserver's families that ours lacks, by their stability, and
 * those of both whose type, labels or bounds differ; then the same requests' series of what both count, which must have grown
 * alike. `metrics/absent.json` says why a family is not there.
 *
 * Usage: node conformance/metrics.ts [PEER.conf OURS.conf] [--bin DIR] [--port P] [--alpha]
 *   PEER.conf OURS.conf  two servers that are up; without them both are started
 *   --alpha              families that upstream calls alpha count as missing, too
 * Exits 1 where something differs or a stable or beta family is missing without a reason.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type Server as HttpsServer } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { closeServer, send, serverOf, type Request, type Server } from "./differential/exchange.ts";
import { steps, type Hook, type Waited } from "./metrics/steps.ts";
import { startPair } from "./pair/start.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22430" },
    alpha: { type: "boolean", default: false },
  },
});

interface Family {
  type: string;
  stability: string;
  labels: Set<string>;
  bounds: Set<string>;
  series: Map<string, number>;
}

const familyName = (sample: string, families: Map<string, Family>): string => (families.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, ""));

/** Of text format 0.0.4. Label values with escapes are kept as they stand. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const line of text.split("\n")) {
    const [, kind, about = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind) {
      const family = families.get(about) ?? { type: "", stability: "", labels: new Set(), bounds: new Set(), series: new Map() };
      families.set(about, family);
      if (kind === "TYPE") family.type = rest;
      else family.stability = /^\[(\w+)\]/.exec(rest)?.[1] ?? "";
      continue;
    }
    const [, sample, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const family = sample && families.get(familyName(sample, families));
    if (!family) continue;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", text = ""]) => [name, text] as const);
    for (const [name, text] of pairs) {
      if (name === "le" && family.type === "histogram") family.bounds.add(text);
      else family.labels.add(name);
    }
    const key = pairs.map((pair) => pair.join("=")).sort();
    if (!sample.endsWith("_bucket") && !sample.endsWith("_sum")) family.series.set(key.join(","), Number(value));
  }
  return families;
}

async function scrape(server: Server): Promise<Map<string, Family>> {
  const { code, body } = await send(server, { method: "GET", path: "/metrics", headers: { accept: "text/plain" } });
  if (code !== 200 || typeof body !== "string") throw new Error(`/metrics answered ${code}`);
  return parse(body);
}

/** What both must have counted alike for the resources that nobody but the judge asks for. */
const compared = [
  "apiserver_request_total",
  "apiserver_request_duration_seconds",
  "apiserver_request_sli_duration_seconds",
  "apiserver_response_sizes",
  "apiserver_request_body_size_bytes",
  "apiserver_watch_list_duration_seconds",
  "apiserver_requested_deprecated_apis",
  "apiserver_audit_level_total",
  "apiserver_cache_list_total",
  "apiserver_cache_list_returned_objects_total",
  "apiserver_watch_cache_consistent_read_total",
  "kube_apiserver_clusterip_allocator_allocation_total",
  "kube_apiserver_clusterip_allocator_allocation_errors_total",
  "kube_apiserver_clusterip_allocator_allocation_duration_seconds",
  "kubernetes_feature_enabled",
  "pod_security_evaluations_total",
];
/**
 * What must have grown on both, by however much: a definition's rules are compiled when upstream makes a storage for it, with the
 * schemas that have none; the policy and the definition are asked for until they are in force; etcd's regular notes of progress
 * count among the events that are dispatched (storage/cacher/cacher.go, dispatchEvents), and every list waits there until the cache
 * is as new as etcd.
 */
const grown = [
  "aggregator_discovery_aggregation_count_total",
  "apiextensions_apiserver_validation_ratcheting_seconds",
  "apiserver_audit_event_total",
  "apiserver_cel_compilation_duration_seconds",
  "apiserver_cel_evaluation_duration_seconds",
  "apiserver_request_filter_duration_seconds",
  "apiserver_request_timestamp_comparison_time",
  "apiserver_storage_events_received_total",
  "apiserver_validating_admission_policy_check_total",
  "apiserver_watch_cache_events_dispatched_total",
  "apiserver_watch_cache_events_received_total",
  "apiserver_watch_cache_read_wait_seconds",
  "rest_client_request_duration_seconds",
  "rest_client_request_size_bytes",
  "rest_client_requests_total",
  "rest_client_response_size_bytes",
];
const ours = /\b(resource=(pods|deployments|endpoints|selfsubjectaccessreviews|nothings)|resource=configmaps)\b/;
/** Of these, all: nobody else makes them. */
const alone = /^(kube_apiserver_clusterip|pod_security|kubernetes_feature)_/;

const reasons: Record<string, string[]> = JSON.parse(readFileSync(new URL("metrics/absent.json", import.meta.url), "utf8"));
const fits = (pattern: string, name: string): boolean => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern);
const reasonFor = (name: string): string | undefined => Object.entries(reasons).find(([, names]) => names.some((one) => fits(one, name)))?.[0];

/** Series that grew between two looks, by how much; of gauges what they show. */
function growth(before: Map<string, Family>, after: Map<string, Family>, name: string): Map<string, number> {
  const grown = new Map<string, number>();
  for (const [key, value] of after.get(name)?.series ?? []) {
    const by = after.get(name)?.type === "gauge" ? value : value - (before.get(name)?.series.get(key) ?? 0);
    if (by !== 0 && (alone.test(name) || ours.test(key))) grown.set(key, by);
  }
  return grown;
}

const sum = (family: Family | undefined): number => [...(family?.series.values() ?? [])].reduce((all, value) => all + value, 0);

/** Milliseconds between attempts, and how many there are. */
const pause = 200;
const attempts = 150;

async function play(server: Server, step: Request | Waited): Promise<void> {
  if (!("until" in step)) return void (await send(server, step));
  for (let i = 0; i < attempts; i++) {
    const { code } = await send(server, step.until);
    if (code === step.code) return;
    await setTimeout(pause);
  }
  throw new Error(`${step.until.method} ${step.until.path} never answered ${step.code}`);
}

const write = (line: string): void => void process.stdout.write(`${line}\n`);
const [peerConfig, oursConfig] = positionals;

/** How much is wrong. */
async function judge({ peer: peerServer, ours: ownServer }: { peer: Server; ours: Server }, hook?: Hook): Promise<number> {
  const before = await Promise.all([scrape(peerServer), scrape(ownServer)]);
  for (const step of steps(hook)) await Promise.all([play(peerServer, step), play(ownServer, step)]);
  const [peer, own] = (await Promise.all([scrape(peerServer), scrape(ownServer)])) as [Map<string, Family>, Map<string, Family>];
  let wrong = 0;
  let explained = 0;
  let alpha = 0;
  const text = (set: Set<string>): string => [...set].sort().join(",");
  for (const [name, family] of [...peer].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const found = own.get(name);
    if (!found) {
      if (reasonFor(name)) explained++;
      else if (family.stability === "STABLE" || family.stability === "BETA" || values.alpha) {
        wrong++;
        write(`MISSING ${family.stability || "-"} ${family.type} ${name} {${text(family.labels)}}`);
      } else alpha++;
      continue;
    }
    const differs = [
      found.type === family.type ? "" : `type ${found.type} instead of ${family.type}`,
      family.series.size === 0 || found.series.size === 0 || text(found.labels) === text(family.labels)
        ? ""
        : `labels {${text(found.labels)}} instead of {${text(family.labels)}}`,
      family.bounds.size === 0 || found.bounds.size === 0 || text(found.bounds) === text(family.bounds)
        ? ""
        : `bounds ${text(found.bounds)} instead of ${text(family.bounds)}`,
    ].filter(Boolean);
    if (!differs.length) continue;
    wrong++;
    write(`DIFFERENT ${name}: ${differs.join("; ")}`);
  }
  for (const name of compared) {
    const [a, b] = [growth(before[0] as Map<string, Family>, peer, name), growth(before[1] as Map<string, Family>, own, name)];
    for (const key of new Set([...a.keys(), ...b.keys()])) {
      if (a.get(key) === b.get(key)) continue;
      wrong++;
      write(`COUNTED ${name}{${key}}: ${b.get(key) ?? 0} instead of ${a.get(key) ?? 0}`);
    }
  }
  for (const name of grown)
    for (const [side, then, now] of [["peer", before[0], peer] as const, ["ours", before[1], own] as const]) {
      if (sum(now.get(name)) > sum(then?.get(name))) continue;
      wrong++;
      write(`STANDS ${name} of ${side}`);
    }
  if (hook) {
    // In batches, as many as there are, and some to nobody before the sink is there: that they are counted is all that both share.
    const sinks = [peer, own].map((families) =>
      [...(families.get("rest_client_requests_total")?.series.keys() ?? [])].filter((key) => key.includes("code=200") && key.includes(hook.sink)),
    );
    if (!sinks[0]?.length || sinks[0].join() !== sinks[1]?.join()) {
      wrong++;
      write(`COUNTED rest_client_requests_total of audit events: ${sinks[1]?.join(" ")} instead of ${sinks[0]?.join(" ")}`);
    }
  }
  write(
    `${peer.size} families of kube-apiserver, ${[...peer.keys()].filter((name) => own.has(name)).length} here; ${explained} have no place here, ${alpha} alpha ones are missing; ${wrong} wrong`,
  );
  return wrong;
}

const auditPolicy = { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "Metadata" }] };

/** The webhook's answer; audit events are taken by the same server under another name. */
async function refuse(request: IncomingMessage): Promise<string> {
  if (request.url?.startsWith("/audit")) return text(request).then(() => "{}");
  const { uid } = (JSON.parse(await text(request)) as { request: { uid: string } }).request;
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: { uid, allowed: false, status: { code: 403 } } });
}

async function listening(server: HttpsServer, port: number): Promise<HttpsServer> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function started(): Promise<number> {
  const port = Number(values.port);
  const sink = `localhost:${port + 4}`;
  await using pair = await startPair({
    name: "metrics",
    bin: values.bin,
    ports: { ours: port, peer: port + 1, etcd: port + 2, etcdPeer: port + 3 },
    certificates: (pki) =>
      pki.ensure({ file: "hook", commonName: "hook", ca: "ca", usages: ["server"], ip: ["127.0.0.1"], dns: ["localhost"] }).then(() => undefined),
    flags(path, side) {
      writeFileSync(path("audit.json"), JSON.stringify(auditPolicy));
      const cluster = { server: `https://${sink}/audit`, "certificate-authority": path("ca.crt") };
      const context = { name: "x", context: { cluster: "c", user: "" } };
      writeFileSync(path("sink.conf"), JSON.stringify({ clusters: [{ name: "c", cluster }], contexts: [context], "current-context": "x" }));
      return [
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-priority-and-fairness=true",
        `--audit-policy-file=${path("audit.json")}`,
        `--audit-log-path=${path(`audit-${side}.log`)}`,
        `--audit-webhook-config-file=${path("sink.conf")}`,
        "--audit-webhook-batch-max-wait=1s",
      ];
    },
  });
  const { directory } = pair.pki;
  const [cert, key, ca] = ["hook.crt", "hook.key", "ca.crt"].map((name) => readFileSync(join(directory, name)));
  await using _hook = await listening(
    createServer({ cert, key }, (request, response) => void refuse(request).then((text) => response.end(text))),
    port + 4,
  );
  return await judge(pair, { url: `https://127.0.0.1:${port + 4}/refuse`, caBundle: (ca as Buffer).toString("base64"), sink });
}

async function standing(peerConfig: string, oursConfig: string): Promise<number> {
  const [peer, ours] = [serverOf(peerConfig), serverOf(oursConfig)];
  try {
    return await judge({ peer, ours });
  } finally {
    for (const server of [peer, ours]) closeServer(server);
  }
}

process.exitCode = (await (peerConfig && oursConfig ? standing(peerConfig, oursConfig) : started())) ? 1 : 0;
