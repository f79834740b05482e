/** What every Prometheus exporter tells of its process. */
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";

export function addProcessMetrics(metrics: Metrics, clock: Clock): void {
  const cpu = metrics.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  const memory = metrics.gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  const start = metrics.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
  start.set(clock.now() / 1000 - process.uptime());
  metrics.onCollect(() => {
    const { user, system } = process.cpuUsage();
    cpu.set((user + system) / 1e6);
    memory.set(process.memoryUsage.rss());
  });
}
