/** What a kubelet is told. The names follow kubelet.config.k8s.io/v1beta1 KubeletConfiguration where it has them. */
import { defaultEvictionHard } from "./eviction/thresholds.ts";
import type { VerificationPolicyName } from "./image-pull/verification-policy.ts";
import type { MemoryReservation } from "./memory-manager/manager.ts";
import type { TopologyScope } from "./topology-manager/manager.ts";
import type { TopologyPolicyName } from "./topology-manager/merge.ts";
import type { Taint } from "../api/types/core-v1.gen.ts";

export interface KubeletConfig {
  nodeName: string;
  /** Primary address first. */
  nodeIPs: string[];
  hostname: string;
  /** Where pods' volumes and the kubelet's own state are kept. */
  rootDir: string;
  podLogsDir: string;
  /** Links with the names that log collectors expect. */
  containerLogsDir: string;
  /** Directory of seccomp profiles of type Localhost. */
  seccompDir: string;
  clusterDNS: string[];
  clusterDomain: string;
  /** The machine's resolver configuration; empty: none. */
  resolvConf: string;
  /** Cgroup below which the pods' cgroups are made: `/`, `/k8ts`. */
  cgroupRoot: string;
  maxPods: number;
  /** A bound on the number of pods besides maxPods; 0: none. */
  podsPerCore: number;
  /** Images that the node tells of; -1: all. */
  nodeStatusMaxImages: number;
  registerNode: boolean;
  registerWithTaints: Taint[];
  nodeLabels: Record<string, string>;
  providerID: string;
  /** Logs, exec and the like are served. */
  enableDebuggingHandlers: boolean;
  /** The machine's /var/log is served. */
  enableSystemLogHandler: boolean;
  /** Port of the kubelet's HTTPS server, as the Node object tells it. */
  port: number;
  podCIDR?: string;
  /** Resources that are not for pods: `{cpu: "100m", memory: "200Mi"}`. */
  systemReserved: Record<string, string>;
  kubeReserved: Record<string, string>;
  /** By signal, what is kept free: pods go when there is less. What of it is memory or disk is subtracted from what pods may have. */
  evictionHard: Record<string, string>;
  /** Thresholds that have to be met for their grace period (milliseconds) before pods go, which end gracefully then. */
  evictionSoft: Record<string, string>;
  evictionSoftGracePeriod: Record<string, number>;
  /** Seconds that those have at most. */
  evictionMaxPodGracePeriod: number;
  /** By signal, by how much more than the threshold has to be free again. */
  evictionMinimumReclaim: Record<string, string>;
  /** Milliseconds for which the node goes on saying that it is short of something. */
  evictionPressureTransitionPeriod: number;
  /** Milliseconds for which the machine's shutdown is held up for pods, and the last part of them for critical ones; 0: it is not. */
  shutdownGracePeriod: number;
  shutdownGracePeriodCriticalPods: number;
  /** Instead of those. */
  shutdownGracePeriodByPodPriority: { priority: number; shutdownGracePeriodSeconds: number }[];
  cpuCFSQuota: boolean;
  /** Microseconds. */
  cpuCFSQuotaPeriod: number;
  /** Processes that a pod may have; -1: as many as the node may. */
  podPidsLimit: number;
  seccompDefault: boolean;
  serializeImagePulls: boolean;
  maxParallelImagePulls: number;
  /** Pulls a second, with bursts; 0: no bound. */
  registryPullQPS: number;
  registryBurst: number;
  /** Socket of the container runtime, for what the CRI does not offer; empty: the CRI has to do. */
  containerRuntimeEndpoint: string;
  /** A file or a directory of CredentialProviderConfig, and where its programs lie; empty: none. */
  imageCredentialProviderConfigPath: string;
  imageCredentialProviderBinDir: string;
  imagePullCredentialsVerificationPolicy: VerificationPolicyName;
  preloadedImagesVerificationAllowlist: string[];
  /** Image of the sandboxes, which no container names: it is never removed. */
  sandboxImage: string;
  imageMinimumGCAge: number;
  /** Milliseconds; 0: images go only when the disk is full. */
  imageMaximumGCAge: number;
  imageGCHighThresholdPercent: number;
  imageGCLowThresholdPercent: number;
  allowedUnsafeSysctls: string[];
  /** File or directory of manifests of static pods; empty: none. */
  staticPodPath: string;
  staticPodURL: string;
  staticPodURLHeader: Record<string, string[]>;
  /** Milliseconds after which those are read again. */
  fileCheckInterval: number;
  httpCheckInterval: number;
  cpuManagerPolicy: "none" | "static";
  cpuManagerPolicyOptions: Record<string, string>;
  /** Milliseconds. */
  cpuManagerReconcilePeriod: number;
  /** Processors that are not for pods, such as `0-1`; empty: as many as are reserved, the lowest. */
  reservedSystemCPUs: string;
  memoryManagerPolicy: "None" | "Static";
  /** Memory of each node of the machine that is not for pods. */
  reservedMemory: MemoryReservation[];
  topologyManagerPolicy: TopologyPolicyName;
  topologyManagerScope: TopologyScope;
  topologyManagerPolicyOptions: Record<string, string>;
  /** Bytes after which a container's log is rotated, and how many files are kept. */
  containerLogMaxSize: number;
  containerLogMaxFiles: number;
  /** Logs that are rotated at the same time, and how often they are looked at, in milliseconds. */
  containerLogMaxWorkers: number;
  containerLogMonitorInterval: number;
  /** Seconds. */
  nodeLeaseDurationSeconds: number;
  /** Milliseconds. */
  nodeStatusUpdateInterval: number;
  nodeStatusReportInterval: number;
  syncInterval: number;
  relistInterval: number;
  /** Last delay of a crashing container. */
  maxContainerRestartPeriod: number;
}

/** Everything but what only the caller can know. */
export function kubeletConfig(given: Partial<KubeletConfig> & Pick<KubeletConfig, "nodeName" | "nodeIPs">): KubeletConfig {
  return {
    hostname: given.nodeName,
    rootDir: "/var/lib/kubelet",
    podLogsDir: "/var/log/pods",
    containerLogsDir: "/var/log/containers",
    seccompDir: `${given.rootDir ?? "/var/lib/kubelet"}/seccomp`,
    clusterDNS: [],
    clusterDomain: "cluster.local",
    resolvConf: "/etc/resolv.conf",
    cgroupRoot: "/",
    maxPods: 110,
    podsPerCore: 0,
    nodeStatusMaxImages: 50,
    registerNode: true,
    registerWithTaints: [],
    nodeLabels: {},
    providerID: "",
    port: 10250,
    enableDebuggingHandlers: true,
    enableSystemLogHandler: true,
    systemReserved: {},
    kubeReserved: {},
    evictionHard: { ...defaultEvictionHard },
    evictionSoft: {},
    evictionSoftGracePeriod: {},
    evictionMaxPodGracePeriod: 0,
    evictionMinimumReclaim: {},
    evictionPressureTransitionPeriod: 300_000,
    shutdownGracePeriod: 0,
    shutdownGracePeriodCriticalPods: 0,
    shutdownGracePeriodByPodPriority: [],
    cpuCFSQuota: true,
    cpuCFSQuotaPeriod: 100_000,
    podPidsLimit: -1,
    seccompDefault: false,
    serializeImagePulls: true,
    maxParallelImagePulls: 0,
    registryPullQPS: 5,
    registryBurst: 10,
    containerRuntimeEndpoint: "",
    imageCredentialProviderConfigPath: "",
    imageCredentialProviderBinDir: "",
    imagePullCredentialsVerificationPolicy: "NeverVerifyPreloadedImages",
    preloadedImagesVerificationAllowlist: [],
    sandboxImage: "",
    imageMinimumGCAge: 120_000,
    imageMaximumGCAge: 0,
    imageGCHighThresholdPercent: 85,
    imageGCLowThresholdPercent: 80,
    allowedUnsafeSysctls: [],
    staticPodPath: "",
    staticPodURL: "",
    staticPodURLHeader: {},
    fileCheckInterval: 20_000,
    httpCheckInterval: 20_000,
    cpuManagerPolicy: "none",
    cpuManagerPolicyOptions: {},
    cpuManagerReconcilePeriod: 10_000,
    reservedSystemCPUs: "",
    memoryManagerPolicy: "None",
    reservedMemory: [],
    topologyManagerPolicy: "none",
    topologyManagerScope: "container",
    topologyManagerPolicyOptions: {},
    containerLogMaxSize: 10 * 1024 * 1024,
    containerLogMaxFiles: 5,
    containerLogMaxWorkers: 1,
    containerLogMonitorInterval: 10_000,
    nodeLeaseDurationSeconds: 40,
    nodeStatusUpdateInterval: 10_000,
    nodeStatusReportInterval: 300_000,
    syncInterval: 60_000,
    relistInterval: 1000,
    maxContainerRestartPeriod: 300_000,
    ...given,
  };
}
