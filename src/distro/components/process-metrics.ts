/** What every Prometheus exporter tells of its process. */
import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";

/** Bytes, of all machines that there are lmdb and containerd binaries for. */
const pageSize = 4096;

/** When this process began, in milliseconds. */
export const processStart = (clock: Clock): number => clock.now() - process.uptime() * 1000;

export function addProcessMetrics(metrics: Metrics, clock: Clock): void {
  const cpu = metrics.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  const memory = metrics.gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  const start = metrics.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
  const open = metrics.gauge("process_open_fds", "Number of open file descriptors.");
  const most = metrics.gauge("process_max_fds", "Maximum number of open file descriptors.");
  const received = metrics.counter("process_network_receive_bytes_total", "Number of bytes received by the process over the network.");
  const sent = metrics.counter("process_network_transmit_bytes_total", "Number of bytes sent by the process over the network.");
  const virtual = metrics.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
  const limit = metrics.gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.");
  start.set(processStart(clock) / 1000);
  metrics.onCollect(() => {
    const { user, system } = process.cpuUsage();
    cpu.set((user + system) / 1e6);
    memory.set(process.memoryUsage.rss());
    if (process.platform !== "linux") return;
    open.set(readdirSync("/proc/self/fd").length);
    const limits = readFileSync("/proc/self/limits", "utf8");
    most.set(Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0));
    limit.set(Number(/^Max address space\s+(\d+)/m.exec(limits)?.[1] ?? 2 ** 64));
    const [names = [], octets = []] = readFileSync("/proc/self/net/netstat", "utf8")
      .split("\n")
      .filter((line) => line.startsWith("IpExt:"))
      .map((line) => line.split(" "));
    received.set(Number(octets[names.indexOf("InOctets")] ?? 0));
    sent.set(Number(octets[names.indexOf("OutOctets")] ?? 0));
    virtual.set(Number(readFileSync("/proc/self/statm", "utf8").split(" ")[0]) * pageSize);
  });
}
