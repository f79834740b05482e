/** The two servers of a comparison of authenticators: upstream's kube-apiserver and ours, with the same files and flags. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.ts";
import { PKI } from "../../src/distro/pki.ts";
import { closeServer, type Server, send, serverOf } from "../differential/exchange.ts";
import { etcdFlags, unsafe } from "../pair/etcd-flags.ts";

/** Certificates, keys and an etcd; everything lies in one directory. */
export interface Ground extends AsyncDisposable {
  pki: PKI;
  path(file: string): string;
  /** Flags that every server has. */
  flags: readonly string[];
  /** Starts both servers with further flags; SIDE in them is `ours` or `peer`. `without`: flags of all servers that these have not. */
  start(flags: readonly string[], without?: readonly string[]): Promise<Pair>;
  /** What upstream's says before it gives up. */
  refusal(flags: readonly string[], without?: readonly string[]): Promise<string>;
}
export interface Pair extends AsyncDisposable {
  peer: Server;
  ours: Server;
}

const issuer = "https://kubernetes.default.svc.cluster.local";

export async function prepare(bin: string, port: number): Promise<Ground> {
  const dir = mkdtempSync(join(tmpdir(), "authentication-"));
  const path = (file: string): string => join(dir, file);
  const run = (name: string, command: string, args: readonly string[]): ChildProcess => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(path(`${name}.log`), { flags: "a" });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    return child;
  };
  const stop = async (children: ChildProcess[]): Promise<void> => {
    for (const child of children) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await Promise.race([ended, pause(8000, undefined, { ref: false })]);
      if (child.exitCode === null) child.kill("SIGKILL");
    }
  };
  const pki = new PKI(dir, systemClock);
  for (const ca of ["ca", "front-proxy-ca", "issuer-ca"]) await pki.ensureCA(ca, ca);
  await pki.ensureServiceAccountKeys();
  await pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server"], dns: ["localhost"], ip: ["127.0.0.1", "10.96.0.1"] });
  await pki.ensure({ file: "admin", commonName: "admin", organizations: ["system:masters"], ca: "ca", usages: ["client"] });
  await pki.ensure({ file: "issuer", commonName: "issuer", ca: "issuer-ca", usages: ["server"], dns: ["localhost"], ip: ["127.0.0.1"] });
  const ports = { ours: port, peer: port + 1, etcd: port + 2, member: port + 3 };
  const config = (name: string, at: number): string => {
    const text = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: `https://127.0.0.1:${at}`, "certificate-authority": path("ca.crt") } }],
      users: [{ name: "u", user: { "client-certificate": path("admin.crt"), "client-key": path("admin.key") } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    writeFileSync(path(`${name}.conf`), JSON.stringify(text));
    return path(`${name}.conf`);
  };
  execFileSync("openssl", ["pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub"], { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
  const flags = [
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--authorization-mode=Node,RBAC",
    `--client-ca-file=${path("ca.crt")}`,
    `--tls-cert-file=${path("apiserver.crt")}`,
    `--tls-private-key-file=${path("apiserver.key")}`,
    `--service-account-issuer=${issuer}`,
    `--service-account-signing-key-file=${path("sa.key")}`,
    `--service-account-key-file=${path("sa.pub")}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    "--endpoint-reconciler-type=none",
  ];
  const etcd = `http://127.0.0.1:${ports.etcd}`;
  const peerOnly = [`--etcd-servers=${etcd}`, `--secure-port=${ports.peer}`, "--allow-privileged=true", "--enable-priority-and-fairness=false"];
  const store = run("etcd", join(bin, "etcd"), [...etcdFlags(dir, ports.etcd, ports.member), unsafe]);
  const of = (side: string, given: readonly string[]): string[] => given.map((flag) => flag.replaceAll("SIDE", side));
  const flagsWithout = (names: readonly string[]): string[] => flags.filter((flag) => !names.includes(flag.slice(2).split("=", 1)[0] as string));
  let worlds = 0;
  return {
    pki,
    path,
    flags,
    async start(more, without = []) {
      const common = flagsWithout(without);
      const world = worlds++;
      const launcher = new URL("../../k8ts", import.meta.url).pathname;
      const children = [
        run("ours", launcher, ["apiserver", `--data-dir=${path(`data-${world}`)}`, `--secure-port=${ports.ours}`, ...common, ...of("ours", more)]),
        run("peer", join(bin, "kube-apiserver"), [...peerOnly, `--etcd-prefix=/world-${world}`, ...common, ...of("peer", more)]),
      ];
      try {
        const [peer, ours] = await Promise.all([ready(config("peer", ports.peer), path("peer.log")), ready(config("ours", ports.ours), path("ours.log"))]);
        return {
          peer,
          ours,
          async [Symbol.asyncDispose]() {
            for (const server of [peer, ours]) closeServer(server);
            await stop(children);
          },
        };
      } catch (error) {
        await stop(children);
        throw error;
      }
    },
    refusal: (more, without = []) =>
      new Promise((resolve) => {
        const child = spawn(join(bin, "kube-apiserver"), [...peerOnly, ...flagsWithout(without), ...more], { stdio: ["ignore", "ignore", "pipe"] });
        let text = "";
        const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
        child.stderr.on("data", (chunk: Buffer) => {
          text += chunk;
          // It serves: nothing was refused.
          if (text.includes("Serving securely")) child.kill("SIGKILL");
        });
        child.on("exit", () => {
          clearTimeout(timer);
          resolve(text);
        });
      }),
    async [Symbol.asyncDispose]() {
      await stop([store]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Waits at most half a minute. */
async function ready(kubeconfig: string, log: string): Promise<Server> {
  const server = serverOf(kubeconfig);
  let last: unknown;
  for (let i = 0; i < 150; i++) {
    const answer = await send(server, { method: "GET", path: "/readyz" });
    if (answer.code === 200) return server;
    last = answer.body;
    await pause(200);
  }
  throw new Error(`not ready within half a minute: ${String(last)}\n${readFileSync(log, "utf8").slice(-2000)}`);
}
