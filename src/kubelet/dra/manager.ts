/**
 * Devices of claims: drivers prepare them before the pod's sandbox is made and take them back when nothing of the pod runs
 * (pkg/kubelet/cm/dra; KEP-4381). Errors are fit for the pod's events, in upstream's words.
 */
import { join } from "node:path";
import { isReservedFor, neededClaim, notForPod } from "../../api/resource/pod-claims.ts";
import type { Container, Pod, PodResourceClaim, ResourceStatus } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { type ClaimInfo, Claims, infoOf } from "./claims.ts";
import type { DriverPlugin } from "./driver.ts";
import { Drivers } from "./drivers.ts";
import { DeviceHealths } from "./health.ts";
import type { DeviceHealth } from "./health-types.gen.ts";

export interface DraManagerOptions {
  rootDir: string;
  clock: Clock;
  logger: Logger;
  claim(namespace: string, name: string): Promise<ResourceClaim>;
  removeSlices(driver: string | undefined, signal: AbortSignal): Promise<void>;
  /** The pod is here and not over. */
  active(podUid: string): boolean;
  /** The health of a device of the pod has changed. */
  onHealth(podUid: string): void;
}

/** Milliseconds between looks for claims of pods that are gone. */
const reconcilePeriod = 60_000;

export class DraManager {
  readonly #options: DraManagerOptions;
  readonly #claims: Claims;
  readonly #health: DeviceHealths;
  readonly #stop = new AbortController();
  readonly drivers: Drivers;

  /** Rejects when it cannot be known what was prepared before. */
  static async create(options: DraManagerOptions): Promise<DraManager> {
    const claims = await Claims.open(join(options.rootDir, "dra_manager_state"));
    const health = new DeviceHealths(join(options.rootDir, "dra_health_state"), options.clock, options.logger);
    await health.load();
    return new DraManager(options, claims, health);
  }
  private constructor(options: DraManagerOptions, claims: Claims, health: DeviceHealths) {
    this.#options = options;
    this.#claims = claims;
    this.#health = health;
    const { clock, logger, removeSlices } = options;
    this.drivers = new Drivers({
      clock,
      logger,
      removeSlices,
      onHealth: (driver, devices) => this.#healthOf(driver, devices),
      onHealthEnd: (driver) => this.#health.clear(driver),
    });
  }
  /** Every pod of the node is known from now on. */
  start(): void {
    this.drivers.start();
    void this.#reconcile();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.drivers[Symbol.asyncDispose]();
    await this.#health[Symbol.asyncDispose]();
  }
  async #reconcile(): Promise<void> {
    const { clock, logger, active } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const gone = new Set([...this.#claims.all()].flatMap((claim) => [...claim.pods].filter((uid) => !active(uid))));
      for (const uid of gone) {
        const claims = [...this.#claims.all()].filter((claim) => claim.pods.has(uid));
        await this.#unprepare(uid, claims).catch((error: unknown) =>
          logger.info("Unpreparing pod resources in reconcile loop failed, will retry", { pod: uid, error }),
        );
      }
      await clock.sleep(reconcilePeriod, signal).catch(() => {});
    }
  }
  /** Rejects when a claim cannot be used. Claims that other pods share are prepared once. */
  async prepare(pod: Pod): Promise<void> {
    try {
      await this.#prepare(pod);
    } catch (error) {
      throw new Error(`prepare dynamic resources: ${(error as Error).message}`);
    }
  }
  /** Looks at everything before anything is changed: a pod that cannot start can be deleted without its drivers. */
  async #prepare(pod: Pod): Promise<void> {
    const wanted: { info: ClaimInfo; plugins: Map<string, DriverPlugin> }[] = [];
    for (const one of claimsOf(pod)) {
      const claim = await this.#usable(pod, one);
      if (!claim) continue;
      const info = infoOf(claim);
      wanted.push({ info, plugins: new Map([...info.drivers.keys()].map((driver) => [driver, this.drivers.get(driver)])) });
    }
    if (!wanted.length) return;
    const batches = new Map<string, { plugin: DriverPlugin; claims: ClaimInfo[] }>();
    const fresh: ClaimInfo[] = [];
    for (const { info: found, plugins } of wanted) {
      const known = this.#claims.get(found.namespace, found.name);
      if (known && known.uid !== found.uid)
        throw new Error(`old ResourceClaim with same name ${found.name} and different UID ${known.uid} still exists (previous pod force-deleted?!)`);
      const info = known ?? found;
      this.#claims.add(info);
      info.pods.add(pod.metadata.uid);
      if (info.prepared) continue;
      fresh.push(info);
      for (const driver of info.drivers.keys()) {
        const plugin = plugins.get(driver) ?? this.drivers.get(driver);
        const batch = batches.get(driver) ?? { plugin, claims: [] };
        batch.claims.push(info);
        batches.set(driver, batch);
      }
    }
    await this.#claims.save();
    for (const [driver, { plugin, claims }] of batches) await this.#prepareAt(driver, plugin, claims);
    for (const info of fresh) info.prepared = true;
    if (fresh.length) await this.#claims.save();
  }
  /** The object behind a claim of the pod; undefined where there is none and need be none. */
  async #usable(pod: Pod, one: PodResourceClaim): Promise<ResourceClaim | undefined> {
    const { namespace = "", name, uid } = pod.metadata;
    const named = neededClaim(pod, one);
    if (typeof named === "string") throw new Error(named);
    if (!named) return undefined;
    const claim = await this.#options.claim(namespace, named.name).catch((error: Error) => {
      throw new Error(`fetch ResourceClaim ${named.name}: ${error.message}`);
    });
    const foreign = named.own ? notForPod(pod, claim) : undefined;
    if (foreign) throw new Error(foreign);
    if (!isReservedFor(claim, pod)) throw new Error(`pod ${name} (${uid}) is not allowed to use ResourceClaim ${named.name} (${claim.metadata.uid})`);
    return claim;
  }
  async #prepareAt(driver: string, plugin: DriverPlugin, claims: readonly ClaimInfo[]): Promise<void> {
    const answers = await plugin.prepare(claims.map(wire)).catch((error: Error) => {
      throw new Error(`NodePrepareResources: ${error.message}`);
    });
    checkAnswers("NodePrepareResources", claims, answers);
    for (const claim of claims)
      claim.drivers.set(
        driver,
        (answers[claim.uid]?.devices ?? []).map((device) => ({
          PoolName: device.poolName,
          DeviceName: device.deviceName,
          ShareID: device.shareId ?? null,
          RequestNames: device.requestNames,
          CDIDeviceIDs: device.cdiDeviceIds,
        })),
      );
  }
  /** Nothing of the pod runs. Rejects when a driver has not taken everything back: the pod is not over until it has. */
  async unprepare(pod: Pod): Promise<void> {
    const { namespace = "", uid } = pod.metadata;
    const names = claimsOf(pod).flatMap((one) => {
      const named = neededClaim(pod, one);
      return typeof named === "object" ? [named.name] : [];
    });
    try {
      await this.#unprepare(
        uid,
        names.flatMap((name) => this.#claims.get(namespace, name) ?? []),
      );
    } catch (error) {
      throw new Error(`unprepare dynamic resources: ${(error as Error).message}`);
    }
  }
  async #unprepare(uid: string, claims: readonly ClaimInfo[]): Promise<void> {
    const used = claims.filter((claim) => claim.pods.has(uid));
    if (!used.length) return;
    const last = used.filter((claim) => claim.pods.size === 1);
    for (const claim of used) if (claim.pods.size > 1) claim.pods.delete(uid);
    for (const driver of new Set(last.flatMap((claim) => [...claim.drivers.keys()]))) {
      const batch = last.filter((claim) => claim.drivers.has(driver));
      const answers = await this.drivers
        .get(driver)
        .unprepare(batch.map(wire))
        .catch((error: Error) => {
          throw new Error(`NodeUnprepareResources: ${error.message}`);
        });
      checkAnswers("NodeUnprepareResources", batch, answers);
    }
    for (const claim of last) this.#claims.delete(claim);
    await this.#claims.save();
  }
  /** Names of CDI devices for the container. Throws when a claim of its has not been prepared. */
  cdiDevices(pod: Pod, container: Container): string[] {
    const { namespace = "" } = pod.metadata;
    const ids = new Set<string>();
    for (const { claim, request } of requestsOf(pod, container)) {
      const info = this.#claims.get(namespace, claim);
      if (!info) throw new Error(`internal error: unable to get claim info for ResourceClaim ${claim} in namespace ${namespace}`);
      for (const device of devicesFor(info, request)) for (const id of device.CDIDeviceIDs ?? []) ids.add(id);
    }
    return [...ids];
  }
  /** Claims that the container uses, as far as they were prepared. */
  claimsOf(pod: Pod, container: Container): ClaimInfo[] {
    const names = new Set(requestsOf(pod, container).map(({ claim }) => claim));
    return [...names].flatMap((name) => this.#claims.get(pod.metadata.namespace ?? "", name) ?? []);
  }
  /** For the container's status. */
  health(pod: Pod, container: Container): ResourceStatus[] {
    const statuses = new Map<string, ResourceStatus>();
    for (const { name, request = "" } of container.resources?.claims ?? []) {
      const one = pod.spec.resourceClaims?.find((claim) => claim.name === name);
      const named = one && neededClaim(pod, one);
      const info = typeof named === "object" ? this.#claims.get(pod.metadata.namespace ?? "", named.name) : undefined;
      if (!info) continue;
      const resources = new Map<string, NonNullable<ResourceStatus["resources"]>[number]>();
      for (const [driver, devices] of info.drivers)
        for (const device of devices) {
          if (request && device.RequestNames?.length && !device.RequestNames.includes(request.split("/")[0] as string)) continue;
          const resourceID = device.CDIDeviceIDs?.[0] ?? `${driver}/${device.PoolName}/${device.DeviceName}`;
          const health = this.#health.of(driver, device.PoolName, device.DeviceName).Health;
          if (!resources.has(resourceID)) resources.set(resourceID, { resourceID, health });
        }
      const key = request ? `claim:${name}/${request}` : `claim:${name}`;
      if (resources.size) statuses.set(key, { name: key, resources: [...resources.values()] });
    }
    return [...statuses.values()];
  }
  #healthOf(driver: string, devices: readonly DeviceHealth[]): void {
    const changed = this.#health.update(driver, devices);
    const pods = new Set<string>();
    for (const claim of this.#claims.all())
      if (claim.drivers.get(driver)?.some((d) => changed.some(({ pool, device }) => pool === d.PoolName && device === d.DeviceName)))
        for (const uid of claim.pods) pods.add(uid);
    for (const uid of pods) this.#options.onHealth(uid);
  }
}

/** Of the spec, and the one that the scheduler made for extended resources (KEP-5004). */
function claimsOf(pod: Pod): PodResourceClaim[] {
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return [...(pod.spec.resourceClaims ?? []), ...(extended ? [{ name: "", resourceClaimName: extended }] : [])];
}

/** What the container asks for of which claim; without a request: everything. */
function requestsOf(pod: Pod, container: Container): { claim: string; request: string }[] {
  const own = (container.resources?.claims ?? []).flatMap(({ name, request = "" }) => {
    const one = pod.spec.resourceClaims?.find((claim) => claim.name === name);
    const named = one && neededClaim(pod, one);
    if (typeof named === "string") throw new Error(named);
    return named ? [{ claim: named.name, request }] : [];
  });
  const extended = pod.status?.extendedResourceClaimStatus;
  const mapped = (extended?.requestMappings ?? [])
    .filter((m) => m.containerName === container.name && container.resources?.requests?.[m.resourceName])
    .map((m) => ({ claim: extended?.resourceClaimName ?? "", request: m.requestName }));
  return [...own, ...mapped];
}

const devicesFor = (info: ClaimInfo, request: string) =>
  [...info.drivers.values()].flat().filter((device) => !request || !device.RequestNames?.length || device.RequestNames.includes(request));

const wire = ({ uid, name, namespace }: ClaimInfo): { uid: string; name: string; namespace: string } => ({ uid, name, namespace });

function checkAnswers(method: string, claims: readonly ClaimInfo[], answers: Record<string, { error: string }>): void {
  for (const [uid, { error }] of Object.entries(answers)) {
    const claim = claims.find((one) => one.uid === uid);
    if (!claim) throw new Error(`${method} returned result for unknown claim UID ${uid}`);
    if (error) throw new Error(`${method} failed for ResourceClaim ${claim.name}: ${error}`);
  }
  const skipped = claims.filter((claim) => !(claim.uid in answers)).length;
  if (skipped) throw new Error(`${method} skipped ${skipped} ResourceClaims`);
}
