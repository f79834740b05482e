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
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Cgroups } from "../linux/cgroups.ts";
import type { KubeletConfig } from "./config.ts";
import type { StartFailure } from "./container-statuses.ts";
import type { RuntimeFacts } from "./env.ts";
import type { Killer } from "./kill.ts";
import type { ReferencedObjects } from "./objects.ts";
import { isHostNetwork, isTerminalPhase, qosClass } from "./pod.ts";
import type { PodEvents } from "./pod-events.ts";
import { podStatus, type Verdict } from "./pod-status.ts";
import type { PodSync } from "./pod-sync.ts";
import type { ProbeManager } from "./probes/manager.ts";
import { pullSecretsOf } from "./pull-secrets.ts";
import { PodResize, type Postponed } from "./resize/pod-resize.ts";
import { podCgroup, podCgroupPath } from "./resources.ts";
import type { Runtime } from "./runtime.ts";
import { emptyRuntimePod, findContainer, fingerprintOf, type RuntimePod } from "./runtime-pod.ts";
import type { StatusManager } from "./status-manager.ts";
import type { TokenSource } from "./volumes/payload.ts";
import { type MountedVolumes, VolumeError, type Volumes } from "./volumes/volumes.ts";

export type WorkerState = "syncing" | "terminating" | "terminated" | "finished";

export interface WorkerServices {
  config: KubeletConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  runtime: Runtime;
  sync: PodSync;
  killer: Killer;
  volumes: Volumes;
  cgroups: Cgroups;
  probes: ProbeManager;
  statuses: StatusManager;
  events: PodEvents;
  objects: ReferencedObjects;
  token: TokenSource;
  allocatable(): Record<string, string>;
  /** Why pods cannot get a network now; undefined when they can. */
  networkProblem(): string | undefined;
  /** Why the node has no room for the pod as it asks to be; undefined when it has. */
  roomFor(worker: PodWorker): Postponed | undefined;
  onResizeWanted(worker: PodWorker): void;
  /** A pod has given something back. */
  onRoom(): void;
  /** The state has become `finished`. */
  onFinished(worker: PodWorker): void;
}

const cgroupRetry = 100;
/** Milliseconds after which news that came during a step is looked at. */
const noticeDelay = 200;

export class PodWorker {
  readonly #services: WorkerServices;
  readonly #resize: PodResize;
  /** As its spec asks. */
  #desired: Pod;
  /** With the resources that it was given. */
  #pod: Pod;
  readonly #seen: string;
  #state: WorkerState = "syncing";
  #verdict: Verdict | undefined;
  /** Seconds; set when somebody else than the API asks for the end. */
  #grace: number | undefined;
  #runtimePod: RuntimePod;
  #failures = new Map<string, StartFailure>();
  #volumeFailures = 0;
  #failedSteps = 0;
  #dirty = false;
  #noticedAt = 0;
  #readAt = 0;
  #running = false;
  #timer: Timer | undefined;
  #work = new AbortController();
  #closed = false;

  /** `seen`: when this node heard of the pod, RFC 3339; containers can ask for it. */
  constructor(services: WorkerServices, pod: Pod, seen: string) {
    this.#services = services;
    this.#seen = seen;
    this.#resize = new PodResize(pod, services.volumes.podDirectory(pod.metadata.uid), services.events);
    this.#desired = this.#annotate(pod);
    this.#pod = this.#resize.allocated(this.#desired);
    this.#runtimePod = emptyRuntimePod(pod.metadata.uid, pod.metadata.namespace ?? "", pod.metadata.name);
  }
  /** Upstream marks where a pod came from, which the downward API shows. */
  #annotate(pod: Pod): Pod {
    const annotations = { ...pod.metadata.annotations, "kubernetes.io/config.seen": this.#seen, "kubernetes.io/config.source": "api" };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  }
  get pod(): Pod {
    return this.#pod;
  }
  get desired(): Pod {
    return this.#desired;
  }
  get qos(): string {
    return this.#pod.status?.qosClass ?? qosClass(this.#pod);
  }
  get pendingSince(): string | undefined {
    return this.#services.statuses.get(this.#pod.metadata.uid)?.conditions?.find((c) => c.type === "PodResizePending")?.lastTransitionTime;
  }
  /** Gives the pod what its spec asks for, if there is room. False: it has to wait. */
  tryResize(): boolean {
    if (this.#state !== "syncing") return true;
    const asks = this.#resize.asksForMore(this.#desired);
    const before = this.#resize.pending;
    if (this.#resize.allocate(this.#desired, asks ? this.#services.roomFor(this) : undefined)) this.#pod = this.#desired;
    if (asks || before) this.kick();
    return !this.#resize.pending;
  }
  get state(): WorkerState {
    return this.#state;
  }
  /** Holds resources of the node: was taken in and is not over. */
  get active(): boolean {
    return !this.#verdict?.refused && (this.#state === "syncing" || this.#state === "terminating");
  }
  /** As it was last read. */
  get runtimePod(): RuntimePod {
    return this.#runtimePod;
  }
  /** A newer form of the object, or a reason to look again. */
  update(pod: Pod): void {
    const shorter =
      (pod.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY) < (this.#pod.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY);
    this.#desired = this.#annotate(pod);
    this.#pod = this.#resize.allocated(this.#desired);
    if (pod.metadata.deletionTimestamp || isTerminalPhase(pod.status?.phase)) this.#terminate();
    // What is being stopped slowly is to be stopped faster.
    if (shorter && this.#state === "terminating") this.#interrupt();
    if (this.#state === "syncing" && (this.#resize.pending || this.#pod !== this.#desired)) this.#services.onResizeWanted(this);
    this.kick();
  }
  /** Ends the pod for a reason of the node's: eviction, a deadline, a refused admission. */
  fail(verdict: Verdict, graceSeconds?: number): void {
    this.#verdict ??= verdict;
    this.#grace = graceSeconds;
    this.#terminate();
    this.kick();
  }
  /** The object is gone without this node having let it go: stop at once. */
  orphaned(): void {
    this.#grace = 1;
    if (!this.#pod.metadata.deletionTimestamp)
      this.#pod = { ...this.#pod, metadata: { ...this.#pod.metadata, deletionTimestamp: new Date(this.#services.clock.now()).toISOString() } };
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
    if (!this.#running && !this.#closed) void this.#loop();
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
        const { namespace, name } = this.#pod.metadata;
        this.#services.logger.warn("could not bring a pod to its state", { pod: `${namespace}/${name}`, state, error });
        this.#later(Math.min(10_000, 250 * 2 ** this.#failedSteps++));
      }
    }
    this.#running = false;
    if (this.#noticedAt > this.#readAt && !this.#closed) {
      this.#noticedAt = 0;
      this.#later(noticeDelay);
    }
  }
  #step(signal: AbortSignal): Promise<void> {
    if (this.#state === "syncing") return this.#sync(signal);
    if (this.#state === "terminating") return this.#stop(signal);
    if (this.#state === "terminated") return this.#cleanUp();
    return Promise.resolve();
  }
  /** The runtime was seen in this state; what the worker has done or read itself is no news. */
  noticed(fingerprint: string): void {
    if (this.#running) this.#noticedAt = this.#services.clock.monotonic();
    else if (fingerprint !== fingerprintOf(this.#runtimePod)) this.kick();
  }
  async #read(): Promise<RuntimePod> {
    this.#readAt = this.#services.clock.monotonic();
    const { uid, namespace = "", name } = this.#pod.metadata;
    this.#runtimePod = await this.#services.runtime.readPod(uid, namespace, name);
    return this.#runtimePod;
  }
  #publish(terminal: boolean, couldRun: boolean, finished = false): string {
    const { statuses, runtime, probes, config } = this.#services;
    const pod = this.#pod;
    const status = podStatus({
      pod,
      runtime: this.#runtimePod,
      runtimeName: runtime.name,
      previous: statuses.get(pod.metadata.uid) ?? pod.status ?? {},
      failures: (container) => this.#failures.get(container),
      actuated: this.#resize.actuated,
      resize: this.#resize.conditions,
      probes: probes.results,
      terminal,
      hostIPs: config.nodeIPs,
      ...(this.#verdict ? { verdict: this.#verdict } : {}),
    });
    statuses.set(pod, status, couldRun, finished);
    return status.phase ?? "";
  }
  #facts(): RuntimeFacts {
    const { config } = this.#services;
    const ips = isHostNetwork(this.#pod) ? config.nodeIPs : (this.#runtimePod.sandboxes.find((s) => s.ready)?.ips ?? []);
    return { podIPs: ips, hostIPs: config.nodeIPs, nodeName: config.nodeName, allocatable: this.#services.allocatable() };
  }
  /** True: the pod has had all the time it may have. */
  #pastDeadline(): boolean {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    const start = this.#services.statuses.get(this.#pod.metadata.uid)?.startTime ?? this.#pod.status?.startTime;
    if (seconds === undefined || !start) return false;
    const left = Date.parse(start) + seconds * 1000 - this.#services.clock.now();
    if (left > 0) this.#services.clock.after(left, () => this.kick());
    return left <= 0;
  }
  async #sync(signal: AbortSignal): Promise<void> {
    const { config, events, sync, probes, cgroups, volumes, objects } = this.#services;
    const pod = this.#pod;
    await this.#read();
    signal.throwIfAborted();
    this.#observeResize();
    const phase = this.#publish(false, true);
    if (isTerminalPhase(phase)) return this.update(pod.status?.phase === phase ? pod : { ...pod, status: { ...pod.status, phase } });
    if (this.#pastDeadline()) {
      const message = "Pod was active on the node longer than the specified deadline";
      events.pod(pod, "Normal", "DeadlineExceeded", message);
      return this.fail({ phase: "Failed", reason: "DeadlineExceeded", message });
    }
    const problem = this.#services.networkProblem();
    if (problem && !isHostNetwork(pod)) {
      events.pod(pod, "Warning", "NetworkNotReady", `network is not ready: ${problem}`);
      throw new Error(`network is not ready: ${problem}`);
    }
    const cgroup = podCgroupPath(pod, config.cgroupRoot);
    if (!cgroups.exists(cgroup)) cgroups.create(cgroup, podCgroup(pod, config.cpuCFSQuota, config.cpuCFSQuotaPeriod));
    try {
      await volumes.makePodDirectory(pod.metadata.uid);
    } catch (error) {
      events.pod(pod, "Warning", "Failed", `error making pod data directories: ${(error as Error).message}`);
      throw error;
    }
    this.#resize.save();
    const mounted = await this.#volumes(signal);
    if (!mounted) return;
    probes.add(pod);
    const result = await sync.run({
      pod,
      state: this.#runtimePod,
      probes: probes.results,
      volumes: mounted,
      references: objects.for(pod),
      facts: this.#facts(),
      pullSecrets: await pullSecretsOf(pod, objects.for(pod), events),
      podDirectory: volumes.podDirectory(pod.metadata.uid),
      signal,
      resize: this.#resize,
      onSandbox: (sandbox) => {
        this.#runtimePod = { ...this.#runtimePod, sandboxes: [sandbox, ...this.#runtimePod.sandboxes] };
      },
    });
    for (const name of result.started) this.#failures.delete(name);
    const before = this.#failures.size;
    for (const [name, failure] of result.failures) this.#failures.set(name, failure);
    if (result.changed || result.failures.size || before || result.resized) {
      if (result.unsure) await this.#read();
      else this.#runtimePod = { ...this.#runtimePod, containers: [...result.records, ...this.#runtimePod.containers] };
      if (result.resized) this.#observeResize();
      this.#publish(false, true);
      if (result.resized) this.#services.onRoom();
      if (result.started.size) probes.kick(pod.metadata.uid);
      if (result.changed && !result.failures.size) this.#dirty ||= !this.#settled();
    }
    this.#later(Math.min(result.retryAfter ?? Number.POSITIVE_INFINITY, config.syncInterval * (1 + this.#services.random.next() / 2)));
    await this.#prune();
  }
  #observeResize(): void {
    this.#resize.observe(this.#pod, (name) => findContainer(this.#runtimePod, name)?.state === "running");
  }
  /** Every container of the pod runs: there is nothing to be done before something happens. */
  #settled(): boolean {
    return (
      this.#runtimePod.containers.length > 0 &&
      this.#pod.spec.containers.every((c) => this.#runtimePod.containers.find((r) => r.name === c.name)?.state === "running")
    );
  }
  async #volumes(signal: AbortSignal): Promise<MountedVolumes | undefined> {
    const { volumes, objects, token, events } = this.#services;
    try {
      const mounted = await volumes.prepare(this.#pod, { references: objects.for(this.#pod), facts: this.#facts(), token });
      this.#volumeFailures = 0;
      return mounted;
    } catch (error) {
      if (!(error instanceof VolumeError) || signal.aborted) throw error;
      events.pod(this.#pod, "Warning", "FailedMount", error.message);
      this.#later(Math.min(122_000, 500 * 2 ** this.#volumeFailures++));
      return undefined;
    }
  }
  /** Of each container, one that ended is kept for its logs and its last state. */
  async #prune(): Promise<void> {
    const seen = new Map<string, number>();
    for (const record of this.#runtimePod.containers) {
      const count = (seen.get(record.name) ?? 0) + 1;
      seen.set(record.name, count);
      if (count > 2 && record.state === "exited") await this.#services.runtime.cri.call("RemoveContainer", { containerId: record.id });
    }
  }
  async #stop(signal: AbortSignal): Promise<void> {
    const { probes, killer, events } = this.#services;
    const pod = this.#pod;
    const state = await this.#read();
    this.#publish(false, true);
    probes.stopLivenessAndStartup(pod.metadata.uid);
    const grace =
      this.#grace ??
      (pod.metadata.deletionTimestamp ? Math.max(1, pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30) : undefined);
    try {
      await killer.pod(pod, state, { ...(grace === undefined ? {} : { grace }), signal });
    } catch (error) {
      if (!signal.aborted) events.pod(pod, "Warning", "FailedKillPod", `error killing pod: ${(error as Error).message}`);
      throw error;
    }
    const after = await this.#read();
    if (after.containers.some((c) => c.state === "running")) throw new Error("containers still run after they were stopped");
    probes.remove(pod.metadata.uid);
    this.#publish(true, false);
    this.#state = "terminated";
    this.#dirty = true;
    this.#services.onRoom();
  }
  async #cleanUp(): Promise<void> {
    const { volumes, cgroups, config, objects, sync, clock } = this.#services;
    const { uid } = this.#pod.metadata;
    await volumes.remove(uid);
    const cgroup = podCgroupPath(this.#pod, config.cgroupRoot);
    for (let tries = 0; !cgroups.remove(cgroup); tries++) {
      if (tries >= 50) throw new Error(`processes are left in ${cgroup}`);
      await clock.sleep(cgroupRetry);
    }
    objects.forget(uid);
    sync.forget(uid);
    this.#publish(true, false, true);
    this.#state = "finished";
    this.#services.onFinished(this);
  }
  /** Leaves everything as it is: containers outlive the kubelet. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#work.abort(new Error("the kubelet stops"));
  }
}
