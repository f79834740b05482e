/** The server's metrics, under CoreDNS's names (https://coredns.io/plugins/metrics/). */
import type { Histogram, Metrics, Sample, Value } from "../base/metrics.ts";

export interface DNSMetrics {
  /** Binds a series once: these are counted for every question. */
  request(zone: string, transport: "udp" | "tcp", type: string): Sample;
  response(zone: string, rcode: string): Sample;
  duration(zone: string): (seconds: number) => void;
  forwarded: Histogram;
  rejected: Value;
  cacheHits: Value;
  cacheMisses: Value;
  cacheEntries: Value;
}

const doubling = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first * 2 ** i);

export function dnsMetrics(metrics: Metrics, server: string, family: "1" | "2"): DNSMetrics {
  const requests = metrics.counter("coredns_dns_requests_total", "Counter of DNS requests made per zone, protocol and family.", [
    "server",
    "zone",
    "view",
    "proto",
    "family",
    "type",
  ]);
  const responses = metrics.counter("coredns_dns_responses_total", "Counter of response status codes.", ["server", "zone", "view", "rcode", "plugin"]);
  const durations = metrics.histogram(
    "coredns_dns_request_duration_seconds",
    "Histogram of the time (in seconds) each request took per zone.",
    doubling(0.00025, 16),
    ["server", "zone", "view"],
  );
  const dnsServer = `dns://${server}`;
  const memo = <T>(make: (...labels: string[]) => T): ((...labels: string[]) => T) => {
    const made = new Map<string, T>();
    return (...labels) => {
      const key = labels.join(" ");
      const known = made.get(key) ?? make(...labels);
      made.set(key, known);
      return known;
    };
  };
  return {
    request: memo((zone, transport, type) => requests.with(dnsServer, zone as string, "", transport as string, family, type as string)),
    response: memo((zone, rcode) => responses.with(dnsServer, zone as string, "", rcode as string, zone === "." ? "forward" : "kubernetes")),
    duration: memo((zone) => durations.series(dnsServer, zone as string, "")),
    forwarded: metrics.histogram("coredns_proxy_request_duration_seconds", "Histogram of the time each request took.", doubling(0.00025, 16), [
      "proxy_name",
      "to",
      "rcode",
    ]),
    rejected: metrics.counter(
      "coredns_forward_max_concurrent_rejects_total",
      "Counter of the number of queries rejected because the concurrent queries were at maximum.",
    ),
    cacheHits: metrics.counter("coredns_cache_hits_total", "The count of cache hits.", ["server", "type", "zones", "view"]),
    cacheMisses: metrics.counter("coredns_cache_misses_total", "The count of cache misses.", ["server", "zones", "view"]),
    cacheEntries: metrics.gauge("coredns_cache_entries", "The number of elements in the cache.", ["server", "type", "zones", "view"]),
  };
}
