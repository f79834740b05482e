/** `k8ts kubelet`: this machine's kubelet alone, against any API server and any runtime with a CRI v1 socket. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { HealthSLIs } from "../../api/health-checks.ts";
import { showBuild } from "../../api/version.ts";
import { systemClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { systemRandom } from "../../base/random.ts";
import { connectCri } from "../../cri/client.ts";
import { kubeletConfig } from "../../kubelet/config.ts";
import { Kubelet } from "../../kubelet/kubelet.ts";
import { Access } from "../../kubelet/server/access.ts";
import { servedKubelet } from "../../kubelet/server/served.ts";
import { KubeletServer } from "../../kubelet/server/server.ts";
import { foreground, untilStopped } from "../foreground.ts";
import { clientFrom, connection } from "./connect.ts";
import { kubeletPages } from "./kubelet-pages.ts";
import { addProcessMetrics, processStart } from "./process-metrics.ts";
import { readCertificates } from "./files.ts";
import { FlagError } from "./flag-error.ts";
import { defineComponent, type FlagValues } from "./flags.ts";
import { flagTexts } from "./flag-texts.ts";
import { startHealthServer } from "./health-server.ts";
import { followKubeletFiles } from "./kubelet-files.ts";
import { readKubeletConfig } from "./kubelet-config.ts";
import { defaultEndpoint, kubeletFlags, kubeletRefusals } from "./kubelet-flags.ts";
import { givenCertificate, keptCertificate } from "./serving-certificate.ts";

export const component = defineComponent({
  name: "kubelet",
  summary: "this machine's kubelet alone",
  description: "The node agent against any Kubernetes v1.36 API server and any container runtime with a CRI v1 socket. Flags are kubelet's.",
  examples: [
    "k8ts kubelet --kubeconfig=kubelet.conf --config=kubelet.yaml",
    "k8ts kubelet --kubeconfig=kubelet.conf --client-ca-file=ca.crt --hostname-override=n1 --node-ip=10.0.0.7",
  ],
  flags: kubeletFlags,
  refused: kubeletRefusals,
  run,
});

/** The address that leads outside, as far as the interfaces tell. */
function ownAddress(): string {
  const outside = Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).filter((one) => !one.internal && one.family === "IPv4"));
  if (!outside[0]) throw new FlagError(["--node-ip is required: this machine has no IPv4 address beyond loopback"]);
  return outside[0].address;
}

/** Throws FlagError where the machine is not as the configuration demands. */
function checkMachine(failSwapOn: boolean, failCgroupV1: boolean): void {
  const swaps = existsSync("/proc/swaps") ? readFileSync("/proc/swaps", "utf8").trim().split("\n").slice(1) : [];
  if (failSwapOn && swaps.length)
    throw new FlagError([
      `running with swap on is not supported, please disable swap or set --fail-swap-on flag to false. /proc/swaps contained: ${swaps.map((line) => line.split(/\s+/)[0]).join(", ")}`,
    ]);
  if (failCgroupV1 && !existsSync("/sys/fs/cgroup/cgroup.controllers"))
    throw new FlagError(["failCgroupV1: this machine has cgroup v1; set failCgroupV1: false"]);
}

async function run(flags: FlagValues<typeof kubeletFlags>): Promise<void> {
  const file = readKubeletConfig(flags.config, flags["config-dir"]);
  checkMachine(flags["fail-swap-on"] ?? file.failSwapOn ?? true, file.failCgroupV1);
  const socket = (flags["container-runtime-endpoint"] || file.containerRuntimeEndpoint || defaultEndpoint).replace(/^unix:\/\//, "");
  if (!socket.startsWith("/")) throw new FlagError([`--container-runtime-endpoint: ${JSON.stringify(socket)} is not a Unix socket such as ${defaultEndpoint}`]);
  const nodeName = (flags["hostname-override"] || hostname()).trim().toLowerCase();
  const nodeIPs = flags["node-ip"].length ? [...flags["node-ip"]] : [ownAddress()];
  const rootDir = flags["root-dir"];
  const config = kubeletConfig({
    nodeName,
    nodeIPs,
    rootDir,
    nodeLabels: { ...flags["node-labels"] },
    sandboxImage: flags["pod-infra-container-image"],
    imageCredentialProviderConfigPath: flags["image-credential-provider-config"],
    imageCredentialProviderBinDir: flags["image-credential-provider-bin-dir"],
    containerRuntimeEndpoint: socket,
    ...file.config,
    // What a flag says goes before what a file says.
    ...(flags["cluster-dns"].length ? { clusterDNS: [...flags["cluster-dns"]] } : {}),
    ...(flags["cluster-domain"] ? { clusterDomain: flags["cluster-domain"] } : {}),
    ...(flags["register-node"] === undefined ? {} : { registerNode: flags["register-node"] }),
    ...(flags["register-with-taints"].length ? { registerWithTaints: [...flags["register-with-taints"]] } : {}),
    ...(flags["provider-id"] ? { providerID: flags["provider-id"] } : {}),
  });
  const files = {
    clientCA: flags["client-ca-file"] || file.clientCAFile,
    cert: flags["tls-cert-file"] || file.tlsCertFile,
    key: flags["tls-private-key-file"] || file.tlsPrivateKeyFile,
  };
  const clientCA = readCertificates(required(files.clientCA, "--client-ca-file (or authentication.x509.clientCAFile)"), "--client-ca-file");
  const given = givenCertificate(files.cert, files.key);
  const server = connection(flags.kubeconfig);
  const { logger, signal } = foreground("kubelet", flags.v);
  try {
    writeFileSync("/proc/self/oom_score_adj", String(file.oomScoreAdj));
  } catch (error) {
    logger.warn("the process keeps the oom_score_adj that it was started with", { wanted: file.oomScoreAdj, error });
  }
  const pair = given ?? (await keptCertificate(flags["cert-dir"] || join(rootDir, "pki"), "kubelet", { dns: [nodeName], ip: nodeIPs }, systemClock));
  const client = clientFrom(server, "kubelet");
  const metrics = new Metrics();
  addProcessMetrics(metrics, systemClock);
  showBuild(metrics);
  await using cri = connectCri(socket, systemClock);
  await using kubelet = await Kubelet.create({ config, client, cri, clock: systemClock, random: systemRandom, logger });
  const served = servedKubelet(kubelet, systemClock, metrics);
  const access = new Access(client, systemClock, nodeName, { ...file.access, clientCA });
  const slis = new HealthSLIs(processStart(systemClock));
  await using https = new KubeletServer({
    kubelet: served,
    slis,
    access,
    tls: pair,
    clientCA,
    zpages: kubeletPages(flagTexts(kubeletFlags, flags)),
    host: file.address ?? (nodeIPs[0] as string),
    port: config.port,
    logger,
  });
  await https.start();
  const following = followKubeletFiles({ files, access, server: https, clock: systemClock, logger, signal });
  await using _health = await startHealthServer({ ...file.healthz, checks: () => served.checks, slis, logger });
  await kubelet.start();
  logger.info("the node runs", { node: nodeName, addresses: nodeIPs, runtime: socket });
  await untilStopped(signal);
  await following;
  await client.transport[Symbol.asyncDispose]();
}

function required(value: string, name: string): string {
  if (!value) throw new FlagError([`${name} is required: whoever has a certificate of it is who it names`]);
  return value;
}
