/** The node agent: runs the pods that the API server gives to this node, through any runtime with a CRI v1 socket. */
import { mkdir } from "node:fs/promises";
import type { Node, Pod, Service } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/events.ts";
import { createInformerFactory, withoutManagedFields } from "../client/factory.ts";
import type { Informer } from "../client/informer.ts";
import { csidrivers, nodes, pods, resourceclaims, resourceslices, runtimeclasses, services } from "../client/resources.gen.ts";
import type { CriClient } from "../cri/client.ts";
import { type Cgroups, openCgroups } from "../linux/cgroups.ts";
import { filesystemUsage, lowestOomScore, type MachineFacts, machineFacts } from "../linux/machine.ts";
import { Cleanup } from "./cleanup.ts";
import type { KubeletConfig } from "./config.ts";
import { ContainerManager } from "./container-manager.ts";
import { startHousekeeping } from "./housekeeping.ts";
import type { ImageGc } from "./image-gc.ts";
import { type ImageServices, openImageServices } from "./image-services.ts";
import { Intake } from "./intake.ts";
import { Killer } from "./kill.ts";
import { Leftovers } from "./leftovers.ts";
import type { ResourceManager } from "./lifecycle.ts";
import { NodeAgent } from "./node-agent.ts";
import { NodeGuards } from "./node-guards.ts";
import { allocatable, newNode } from "./node-status.ts";
import { ReferencedObjects } from "./objects.ts";
import { Pleg } from "./pleg.ts";
import { PluginManager } from "./plugin-manager/manager.ts";
import { PodEvents } from "./pod-events.ts";
import { PodSync } from "./pod-sync.ts";
import { isMirror, isStatic } from "./pod.ts";
import type { PodWorker } from "./pod-worker.ts";
import { ProbeManager } from "./probes/manager.ts";
import { PendingResizes } from "./resize/pending.ts";
import { Runtime } from "./runtime.ts";
import { KubeletStats } from "./stats/kubelet-stats.ts";
import { serviceEnv } from "./service-env.ts";
import { StartTurns } from "./start-turns.ts";
import { StaticPods } from "./static/static-pods.ts";
import { StatusManager } from "./status-manager.ts";
import { Tokens } from "./tokens.ts";
import { type KubeletVolumes, kubeletVolumes } from "./volumes/kubelet-volumes.ts";
import type { WorkerServices } from "./worker-services.ts";

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

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #stop = new AbortController();
  readonly #workers = new Map<string, PodWorker>();
  /** What gives shares of the node to pods, in the order in which they are asked. */
  readonly #managers: readonly ResourceManager[];
  readonly #containers: ContainerManager;
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
  readonly #intake: Intake;
  readonly #leftovers: Leftovers;
  readonly #statics: StaticPods;
  readonly #imageGc: ImageGc;
  readonly #guards: NodeGuards;
  readonly #resizes: PendingResizes;
  readonly #pleg: Pleg;
  readonly #cleanup: Cleanup;
  readonly #storage: KubeletVolumes;
  readonly #plugins: PluginManager;
  readonly stats: KubeletStats;
  readonly #start: () => void;

  /** Asks the runtime who it is; rejects when it does not answer. */
  static async create(options: KubeletOptions): Promise<Kubelet> {
    const version = await options.cri.call("Version", {});
    await mkdir(options.config.rootDir, { recursive: true, mode: 0o750 });
    await mkdir(options.config.podLogsDir, { recursive: true, mode: 0o755 });
    await mkdir(options.config.containerLogsDir, { recursive: true, mode: 0o755 });
    const images = await openImageServices(options, { name: version.runtimeName, version: version.runtimeVersion });
    return new Kubelet(options, version.runtimeName, version.runtimeVersion, images);
  }
  private constructor(given: KubeletOptions, runtimeName: string, runtimeVersion: string, imageServices: ImageServices) {
    const { config, client, clock, random, logger } = given;
    const podDirectory = (uid: string): string => this.#services.volumes.podDirectory(uid);
    this.stats = new KubeletStats({ ...given, machine: this.#machine, workers: this.#workers, podDirectory });
    const { cri } = this.stats;
    const options = { ...given, cri };
    this.#options = options;
    const { signal } = this.#stop;
    this.#recorder = createEventRecorder({ client, clock, logger, random, component: "kubelet", host: config.nodeName, signal });
    const events = new PodEvents(this.#recorder, config.nodeName);
    this.#events = events;
    const common = { config, client, cri, clock, random, logger, events, signal, cgroups: this.#cgroups };
    this.#runtime = new Runtime(cri, runtimeName);
    this.#allocatable = allocatable(config, { machine: this.#machine, filesystem: filesystemUsage(config.rootDir) });
    this.#agent = new NodeAgent({
      ...common,
      runtime: this.#runtime,
      runtimeVersion: `${runtimeName}://${plainVersion(runtimeVersion)}`,
      machine: this.#machine,
      events,
      pressures: () => this.#guards.eviction.pressures,
      shutdown: () => this.#guards.shutdown.problem,
      devices: (before) => this.#containers.nodeDevices(before),
      volumesInUse: () => this.#services.volumes.inUse(),
      signal,
    });
    this.#guards = new NodeGuards({
      ...common,
      machine: this.#machine,
      workers: this.#workers,
      directory: (uid) => this.#services.volumes.podDirectory(uid),
      reclaim: () => this.#imageGc.removeUnused(),
      onChange: () => this.#agent.refresh(),
    });
    const factory = createInformerFactory({ client, clock, logger, random, project: withoutManagedFields });
    this.#pods = factory.informer(pods, { fieldSelector: `spec.nodeName=${config.nodeName}`, indexes: { uid: (pod) => [pod.metadata.uid] } });
    this.#serviceInformer = factory.informer(services);
    this.#nodes = factory.informer(nodes, { fieldSelector: `metadata.name=${config.nodeName}` });
    this.#start = () => factory.start(signal);
    const statuses = new StatusManager({ client, clock, logger, signal });
    const kick = (uid: string): void => this.#workers.get(uid)?.kick();
    this.#containers = new ContainerManager({
      ...common,
      active: (uid) => this.#workers.get(uid)?.active ?? false,
      pods: () => [...this.#workers.values()].filter((w) => w.active).map((w) => w.pod),
      claim: (namespace, name) => client.resource(resourceclaims).get(namespace, name),
      removeSlices: (driver, signal) => {
        const ofDriver = driver === undefined ? "" : `,spec.driver=${driver}`;
        return client.resource(resourceslices).deleteCollection({ fieldSelector: `spec.nodeName=${config.nodeName}${ofDriver}`, signal });
      },
      onCapacity: () => this.#agent.refresh(),
      onPod: kick,
    });
    this.#managers = [this.#containers];
    const tokens = new Tokens(client, clock);
    const killer = new Killer({ runtime: this.#runtime, clock, logger, events });
    const { images, volumes: imageVolumes, gc } = imageServices.images(events);
    this.#imageGc = gc;
    this.#storage = kubeletVolumes({
      ...common,
      agent: this.#agent,
      nodes: this.#nodes,
      csiDrivers: factory.informer(csidrivers),
      tokens,
      kickAll: () => {
        for (const worker of this.#workers.values()) worker.kick();
      },
      signal,
      imageViews: imageServices.views,
    });
    const { volumes } = this.#storage;
    const directory = `${config.rootDir}/plugins_registry`;
    this.#plugins = new PluginManager({ directory, clock, logger, handlers: { CSIPlugin: this.#storage.csiDrivers, ...this.#containers.plugins } });
    const limits = { memoryCapacity: this.#machine.memory, cfsQuota: config.cpuCFSQuota, cfsPeriod: config.cpuCFSQuotaPeriod, minOomScore: lowestOomScore() };
    const sync = new PodSync({
      runtime: this.#runtime,
      images,
      imageVolumes,
      killer,
      ...common,
      limits,
      turns: new StartTurns({ clock, parallel: Math.max(6, 3 * this.#machine.cpus) }),
      managers: this.#managers,
      runtimeHandler: async (pod) => (pod.spec.runtimeClassName ? (await client.resource(runtimeclasses).get("", pod.spec.runtimeClassName)).handler : ""),
      services: (pod) => serviceEnv(this.#serviceInformer.list(), pod.metadata.namespace ?? "", pod.spec.enableServiceLinks ?? true),
    });
    this.#resizes = new PendingResizes(clock);
    this.#cleanup = new Cleanup({ ...common, runtime: this.#runtime, volumes });
    this.#services = {
      ...common,
      runtime: this.#runtime,
      sync,
      killer,
      volumes,
      cgroups: this.#cgroups,
      statuses,
      events,
      probes: new ProbeManager({ cri, clock, random, logger, events, status: (uid) => statuses.get(uid), metrics: this.stats.probes, onResult: kick }),
      objects: new ReferencedObjects({ client, clock, logger, onChange: kick }),
      token: (pod, projection) => tokens.get(pod, projection),
      allocatable: () => this.#allocatable,
      networkProblem: () => this.#agent.networkProblem,
      roomFor: (uid) => this.#intake.roomFor(uid),
      resourceStatuses: (pod, container) => this.#containers.resourceStatuses(pod, container),
      tellAgain: (uid) => this.#pleg.tellAgain(uid),
      onResizeWanted: (uid) => {
        const worker = this.#workers.get(uid);
        if (worker) this.#resizes.add(worker);
        if (this.#ready) this.#resizes.retry();
      },
      hasExclusiveCpus: (uid) => this.#containers.hasExclusiveCpus(uid),
      takeBack: async (pod) => {
        for (const manager of this.#managers) await manager.takeBack?.(pod);
      },
      onStopped: (pod) => {
        for (const manager of this.#managers) manager.release(pod);
        this.#guards.qos.update();
      },
      onCgroup: () => this.#guards.qos.update(),
      onRoom: () => this.#resizes.retry(),
      onFinished: (uid) => {
        tokens.forget(uid);
        const worker = this.#workers.get(uid);
        if (worker && !isStatic(worker.pod) && !this.#pods.by("uid", uid).length) void this.#leftovers.forget(worker);
        this.#statics.look();
      },
    };
    this.#intake = new Intake({
      ...common,
      workers: this.#workers,
      services: this.#services,
      statuses,
      managers: this.#managers,
      node: () => this.#node() ?? this.#asConfigured(),
      readNode: () => client.resource(nodes).get("", config.nodeName, { signal }),
      allocatable: this.#allocatable,
      withGiven: (node, pod) => this.#containers.withGiven(node, pod),
      refusal: (pod) => this.#guards.refusal(pod),
      knows: (uid) => this.#pleg.knows(uid),
      onGone: (worker) => void this.#leftovers.forget(worker),
    });
    this.#leftovers = new Leftovers({
      nodeName: config.nodeName,
      logger,
      workers: this.#workers,
      cleanup: this.#cleanup,
      readPod: (namespace, name) => client.resource(pods).get(namespace, name),
      onForget: (uid) => {
        this.stats.self.forget(uid);
        statuses.forget(uid);
        this.#resizes.remove(uid);
      },
      onForgotten: (pod) => this.#statics.forgotten(pod),
    });
    this.#statics = new StaticPods({
      ...common,
      node: () => this.#node(),
      workers: this.#workers,
      events,
      take: (pod) => this.#intake.takeStatic(pod),
      onGone: (uid) => void this.#leftovers.forget(this.#workers.get(uid) as PodWorker),
      onMirror: (uid, mirror) => statuses.mirror(uid, mirror),
    });
    this.#pleg = new Pleg({
      runtime: this.#runtime,
      ...common,
      interval: config.relistInterval,
      signal,
      metrics: this.stats.self,
      onChange: (uid, seen) => (seen === undefined ? kick(uid) : this.#workers.get(uid)?.noticed(seen)),
      onList: (found) => {
        for (const uid of found.keys()) {
          const worker = this.#workers.get(uid);
          if (worker) this.stats.self.changed(worker);
        }
        if (this.#ready) this.#leftovers.found(found.values());
      },
    });
  }
  #node(): Node | undefined {
    return this.#nodes.get("", this.#options.config.nodeName) ?? this.#agent.node;
  }
  /** The node as it would be registered: what is known of it while the API is away. */
  #asConfigured(): Node {
    const { metadata, spec } = newNode(this.#options.config, this.#machine);
    return { metadata, spec, status: { allocatable: this.#allocatable } } as Node;
  }
  /**
   * Resolves when the node is registered and every pod that was here before has been taken over. The API server is asked once
   * `answers` resolves; static pods wait for neither.
   */
  async start(answers: Promise<void> = Promise.resolve()): Promise<void> {
    const { signal } = this.#stop;
    this.#pods.onChange((old, pod) => {
      if (isMirror((pod ?? old) as Pod)) this.#statics.observeMirror(old, pod);
      else {
        if (!old && pod && this.#ready) this.stats.self.seen(pod.metadata.uid);
        this.#intake.observe(old, pod);
      }
    });
    await this.#guards.look();
    await this.#containers.start();
    await this.#services.volumes.reconstruct();
    await this.#agent.look();
    const fromApi = async (): Promise<void> => {
      await answers;
      this.#start();
      const informers = [this.#pods, this.#serviceInformer, this.#nodes];
      await Promise.all([this.#agent.start(), ...informers.map((informer) => informer.synced(signal))]);
      void this.#storage.announce();
      await this.#plugins.start();
    };
    const fromDisk = async (): Promise<void> => {
      await this.#pleg.start();
      await this.#statics.start();
      this.#keepHouse();
    };
    await Promise.all([fromDisk(), fromApi()]);
    this.#intake.begin(this.#pods.list().filter((pod) => !isMirror(pod)));
    this.#containers.podsKnown();
    this.#ready = true;
    this.#statics.show();
    this.#leftovers.found(this.#pleg.pods());
    this.#resizes.retry();
  }
  #keepHouse(): void {
    this.#guards.start();
    startHousekeeping({
      ...this.#options,
      events: this.#events,
      cleanup: this.#cleanup,
      images: this.#imageGc,
      signal: this.#stop.signal,
      runningLogs: () =>
        [...this.#workers.values()].flatMap((w) =>
          w.runtimePod.containers.filter((c) => c.state === "running" && c.logPath).map((c) => ({ id: c.id, path: c.logPath })),
        ),
      knownPods: () => (this.#ready ? new Set([...this.#workers.keys(), ...this.#pleg.uids()]) : undefined),
    });
  }
  /** Every pod of this node is known: what nobody knows may go. */
  #ready = false;
  get config(): KubeletConfig {
    return this.#options.config;
  }
  /** As the kubelet's API shows them: each with the status that was last decided on. */
  served(): Pod[] {
    return [...this.#workers.values()].map(({ pod }) => ({ ...pod, status: this.#services.statuses.get(pod.metadata.uid) ?? pod.status }));
  }
  get runtime(): Runtime {
    return this.#runtime;
  }
  /** Nothing has been heard from the runtime for so long that pods are not kept (upstream's SyncLoopHealthCheck). */
  isStuck(): boolean {
    const { clock, config } = this.#options;
    const last = this.#pleg.lastList;
    return last > 0 && clock.monotonic() - last > Math.max(2 * config.syncInterval, leastPatience);
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
    await this.#containers[Symbol.asyncDispose]();
    this.#stop.abort(new Error("the kubelet stops"));
    await this.#plugins[Symbol.asyncDispose]();
    await this.#storage.csiDrivers[Symbol.asyncDispose]();
  }
}

/** Without what a distribution has put behind it. */
/** Milliseconds for which nobody is taken for stuck. */
const leastPatience = 120_000;

const plainVersion = (version: string): string => /^v?(\d+(?:\.\d+)+(?:-[0-9A-Za-z.-]+)?)/.exec(version)?.[1] ?? version;
