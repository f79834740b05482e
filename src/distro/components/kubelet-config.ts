/** KubeletConfiguration (kubelet.config.k8s.io/v1beta1): fields that act, and upstream's defaults of the others. */
import { formatDuration } from "../../api/time.ts";
import { parseQuantity } from "../../api/quantity.ts";
import type { Taint } from "../../api/types/core-v1.gen.ts";
import type { KubeletConfig } from "../../kubelet/config.ts";
import { allowlistProblem, verificationPolicyNames } from "../../kubelet/image-pull/verification-policy.ts";
import { parseThresholds } from "../../kubelet/eviction/thresholds.ts";
import { type ConfigTable, type ConfigValues, only, readConfigFile } from "./config-file.ts";
import { FlagError } from "./flag-error.ts";

const limits = "requests are not limited by the client";
const cpus = "containers share all processors";
const cgroups = "pods' cgroups are made by name below cgroupRoot";
const eviction = "only evictionHard acts: pods are evicted at once or not at all";
const profiling = "there is no Go runtime to profile";
const shutdown = "the machine's shutdown is not delayed";
const iptables = "no iptables rules are made";

const table: ConfigTable = {
  address: { type: "string" },
  port: { type: "int" },
  healthzBindAddress: { type: "string" },
  healthzPort: { type: "int" },
  tlsCertFile: { type: "string" },
  tlsPrivateKeyFile: { type: "string" },
  "authentication.x509.clientCAFile": { type: "string" },
  clusterDNS: { type: "strings" },
  clusterDomain: { type: "string" },
  resolvConf: { type: "string" },
  podLogsDir: { type: "string" },
  cgroupRoot: { type: "string" },
  maxPods: { type: "int" },
  podCIDR: { type: "string" },
  registerNode: { type: "bool" },
  registerWithTaints: { type: "list" },
  providerID: { type: "string" },
  systemReserved: { type: "map" },
  kubeReserved: { type: "map" },
  cpuCFSQuota: { type: "bool" },
  cpuCFSQuotaPeriod: { type: "duration" },
  seccompDefault: { type: "bool" },
  serializeImagePulls: { type: "bool" },
  maxParallelImagePulls: { type: "int" },
  imageMinimumGCAge: { type: "duration" },
  imageGCHighThresholdPercent: { type: "int" },
  imageGCLowThresholdPercent: { type: "int" },
  registryPullQPS: { type: "int" },
  registryBurst: { type: "int" },
  imagePullCredentialsVerificationPolicy: { type: "string", choices: [...verificationPolicyNames] },
  preloadedImagesVerificationAllowlist: { type: "strings" },
  imageMaximumGCAge: { type: "duration" },
  containerLogMaxWorkers: { type: "int" },
  containerLogMonitorInterval: { type: "duration" },
  allowedUnsafeSysctls: { type: "strings" },
  containerLogMaxSize: { type: "string" },
  containerLogMaxFiles: { type: "int" },
  nodeLeaseDurationSeconds: { type: "int" },
  nodeStatusUpdateFrequency: { type: "duration" },
  nodeStatusReportFrequency: { type: "duration" },
  syncFrequency: { type: "duration" },
  "crashLoopBackOff.maxContainerRestartPeriod": { type: "duration" },
  containerRuntimeEndpoint: { type: "string" },
  evictionHard: { type: "map" },
  evictionPressureTransitionPeriod: { type: "duration" },
  "authentication.anonymous.enabled": only(false, "who says nothing is let in nowhere"),
  "authentication.webhook.enabled": only(true, "tokens are always reviewed by the API server"),
  "authentication.webhook.cacheTTL": only("2m0s", "the time is not configurable"),
  "authorization.mode": { type: "string", choices: ["Webhook"] },
  "authorization.webhook.cacheAuthorizedTTL": only("5m0s", "the time is not configurable"),
  "authorization.webhook.cacheUnauthorizedTTL": only("30s", "the time is not configurable"),
  enableServer: only(true, "logs, exec and the like need the server"),
  staticPodPath: { type: "string" },
  staticPodURL: { type: "string" },
  staticPodURLHeader: { type: "object" },
  fileCheckFrequency: { type: "duration" },
  httpCheckFrequency: { type: "duration" },
  readOnlyPort: only(0, "nothing is served without asking who it is"),
  tlsCipherSuites: only([], "Node's default cipher suites are used"),
  tlsCurvePreferences: only([], "Node's default curves are used"),
  tlsMinVersion: only("VersionTLS12", "the version is not configurable"),
  rotateCertificates: only(false, "the client certificate is renewed by who made it; the kubeconfig's files are read anew"),
  serverTLSBootstrap: only(false, "no certificate is asked of the API server; give tlsCertFile"),
  eventRecordQPS: only(50, "events are correlated, not limited"),
  eventBurst: only(100, "events are correlated, not limited"),
  enableDebuggingHandlers: { type: "bool" },
  enableContentionProfiling: only(false, profiling),
  enableProfilingHandler: only(true, profiling),
  enableDebugFlagsHandler: only(true, "verbosity is set by --v"),
  oomScoreAdj: only(-999, "the process keeps what it was started with"),
  streamingConnectionIdleTimeout: only("4h0m0s", "streams belong to the container runtime"),
  volumeStatsAggPeriod: only("1m0s", "the time is not configurable"),
  kubeletCgroups: only("", cgroups),
  systemCgroups: only("", cgroups),
  systemReservedCgroup: only("", cgroups),
  kubeReservedCgroup: only("", cgroups),
  cgroupsPerQOS: only(true, cgroups),
  cgroupDriver: only("cgroupfs", cgroups),
  enforceNodeAllocatable: only(["pods"], cgroups),
  cpuManagerPolicy: only("none", cpus),
  cpuManagerPolicyOptions: only({}, cpus),
  cpuManagerReconcilePeriod: only("10s", cpus),
  memoryManagerPolicy: only("None", cpus),
  topologyManagerPolicy: only("none", cpus),
  topologyManagerScope: only("container", cpus),
  topologyManagerPolicyOptions: only({}, cpus),
  reservedSystemCPUs: only("", cpus),
  reservedMemory: only([], cpus),
  qosReserved: only({}, cgroups),
  singleProcessOOMKill: only(undefined, "the kernel's behaviour is not changed"),
  runtimeRequestTimeout: only("2m0s", "the time is not configurable"),
  hairpinMode: only("promiscuous-bridge", "the CNI plugin decides"),
  podPidsLimit: only(-1, "processes are not limited"),
  runOnce: only(false, "it runs until it is asked to stop"),
  nodeStatusMaxImages: only(50, "the number is not configurable"),
  maxOpenFiles: only(1000000, "the process keeps what it was started with"),
  contentType: only("application/vnd.kubernetes.protobuf", "JSON is spoken"),
  kubeAPIQPS: only(50, limits),
  kubeAPIBurst: only(100, limits),
  evictionSoft: only({}, eviction),
  evictionSoftGracePeriod: only({}, eviction),
  evictionMaxPodGracePeriod: only(0, eviction),
  evictionMinimumReclaim: only({}, eviction),
  mergeDefaultEvictionSettings: only(false, eviction),
  podsPerCore: only(0, "pods are limited by maxPods"),
  enableControllerAttachDetach: only(true, "volumes are not attached by the node"),
  protectKernelDefaults: only(false, "the kernel's settings are not looked at"),
  makeIPTablesUtilChains: only(true, iptables),
  iptablesMasqueradeBit: only(14, iptables),
  iptablesDropBit: only(15, iptables),
  featureGates: only({}, "features are those of Kubernetes v1.36 with its default gates"),
  failSwapOn: { type: "bool" },
  "memorySwap.swapBehavior": only("", "swap is not used"),
  configMapAndSecretChangeDetectionStrategy: only("Watch", "changes are always watched"),
  showHiddenMetricsForVersion: only("", "no metric is hidden"),
  volumePluginDir: only("/usr/libexec/kubernetes/kubelet-plugins/volume/exec/", "flex volumes do not exist"),
  kernelMemcgNotification: only(false, "memory is looked at every 10 seconds"),
  logging: only(undefined, "set verbosity with --v"),
  enableSystemLogHandler: { type: "bool" },
  enableSystemLogQuery: only(false, "the machine's log files are served as they are, and not searched"),
  shutdownGracePeriod: only("0s", shutdown),
  shutdownGracePeriodCriticalPods: only("0s", shutdown),
  shutdownGracePeriodByPodPriority: only([], shutdown),
  memoryThrottlingFactor: only(0.9, "memory.high is not set"),
  memoryReservationPolicy: only("None", "memory is not reserved"),
  tracing: only(undefined, "traces are not exported"),
  localStorageCapacityIsolation: only(true, "it is always on"),
  imageServiceEndpoint: only("", "images come from the socket of the container runtime"),
  failCgroupV1: { type: "bool" },
  userNamespaces: only(undefined, "their range is the default"),
};

export interface KubeletFile {
  config: Partial<KubeletConfig>;
  address?: string;
  healthz: { host: string; port: number };
  containerRuntimeEndpoint?: string;
  clientCAFile: string;
  tlsCertFile: string;
  tlsPrivateKeyFile: string;
  failSwapOn?: boolean;
  /** Unlike upstream's, false unless asked: cgroup v1 works. */
  failCgroupV1: boolean;
}

const nothing: ConfigValues = { get: () => undefined };

/** Throws FlagError. Without a file everything has upstream's default. */
export function readKubeletConfig(file: string): KubeletFile {
  const values = file ? readConfigFile(file, { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration" }, table) : nothing;
  const problems: string[] = [];
  const bytes = quantity(values, "containerLogMaxSize", file, problems);
  const evictionHard = values.get<Record<string, string>>("evictionHard");
  const period = values.get<number>("cpuCFSQuotaPeriod");
  try {
    parseThresholds(evictionHard ?? {});
  } catch (error) {
    problems.push(`${file}: evictionHard: ${(error as Error).message}`);
  }
  if (period !== undefined && (period < 1 || period > 1000)) problems.push(`${file}: cpuCFSQuotaPeriod: must be between 1ms and 1s inclusive`);
  const high = values.get<number>("imageGCHighThresholdPercent") ?? 85;
  const low = values.get<number>("imageGCLowThresholdPercent") ?? 80;
  if (high > 100 || low < 0 || low >= high) problems.push(`${file}: imageGCLowThresholdPercent ${low} must be less than imageGCHighThresholdPercent ${high}`);
  problems.push(...imageProblems(values).map((problem) => `${file}: ${problem}`));
  if (problems.length) throw new FlagError(problems);
  const given: Partial<Record<keyof KubeletConfig, unknown>> = {
    port: values.get("port"),
    enableDebuggingHandlers: values.get("enableDebuggingHandlers"),
    enableSystemLogHandler: values.get("enableSystemLogHandler"),
    clusterDNS: values.get("clusterDNS"),
    clusterDomain: values.get("clusterDomain"),
    resolvConf: values.get("resolvConf"),
    podLogsDir: values.get("podLogsDir"),
    cgroupRoot: values.get("cgroupRoot"),
    maxPods: values.get("maxPods"),
    podCIDR: values.get("podCIDR"),
    registerNode: values.get("registerNode"),
    registerWithTaints: values.get<Taint[]>("registerWithTaints"),
    providerID: values.get("providerID"),
    systemReserved: values.get("systemReserved"),
    kubeReserved: values.get("kubeReserved"),
    evictionHard,
    evictionPressureTransitionPeriod: values.get("evictionPressureTransitionPeriod"),
    cpuCFSQuota: values.get("cpuCFSQuota"),
    cpuCFSQuotaPeriod: period === undefined ? undefined : period * 1000,
    seccompDefault: values.get("seccompDefault"),
    serializeImagePulls: values.get("serializeImagePulls"),
    maxParallelImagePulls: values.get("maxParallelImagePulls"),
    imageMinimumGCAge: values.get("imageMinimumGCAge"),
    imageGCHighThresholdPercent: high,
    imageGCLowThresholdPercent: low,
    registryPullQPS: values.get("registryPullQPS"),
    registryBurst: values.get("registryBurst"),
    imagePullCredentialsVerificationPolicy: values.get("imagePullCredentialsVerificationPolicy"),
    preloadedImagesVerificationAllowlist: values.get("preloadedImagesVerificationAllowlist"),
    imageMaximumGCAge: values.get("imageMaximumGCAge"),
    containerLogMaxWorkers: values.get("containerLogMaxWorkers"),
    containerLogMonitorInterval: values.get("containerLogMonitorInterval"),
    allowedUnsafeSysctls: values.get("allowedUnsafeSysctls"),
    staticPodPath: values.get("staticPodPath"),
    staticPodURL: values.get("staticPodURL"),
    staticPodURLHeader: values.get("staticPodURLHeader"),
    fileCheckInterval: values.get("fileCheckFrequency"),
    httpCheckInterval: values.get("httpCheckFrequency"),
    containerLogMaxSize: bytes,
    containerLogMaxFiles: values.get("containerLogMaxFiles"),
    nodeLeaseDurationSeconds: values.get("nodeLeaseDurationSeconds"),
    nodeStatusUpdateInterval: values.get("nodeStatusUpdateFrequency"),
    nodeStatusReportInterval: values.get("nodeStatusReportFrequency"),
    syncInterval: values.get("syncFrequency"),
    maxContainerRestartPeriod: values.get("crashLoopBackOff.maxContainerRestartPeriod"),
  };
  return {
    config: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<KubeletConfig>,
    address: values.get("address"),
    healthz: { host: values.get("healthzBindAddress") ?? "127.0.0.1", port: values.get("healthzPort") ?? 10248 },
    containerRuntimeEndpoint: values.get("containerRuntimeEndpoint"),
    clientCAFile: values.get("authentication.x509.clientCAFile") ?? "",
    tlsCertFile: values.get("tlsCertFile") ?? "",
    tlsPrivateKeyFile: values.get("tlsPrivateKeyFile") ?? "",
    failSwapOn: values.get("failSwapOn"),
    failCgroupV1: values.get("failCgroupV1") ?? false,
  };
}

/** In upstream's words, without "invalid configuration". */
function imageProblems(values: ConfigValues): string[] {
  const number = (field: string, fallback: number): number => values.get<number>(field) ?? fallback;
  const [oldest, youngest] = [number("imageMaximumGCAge", 0), number("imageMinimumGCAge", 120_000)];
  const policy = values.get<string>("imagePullCredentialsVerificationPolicy") ?? "NeverVerifyPreloadedImages";
  const allowlist = values.get<string[]>("preloadedImagesVerificationAllowlist") ?? [];
  const wrong = allowlist.map(allowlistProblem).find((problem) => problem !== undefined);
  return [
    ...(number("registryPullQPS", 5) < 0 ? ["registryPullQPS (--registry-qps) must not be a negative number"] : []),
    ...(number("registryBurst", 10) < 0 ? ["registryBurst (--registry-burst) must not be a negative number"] : []),
    ...(oldest < 0 ? [`imageMaximumGCAge ${formatDuration(oldest)} must not be negative`] : []),
    ...(oldest > 0 && oldest <= youngest
      ? [`imageMaximumGCAge ${formatDuration(oldest)} must be greater than imageMinimumGCAge ${formatDuration(youngest)}`]
      : []),
    ...(number("containerLogMaxWorkers", 1) < 1 ? ["containerLogMaxWorkers must be a positive integer"] : []),
    ...(number("containerLogMonitorInterval", 10_000) < 3000
      ? ["containerLogMonitorInterval must be a positive time duration greater than or equal to 3s"]
      : []),
    ...(wrong ? [`preloadedImagesVerificationAllowlist: ${wrong}`] : []),
    ...(allowlist.length && policy !== "NeverVerifyAllowlistedImages"
      ? [`can't set \`preloadedImagesVerificationAllowlist\` if \`imagePullCredentialsVerificationPolicy\` is not "NeverVerifyAllowlistedImages"`]
      : []),
  ];
}

function quantity(values: ConfigValues, field: string, file: string, problems: string[]): number | undefined {
  const text = values.get<string>(field);
  if (text === undefined) return undefined;
  try {
    return Number(parseQuantity(text).value());
  } catch (error) {
    problems.push(`${file}: ${field}: ${(error as Error).message}`);
    return undefined;
  }
}
