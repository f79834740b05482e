/** KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) as far as the scheduler can be told. */
import { parseSchedulerConfig, type SchedulerConfig, SchedulerConfigError } from "../../scheduler/config.ts";
import { type ConfigTable, only, readConfigFile } from "./config-file.ts";
import { FlagError } from "./flag-error.ts";
import type { LeaderElectionFlags } from "./leader.ts";

const header = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration" };
const limits = "requests are not limited by the client; the API server's own limits hold";
const table: ConfigTable = {
  "leaderElection.leaderElect": { type: "bool" },
  "leaderElection.leaseDuration": { type: "duration" },
  "leaderElection.renewDeadline": { type: "duration" },
  "leaderElection.retryPeriod": { type: "duration" },
  "leaderElection.resourceLock": only("leases", "other locks were removed from Kubernetes"),
  "leaderElection.resourceName": { type: "string" },
  "leaderElection.resourceNamespace": { type: "string" },
  "clientConnection.kubeconfig": { type: "string" },
  "clientConnection.acceptContentTypes": only("", "JSON is spoken"),
  "clientConnection.contentType": only("application/vnd.kubernetes.protobuf", "JSON is spoken"),
  "clientConnection.qps": only(50, limits),
  "clientConnection.burst": only(100, limits),
  podInitialBackoffSeconds: { type: "number" },
  podMaxBackoffSeconds: { type: "number" },
  percentageOfNodesToScore: { type: "number" },
  profiles: { type: "list" },
  parallelism: only(16, "pods are decided one after the other on one thread"),
  extenders: { type: "list" },
  enableProfiling: only(true, "there is no Go runtime to profile"),
  enableContentionProfiling: only(true, "there is no Go runtime to profile"),
  delayCacheUntilActive: only(false, "caches are filled before the lease is held"),
};

export interface SchedulerFile {
  config: SchedulerConfig;
  kubeconfig?: string;
  leaderElection: Partial<LeaderElectionFlags>;
}

/** Throws FlagError. */
export function readSchedulerConfig(file: string): SchedulerFile {
  const values = readConfigFile(file, header, table);
  const fields = ["podInitialBackoffSeconds", "podMaxBackoffSeconds", "percentageOfNodesToScore", "profiles", "extenders"];
  let config: SchedulerConfig;
  try {
    config = parseSchedulerConfig({ ...header, ...Object.fromEntries(fields.map((field) => [field, values.get(field)])) });
  } catch (error) {
    if (!(error instanceof SchedulerConfigError)) throw error;
    throw new FlagError(error.errors.map(({ field, body }) => `${file}: ${field}: ${body}`));
  }
  return { config, kubeconfig: values.get("clientConnection.kubeconfig"), leaderElection: leaderElection(values) };
}

function leaderElection(values: { get<T>(path: string): T | undefined }): Partial<LeaderElectionFlags> {
  const named = {
    "leader-elect": values.get("leaderElection.leaderElect"),
    "leader-elect-lease-duration": values.get("leaderElection.leaseDuration"),
    "leader-elect-renew-deadline": values.get("leaderElection.renewDeadline"),
    "leader-elect-retry-period": values.get("leaderElection.retryPeriod"),
    "leader-elect-resource-name": values.get("leaderElection.resourceName"),
    "leader-elect-resource-namespace": values.get("leaderElection.resourceNamespace"),
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) as Partial<LeaderElectionFlags>;
}
