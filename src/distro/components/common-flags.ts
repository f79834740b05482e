/** Flags that several components share, and the reasons why others are refused in all of them. */
import { bool, duration, file, fixed, integer, ip, list, optionalPort, text } from "./flag-types.ts";
import type { Flag, Refusals } from "./flags.ts";

export const verbosity = { v: integer("verbosity: from 4 on debug lines are logged as well", 0, 0, 10) };

export const kubeconfigFlags = {
  kubeconfig: file("kubeconfig file with the address of the API server and the identity to use; required"),
};

/** Without a certificate one is made for the life of the process, as upstream does. */
export const servingFlags = (securePort: number) => ({
  "bind-address": ip("address on which /healthz and /metrics are served by HTTPS", "127.0.0.1"),
  "secure-port": optionalPort("port of /healthz and /metrics", securePort),
  "tls-cert-file": file("PEM certificate of the HTTPS port; without one it signs its own"),
  "tls-private-key-file": file("PEM key of --tls-cert-file"),
  "tls-min-version": fixed("string", "least version of TLS", ["VersionTLS12", ""], "the version is not configurable"),
  "client-ca-file": file("PEM authority of client certificates for /metrics"),
  "requestheader-client-ca-file": file("PEM authority of front proxies, whose headers say who is calling"),
  "requestheader-allowed-names": list("common names a front proxy may have; none: any of the authority"),
  "requestheader-username-headers": list("headers with the user's name", ["x-remote-user"]),
  "requestheader-uid-headers": list("headers with the user's uid"),
  "requestheader-group-headers": list("headers with groups", ["x-remote-group"]),
  "requestheader-extra-headers-prefix": list("prefixes of headers with what else is known of the user", ["x-remote-extra-"]),
  "authentication-kubeconfig": file(
    "kubeconfig with which tokens are reviewed and the API server's authorities looked up; without one --kubeconfig reviews tokens",
  ),
  "authentication-skip-lookup": bool("believe only the authorities that flags name", false),
  "authentication-tolerate-lookup-failure": bool("go on without them when they cannot be looked up", false),
  "authorization-kubeconfig": file("kubeconfig with which rights are asked for; without one --kubeconfig"),
  "authorization-always-allow-paths": list("paths that need no authorization", ["/healthz", "/readyz", "/livez"]),
});

export const leaderElectionFlags = (name: string) => ({
  "leader-elect": bool("only the holder of a lease works", true),
  "leader-elect-lease-duration": duration("how long a lease is respected after its last renewal", "15s", 1),
  "leader-elect-renew-deadline": duration("after how long without a renewal the leader gives up", "10s", 1),
  "leader-elect-retry-period": duration("time between tries", "2s", 1),
  "leader-elect-resource-lock": fixed("string", "kind of lock", ["leases"], "other locks were removed from Kubernetes"),
  "leader-elect-resource-name": text("name of the lease", name),
  "leader-elect-resource-namespace": text("namespace of the lease", "kube-system"),
});

export const profilingFlag = fixed("bool", "/debug/pprof", ["false"], "there is no Go runtime to profile; run node with --cpu-prof") as Flag<string>;

export const loggingRefusals = [
  "lines are written to standard error as they come, in one format; set verbosity with --v",
  "log-flush-frequency",
  "log-json-info-buffer-size",
  "log-json-split-stream",
  "log-text-info-buffer-size",
  "log-text-split-stream",
  "logging-format",
  "vmodule",
] as const;
const gates = [
  "features are those of Kubernetes v1.36 with its default gates; they cannot be switched",
  "feature-gates",
  "emulated-version",
  "emulation-forward-compatible",
  "min-compatibility-version",
  "runtime-config-emulation-forward-compatible",
] as const;
const metrics = [
  "metrics are exposed as they are, none hidden and no label limited",
  "allow-metric-labels",
  "allow-metric-labels-manifest",
  "disabled-metrics",
  "show-hidden-metrics-for-version",
] as const;
const tls = [
  "TLS 1.2 and later with Node's default cipher suites and curves is served, one certificate for all names",
  "tls-cipher-suites",
  "tls-curve-preferences",
  "tls-sni-cert-key",
] as const;
const sockets = ["the port is taken for this process alone", "permit-address-sharing", "permit-port-sharing"] as const;
const profiling = ["there is no Go runtime to profile; run node with --cpu-prof", "contention-profiling"] as const;

export const commonRefusals: Refusals = [loggingRefusals, gates, metrics, tls, sockets, profiling];

/** Of components that reach the API server. */
export const clientRefusals: Refusals = [
  ["the address of the API server is in the kubeconfig: set clusters[].cluster.server there", "master"],
  ["JSON is spoken, which every API server takes", "kube-api-content-type"],
  ["requests are not limited by the client; the API server's own limits hold", "kube-api-qps", "kube-api-burst"],
];

/** Of the HTTPS port of controller-manager and scheduler. */
export const servingRefusals: Refusals = [
  ["HTTP/1.1 is spoken, which is all that health checks and scrapes need", "disable-http2-serving", "http2-max-streams-per-connection"],
  ["the certificate for the life of the process is kept in memory; give --tls-cert-file to keep one", "cert-dir"],
  [
    "what the API server says of tokens and rights is remembered for ten seconds",
    "authentication-token-webhook-cache-ttl",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
  ],
];
