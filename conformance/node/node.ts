/** A machine as a node, put together from programs of either side: containerd, kubelet, the Service proxy, names. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PKI } from "../../src/distro/pki.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/logger.ts";
import type { Client } from "../../src/client/client.ts";
import { createHttpTransport } from "../../src/client/http-transport.ts";
import { loadKubeconfig } from "../../src/client/kubeconfig.ts";
import { clusterrolebindings, clusterroles, nodes, serviceaccounts } from "../../src/client/resources.gen.ts";
import { createClient } from "../../src/client/rest.ts";
import { ensureClusterObjects } from "../../src/distro/cluster-objects.ts";
import { Containerd } from "../../src/distro/containerd.ts";
import { kubeconfig } from "../../src/distro/identities.ts";
import { pauseImage } from "../../src/distro/images/pause.ts";
import { ImageStore } from "../../src/distro/images/store.ts";
import { cniDirectory } from "../../src/distro/packages.ts";
import { pathsOf } from "../../src/distro/paths.ts";
import { conflist } from "../../src/network/cni.ts";
import { until } from "../cluster/cluster.ts";
import { Program } from "../interchange/programs.ts";
import { type Side, sideName } from "../interchange/world.ts";
import { apiPort, type Command, entry, planePrograms, podCIDR } from "./plane.ts";

export interface NodeOptions {
  /** API server, controllers and scheduler. */
  server: Side;
  kubelet: Side;
  /** Upstream's is kube-proxy in nftables mode. */
  proxy: Side;
  /** Upstream's is CoreDNS. */
  dns: Side;
  directory: string;
  /** Where upstream's programs are. */
  bin: string;
  /** Archive of the images that the specs use. */
  images: string;
}

export const nodeName = "node-1";
const bridge = "k8tsi0";
const dnsAddress = "10.96.0.10";
/** The first address of the pods' network is the bridge's: pods and the node reach it before there is any other network. */
const address = "10.244.0.1";

const users = {
  admin: { commonName: "kubernetes-admin", organizations: ["system:masters"] },
  "controller-manager": { commonName: "system:kube-controller-manager" },
  scheduler: { commonName: "system:kube-scheduler" },
  kubelet: { commonName: `system:node:${nodeName}`, organizations: ["system:nodes"] },
  proxy: { commonName: "system:kube-proxy" },
  dns: { commonName: "system:k8ts:dns" },
  coredns: { commonName: "system:coredns" },
} as const;

export class NodeOfParts implements AsyncDisposable {
  readonly kubeconfig: string;
  readonly client: Client;
  readonly programs: readonly Program[];
  readonly #options: NodeOptions;
  readonly #stack: AsyncDisposableStack;
  #kubelet: { side: Side; program: Program };

  private constructor(options: NodeOptions, kubelet: Program, client: Client, programs: readonly Program[], stack: AsyncDisposableStack) {
    this.kubeconfig = join(options.directory, "admin.conf");
    this.#options = options;
    this.#kubelet = { side: options.kubelet, program: kubelet };
    this.client = client;
    this.programs = programs;
    this.#stack = stack;
  }

  get kubelet(): Program {
    return this.#kubelet.program;
  }
  /** Puts the kubelet of this side in the place of the other's. Resolves when it has said that the node is Ready. */
  async useKubelet(side: Side): Promise<void> {
    if (this.#kubelet.side === side) return;
    await this.#kubelet.program.stop();
    const began = systemClock.now();
    const program = new Program(this.#options.directory, "kubelet", ...kubeletCommand(this.#options, side));
    this.#stack.defer(() => program.stop());
    this.#kubelet = { side, program };
    await nodeReady(this.client, side, [program], began);
  }

  /** Resolves when the node is Ready. The machine should be of its own (own-machine.sh): what was made on it stays. */
  static async start(options: NodeOptions): Promise<NodeOfParts> {
    const { directory, bin } = options;
    mkdirSync(directory, { recursive: true, mode: 0o711 });
    const pki = await identities(directory);
    makeBridge();
    const programs: Program[] = [];
    await using stack = new AsyncDisposableStack();
    const start = ([name, command, args]: Command): void => {
      const program = new Program(directory, name, command, args);
      programs.push(program);
      stack.defer(() => program.stop());
    };
    const plane = planePrograms({ ...options, address }, pki);
    for (const command of plane.api) start(command);
    const file = join(directory, "admin.conf");
    const client = createClient(createHttpTransport(loadKubeconfig(file, systemClock)), { userAgent: "node-interchange" });
    stack.defer(() => client.transport[Symbol.asyncDispose]());
    await until("the API server", 90, async () => {
      const dead = programs.find((program) => !program.running);
      if (dead) throw new Error(`${dead.name} ended: ${dead.log().slice(-1000)}`);
      return (await client.transport.stream({ method: "GET", path: "/readyz" })).status === 200;
    });
    for (const command of plane.others) start(command);
    await ensureClusterObjects(client, { dnsAddress, nodeAddress: address, serveDNS: true, localPath: false, metrics: false });
    if (options.dns === "upstream") await allowCoreDNS(client);
    const runtime = await startRuntime(directory, options.images);
    stack.defer(() => runtime[Symbol.dispose]());
    writeConfiguration(options, pki, pathsOf(directory).containerdSocket);
    keepSysctls(directory);
    start(["kubelet", ...kubeletCommand(options, options.kubelet)]);
    const kubelet = programs.at(-1) as Program;
    const proxy = [`--config=${join(directory, "proxy.yaml")}`];
    start(options.proxy === "ours" ? ["proxy", process.execPath, [entry, "proxy", ...proxy]] : ["proxy", join(bin, "kube-proxy"), proxy]);
    start(
      options.dns === "ours"
        ? ["dns", process.execPath, [entry, "dns", `--kubeconfig=${join(directory, "dns.conf")}`, `--bind-address=${address}`]]
        : ["dns", join(bin, "coredns"), [`-conf=${join(directory, "Corefile")}`]],
    );
    await nodeReady(client, options.kubelet, programs, 0);
    await until("the default service account", 30, () => client.resource(serviceaccounts).get("default", "default"));
    return new NodeOfParts(options, kubelet, client, programs, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Both keep what they know in the same place, as one that takes over from the other must. */
function kubeletCommand({ directory, bin }: NodeOptions, side: Side): [command: string, args: string[]] {
  const flags = [
    `--config=${join(directory, `kubelet-${side}.yaml`)}`,
    `--kubeconfig=${join(directory, "kubelet.conf")}`,
    `--root-dir=${join(directory, "kubelet")}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${address}`,
  ];
  return side === "ours" ? [process.execPath, [entry, "kubelet", ...flags]] : [join(bin, "kubelet"), flags];
}

/** Resolves when a kubelet has said since this time (milliseconds) that the node is Ready. */
async function nodeReady(client: Client, side: Side, programs: readonly Program[], since: number): Promise<void> {
  await until(`the node with ${sideName[side]} kubelet Ready`, 90, async () => {
    const dead = programs.find((program) => !program.running);
    if (dead) throw new Error(`${dead.name} ended: ${dead.log().slice(-2000)}`);
    const { status, spec } = await client.resource(nodes).get("", nodeName);
    const ready = status.conditions?.find(({ type }) => type === "Ready");
    return ready?.status === "True" && Date.parse(ready.lastHeartbeatTime ?? "") >= since - 1000 && !spec?.taints?.length;
  });
}

async function identities(directory: string): Promise<PKI> {
  const pki = new PKI(join(directory, "pki"), systemClock);
  await pki.ensureCA("ca", "kubernetes");
  await pki.ensureCA("front-proxy-ca", "front-proxy-ca");
  await pki.ensureServiceAccountKeys();
  const dns = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"];
  await pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server"], dns, ip: ["127.0.0.1", address, "10.96.0.1"] });
  // Without the roles of an upstream distribution the API server speaks to kubelets as an administrator.
  await pki.ensure({
    file: "apiserver-kubelet-client",
    commonName: "kube-apiserver-kubelet-client",
    organizations: ["system:masters"],
    ca: "ca",
    usages: ["client"],
  });
  await pki.ensure({ file: "front-proxy-client", commonName: "front-proxy-client", ca: "front-proxy-ca", usages: ["client"] });
  await pki.ensure({
    file: "kubelet-serving",
    commonName: `system:node:${nodeName}`,
    organizations: ["system:nodes"],
    ca: "ca",
    usages: ["server"],
    dns: [nodeName],
    ip: [address],
  });
  for (const [file, user] of Object.entries(users)) {
    const organizations = "organizations" in user ? { organizations: [...user.organizations] } : {};
    await pki.ensure({ file, commonName: user.commonName, ca: "ca", usages: ["client"], ...organizations });
    writeFileSync(join(directory, `${file}.conf`), kubeconfig(pki, file, `https://${address}:${apiPort}`), { mode: 0o600 });
  }
  return pki;
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

function makeBridge(): void {
  ip("link", "add", bridge, "type", "bridge");
  ip("addr", "add", `${address}/24`, "dev", bridge);
  ip("link", "set", bridge, "up");
  for (const [name, value] of [
    ["net/ipv4/ip_forward", "1"],
    ["net/bridge/bridge-nf-call-iptables", "1"],
    ["net/ipv4/conf/all/route_localnet", "1"],
  ] as const)
    writeFileSync(`/proc/sys/${name}`, value);
}

/** Upstream's kubelet writes these for the whole machine; here it writes into files. */
function keepSysctls(directory: string): void {
  for (const [name, value] of Object.entries({ "vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1" })) {
    const file = join(directory, `sysctl-${name.replace("/", "-")}`);
    writeFileSync(file, `${value}\n`);
    const { status, stderr } = spawnSync("mount", ["--bind", file, `/proc/sys/${name}`], { encoding: "utf8" });
    if (status !== 0) throw new Error(`mount ${name}: ${stderr}`);
  }
}

async function startRuntime(directory: string, images: string): Promise<Containerd> {
  const paths = pathsOf(directory);
  const cniBinDirectory = cniDirectory();
  if (!cniBinDirectory) throw new Error("the CNI plugins are not installed: apt-get install containernetworking-plugins");
  mkdirSync(paths.images, { recursive: true });
  mkdirSync(paths.logs, { recursive: true });
  mkdirSync(join(paths.cni, "net.d"), { recursive: true });
  writeFileSync(join(paths.cni, "net.d", "10-bridge.conflist"), conflist({ bridge, podCIDR, stateDirectory: join(paths.cni, "state") }));
  const logger = createLogger({ name: "containerd", clock: systemClock, level: "warn", write: (line) => process.stderr.write(line) });
  const containerd = new Containerd({ paths, cniBinDirectory, clock: systemClock, logger });
  await containerd.start(AbortSignal.timeout(60_000));
  const store = new ImageStore(paths.containerdSocket, paths.images);
  await store.importImage(await pauseImage());
  await store.importArchive(images);
  return containerd;
}

/** Both sides read the same files, but for what would make upstream's change the machine. */
function writeConfiguration({ directory, proxy }: NodeOptions, pki: PKI, socket: string): void {
  writeFileSync(join(directory, "resolv.conf"), `nameserver ${address}\n`);
  mkdirSync(join(directory, "flex"), { recursive: true });
  const kubelet = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
clusterDNS: [${dnsAddress}]
clusterDomain: cluster.local
resolvConf: ${join(directory, "resolv.conf")}
containerRuntimeEndpoint: unix://${socket}
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: ${pki.certificatePath("ca")}}}
authorization: {mode: Webhook}
tlsCertFile: ${pki.certificatePath("kubelet-serving")}
tlsPrivateKeyFile: ${pki.keyPath("kubelet-serving")}
serializeImagePulls: false
evictionHard: {memory.available: 100Mi, nodefs.available: "5%", nodefs.inodesFree: "5%", imagefs.available: "5%"}
imageGCHighThresholdPercent: 95
imageGCLowThresholdPercent: 90
`;
  writeFileSync(join(directory, "kubelet-ours.yaml"), kubelet);
  writeFileSync(join(directory, "kubelet-upstream.yaml"), `${kubelet}volumePluginDir: ${join(directory, "flex")}\n`);
  writeFileSync(
    join(directory, "proxy.yaml"),
    `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: ${nodeName}
clusterCIDR: ${podCIDR}
clientConnection: {kubeconfig: ${join(directory, "proxy.conf")}}
${proxy === "upstream" ? "conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}\n" : ""}`,
  );
  writeFileSync(
    join(directory, "Corefile"),
    `.:53 {
  bind ${address}
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${join(directory, "coredns.conf")} coredns@k8ts
    pods insecure
    ttl 30
  }
}
`,
  );
}

async function allowCoreDNS(client: Client): Promise<void> {
  const rules = [
    { apiGroups: [""], resources: ["services", "pods", "namespaces"], verbs: ["list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  ];
  await client.resource(clusterroles).create("", { metadata: { name: "system:coredns" }, rules });
  await client.resource(clusterrolebindings).create("", {
    metadata: { name: "system:coredns" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:coredns" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "system:coredns" }],
  });
}
