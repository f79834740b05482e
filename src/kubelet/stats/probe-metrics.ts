/** `/metrics/probes`: how often probes ran with which result, and how long they took (pkg/kubelet/prober/prober.go). */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { Exposition, labelText } from "./exposition.ts";

export type ProbeOutcome = "successful" | "failed" | "unknown";

/** Go's default buckets. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Durations {
  labels: string;
  counts: number[];
  sum: number;
  count: number;
}

export class ProbeMetrics {
  /** By uid, then by labels: what is removed with its pod. */
  readonly #pods = new Map<string, { results: Map<string, number>; durations: Map<string, Durations> }>();
  /** Milliseconds since the epoch. */
  readonly #started: number;
  constructor(started: number) {
    this.#started = started;
  }

  /** `kind`: Liveness, Readiness or Startup. */
  observe({ metadata }: Pod, container: string, kind: string, result: ProbeOutcome, seconds: number): void {
    const known = this.#pods.get(metadata.uid) ?? { results: new Map<string, number>(), durations: new Map<string, Durations>() };
    this.#pods.set(metadata.uid, known);
    const namespace = metadata.namespace ?? "";
    const labels = labelText({ container, namespace, pod: metadata.name, pod_uid: metadata.uid, probe_type: kind, result });
    known.results.set(labels, (known.results.get(labels) ?? 0) + 1);
    if (result !== "successful") return;
    const own = labelText({ container, namespace, pod: metadata.name, probe_type: kind });
    const durations = known.durations.get(own) ?? { labels: own, counts: bounds.map(() => 0), sum: 0, count: 0 };
    known.durations.set(own, durations);
    durations.sum += seconds;
    durations.count++;
    bounds.forEach((bound, i) => {
      if (seconds <= bound) durations.counts[i] = (durations.counts[i] as number) + 1;
    });
  }
  forget(uid: string): void {
    this.#pods.delete(uid);
  }
  expose(): string {
    const out = new Exposition();
    out.family("process_start_time_seconds", "gauge", "[ALPHA] Start time of the process since unix epoch in seconds.");
    out.add("process_start_time_seconds", "", this.#started / 1000);
    out.family("prober_probe_total", "counter", "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.");
    for (const { results } of this.#pods.values()) for (const [labels, count] of results) out.add("prober_probe_total", labels, count);
    const name = "prober_probe_duration_seconds";
    const lines: string[] = [];
    for (const { durations } of this.#pods.values())
      for (const { labels, counts, sum, count } of durations.values()) {
        bounds.forEach((bound, i) => void lines.push(`${name}_bucket{${labels},le="${bound}"} ${counts[i]}`));
        lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
      }
    const head = `# HELP ${name} [ALPHA] Duration in seconds for a probe response.\n# TYPE ${name} histogram\n`;
    return `${out}${lines.length ? `${head}${lines.join("\n")}\n` : ""}`;
  }
}
