/**
 * Gives the devices of device plugins to containers (pkg/kubelet/cm/devicemanager; KEP-3573). What is given is written down
 * before the container is made, so that it stays the container's own when kubelet or plugin start anew.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { podLimits } from "../../api/core/pod-resources.ts";
import { quantityToNumber } from "../../api/quantity.ts";
import type { Container, Pod, ResourceStatus } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { GrpcServer } from "../../base/grpc/server.ts";
import type { Logger } from "../../base/logger.ts";
import { Checkpoint } from "../checkpoint/file.ts";
import type { ContainerAdditions } from "../lifecycle.ts";
import type { PluginHandler } from "../plugin-manager/handler.ts";
import { isSidecar } from "../pod.ts";
import type { AffinityOf, HintProvider, Hints, TopologyHint } from "../topology-manager/hints.ts";
import { containerAdditions } from "./additions.ts";
import { readDevices, writeDevices } from "./checkpoint.ts";
import { byAffinity, caresForTopology, deviceHints, perNuma } from "./placement.ts";
import { Plugin } from "./plugin.ts";
import { PodDevices } from "./pod-devices.ts";
import { deviceHandler, serveRegistration } from "./registry.ts";
import { Resources } from "./resources.ts";

export interface DeviceManagerOptions {
  /** `<rootDir>/device-plugins` */
  directory: string;
  clock: Clock;
  logger: Logger;
  numaNodes: readonly number[];
  affinity: AffinityOf;
  /** The pod is here and not over: what it has stays its own. */
  active(podUid: string): boolean;
  /** The container ran already when the kubelet started: it has what it needs. */
  ranBefore(podUid: string, container: string): boolean;
  /** The node's capacity has changed. */
  onCapacity(): void;
  /** The health of a device of the pod has changed. */
  onHealth(podUid: string): void;
}

export interface NodeDevices {
  capacity: Record<string, string>;
  allocatable: Record<string, string>;
}

/** Milliseconds in which changes are gathered before the node is told of them. */
const gather = 100;

export class DeviceManager implements HintProvider {
  readonly #options: DeviceManagerOptions;
  readonly #resources: Resources;
  readonly #pods = new PodDevices();
  /** What init containers of the pod that is being admitted leave behind. */
  #reusable: { pod: string; devices: Map<string, Set<string>> } = { pod: "", devices: new Map() };
  #allocated = new Map<string, Set<string>>();
  readonly #checkpoint: Checkpoint;
  /** Nothing was here: the machine is new, and what its node counts of devices is not there. */
  #fresh = false;
  #told = false;
  #server: GrpcServer | undefined;
  readonly handler: PluginHandler;

  constructor(options: DeviceManagerOptions) {
    this.#options = options;
    this.#checkpoint = new Checkpoint(join(options.directory, "kubelet_internal_checkpoint"));
    this.#resources = new Resources(options.clock);
    this.handler = deviceHandler(
      (resource, socket) => this.#connect(resource, socket),
      (resource) => void this.#resources.plugin(resource)?.[Symbol.asyncDispose](),
    );
  }
  /** Plugins can register once it resolves. */
  async start(): Promise<void> {
    await this.#restore();
    this.#server = await serveRegistration(this.#options.directory, (resource, socket) => this.#connect(resource, socket));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await Promise.all(this.#resources.plugins().map((plugin) => plugin[Symbol.asyncDispose]()));
    await this.#checkpoint[Symbol.asyncDispose]();
  }
  async #restore(): Promise<void> {
    const { logger } = this.#options;
    try {
      const text = await this.#checkpoint.read();
      this.#fresh = !(await readdir(this.#options.directory).catch(() => [])).length;
      if (text === undefined) return;
      const { PodDeviceEntries, RegisteredDevices } = readDevices(text);
      this.#pods.restore(PodDeviceEntries ?? []);
      for (const resource of Object.keys(RegisteredDevices ?? {})) this.#resources.expect(resource);
    } catch (error) {
      logger.error("Continue after failing to read checkpoint file. Device allocation info may NOT be up-to-date", { file: this.#checkpoint.path, error });
    }
    this.#allocated = this.#pods.allocated();
  }
  async #write(): Promise<void> {
    try {
      await this.#checkpoint.save(() => writeDevices({ PodDeviceEntries: this.#pods.entries(), RegisteredDevices: this.#resources.registered() }));
    } catch (error) {
      throw new Error(`failed to write checkpoint file "kubelet_internal_checkpoint": ${(error as Error).message}`);
    }
  }
  #writeBehind(): void {
    this.#write().catch((error: unknown) => this.#options.logger.error("the state of devices could not be kept", { error }));
  }
  async #connect(resource: string, socket: string): Promise<void> {
    const { clock, logger } = this.#options;
    const plugin: Plugin = new Plugin({
      resource,
      socket,
      clock,
      logger,
      onDevices: (devices) => {
        if (this.#resources.plugin(resource) !== plugin) return;
        const changed = this.#resources.list(resource, devices);
        this.#writeBehind();
        this.#changed();
        for (const pod of new Set(changed.flatMap((id) => [...this.#pods.holders(resource, id)]))) this.#options.onHealth(pod);
      },
      onGone: () => {
        if (this.#resources.disconnected(resource, plugin)) this.#changed();
      },
    });
    await plugin.connect();
    const former = this.#resources.plugin(resource);
    this.#resources.connected(resource, plugin);
    await former?.[Symbol.asyncDispose]();
    logger.info("a device plugin has registered", { resource, socket });
  }
  #changed(): void {
    if (this.#told) return;
    this.#told = true;
    this.#options.clock.after(gather, () => {
      this.#told = false;
      this.#options.onCapacity();
    });
  }
  /** What the node has. `before`: its capacity as the API has it; what a plugin that went had there is nought now. */
  node(before: Readonly<Record<string, unknown>>): NodeDevices {
    const expired = this.#resources.expire();
    if (expired.length) this.#writeBehind();
    const gone = Object.fromEntries((this.#fresh ? Object.keys(before) : expired).map((name) => [name, "0"]));
    this.#fresh = false;
    const { capacity, allocatable } = this.#resources.counts();
    return { capacity: { ...gone, ...capacity }, allocatable: { ...gone, ...allocatable } };
  }
  /** At least as many as have been given away, also when the plugin is not there: those who have them may stay. */
  atLeastAllocated(podUid: string, allocatable: Readonly<Record<string, string>>): Record<string, string> {
    const result = { ...allocatable };
    if (this.#pods.has(podUid))
      for (const [resource, ids] of this.#allocated) if (quantityToNumber(result[resource] ?? 0) < ids.size) result[resource] = String(ids.size);
    return result;
  }
  #isDevice(resource: string): boolean {
    return this.#resources.has(resource) || this.#allocated.has(resource);
  }
  /** Frees what pods have that are over. */
  #collect(): void {
    for (const pod of [...this.#pods.pods]) if (!this.#options.active(pod)) this.#pods.delete(pod);
    this.#allocated = this.#pods.allocated();
  }
  release(podUid: string): void {
    if (!this.#pods.delete(podUid)) return;
    this.#allocated = this.#pods.allocated();
    this.#writeBehind();
  }
  hints(pod: Pod, container: Container): Hints {
    this.#collect();
    const { uid } = pod.metadata;
    const reusable = (resource: string): ReadonlySet<string> => (this.#reusable.pod === uid && this.#reusable.devices.get(resource)) || new Set();
    return this.#hints(requests(container), (resource) => this.#pods.ids(uid, container.name, resource), reusable);
  }
  podHints(pod: Pod): Hints {
    this.#collect();
    const limits = podLimits(pod.spec, { excludeOverhead: true }) as Record<string, string>;
    const wanted = Object.entries(limits).map(([resource, limit]): [string, number] => [resource, quantityToNumber(limit)]);
    return this.#hints(
      wanted,
      (resource) => this.#pods.idsOfPod(pod.metadata.uid, resource),
      () => new Set(),
    );
  }
  #hints(wanted: Iterable<[string, number]>, given: (resource: string) => Set<string> | undefined, reusable: (resource: string) => ReadonlySet<string>): Hints {
    const all = new Map<string, readonly TopologyHint[] | undefined>();
    for (const [resource, request] of wanted) {
      if (!this.#isDevice(resource)) continue;
      const devices = this.#resources.devices(resource);
      const has = given(resource);
      const pool = has?.size ? has : this.#available(resource);
      const leftOver: ReadonlySet<string> = has?.size ? new Set() : reusable(resource);
      const fits = has?.size ? has.size === request : new Set([...pool, ...leftOver]).size >= request;
      if (!caresForTopology(devices)) all.set(resource, undefined);
      else all.set(resource, fits ? deviceHints(devices, this.#options.numaNodes, pool, leftOver, request) : []);
    }
    return all;
  }
  #available(resource: string): Set<string> {
    return (this.#resources.healthy(resource) ?? new Set()).difference(this.#allocated.get(resource) ?? new Set());
  }
  async allocate(pod: Pod, container: Container): Promise<void> {
    const { uid } = pod.metadata;
    if (this.#reusable.pod !== uid) this.#reusable = { pod: uid, devices: new Map() };
    const reusable = this.#reusable.devices;
    await this.#allocateContainer(pod, container, reusable);
    const isInit = pod.spec.initContainers?.some((c) => c.name === container.name) && !isSidecar(container);
    for (const resource of this.#pods.ofContainer(uid, container.name).keys()) {
      const ids = this.#pods.ids(uid, container.name, resource) as Set<string>;
      const left = reusable.get(resource) ?? new Set();
      reusable.set(resource, isInit ? left.union(ids) : left.difference(ids));
    }
  }
  async #allocateContainer(pod: Pod, container: Container, reusable: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    const { uid } = pod.metadata;
    let collected = false;
    let given = false;
    for (const [resource, needed] of requests(container)) {
      if (ofClaim(pod, container.name, resource) || !this.#isDevice(resource)) continue;
      if (!collected) this.#collect();
      collected = true;
      const ids = await this.#choose(uid, container.name, resource, needed, reusable.get(resource) ?? new Set());
      if (!ids.size) continue;
      const plugin = this.#resources.plugin(resource);
      try {
        if (!plugin) throw new Error(`unknown Device Plugin ${resource}`);
        const response = await plugin.allocate(ids);
        this.#pods.set(uid, container.name, resource, { ids: perNuma(this.#resources.devices(resource), ids), response });
        given = true;
      } finally {
        this.#allocated = this.#pods.allocated();
      }
    }
    if (given) await this.#write();
  }
  /** Empty: the container has what it needs. */
  async #choose(uid: string, container: string, resource: string, required: number, reusable: ReadonlySet<string>): Promise<Set<string>> {
    const has = this.#pods.ids(uid, container, resource);
    if (has && has.size !== required) {
      const where = `pod ${JSON.stringify(uid)} container ${JSON.stringify(container)}`;
      throw new Error(`${where} changed request for resource ${JSON.stringify(resource)} from ${has.size} to ${required}`);
    }
    if (this.#options.ranBefore(uid, container)) return new Set();
    const healthy = this.#resources.healthy(resource);
    if (!healthy) throw new Error(`cannot allocate unregistered device ${resource}`);
    if (!healthy.size) throw new Error(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
    if (has && !has.isSubsetOf(healthy)) throw new Error(`previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resource}`);
    const chosen = new Set<string>();
    if (has || required === 0) return chosen;
    const take = (ids: Iterable<string>): boolean => {
      for (const id of ids) if (chosen.size < required) chosen.add(id);
      return chosen.size === required;
    };
    if (take(reusable)) return chosen;
    const available = this.#available(resource);
    if (available.size < required - chosen.size)
      throw new Error(`requested number of devices unavailable for ${resource}. Requested: ${required - chosen.size}, Available: ${available.size}`);
    const { aligned, unaligned, anywhere } = byAffinity(this.#resources.devices(resource), available, this.#options.affinity(uid, container).affinity);
    const enough = required - chosen.size < aligned.size;
    if (!enough && take(aligned)) return chosen;
    const pool = enough ? aligned : available;
    const preferred = await this.#resources.plugin(resource)?.preferred(pool.union(chosen), chosen, required);
    if (preferred && take(preferred.intersection(pool))) return chosen;
    if (enough ? take(aligned) : take(unaligned) || take(anywhere)) return chosen;
    throw new Error(`unexpectedly allocated less resources than required. Requested: ${required}, Got: ${chosen.size}`);
  }
  /** What the plugins want the container to get. Rejects when a plugin does not let it start. */
  async additions(pod: Pod, container: Container): Promise<ContainerAdditions> {
    const { uid } = pod.metadata;
    let missing = false;
    for (const [resource, limit] of requests(container)) {
      if (ofClaim(pod, container.name, resource) || !this.#isDevice(resource) || limit === 0) continue;
      const plugin = this.#resources.plugin(resource);
      const ids = this.#pods.ids(uid, container.name, resource);
      if (plugin?.preStartRequired) {
        if (!ids) throw new Error(`no devices found allocated in local cache for pod ${uid}, container ${container.name}, resource ${resource}`);
        await plugin.preStart(ids);
      }
      missing ||= !ids;
    }
    if (missing && this.#options.active(uid)) await this.allocate(pod, container);
    return containerAdditions(this.#pods.ofContainer(uid, container.name), this.#options.logger);
  }
  /** Devices of a container by resource and id, with where they lie. */
  *given(podUid: string, container: string): Generator<{ resource: string; id: string; nodes: number[] }> {
    for (const [resource, { ids }] of this.#pods.ofContainer(podUid, container)) {
      const nodes = new Map<string, number[]>();
      for (const [node, list] of Object.entries(ids))
        for (const id of list) nodes.set(id, [...(nodes.get(id) ?? []), ...(node === "-1" ? [] : [Number(node)])]);
      for (const [id, at] of nodes) yield { resource, id, nodes: at };
    }
  }
  usable(): Iterable<{ resource: string; id: string; nodes: number[] }> {
    return this.#resources.usable();
  }
  /** For the container's status. A device that is not listed any more is taken for healthy. */
  health(podUid: string, container: string): ResourceStatus[] {
    const statuses = new Map<string, ResourceStatus>();
    for (const { resource, id } of this.given(podUid, container)) {
      const status = statuses.get(resource) ?? { name: resource, resources: [] };
      statuses.set(resource, status);
      const health = this.#resources.devices(resource).get(id)?.health ?? "Healthy";
      status.resources?.push({ resourceID: id, health: health === "Healthy" ? "Healthy" : "Unhealthy" });
    }
    return [...statuses.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** Devices are never overcommitted: what is asked for is the limit. */
const requests = (container: Container): [string, number][] =>
  Object.entries((container.resources?.limits ?? {}) as Record<string, string>).map(([resource, limit]) => [resource, quantityToNumber(limit)]);

/** The resource comes from a claim that the scheduler made (KEP-5004), not from a plugin. */
const ofClaim = (pod: Pod, container: string, resource: string): boolean =>
  pod.status?.extendedResourceClaimStatus?.requestMappings?.some((m) => m.containerName === container && m.resourceName === resource) ?? false;
