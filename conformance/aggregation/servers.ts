/** kube-apiserver over etcd and ours, both with a front proxy's certificate, each with a sample-apiserver of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.ts";
import { PKI } from "../../src/distro/pki.ts";
import { closeServer, type Server, send, serverOf } from "../differential/exchange.ts";

export interface Ports {
  peer: number;
  ours: number;
  etcd: number;
  etcdPeer: number;
  samples: { peer: number; ours: number };
  backend: number;
}
export interface AggregatedPair extends AsyncDisposable {
  peer: Server;
  ours: Server;
  pki: PKI;
  /** Addresses of the sample-apiservers come with their APIServices. */
  startSamples(): void;
}

export const sampleService = "wardle";
export const backendService = "backend";

export async function startServers(bin: string, ports: Ports): Promise<AggregatedPair> {
  const dir = mkdtempSync(join(tmpdir(), "aggregation-"));
  const children: ChildProcess[] = [];
  const start = (name: string, command: string, args: string[]): void => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(join(dir, `${name}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    children.push(child);
  };
  const stop = async (): Promise<void> => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await Promise.race([ended, pause(5000, undefined, { ref: false })]);
      if (child.exitCode === null) child.kill("SIGKILL");
    }
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const pki = new PKI(dir, systemClock);
    await pki.ensureCA("ca", "kubernetes");
    await pki.ensureCA("front-proxy-ca", "front-proxy-ca");
    await pki.ensureServiceAccountKeys();
    await pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server"], dns: ["localhost"], ip: ["127.0.0.1", "10.96.0.1"] });
    await pki.ensure({ file: "admin", commonName: "admin", organizations: ["system:masters"], ca: "ca", usages: ["client"] });
    await pki.ensure({ file: "front-proxy-client", commonName: "front-proxy-client", ca: "front-proxy-ca", usages: ["client"] });
    for (const name of [sampleService, backendService])
      await pki.ensure({ file: name, commonName: name, ca: "ca", usages: ["server"], dns: [`${name}.default.svc`] });
    const path = (file: string): string => join(dir, file);
    const config = (name: string, port: number): string => {
      const text = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "c", cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority": path("ca.crt") } }],
        users: [{ name: "u", user: { "client-certificate": path("admin.crt"), "client-key": path("admin.key") } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      };
      writeFileSync(path(`${name}.conf`), JSON.stringify(text));
      return path(`${name}.conf`);
    };
    const etcd = `http://127.0.0.1:${ports.etcd}`;
    const member = `http://127.0.0.1:${ports.etcdPeer}`;
    const cluster = [`--listen-peer-urls=${member}`, `--initial-advertise-peer-urls=${member}`, `--initial-cluster=default=${member}`];
    const served = [`--listen-client-urls=${etcd}`, `--advertise-client-urls=${etcd}`];
    start("etcd", join(bin, "etcd-3.6.16"), [`--data-dir=${path("etcd")}`, ...served, ...cluster, "--log-level=warn", "--unsafe-no-fsync"]);
    const common = [
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      "--authorization-mode=Node,RBAC",
      `--client-ca-file=${path("ca.crt")}`,
      `--tls-cert-file=${path("apiserver.crt")}`,
      `--tls-private-key-file=${path("apiserver.key")}`,
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-signing-key-file=${path("sa.key")}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--endpoint-reconciler-type=none",
      `--requestheader-client-ca-file=${path("front-proxy-ca.crt")}`,
      "--requestheader-allowed-names=front-proxy-client",
      "--requestheader-username-headers=X-Remote-User",
      "--requestheader-uid-headers=X-Remote-Uid",
      "--requestheader-group-headers=X-Remote-Group",
      "--requestheader-extra-headers-prefix=X-Remote-Extra-",
      `--proxy-client-cert-file=${path("front-proxy-client.crt")}`,
      `--proxy-client-key-file=${path("front-proxy-client.key")}`,
    ];
    const launcher = new URL("../../k8ts", import.meta.url).pathname;
    start("ours", launcher, ["apiserver", `--data-dir=${path("data")}`, `--secure-port=${ports.ours}`, ...common]);
    const peerOnly = ["--allow-privileged=true", `--service-account-key-file=${path("sa.pub")}`, "--enable-priority-and-fairness=false"];
    start("peer", join(bin, "kube-apiserver"), [`--etcd-servers=${etcd}`, `--secure-port=${ports.peer}`, ...common, ...peerOnly]);
    const [peer, ours] = await Promise.all([ready(config("peer", ports.peer)), ready(config("ours", ports.ours))]);
    return {
      peer,
      ours,
      pki,
      startSamples() {
        for (const side of ["peer", "ours"] as const) {
          const access = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"].map((flag) => `--${flag}=${path(`${side}.conf`)}`);
          const serving = [`--tls-cert-file=${path(`${sampleService}.crt`)}`, `--tls-private-key-file=${path(`${sampleService}.key`)}`];
          const store = [`--etcd-servers=${etcd}`, `--etcd-prefix=/wardle-${side}`];
          start(`sample-${side}`, join(bin, "sample-apiserver-0.29.2"), [
            `--secure-port=${ports.samples[side]}`,
            "--bind-address=127.0.0.1",
            ...access,
            ...serving,
            ...store,
          ]);
        }
      },
      async [Symbol.asyncDispose]() {
        for (const server of [peer, ours]) closeServer(server);
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits at most a minute. */
async function ready(kubeconfig: string): Promise<Server> {
  const server = serverOf(kubeconfig);
  let last: unknown;
  for (let i = 0; i < 300; i++) {
    const answer = await send(server, { method: "GET", path: "/readyz" });
    if (answer.code === 200) return server;
    last = answer.body;
    await pause(200);
  }
  throw new Error(`not ready within a minute: ${String(last)}`);
}
