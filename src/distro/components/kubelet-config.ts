/** KubeletConfiguration (kubelet.config.k8s.io/v1beta1): one file, and drop-ins that go over it in the order of their names. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { quantityToNumber } from "../../api/quantity.ts";
import type { Taint } from "../../api/types/core-v1.gen.ts";
import type { KubeletConfig } from "../../kubelet/config.ts";
import { defaultEvictionHard } from "../../kubelet/eviction/thresholds.ts";
import { parseCpuList } from "../../linux/cpu-list.ts";
import { type ConfigValues, readConfigFiles } from "./config-file.ts";
import { FlagError } from "./flag-error.ts";
import { gracePeriods, kubeletConfigProblems } from "./kubelet-config-check.ts";
import { kubeletConfigTable } from "./kubelet-config-table.ts";

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
  oomScoreAdj: number;
  access: {
    anonymous: boolean;
    /** Whoever is known may do everything. */
    alwaysAllow: boolean;
    /** Milliseconds. */
    tokenTTL?: number;
    allowTTL?: number;
    denyTTL?: number;
  };
}

const type = { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration" };

/** Files of the directory and those below whose names end in `.conf`, in the order in which they apply. */
function dropIns(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(directory, entry.name);
        return entry.isDirectory() ? dropIns(path) : entry.name.endsWith(".conf") ? [path] : [];
      });
  } catch (error) {
    throw new FlagError([`--config-dir: ${(error as Error).message}`]);
  }
}

/** Processors that are named take the place of amounts. */
function reserved(values: ConfigValues): Pick<Partial<KubeletConfig>, "systemReserved" | "kubeReserved"> {
  const systemReserved = values.get<Record<string, string>>("systemReserved");
  const kubeReserved = values.get<Record<string, string>>("kubeReserved");
  const named = parseCpuList(values.get<string>("reservedSystemCPUs") ?? "");
  if (!named.size) return { systemReserved, kubeReserved };
  const { cpu: _, ...others } = kubeReserved ?? {};
  return { systemReserved: { ...systemReserved, cpu: String(named.size) }, kubeReserved: others };
}

/** Throws FlagError. Without a file everything has upstream's default. */
export function readKubeletConfig(file: string, directory = ""): KubeletFile {
  const files = [...(file ? [file] : []), ...(directory ? dropIns(directory) : [])];
  const values = readConfigFiles(files, type, kubeletConfigTable);
  const problems = kubeletConfigProblems(values);
  if (problems.length) throw new FlagError(problems.map((problem) => `${files.join(", ")}: ${problem}`));
  const evictionHard = values.get<Record<string, string>>("evictionHard");
  const period = values.get<number>("cpuCFSQuotaPeriod");
  const size = values.get<string>("containerLogMaxSize");
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
    ...reserved(values),
    cpuManagerPolicy: values.get("cpuManagerPolicy"),
    cpuManagerPolicyOptions: values.get("cpuManagerPolicyOptions"),
    cpuManagerReconcilePeriod: values.get("cpuManagerReconcilePeriod"),
    reservedSystemCPUs: values.get("reservedSystemCPUs"),
    memoryManagerPolicy: values.get("memoryManagerPolicy"),
    reservedMemory: values.get("reservedMemory"),
    topologyManagerPolicy: values.get("topologyManagerPolicy"),
    topologyManagerScope: values.get("topologyManagerScope"),
    topologyManagerPolicyOptions: values.get("topologyManagerPolicyOptions"),
    evictionHard: evictionHard && values.get("mergeDefaultEvictionSettings") ? { ...defaultEvictionHard, ...evictionHard } : evictionHard,
    evictionSoft: values.get("evictionSoft"),
    evictionSoftGracePeriod: gracePeriods(values),
    evictionMaxPodGracePeriod: values.get("evictionMaxPodGracePeriod"),
    evictionMinimumReclaim: values.get("evictionMinimumReclaim"),
    podPidsLimit: values.get("podPidsLimit"),
    shutdownGracePeriod: values.get("shutdownGracePeriod"),
    shutdownGracePeriodCriticalPods: values.get("shutdownGracePeriodCriticalPods"),
    shutdownGracePeriodByPodPriority: values.get("shutdownGracePeriodByPodPriority"),
    podsPerCore: values.get("podsPerCore"),
    nodeStatusMaxImages: values.get("nodeStatusMaxImages"),
    evictionPressureTransitionPeriod: values.get("evictionPressureTransitionPeriod"),
    cpuCFSQuota: values.get("cpuCFSQuota"),
    cpuCFSQuotaPeriod: period === undefined ? undefined : period * 1000,
    seccompDefault: values.get("seccompDefault"),
    serializeImagePulls: values.get("serializeImagePulls"),
    maxParallelImagePulls: values.get("maxParallelImagePulls"),
    imageMinimumGCAge: values.get("imageMinimumGCAge"),
    imageGCHighThresholdPercent: values.get("imageGCHighThresholdPercent"),
    imageGCLowThresholdPercent: values.get("imageGCLowThresholdPercent"),
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
    containerLogMaxSize: size === undefined ? undefined : quantityToNumber(size),
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
    oomScoreAdj: values.get("oomScoreAdj") ?? -999,
    access: {
      anonymous: values.get("authentication.anonymous.enabled") ?? false,
      alwaysAllow: values.get("authorization.mode") === "AlwaysAllow",
      tokenTTL: values.get("authentication.webhook.cacheTTL"),
      allowTTL: values.get("authorization.webhook.cacheAuthorizedTTL"),
      denyTTL: values.get("authorization.webhook.cacheUnauthorizedTTL"),
    },
  };
}

/** In upstream's words, without "invalid configuration". */
