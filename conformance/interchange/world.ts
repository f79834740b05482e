/** A cluster put together from programs: an API server of either side, simulated nodes, and controllers and scheduler of either side. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/logger.ts";
import { systemRandom } from "../../src/base/random.ts";
import type { Client } from "../../src/client/client.ts";
import { createHttpTransport } from "../../src/client/http-transport.ts";
import { loadKubeconfig } from "../../src/client/kubeconfig.ts";
import { leases } from "../../src/client/resources.gen.ts";
import { createClient } from "../../src/client/rest.ts";
import { kubeconfig } from "../../src/distro/identities.ts";
import { PKI } from "../../src/distro/pki.ts";
import { loadStages } from "../../src/distro/simulated-nodes.ts";
import { startSimulation } from "../../src/sim/simulation.ts";
import { until } from "../cluster/cluster.ts";
import { Program } from "./programs.ts";
import { etcdFlags, unsafe } from "../pair/etcd-flags.ts";

export type Side = "ours" | "upstream";
export const sideName = { ours: "ours", upstream: "upstream's" } as const;

export interface WorldOptions {
  server: Side;
  directory: string;
  /** The first of ten free ports. */
  port: number;
  /** Where upstream's programs are. */
  bin: string;
  /** Without the simulated nodes. */
  bare?: boolean;
}

const users = {
  admin: { commonName: "kubernetes-admin", organizations: ["system:masters"] },
  "controller-manager": { commonName: "system:kube-controller-manager" },
  scheduler: { commonName: "system:kube-scheduler" },
} as const;
export const nodeNames = ["node-1", "node-2", "node-3"];
const entry = resolve(import.meta.dirname, "../../src/distro/main.ts");
const issuer = "https://kubernetes.default.svc.cluster.local";
const elected = ["kube-controller-manager", "kube-scheduler"];

/** Controllers and scheduler of one side, which hold the leases. */
export interface Party {
  side: Side;
  programs: Program[];
  stop(): Promise<void>;
}

export class World implements AsyncDisposable {
  readonly client: Client;
  readonly pki: PKI;
  readonly #options: WorldOptions;
  readonly #stack: AsyncDisposableStack;
  #parties = 0;

  private constructor(options: WorldOptions, pki: PKI, client: Client, stack: AsyncDisposableStack) {
    this.#options = options;
    this.pki = pki;
    this.client = client;
    this.#stack = stack;
  }

  /** Resolves when the API server is ready and the nodes are registered. */
  static async start(options: WorldOptions): Promise<World> {
    mkdirSync(options.directory, { recursive: true });
    const pki = new PKI(join(options.directory, "pki"), systemClock);
    await pki.ensureCA("ca", "kubernetes");
    await pki.ensureCA("front-proxy-ca", "front-proxy-ca");
    await pki.ensureServiceAccountKeys();
    const dns = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
    await pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server", "client"], dns, ip: ["127.0.0.1", "10.96.0.1"] });
    for (const [file, user] of Object.entries(users)) {
      await pki.ensure({
        file,
        commonName: user.commonName,
        ca: "ca",
        usages: ["client"],
        ...("organizations" in user ? { organizations: [...user.organizations] } : {}),
      });
      writeFileSync(join(options.directory, `${file}.conf`), kubeconfig(pki, file, `https://127.0.0.1:${options.port}`), { mode: 0o600 });
    }
    await using stack = new AsyncDisposableStack();
    const programs = serverPrograms(options, pki).map(([name, command, args]) => new Program(options.directory, name, command, args));
    for (const program of programs) stack.defer(() => program.stop());
    const client = clientOf(options.directory, {});
    stack.defer(() => client.transport[Symbol.asyncDispose]());
    await until("the API server", 60, async () => {
      const dead = programs.find((program) => !program.running);
      if (dead) throw new Error(`${dead.name} ended: ${dead.log().slice(-1000)}`);
      return await client.transport.stream({ method: "GET", path: "/readyz" });
    });
    if (!options.bare) await simulate(options, client, stack);
    return new World(options, pki, client, stack.move());
  }

  /** Starts controllers and scheduler of one side and waits until both lead. */
  async party(side: Side): Promise<Party> {
    const { directory } = this.#options;
    const before = await this.#holders();
    const number = ++this.#parties;
    const programs = (side === "ours" ? this.#ourPrograms() : this.#upstreamPrograms()).map(
      ([name, command, args]) => new Program(directory, `${number}-${side}-${name}`, command, args),
    );
    const stop = async (): Promise<void> => {
      await Promise.all(programs.map((program) => program.stop()));
    };
    this.#stack.defer(stop);
    await until(`leases held by ${sideName[side]}`, 60, async () => {
      const dead = programs.find((program) => !program.running);
      if (dead) throw new Error(`${dead.name} ended: ${dead.log().slice(-1000)}`);
      const now = await this.#holders();
      return now.every((holder, i) => holder && holder !== before[i]);
    });
    return { side, programs, stop };
  }

  /** Starts some controllers of one side alone, with further flags, and waits until they lead. */
  async manager(side: Side, controllers: readonly string[], more: readonly string[]): Promise<Program> {
    const { directory, port, bin } = this.#options;
    const conf = join(directory, "controller-manager.conf");
    const flags = [...this.#managerFlags(port + 3).filter((flag) => !flag.startsWith("--controllers=")), `--controllers=${controllers.join(",")}`, ...more];
    const own: Command = ["controller-manager", process.execPath, [entry, "controller-manager", ...flags]];
    const theirs: Command = [
      "controller-manager",
      join(bin, "kube-controller-manager"),
      [...flags, `--authentication-kubeconfig=${conf}`, `--authorization-kubeconfig=${conf}`],
    ];
    const [name, command, args] = side === "ours" ? own : theirs;
    const program = new Program(directory, `${side}-${name}`, command, args);
    this.#stack.defer(() => program.stop());
    await until(`the lease held by ${sideName[side]}`, 60, async () => {
      if (!program.running) throw new Error(`${program.name} ended: ${program.log().slice(-1000)}`);
      return (await this.#holders())[0];
    });
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #holders(): Promise<(string | undefined)[]> {
    const { items } = await this.client.resource(leases).list({ namespace: "kube-system" });
    return elected.map((name) => items.find((lease) => lease.metadata.name === name)?.spec.holderIdentity);
  }
  #managerFlags(port: number): string[] {
    const { directory } = this.#options;
    return [
      `--kubeconfig=${join(directory, "controller-manager.conf")}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      "--use-service-account-credentials=true",
      "--controllers=*,bootstrap-signer-controller,token-cleaner-controller",
      `--root-ca-file=${this.pki.certificatePath("ca")}`,
      `--cluster-signing-cert-file=${this.pki.certificatePath("ca")}`,
      `--cluster-signing-key-file=${this.pki.keyPath("ca")}`,
      `--service-account-private-key-file=${this.pki.keyPath("sa")}`,
    ];
  }
  #schedulerFlags(port: number): string[] {
    return [`--kubeconfig=${join(this.#options.directory, "scheduler.conf")}`, "--bind-address=127.0.0.1", `--secure-port=${port}`];
  }
  #ourPrograms(): Command[] {
    const { port } = this.#options;
    return [
      ["controller-manager", process.execPath, [entry, "controller-manager", ...this.#managerFlags(port + 3)]],
      ["scheduler", process.execPath, [entry, "scheduler", ...this.#schedulerFlags(port + 4)]],
    ];
  }
  #upstreamPrograms(): Command[] {
    const { port, bin } = this.#options;
    const of = (flags: string[], user: string): string[] => [...flags, `--authentication-kubeconfig=${user}`, `--authorization-kubeconfig=${user}`, "--v=2"];
    const conf = (name: string): string => join(this.#options.directory, `${name}.conf`);
    return [
      ["controller-manager", join(bin, "kube-controller-manager"), of(this.#managerFlags(port + 5), conf("controller-manager"))],
      ["scheduler", join(bin, "kube-scheduler"), of(this.#schedulerFlags(port + 6), conf("scheduler"))],
    ];
  }
}

type Command = [name: string, command: string, args: string[]];

function serverPrograms({ server, directory, port, bin }: WorldOptions, pki: PKI): Command[] {
  const common = [
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--client-ca-file=${pki.certificatePath("ca")}`,
    `--tls-cert-file=${pki.certificatePath("apiserver")}`,
    `--tls-private-key-file=${pki.keyPath("apiserver")}`,
    `--service-account-issuer=${issuer}`,
    `--service-account-signing-key-file=${pki.keyPath("sa")}`,
    `--service-account-key-file=${join(pki.directory, "sa.pub")}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    `--requestheader-client-ca-file=${pki.certificatePath("front-proxy-ca")}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--enable-admission-plugins=NodeRestriction",
    "--enable-bootstrap-token-auth=true",
    "--authorization-mode=Node,RBAC",
    "--endpoint-reconciler-type=none",
  ];
  if (server === "ours") return [["apiserver", process.execPath, [entry, "apiserver", `--data-dir=${join(directory, "data")}`, ...common]]];
  const client = `http://127.0.0.1:${port + 1}`;
  return [
    ["etcd", join(bin, "etcd"), [...etcdFlags(directory, port + 1, port + 2), unsafe]],
    ["apiserver", join(bin, "kube-apiserver"), [`--etcd-servers=${client}`, "--allow-privileged=true", ...common]],
  ];
}

const clientOf = (directory: string, headers: Record<string, string>): Client =>
  createClient(createHttpTransport({ ...loadKubeconfig(join(directory, "admin.conf"), systemClock), headers }), { userAgent: "interchange" });

/** Nodes act with their own names, which the administrator may take. */
async function simulate({ directory }: WorldOptions, client: Client, stack: AsyncDisposableStack): Promise<void> {
  const logger = createLogger({
    name: "nodes",
    clock: systemClock,
    level: "warn",
    write: (line) => writeFileSync(join(directory, "nodes.log"), line, { flag: "a" }),
  });
  const simulation = startSimulation({
    client,
    clientFor: (node) => {
      const own = clientOf(directory, { "impersonate-user": `system:node:${node}`, "impersonate-group": "system:nodes" });
      stack.defer(() => own.transport[Symbol.asyncDispose]());
      return own;
    },
    clock: systemClock,
    random: systemRandom,
    logger,
    nodes: nodeNames,
    stages: loadStages([]),
  });
  stack.defer(() => simulation[Symbol.asyncDispose]());
  await simulation.registered;
}
