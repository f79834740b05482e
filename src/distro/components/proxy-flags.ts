/** kube-proxy's flags (k8s.io/kubernetes/cmd/kube-proxy/app) and KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1). */
import { clientRefusals, commonRefusals, kubeconfigFlags, verbosity } from "./common-flags.ts";
import { type ConfigTable, only } from "./config-file.ts";
import { endpoint, file, fixed, networks, text } from "./flag-types.ts";
import type { Refusals } from "./flags.ts";

const mode = "rules are made in nftables; there are neither iptables nor IPVS rules";
const tracking = "connection tracking keeps the kernel's settings";
const local = "local traffic is told by --cluster-cidr";

export const proxyFlags = {
  ...verbosity,
  ...kubeconfigFlags,
  config: file("KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1); what it says replaces the flags"),
  "hostname-override": text("name of this machine's node; without one the machine's"),
  "cluster-cidr": networks("network of the pods: traffic from outside of it to a Service is masqueraded; required"),
  "nodeport-addresses": networks("networks in which addresses of this machine answer on NodePorts; without one the node's internal address"),
  "proxy-mode": fixed("string", "how Services are made", ["nftables"], mode),
  "healthz-bind-address": endpoint("address of /healthz; port 0: none", "127.0.0.1", 10256),
  "metrics-bind-address": endpoint("address of /metrics; port 0: none", "127.0.0.1", 10249),
  "detect-local-mode": fixed("string", "how local traffic is told", ["ClusterCIDR", ""], local),
  "service-cluster-ip-range": networks("networks of the Services; without one those of the ServiceCIDR objects"),
} as const;

const iptables = ["localhost-nodeports", "masquerade-bit", "min-sync-period", "sync-period"].map((name) => `iptables-${name}`);
const ipvs = ["exclude-cidrs", "min-sync-period", "scheduler", "strict-arp", "sync-period", "tcp-timeout", "tcpfin-timeout", "udp-timeout"].map(
  (name) => `ipvs-${name}`,
);
const conntrack = ["max-per-core", "min", "tcp-be-liberal", "tcp-timeout-close-wait", "tcp-timeout-established", "udp-timeout", "udp-timeout-stream"].map(
  (name) => `conntrack-${name}`,
);

export const proxyRefusals: Refusals = [
  ...commonRefusals,
  ...clientRefusals,
  [mode, ...iptables, ...ipvs],
  [tracking, ...conntrack],
  [local, "pod-bridge-interface", "pod-interface-name-prefix"],
  ["the node's addresses are those of its Node object", "bind-address", "bind-address-hard-fail"],
  ["traffic is masqueraded where it must be, and nowhere else", "masquerade-all"],
  ["rules are made anew at the start; `nft delete table ip k8ts_proxy` takes them away", "cleanup", "init-only"],
  ["caches follow their watches and are not filled again", "config-sync-period"],
  ["the process keeps what it was started with", "oom-score-adj"],
  ["there is no Go runtime to profile", "profiling"],
  ["the machine is not asked for its id", "boot-id-file", "machine-id-file"],
  ["configuration is not written anywhere", "write-config-to"],
];

export const proxyConfigTable: ConfigTable = {
  "clientConnection.kubeconfig": { type: "string" },
  "clientConnection.acceptContentTypes": only("", "JSON is spoken"),
  "clientConnection.contentType": only("application/vnd.kubernetes.protobuf", "JSON is spoken"),
  "clientConnection.qps": only(5, "requests are not limited by the client"),
  "clientConnection.burst": only(10, "requests are not limited by the client"),
  hostnameOverride: { type: "string" },
  clusterCIDR: { type: "string" },
  nodePortAddresses: { type: "strings" },
  mode: { type: "string", choices: ["nftables"] },
  healthzBindAddress: { type: "string" },
  metricsBindAddress: { type: "string" },
  detectLocalMode: only("ClusterCIDR", local),
  "detectLocal.bridgeInterface": only("", local),
  "detectLocal.interfaceNamePrefix": only("", local),
  featureGates: only({}, "features are those of Kubernetes v1.36 with its default gates"),
  logging: only(undefined, "set verbosity with --v"),
  bindAddress: only("0.0.0.0", "the node's addresses are those of its Node object"),
  bindAddressHardFail: only(false, "the node's addresses are those of its Node object"),
  enableProfiling: only(false, "there is no Go runtime to profile"),
  showHiddenMetricsForVersion: only("", "no metric is hidden"),
  iptables: only(undefined, mode),
  ipvs: only(undefined, mode),
  winkernel: only(undefined, mode),
  "nftables.masqueradeBit": only(14, "the mark is not configurable"),
  "nftables.masqueradeAll": only(false, "traffic is masqueraded where it must be, and nowhere else"),
  "nftables.syncPeriod": only("30s", "each change is brought at once, and only what changed"),
  "nftables.minSyncPeriod": only("1s", "each change is brought at once, and only what changed"),
  oomScoreAdj: only(-999, "the process keeps what it was started with"),
  "conntrack.maxPerCore": only(32768, tracking),
  "conntrack.min": only(131072, tracking),
  "conntrack.tcpEstablishedTimeout": only("24h0m0s", tracking),
  "conntrack.tcpCloseWaitTimeout": only("1h0m0s", tracking),
  "conntrack.tcpBeLiberal": only(false, tracking),
  "conntrack.udpTimeout": only("0s", tracking),
  "conntrack.udpStreamTimeout": only("0s", tracking),
  configSyncPeriod: only("15m0s", "caches follow their watches and are not filled again"),
  portRange: only("", "no port is taken on the node"),
  windowsRunAsService: only(false, "this is not Windows"),
};
