/** The node agent: runs the pods that the API server gives to this node, through any runtime with a CRI v1 socket. */
import { mkdir } from "node:fs/promises";
import { isNotFound, StatusError } from "../api/status.ts";
import type { Node, Pod, Service } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/events.ts";
import { createInformerFactory, withoutManagedFields } from "../client/factory.ts";
import type { Informer } from "../client/informer.ts";
import { nodes, persistentvolumeclaims, persistentvolumes, pods, resourceclaims, runtimeclasses, services } from "../client/resources.gen.ts";
import type { CriClient } from "../cri/client.ts";
import { type Cgroups, openCgroups } from "../linux/cgroups.ts";
import { filesystemUsage, lowestOomScore, type MachineFacts, machineFacts } from "../linux/machine.ts";
import { admit, type Refusal } from "./admission.ts";
import { Cleanup } from "./cleanup.ts";
import type { KubeletConfig } from "./config.ts";
import { Eviction } from "./eviction/eviction.ts";
import { parseThresholds } from "./eviction/thresholds.ts";
import { imageDirectory, observe, Usage } from "./eviction/usage.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { ImageGc } from "./image-gc.ts";
import { Images } from "./images.ts";
import { Killer } from "./kill.ts";
import { NodeAgent } from "./node-agent.ts";
import { allocatable } from "./node-status.ts";
import { ReferencedObjects } from "./objects.ts";
import { Pleg } from "./pleg.ts";
import { isTerminalPhase } from "./pod.ts";
import { PodAccess } from "./pod-access.ts";
import { PodEvents } from "./pod-events.ts";
import { PodSync } from "./pod-sync.ts";
import { PodWorker, type WorkerServices } from "./pod-worker.ts";
import { ProbeManager } from "./probes/manager.ts";
import { PendingResizes } from "./resize/pending.ts";
import { Runtime } from "./runtime.ts";
import { resourceMetrics } from "./stats/resource-metrics.ts";
import { serviceEnv } from "./service-env.ts";
import { StatusManager } from "./status-manager.ts";
import { Tokens } from "./tokens.ts";
import { Volumes } from "./volumes/volumes.ts";

export interface KubeletOptions {
  config: KubeletConfig;
  /** With the identity system:node:NAME. */
  client: Client;
  /** Stays open when the kubelet is disposed: it belongs to the caller. */
  cri: CriClient;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const mirror = "kubernetes.io/config.mirror";

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #stop = new AbortController();
  readonly #workers = new Map<string, PodWorker>();
  readonly #recorder: EventRecorder;
  readonly #events: PodEvents;
  readonly #machine: MachineFacts = machineFacts();
  readonly #allocatable: Record<string, string>;
  readonly #cgroups: Cgroups = openCgroups();
  readonly #runtime: Runtime;
  readonly #agent: NodeAgent;
  readonly #services: WorkerServices;
  readonly #pods: Informer<Pod>;
  readonly #serviceInformer: Informer<Service>;
  /** This node alone. */
  readonly #nodes: Informer<Node>;
  /** Pods whose admission waits for an answer; the newest form of each. */
  readonly #deciding = new Map<string, Pod>();
  readonly #imageGc: ImageGc;
  readonly #eviction: Eviction;
  readonly #resizes: PendingResizes;
  readonly #pleg: Pleg;
  readonly #cleanup: Cleanup;
  readonly #start: () => void;

  /** Asks the runtime who it is; rejects when it does not answer. */
  static async create(options: KubeletOptions): Promise<Kubelet> {
    const version = await options.cri.call("Version", {});
    await mkdir(options.config.rootDir, { recursive: true, mode: 0o750 });
    await mkdir(options.config.podLogsDir, { recursive: true, mode: 0o755 });
    await mkdir(options.config.containerLogsDir, { recursive: true, mode: 0o755 });
    return new Kubelet(options, version.runtimeName, version.runtimeVersion);
  }
  private constructor(options: KubeletOptions, runtimeName: string, runtimeVersion: string) {
    this.#options = options;
    const { config, client, cri, clock, random, logger } = options;
    const { signal } = this.#stop;
    this.#recorder = createEventRecorder({ client, clock, logger, random, component: "kubelet", host: config.nodeName, signal });
    const events = new PodEvents(this.#recorder, config.nodeName);
    this.#events = events;
    this.#runtime = new Runtime(cri, runtimeName);
    this.#allocatable = allocatable(config, { machine: this.#machine, filesystem: filesystemUsage(config.rootDir) });
    this.#agent = new NodeAgent({
      config,
      client,
      clock,
      logger,
      runtime: this.#runtime,
      runtimeVersion: `${runtimeName}://${plainVersion(runtimeVersion)}`,
      machine: this.#machine,
      events,
      pressures: () => this.#eviction.pressures,
      signal,
    });
    this.#imageGc = new ImageGc({
      cri,
      clock,
      policy: {
        minimumAge: config.imageMinimumGCAge,
        highPercent: config.imageGCHighThresholdPercent,
        lowPercent: config.imageGCLowThresholdPercent,
        keep: new Set(config.sandboxImage ? [config.sandboxImage] : []),
      },
      usage: () => filesystemUsage(config.rootDir),
    });
    this.#eviction = this.#makeEviction();
    const factory = createInformerFactory({ client, clock, logger, random, project: withoutManagedFields });
    this.#pods = factory.informer(pods, { fieldSelector: `spec.nodeName=${config.nodeName}`, indexes: { uid: (pod) => [pod.metadata.uid] } });
    this.#serviceInformer = factory.informer(services);
    this.#nodes = factory.informer(nodes, { fieldSelector: `metadata.name=${config.nodeName}` });
    this.#start = () => factory.start(signal);
    const statuses = new StatusManager({ client, clock, logger, signal });
    const kick = (uid: string): void => this.#workers.get(uid)?.kick();
    const tokens = new Tokens(client, clock);
    const killer = new Killer({ runtime: this.#runtime, clock, logger, events });
    const images = new Images({ cri, clock, events, serialize: config.serializeImagePulls, maxParallel: config.maxParallelImagePulls });
    const volumes = new Volumes({
      rootDir: config.rootDir,
      clock,
      random,
      persistent: {
        claim: (namespace, name) => client.resource(persistentvolumeclaims).get(namespace, name),
        volume: (name) => client.resource(persistentvolumes).get("", name),
      },
    });
    const limits = { memoryCapacity: this.#machine.memory, cfsQuota: config.cpuCFSQuota, cfsPeriod: config.cpuCFSQuotaPeriod, minOomScore: lowestOomScore() };
    const sync = new PodSync({
      config,
      runtime: this.#runtime,
      images,
      killer,
      cgroups: this.#cgroups,
      events,
      clock,
      random,
      logger,
      limits,
      runtimeHandler: async (pod) => (pod.spec.runtimeClassName ? (await client.resource(runtimeclasses).get("", pod.spec.runtimeClassName)).handler : ""),
      claim: (namespace, name) => client.resource(resourceclaims).get(namespace, name),
      services: (pod) => serviceEnv(this.#serviceInformer.list(), pod.metadata.namespace ?? "", pod.spec.enableServiceLinks ?? true),
    });
    this.#resizes = new PendingResizes(clock);
    this.#cleanup = new Cleanup({ config, runtime: this.#runtime, cgroups: this.#cgroups, volumes, logger });
    this.#services = {
      config,
      clock,
      random,
      logger,
      runtime: this.#runtime,
      sync,
      killer,
      volumes,
      cgroups: this.#cgroups,
      statuses,
      events,
      probes: new ProbeManager({ cri, clock, random, logger, events, status: (uid) => statuses.get(uid), onResult: kick }),
      objects: new ReferencedObjects({ client, clock, logger, onChange: kick }),
      token: (pod, projection) => tokens.get(pod, projection),
      allocatable: () => this.#allocatable,
      networkProblem: () => this.#agent.networkProblem,
      roomFor: (worker) => this.#roomFor(worker),
      onResizeWanted: (worker) => {
        this.#resizes.add(worker);
        if (this.#ready) this.#resizes.retry();
      },
      onRoom: () => this.#resizes.retry(),
      onFinished: (worker) => {
        tokens.forget(worker.pod.metadata.uid);
        if (!this.#pods.by("uid", worker.pod.metadata.uid).length) void this.#forget(worker);
      },
    };
    this.#pleg = new Pleg({
      runtime: this.#runtime,
      clock,
      logger,
      interval: config.relistInterval,
      signal,
      onChange: (uid, seen) => (seen === undefined ? kick(uid) : this.#workers.get(uid)?.noticed(seen)),
      onList: (found) => this.#onList(found),
    });
  }
  #makeEviction(): Eviction {
    const { config, cri, clock, logger } = this.#options;
    const usage = new Usage(config, cri, this.#cgroups);
    let imageRoot = "";
    return new Eviction({
      clock,
      logger,
      events: this.#events,
      thresholds: parseThresholds(config.evictionHard),
      transitionPeriod: config.evictionPressureTransitionPeriod,
      observe: async () => {
        imageRoot ||= await imageDirectory(cri, config.rootDir);
        return observe(config, imageRoot);
      },
      usage: (pods) => usage.of(pods),
      directory: (uid) => this.#services.volumes.podDirectory(uid),
      pods: () => [...this.#workers.values()].filter((w) => w.active && w.runtimePod.containers.length > 0),
      reclaim: () => this.#imageGc.removeUnused(),
      onChange: () => this.#agent.refresh(),
      signal: this.#stop.signal,
    });
  }
  /** Resolves when the node is registered and every pod that was here before has been taken over. */
  async start(): Promise<void> {
    this.#pods.onChange((old, pod) => this.#onPod(old, pod));
    this.#start();
    await this.#eviction.look();
    const informers = [this.#pods, this.#serviceInformer, this.#nodes];
    await Promise.all([...informers.map((informer) => informer.synced(this.#stop.signal)), this.#agent.start()]);
    await this.#pleg.start();
    for (const pod of this.#pods.list().sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))) this.#take(pod, true);
    this.#ready = true;
    this.#resizes.retry();
    this.#eviction.start();
    startHousekeeping({
      config: this.#options.config,
      cri: this.#options.cri,
      clock: this.#options.clock,
      logger: this.#options.logger,
      events: this.#events,
      cleanup: this.#cleanup,
      images: this.#imageGc,
      signal: this.#stop.signal,
      runningLogs: () =>
        [...this.#workers.values()].flatMap((w) =>
          w.runtimePod.containers.filter((c) => c.state === "running" && c.logPath).map((c) => ({ id: c.id, path: c.logPath })),
        ),
      knownPods: () => new Set([...this.#workers.keys(), ...this.#pleg.uids()]),
    });
  }
  #ready = false;
  #onPod(old: Pod | undefined, pod: Pod | undefined): void {
    if (pod) {
      this.#services.statuses.observe(pod);
      const worker = this.#workers.get(pod.metadata.uid);
      if (this.#deciding.has(pod.metadata.uid)) this.#deciding.set(pod.metadata.uid, pod);
      else if (worker) {
        // A change of nothing but the status is our own.
        if (old?.metadata.generation !== pod.metadata.generation || old?.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp || !sameMeta(old, pod))
          worker.update(pod);
      } else if (this.#ready) this.#take(pod, false);
      return;
    }
    const worker = old && this.#workers.get(old.metadata.uid);
    if (!worker) return;
    if (worker.state === "finished") void this.#forget(worker);
    else worker.orphaned();
  }
  #take(pod: Pod, wasHere: boolean): void {
    const { uid } = pod.metadata;
    if (this.#workers.has(uid) || pod.metadata.annotations?.[mirror]) return;
    const worker = new PodWorker(this.#services, pod, timestampNano(this.#options.clock.now()));
    const others = [...this.#workers.values()].filter((w) => w.active).map((w) => w.pod);
    this.#workers.set(uid, worker);
    const known = wasHere && this.#pleg.knows(uid);
    const node = this.#nodes.get("", this.#options.config.nodeName) ?? this.#agent.node;
    if (pod.metadata.deletionTimestamp || known || !node || isTerminalPhase(pod.status?.phase)) worker.update(pod);
    else {
      const refusal = this.#eviction.admit(pod) ?? this.#admit(worker.pod, node, others);
      // The label that the pod asks for may have come a moment ago: the API server knows.
      if (refusal?.reason === "NodeAffinity") void this.#admitAgain(worker, pod, others, refusal);
      else if (refusal) this.#refuse(worker, refusal);
      else worker.update(pod);
    }
  }
  /** Others have what they were given, not what they ask for. */
  #roomFor(worker: PodWorker): Refusal | undefined {
    const node = this.#nodes.get("", this.#options.config.nodeName) ?? this.#agent.node;
    const others = [...this.#workers.values()].filter((w) => w.active && w !== worker).map((w) => w.pod);
    return node && this.#admit(worker.desired, node, others);
  }
  #admit(pod: Pod, node: Node, others: readonly Pod[]): Refusal | undefined {
    return admit(pod, node, others, this.#allocatable, this.#options.config.allowedUnsafeSysctls);
  }
  async #admitAgain(worker: PodWorker, pod: Pod, others: readonly Pod[], first: Refusal): Promise<void> {
    const { uid } = pod.metadata;
    const { client, config, logger } = this.#options;
    this.#deciding.set(uid, pod);
    const node = await client
      .resource(nodes)
      .get("", config.nodeName, { signal: this.#stop.signal })
      .catch((error: unknown) => void logger.warn("could not read the node for the admission of a pod", { error }));
    const newest = this.#deciding.get(uid) as Pod;
    this.#deciding.delete(uid);
    const refusal = node ? this.#admit(pod, node, others) : first;
    if (worker.state !== "syncing") worker.kick();
    else if (refusal) this.#refuse(worker, refusal);
    else worker.update(newest);
  }
  #refuse(worker: PodWorker, { reason, message }: Refusal): void {
    this.#events.pod(worker.pod, "Warning", reason, message);
    worker.fail({ phase: "Failed", reason, message: `Pod was rejected: ${message}`, refused: true });
  }
  /** What the runtime has of pods that nobody knows is removed. */
  #onList(found: Map<string, { uid: string; namespace: string; name: string }>): void {
    if (!this.#ready) return;
    for (const pod of found.values()) if (!this.#workers.has(pod.uid)) void this.#removeUnknown(pod);
  }
  readonly #removing = new Set<string>();
  async #removeUnknown(pod: { uid: string; namespace: string; name: string }): Promise<void> {
    if (this.#removing.has(pod.uid)) return;
    this.#removing.add(pod.uid);
    try {
      // The informer may be behind; what the API server still has is not unknown.
      const current = await this.#options.client
        .resource(pods)
        .get(pod.namespace, pod.name)
        .catch((error: unknown) => {
          // A node may read the pods that are bound to it: one that it may not read is none of its own.
          if (isNotFound(error) || (error instanceof StatusError && error.code === 403)) return undefined;
          throw error;
        });
      if (current?.metadata.uid !== pod.uid || current.spec.nodeName !== this.#options.config.nodeName) await this.#cleanup.removeUnknown(pod);
    } catch (error) {
      this.#options.logger.warn("could not remove what is left of a pod", { pod: `${pod.namespace}/${pod.name}`, error });
    } finally {
      this.#removing.delete(pod.uid);
    }
  }
  async #forget(worker: PodWorker): Promise<void> {
    const { uid } = worker.pod.metadata;
    if (this.#workers.get(uid) !== worker) return;
    this.#services.statuses.forget(uid);
    this.#resizes.remove(uid);
    this.#removing.add(uid);
    worker.close();
    try {
      await this.#cleanup.removePod(worker.pod, worker.runtimePod);
    } catch (error) {
      this.#options.logger.warn("could not remove what is left of a pod", { pod: `${worker.pod.metadata.namespace}/${worker.pod.metadata.name}`, error });
    } finally {
      this.#workers.delete(uid);
      this.#removing.delete(uid);
    }
  }
  /** For the kubelet's server. */
  get access(): PodAccess {
    return new PodAccess({ runtime: this.#runtime, clock: this.#options.clock, workers: this.#workers, status: (uid) => this.#services.statuses.get(uid) });
  }
  /** In Prometheus' text format. */
  resourceMetrics(): string {
    const running = [...this.#workers.values()].filter((w) => w.state !== "finished");
    return resourceMetrics({ cgroups: this.#cgroups, cgroupRoot: this.#options.config.cgroupRoot, pods: running });
  }
  get runtime(): Runtime {
    return this.#runtime;
  }
  /** Pods that this node has, with their state. */
  get workers(): ReadonlyMap<string, PodWorker> {
    return this.#workers;
  }
  /** Containers go on running. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers.values()) worker.close();
    this.#resizes.close();
    this.#services.probes.close();
    this.#services.objects.close();
    this.#stop.abort(new Error("the kubelet stops"));
  }
}

/** Without what a distribution has put behind it. */
const plainVersion = (version: string): string => /^v?(\d+(?:\.\d+)+(?:-[0-9A-Za-z.-]+)?)/.exec(version)?.[1] ?? version;

/** RFC 3339 with nanoseconds, as the runtime and upstream's annotations have it. */
const timestampNano = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}.${String(Math.floor((ms % 1000) * 1e6)).padStart(9, "0")}Z`;

function sameMeta(a: Pod | undefined, b: Pod): boolean {
  return JSON.stringify([a?.metadata.labels, a?.metadata.annotations, a?.spec]) === JSON.stringify([b.metadata.labels, b.metadata.annotations, b.spec]);
}
