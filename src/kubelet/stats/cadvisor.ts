/**
 * `/metrics/cadvisor`: every group of the pods, from the root of them all down to containers and sandboxes, under cAdvisor's
 * names and the kubelet's labels (github.com/google/cadvisor/metrics, containerPrometheusLabelsFunc of pkg/kubelet/server).
 */
import { readFileSync } from "node:fs";
import type { Limits } from "../../linux/cgroup-usage.ts";
import { diskIO } from "../../linux/disk-io.ts";
import { type InterfaceUsage, interfacesOf } from "../../linux/interfaces.ts";
import { cpuTime, memoryInfo, memoryWorkingSet, pageFaults } from "../../linux/machine.ts";
import { openFiles, openFilesLimit } from "../../linux/open-files.ts";
import { Exposition, labelText } from "./exposition.ts";
import type { Group, StatsSource } from "./source.ts";

const families = JSON.parse(readFileSync(new URL("./cadvisor.json", import.meta.url), "utf8")) as Record<string, ["counter" | "gauge", string]>;

interface Identity {
  container?: string;
  image?: string;
  name?: string;
  namespace?: string;
  pod?: string;
}

const seconds = (nanoseconds: number): number => nanoseconds / 1e9;
/** Of tasks; upstream's kubelet counts none of them and shows each all the same. */
const states = ["iowaiting", "running", "sleeping", "stopped", "uninterruptible"];

class Page {
  readonly out = new Exposition();
  readonly #source: StatsSource;
  constructor(source: StatsSource) {
    this.#source = source;
    for (const [name, [type, help]] of Object.entries(families)) this.out.family(name, type, help);
  }

  identity(path: string, { container = "", image = "", name = "", namespace = "", pod = "" }: Identity): string {
    return labelText({ container, id: path, image, name, namespace, pod });
  }

  group(group: Group, labels: string, start: number): void {
    const { out } = this;
    const { path, time, cpu, memory } = group;
    const add = (name: string, value: number, more = ""): void => out.add(name, more ? `${labels},${more}` : labels, value, time);
    out.add("container_start_time_seconds", labels, Math.floor(start / 1000));
    add("container_last_seen", Math.floor(time / 1000));
    // No runtime but Docker tells of health.
    add("container_health_state", -1);
    const limits = this.#source.usage.limits(path);
    if (limits) this.#limits(limits, labels);
    if (cpu) {
      add("container_cpu_user_seconds_total", seconds(cpu.user));
      add("container_cpu_system_seconds_total", seconds(cpu.system));
      add("container_cpu_usage_seconds_total", seconds(cpu.total), 'cpu="total"');
      if (limits?.cpuQuota) {
        add("container_cpu_cfs_periods_total", cpu.periods);
        add("container_cpu_cfs_throttled_periods_total", cpu.throttledPeriods);
        add("container_cpu_cfs_throttled_seconds_total", seconds(cpu.throttledTime));
        add("container_cpu_cfs_burst_periods_total", cpu.burstPeriods);
        add("container_cpu_cfs_burst_seconds_total", seconds(cpu.burstTime));
      }
    }
    add("container_cpu_load_average_10s", 0);
    add("container_cpu_load_d_average_10s", 0);
    for (const state of states) add("container_tasks_state", 0, `state="${state}"`);
    if (memory) {
      add("container_memory_cache", memory.cache);
      add("container_memory_rss", memory.rss);
      add("container_memory_kernel_usage", memory.kernel);
      add("container_memory_mapped_file", memory.mapped);
      add("container_memory_swap", memory.swap);
      add("container_memory_failcnt", memory.failures);
      add("container_memory_usage_bytes", memory.usage);
      add("container_memory_max_usage_bytes", memory.maxUsage);
      add("container_memory_working_set_bytes", memory.workingSet);
      add("container_memory_total_active_file_bytes", memory.activeFile);
      add("container_memory_total_inactive_file_bytes", memory.inactiveFile);
      for (const scope of ["container", "hierarchy"]) {
        add("container_memory_failures_total", memory.pageFaults, `failure_type="pgfault",scope="${scope}"`);
        add("container_memory_failures_total", memory.majorPageFaults, `failure_type="pgmajfault",scope="${scope}"`);
      }
      add("container_oom_events_total", memory.oomKills);
    }
    this.#io(path, labels, time);
    this.#tasks(path, labels, time);
    for (const what of ["cpu", "memory", "io"] as const) {
      const pressure = this.#source.usage.pressure(path, what);
      if (!pressure) continue;
      add(`container_pressure_${what}_stalled_seconds_total`, pressure.full.total / 1e6);
      add(`container_pressure_${what}_waiting_seconds_total`, pressure.some.total / 1e6);
    }
  }

  #limits(limits: Limits, labels: string): void {
    const { out } = this;
    out.add("container_spec_cpu_period", labels, limits.cpuPeriod);
    if (limits.cpuQuota) out.add("container_spec_cpu_quota", labels, limits.cpuQuota);
    out.add("container_spec_cpu_shares", labels, limits.cpuShares);
    out.add("container_spec_memory_limit_bytes", labels, limits.memory);
    out.add("container_spec_memory_swap_limit_bytes", labels, limits.swap);
    out.add("container_spec_memory_reservation_limit_bytes", labels, limits.reservation);
  }

  #io(path: string, labels: string, time: number): void {
    for (const { device, readBytes, writtenBytes, reads, writes } of this.#source.usage.io(path)) {
      const [major = "", minor = ""] = device.split(":");
      const of = `${labels},device="${deviceName(device)}"`;
      this.out.add("container_fs_reads_bytes_total", of, readBytes, time);
      this.out.add("container_fs_writes_bytes_total", of, writtenBytes, time);
      this.out.add("container_fs_reads_total", of, reads, time);
      this.out.add("container_fs_writes_total", of, writes, time);
      const usage = (operation: string, value: number): void =>
        this.out.add("container_blkio_device_usage_total", `${of},major="${major}",minor="${minor}",operation="${operation}"`, value, time);
      usage("Read", readBytes);
      usage("Write", writtenBytes);
    }
  }

  #tasks(path: string, labels: string, time: number): void {
    const tasks = this.#source.usage.tasks(path);
    if (!tasks) return;
    const pids = this.#source.processes(path);
    const { files, sockets } = openFiles(pids);
    const add = (name: string, value: number, more = ""): void => this.out.add(name, labels + more, value, time);
    add("container_processes", pids.length);
    add("container_threads", tasks.threads);
    add("container_threads_max", tasks.threadsMax);
    add("container_file_descriptors", files);
    add("container_sockets", sockets);
    const limit = pids[0] === undefined ? undefined : openFilesLimit(pids[0]);
    if (limit !== undefined) add("container_ulimits_soft", limit, ',ulimit="max_open_files"');
  }

  interfaces(interfaces: readonly InterfaceUsage[], labels: string, time: number): void {
    for (const one of interfaces) {
      const add = (what: string, value: number): void => this.out.add(`container_network_${what}_total`, `${labels},interface="${one.name}"`, value, time);
      add("receive_bytes", one.receivedBytes);
      add("receive_packets", one.receivedPackets);
      add("receive_packets_dropped", one.receiveDropped);
      add("receive_errors", one.receiveErrors);
      add("transmit_bytes", one.sentBytes);
      add("transmit_packets", one.sentPackets);
      add("transmit_packets_dropped", one.sendDropped);
      add("transmit_errors", one.sendErrors);
    }
  }
}

/** By its numbers, as /sys names block devices; the numbers themselves where it knows none. */
function deviceName(device: string): string {
  const known = names.get(device);
  if (known !== undefined) return known;
  let name = device;
  try {
    name = `/dev/${/^DEVNAME=(.+)$/m.exec(readFileSync(`/sys/dev/block/${device}/uevent`, "utf8"))?.[1] ?? device}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  names.set(device, name);
  return name;
}
const names = new Map<string, string>();

/** The whole machine as one group. */
function machineGroup(time: number): Group {
  const info = memoryInfo();
  const { pageFaults: faults, majorPageFaults } = pageFaults();
  const [total, free] = [info.MemTotal ?? 0, info.MemFree ?? 0];
  const none = { periods: 0, throttledPeriods: 0, throttledTime: 0, burstPeriods: 0, burstTime: 0 };
  return {
    path: "/",
    time,
    cpu: { total: cpuTime(), user: cpuTime("user"), system: cpuTime("system"), ...none },
    memory: {
      usage: total - free,
      workingSet: memoryWorkingSet(),
      maxUsage: 0,
      failures: 0,
      kernel: info.KernelStack ?? 0,
      cache: info.Cached ?? 0,
      rss: info.AnonPages ?? 0,
      swap: (info.SwapTotal ?? 0) - (info.SwapFree ?? 0),
      mapped: info.Mapped ?? 0,
      activeFile: info["Active(file)"] ?? 0,
      inactiveFile: info["Inactive(file)"] ?? 0,
      pageFaults: faults,
      majorPageFaults,
      oomKills: 0,
    },
  };
}

function machine(page: Page, { machine: facts }: StatsSource): void {
  const { out } = page;
  const labels = labelText({ boot_id: facts.bootID, machine_id: facts.machineID, system_uuid: facts.systemUUID });
  out.add("machine_cpu_cores", labels, facts.cpus);
  out.add("machine_cpu_physical_cores", labels, facts.physicalCores);
  for (const name of ["books", "drawers"]) out.add(`machine_cpu_${name}`, labels, 0);
  out.add("machine_cpu_sockets", labels, facts.sockets);
  out.add("machine_memory_bytes", labels, facts.memory);
  out.add("machine_swap_bytes", labels, facts.swap);
  for (const mode of ["app_direct_mode", "memory_mode"]) out.add("machine_nvm_capacity", `${labels},${labelText({ mode })}`, 0);
  out.add("machine_nvm_avg_power_budget_watts", labels, 0);
  out.add("machine_scrape_error", "", 0);
  const version = { cadvisorRevision: "", cadvisorVersion: "", dockerVersion: "", kernelVersion: facts.kernelVersion, osVersion: facts.osImage };
  out.add("cadvisor_version_info", labelText(version), 1);
}

/** The file system of the node, and the device that it is on. */
function nodeDisk({ out }: Page, source: StatsSource, root: string, time: number): void {
  const { device, capacity, used, inodes, inodesFree } = source.nodeFilesystem();
  const labels = `${root},${labelText({ device: deviceName(device) })}`;
  const add = (name: string, value: number): void => out.add(`container_fs_${name}`, labels, value, time);
  add("limit_bytes", capacity);
  add("usage_bytes", used);
  add("inodes_total", inodes);
  add("inodes_free", inodesFree);
  const io = diskIO(device);
  if (!io) return;
  add("reads_total", io.reads);
  add("reads_merged_total", io.readsMerged);
  add("sector_reads_total", io.sectorsRead);
  add("read_seconds_total", io.readTime);
  add("writes_total", io.writes);
  add("writes_merged_total", io.writesMerged);
  add("sector_writes_total", io.sectorsWritten);
  add("write_seconds_total", io.writeTime);
  add("io_current", io.running);
  add("io_time_seconds_total", io.time);
  add("io_time_weighted_seconds_total", io.weightedTime);
}

export async function cadvisorMetrics(source: StatsSource): Promise<string> {
  const page = new Page(source);
  const { out } = page;
  machine(page, source);
  const now = source.now();
  const root = page.identity("/", {});
  page.group(machineGroup(now), root, source.machine.bootTime);
  page.interfaces(interfacesOf("self"), root, now);
  nodeDisk(page, source, root, now);
  for (const path of [source.podsPath, `${source.podsPath}/besteffort`, `${source.podsPath}/burstable`]) {
    const start = source.usage.created(path);
    if (start !== undefined) page.group(source.group(path), page.identity(path, {}), start);
  }
  for await (const view of source.pods()) {
    const { namespace = "", name: pod } = view.pod.metadata;
    page.group(view, page.identity(view.path, { namespace, pod }), source.usage.created(view.path) ?? view.time);
    if (view.sandbox) {
      const { id, path, createdAt } = view.sandbox;
      const labels = page.identity(path, { image: source.config.sandboxImage, name: id, namespace, pod });
      const group = source.group(path);
      page.group(group, labels, createdAt);
      page.interfaces(source.interfaces(view), labels, group.time);
    }
    for (const container of view.containers) {
      const { id, name, image, startedAt } = container.record;
      page.group(container, page.identity(container.path, { container: name, image, name: id, namespace, pod }), startedAt);
    }
  }
  out.add("container_scrape_error", "", 0);
  return out.toString();
}
