/** A certificate for a request whose signature and names have been judged, backdated by five minutes; undefined: nobody here signs for that signer. */
export type SignRequest = (asked: { signerName: string; request: string; usages: readonly string[]; seconds: number }) => Promise<string | undefined>;

/** What an administrator may set; names and defaults are kube-controller-manager's flags'. Durations in milliseconds. */
export interface ControllerOptions {
  /** PEM, published in each namespace as kube-root-ca.crt. Absent: not published. */
  rootCA?: string;
  /** --feature-gates: whether a feature is on that is off by default. @default none is */
  features?(gate: string): boolean;
  /** --node-monitor-period. @default 5000 */
  nodeMonitorPeriod?: number;
  /** --node-monitor-grace-period. @default 50000 */
  nodeMonitorGracePeriod?: number;
  /** --node-startup-grace-period. @default 60000 */
  nodeStartupGracePeriod?: number;
  /** --terminated-pod-gc-threshold; 0 keeps all. @default 12500 */
  terminatedPodGCThreshold?: number;
  /** --max-endpoints-per-slice. @default 100 */
  maxEndpointsPerSlice?: number;
  /** --mirroring-max-endpoints-per-subset. @default 1000 */
  maxMirroredPerSubset?: number;
  /** --resource-quota-sync-period. @default 300000 */
  resourceQuotaSyncPeriod?: number;
  /** --pvclaimbinder-sync-period. @default 15000 */
  volumeBinderSyncPeriod?: number;
  /** --enable-dynamic-provisioning: claims without a volume are handed to the provisioner of their class. @default true */
  enableDynamicProvisioning?: boolean;
  /** --node-eviction-rate: nodes a second whose pods are evicted. @default 0.1 */
  nodeEvictionRate?: number;
  /** By the cluster's authority, PEM in and out. Absent: approved requests wait for a signer from outside. */
  signRequest?: SignRequest;
  /** --cluster-signing-duration: the longest life of a certificate. @default 31536000000 */
  clusterSigningDuration?: number;
  /** A token over claims, by the key whose tokens the API server trusts. Absent: Secrets for tokens stay empty. */
  signServiceAccountToken?(claims: object): string;
  /** --secondary-node-eviction-rate: the same in a zone that is mostly lost, if it is large. @default 0.01 */
  secondaryNodeEvictionRate?: number;
  /** --large-cluster-size-threshold: nodes beyond which a zone is large. @default 50 */
  largeClusterSizeThreshold?: number;
  /** --unhealthy-zone-threshold: the share of lost nodes from which a zone is mostly lost. @default 0.55 */
  unhealthyZoneThreshold?: number;
  /** --horizontal-pod-autoscaler-...; times in milliseconds, defaults are upstream's. */
  horizontalPodAutoscaler?: {
    syncPeriod?: number;
    tolerance?: number;
    cpuInitializationPeriod?: number;
    initialReadinessDelay?: number;
    downscaleStabilization?: number;
  };
  /** --cluster-cidr with its masks, --service-cluster-ip-range. Absent: nodes are given no pod networks. */
  nodeCIDRs?: { pools: readonly { cidr: string; mask: number }[]; reserved: readonly string[] };
  /** --legacy-service-account-token-clean-up-period. @default 31536000000 */
  legacyTokenCleanUpPeriod?: number;
  /** --disable-force-detach-on-timeout: a volume is never taken from a node that has not let go of it. @default false */
  disableForceDetachOnTimeout?: boolean;
}
