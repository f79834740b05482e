/** `k8ts server`: the control plane over an embedded store, on loopback and on the node's own address. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Listener, listen } from "../apiserver/http/listener.ts";
import { systemClock } from "../base/clock.ts";
import { Metrics } from "../base/metrics.ts";
import { systemRandom } from "../base/random.ts";
import type { SignRequest } from "../controllers/runtime/options.ts";
import { compactRegularly } from "../store/compactor.ts";
import { lmdbStore } from "../store/lmdb.ts";
import { ensureClusterObjects } from "./cluster-objects.ts";
import { addProcessMetrics, processStart } from "./components/process-metrics.ts";
import { administrator, startControlPlane } from "./control-plane.ts";
import { runDaemon } from "./daemon.ts";
import { encryptionIfThere } from "./encryption.ts";
import { foreground, untilStopped } from "./foreground.ts";
import { metricsUser, startMetricsServer } from "./metrics-server.ts";
import { pathsOf } from "./paths.ts";
import type { requestSigner } from "./request-signer.ts";
import { servingFrom } from "./serving.ts";
import { addressOf, dnsServiceAddress, nodeAddress, type ServingFlags, type Settings } from "./settings.ts";
import { loadStages, startSimulatedNodes } from "./simulated-nodes.ts";

/** Milliseconds that running requests get when the process is asked to stop. */
const drain = 5000;

/** Nodes without containers, in the server's own process. */
export interface SimulateOptions {
  nodes: number;
  /** Paths of stage files. */
  stages: string[];
}

interface ServeOptions {
  simulate?: SimulateOptions;
  serving?: ServingFlags;
}

export function runServer(settings: Settings, options: ServeOptions): Promise<void> {
  return runDaemon(pathsOf(settings.dataDir), "server", (started) => serve(settings, options, started));
}

async function serve(settings: Settings, { simulate, serving: flags }: ServeOptions, started: () => void): Promise<void> {
  const { logger, signal } = foreground("server");
  const paths = pathsOf(settings.dataDir);
  const read = (file: string): string => readFileSync(join(paths.pki, file), "utf8");
  const stages = simulate && loadStages(simulate.stages);
  const { controllerFeatures, ...serving } = servingFrom(flags ?? {});
  if (!existsSync(join(paths.pki, "apiserver.crt"))) throw new Error(`no certificates in ${paths.pki}: \`k8ts up\` makes them`);
  const metrics = new Metrics();
  await using encryption = await encryptionIfThere({ file: paths.encryption, metrics, logger });
  await using store = await lmdbStore({ directory: paths.store, clock: systemClock });
  const hosts = simulate ? ["127.0.0.1"] : ["127.0.0.1", nodeAddress(settings)];
  const frontProxy = {
    ca: read("front-proxy-ca.crt"),
    allowedNames: ["front-proxy-client"],
    usernameHeaders: ["X-Remote-User"],
    uidHeaders: ["X-Remote-Uid"],
    groupHeaders: ["X-Remote-Group"],
    extraHeaderPrefixes: ["X-Remote-Extra-"],
  };
  await using plane = await startControlPlane({
    clock: systemClock,
    random: systemRandom,
    logger,
    store,
    metrics,
    ...(encryption ? { encryption } : {}),
    described: { started: processStart(systemClock), flags: flagsOf(settings, flags ?? {}, hosts) },
    storeBytes: () => statSync(join(paths.store, "store.mdb")).size,
    hostname: settings.nodeName,
    clientCa: read("ca.crt"),
    frontProxy,
    aggregatorClient: { cert: read("front-proxy-client.crt"), key: read("front-proxy-client.key") },
    // Endpoints are there before the node's rules are.
    aggregatorRouting: true,
    ...serving,
    controllers: { features: controllerFeatures, signRequest: signerWhenAsked({ certificate: read("ca.crt"), key: read("ca.key"), clock: systemClock }) },
    serviceAccountKey: read("sa.key"),
    serviceAccountIssuer: `https://kubernetes.default.svc.${settings.clusterDomain}`,
    serviceRanges: [settings.serviceCIDR],
    advertise: { address: simulate ? addressOf(settings.podCIDR, 1) : nodeAddress(settings), port: settings.port },
    ...(simulate ? {} : { kubelet: { ca: read("ca.crt"), cert: read("apiserver-kubelet-client.crt"), key: read("apiserver-kubelet-client.key") } }),
  });
  await ensureClusterObjects(plane.clientAs(administrator, "k8ts"), {
    dnsAddress: dnsServiceAddress(settings),
    nodeAddress: nodeAddress(settings),
    serveDNS: !simulate,
    localPath: !simulate,
    metrics: !simulate,
  });
  addProcessMetrics(plane.api.metrics, systemClock);
  const tls = { cert: read("apiserver.crt"), key: read("apiserver.key"), clientCa: read("ca.crt") + read("front-proxy-ca.crt") };
  const listeners: Listener[] = [];
  for (const host of hosts) {
    const { upgrades, handshakeFailed } = plane.api;
    listeners.push(await listen({ handler: plane.api.server.handler, upgrades, handshakeFailed, tls, host, port: settings.port, clock: systemClock, logger }));
  }
  await using _metrics = simulate
    ? undefined
    : await startMetricsServer({
        client: plane.clientAs(metricsUser, "k8ts-metrics"),
        administrator: plane.clientAs(administrator, "k8ts"),
        trust: { clientCa: read("ca.crt"), frontProxy },
        kubelets: { ca: read("ca.crt"), cert: read("metrics.crt"), key: read("metrics.key") },
        serving: { cert: read("metrics-server.crt"), key: read("metrics-server.key"), ca: read("ca.crt") },
        address: nodeAddress(settings),
        clock: systemClock,
        random: systemRandom,
        logger: logger.child("metrics"),
      });
  await using _simulation =
    simulate &&
    stages &&
    (await startSimulatedNodes({
      plane,
      clock: systemClock,
      random: systemRandom,
      logger,
      name: settings.nodeName,
      count: simulate.nodes,
      stages,
      firstPodCIDR: settings.podCIDR,
    }));
  const compacting = compactRegularly({ store, clock: systemClock, logger: logger.child("store"), signal });
  started();
  logger.info("serving", { port: settings.port, hosts });
  await untilStopped(signal);
  plane.api.server.beginShutdown();
  await compacting;
  await Promise.all(listeners.map((listener) => listener.close(drain)));
}

/** What the settings come to, in kube-apiserver's flags. */
const flagsOf = ({ dataDir, port, clusterDomain, serviceCIDR }: Settings, serving: ServingFlags, hosts: readonly string[]): Record<string, string> => ({
  "data-dir": dataDir,
  "bind-address": hosts.join(","),
  "secure-port": String(port),
  "service-account-issuer": `[https://kubernetes.default.svc.${clusterDomain}]`,
  "service-cluster-ip-range": serviceCIDR,
  "feature-gates": serving.featureGates ?? "",
  "runtime-config": serving.runtimeConfig ?? "",
});

/** Most clusters sign nothing for a long time: what can is loaded with the first request. */
function signerWhenAsked(authority: Parameters<typeof requestSigner>[0]): SignRequest {
  let signer: Promise<SignRequest> | undefined;
  return async (asked) => {
    signer ??= import("./request-signer.ts").then((module) => module.requestSigner(authority));
    return (await signer)(asked);
  };
}
