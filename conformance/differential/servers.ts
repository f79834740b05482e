/** The two servers of a differential run, started and stopped: upstream's kube-apiserver over etcd, and ours over memory. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { closeServer, type Server, send, serverOf } from "./exchange.ts";

export interface Pair extends AsyncDisposable {
  peer: Server;
  ours: Server;
  /** A certificate signing request that both accept, base64 of PEM. */
  csr: string;
}
export interface PairOptions {
  /** Where kube-apiserver, etcd-3.6.16 and kubectl are. */
  bin: string;
  /** The first of four free ports: ours, upstream's, its etcd's. */
  port: number;
  /** Further flags of upstream's. */
  peerFlags?: readonly string[];
}

export async function startPair({ bin, port, peerFlags = [] }: PairOptions): Promise<Pair> {
  const dir = mkdtempSync(join(tmpdir(), "differential-"));
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
    const home = join(dir, "ours");
    mkdirSync(home);
    start("ours", process.execPath, [new URL("../../tools/dev-apiserver.ts", import.meta.url).pathname, String(port), home]);
    const ours = await ready(() => serverOf(join(home, "admin.conf")));
    const [peerPort, etcd, etcdPeer] = [port + 1, port + 2, port + 3];
    const client = `http://127.0.0.1:${etcd}`;
    const member = `http://127.0.0.1:${etcdPeer}`;
    start("etcd", join(bin, "etcd-3.6.16"), [
      `--data-dir=${join(dir, "etcd")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${member}`,
      `--initial-advertise-peer-urls=${member}`,
      `--initial-cluster=default=${member}`,
      "--log-level=warn",
      "--unsafe-no-fsync",
    ]);
    execFileSync("openssl", ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"], { cwd: home, stdio: ["ignore", "ignore", "pipe"] });
    start("peer", join(bin, "kube-apiserver"), [
      `--etcd-servers=${client}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${peerPort}`,
      "--allow-privileged=true",
      "--authorization-mode=Node,RBAC",
      `--client-ca-file=${join(home, "ca.crt")}`,
      `--tls-cert-file=${join(home, "apiserver.crt")}`,
      `--tls-private-key-file=${join(home, "apiserver.key")}`,
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-key-file=${join(home, "sa.pub")}`,
      `--service-account-signing-key-file=${join(home, "sa.key")}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--endpoint-reconciler-type=none",
      // As kubeadm has it; ours has it always.
      "--enable-admission-plugins=NodeRestriction",
      // Ours does not compact either: revision 1 stays to be listed.
      "--etcd-compaction-interval=0",
      ...peerFlags,
    ]);
    const peer = await ready(() => ({ ...serverOf(join(home, "admin.conf")), url: new URL(`https://127.0.0.1:${peerPort}`) }));
    return {
      peer,
      ours,
      csr: signingRequest(home, "admin.key"),
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

/** A request of its user that both servers sign; `dir` has the key. */
const signingRequest = (dir: string, key: string): string =>
  execFileSync("openssl", ["req", "-new", "-key", key, "-subj", "/CN=jane/O=tests"], { cwd: dir }).toString("base64");

/** Two servers that are up already; they stay up. */
export function standingPair(peerConfig: string, oursConfig: string): Pair {
  const [peer, ours] = [serverOf(peerConfig), serverOf(oursConfig)];
  return {
    peer,
    ours,
    csr: signingRequest(dirname(resolve(oursConfig)), "admin.key"),
    [Symbol.asyncDispose]() {
      for (const server of [peer, ours]) closeServer(server);
      return Promise.resolve();
    },
  };
}

/** Waits at most half a minute. */
async function ready(make: () => Server): Promise<Server> {
  let last: unknown;
  for (let i = 0; i < 150; i++) {
    try {
      const server = make();
      const answer = await send(server, { method: "GET", path: "/readyz" });
      if (answer.code === 200) return server;
      last = answer.body;
    } catch (error) {
      last = error;
    }
    await pause(200);
  }
  throw new Error(`not ready within 30 s: ${String(last)}`);
}
