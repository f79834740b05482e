/**
 * `/metrics/resource`: processor time and memory of the node, its pods and their containers, as metrics-server reads them
 * (KEP-1209; upstream's pkg/kubelet/metrics/collectors/resource_metrics.go).
 */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { Metrics } from "../../base/metrics.ts";
import type { Cgroups } from "../../linux/cgroups.ts";
import { cpuTime, memoryWorkingSet } from "../../linux/machine.ts";
import { podCgroupPath } from "../resources.ts";
import type { RuntimePod } from "../runtime-pod.ts";

export interface ResourceMetricsInput {
  cgroups: Pick<Cgroups, "cpuTime" | "workingSet">;
  cgroupRoot: string;
  pods: readonly { pod: Pod; runtimePod: RuntimePod }[];
}

/** Asked for once in many seconds, so that everything is read when it is asked for. */
export function resourceMetrics({ cgroups, cgroupRoot, pods }: ResourceMetricsInput): string {
  const metrics = new Metrics();
  const seconds = (nanoseconds: number): number => nanoseconds / 1e9;
  const ofContainer = ["container", "namespace", "pod"];
  const ofPod = ["namespace", "pod"];
  const containerCPU = metrics.counter(
    "container_cpu_usage_seconds_total",
    "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
    ofContainer,
  );
  const containerMemory = metrics.gauge("container_memory_working_set_bytes", "[STABLE] Current working set of the container in bytes", ofContainer);
  const started = metrics.gauge("container_start_time_seconds", "[STABLE] Start time of the container since unix epoch in seconds", ofContainer);
  const nodeCPU = metrics.counter("node_cpu_usage_seconds_total", "[STABLE] Cumulative cpu time consumed by the node in core-seconds");
  const nodeMemory = metrics.gauge("node_memory_working_set_bytes", "[STABLE] Current working set of the node in bytes");
  const podCPU = metrics.counter("pod_cpu_usage_seconds_total", "[STABLE] Cumulative cpu time consumed by the pod in core-seconds", ofPod);
  const podMemory = metrics.gauge("pod_memory_working_set_bytes", "[STABLE] Current working set of the pod in bytes", ofPod);
  const failed = metrics.gauge("resource_scrape_error", "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise");
  nodeCPU.with().value = seconds(cpuTime());
  nodeMemory.with().value = memoryWorkingSet();
  failed.with().value = 0;
  for (const { pod, runtimePod } of pods) {
    const group = podCgroupPath(pod, cgroupRoot);
    const { namespace = "", name } = pod.metadata;
    const [cpu, memory] = [cgroups.cpuTime(group), cgroups.workingSet(group)];
    // What has no group does not run.
    if (cpu === undefined || memory === undefined) continue;
    podCPU.with(namespace, name).value = seconds(cpu);
    podMemory.with(namespace, name).value = memory;
    for (const container of runtimePod.containers) {
      if (container.state !== "running") continue;
      const [own, ownMemory] = [cgroups.cpuTime(`${group}/${container.id}`), cgroups.workingSet(`${group}/${container.id}`)];
      if (own === undefined || ownMemory === undefined) continue;
      containerCPU.with(container.name, namespace, name).value = seconds(own);
      containerMemory.with(container.name, namespace, name).value = ownMemory;
      started.with(container.name, namespace, name).value = container.startedAt / 1000;
    }
  }
  return metrics.expose();
}
