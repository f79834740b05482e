/**
 * How often discovery was put together, of this server's own resources (k8s.io/apiserver/pkg/endpoints/discovery/aggregated) and of
 * several API servers' (feature gate UnknownVersionInteroperabilityProxy): this one asks none.
 */
import type { Metrics } from "../../base/metrics.ts";

export interface DiscoverySeries {
  /** A request for what this server alone serves. */
  withoutPeers(): void;
  /** What is served has changed since, or was never put together before. */
  aggregated(): void;
}

export function discoverySeries(metrics: Metrics): DiscoverySeries {
  const total = (name: string, help: string) => metrics.counter(`aggregator_discovery_${name}_total`, `[ALPHA] ${help}`).with();
  total("peer_aggregated_cache_hits", "Counter of number of times discovery was served from peer-aggregated cache");
  total("peer_aggregated_cache_misses", "Counter of number of times discovery was aggregated across all API servers");
  const alone = total("nopeer_requests", "Counter of number of times no-peer (non peer-aggregated) discovery was requested");
  const aggregations = total("aggregation_count", "Counter of number of times discovery was aggregated");
  return { withoutPeers: () => void alone.value++, aggregated: () => void aggregations.value++ };
}
