/** The proxy's metrics, under kube-proxy's names (k8s.io/kubernetes/pkg/proxy/metrics). */
import type { Histogram, Metrics, Value } from "../base/metrics.ts";

export interface ProxyMetrics {
  sync: Histogram;
  fullSync: Histogram;
  partialSync: Histogram;
  lastSync: Value;
  lastQueued: Value;
  programming: Histogram;
  endpointChangesPending: Value;
  endpointChanges: Value;
  serviceChangesPending: Value;
  serviceChanges: Value;
  syncFailures: Value;
  cleanupFailures: Value;
  noLocalEndpoints: Value;
  healthz: Value;
  livez: Value;
  conntrack: Histogram;
  conntrackDeleted: Value;
}

const range = (from: number, step: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + step * i);
const doubling = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

export function proxyMetrics(metrics: Metrics): ProxyMetrics {
  const family = ["ip_family"];
  const name = (rest: string): string => `kubeproxy_${rest}`;
  return {
    sync: metrics.histogram(name("sync_proxy_rules_duration_seconds"), "SyncProxyRules latency in seconds", doubling, family),
    fullSync: metrics.histogram(name("sync_full_proxy_rules_duration_seconds"), "SyncProxyRules latency in seconds for full resyncs", doubling, family),
    partialSync: metrics.histogram(
      name("sync_partial_proxy_rules_duration_seconds"),
      "SyncProxyRules latency in seconds for partial resyncs",
      doubling,
      family,
    ),
    lastSync: metrics.gauge(name("sync_proxy_rules_last_timestamp_seconds"), "The last time proxy rules were successfully synced", family),
    lastQueued: metrics.gauge(name("sync_proxy_rules_last_queued_timestamp_seconds"), "The last time a sync of proxy rules was queued", family),
    programming: metrics.histogram(
      name("network_programming_duration_seconds"),
      "In Cluster Network Programming Latency in seconds",
      [...range(0.25, 0.25, 2), ...range(1, 1, 59), ...range(60, 5, 12), ...range(120, 30, 7)],
      family,
    ),
    endpointChangesPending: metrics.gauge(name("sync_proxy_rules_endpoint_changes_pending"), "Pending proxy rules Endpoint changes"),
    endpointChanges: metrics.counter(name("sync_proxy_rules_endpoint_changes_total"), "Cumulative proxy rules Endpoint changes"),
    serviceChangesPending: metrics.gauge(name("sync_proxy_rules_service_changes_pending"), "Pending proxy rules Service changes"),
    serviceChanges: metrics.counter(name("sync_proxy_rules_service_changes_total"), "Cumulative proxy rules Service changes"),
    syncFailures: metrics.counter(name("sync_proxy_rules_nftables_sync_failures_total"), "Cumulative proxy nftables sync failures", family),
    cleanupFailures: metrics.counter(name("sync_proxy_rules_nftables_cleanup_failures_total"), "Cumulative proxy nftables cleanup failures", family),
    noLocalEndpoints: metrics.gauge(name("sync_proxy_rules_no_local_endpoints_total"), "Number of services with a Local traffic policy and no endpoints", [
      "traffic_policy",
      ...family,
    ]),
    healthz: metrics.counter(name("proxy_healthz_total"), "Cumulative proxy healthz HTTP status", ["code"]),
    livez: metrics.counter(name("proxy_livez_total"), "Cumulative proxy livez HTTP status", ["code"]),
    conntrack: metrics.histogram(name("conntrack_reconciler_sync_duration_seconds"), "ReconcileConntrackFlowsLatency latency in seconds", doubling, family),
    conntrackDeleted: metrics.counter(name("conntrack_reconciler_deleted_entries_total"), "Cumulative conntrack flows deleted by conntrack reconciler", family),
  };
}
