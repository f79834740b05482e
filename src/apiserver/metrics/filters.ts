/** How long a request stays at each step of its way to the verbs (k8s.io/apiserver/pkg/endpoints/filterlatency). */
import type { Metrics } from "../../base/metrics.ts";

type Observe = (seconds: number) => void;

export interface FilterSeries {
  readonly authentication: Observe;
  readonly audit: Observe;
  readonly impersonation: Observe;
  readonly turn: Observe;
  readonly authorization: Observe;
}

const buckets = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 5, 10, 15, 30];

export function filterSeries(metrics: Metrics): FilterSeries {
  const duration = metrics.histogram(
    "apiserver_request_filter_duration_seconds",
    "Request filter latency distribution in seconds, for each filter type",
    buckets,
    ["filter"],
  );
  // Where nothing waits in queues nobody is told how long: the series is made by the first who does.
  let waited: Observe | undefined;
  return {
    authentication: duration.series("authentication"),
    audit: duration.series("audit"),
    impersonation: duration.series("constrainedimpersonation"),
    turn(seconds) {
      waited ??= duration.series("priorityandfairness");
      waited(seconds);
    },
    authorization: duration.series("authorization"),
  };
}
