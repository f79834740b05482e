/** `k8ts proxy`: the Services of this machine alone, against any API server. */
import { hostname, networkInterfaces } from "node:os";
import { cidrContains, parseCIDR, parseIP } from "../../api/ip.ts";
import type { Node } from "../../api/types/core-v1.gen.ts";
import { showBuild } from "../../api/version.ts";
import { systemClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { systemRandom } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { createInformerFactory, withoutManagedFields } from "../../client/factory.ts";
import { nodes, servicecidrs } from "../../client/resources.gen.ts";
import { forgetUDPFlows } from "../../linux/conntrack.ts";
import { applyRuleset } from "../../linux/nft.ts";
import { ServiceProxy } from "../../proxy/proxy.ts";
import { foreground } from "../foreground.ts";
import { type ConfigValues, readConfigFile } from "./config-file.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { clientFrom, connection } from "./connect.ts";
import { FlagError } from "./flag-error.ts";
import { parseNetwork } from "./flag-types.ts";
import { defineComponent, type FlagValues } from "./flags.ts";
import { startHealthServer } from "./health-server.ts";
import { proxyConfigTable, proxyFlags, proxyRefusals } from "./proxy-flags.ts";

type Flags = FlagValues<typeof proxyFlags>;

export const component = defineComponent({
  name: "proxy",
  summary: "the Services of this machine alone",
  description: "Makes Services reachable from this machine with nftables, against any Kubernetes v1.36 API server. Flags are kube-proxy's.",
  examples: ["k8ts proxy --kubeconfig=proxy.conf --cluster-cidr=10.244.0.0/16", "k8ts proxy --config=proxy.yaml --hostname-override=n1"],
  flags: proxyFlags,
  refused: proxyRefusals,
  run,
});

/** What the file says goes before the flags. */
function settingsOf(flags: Flags): Flags {
  if (!flags.config) return flags;
  const values = readConfigFile(flags.config, { apiVersion: "kubeproxy.config.k8s.io/v1alpha1", kind: "KubeProxyConfiguration" }, proxyConfigTable);
  if (values.get("mode") === undefined) throw new FlagError([`${flags.config}: mode: set it to nftables; upstream's default, iptables, is not supported`]);
  const cidr = values.get<string>("clusterCIDR");
  return {
    ...flags,
    kubeconfig: values.get<string>("clientConnection.kubeconfig") || flags.kubeconfig,
    "hostname-override": values.get<string>("hostnameOverride") || flags["hostname-override"],
    ...(cidr ? { "cluster-cidr": field(flags.config, "clusterCIDR", () => cidr.split(",").map(parseNetwork)) } : {}),
    ...listed(flags.config, values),
    "healthz-bind-address": bound(flags.config, values, "healthzBindAddress", proxyFlags["healthz-bind-address"], flags["healthz-bind-address"]),
    "metrics-bind-address": bound(flags.config, values, "metricsBindAddress", proxyFlags["metrics-bind-address"], flags["metrics-bind-address"]),
  };
}

function field<T>(file: string, name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new FlagError([`${file}: ${name}: ${(error as Error).message}`]);
  }
}

function listed(file: string, values: ConfigValues): Partial<Flags> {
  const given = values.get<string[]>("nodePortAddresses")?.filter((one) => one !== "primary");
  return given?.length ? { "nodeport-addresses": field(file, "nodePortAddresses", () => given.map(parseNetwork)) } : {};
}

function bound<T>(file: string, values: ConfigValues, name: string, flag: { parse(text: string, before: T | undefined): T }, otherwise: T): T {
  const given = values.get<string>(name);
  return given ? field(file, name, () => flag.parse(given, undefined)) : otherwise;
}

const ipv4 = (networks: readonly string[]): string | undefined => networks.find((one) => !one.includes(":"));

async function run(given: Flags): Promise<void> {
  const flags = settingsOf(given);
  const podCIDR = ipv4(flags["cluster-cidr"]);
  if (!podCIDR) throw new FlagError(["--cluster-cidr is required: the IPv4 network of the pods, e.g. 10.244.0.0/16"]);
  const server = connection(flags.kubeconfig);
  const client = clientFrom(server, "kube-proxy");
  const { logger, signal } = foreground("proxy", flags.v);
  const nodeName = (flags["hostname-override"] || hostname()).trim().toLowerCase();
  const metrics = new Metrics();
  addProcessMetrics(metrics, systemClock);
  showBuild(metrics);
  const synced = metrics.gauge("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "The last time proxy rules were successfully synced", ["ip_family"]);
  const informers = createInformerFactory({ client, clock: systemClock, logger, random: systemRandom, project: withoutManagedFields });
  let problem: string | undefined = "the rules have not been made yet";
  await using _health = await startHealthServer({ ...flags["healthz-bind-address"], unhealthy: () => problem, logger });
  await using _metrics = await startHealthServer({ ...flags["metrics-bind-address"], unhealthy: () => problem, metrics, logger });
  const proxy = new ServiceProxy({
    informers,
    nodeName,
    nodeAddresses: await nodeAddresses(client, nodeName, flags["nodeport-addresses"], signal),
    podCIDR,
    serviceCIDR: ipv4(flags["service-cluster-ip-range"]) ?? (await serviceNetwork(client, signal)),
    dataplane: {
      async apply(script) {
        try {
          await applyRuleset(script);
          problem = undefined;
          synced.set(systemClock.now() / 1000, "IPv4");
        } catch (error) {
          problem = (error as Error).message;
          throw error;
        }
      },
      forgetUDP: forgetUDPFlows,
    },
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

/** IPv4 addresses on which NodePorts answer. */
async function nodeAddresses(client: Client, name: string, within: readonly string[], signal: AbortSignal): Promise<string[]> {
  if (within.length) {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).filter((one) => one.family === "IPv4").map((one) => one.address));
    const found = own.filter((address) => within.some((network) => contains(network, address)));
    if (!found.length) throw new FlagError([`--nodeport-addresses: this machine has no IPv4 address in ${within.join(", ")}; it has ${own.join(", ")}`]);
    return found;
  }
  for (;;) {
    const node: Node | undefined = await client
      .resource(nodes)
      .get("", name, { signal })
      .catch((error: unknown) => {
        if (signal.aborted) throw error;
        return undefined;
      });
    const address = node?.status.addresses?.find((one) => one.type === "InternalIP" && !one.address.includes(":"));
    if (address) return [address.address];
    await systemClock.sleep(1000, signal);
  }
}

function contains(network: string, address: string): boolean {
  const cidr = parseCIDR(network);
  const ip = parseIP(address);
  return cidr !== undefined && ip !== undefined && cidrContains(cidr, ip);
}

async function serviceNetwork(client: Client, signal: AbortSignal): Promise<string> {
  const { items } = await client.resource(servicecidrs).list({ signal });
  const network = ipv4(items.flatMap((item) => item.spec.cidrs ?? []));
  if (!network) throw new FlagError(["--service-cluster-ip-range is required: the API server has no ServiceCIDR of IPv4"]);
  return network;
}
