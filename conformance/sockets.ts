/**
 * Watches over WebSockets beside: a real kube-apiserver and ours are asked for the same ones, byte by byte. How hands are shaken
 * or not, each frame and its kind, how it ends and what is counted of it agree.
 *
 * Usage: node conformance/sockets.ts [substring of case names] [--bin DIR] [--port P] [--verbose]
 *   --port  the first of four free ports
 * Prints PASS and FAIL counts; exits 1 where something differs.
 */
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { type Server, send, settled } from "./differential/exchange.ts";
import { Tally } from "./differential/tally.ts";
import { startPair } from "./differential/servers.ts";
import { cases, type SocketCase } from "./sockets/cases.ts";
import { type Outcome, SocketClient } from "./sockets/client.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22580" },
    verbose: { type: "boolean", default: false },
  },
});
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const [only = ""] = positionals;

/**
 * Left out: when upstream tells how far a watch is (cacher.go, nextBookmarkTime: each minute or so, with some chance); ages; what
 * documentation says of columns, which a clone has only when it was built with it.
 */
const common = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(settled(value), (key, item: unknown) => {
      if (key === "frames")
        return (item as unknown[]).filter((frame) => !/"BOOKMARK"/.test(JSON.stringify(frame)) || /initial-events-end/.test(JSON.stringify(frame)));
      if (key === "description") return "";
      return typeof item === "string" && /^\d+(s|m\d*s?)$/.test(item) ? "AGE" : item;
    }) ?? "null",
  );

const tally = new Tally({ write, verbose: values.verbose, common });

const maps = "/api/v1/namespaces/sockets/configmaps";
const group = "/apis/sockets.example.com/v1/namespaces/sockets/widgets";
const map = (name: string, data: object, labels?: object): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...(labels ? { labels } : {}) },
  data,
});
const widget = (name: string, spec: object): object => ({ apiVersion: "sockets.example.com/v1", kind: "Widget", metadata: { name }, spec });

interface Known {
  token: string;
  rv: string;
}

async function prepare(server: Server): Promise<Known> {
  const post = (path: string, body: unknown): ReturnType<typeof send> => send(server, { method: "POST", path, body });
  await post("/api/v1/namespaces", { metadata: { name: "sockets" } });
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } } } };
  await post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    metadata: { name: "widgets.sockets.example.com" },
    spec: {
      group: "sockets.example.com",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  });
  for (let i = 0; i < 100 && (await send(server, { method: "GET", path: group })).code !== 200; i++) await pause(100);
  await post("/api/v1/namespaces/sockets/serviceaccounts", { metadata: { name: "watcher" } });
  const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/sockets";
  await post(`${rbac}/roles`, { metadata: { name: "watcher" }, rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["watch"] }] });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "watcher" };
  await post(`${rbac}/rolebindings`, { metadata: { name: "watcher" }, roleRef, subjects: [{ kind: "ServiceAccount", name: "watcher", namespace: "sockets" }] });
  const asked = await post("/api/v1/namespaces/sockets/serviceaccounts/watcher/token", { spec: {} });
  const made = await post(maps, map("one", { a: "b" }, { sockets: "yes" }));
  await post(maps, map("long", { a: "x".repeat(300) }));
  await post(maps, map("longer", { a: "x".repeat(70_000) }));
  await post(group, widget("one", { size: 1 }));
  await pause(1500);
  return {
    token: (asked.body as { status: { token: string } }).status.token,
    rv: (made.body as { metadata: { resourceVersion: string } }).metadata.resourceVersion,
  };
}

/** Each wait is for what the one before has brought to all who watch. */
async function change(server: Server): Promise<void> {
  await send(server, { method: "POST", path: maps, body: map("new", { a: "1" }, { kept: "yes" }) });
  await send(server, { method: "PATCH", path: `${maps}/new`, body: { data: { b: "2" } }, headers: { "content-type": "application/merge-patch+json" } });
  await send(server, {
    method: "PATCH",
    path: `${maps}/new`,
    body: { metadata: { labels: { kept: null } } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  await send(server, { method: "DELETE", path: `${maps}/new` });
  await send(server, { method: "POST", path: group, body: widget("new", { size: 2 }) });
  await send(server, { method: "DELETE", path: `${group}/new` });
}

async function play(server: Server, one: SocketCase, { token, rv }: Known): Promise<Outcome> {
  const fill = (text: string): string =>
    text.replaceAll("{token}", token).replaceAll("{encoded}", Buffer.from(token).toString("base64url")).replaceAll("{rv}", rv);
  const headers: SocketCase["headers"] = {
    host: "localhost",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "AQIDBAUGBwgJCgsMDQ4PEC==",
    "sec-websocket-version": "13",
    origin: "http://localhost",
    "user-agent": "sockets/1",
    ...one.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [value].flat().map((text) => `${name}: ${fill(text)}\r\n`)));
  const client = new SocketClient(server, one.client);
  client.write(`${one.method ?? "GET"} ${fill(one.path ?? "")} HTTP/1.1\r\n${lines.join("")}\r\n`);
  await client.answered();
  await client.quiet(300);
  if (one.changes) await change(server);
  one.acts?.(client);
  await client.quiet(/timeoutSeconds=1/.test(one.path ?? "") ? 2500 : (one.quiet ?? 400));
  return client.outcome();
}

await using pair = await startPair({ bin: values.bin, port: Number(values.port) });
const both = [pair.peer, pair.ours];
const known = await Promise.all(both.map(prepare));
for (const one of cases.filter(({ name }) => name.includes(only)))
  tally.report(one.name, await Promise.all(both.map((server, side) => play(server, one, known[side] as Known))));

/** What was counted of WebSockets, of one namespace: upstream watches objects of its own, too. Its router counts no refusals. */
const counted = async (server: Server): Promise<string[]> => {
  const { body } = await send(server, { method: "GET", path: "/metrics" });
  return String(body)
    .split("\n")
    .map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(",").sort().join()}}`))
    .filter(
      (line) =>
        /^apiserver_request_total\{/.test(line) &&
        line.includes('code="0"') &&
        line.includes('resource="configmaps"') &&
        line.includes('scope="namespace"') &&
        line.includes('verb="WATCH"'),
    )
    .sort();
};
// Who hung up last is noticed a moment later.
await pause(1000);
if (!only) tally.report("what is counted", await Promise.all(both.map(counted)));
tally.end();
