/** kube-apiserver and ours, started again over what they encrypted, while the plugin that has the keys is down; then it comes back. */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.ts";
import { PKI } from "../../src/distro/pki.ts";
import { closeServer, differences, type Request, type Server, send, serverOf, settled } from "../differential/exchange.ts";
import { Processes } from "../pair/processes.ts";
import { argumentsOf, oursProgram, type Ports, writeKubeconfig } from "../pair/start.ts";
import { startPlugin } from "./plugin.ts";

export interface Compared {
  name: string;
  differences: string[];
}
const sides = ["peer", "ours"] as const;
type Side = (typeof sides)[number];

const secrets = "/api/v1/namespaces/default/secrets";
const configMaps = "/api/v1/namespaces/default/configmaps";
const secret = (name: string): object => ({ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: { a: "b" } });
const merge = { "content-type": "application/merge-patch+json" };
const asked: Request[] = [
  { method: "GET", path: `${secrets}/before` },
  { method: "GET", path: `${secrets}/before?resourceVersion=0` },
  { method: "GET", path: `${secrets}/none` },
  { method: "GET", path: secrets },
  { method: "GET", path: `${secrets}?limit=1` },
  { method: "GET", path: `${secrets}?resourceVersion=0` },
  { method: "GET", path: `${secrets}?labelSelector=a%3Db` },
  { method: "GET", path: `${secrets}?watch=1&timeoutSeconds=2`, quiet: 1000 },
  { method: "POST", path: secrets, body: secret("while") },
  { method: "PATCH", path: `${secrets}/before`, body: { data: { c: "ZA==" } }, headers: merge },
  { method: "DELETE", path: `${secrets}/before` },
  { method: "DELETE", path: `${secrets}/none` },
  { method: "POST", path: configMaps, body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "while" } } },
  { method: "GET", path: `${configMaps}/while` },
  { method: "DELETE", path: `${configMaps}/while` },
  ...["healthz", "readyz", "livez"].map((path) => ({ method: "GET", path: `/${path}/kms-providers` }) as const),
];

/** Of the health checks only what both have: upstream's post-start hooks are its own. */
async function health(server: Server): Promise<unknown> {
  const { code, body } = await send(server, { method: "GET", path: "/readyz?verbose" });
  return {
    code,
    kms: String(body)
      .split("\n")
      .filter((line) => /kms|check (passed|failed)/.test(line)),
  };
}

export async function withoutPlugin({ bin, port }: { bin: string; port: number }): Promise<Compared[]> {
  await using processes = new Processes("encryption-down");
  const path = (file: string): string => processes.path(file);
  const ports: Ports = { peer: port, ours: port + 1, etcd: port + 2, etcdPeer: port + 3 };
  const pki = new PKI(processes.directory, systemClock);
  await pki.ensureCA("ca", "kubernetes");
  await pki.ensureServiceAccountKeys();
  await pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server"], dns: ["localhost"], ip: ["127.0.0.1", "10.96.0.1"] });
  await pki.ensure({ file: "admin", commonName: "admin", organizations: ["system:masters"], ca: "ca", usages: ["client"] });
  const socket = path("kms.sock");
  const provider = { kms: { apiVersion: "v2", name: "plugin", endpoint: `unix://${socket}` } };
  const rule = { resources: ["secrets"], providers: [provider] };
  writeFileSync(path("encryption.yaml"), JSON.stringify({ apiVersion: "apiserver.config.k8s.io/v1", kind: "EncryptionConfiguration", resources: [rule] }));
  const programs = { ours: oursProgram, peer: join(bin, "kube-apiserver") };
  const start = (side: Side): ChildProcess =>
    processes.start(side, programs[side], [...argumentsOf(side, path, ports), `--encryption-provider-config=${path("encryption.yaml")}`]);
  const servers = sides.map((side) => serverOf(writeKubeconfig(path, side, ports[side])));
  const both = async <T>(ask: (server: Server) => Promise<T>): Promise<T[]> => Promise.all(servers.map(ask));
  /** Until both answer so, or half a minute has passed. */
  const until = async (what: string, code: number): Promise<void> => {
    for (let i = 0; i < 150; i++) {
      const answers = await both((server) => send(server, { method: "GET", path: what }).catch(() => undefined));
      if (answers.every((answer) => answer?.code === code)) return;
      await pause(200);
    }
  };
  const found: Compared[] = [];
  const compare = (name: string, [peer, ours]: readonly unknown[]): void => {
    const common = (value: unknown): unknown =>
      settled(
        JSON.parse(
          JSON.stringify(value)
            .replaceAll(processes.directory, "DIR")
            .replaceAll(/"retryAfterSeconds":\d+/g, '"retryAfterSeconds":1'),
        ),
      );
    found.push({ name, differences: differences(common(peer), common(ours)) });
  };
  const wrapping = randomBytes(32);
  processes.etcd(bin, ports.etcd, ports.etcdPeer);
  let plugin = await startPlugin(socket, wrapping);
  try {
    const first = sides.map(start);
    await until("/readyz", 200);
    compare("a Secret that is encrypted", await both((server) => send(server, { method: "POST", path: secrets, body: secret("before") })));
    for (const child of first) await processes.stop(child);
    await plugin[Symbol.asyncDispose]();
    for (const side of sides) start(side);
    await until("/livez", 200);
    await pause(2000);
    compare("health without the plugin", await both(health));
    for (const request of asked) compare(`without the plugin: ${request.method} ${request.path}`, await both((server) => send(server, request)));
    plugin = await startPlugin(socket, wrapping);
    await until("/readyz", 200);
    compare("health with the plugin again", await both(health));
    await until(`${secrets}?resourceVersion=0`, 200);
    for (const request of asked) compare(`with the plugin again: ${request.method} ${request.path}`, await both((server) => send(server, request)));
  } finally {
    await plugin[Symbol.asyncDispose]();
    for (const server of servers) closeServer(server);
  }
  return found;
}
