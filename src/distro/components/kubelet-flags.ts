/** kubelet's flags (k8s.io/kubernetes/cmd/kubelet/app/options); what a configuration file can say is in kubelet-config.ts. */
import { isIP } from "node:net";
import type { Taint } from "../../api/types/core-v1.gen.ts";
import { clientRefusals, kubeconfigFlags, loggingRefusals, verbosity } from "./common-flags.ts";
import { bool, file, list, pairs, text } from "./flag-types.ts";
import type { Flag, Refusals } from "./flags.ts";

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

const taints: Flag<readonly Taint[]> = {
  type: "taints",
  help: "taints of a node that registers: KEY=VALUE:EFFECT,...",
  fallback: [],
  parse: (value, before) => [
    ...(before ?? []),
    ...value
      .split(",")
      .filter(Boolean)
      .map((one) => {
        const match = /^([^=:]+)(?:=([^=:]*))?:([A-Za-z]+)$/.exec(one);
        if (!match || !effects.includes(match[3] as string))
          throw new Error(`${JSON.stringify(one)} is not KEY=VALUE:EFFECT with an effect of ${effects.join(", ")}`);
        return { key: match[1] as string, ...(match[2] ? { value: match[2] } : {}), effect: match[3] as string };
      }),
  ],
};

const addresses: Flag<readonly string[]> = {
  ...list("addresses of the node, at most one of each family; the first is the primary one"),
  type: "ips",
  parse(value) {
    const given = value.split(",").map((one) => one.trim());
    if (!given.every((one) => isIP(one)) || given.length > 2 || new Set(given.map(isIP)).size !== given.length)
      throw new Error("it must be one IP address, or one of each family");
    return given;
  },
};

export const defaultEndpoint = "unix:///run/containerd/containerd.sock";

/** Undefined where nobody gives it: then a file may say. */
const unless = (flag: Flag<boolean>): Flag<boolean | undefined> => ({ ...flag, parse: (value) => flag.parse(value, undefined), fallback: undefined });

export const kubeletFlags = {
  ...verbosity,
  ...kubeconfigFlags,
  config: file("KubeletConfiguration (kubelet.config.k8s.io/v1beta1); flags go before it"),
  "config-dir": file("directory of drop-ins, *.conf, that go over --config in the order of their names"),
  "hostname-override": text("name of the node; without one the machine's"),
  "node-ip": addresses,
  "node-labels": pairs("labels of a node that registers"),
  "register-with-taints": taints,
  "register-node": unless(bool("register with the API server", true)),
  "provider-id": text("the machine's id at its cloud provider"),
  "container-runtime-endpoint": { ...text("socket of the container runtime"), shown: JSON.stringify(defaultEndpoint) },
  "image-credential-provider-config": file(
    "CredentialProviderConfig (kubelet.config.k8s.io/v1), or a directory of them: programs that give credentials of registries",
  ),
  "image-credential-provider-bin-dir": file("where those programs are"),
  "root-dir": file("where volumes and state are kept", "/var/lib/kubelet"),
  "cert-dir": file("where a serving certificate is kept that is made without tlsCertFile; empty: pki in --root-dir"),
  "tls-cert-file": file("PEM certificate of the HTTPS port"),
  "tls-private-key-file": file("PEM key of --tls-cert-file"),
  "client-ca-file": file("PEM authority of client certificates"),
  "cluster-dns": list("addresses of DNS servers of pods"),
  "cluster-domain": text("domain of the cluster"),
  "pod-infra-container-image": text("image of pod sandboxes, which is never removed", "registry.k8s.io/pause:3.10.2"),
  "fail-swap-on": unless(bool("refuse to run where swap is on", true)),
} as const;

/** The names of fields that stand for flags which upstream calls deprecated. */
const inConfig = {
  address: "address",
  "allowed-unsafe-sysctls": "allowedUnsafeSysctls",
  "anonymous-auth": "authentication.anonymous.enabled",
  "authentication-token-webhook": "authentication.webhook.enabled",
  "authentication-token-webhook-cache-ttl": "authentication.webhook.cacheTTL",
  "authorization-mode": "authorization.mode",
  "authorization-webhook-cache-authorized-ttl": "authorization.webhook.cacheAuthorizedTTL",
  "authorization-webhook-cache-unauthorized-ttl": "authorization.webhook.cacheUnauthorizedTTL",
  "cgroup-driver": "cgroupDriver",
  "cgroup-root": "cgroupRoot",
  "cgroups-per-qos": "cgroupsPerQOS",
  "container-log-max-files": "containerLogMaxFiles",
  "container-log-max-size": "containerLogMaxSize",
  "contention-profiling": "enableContentionProfiling",
  "cpu-cfs-quota": "cpuCFSQuota",
  "cpu-cfs-quota-period": "cpuCFSQuotaPeriod",
  "cpu-manager-policy": "cpuManagerPolicy",
  "cpu-manager-policy-options": "cpuManagerPolicyOptions",
  "cpu-manager-reconcile-period": "cpuManagerReconcilePeriod",
  "enable-controller-attach-detach": "enableControllerAttachDetach",
  "enable-debugging-handlers": "enableDebuggingHandlers",
  "enable-server": "enableServer",
  "enforce-node-allocatable": "enforceNodeAllocatable",
  "event-burst": "eventBurst",
  "event-qps": "eventRecordQPS",
  "eviction-hard": "evictionHard",
  "eviction-max-pod-grace-period": "evictionMaxPodGracePeriod",
  "eviction-minimum-reclaim": "evictionMinimumReclaim",
  "eviction-pressure-transition-period": "evictionPressureTransitionPeriod",
  "eviction-soft": "evictionSoft",
  "eviction-soft-grace-period": "evictionSoftGracePeriod",
  "fail-cgroupv1": "failCgroupV1",
  "feature-gates": "featureGates",
  "file-check-frequency": "fileCheckFrequency",
  "hairpin-mode": "hairpinMode",
  "healthz-bind-address": "healthzBindAddress",
  "healthz-port": "healthzPort",
  "http-check-frequency": "httpCheckFrequency",
  "image-gc-high-threshold": "imageGCHighThresholdPercent",
  "image-gc-low-threshold": "imageGCLowThresholdPercent",
  "image-service-endpoint": "imageServiceEndpoint",
  "kernel-memcg-notification": "kernelMemcgNotification",
  "kube-reserved": "kubeReserved",
  "kube-reserved-cgroup": "kubeReservedCgroup",
  "kubelet-cgroups": "kubeletCgroups",
  "local-storage-capacity-isolation": "localStorageCapacityIsolation",
  "make-iptables-util-chains": "makeIPTablesUtilChains",
  "manifest-url": "staticPodURL",
  "manifest-url-header": "staticPodURLHeader",
  "max-open-files": "maxOpenFiles",
  "max-pods": "maxPods",
  "memory-manager-policy": "memoryManagerPolicy",
  "minimum-image-ttl-duration": "imageMinimumGCAge",
  "node-status-max-images": "nodeStatusMaxImages",
  "node-status-update-frequency": "nodeStatusUpdateFrequency",
  "oom-score-adj": "oomScoreAdj",
  "pod-cidr": "podCIDR",
  "pod-manifest-path": "staticPodPath",
  "pod-max-pids": "podPidsLimit",
  "pods-per-core": "podsPerCore",
  port: "port",
  "protect-kernel-defaults": "protectKernelDefaults",
  "qos-reserved": "qosReserved",
  "read-only-port": "readOnlyPort",
  "registry-burst": "registryBurst",
  "registry-qps": "registryPullQPS",
  "reserved-cpus": "reservedSystemCPUs",
  "reserved-memory": "reservedMemory",
  "resolv-conf": "resolvConf",
  "rotate-certificates": "rotateCertificates",
  "rotate-server-certificates": "serverTLSBootstrap",
  "runtime-request-timeout": "runtimeRequestTimeout",
  "seccomp-default": "seccompDefault",
  "serialize-image-pulls": "serializeImagePulls",
  "streaming-connection-idle-timeout": "streamingConnectionIdleTimeout",
  "sync-frequency": "syncFrequency",
  "system-cgroups": "systemCgroups",
  "system-reserved": "systemReserved",
  "system-reserved-cgroup": "systemReservedCgroup",
  "tls-cipher-suites": "tlsCipherSuites",
  "tls-min-version": "tlsMinVersion",
  "topology-manager-policy": "topologyManagerPolicy",
  "topology-manager-policy-options": "topologyManagerPolicyOptions",
  "topology-manager-scope": "topologyManagerScope",
  "volume-plugin-dir": "volumePluginDir",
  "volume-stats-agg-period": "volumeStatsAggPeriod",
} as const;

export const kubeletRefusals: Refusals = [
  ...Object.entries(inConfig).map(([name, field]): readonly [string, string] => [
    `upstream calls the flag deprecated; set ${field} in the file of --config`,
    name,
  ]),
  ...clientRefusals,
  loggingRefusals,
  ["the node's identity is in --kubeconfig; none is asked for", "bootstrap-kubeconfig"],
  ["there is no cloud provider", "cloud-provider"],
  ["the file is not locked; the container runtime tells two kubelets apart", "lock-file", "exit-on-lock-contention"],
  ["mounts are made by mount(8)", "experimental-mounter-path", "experimental-allocatable-ignore-eviction"],
  ["the machine is found out by /proc and /sys alone", "boot-id-file", "machine-id-file", "runtime-cgroups"],
  [
    "dead containers are removed as the newer ones of their pod replace them",
    "maximum-dead-containers",
    "maximum-dead-containers-per-container",
    "minimum-container-ttl-duration",
  ],
  ["it runs until it is asked to stop", "runonce"],
  [
    "it belongs to cAdvisor, which is not inside",
    "application-metrics-count-limit",
    "container-hints",
    "containerd",
    "containerd-namespace",
    "enable-load-reader",
    "event-storage-age-limit",
    "event-storage-event-limit",
    "global-housekeeping-interval",
    "housekeeping-interval",
    "log-cadvisor-usage",
    "storage-driver-buffer-duration",
    "storage-driver-db",
    "storage-driver-host",
    "storage-driver-password",
    "storage-driver-secure",
    "storage-driver-table",
    "storage-driver-user",
  ],
];
