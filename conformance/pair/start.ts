/** kube-apiserver over etcd and ours over its embedded store, with the same certificates, keys and flags. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { PKI } from "../../src/distro/pki.ts";
import { closeServer, type Server, serverOf } from "../differential/exchange.ts";
import { Processes, ready } from "./processes.ts";

export interface Ports {
  peer: number;
  ours: number;
  etcd: number;
  etcdPeer: number;
}
export interface StartOptions {
  /** Of the temporary directory. */
  name: string;
  /** Where kube-apiserver and etcd are. */
  bin: string;
  ports: Ports;
  /** Further certificates, made before the flags are asked for. */
  certificates?(pki: PKI): Promise<void>;
  /** Of both; `path` finds a file of the directory. */
  flags(path: (file: string) => string, side: "peer" | "ours"): readonly string[];
}
export interface RunningPair extends AsyncDisposable {
  peer: Server;
  ours: Server;
  pki: PKI;
  processes: Processes;
}

/** What both are started with, whatever else they are given. */
function commonFlags(path: (file: string) => string): string[] {
  return [
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--client-ca-file=${path("ca.crt")}`,
    `--tls-cert-file=${path("apiserver.crt")}`,
    `--tls-private-key-file=${path("apiserver.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-signing-key-file=${path("sa.key")}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    "--endpoint-reconciler-type=none",
  ];
}
export const oursProgram = new URL("../../k8ts", import.meta.url).pathname;

/** Arguments of the one program or the other, without flags of one's own. */
export function argumentsOf(side: "peer" | "ours", path: (file: string) => string, { peer, ours, etcd }: Ports): string[] {
  return side === "ours"
    ? ["apiserver", `--data-dir=${path("data")}`, `--secure-port=${ours}`, ...commonFlags(path)]
    : [
        `--etcd-servers=http://127.0.0.1:${etcd}`,
        `--secure-port=${peer}`,
        "--allow-privileged=true",
        `--service-account-key-file=${path("sa.pub")}`,
        "--enable-priority-and-fairness=false",
        ...commonFlags(path),
      ];
}

/** The administrator's access to the server on that port. */
export function writeKubeconfig(path: (file: string) => string, name: string, port: number): string {
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
}

export async function startPair({ name, bin, ports, certificates, flags }: StartOptions): Promise<RunningPair> {
  const processes = new Processes(name);
  const path = (file: string): string => processes.path(file);
  try {
    const pki = new PKI(processes.directory, systemClock);
    await pki.ensureCA("ca", "kubernetes");
    await pki.ensureServiceAccountKeys();
    await pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server"], dns: ["localhost"], ip: ["127.0.0.1", "10.96.0.1"] });
    await pki.ensure({ file: "admin", commonName: "admin", organizations: ["system:masters"], ca: "ca", usages: ["client"] });
    await certificates?.(pki);
    processes.etcd(bin, ports.etcd, ports.etcdPeer);
    const programs = { ours: oursProgram, peer: join(bin, "kube-apiserver") };
    for (const side of ["ours", "peer"] as const) processes.start(side, programs[side], [...argumentsOf(side, path, ports), ...flags(path, side)]);
    const [peer, ours] = await Promise.all(
      (["peer", "ours"] as const).map((side) => {
        const config = writeKubeconfig(path, side, ports[side]);
        return ready(() => serverOf(config));
      }),
    );
    return {
      peer: peer as Server,
      ours: ours as Server,
      pki,
      processes,
      async [Symbol.asyncDispose]() {
        for (const server of [peer, ours]) closeServer(server as Server);
        await processes[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await processes[Symbol.asyncDispose]();
    throw error;
  }
}
