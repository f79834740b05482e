/** The two servers of a differential run, started and stopped: upstream's kube-apiserver over etcd, and ours over memory. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Processes, ready } from "../pair/processes.ts";
import { closeServer, type Server, serverOf } from "./exchange.ts";

export interface Pair extends AsyncDisposable {
  peer: Server;
  ours: Server;
  /** A certificate signing request that both accept, base64 of PEM. */
  csr: string;
}
export interface PairOptions {
  /** Where kube-apiserver, etcd and kubectl are. */
  bin: string;
  /** The first of four free ports: ours, upstream's, its etcd's. */
  port: number;
  /** Further flags of upstream's. */
  peerFlags?: readonly string[];
}

export async function startPair({ bin, port, peerFlags = [] }: PairOptions): Promise<Pair> {
  const processes = new Processes("differential");
  try {
    const home = processes.path("ours");
    mkdirSync(home);
    // As the launcher does.
    processes.start("ours", process.execPath, ["--stack-size=6144", new URL("../../tools/dev-apiserver.ts", import.meta.url).pathname, String(port), home]);
    const ours = await ready(() => serverOf(join(home, "admin.conf")));
    const peerPort = port + 1;
    const client = processes.etcd(bin, port + 2, port + 3);
    execFileSync("openssl", ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"], { cwd: home, stdio: ["ignore", "ignore", "pipe"] });
    processes.start("peer", join(bin, "kube-apiserver"), [
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
        await processes[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await processes[Symbol.asyncDispose]();
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
