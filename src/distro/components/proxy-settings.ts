/** What `k8ts proxy` was asked for: its flags, and the configuration file, which goes before them. */
import { type ConfigValues, readConfigFile } from "./config-file.ts";
import { FlagError } from "./flag-error.ts";
import { parseNetwork } from "./flag-types.ts";
import type { FlagValues } from "./flags.ts";
import { proxyConfigTable, proxyFlags } from "./proxy-flags.ts";

export type ProxyFlags = FlagValues<typeof proxyFlags>;

export interface ProxySettings extends ProxyFlags {
  masqueradeBit: number;
  /** Milliseconds. */
  syncPeriod: number;
  minSyncPeriod: number;
}

const type = { apiVersion: "kubeproxy.config.k8s.io/v1alpha1", kind: "KubeProxyConfiguration" };

/** Throws FlagError with what is wrong. */
export function proxySettings(flags: ProxyFlags): ProxySettings {
  const values = flags.config ? readConfigFile(flags.config, type, proxyConfigTable) : undefined;
  if (values && values.get("mode") === undefined)
    throw new FlagError([`${flags.config}: mode: set it to nftables; upstream's default, iptables, is not supported`]);
  const settings = { ...(values ? withFile(flags, values) : flags), ...periods(flags.config, values) };
  const mode = settings["detect-local-mode"];
  if (mode === "BridgeInterface" && !settings["pod-bridge-interface"])
    throw new FlagError([
      "--detect-local-mode=BridgeInterface needs --pod-bridge-interface (detectLocal.bridgeInterface): the bridge that pods are connected to",
    ]);
  if (mode === "InterfaceNamePrefix" && !settings["pod-interface-name-prefix"])
    throw new FlagError(["--detect-local-mode=InterfaceNamePrefix needs --pod-interface-name-prefix (detectLocal.interfaceNamePrefix)"]);
  const ports = settings["nodeport-addresses"];
  if (ports.includes("primary") && ports.length > 1) throw new FlagError(["--nodeport-addresses: primary cannot be combined with networks"]);
  return settings;
}

function withFile(flags: ProxyFlags, values: ConfigValues): ProxyFlags {
  const { config } = flags;
  const given = <T>(path: string, otherwise: T): T => values.get<T>(path) ?? otherwise;
  const named = (path: string, otherwise: string): string => values.get<string>(path) || otherwise;
  const cidr = values.get<string>("clusterCIDR");
  const ports = values.get<string[]>("nodePortAddresses");
  const parsed = (name: string, texts: readonly string[]): string[] =>
    field(config, name, () => texts.map((one) => (one === "primary" && name === "nodePortAddresses" ? one : parseNetwork(one.trim()))));
  const score = values.get<number>("oomScoreAdj") ?? flags["oom-score-adj"];
  if (score < -1000 || score > 1000) throw new FlagError([`${config}: oomScoreAdj: it must be a whole number from -1000 to 1000`]);
  return {
    ...flags,
    kubeconfig: named("clientConnection.kubeconfig", flags.kubeconfig),
    "hostname-override": named("hostnameOverride", flags["hostname-override"]),
    "cluster-cidr": cidr ? parsed("clusterCIDR", cidr.split(",")) : flags["cluster-cidr"],
    "nodeport-addresses": ports?.length ? parsed("nodePortAddresses", ports) : flags["nodeport-addresses"],
    "healthz-bind-address": bound(config, values, "healthzBindAddress", proxyFlags["healthz-bind-address"], flags["healthz-bind-address"]),
    "metrics-bind-address": bound(config, values, "metricsBindAddress", proxyFlags["metrics-bind-address"], flags["metrics-bind-address"]),
    "detect-local-mode": named("detectLocalMode", flags["detect-local-mode"]),
    "pod-bridge-interface": named("detectLocal.bridgeInterface", flags["pod-bridge-interface"]),
    "pod-interface-name-prefix": named("detectLocal.interfaceNamePrefix", flags["pod-interface-name-prefix"]),
    "masquerade-all": given("nftables.masqueradeAll", flags["masquerade-all"]),
    "conntrack-max-per-core": given("conntrack.maxPerCore", flags["conntrack-max-per-core"]),
    "conntrack-min": given("conntrack.min", flags["conntrack-min"]),
    "conntrack-tcp-timeout-established": given("conntrack.tcpEstablishedTimeout", flags["conntrack-tcp-timeout-established"]),
    "conntrack-tcp-timeout-close-wait": given("conntrack.tcpCloseWaitTimeout", flags["conntrack-tcp-timeout-close-wait"]),
    "conntrack-tcp-be-liberal": given("conntrack.tcpBeLiberal", flags["conntrack-tcp-be-liberal"]),
    "conntrack-udp-timeout": given("conntrack.udpTimeout", flags["conntrack-udp-timeout"]),
    "conntrack-udp-timeout-stream": given("conntrack.udpStreamTimeout", flags["conntrack-udp-timeout-stream"]),
    "oom-score-adj": score,
  };
}

function periods(config: string, values: ConfigValues | undefined): Pick<ProxySettings, "masqueradeBit" | "syncPeriod" | "minSyncPeriod"> {
  const masqueradeBit = values?.get<number>("nftables.masqueradeBit") ?? 14;
  const syncPeriod = values?.get<number>("nftables.syncPeriod") || 30_000;
  const minSyncPeriod = values?.get<number>("nftables.minSyncPeriod") ?? 0;
  const problems = [
    ...(masqueradeBit < 0 || masqueradeBit > 31 ? [`${config}: nftables.masqueradeBit: it must be a whole number from 0 to 31`] : []),
    ...(syncPeriod <= 0 ? [`${config}: nftables.syncPeriod: it must be greater than 0`] : []),
    ...(minSyncPeriod < 0 ? [`${config}: nftables.minSyncPeriod: it must not be negative`] : []),
    ...(minSyncPeriod > syncPeriod ? [`${config}: nftables.syncPeriod: it must be at least nftables.minSyncPeriod`] : []),
  ];
  if (problems.length) throw new FlagError(problems);
  return { masqueradeBit, syncPeriod, minSyncPeriod };
}

function field<T>(file: string, name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new FlagError([`${file}: ${name}: ${(error as Error).message}`]);
  }
}

function bound<T>(file: string, values: ConfigValues, name: string, flag: { parse(text: string, before: T | undefined): T }, otherwise: T): T {
  const given = values.get<string>(name);
  return given ? field(file, name, () => flag.parse(given, undefined)) : otherwise;
}
