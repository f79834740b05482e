/**
 * One pod on this node, from the first sight to the last trace (upstream's pkg/kubelet/pod_workers.go). One step at a
 * time; whatever happens meanwhile asks for another step.
 *
 *   syncing      containers are brought to what the spec says
 *   terminating  nothing is started any more; what runs is stopped within the grace period
 *   terminated   nothing runs; volumes and cgroups are taken down
 *   finished     nothing is left; the API object may go
 */
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Timer } from "../base/clock.ts";
import type { Refusal } from "./lifecycle.ts";
import { isHostNetwork, isTerminalPhase } from "./pod.ts";
import { PodRecord } from "./pod-record.ts";
import type { Verdict } from "./pod-status.ts";
import { stopPod, tearDown } from "./pod-teardown.ts";
import { pullSecretsOf } from "./image-pull/secrets.ts";
import { podCgroup, podCgroupPath } from "./resources.ts";
import type { Seen } from "./pleg.ts";
import { fingerprintOf, type RuntimePod } from "./runtime-pod.ts";
import { type MountedVolumes, VolumeError, VolumeLimitError } from "./volumes/plugin.ts";
import type { WorkerServices } from "./worker-services.ts";

export type WorkerState = "syncing" | "terminating" | "terminated" | "finished";

const day = 24 * 3600_000;

export class PodWorker {
  readonly #services: WorkerServices;
  readonly #record: PodRecord;
  #state: WorkerState = "syncing";
  #decided = false;
  /** Seconds; set when somebody else than the API asks for the end. */
  #grace: number | undefined;
  #volumeFailures = 0;
  #failedSteps = 0;
  #dirty = false;
  /** Whether the runtime may have anything of the pod that was not made here. */
  #untouched: boolean;
  #running = false;
  #timer: Timer | undefined;
  #deadline: Timer | undefined;
  #work = new AbortController();
  #closed = false;

  /**
   * `seen`: when this node heard of the pod, RFC 3339; `source`: where from; `untouched`: the runtime cannot have anything of it.
   * Nothing is done before `begin`.
   */
  constructor(services: WorkerServices, pod: Pod, seen: string, source: string, untouched = false) {
    this.#services = services;
    this.#untouched = untouched;
    this.#record = new PodRecord(services, pod, seen, source);
  }
  /** With the resources that it was given. */
  get pod(): Pod {
    return this.#record.pod;
  }
  /** As its spec asks. */
  get desired(): Pod {
    return this.#record.desired;
  }
  get qos(): string {
    return this.#record.qos;
  }
  get state(): WorkerState {
    return this.#state;
  }
  /** Holds resources of the node: was taken in and is not over. */
  get active(): boolean {
    return !this.#record.verdict?.refused && (this.#state === "syncing" || this.#state === "terminating");
  }
  /** As it was last read. */
  get runtimePod(): RuntimePod {
    return this.#record.runtimePod;
  }
  get pendingSince(): string | undefined {
    return this.#services.statuses.get(this.pod.metadata.uid)?.conditions?.find((c) => c.type === "PodResizePending")?.lastTransitionTime;
  }
  /** Gives the pod what its spec asks for, if there is room. False: it has to wait. */
  tryResize(): boolean {
    const { resize, desired } = this.#record;
    if (this.#state !== "syncing") return true;
    const asks = resize.asksForMore(desired);
    const before = resize.pending;
    if (resize.allocate(desired, asks ? this.#services.roomFor(desired.metadata.uid) : undefined)) this.#record.pod = desired;
    if (asks || before) this.kick();
    return !resize.pending;
  }
  /** It is decided whether this node takes the pod: the worker brings it to its state from now on. */
  begin(): void {
    this.#decided = true;
    this.kick();
  }
  /** A newer form of the object, or a reason to look again. */
  update(pod: Pod): void {
    const shorter =
      (pod.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY) < (this.pod.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY);
    this.#record.update(pod);
    if (pod.metadata.deletionTimestamp || isTerminalPhase(pod.status?.phase)) this.#terminate();
    // What is being stopped slowly is to be stopped faster.
    if (shorter && this.#state === "terminating") this.#interrupt();
    if (this.#state === "syncing" && (this.#record.resize.pending || this.pod !== this.desired)) this.#services.onResizeWanted(pod.metadata.uid);
    this.kick();
  }
  /** Ends the pod for a reason of the node's: eviction, a deadline, a refused admission. */
  fail(verdict: Verdict, graceSeconds?: number): void {
    this.#record.verdict ??= verdict;
    this.#grace = graceSeconds;
    this.#terminate();
    this.kick();
  }
  /** The node does not take the pod, or not after all. */
  reject({ reason, message }: Pick<Refusal, "reason" | "message">): void {
    this.#services.events.pod(this.pod, "Warning", reason, message);
    this.fail({ phase: "Failed", reason, message: `Pod was rejected: ${message}`, refused: true });
  }
  /** The object is gone without this node having let it go: stop at once. */
  orphaned(): void {
    const { pod } = this.#record;
    this.#grace = 1;
    if (!pod.metadata.deletionTimestamp)
      this.#record.pod = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date(this.#services.clock.now()).toISOString() } };
    this.#terminate();
    this.kick();
  }
  /** Its manifest is gone: it is stopped as its spec says. */
  removed(): void {
    this.#terminate();
    this.kick();
  }
  #terminate(): void {
    if (this.#state !== "syncing") return;
    this.#state = "terminating";
    this.#interrupt();
  }
  #interrupt(): void {
    this.#work.abort(new Error("the pod is being terminated"));
    this.#work = new AbortController();
  }
  kick(): void {
    this.#dirty = true;
    if (this.#decided && !this.#running && !this.#closed) void this.#loop();
  }
  #later(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#services.clock.after(ms, () => this.kick());
  }
  async #loop(): Promise<void> {
    this.#running = true;
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      const { signal } = this.#work;
      const state = this.#state;
      try {
        await this.#step(signal);
        this.#failedSteps = 0;
      } catch (error) {
        if (signal.aborted || this.#closed) continue;
        const { namespace, name } = this.pod.metadata;
        this.#services.logger.warn("could not bring a pod to its state", { pod: `${namespace}/${name}`, state, error });
        this.#later(Math.min(10_000, 250 * 2 ** this.#failedSteps++));
      }
    }
    this.#running = false;
  }
  #step(signal: AbortSignal): Promise<void> {
    if (this.#state === "syncing") return this.#sync(signal);
    if (this.#state === "terminating") return this.#stop(signal);
    if (this.#state === "terminated") return this.#cleanUp();
    return Promise.resolve();
  }
  /** A list has shown this; what the worker has done or read itself is no news. */
  noticed({ fingerprint, at }: Seen): void {
    // What runs is changing under our own hands, or has changed since: only a later list can tell whether all is as it was left.
    if (this.#running || at < this.#record.knownAt) this.#services.tellAgain(this.pod.metadata.uid);
    else if (fingerprint !== fingerprintOf(this.runtimePod)) this.kick();
  }
  async #sync(signal: AbortSignal): Promise<void> {
    const { config, events, sync, probes, cgroups, volumes, objects, hasExclusiveCpus } = this.#services;
    const record = this.#record;
    const { pod } = record;
    if (!this.#untouched) await record.read();
    this.#untouched = false;
    signal.throwIfAborted();
    record.observeResize();
    const phase = record.publish(false, true);
    if (isTerminalPhase(phase)) return this.update(pod.status?.phase === phase ? pod : { ...pod, status: { ...pod.status, phase } });
    const left = record.timeLeft();
    if (left !== undefined && left <= 0) {
      const message = "Pod was active on the node longer than the specified deadline";
      events.pod(pod, "Normal", "DeadlineExceeded", message);
      return this.fail({ phase: "Failed", reason: "DeadlineExceeded", message });
    }
    this.#deadline?.cancel();
    // Timers do not reach further; whoever has more time left is looked at again before.
    if (left !== undefined) this.#deadline = this.#services.clock.after(Math.min(left, day), () => this.kick());
    const problem = this.#services.networkProblem();
    if (problem && !isHostNetwork(pod)) {
      events.pod(pod, "Warning", "NetworkNotReady", `network is not ready: ${problem}`);
      throw new Error(`network is not ready: ${problem}`);
    }
    const cgroup = podCgroupPath(pod, config.cgroupRoot);
    if (!cgroups.exists(cgroup)) {
      this.#services.onCgroup();
      const pids = config.podPidsLimit > 0 ? { pids: config.podPidsLimit } : {};
      cgroups.create(cgroup, { ...podCgroup(pod, config.cpuCFSQuota && !hasExclusiveCpus(pod.metadata.uid), config.cpuCFSQuotaPeriod), ...pids });
    }
    try {
      await volumes.makePodDirectory(pod.metadata.uid);
    } catch (error) {
      events.pod(pod, "Warning", "Failed", `error making pod data directories: ${(error as Error).message}`);
      throw error;
    }
    record.resize.save();
    const mounted = await this.#volumes(signal);
    if (!mounted) return;
    probes.add(pod);
    const result = await sync.run({
      pod,
      state: record.runtimePod,
      probes: probes.results,
      volumes: mounted,
      references: objects.for(pod),
      facts: record.facts(),
      pullSecrets: await pullSecretsOf(pod, objects.for(pod), events),
      podDirectory: volumes.podDirectory(pod.metadata.uid),
      signal,
      resize: record.resize,
      onSandbox: (sandbox) => {
        record.runtimePod = { ...record.runtimePod, sandboxes: [sandbox, ...record.runtimePod.sandboxes] };
      },
    });
    for (const name of result.started) record.failures.delete(name);
    const before = record.failures.size;
    for (const [name, failure] of result.failures) record.failures.set(name, failure);
    if (result.changed || result.failures.size || before || result.resized) {
      if (result.unsure) await record.read();
      else record.runtimePod = { ...record.runtimePod, containers: [...result.records, ...record.runtimePod.containers] };
      if (result.resized) record.observeResize();
      record.publish(false, true);
      if (result.resized) {
        this.#services.onCgroup();
        this.#services.onRoom();
      }
      if (result.started.size) probes.kick(pod.metadata.uid);
      if (result.changed && !result.failures.size) this.#dirty ||= !record.settled();
    }
    this.#later(Math.min(result.retryAfter ?? Number.POSITIVE_INFINITY, config.syncInterval * (1 + this.#services.random.next() / 2)));
    await this.#prune();
  }
  async #volumes(signal: AbortSignal): Promise<MountedVolumes | undefined> {
    const { volumes, objects, token } = this.#services;
    try {
      const mounted = await volumes.prepare(this.pod, { references: objects.for(this.pod), facts: this.#record.facts(), token }, signal);
      this.#volumeFailures = 0;
      return mounted;
    } catch (error) {
      if (!(error instanceof VolumeError) || signal.aborted) throw error;
      if (error instanceof VolumeLimitError) {
        this.reject({ reason: "VolumeAttachmentLimitExceeded", message: error.message });
        return undefined;
      }
      this.#later(Math.min(122_000, 500 * 2 ** this.#volumeFailures++));
      return undefined;
    }
  }
  /** Of each container, one that ended is kept for its logs and its last state. */
  async #prune(): Promise<void> {
    const seen = new Map<string, number>();
    for (const record of this.runtimePod.containers) {
      const count = (seen.get(record.name) ?? 0) + 1;
      seen.set(record.name, count);
      if (count > 2 && record.state === "exited") await this.#services.runtime.cri.call("RemoveContainer", { containerId: record.id });
    }
  }
  async #stop(signal: AbortSignal): Promise<void> {
    const { probes, takeBack, onStopped, onRoom } = this.#services;
    const record = this.#record;
    const state = await record.read();
    record.publish(false, true);
    probes.stopLivenessAndStartup(this.pod.metadata.uid);
    await stopPod(this.#services, this.pod, state, this.#grace, signal);
    const after = await record.read();
    if (after.containers.some((c) => c.state === "running")) throw new Error("containers still run after they were stopped");
    probes.remove(this.pod.metadata.uid);
    // Before the API hears of the end: others may have the pod's claims from then on.
    await takeBack(this.pod);
    record.publish(true, false);
    this.#state = "terminated";
    this.#dirty = true;
    onStopped(this.pod);
    onRoom();
  }
  async #cleanUp(): Promise<void> {
    await tearDown(this.#services, this.pod);
    this.#record.publish(true, false, true);
    this.#state = "finished";
    this.#services.onFinished(this.pod.metadata.uid);
  }
  /** Leaves everything as it is: containers outlive the kubelet. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#deadline?.cancel();
    this.#work.abort(new Error("the kubelet stops"));
  }
}
