/** The API server's own metrics under upstream's names (k8s.io/apiserver/pkg/endpoints/metrics/metrics.go). */
import type { Metrics } from "../../base/metrics.ts";
import type { RequestInfo } from "../request-info.ts";

const durationBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

export function createServerMetrics(metrics: Metrics) {
  const labels = ["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component"];
  const total = metrics.counter(
    "apiserver_request_total",
    "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
    [...labels, "code"],
  );
  const duration = metrics.histogram(
    "apiserver_request_duration_seconds",
    "Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
    durationBuckets,
    labels,
  );
  metrics.alias(
    "apiserver_request_sli_duration_seconds",
    "Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.",
    duration,
    ["dry_run"],
  );
  const inflight = metrics.gauge(
    "apiserver_current_inflight_requests",
    "Maximal number of currently used inflight request limit of this apiserver per request kind in last second.",
    ["request_kind"],
  );
  const longRunning = metrics.gauge("apiserver_longrunning_requests", "Gauge of all active long-running apiserver requests.", [
    "verb",
    "group",
    "version",
    "resource",
    "subresource",
    "scope",
    "component",
  ]);
  const rejected = metrics.counter("apiserver_flowcontrol_rejected_requests_total", "Number of requests rejected by the limit of requests in flight.", [
    "reason",
  ]);
  const aborts = metrics.counter("apiserver_request_aborts_total", "Number of requests which apiserver aborted possibly due to a timeout.", [
    "verb",
    "resource",
  ]);
  const scopeOf = (info: RequestInfo): string => (!info.isResource ? "" : info.name ? "resource" : info.namespace ? "namespace" : "cluster");
  const verbOf = (info: RequestInfo): string => (info.verb === "patch" && info.isResource ? "PATCH" : info.verb.toUpperCase());
  return {
    inflight,
    rejected,
    aborts,
    longRunning(info: RequestInfo, by: number): void {
      longRunning.add(by, verbOf(info), info.group, info.version, info.resource, info.subresource, scopeOf(info), "apiserver");
    },
    done(info: RequestInfo, dryRun: boolean, code: number, seconds: number | undefined): void {
      const values: [string, string, string, string, string, string, string, string] = [
        verbOf(info),
        dryRun ? "All" : "",
        info.group,
        info.version,
        info.resource,
        info.subresource,
        scopeOf(info),
        "apiserver",
      ];
      total.inc(...values, String(code));
      if (seconds !== undefined) duration.observe(seconds, ...values);
    },
  };
}
