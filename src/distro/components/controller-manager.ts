/** `k8ts controller-manager`: the controllers alone, against any API server. */
import { systemClock } from "../../base/clock.ts";
import { ping } from "../../api/health-checks.ts";
import { Metrics } from "../../base/metrics.ts";
import { systemRandom } from "../../base/random.ts";
import { parseSigningKey, signToken } from "../../apiserver/authentication/service-account-keys.ts";
import type { Client } from "../../client/client.ts";
import type { Logger } from "../../base/logger.ts";
import { featureGates } from "../../apiserver/feature-gates.ts";
import { discover } from "../../client/discovery.ts";
import { clustertrustbundles } from "../../client/resources.gen.ts";
import { clusterTrustBundlePublisher } from "../../controllers/certificates/clustertrustbundle-publisher.ts";
import { controllers, startControllers } from "../../controllers/all.ts";
import { ControllerMetrics } from "../../controllers/runtime/metrics.ts";
import type { ControllerOptions } from "../../controllers/runtime/options.ts";
import { foreground, untilStopped } from "../foreground.ts";
import { AccountClients } from "./account-clients.ts";
import { ClientMetrics } from "./client-metrics.ts";
import { clientFrom, connection } from "./connect.ts";
import { controllerManagerFlags, controllerManagerRefusals } from "./controller-manager-flags.ts";
import { selectControllers } from "./controller-names.ts";
import { readCertificates, readPrivateKey } from "./files.ts";
import { defineComponent, type FlagValues } from "./flags.ts";
import { checkLeaderElection, LeaderHealth, leading } from "./leader.ts";
import { nodeCIDRs } from "./node-cidr-flags.ts";
import { flagTexts } from "./flag-texts.ts";
import { startSecureHealthServer } from "./secure-health.ts";
import { showBuild } from "../../api/version.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { signing } from "./signing-flags.ts";
import { workersOf } from "./worker-flags.ts";

type Flags = FlagValues<typeof controllerManagerFlags>;
const userAgent = "kube-controller-manager";

export const component = defineComponent({
  name: "controller-manager",
  summary: "the controllers alone",
  description: "The controllers against any Kubernetes v1.36 API server. Flags are kube-controller-manager's.",
  examples: [
    "k8ts controller-manager --kubeconfig=controller-manager.conf --use-service-account-credentials=true --root-ca-file=ca.crt",
    "k8ts controller-manager --kubeconfig=controller-manager.conf --controllers=*,-taint-eviction-controller --leader-elect=false",
  ],
  flags: controllerManagerFlags,
  refused: controllerManagerRefusals,
  run,
});

function tokens({ "service-account-private-key-file": path }: Flags): Pick<ControllerOptions, "signServiceAccountToken"> {
  if (!path) return {};
  const key = parseSigningKey(readPrivateKey(path, "--service-account-private-key-file"));
  return { signServiceAccountToken: (claims) => signToken(claims, key) };
}

const optionsFrom = (flags: Flags): ControllerOptions => ({
  ...(flags["root-ca-file"] ? { rootCA: readCertificates(flags["root-ca-file"], "--root-ca-file") } : {}),
  ...signing(flags),
  ...tokens(flags),
  clusterSigningDuration: flags["cluster-signing-duration"],
  nodeMonitorPeriod: flags["node-monitor-period"],
  nodeMonitorGracePeriod: flags["node-monitor-grace-period"],
  nodeStartupGracePeriod: flags["node-startup-grace-period"],
  nodeEvictionRate: flags["node-eviction-rate"],
  secondaryNodeEvictionRate: flags["secondary-node-eviction-rate"],
  largeClusterSizeThreshold: flags["large-cluster-size-threshold"],
  unhealthyZoneThreshold: flags["unhealthy-zone-threshold"],
  horizontalPodAutoscaler: {
    syncPeriod: flags["horizontal-pod-autoscaler-sync-period"],
    tolerance: flags["horizontal-pod-autoscaler-tolerance"],
    cpuInitializationPeriod: flags["horizontal-pod-autoscaler-cpu-initialization-period"],
    initialReadinessDelay: flags["horizontal-pod-autoscaler-initial-readiness-delay"],
    downscaleStabilization: flags["horizontal-pod-autoscaler-downscale-stabilization"],
  },
  terminatedPodGCThreshold: flags["terminated-pod-gc-threshold"],
  maxEndpointsPerSlice: flags["max-endpoints-per-slice"],
  maxMirroredPerSubset: flags["mirroring-max-endpoints-per-subset"],
  resourceQuotaSyncPeriod: flags["resource-quota-sync-period"],
  volumeBinderSyncPeriod: flags["pvclaimbinder-sync-period"],
  enableDynamicProvisioning: flags["enable-dynamic-provisioning"],
  ...nodeCIDRs(flags),
  legacyTokenCleanUpPeriod: flags["legacy-service-account-token-clean-up-period"],
  disableForceDetachOnTimeout: flags["disable-force-detach-on-timeout"],
});

/** Without the controllers whose resource stands behind a feature, where the API server does not serve it: upstream asks once as well. */
async function withoutUnserved(names: readonly string[], client: Client, logger: Logger, signal: AbortSignal): Promise<string[]> {
  const { name: publisher } = clusterTrustBundlePublisher;
  if (!names.includes(publisher)) return [...names];
  const { resources } = await discover(client.transport, signal);
  const { group, version, resource } = clustertrustbundles;
  if (resources.some((one) => one.group === group && one.version === version && one.resource === resource)) return [...names];
  logger.info("not started: its resource is not served", { controller: publisher, resource, version: `${group}/${version}` });
  return names.filter((name) => name !== publisher);
}

async function run(flags: Flags): Promise<void> {
  checkLeaderElection(flags);
  const isOn = featureGates(flags["feature-gates"]);
  const selected = selectControllers(flags.controllers, isOn);
  const options = { ...optionsFrom(flags), features: isOn };
  const server = connection(flags.kubeconfig);
  const metrics = new Metrics();
  addProcessMetrics(metrics, systemClock);
  showBuild(metrics);
  const clientMetrics = new ClientMetrics(metrics, systemClock);
  const client = clientFrom(server, userAgent, clientMetrics);
  const { logger, signal } = foreground("controller-manager", flags.v);
  const controllerMetrics = new ControllerMetrics(metrics, systemClock);
  const election = new LeaderHealth(flags, systemClock);
  let leads = false;
  await using _health = await startSecureHealthServer(flags, {
    name: userAgent,
    flags: flagTexts(controllerManagerFlags, flags),
    client,
    metrics,
    logger,
    checks: () => [...election.checks, ...(leads ? selected.map((name) => ({ ...ping, name })) : [])],
  });
  logger.info("starting", { server: server.server, controllers: selected.length });
  await leading(flags, { client, logger, signal, metrics, component: userAgent, health: election }, async (term) => {
    const only = await withoutUnserved(selected, client, logger, term);
    const accounts = new AccountClients({
      client,
      connection: server,
      clock: systemClock,
      logger: logger.child("accounts"),
      signal: term,
      metrics: clientMetrics,
    });
    const own = flags["use-service-account-credentials"];
    if (own)
      await accounts.prepare(
        controllers
          .filter((one) => only.includes(one.name))
          .map((one) => one.account)
          .filter((name) => name !== "shared-informers"),
      );
    const clientFor = (name: string): Client => (name === "shared-informers" || !own ? client : accounts.client(name, `${userAgent}/${name}`));
    leads = true;
    const running = startControllers({
      clientFor,
      clock: systemClock,
      random: systemRandom,
      logger,
      options,
      only,
      workers: workersOf(flags),
      metrics: controllerMetrics,
    });
    await untilStopped(term);
    await running[Symbol.asyncDispose]();
    await accounts.close();
  });
  await client.transport[Symbol.asyncDispose]();
}
