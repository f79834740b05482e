/**
 * `/metrics/resource`: processor time and memory of the node, its pods and their containers, as metrics-server reads them
 * (KEP-1209; upstream's pkg/kubelet/metrics/collectors/resource_metrics.go). Read when asked for: once in many seconds.
 */
import { cpuTime, memoryInfo, memoryWorkingSet } from "../../linux/machine.ts";
import { Exposition, labelText } from "./exposition.ts";
import type { StatsSource } from "./source.ts";

const families: readonly [name: string, type: "counter" | "gauge", help: string][] = [
  ["container_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the container in core-seconds"],
  ["container_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the container in bytes"],
  ["container_start_time_seconds", "gauge", "[STABLE] Start time of the container since unix epoch in seconds"],
  ["container_swap_limit_bytes", "gauge", "[ALPHA] Current amount of the container swap limit in bytes. Reported only on non-windows systems"],
  ["container_swap_usage_bytes", "gauge", "[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems"],
  ["node_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the node in core-seconds"],
  ["node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes"],
  ["node_swap_usage_bytes", "gauge", "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems"],
  ["pod_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the pod in core-seconds"],
  ["pod_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the pod in bytes"],
  ["pod_swap_usage_bytes", "gauge", "[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems"],
  ["resource_scrape_error", "gauge", "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise"],
];

const seconds = (nanoseconds: number): number => nanoseconds / 1e9;

export async function resourceMetrics(source: StatsSource): Promise<string> {
  const out = new Exposition();
  for (const [name, type, help] of families) out.family(name, type, help);
  const now = source.now();
  const { SwapTotal = 0, SwapFree = 0 } = memoryInfo();
  out.add("node_cpu_usage_seconds_total", "", seconds(cpuTime()), now);
  out.add("node_memory_working_set_bytes", "", memoryWorkingSet(), now);
  out.add("node_swap_usage_bytes", "", SwapTotal - SwapFree, now);
  out.add("resource_scrape_error", "", 0);
  for await (const { pod, containers, time, cpu, memory } of source.pods()) {
    const { namespace = "", name } = pod.metadata;
    const labels = labelText({ namespace, pod: name });
    if (cpu) out.add("pod_cpu_usage_seconds_total", labels, seconds(cpu.total), time);
    if (memory) {
      out.add("pod_memory_working_set_bytes", labels, memory.workingSet, time);
      out.add("pod_swap_usage_bytes", labels, memory.swap, time);
    }
    for (const container of containers) {
      const own = labelText({ container: container.record.name, namespace, pod: name });
      if (!container.cpu && !container.memory) continue;
      out.add("container_start_time_seconds", own, container.record.startedAt / 1000);
      if (container.cpu) out.add("container_cpu_usage_seconds_total", own, seconds(container.cpu.total), container.time);
      if (!container.memory) continue;
      out.add("container_memory_working_set_bytes", own, container.memory.workingSet, container.time);
      out.add("container_swap_usage_bytes", own, container.memory.swap, container.time);
    }
  }
  return out.toString();
}
