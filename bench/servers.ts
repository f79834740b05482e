/**
 * The two API servers that are compared: kube-apiserver with its etcd, and `k8ts apiserver`. Same certificates, same flags
 * (TLS, client certificates, Node and RBAC authorization, priority and fairness, default admission, audit to a file, durable
 * commits), a new data directory each time, both on the same disk. Where everything is to be switched on both also encrypt
 * Secrets and have what workloads/switched-on.json makes: a policy and webhooks for a resource that no workload touches, and a
 * definition.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { createHttpTransport } from "../src/client/http-transport.ts";
import { loadKubeconfig } from "../src/client/kubeconfig.ts";
import { clusterrolebindings, clusterroles } from "../src/client/resources.gen.ts";
import { createClient } from "../src/client/rest.ts";
import { kubeconfig } from "../src/distro/identities.ts";
import { PKI } from "../src/distro/pki.ts";
import { root } from "./machine.ts";
import { etcdFlags } from "../conformance/pair/etcd-flags.ts";

export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly pids: readonly number[];
  /** Milliseconds from the start of its first process to the first 200 of /readyz. */
  readonly readyAfter: number;
}

export interface ServerOptions {
  /** Of this server alone; deleted when it ends. */
  directory: string;
  pki: PKI;
  /** The first of three ports that are free. */
  port: number;
  /** Where the binaries of conformance/build.ts lie. */
  bin: string;
  /** Where V8's CPU profile of our server goes. */
  profile?: string;
  /** With encryption, a policy, webhooks and a definition. @default false */
  everything?: boolean;
}

/** What is switched on besides flags. */
const switchedOn = JSON.parse(readFileSync(join(import.meta.dirname, "workloads/switched-on.json"), "utf8")) as {
  encryption: object;
  objects: { path: string; object: object }[];
};

const startLimit = 60_000;

/** Certificates of the servers, of the administrator and of the user who makes the load. */
export async function makePKI(directory: string): Promise<PKI> {
  const pki = new PKI(directory, systemClock);
  await pki.ensureCA("ca", "kubernetes");
  await pki.ensureServiceAccountKeys();
  await pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server"], dns: ["localhost"], ip: ["127.0.0.1"] });
  await pki.ensure({ file: "admin", commonName: "admin", organizations: ["system:masters"], ca: "ca", usages: ["client"] });
  await pki.ensure({ file: "bench", commonName: "bench", ca: "ca", usages: ["client"] });
  await pki.ensure({ file: "scheduler", commonName: "system:kube-scheduler", ca: "ca", usages: ["client"] });
  return pki;
}

/** Flags that both servers understand. */
function commonFlags({ pki, port, directory, everything }: ServerOptions): string[] {
  // What a run that was killed left would be its server's data.
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const encryption = join(directory, "encryption.json");
  writeFileSync(encryption, JSON.stringify(switchedOn.encryption), { mode: 0o600 });
  const policy = join(directory, "audit-policy.json");
  writeFileSync(policy, JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", omitStages: ["RequestReceived"], rules: [{ level: "Metadata" }] }));
  return [
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${port}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    `--client-ca-file=${pki.certificatePath("ca")}`,
    `--tls-cert-file=${pki.certificatePath("apiserver")}`,
    `--tls-private-key-file=${pki.keyPath("apiserver")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-signing-key-file=${pki.keyPath("sa")}`,
    `--service-account-key-file=${join(pki.directory, "sa.pub")}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${join(directory, "audit.log")}`,
    "--endpoint-reconciler-type=none",
    "--enable-priority-and-fairness=true",
    ...(everything ? [`--encryption-provider-config=${encryption}`] : []),
  ];
}

export function startPeer(options: ServerOptions): Promise<Server> {
  const { bin, directory, port } = options;
  const etcd = `http://127.0.0.1:${port + 1}`;
  return start("kube-apiserver", options, [
    [join(bin, "etcd"), ...etcdFlags(directory, port + 1, port + 2)],
    [join(bin, "kube-apiserver"), `--etcd-servers=${etcd}`, ...commonFlags(options)],
  ]);
}

export function startOurs(options: ServerOptions): Promise<Server> {
  return start("k8ts apiserver", options, [[join(root, "k8ts"), "apiserver", `--data-dir=${join(options.directory, "data")}`, ...commonFlags(options)]]);
}

async function start(name: string, options: ServerOptions, commands: string[][]): Promise<Server> {
  const { directory, pki, port, profile } = options;
  const env = environment(profile);
  const children: ChildProcess[] = [];
  const began = systemClock.monotonic();
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    for (const [program = "", ...args] of commands) {
      const log = openSync(join(directory, `${children.length}.log`), "w");
      children.push(spawn(program, args, { stdio: ["ignore", log, log], env }));
      closeSync(log);
    }
    const url = `https://127.0.0.1:${port}`;
    const file = join(directory, "admin.conf");
    writeFileSync(file, kubeconfig(pki, "admin", url), { mode: 0o600 });
    const readyAt = await prepare(file, options.everything ? switchedOn.objects : [], () => {
      const dead = children.findIndex((child) => child.exitCode !== null);
      if (dead >= 0) throw new Error(`${commands[dead]?.[0]} ended: ${readFileSync(join(directory, `${dead}.log`), "utf8").slice(-2000)}`);
    });
    return { name, url, pids: children.map((child) => child.pid as number), readyAfter: readyAt - began, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `profile`: where V8's CPU profile goes. */
export const environment = (profile: string | undefined): NodeJS.ProcessEnv =>
  profile ? { ...process.env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` } : process.env;

/**
 * Waits for /readyz, makes `objects` and lets the user "bench" do what the workloads need, by RBAC. Gives the time of the first
 * 200, by systemClock.monotonic().
 */
async function prepare(file: string, objects: typeof switchedOn.objects, assertAlive: () => void): Promise<number> {
  const clock = systemClock;
  const client = createClient(createHttpTransport(loadKubeconfig(file, clock)), { userAgent: "bench" });
  try {
    const deadline = clock.monotonic() + startLimit;
    for (;;) {
      assertAlive();
      // Refused connections and 500 both mean: not yet.
      const ready = await client.transport.stream({ method: "GET", path: "/readyz" }).then(
        (response) => response.status === 200,
        () => false,
      );
      if (ready) break;
      if (clock.monotonic() > deadline) throw new Error(`not ready after ${startLimit / 1000} s`);
      await clock.sleep(10);
    }
    const ready = clock.monotonic();
    for (const { path, object } of objects) await client.transport.request({ method: "POST", path, body: object });
    const rules = [
      { apiGroups: [""], resources: ["namespaces", "serviceaccounts", "nodes", "pods", "pods/status"], verbs: ["*"] },
      { apiGroups: ["scheduling.k8s.io"], resources: ["priorityclasses"], verbs: ["*"] },
      { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"], verbs: ["create"] },
      { apiGroups: ["bench.example.com"], resources: ["*"], verbs: ["*"] },
    ];
    await client.resource(clusterroles).create("", { metadata: { name: "bench" }, rules });
    await client.resource(clusterrolebindings).create("", {
      metadata: { name: "bench" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "bench" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "bench" }],
    });
    return ready;
  } finally {
    await client.transport[Symbol.asyncDispose]();
  }
}

/** SIGTERM, and SIGKILL after 15 s. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = systemClock.after(15_000, () => child.kill("SIGKILL"));
  await ended;
  timer.cancel();
}
