/** How often discovery was put together from several API servers (feature gate UnknownVersionInteroperabilityProxy): this one asks none. */
import type { Metrics } from "../../base/metrics.ts";

/** What is returned counts a request for what this server alone serves. */
export function peerDiscoverySeries(metrics: Metrics): () => void {
  const total = (name: string, help: string) => metrics.counter(`aggregator_discovery_${name}_total`, `[ALPHA] ${help}`).with();
  total("peer_aggregated_cache_hits", "Counter of number of times discovery was served from peer-aggregated cache");
  total("peer_aggregated_cache_misses", "Counter of number of times discovery was aggregated across all API servers");
  const alone = total("nopeer_requests", "Counter of number of times no-peer (non peer-aggregated) discovery was requested");
  return () => alone.value++;
}
