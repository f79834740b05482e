/** kube-apiserver's flags (k8s.io/kubernetes/cmd/kube-apiserver/app/options). */
import { parseRuntimeConfig, type RuntimeConfig } from "../../apiserver/runtime-config.ts";
import { gatesFlag } from "./feature-gates-flag.ts";
import { auditFlags } from "./audit-flags.ts";
import { authenticationFlags } from "./authentication-flags.ts";
import { tracingFlags } from "./tracing-flags.ts";
import { authorizationFlags } from "./authorization-flags.ts";
import { commonRefusals, profilingFlag, verbosity } from "./common-flags.ts";
import { bool, duration, file, fixed, integer, ip, list, networks, port, text } from "./flag-types.ts";
import type { Flag, Refusals } from "./flags.ts";

export interface PortRange {
  first: number;
  last: number;
}

const portRange = (help: string, first: number, last: number): Flag<PortRange> => ({
  type: "portRange",
  help,
  fallback: { first, last },
  shown: `${first}-${last}`,
  parse(value) {
    const span = /^(\d+)-(\d+)$/.exec(value);
    const sized = /^(\d+)\+(\d+)$/.exec(value);
    const from = Number(span?.[1] ?? sized?.[1]);
    const to = span ? Number(span[2]) : from + Number(sized?.[2]);
    if (!(from >= 1 && to >= from && to <= 65535)) throw new Error("it must be a range of ports such as 30000-32767");
    return { first: from, last: to };
  },
  write: (range) => `${range.first}-${range.last}`,
});

const runtimeConfig: Flag<RuntimeConfig> = {
  type: "mapStringString",
  help: "built-in APIs to serve or not: api/all, api/ga, api/beta, api/alpha, group/version and group/version/resource, e.g. networking.k8s.io/v1beta1=true",
  fallback: new Map(),
  parse: parseRuntimeConfig,
};

export const apiserverFlags = {
  ...verbosity,
  "data-dir": file("directory of the embedded store and of certificates that are made", "/var/lib/k8ts-apiserver"),
  "secure-port": port("port of the API", 6443),
  "bind-address": ip("address that is listened on; 0.0.0.0: all", "127.0.0.1"),
  "advertise-address": ip(
    "address under which the members of the cluster reach this server; without one --bind-address, or the machine's first address when that is 0.0.0.0",
  ),
  "enable-aggregator-routing": bool("requests for aggregated API servers go to endpoints of their Services, not to the Services' own addresses", false),
  "proxy-client-cert-file": file("PEM certificate that tells aggregated API servers that this server says who asks"),
  "proxy-client-key-file": file("PEM key of --proxy-client-cert-file"),
  "external-hostname": text("host name in the links that the server gives of itself"),
  "tls-cert-file": file("PEM certificate, leaf first; without one it is made in --cert-dir"),
  "tls-private-key-file": file("PEM key of --tls-cert-file"),
  "cert-dir": file("where the certificate is kept that is made without --tls-cert-file; empty: pki in the data directory"),
  "tls-min-version": fixed("string", "least version of TLS", ["VersionTLS12", ""], "the version is not configurable"),
  "disable-http2-serving": bool("speak HTTP/1.1 only"),
  "http2-max-streams-per-connection": integer("requests at the same time on a connection of HTTP/2; 0: 100", 0),
  ...authenticationFlags,
  ...authorizationFlags,
  "enable-admission-plugins": list("admission plugins beyond those that are on by default"),
  "disable-admission-plugins": list("admission plugins that are left out"),
  "admission-control-config-file": file("AdmissionConfiguration: what plugins are configured with, e.g. /etc/k8ts/admission.yaml"),
  "default-not-ready-toleration-seconds": integer("tolerationSeconds of the toleration for notReady:NoExecute", 300),
  "default-unreachable-toleration-seconds": integer("tolerationSeconds of the toleration for unreachable:NoExecute", 300),
  "service-cluster-ip-range": {
    ...networks("networks of Services' cluster IPs, at most one of each family", ["10.0.0.0/24"]),
    write: (ranges: readonly string[]): string => ranges.join(","),
  },
  "service-node-port-range": portRange("ports of Services of type NodePort", 30000, 32767),
  ...auditFlags,
  ...tracingFlags,
  "max-requests-inflight": integer("requests at the same time that only read; with --max-mutating-requests-inflight the seats of all priority levels", 400),
  "max-mutating-requests-inflight": integer("requests at the same time that write; with --max-requests-inflight the seats of all priority levels", 200),
  "enable-priority-and-fairness": bool("requests wait by flow schemas and priority levels; without it the two numbers hold each for itself", true),
  "feature-gates": gatesFlag,
  "runtime-config": runtimeConfig,
  "request-timeout": duration("how long a request may take; watches and streams are free of it", "1m0s", 1),
  "min-request-timeout": integer("seconds that a watch lasts at least, when the client names no time", 1800),
  "event-ttl": duration("how long events are kept", "1h0m0s", 1000),
  "etcd-compaction-interval": duration("how often old versions are forgotten; 0: never", "5m0s"),
  "encryption-provider-config": file("EncryptionConfiguration: which resources are encrypted in the store and how, e.g. /etc/k8ts/encryption.yaml"),
  "encryption-provider-config-automatic-reload": bool("read --encryption-provider-config again when it changes, within a minute", false),
  "etcd-prefix": fixed("string", "prefix of the keys in the store", ["/registry"], "the prefix is not configurable"),
  "storage-backend": fixed("string", "kind of the store", ["", "lmdb"], "the store is embedded, in --data-dir"),
  "kubelet-certificate-authority": file("PEM bundle that kubelets' certificates are verified against"),
  "kubelet-client-certificate": file("PEM client certificate for kubelets"),
  "kubelet-client-key": file("PEM key of --kubelet-client-certificate"),
  "kubelet-preferred-address-types": fixed(
    "strings",
    "which of a node's addresses is used for its kubelet",
    ["InternalIP,InternalDNS,Hostname,ExternalIP,ExternalDNS", "InternalIP", "InternalIP,ExternalIP,Hostname"],
    "a node's internal address comes first",
  ),
  "network-policies-enforced": bool("the cluster's network plugin enforces network policies: they are accepted, though k8ts itself enforces none", false),
  "allow-privileged": fixed("bool", "privileged containers", ["true"], "Pod Security decides about them in each namespace"),
  "endpoint-reconciler-type": fixed(
    "string",
    "how the endpoints of the kubernetes Service are kept; none: not at all",
    ["lease", "none"],
    "one server writes its own address",
  ),
  "enable-garbage-collector": fixed("bool", "owners' dependents", ["true"], "it is always on"),
  "watch-cache": fixed("bool", "the cache in front of the store", ["true"], "it is always on"),
  profiling: profilingFlag,
} as const;

export const apiserverRefusals: Refusals = [
  ...commonRefusals.map(([reason, ...names]) => [reason, ...names.filter((name) => name !== "feature-gates")] as const),
  [
    "the store is embedded (--data-dir); there is no driver for etcd yet",
    "etcd-servers",
    "etcd-servers-overrides",
    "etcd-cafile",
    "etcd-certfile",
    "etcd-keyfile",
  ],
  [
    "it belongs to etcd, and the store is embedded (--data-dir)",
    "etcd-count-metric-poll-period",
    "etcd-db-metric-poll-interval",
    "etcd-healthcheck-timeout",
    "etcd-readycheck-timeout",
    "lease-reuse-duration-seconds",
    "storage-initialization-timeout",
  ],
  ["values are stored as JSON", "storage-media-type"],
  ["the cache holds every kind", "watch-cache-sizes"],
  ["audit events are written to the file one by one, whole, as they happen; nothing is gathered or cut", ...auditLogBatch()],
  ["use --enable-admission-plugins and --disable-admission-plugins", "admission-control"],
  ["nodes and webhooks are reached directly", "egress-selector-config-file"],
  ["redirects of aggregated API servers are never passed on", "aggregator-reject-forwarding-redirect"],
  [
    "leader election is not coordinated by the API server",
    "coordinated-leadership-lease-duration",
    "coordinated-leadership-renew-deadline",
    "coordinated-leadership-retry-period",
  ],
  ["other API servers of the same cluster are not asked", "peer-advertise-ip", "peer-advertise-port", "peer-ca-file"],
  ["browsers are answered only from the server's own origin", "cors-allowed-origins", "strict-transport-security-directives"],
  ["connections are not rebalanced, a load balancer has to do it", "goaway-chance"],
  [
    "the server stops listening as soon as it is asked to stop, and lets running requests end",
    "shutdown-delay-duration",
    "shutdown-send-retry-after",
    "shutdown-watch-termination-grace-period",
  ],
  ["/livez is healthy from the first answer on", "livez-grace-period"],
  ["a collection is deleted one object after the other", "delete-collection-workers"],
  ["the machine's log files are not served", "enable-logs-handler"],
  ["the kubernetes Service is of type ClusterIP", "kubernetes-service-node-port"],
  ["streams are not slowed down", "max-connection-bytes-per-sec"],
  ["the time that kubelets get is not configurable", "kubelet-timeout"],
  ["there is no Go runtime to profile", "debug-socket-path"],
];

function auditLogBatch(): string[] {
  const batch = ["buffer-size", "max-size", "max-wait", "throttle-burst", "throttle-enable", "throttle-qps"].map((part) => `audit-log-batch-${part}`);
  return [...batch, "audit-log-compress", ...["enabled", "max-batch-size", "max-event-size"].map((part) => `audit-log-truncate-${part}`)];
}
