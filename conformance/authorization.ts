/**
 * Authorization beside: a real kube-apiserver and ours refuse the same wrong configurations in the same words, and with the same
 * files of authorizers (taken up while they run) give the same answers and ask the same webhook the same, which allows, denies,
 * lies, hangs, is slow and answers nonsense. What they count of it is compared, too.
 *
 * Usage: node conformance/authorization.ts [substring of names] [--bin DIR] [--port P] [--verbose]
 *   --port  the first of eleven free ports
 * Prints PASS and FAIL counts; exits 1 where something differs.
 */
import { execFile } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { startHookServer } from "./admission/hook-server.ts";
import { actAsOthers, tokenFile } from "./authorization/act.ts";
import { kubeconfigs, policies, type Refusal, refusals } from "./authorization/refusals.ts";
import { behaviours, byFlags, type Scenario, scenarios, standing } from "./authorization/scenarios.ts";
import { type Request, type Server, send, settled } from "./differential/exchange.ts";
import { Tally } from "./differential/tally.ts";
import { argumentsOf, oursProgram, startPair } from "./pair/start.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22500" },
    verbose: { type: "boolean", default: false },
  },
});
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const [only = ""] = positionals;
const port = Number(values.port);
const ports = { peer: port, ours: port + 1, etcd: port + 2, etcdPeer: port + 3 };
const hookPort = port + 4;
const plainPort = port + 5;
const sides = ["peer", "ours"] as const;
type Side = (typeof sides)[number];

const tally = new Tally({ write, verbose: values.verbose, common: (value) => value });

let directory = "";
const path = (file: string): string => join(directory, file);
const filled = (text: string, side: Side): string => text.replaceAll("SIDE", side).replaceAll("DIR", directory);

function put(side: Side, text: string): void {
  writeFileSync(path(`${side}.new`), filled(text, side));
  renameSync(path(`${side}.new`), path(`authorization-${side}.yaml`));
}
const fileOf = (authorizers: readonly object[]): string =>
  JSON.stringify({ apiVersion: "apiserver.config.k8s.io/v1", kind: "AuthorizationConfiguration", authorizers });

/** The kubeconfig of a webhook, as one of the servers. */
function hookConfig(name: string, server: string, authority = "ca.crt", user = "u"): void {
  for (const side of sides) {
    const text = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: filled(server, side), ...(server.startsWith("https") ? { "certificate-authority": path(authority) } : {}) } }],
      users: [{ name: "u", user: { token: "secret" } }],
      contexts: [{ name: "x", context: { cluster: "c", user } }],
      "current-context": "x",
    };
    writeFileSync(path(`${side}-${name}.conf`), JSON.stringify(text));
  }
}

await using pair = await startPair({
  name: "authorization",
  bin: values.bin,
  ports,
  async certificates(pki) {
    directory = pki.directory;
    await pki.ensureCA("other-ca", "others");
    await pki.ensure({ file: "hook", commonName: "hook", ca: "ca", usages: ["server"], dns: ["hook"], ip: ["127.0.0.1"] });
    for (const side of sides) put(side, fileOf(standing));
    writeFileSync(path("tokens.csv"), tokenFile());
    writeFileSync(path("audit.yaml"), JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "Metadata" }] }));
  },
  flags: (at, side) => [
    `--authorization-config=${at(`authorization-${side}.yaml`)}`,
    `--token-auth-file=${at("tokens.csv")}`,
    `--audit-policy-file=${at("audit.yaml")}`,
    `--audit-log-path=${at(`audit-${side}.log`)}`,
  ],
});
const servers: Record<Side, Server> = { peer: pair.peer, ours: pair.ours };

for (const name of Object.keys(behaviours)) hookConfig(name, `https://127.0.0.1:${hookPort}/SIDE/${name}`);
hookConfig("nobody", "https://127.0.0.1:1/SIDE/nobody");
hookConfig("stranger", `https://127.0.0.1:${hookPort}/SIDE/yes`, "other-ca.crt");
hookConfig("ghost", `https://127.0.0.1:${hookPort}/SIDE/yes`, "ca.crt", "ghost");
hookConfig("plain", `http://127.0.0.1:${plainPort}/SIDE/plain`);
for (const [name, config] of Object.entries(kubeconfigs))
  writeFileSync(path(`${name}.conf`), typeof config === "string" ? config : JSON.stringify(config).replaceAll("DIR", directory));
for (const [name, text] of Object.entries(policies)) writeFileSync(path(name), text);

await using hooks = await startHookServer({ port: hookPort, cert: pair.pki.certificate("hook"), key: pair.pki.key("hook"), behaviours });
/** Who speaks without TLS must not say who he is. */
const plainAsked = new Set<string>();
const plainServer = createServer((request, response) => {
  plainAsked.add(String(request.headers.authorization));
  request.resume().on("end", () => response.end('{"status":{"allowed":true,"reason":"plainly"}}'));
});
await new Promise<void>((resolve) => plainServer.listen(plainPort, "127.0.0.1", resolve));

/** What differs from run to run. */
const common = (side: Side, value: unknown): unknown =>
  settled(
    JSON.parse(
      JSON.stringify(value ?? null)
        .replaceAll(`/${side}/`, "/SIDE/")
        .replaceAll(`/${side}-`, "/SIDE-")
        .replaceAll(directory, "DIR")
        .replaceAll(/127\.0\.0\.1:\d{5}->/g, "127.0.0.1:FROM->")
        .replaceAll(String(hookPort), "PORT")
        // Which of Go's two clocks was faster.
        .replaceAll(/net\/http: request canceled[^"\\]*|context deadline exceeded[^"\\]*/g, "TIMEOUT"),
    ),
  );

/** Upstream lists bindings in no order. */
function inOrder(answer: Awaited<ReturnType<typeof send>>): unknown {
  const { status } = (answer.body ?? {}) as { status?: Record<string, unknown[]> };
  for (const list of ["resourceRules", "nonResourceRules"]) status?.[list]?.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return answer;
}

async function counted(side: Side): Promise<Map<string, number>> {
  const { body } = await send(servers[side], { method: "GET", path: "/metrics" });
  const found = new Map<string, number>();
  for (const [, name = "", labels = "", value] of String(body).matchAll(
    /^(apiserver_authorization_(?:decisions|match_condition|webhook|config)\w*(?:_total|_count))\{([^}]*)\} (\d+)/gm,
  ))
    found.set(
      `${name}{${labels
        .split(",")
        .filter((label) => !label.startsWith("apiserver_id_hash"))
        .sort()
        .join(",")}}`,
      Number(value),
    );
  return found;
}
const reloads = (of: Map<string, number>): number =>
  [...of].filter(([name]) => name.includes("automatic_reloads_total")).reduce((sum, [, value]) => sum + value, 0);

/** Both have read the file again, or given it up. */
async function taken(before: Record<Side, number>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const now = await Promise.all(sides.map((side) => counted(side)));
    if (sides.every((side, at) => reloads(now[at] as Map<string, number>) > before[side])) return;
    await pause(100);
  }
  throw new Error("a file was not read again within ten seconds");
}

const reviewsOf = (side: Side, behaviour: string): unknown => [
  ...new Set((hooks.asked.get(`${side}/${behaviour}`) ?? []).map((one) => JSON.stringify(common(side, one)))),
];
const timesOf = (side: Side, behaviour: string): number => hooks.asked.get(`${side}/${behaviour}`)?.length ?? 0;

function compareReviews(name: string): void {
  const seen = new Set([...hooks.asked.keys()].map((key) => key.replace(/^[^/]*\//, "")));
  for (const behaviour of seen)
    tally.report(
      `${name}: reviews for ${behaviour}`,
      sides.map((side) => ({ reviews: reviewsOf(side, behaviour), times: timesOf(side, behaviour) })),
    );
}
async function ask(name: string, of: Readonly<Record<Side, Server>>, requests: readonly Request[]): Promise<void> {
  for (const request of requests) {
    const answers = await Promise.all(sides.map(async (side) => common(side, inOrder(await send(of[side], request)))));
    tally.report(`${name}: ${request.method} ${request.path.slice(0, 150)}`, answers);
  }
}

async function play({ name, authorizers, requests }: Scenario): Promise<void> {
  const before = { peer: reloads(await counted("peer")), ours: reloads(await counted("ours")) };
  hooks.asked.clear();
  for (const side of sides) put(side, fileOf(authorizers));
  await taken(before);
  await ask(name, servers, requests);
  compareReviews(name);
}

/** Other servers, configured as it was done before there were files. */
async function playFlags(): Promise<void> {
  hooks.asked.clear();
  await using flagged = await startPair({
    name: "authorization-flags",
    bin: values.bin,
    ports: { peer: port + 7, ours: port + 8, etcd: port + 9, etcdPeer: port + 10 },
    flags: (_, side) => [
      "--authorization-mode=ABAC,Webhook,RBAC",
      `--authorization-policy-file=${path("policy-good")}`,
      `--authorization-webhook-config-file=${path(`${side}-readers.conf`)}`,
      "--authorization-webhook-cache-unauthorized-ttl=1h",
    ],
  });
  await ask("flags", flagged, byFlags);
  compareReviews("flags");
}

/** What a program says when it does not start: upstream's last error, all of ours. */
function refusalOf(side: Side, args: readonly string[]): Promise<string> {
  const program = side === "ours" ? oursProgram : join(values.bin, "kube-apiserver");
  const own = { ...ports, [side]: port + 6 };
  return new Promise((resolve) => {
    execFile(program, [...argumentsOf(side, (file) => path(file === "data" ? "unused" : file), own), ...args], { timeout: 20_000 }, (_, __, stderr) => {
      const quoted = /"command failed" err="((?:\\.|[^"\\])*)"/.exec(stderr)?.[1];
      const block = /"command failed" err=<\n([\s\S]*?)\n >/.exec(stderr)?.[1]?.replaceAll(/^\t/gm, "");
      resolve(side === "ours" ? stderr : quoted === undefined ? (block ?? stderr.slice(-2000)) : (JSON.parse(`"${quoted}"`) as string));
    });
  });
}
async function refuse({ name, file, flags = [] }: Refusal): Promise<void> {
  if (file !== undefined) writeFileSync(path("refused.yaml"), file.replaceAll("DIR", directory));
  const args = [...(file === undefined ? [] : [`--authorization-config=${path("refused.yaml")}`]), ...flags.map((flag) => flag.replaceAll("DIR", directory))];
  const peer = await refusalOf("peer", args);
  const ours = await refusalOf("ours", args);
  // Ours says each thing on a line of its own, and which flag it is about.
  const parts = /^\[((?:authorization-mode|cannot specify) .*)\]$/.exec(peer)?.[1]?.split(/, (?=authorization-mode|cannot specify)/) ?? [peer];
  const missing = parts.filter((part) => !ours.includes(part));
  tally.report(`refused: ${name}`, missing.length ? [peer, ours] : [peer, peer]);
}

if ("impersonation".includes(only))
  await actAsOthers({ servers, report: (name, sides) => tally.report(name, sides), common, auditLog: (side) => path(`audit-${side}.log`) });
for (const refusal of refusals) if (`refused: ${refusal.name}`.includes(only)) await refuse(refusal);
if ("flags".includes(only)) await playFlags();
const played = scenarios.filter(({ name }) => name.includes(only));
for (const scenario of played) await play(scenario);
tally.report(
  "what was counted",
  (await Promise.all(sides.map((side) => counted(side)))).map((of) => Object.fromEntries([...of].filter(([name]) => !name.includes("last_config")))),
);
if (played.some(({ name }) => name === "without TLS")) tally.report("nobody says who he is without TLS", [["undefined"], [...plainAsked]]);
plainServer.closeAllConnections();
plainServer.close();
tally.end();
