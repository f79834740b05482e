/** What the verbs count beside the request itself. */
import type { ResourceDef } from "../../api/schema/schema.ts";
import type { Metrics, Sample } from "../../base/metrics.ts";
import { type WatchSeries, watchSeries } from "./watches.ts";

/** How it was found out whether an update changes more than the times of managed fields. */
export type Comparison = "unequal_objects_fast" | "unequal_objects_slow" | "equal_objects";

export interface ReadSeries {
  /** A list of what there is now was answered from the cache. */
  consistent(): void;
  /** A read of no less than a revision could go on after so many seconds. */
  waited(seconds: number): void;
}

export interface RestSeries {
  /** Told of what leaves in watches of a resource. */
  watched(def: ResourceDef): WatchSeries;
  /** Told of reads of a resource; undefined for what upstream reads past its watch cache. */
  read(def: ResourceDef): ReadSeries | undefined;
  compared(outcome: Comparison, seconds: number): void;
}

const waits = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3];
const comparisons = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 5];

export function restSeries(metrics: Metrics): RestSeries {
  const consistentReads = metrics.counter("apiserver_watch_cache_consistent_read_total", "Counter for consistent reads from cache.", [
    ...["group", "resource"],
    ...["success", "fallback"],
  ]);
  const readWaits = metrics.histogram("apiserver_watch_cache_read_wait_seconds", "Histogram of time spent waiting for a watch cache to become fresh.", waits, [
    "group",
    "resource",
  ]);
  const compared = metrics.histogram(
    "apiserver_request_timestamp_comparison_time",
    "Time taken for comparison of old vs new objects in UPDATE or PATCH requests",
    comparisons,
    ["code_path"],
  );
  const paths = new Map<Comparison, (seconds: number) => void>();
  const known = new Map<ResourceDef, ReadSeries>();
  return {
    watched: watchSeries(metrics),
    read(def) {
      if (def.resource === "events") return undefined;
      const found = known.get(def);
      if (found) return found;
      const { group, resource } = def;
      let consistent: Sample | undefined;
      const made: ReadSeries = {
        consistent() {
          consistent ??= consistentReads.with(group, resource, "true", "false");
          consistent.value++;
        },
        waited: (seconds) => readWaits.observe(seconds, group, resource),
      };
      known.set(def, made);
      return made;
    },
    compared(outcome, seconds) {
      let observe = paths.get(outcome);
      if (!observe) {
        observe = compared.series(outcome);
        paths.set(outcome, observe);
      }
      observe(seconds);
    },
  };
}
