/** What leaves in watches (k8s.io/apiserver/pkg/endpoints/metrics/metrics.go). */
import type { ResourceDef } from "../../api/schema/schema.ts";
import type { Metrics } from "../../base/metrics.ts";

const sizeBuckets = Array.from({ length: 8 }, (_, i) => 1024 * 2 ** i);
const listBuckets = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60];

export interface WatchSeries {
  /** An event of so many bytes was handed to one watcher. */
  readonly sent: (bytes: number) => void;
  /** A watcher that asked for the initial state has it, so many seconds after it asked. */
  readonly listed: (scope: "cluster" | "namespace" | "resource", seconds: number) => void;
}

/** For each resource the same object, made at the first watch. */
export function watchSeries(metrics: Metrics): (def: Pick<ResourceDef, "group" | "version" | "resource">) => WatchSeries {
  const labels = ["group", "version", "resource"];
  const total = metrics.counter("apiserver_watch_events_total", "Number of events sent in watch clients", labels);
  const sizes = metrics.histogram("apiserver_watch_events_sizes", "Watch event size distribution in bytes", sizeBuckets, labels);
  const lists = metrics.histogram(
    "apiserver_watch_list_duration_seconds",
    "Response latency distribution in seconds for watch list requests broken by group, version, resource and scope.",
    listBuckets,
    [...labels, "scope"],
  );
  const known = new Map<object, WatchSeries>();
  return (def) => {
    const found = known.get(def);
    if (found) return found;
    const { group, version, resource } = def;
    const count = total.with(group, version, resource);
    const size = sizes.series(group, version, resource);
    const series: WatchSeries = {
      sent: (bytes) => {
        count.value++;
        size(bytes);
      },
      listed: (scope, seconds) => lists.observe(seconds, group, version, resource, scope),
    };
    known.set(def, series);
    return series;
  };
}
