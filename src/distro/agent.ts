/** `k8ts agent`: this machine as a node. Containers and the kernel's rules outlive the process and are taken over by the next. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HealthSLIs } from "../api/health-checks.ts";
import { showBuild } from "../api/version.ts";
import { systemClock } from "../base/clock.ts";
import { Metrics } from "../base/metrics.ts";
import { systemRandom } from "../base/random.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { createInformerFactory, withoutManagedFields } from "../client/factory.ts";
import { createHttpTransport } from "../client/http-transport.ts";
import { loadKubeconfig } from "../client/kubeconfig.ts";
import { createClient } from "../client/rest.ts";
import { connectCri } from "../cri/client.ts";
import { kubeletConfig } from "../kubelet/config.ts";
import { Kubelet } from "../kubelet/kubelet.ts";
import { Access } from "../kubelet/server/access.ts";
import { servedKubelet } from "../kubelet/server/served.ts";
import { KubeletServer } from "../kubelet/server/server.ts";
import { applyRuleset } from "../linux/nft.ts";
import { conflist } from "../network/cni.ts";
import { masqueradeRules, table as networkTable } from "../network/masquerade.ts";
import { words as proxyWords } from "../proxy/frame.ts";
import { LocalPathProvisioner } from "../storage/local-path.ts";
import { kubeletPages } from "./components/kubelet-pages.ts";
import { addProcessMetrics, processStart } from "./components/process-metrics.ts";
import { Containerd } from "./containerd.ts";
import { runDaemon } from "./daemon.ts";
import { writeFileAtomic } from "./files.ts";
import { foreground, untilStopped } from "./foreground.ts";
import { pauseImage, pauseImageName } from "./images/pause.ts";
import { ImageStore } from "./images/store.ts";
import { Journal, journalFile } from "./journal.ts";
import { startRegistry, writeRegistryFiles } from "./node-registries.ts";
import { NodeNetwork } from "./node-network.ts";
import { cniDirectory } from "./packages.ts";
import { kubeconfigPath, type Paths, pathsOf } from "./paths.ts";
import { cgroupRoot, dnsServiceAddress, nodeAddress, type Settings } from "./settings.ts";

const kubeletPort = 10250;

/** Ends when the process is asked to stop. What it began ends with it when it fails, so that the process can end, too. */
export async function runAgent(settings: Settings): Promise<void> {
  const { logger, signal } = foreground("agent");
  const failed = new AbortController();
  try {
    await runDaemon(pathsOf(settings.dataDir), "agent", (started) => runNode(settings, logger, AbortSignal.any([signal, failed.signal]), started));
  } catch (error) {
    failed.abort(error);
    throw error;
  }
}

async function runNode(settings: Settings, logger: Logger, signal: AbortSignal, started: () => void): Promise<void> {
  const paths = pathsOf(settings.dataDir);
  const clock = systemClock;
  const address = nodeAddress(settings);
  const clientAs = (user: string, agent: string): Client =>
    createClient(createHttpTransport(loadKubeconfig(kubeconfigPath(paths, user), clock)), { userAgent: agent });
  const cniBinDirectory = cniDirectory();
  if (!cniBinDirectory) throw new Error("the CNI plugins are not installed: apt-get install containernetworking-plugins");

  const journal = new Journal(journalFile(paths));
  for (const table of [`ip ${networkTable}`, proxyWords.IPv4.table]) journal.add("nftTables", table);
  await applyRuleset(masqueradeRules(settings));
  mkdirSync(join(paths.cni, "net.d"), { recursive: true, mode: 0o755 });
  writeFileAtomic(
    join(paths.cni, "net.d", "10-k8ts.conflist"),
    conflist({ bridge: settings.bridge, podCIDR: settings.podCIDR, stateDirectory: join(paths.cni, "state") }),
    0o644,
  );

  await using network = new NodeNetwork({ settings, paths, clientAs, logger });
  await network.start();
  writeRegistryFiles(paths, settings.registry);
  await using _registry = settings.registry === undefined ? undefined : await startRegistry(paths, settings.registry, logger.child("registry"));
  using containerd = new Containerd({ paths, cniBinDirectory, clock, logger });
  let proxying = Promise.resolve();
  // Names and Services need no container runtime: after a restart they are back before it is.
  const serveNetwork = async (): Promise<void> => {
    await untilAnswers(clientAs("kubelet", "k8ts-agent"), signal);
    proxying = network.run(signal);
  };
  const answers = serveNetwork();
  // Waited for below, and only rejected when everything ends.
  answers.catch(() => undefined);
  await containerd.start(signal);
  await ensurePauseImage(paths);

  await using cri = connectCri(paths.containerdSocket, clock);
  const kubeletClient = clientAs("kubelet", "kubelet");
  await using kubelet = await Kubelet.create({
    config: kubeletConfig({
      nodeName: settings.nodeName,
      nodeIPs: [address],
      rootDir: paths.kubelet,
      clusterDNS: [dnsServiceAddress(settings)],
      clusterDomain: settings.clusterDomain,
      cgroupRoot: `/${cgroupRoot}`,
      port: kubeletPort,
      podCIDR: settings.podCIDR,
      serializeImagePulls: false,
      staticPodPath: paths.staticPods,
      containerRuntimeEndpoint: paths.containerdSocket,
      ...sharedMachine,
    }),
    client: kubeletClient,
    cri,
    clock,
    random: systemRandom,
    logger: logger.child("kubelet"),
  });
  mkdirSync(paths.staticPods, { recursive: true, mode: 0o700 });
  const pki = (file: string): string => readFileSync(join(paths.pki, file), "utf8");
  const metrics = new Metrics();
  addProcessMetrics(metrics, clock);
  showBuild(metrics);
  await using server = new KubeletServer({
    slis: new HealthSLIs(processStart(clock)),
    kubelet: servedKubelet(kubelet, clock, metrics),
    access: new Access(kubeletClient, clock, settings.nodeName, { clientCA: pki("ca.crt") }),
    tls: { cert: pki("kubelet-serving.crt"), key: pki("kubelet-serving.key") },
    clientCA: pki("ca.crt"),
    zpages: kubeletPages(),
    host: address,
    port: kubeletPort,
    logger: logger.child("kubelet"),
  });
  await server.start();
  await kubelet.start(answers);
  started();
  const providing = provideVolumes(settings, paths, clientAs("local-path", "k8ts-local-path"), logger.child("local-path"), signal);
  logger.info("the node runs", { node: settings.nodeName, address });
  await untilStopped(signal);
  await Promise.all([proxying, providing]);
}

/** The disk is the machine's, not the cluster's alone: upstream's shares of it are for machines that do nothing else. */
const sharedMachine = {
  evictionHard: { "memory.available": "100Mi", "nodefs.available": "5%", "nodefs.inodesFree": "5%", "imagefs.available": "5%" },
  imageGCHighThresholdPercent: 95,
  imageGCLowThresholdPercent: 90,
};

async function provideVolumes({ nodeName }: Settings, { volumes }: Paths, client: Client, logger: Logger, signal: AbortSignal): Promise<void> {
  const clock = systemClock;
  const informers = createInformerFactory({ client, clock, logger, random: systemRandom, project: withoutManagedFields });
  const provisioner = new LocalPathProvisioner({ client, informers, clock, logger, nodeName, root: volumes });
  informers.start(signal);
  try {
    await provisioner.run(signal);
  } catch (error) {
    logger.error("volumes of the class local-path are not made", { error });
  }
}

/** Both processes start at the same time; asking often costs less than the informers' back-off would. */
async function untilAnswers(client: Client, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await client.transport.stream({ method: "GET", path: "/readyz", signal });
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      await systemClock.sleep(25, signal);
    }
  }
}

async function ensurePauseImage(paths: Paths): Promise<void> {
  mkdirSync(paths.images, { recursive: true, mode: 0o700 });
  const store = new ImageStore(paths.containerdSocket, paths.images);
  if (!(await store.has(pauseImageName))) await store.importImage(await pauseImage());
}
