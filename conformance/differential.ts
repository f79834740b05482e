/**
 * The same requests to two API servers, a real kube-apiserver and ours: code, headers that matter, reason, message, causes
 * and the object must agree, save for what no two servers share (uids, times, revisions, generated names).
 *
 * `node conformance/differential.ts PEER.conf OURS.conf [substring of case names]`; exits 1 where they differ.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { load } from "js-yaml";
import { cases, type Step } from "./differential/cases.ts";

interface Server {
  url: URL;
  agent: Agent;
}
interface Answer {
  code: number;
  warnings: string[];
  body: unknown;
}

function serverOf(kubeconfig: string): Server {
  const config = load(readFileSync(kubeconfig, "utf8")) as {
    clusters: { cluster: { server: string; "certificate-authority": string } }[];
    users: { user: { "client-certificate": string; "client-key": string } }[];
  };
  const [cluster] = config.clusters;
  const [user] = config.users;
  if (!cluster || !user) throw new Error(`${kubeconfig} names no cluster or no user`);
  const agent = new Agent({
    keepAlive: true,
    ca: readFileSync(cluster.cluster["certificate-authority"]),
    cert: readFileSync(user.user["client-certificate"]),
    key: readFileSync(user.user["client-key"]),
  });
  return { url: new URL(cluster.cluster.server), agent };
}

function send(server: Server, step: Step): Promise<Answer> {
  const body = step.body === undefined ? undefined : typeof step.body === "string" ? step.body : JSON.stringify(step.body);
  const headers: Record<string, string> = { "user-agent": "differential/1", accept: "application/json", ...step.headers };
  if (body !== undefined) headers["content-type"] ??= "application/json";
  if (body !== undefined) headers["content-length"] = String(Buffer.byteLength(body));
  return new Promise((resolve, reject) => {
    const sent = request(new URL(step.path, server.url), { method: step.method, agent: server.agent, headers, timeout: 10_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const warning = answer.headers.warning;
        let parsed: unknown = text;
        try {
          parsed = JSON.parse(text);
        } catch {
          parsed = text;
        }
        resolve({ code: answer.statusCode ?? 0, warnings: warning ? [String(warning)] : [], body: parsed });
      });
    });
    sent.on("error", reject);
    sent.on("timeout", () => sent.destroy(new Error(`no answer to ${step.method} ${step.path}`)));
    sent.end(body);
  });
}

const volatile = new Set(["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time", "lastTransitionTime", "continue"]);

/** What no two servers share becomes a mark; a key that only one has is still a difference. */
function settled(value: unknown, hide: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => settled(item, hide));
  if (typeof value === "string") {
    return value
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UID")
      .replace(/kube-api-access-[a-z0-9]{5}/g, "kube-api-access-XXXXX")
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "TIME");
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, hide.includes(key) ? "*" : volatile.has(key) ? (item ? "*" : item) : settled(item, hide)]),
  );
}

function differences(peer: unknown, ours: unknown, at = ""): string[] {
  if (typeof peer !== "object" || typeof ours !== "object" || peer === null || ours === null) {
    return peer === ours ? [] : [`${at || "."}: peer ${show(peer)}, ours ${show(ours)}`];
  }
  const keys = new Set([...Object.keys(peer), ...Object.keys(ours)]);
  return [...keys].flatMap((key) => differences((peer as Record<string, unknown>)[key], (ours as Record<string, unknown>)[key], at ? `${at}.${key}` : key));
}
const show = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value).slice(0, 600));

const [peerConfig, oursConfig, only = ""] = process.argv.slice(2);
if (!peerConfig || !oursConfig) {
  process.stderr.write("usage: node conformance/differential.ts PEER.conf OURS.conf [case]\n");
  process.exit(2);
}
const peer = serverOf(peerConfig);
const ours = serverOf(oursConfig);
let steps = 0;
let different = 0;
for (const test of cases) {
  if (!test.name.includes(only)) continue;
  const remembered = [new Map<string, string>(), new Map<string, string>()];
  for (const [i, step] of test.steps.entries()) {
    steps++;
    const answers = await Promise.all([peer, ours].map((server, side) => send(server, filled(step, remembered[side] as Map<string, string>))));
    for (const [side, answer] of answers.entries()) remember(answer, remembered[side] as Map<string, string>);
    const [a, b] = answers.map((answer) => settled(answer, step.hide ?? []));
    const found = differences(a, b);
    if (found.length === 0) continue;
    different++;
    process.stdout.write(`DIFF ${test.name} #${i + 1} ${step.method} ${step.path}\n${found.map((line) => `     ${line}\n`).join("")}`);
  }
}
process.stdout.write(`${steps} requests, ${different} answered differently\n`);
peer.agent.destroy();
ours.agent.destroy();
process.exitCode = different ? 1 : 0;

/** `{rv}` and `{uid}`: of the last object that this server answered with in this case. */
function filled(step: Step, values: Map<string, string>): Step {
  const fill = (text: string): string => text.replace(/\{(rv|uid|continue)\}/g, (_, name: string) => values.get(name) ?? "");
  const body = step.body === undefined ? undefined : fill(typeof step.body === "string" ? step.body : JSON.stringify(step.body));
  return { ...step, path: fill(step.path), ...(body === undefined ? {} : { body }) };
}

function remember({ body }: Answer, values: Map<string, string>): void {
  const metadata = (body as { metadata?: { resourceVersion?: string; uid?: string; continue?: string } } | null)?.metadata;
  if (metadata?.resourceVersion) values.set("rv", metadata.resourceVersion);
  if (metadata?.uid) values.set("uid", metadata.uid);
  if (metadata?.continue) values.set("continue", metadata.continue);
}
