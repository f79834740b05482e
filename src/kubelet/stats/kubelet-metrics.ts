/** `/metrics`: what the kubelet says of itself, under upstream's names (pkg/kubelet/metrics, pkg/kubelet/metrics/collectors). */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import { type Histogram, Metrics, type Value } from "../../base/metrics.ts";
import { isTerminalPhase } from "../pod.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import type { StatsSource } from "./source.ts";

/** Prometheus' default buckets. */
const usual = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const startup = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

interface Held {
  pod: Pod;
  runtimePod: RuntimePod;
}

export class KubeletMetrics {
  readonly metrics = new Metrics();
  readonly #clock: Clock;
  readonly #started: Histogram;
  readonly #relist: Histogram;
  readonly #interval: Histogram;
  readonly #lastSeen: Value;
  readonly #streamed: Value;
  readonly #streamErrors: Value;
  /** Pods that do not run all of their containers yet: when this node heard of them, milliseconds since the epoch. */
  readonly #starting = new Map<string, number>();
  #lastRelist: number | undefined;

  constructor(nodeName: string, clock: Clock, held: () => Iterable<Held>) {
    this.#clock = clock;
    const { metrics } = this;
    metrics.gauge("kubelet_node_name", "[ALPHA] The node's name. The count is always 1.", ["node"]).set(1, nodeName);
    const pods = metrics.gauge("kubelet_running_pods", "[ALPHA] Number of pods that have a running pod sandbox");
    const containers = metrics.gauge("kubelet_running_containers", "[ALPHA] Number of containers currently running", ["container_state"]);
    const desired = metrics.gauge(
      "kubelet_desired_pods",
      "[ALPHA] The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.",
      ["static"],
    );
    const active = metrics.gauge(
      "kubelet_active_pods",
      "[ALPHA] The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.",
      ["static"],
    );
    metrics.onCollect(() => {
      containers.clear();
      let running = 0;
      let all = 0;
      let alive = 0;
      for (const { pod, runtimePod } of held()) {
        all++;
        if (!isTerminalPhase(pod.status?.phase)) alive++;
        if (runtimePod.sandboxes.some(({ ready }) => ready)) running++;
        for (const { state } of runtimePod.containers) containers.inc(state);
      }
      pods.set(running);
      desired.set(all, "");
      active.set(alive, "");
    });
    this.#started = metrics.histogram(
      "kubelet_pod_start_duration_seconds",
      "[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run",
      startup,
    );
    this.#relist = metrics.histogram("kubelet_pleg_relist_duration_seconds", "[ALPHA] Duration in seconds for relisting pods in PLEG.", usual);
    this.#interval = metrics.histogram("kubelet_pleg_relist_interval_seconds", "[ALPHA] Interval in seconds between relisting in PLEG.", usual);
    this.#lastSeen = metrics.gauge("kubelet_pleg_last_seen_seconds", "[ALPHA] Timestamp in seconds when PLEG was last seen active.");
    metrics.counter("kubelet_pleg_discard_events", "[ALPHA] The number of discard events in PLEG.");
    this.#streamed = metrics.counter(
      "kubelet_evented_pleg_connection_success_count",
      "[ALPHA] The number of times a streaming client was obtained to receive CRI Events.",
    );
    this.#streamErrors = metrics.counter(
      "kubelet_evented_pleg_connection_error_count",
      "[ALPHA] The number of errors encountered during the establishment of streaming connection with the CRI runtime.",
    );
  }

  /** A list of what runs took so long; both by the clock's monotonic(). */
  listed(began: number, ended: number): void {
    this.#relist.observe((ended - began) / 1000);
    if (this.#lastRelist !== undefined) this.#interval.observe((began - this.#lastRelist) / 1000);
    this.#lastRelist = began;
    this.#lastSeen.set(this.#clock.now() / 1000);
  }
  streaming(worked: boolean): void {
    (worked ? this.#streamed : this.#streamErrors).inc();
  }

  seen(uid: string): void {
    this.#starting.set(uid, this.#clock.now());
  }
  forget(uid: string): void {
    this.#starting.delete(uid);
  }
  /** What the runtime has of a pod has changed: once all of its containers run, its start is over. */
  changed({ pod, runtimePod }: Held): void {
    const { uid } = pod.metadata;
    const seen = this.#starting.get(uid);
    if (seen === undefined) return;
    let last = 0;
    for (const { name } of pod.spec.containers) {
      const record = runtimePod.containers.find((one) => one.name === name);
      if (!record?.startedAt) return;
      last = Math.max(last, record.startedAt);
    }
    this.#starting.delete(uid);
    this.#started.observe(Math.max(0, last - seen) / 1000);
  }

  /** What claims take of their volumes. Only file systems are asked, and that once in a minute. */
  async volumes(source: StatsSource): Promise<string> {
    const page = new Metrics();
    const labels = ["namespace", "persistentvolumeclaim"];
    const gauge = (name: string, help: string): Value => page.gauge(`kubelet_volume_stats_${name}`, `[ALPHA] ${help}`, labels);
    const capacity = gauge("capacity_bytes", "Capacity in bytes of the volume");
    const available = gauge("available_bytes", "Number of available bytes in the volume");
    const used = gauge("used_bytes", "Number of used bytes in the volume");
    const inodes = gauge("inodes", "Maximum number of inodes in the volume");
    const inodesFree = gauge("inodes_free", "Number of free inodes in the volume");
    const inodesUsed = gauge("inodes_used", "Number of used inodes in the volume");
    for await (const view of source.pods()) {
      if (!view.pod.spec.volumes?.some(({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim ?? ephemeral)) continue;
      for (const { claim, used: taken, filesystem } of (await source.disk(view)).volumes.values()) {
        if (claim === undefined) continue;
        const of = [view.pod.metadata.namespace ?? "", claim] as const;
        capacity.set(filesystem.capacity, ...of);
        available.set(filesystem.available, ...of);
        used.set(taken.bytes, ...of);
        inodes.set(filesystem.inodes, ...of);
        inodesFree.set(filesystem.inodesFree, ...of);
        inodesUsed.set(taken.inodes, ...of);
      }
    }
    return page.expose();
  }
}
