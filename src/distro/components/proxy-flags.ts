/** kube-proxy's flags (k8s.io/kubernetes/cmd/kube-proxy/app) and KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1). */
import { clientRefusals, commonRefusals, kubeconfigFlags, verbosity } from "./common-flags.ts";
import { type ConfigTable, only, onlyOrUnset } from "./config-file.ts";
import { bool, duration, endpoint, file, fixed, integer, list, networks, parseNetwork, text } from "./flag-types.ts";
import type { Flag, Refusals } from "./flags.ts";

const mode = "rules are made in nftables; there are neither iptables nor IPVS rules";

const localModes = ["ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"] as const;
const localMode: Flag<string> = {
  ...text("how traffic of pods is told from other traffic: ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix", "ClusterCIDR"),
  choices: localModes,
  parse(value) {
    if (value === "") return "ClusterCIDR";
    if (!(localModes as readonly string[]).includes(value)) throw new Error(`it must be one of ${localModes.join(", ")}`);
    return value;
  },
};
/** Networks, or the word `primary`: the node's own addresses. */
const nodePortNetworks: Flag<readonly string[]> = {
  ...list("networks in which addresses of this machine answer on NodePorts, or `primary` for the node's own; without one all but loopback"),
  parse: (value, before) => [
    ...(before ?? []),
    ...list("")
      .parse(value, undefined)
      .map((one) => (one === "primary" ? one : parseNetwork(one))),
  ],
};

export const proxyFlags = {
  ...verbosity,
  ...kubeconfigFlags,
  config: file("KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1); what it says replaces the flags"),
  "hostname-override": text("name of this machine's node; without one the machine's"),
  "cluster-cidr": networks("networks of the pods, one a family: traffic from outside of them to a Service is masqueraded"),
  "nodeport-addresses": nodePortNetworks,
  "proxy-mode": fixed("string", "how Services are made", ["nftables"], mode),
  "healthz-bind-address": endpoint("address of /healthz and /livez; port 0: none", "127.0.0.1", 10256),
  "metrics-bind-address": endpoint("address of /metrics; port 0: none", "127.0.0.1", 10249),
  "detect-local-mode": localMode,
  "pod-bridge-interface": text("with --detect-local-mode=BridgeInterface: the bridge that pods are connected to"),
  "pod-interface-name-prefix": text("with --detect-local-mode=InterfaceNamePrefix: how the names of pods' interfaces begin"),
  "masquerade-all": bool("masquerade all traffic to cluster addresses"),
  "conntrack-max-per-core": integer("tracked connections per CPU; 0: the kernel's setting stays", 0),
  "conntrack-min": integer("least number of tracked connections when --conntrack-max-per-core is set", 131072),
  "conntrack-tcp-timeout-established": duration("how long an idle TCP connection is tracked; 0: the kernel's setting stays", "0"),
  "conntrack-tcp-timeout-close-wait": duration("how long a TCP connection in CLOSE_WAIT is tracked; 0: the kernel's setting stays", "0"),
  "conntrack-tcp-be-liberal": bool("do not mark packets outside of the TCP window as invalid"),
  "conntrack-udp-timeout": duration("how long a UDP flow without an answer is tracked; 0: the kernel's setting stays", "0"),
  "conntrack-udp-timeout-stream": duration("how long an answered UDP flow is tracked; 0: the kernel's setting stays", "0"),
  "oom-score-adj": integer("oom-score-adj of this process, -1000 to 1000; without it the process keeps what it was started with", 0, -1000, 1000),
  "init-only": bool("set what needs the rights of the machine's administrator (connection tracking), and end"),
  cleanup: bool("take away all rules of Services, and end"),
} as const;

const iptables = ["localhost-nodeports", "masquerade-bit", "min-sync-period", "sync-period"].map((name) => `iptables-${name}`);
const ipvs = ["exclude-cidrs", "min-sync-period", "scheduler", "strict-arp", "sync-period", "tcp-timeout", "tcpfin-timeout", "udp-timeout"].map(
  (name) => `ipvs-${name}`,
);

export const proxyRefusals: Refusals = [
  ...commonRefusals,
  ...clientRefusals,
  [mode, ...iptables, ...ipvs],
  ["the node's addresses are those of its Node object", "bind-address", "bind-address-hard-fail"],
  ["caches follow their watches and are not filled again", "config-sync-period"],
  ["there is no Go runtime to profile", "profiling"],
  ["the machine is not asked for its id", "boot-id-file", "machine-id-file"],
  ["configuration is not written anywhere", "write-config-to"],
];

export const proxyConfigTable: ConfigTable = {
  "clientConnection.kubeconfig": { type: "string" },
  "clientConnection.acceptContentTypes": only("", "JSON is spoken"),
  "clientConnection.contentType": onlyOrUnset("application/vnd.kubernetes.protobuf", "JSON is spoken"),
  "clientConnection.qps": onlyOrUnset(5, "requests are not limited by the client"),
  "clientConnection.burst": onlyOrUnset(10, "requests are not limited by the client"),
  hostnameOverride: { type: "string" },
  clusterCIDR: { type: "string" },
  nodePortAddresses: { type: "strings" },
  mode: { type: "string", choices: ["nftables"] },
  healthzBindAddress: { type: "string" },
  metricsBindAddress: { type: "string" },
  detectLocalMode: { type: "string", choices: ["", ...localModes] },
  "detectLocal.bridgeInterface": { type: "string" },
  "detectLocal.interfaceNamePrefix": { type: "string" },
  featureGates: onlyOrUnset({}, "features are those of Kubernetes v1.36 with its default gates"),
  logging: onlyOrUnset(undefined, "set verbosity with --v"),
  bindAddress: onlyOrUnset("0.0.0.0", "the node's addresses are those of its Node object"),
  bindAddressHardFail: only(false, "the node's addresses are those of its Node object"),
  enableProfiling: only(false, "there is no Go runtime to profile"),
  showHiddenMetricsForVersion: only("", "no metric is hidden"),
  iptables: onlyOrUnset(undefined, mode),
  ipvs: onlyOrUnset(undefined, mode),
  winkernel: onlyOrUnset(undefined, "this is not Windows"),
  "nftables.masqueradeBit": { type: "int" },
  "nftables.masqueradeAll": { type: "bool" },
  "nftables.syncPeriod": { type: "duration" },
  "nftables.minSyncPeriod": { type: "duration" },
  oomScoreAdj: { type: "int" },
  "conntrack.maxPerCore": { type: "int" },
  "conntrack.min": { type: "int" },
  "conntrack.tcpEstablishedTimeout": { type: "duration" },
  "conntrack.tcpCloseWaitTimeout": { type: "duration" },
  "conntrack.tcpBeLiberal": { type: "bool" },
  "conntrack.udpTimeout": { type: "duration" },
  "conntrack.udpStreamTimeout": { type: "duration" },
  configSyncPeriod: onlyOrUnset("15m0s", "caches follow their watches and are not filled again"),
  portRange: only("", "no port is taken on the node"),
  windowsRunAsService: only(false, "this is not Windows"),
};
