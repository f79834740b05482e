/** One request to a server of the differential run, and what of its answer two servers must share. */
import { existsSync, readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { dirname, join } from "node:path";
import { load } from "js-yaml";
import { decodeProtobuf } from "../../src/api/codec/protobuf.ts";
import { decodeWatchFrame } from "../../src/api/codec/protobuf-envelope.ts";
import { typeOfKind } from "../../src/api/schema/schema.ts";

export interface Server {
  url: URL;
  agent: Agent;
  /** Connections of other clients, by name; `bare` shows no certificate. */
  others: Record<string, Agent>;
}
export interface Request {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  path: string;
  /** Strings and bytes are sent as they are. */
  body?: unknown;
  /** Several values are sent as lines of their own. */
  headers?: Record<string, string | string[]>;
  /** The answer is a stream of events; it is read until nothing came for so many milliseconds. */
  quiet?: number;
  /** Sent by one of the server's `others`. */
  client?: string;
}
export interface Answer {
  code: number;
  type: string;
  warnings: string[];
  body: unknown;
}

export function serverOf(kubeconfig: string): Server {
  const config = load(readFileSync(kubeconfig, "utf8")) as {
    clusters: { cluster: { server: string; "certificate-authority": string } }[];
    users: { user: { "client-certificate": string; "client-key": string } }[];
  };
  const [cluster] = config.clusters;
  const [user] = config.users;
  if (!cluster || !user) throw new Error(`${kubeconfig} names no cluster or no user`);
  const ca = readFileSync(cluster.cluster["certificate-authority"]);
  const agentOf = (cert: string, key: string): Agent => new Agent({ keepAlive: true, ca, cert: readFileSync(cert), key: readFileSync(key) });
  const { "client-certificate": cert, "client-key": key } = user.user;
  const others: Record<string, Agent> = { bare: new Agent({ keepAlive: true, ca }) };
  for (const name of ["kcm", "sched", "node", "proxy"]) {
    const [path, secret] = ["crt", "key"].map((end) => join(dirname(cert), `${name}.${end}`)) as [string, string];
    if (existsSync(path)) others[name] = agentOf(path, secret);
  }
  return { url: new URL(cluster.cluster.server), agent: agentOf(cert, key), others };
}

/** Its connections are closed. */
export function closeServer(server: Server): void {
  for (const agent of [server.agent, ...Object.values(server.others)]) agent.destroy();
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

/** Text that is no JSON, and messages that cannot be read, stay text. */
function parse(bytes: Buffer, type: string): unknown {
  try {
    if (type.startsWith("application/vnd.kubernetes.protobuf")) return decodeProtobuf(bytes, typeOfKind);
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return bytes.toString("utf8");
  }
}

/** The events of a watch; what follows the last whole one is left out. */
function events(bytes: Buffer, type: string): unknown[] {
  if (!type.startsWith("application/vnd.kubernetes.protobuf"))
    return bytes
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => parse(Buffer.from(line), type));
  const found: unknown[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    const event = decodeWatchFrame(bytes.subarray(at + 4, end));
    found.push({ type: event.type, object: parse(Buffer.from(event.object), type) });
    at = end;
  }
  return found;
}

export function send(server: Server, step: Request): Promise<Answer> {
  const body = bytesOf(step.body);
  const headers: Record<string, string | string[]> = { "user-agent": "differential/1", accept: "application/json", ...step.headers };
  if (body) headers["content-type"] ??= "application/json";
  if (body) headers["content-length"] = String(body.length);
  return new Promise((resolve) => {
    const agent = step.client ? server.others[step.client] : server.agent;
    if (!agent) throw new Error(`no certificate of ${step.client}`);
    // As it is written: a URL would take dots and doubled slashes away.
    const exact = /^\/\/|\/\.\.?(?=[/?]|$)/.test(step.path) ? { path: step.path } : {};
    const sent = request(new URL(exact.path ? "/" : step.path, server.url), { ...exact, method: step.method, agent, headers, timeout: 20_000 }, (answer) => {
      const chunks: Buffer[] = [];
      const type = answer.headers["content-type"] ?? "";
      const streamed = step.quiet !== undefined && answer.statusCode === 200;
      const done = (): void => {
        const bytes = Buffer.concat(chunks);
        const warning = answer.headers.warning;
        const warnings = warning ? String(warning).split(/, (?=299 - ")/) : [];
        resolve({ code: answer.statusCode ?? 0, type, warnings, body: streamed ? { events: events(bytes, type) } : parse(bytes, type) });
      };
      const close = (): void => {
        done();
        sent.destroy();
      };
      let timer = streamed ? setTimeout(close, step.quiet) : undefined;
      answer.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (!timer) return;
        clearTimeout(timer);
        timer = setTimeout(close, step.quiet);
      });
      answer.on("end", () => {
        clearTimeout(timer);
        done();
      });
    });
    // A server that hangs up has answered that.
    sent.on("error", (error) => resolve({ code: 0, type: "", warnings: [], body: error.message }));
    sent.on("timeout", () => sent.destroy(new Error(`no answer to ${step.method} ${step.path}`)));
    sent.end(body);
  });
}

const madeVolume = /kube-api-access-[a-z0-9]{5}/g;
const madeVolumeMark = "kube-api-access-XXXXX";
const volatile = new Set(["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time", "lastTransitionTime", "continue"]);

/** What no two servers share becomes a mark; a key that only one has is still a difference. */
export function settled(value: unknown, hide: readonly string[] = []): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => settled(item, hide));
    // Their order tells times apart that two servers do not share.
    return items.some((item) => (item as { fieldsType?: string } | null)?.fieldsType === "FieldsV1") ? items.sort(byText) : withoutChance(items);
  }
  if (typeof value === "string") {
    return (
      value
        .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UID")
        .replace(/^127\.0\.0\.1:\d+$/, "ADDRESS")
        // The same in protobuf, behind the network that is to use it.
        .replace(/(0\.0\.0\.0\/0..)127\.0\.0\.1:\d{5}/s, "$1ADDRESS")
        // And in YAML.
        .replace(/(\bserverAddress: )127\.0\.0\.1:\d+/, "$1ADDRESS")
        .replace(madeVolume, madeVolumeMark)
        .replace(/\bgn-[a-z0-9]{5}\b/g, "gn-XXXXX")
        .replace(/0xc[0-9a-f]{6,}/g, "POINTER")
        .replace(/\b(10\.96\.(?!0\.(1|10)\b)\d+|192\.0\.2|198\.18\.0|198\.51\.10[01])\.\d+\b/g, "CLUSTER-IP")
        .replace(/\bselfType\d+/g, "selfType")
        .replace(/(healthCheckNodePort[\\"]*: ?)3\d{4}/g, "$1PORT")
        .replace(/(resourceVersion[\\"]*: ?[\\"]+)\d+/g, "$1RV")
        .replace(/(\bcontinue: )[\w-]+/g, "$1TOKEN")
        .replace(/(duplicate nodePort: \{\w+ )3[0-2]\d{3}\b/g, "$1PORT")
        .replace(/(Duplicate value: )3[0-2]\d{3}\b/g, "$1PORT")
        .replace(/in the precondition \(\d{3,}\)/g, "in the precondition (RV)")
        .replace(/in record \(\d+\)/g, "in record (RV)")
        .replace(/(ResourceVersion in object meta: )\d+/g, "$1RV")
        .replace(/(nodePort[\\"]*: ?)3\d{4}/g, "$1PORT")
        .replace(/:3[0-3]\d{3}\/(TCP|UDP|SCTP)/g, ":PORT/$1")
        // Managed fields that are quoted in a message or in YAML: see sortedEntries.
        .replace(
          /(managedFields\\*":\[)(\{\\*"(?:manager|apiVersion)\\*":.*?\})(\](?=,\\*"|\}))/g,
          (_, head: string, entries: string, end: string) => head + sortedEntries(entries) + end,
        )
        .replace(
          /^( *)managedFields:\n((?:\1(?:- | {2}).*\n)+)/gm,
          (_, indent: string, entries: string) => `${indent}managedFields:\n${sortedInYaml(indent, entries)}`,
        )
        // structured-merge-diff walks a Go map and stops at the first field that the schema does not declare: chance decides which
        // of several is named, and whether mistakes of fields beside it are listed before it. Only that one is undeclared is compared.
        .replace(/(failed to create typed patch object \([^)]*\): )[\s\S]*field not declared in schema[\s\S]*/, "$1fields not declared in schema")
        .replace(/^((?:failed [\w ./-]+: )*)(?:errors:\n[\s\S]*)?\.\S*: field not declared in schema[\s\S]*$/, "$1field not declared in schema")
        // Several, in the order of a Go map.
        .replace(/(errors:\n)((?: {2}\..*(?:\n|$))+)/, (_, head: string, lines: string) => head + lines.split("\n").sort().join("\n"))
        .replace(/, current: \d+/g, ", current: RV")
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME")
        .replace(/(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC( m=\+[0-9.]+)?/g, "TIME")
    );
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(unordered(value as { reason?: string }))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      // Fields of what has a name that was made are named after it.
      .map(([key, item]) => [key.replace(madeVolume, madeVolumeMark), item] as const)
      .map(([key, item]) => [key, hide.includes(key) || allocated(key, item) ? "*" : volatile.has(key) ? (item ? "*" : item) : settled(item, hide)]),
  );
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

interface Named {
  type?: string;
  object?: Named;
  metadata?: { name?: string } | null;
}
/** An object, a row or the first event of one whose name the server made. */
function hasMadeName(item: unknown): boolean {
  if (typeof item !== "object" || item === null) return false;
  const { type = "ADDED", object, metadata } = item as Named;
  return (object ?? { metadata }).metadata?.name === "gn-XXXXX" && type === "ADDED";
}

/** Names that a server made decide which object comes first: those that follow one another come in an order of their own. */
function withoutChance(items: unknown[]): unknown[] {
  const out: unknown[] = [];
  for (let from = 0, to = 0; from < items.length; from = to) {
    do to++;
    while (to < items.length && hasMadeName(items[to - 1]) && hasMadeName(items[to]));
    out.push(...items.slice(from, to).sort(byText));
  }
  return out;
}

/** Upstream judges properties of custom resources in the order of a Go map. */
function unordered(value: { reason?: string; message?: string; details?: { group?: string; causes?: unknown[] } }): object {
  const { reason, details, message = "" } = value;
  if (reason !== "Invalid" || !details?.causes || !details.group?.includes(".") || details.group.endsWith(".k8s.io")) return value;
  return { ...value, message: [...message].sort().join(""), details: { ...details, causes: [...details.causes].sort(byText) } };
}

/**
 * Managers in a text, in an order that does not tell the times apart: servers order those of an operation by time, in whole seconds,
 * and only then by manager, so that two change places where a second ends between two requests for one of the two.
 */
const sortedEntries = (entries: string): string =>
  entries
    .split(/,(?=\{\\*"(?:manager|apiVersion)\\*":)/)
    .sort()
    .join();

/** The same in YAML, where the list is as deep as its key. */
const sortedInYaml = (indent: string, entries: string): string =>
  entries
    .split(new RegExp(`^(?=${indent}- )`, "m"))
    .sort()
    .join("");

const allocated = (key: string, item: unknown): boolean => /[nN]odePort$/.test(key) && typeof item === "number" && item >= 30000 && item <= 33000;

export function differences(peer: unknown, ours: unknown, at = ""): string[] {
  if (typeof peer !== "object" || typeof ours !== "object" || peer === null || ours === null || Array.isArray(peer) !== Array.isArray(ours)) {
    if (peer === ours) return [];
    if (typeof peer === "string" && typeof ours === "string" && peer.length + ours.length > 300) [peer, ours] = around(peer, ours);
    return [`${at || "."}: peer ${show(peer)}, ours ${show(ours)}`];
  }
  const keys = new Set([...Object.keys(peer), ...Object.keys(ours)]);
  return [...keys].flatMap((key) => differences((peer as Record<string, unknown>)[key], (ours as Record<string, unknown>)[key], at ? `${at}.${key}` : key));
}
const show = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value).slice(0, 600));

/** Where two long texts part. */
function around(peer: string, ours: string): [string, string] {
  let at = 0;
  while (at < peer.length && peer[at] === ours[at]) at++;
  const from = Math.max(0, at - 80);
  return [peer, ours].map((text) => `${from ? "…" : ""}${text.slice(from, from + 400)}`) as [string, string];
}
