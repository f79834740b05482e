/** `k8ts proxy`: the Services of this machine alone, against any API server. */
import { writeFileSync } from "node:fs";
import { cpus, hostname } from "node:os";
import { showBuild } from "../../api/version.ts";
import { systemClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { systemRandom } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { createEventRecorder } from "../../client/events.ts";
import { createInformerFactory, withoutManagedFields } from "../../client/factory.ts";
import { nodes } from "../../client/resources.gen.ts";
import { setConntrack } from "../../linux/conntrack-settings.ts";
import type { LocalTraffic } from "../../proxy/frame.ts";
import { ProxyHealth } from "../../proxy/health.ts";
import { proxyMetrics } from "../../proxy/metrics.ts";
import type { Family } from "../../proxy/packed-slice.ts";
import { ServiceProxy } from "../../proxy/proxy.ts";
import { foreground } from "../foreground.ts";
import { addressesWithin, families, kernelDataplane, removeServiceRules } from "../service-network.ts";
import { clientFrom, connection } from "./connect.ts";
import { FlagError } from "./flag-error.ts";
import { defineComponent } from "./flags.ts";
import { flagTexts } from "./flag-texts.ts";
import { startHealthServer } from "./health-server.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { proxyFlags, proxyRefusals } from "./proxy-flags.ts";
import { type ProxyFlags, type ProxySettings, proxySettings } from "./proxy-settings.ts";

export const component = defineComponent({
  name: "proxy",
  summary: "the Services of this machine alone",
  description: "Makes Services reachable from this machine with nftables, against any Kubernetes v1.36 API server. Flags are kube-proxy's.",
  examples: ["k8ts proxy --kubeconfig=proxy.conf --cluster-cidr=10.244.0.0/16", "k8ts proxy --config=proxy.yaml --hostname-override=n1"],
  flags: proxyFlags,
  refused: proxyRefusals,
  run,
});

const inFamily = (family: Family, texts: readonly string[]): string | undefined => texts.find((one) => one.includes(":") === (family === "IPv6"));

async function run(given: ProxyFlags): Promise<void> {
  const settings = proxySettings(given);
  if (settings.cleanup) return removeServiceRules();
  setConntrack({
    maxPerCore: settings["conntrack-max-per-core"],
    min: settings["conntrack-min"],
    cpus: cpus().length,
    tcpEstablished: settings["conntrack-tcp-timeout-established"],
    tcpCloseWait: settings["conntrack-tcp-timeout-close-wait"],
    tcpBeLiberal: settings["conntrack-tcp-be-liberal"],
    udp: settings["conntrack-udp-timeout"],
    udpStream: settings["conntrack-udp-timeout-stream"],
  });
  if (settings["init-only"]) return;
  if (settings["oom-score-adj"] !== 0) writeFileSync("/proc/self/oom_score_adj", String(settings["oom-score-adj"]));
  await serve(settings, flagTexts(proxyFlags, given));
}

async function serve(settings: ProxySettings, flags: Readonly<Record<string, string>>): Promise<void> {
  const server = connection(settings.kubeconfig);
  const client = clientFrom(server, "kube-proxy");
  const { logger, signal } = foreground("proxy", settings.v);
  const nodeName = (settings["hostname-override"] || hostname()).trim().toLowerCase();
  const metrics = new Metrics();
  addProcessMetrics(metrics, systemClock);
  showBuild(metrics);
  const counted = proxyMetrics(metrics);
  const health = new ProxyHealth(systemClock, 2 * settings.syncPeriod, counted);
  const informers = createInformerFactory({ client, clock: systemClock, logger, random: systemRandom, project: withoutManagedFields });
  const answers = { healthz: () => health.healthz(), livez: () => health.livez() };
  await using _health = await startHealthServer({ ...settings["healthz-bind-address"], answers, logger });
  const proxyMode = (): { status: number; body: string; type: string } => ({ status: 200, body: "nftables", type: "text/plain; charset=utf-8" });
  const described = { component: "kube-proxy", flags };
  await using _metrics = await startHealthServer({ ...settings["metrics-bind-address"], answers: { proxyMode }, described, metrics, logger });
  const recorder = createEventRecorder({ client, clock: systemClock, logger, component: "kube-proxy", host: nodeName, signal });
  const own = await nodeFacts(client, nodeName, settings, signal);
  const proxy = new ServiceProxy({
    informers,
    nodeName,
    families: families(),
    nodePortAddresses: (family) => nodePortAddresses(settings["nodeport-addresses"], family, own.addresses),
    local: (family) => localTraffic(settings, family, own.podCIDRs),
    masqueradeAll: settings["masquerade-all"],
    masqueradeBit: settings.masqueradeBit,
    syncPeriod: settings.syncPeriod,
    minSyncPeriod: settings.minSyncPeriod,
    dataplane: kernelDataplane,
    metrics: counted,
    health,
    warn: (about, reason, message) => recorder.event(about, "Warning", reason, message),
    clock: systemClock,
    logger,
  });
  informers.start(signal);
  logger.info("starting", { server: server.server, node: nodeName });
  await proxy.run(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  await client.transport[Symbol.asyncDispose]();
}

function localTraffic(settings: ProxySettings, family: Family, podCIDRs: readonly string[]): LocalTraffic | undefined {
  switch (settings["detect-local-mode"]) {
    case "BridgeInterface":
      return { kind: "interface", name: settings["pod-bridge-interface"] };
    case "InterfaceNamePrefix":
      return { kind: "interfacePrefix", prefix: settings["pod-interface-name-prefix"] };
    default: {
      const cidr = inFamily(family, settings["detect-local-mode"] === "NodeCIDR" ? podCIDRs : settings["cluster-cidr"]);
      return cidr ? { kind: "cidr", cidr } : undefined;
    }
  }
}

function nodePortAddresses(networks: readonly string[], family: Family, own: readonly string[]): readonly string[] | undefined {
  if (networks.includes("primary")) return own.filter((address) => address.includes(":") === (family === "IPv6"));
  const ofFamily = networks.filter((network) => network.includes(":") === (family === "IPv6"));
  if (ofFamily.length === 0 || ofFamily.some((network) => network.endsWith("/0"))) return undefined;
  return addressesWithin(ofFamily, family);
}

/** The node's addresses and pod networks, waited for where the settings need them. */
async function nodeFacts(
  client: Client,
  name: string,
  settings: ProxySettings,
  signal: AbortSignal,
): Promise<{ addresses: readonly string[]; podCIDRs: readonly string[] }> {
  const needsCIDRs = settings["detect-local-mode"] === "NodeCIDR";
  const needsAddresses = settings["nodeport-addresses"].includes("primary");
  if (!needsCIDRs && !needsAddresses) return { addresses: [], podCIDRs: [] };
  const deadline = systemClock.monotonic() + 300_000;
  for (;;) {
    const node = await client
      .resource(nodes)
      .get("", name, { signal })
      .catch((error: unknown) => {
        if (signal.aborted) throw error;
        return undefined;
      });
    const podCIDRs = node?.spec.podCIDRs ?? [];
    const addresses = (node?.status.addresses ?? []).filter((one) => one.type === "InternalIP").map((one) => one.address);
    if ((!needsCIDRs || podCIDRs.length) && (!needsAddresses || addresses.length)) return { addresses, podCIDRs };
    if (systemClock.monotonic() > deadline) {
      const what = needsCIDRs && !podCIDRs.length ? "a pod network" : "an address";
      throw new FlagError([`node ${name} ${node ? `has not got ${what}` : "does not exist"} after five minutes: check --hostname-override`]);
    }
    await systemClock.sleep(1000, signal);
  }
}
