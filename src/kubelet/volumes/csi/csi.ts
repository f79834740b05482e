/**
 * Volumes of CSI drivers, as the drivers know upstream's kubelet (pkg/volume/csi): the same calls in the same order, the same
 * directories, and the same files beside them, so that either kubelet takes over what the other has mounted.
 */
import { mkdir, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { quantityToNumber } from "../../../api/quantity.ts";
import { unmountBelow } from "../../../linux/mounts.ts";
import { removeTree } from "../../../linux/remove-tree.ts";
import { ExpansionError } from "../expansion.ts";
import { giveToPod } from "../ownership.ts";
import type { MountedVolume, Place, VolumePlugin, VolumeRequest, VolumeSpec } from "../plugin.ts";
import type { VolumeUsage } from "../usage.ts";
import { CsiBlock } from "./block.ts";
import { attaches, type CsiObjects, credentials, givesToGroup, publishContext, isExhausted, verifyAttached } from "./context.ts";
import { type CsiDriverClient, isFinal, isInfeasible, isInUse } from "./driver.ts";
import type { CsiDrivers } from "./drivers.ts";
import { updatePeriod } from "./limits.ts";
import { publishFacts } from "./publish.ts";
import { type CsiSource, csiSource } from "./source.ts";
import { attachmentName, globalMount, loadData, pluginName, removeMountDirectory, saveData, splitUnique, uniqueNameOf } from "./volume-data.ts";

export interface CsiPluginOptions {
  rootDir: string;
  nodeName: string;
  drivers: CsiDrivers;
  objects: CsiObjects;
}

const mountPoint = (place: Place): string => `${place.path}/mount`;
const log = (text: string): Error => new Error(`kubernetes.io/csi: ${text}`);

class CsiPlugin implements VolumePlugin {
  readonly name = pluginName;
  readonly mountOptions = true;
  readonly #options: CsiPluginOptions;
  readonly block: CsiBlock;
  /** Mount points whose story is known from the beginning: what was there before may be in use, whatever a driver answers. */
  readonly #begun = new Set<string>();
  /** What drivers ask for that have been seen. */
  readonly #republishing = new Map<string, boolean>();

  constructor(options: CsiPluginOptions) {
    this.#options = options;
    this.block = new CsiBlock(options);
  }
  supports({ volume, persistent }: VolumeSpec): boolean {
    return (persistent ? persistent.spec.csi : volume.csi) !== undefined;
  }
  follows({ volume, persistent }: VolumeSpec): boolean {
    return this.#republishing.get((persistent?.spec.csi ?? volume.csi)?.driver ?? "") ?? false;
  }
  #client(name: string, step: string): CsiDriverClient {
    try {
      return this.#options.drivers.get(name);
    } catch (error) {
      throw log(`${step}: ${(error as Error).message}`);
    }
  }
  async setUp(request: VolumeRequest): Promise<{ path: string; readOnly: boolean }> {
    const { objects, nodeName, rootDir } = this.#options;
    const { pod, spec, place, again } = request;
    const source = csiSource(spec, pod.metadata);
    const client = this.#client(source.driver, "mounter.SetUpAt failed to get CSI client");
    const driver = await objects.driver(source.driver);
    this.#republishing.set(source.driver, driver?.spec.requiresRepublish ?? false);
    const mode = source.inline ? "Ephemeral" : "Persistent";
    const modes = driver?.spec.volumeLifecycleModes;
    const unsupported = driver
      ? modes && !modes.includes(mode)
        ? `only supports ${`[${modes.map((m) => JSON.stringify(m)).join(" ")}]`}`
        : undefined
      : source.inline
        ? "no CSIDriver object"
        : undefined;
    if (unsupported)
      throw log(
        `mounter.SetupAt failed to check volume lifecycle mode: volume mode ${JSON.stringify(mode)} not supported by driver ${source.driver} (${unsupported})`,
      );
    const chowns = givesToGroup(driver, source);
    const capabilities = await client.capabilities().catch((error: Error) => {
      throw log(`mounter.SetUpAt failed to check for STAGE_UNSTAGE_VOLUME capability: ${error.message}`);
    });
    const facts = await publishFacts(objects, nodeName, source, driver, pod);
    const target = mountPoint(place);
    const fsGroup = pod.spec.securityContext?.fsGroup;
    const groups = capabilities.has("VOLUME_MOUNT_GROUP");
    if (!(await loadData(place.path))) this.#begun.add(target);
    await saveData(place.path, {
      specVolID: spec.name,
      volumeHandle: source.handle,
      driverName: source.driver,
      nodeName,
      volumeLifecycleMode: mode,
      attachmentID: attachmentName(source.handle, source.driver, nodeName),
    });
    const stagingTargetPath = !source.inline && capabilities.has("STAGE_UNSTAGE_VOLUME") ? globalMount(rootDir, source.driver, source.handle) : "";
    try {
      await client.publish(
        { volumeId: source.handle, readonly: source.readOnly, stagingTargetPath, targetPath: target, ...facts },
        {
          accessMode: source.accessMode,
          mount: { fsType: source.fsType, flags: source.mountOptions, ...(groups && fsGroup !== undefined ? { group: fsGroup } : {}) },
        },
        capabilities,
      );
    } catch (error) {
      if (isFinal(error) && !again && this.#begun.has(target)) await removeMountDirectory(target);
      throw error;
    }
    if (chowns && !groups && !again)
      await giveToPod(pod, target).catch((error: Error) => {
        throw new Error(`applyFSGroup failed for vol ${source.handle}: ${error.message}`, { cause: error });
      });
    return { path: target, readOnly: source.readOnly };
  }
  async tearDown(place: Place): Promise<void> {
    const data = await loadData(place.path);
    const target = mountPoint(place);
    if (data) {
      const client = this.#client(data.driverName, "Unmounter.TearDownAt failed to get CSI client");
      await client.unpublish(data.volumeHandle, target).catch((error: Error) => {
        throw log(`Unmounter.TearDownAt failed: ${error.message}`);
      });
      await removeMountDirectory(target).catch((error: Error) => {
        throw log(`Unmounter.TearDownAt failed to clean mount dir [${target}]: ${error.message}`);
      });
    } else {
      // No driver was told of it, or what it was told is lost.
      unmountBelow(place.path);
      await removeTree(place.path);
    }
    this.#begun.delete(target);
  }

  async expand({ spec, pod, place }: VolumeRequest, size: string): Promise<void> {
    const { objects, rootDir } = this.#options;
    const source = csiSource(spec, pod.metadata);
    const block = spec.persistent?.spec.volumeMode === "Block";
    const client = this.#options.drivers.get(source.driver);
    const capabilities = await client.capabilities().catch((error: Error) => {
      throw new ExpansionError(`Expander.NodeExpand failed to check if node supports expansion : ${error.message}`, "unsure", error);
    });
    if (!capabilities.has("EXPAND_VOLUME"))
      throw new ExpansionError(`NodeExpand is not supported by the CSI driver ${source.driver}`, "unsupported", undefined);
    const secrets = await credentials(objects, source.persistent?.nodeExpandSecretRef, "NodeExpandSecretRef");
    const stages = capabilities.has("STAGE_UNSTAGE_VOLUME");
    const staging = block ? this.block.staging(spec.name) : globalMount(rootDir, source.driver, source.handle);
    const request = {
      volumeId: source.handle,
      volumePath: block ? this.block.publishPath(spec.name, place.pod) : mountPoint(place),
      stagingTargetPath: stages ? staging : "",
      secrets,
      bytes: quantityToNumber(size),
    };
    const use = { accessMode: source.accessMode, ...(block ? {} : { mount: { fsType: source.fsType, flags: source.mountOptions } }) };
    try {
      await client.expand(request, use, capabilities);
    } catch (error) {
      const kind = isInUse(error) ? "in use" : isInfeasible(error) ? "infeasible" : isFinal(error) ? "failed" : "unsure";
      const colon = kind === "infeasible" ? "" : ": ";
      throw new ExpansionError(`Expander.NodeExpand failed to expand the volume ${colon}${(error as Error).message}`, kind, error);
    }
  }

  async usage(spec: VolumeSpec, place: Place, { path, block }: MountedVolume): Promise<VolumeUsage | undefined> {
    const source = csiSource(spec, { uid: place.pod });
    const client = this.#options.drivers.get(source.driver);
    const capabilities = await client.capabilities();
    if (!capabilities.has("GET_VOLUME_STATS")) return undefined;
    const { usage, volumeCondition } = await client.stats(source.handle, block ? this.block.publishPath(spec.name, place.pod) : path);
    const bytes = usage.find(({ unit }) => unit === "BYTES");
    const inodes = usage.find(({ unit }) => unit === "INODES");
    return {
      ...(bytes ? { capacityBytes: bytes.total, availableBytes: bytes.available, usedBytes: bytes.used } : {}),
      ...(inodes ? { inodes: inodes.total, inodesFree: inodes.available, inodesUsed: inodes.used } : {}),
      ...(volumeCondition && capabilities.has("VOLUME_CONDITION") ? { health: volumeCondition } : {}),
    };
  }

  readonly device = {
    uniqueName: ({ persistent }: VolumeSpec): string | undefined => {
      const csi = persistent?.spec.csi;
      return csi && uniqueNameOf({ driverName: csi.driver, volumeHandle: csi.volumeHandle });
    },
    uniqueNameOf: async (place: Place): Promise<string | undefined> => {
      const data = (await loadData(place.path)) ?? (await this.block.dataOf(place.name));
      return data && data.volumeLifecycleMode !== "Ephemeral" ? uniqueNameOf(data) : undefined;
    },
    attachable: async ({ persistent }: VolumeSpec): Promise<boolean> => {
      const driver = persistent?.spec.csi?.driver;
      return driver !== undefined && attaches(this.#options.objects, driver);
    },
    waitForAttach: async ({ persistent }: VolumeSpec): Promise<void> => {
      const { driver = "", volumeHandle = "" } = persistent?.spec.csi ?? {};
      await verifyAttached(this.#options.objects, this.#options.nodeName, driver, volumeHandle);
    },
    exhausted: async ({ persistent }: VolumeSpec): Promise<boolean> => {
      const { objects, nodeName, drivers } = this.#options;
      const { driver = "", volumeHandle = "" } = persistent?.spec.csi ?? {};
      if (!updatePeriod(await objects.driver(driver)) || !(await isExhausted(objects, nodeName, driver, volumeHandle))) return false;
      await drivers.refresh(driver);
      return true;
    },
    mount: async (request: VolumeRequest): Promise<void> => {
      const { spec, pod } = request;
      const source = csiSource(spec, pod.metadata);
      const client = this.#client(source.driver, "attacher.MountDevice failed to create newCsiDriverClient");
      if (spec.persistent?.spec.volumeMode === "Block") return this.block.stage(spec, source, client);
      await this.#stage(source, client, pod.spec.securityContext?.fsGroup);
    },
    unmount: async (unique: string): Promise<void> => {
      const { driverName, volumeHandle } = splitUnique(unique);
      const client = (step: string): CsiDriverClient => this.#client(driverName, step);
      await this.block.unstage(volumeHandle, driverName, client);
      await this.#unstage(volumeHandle, driverName, client);
    },
    mounted: async (): Promise<string[]> => {
      const root = `${this.#options.rootDir}/plugins/${pluginName}`;
      const found: string[] = [];
      for (const driver of await list(root)) {
        if (driver === "volumeDevices") continue;
        for (const volume of await list(`${root}/${driver}`)) {
          const data = await loadData(`${root}/${driver}/${volume}`);
          if (data) found.push(uniqueNameOf(data));
        }
      }
      return [...found, ...(await this.block.staged())];
    },
  };

  async #stage(source: CsiSource, client: CsiDriverClient, fsGroup: number | undefined): Promise<void> {
    const { objects, nodeName, rootDir } = this.#options;
    const capabilities = await client.capabilities();
    if (!capabilities.has("STAGE_UNSTAGE_VOLUME")) return;
    const context = await publishContext(objects, nodeName, source.driver, source.handle);
    const secrets = await credentials(objects, source.persistent?.nodeStageSecretRef, "NodeStageSecretRef");
    const target = globalMount(rootDir, source.driver, source.handle);
    const directory = dirname(target);
    if (!(await loadData(directory))) this.#begun.add(target);
    await mkdir(target, { recursive: true, mode: 0o750 });
    await saveData(directory, { volumeHandle: source.handle, driverName: source.driver });
    const group = capabilities.has("VOLUME_MOUNT_GROUP") && fsGroup !== undefined ? { group: fsGroup } : {};
    try {
      await client.stage(
        { volumeId: source.handle, publishContext: context, stagingTargetPath: target, secrets, volumeContext: { ...source.attributes } },
        { accessMode: source.accessMode, mount: { fsType: source.fsType, flags: source.mountOptions, ...group } },
        capabilities,
      );
    } catch (error) {
      if (isFinal(error) && this.#begun.has(target)) await removeMountDirectory(target);
      throw error;
    }
  }
  async #unstage(handle: string, driver: string, clientFor: (step: string) => CsiDriverClient): Promise<void> {
    const target = globalMount(this.#options.rootDir, driver, handle);
    if (!(await loadData(dirname(target)))) return;
    const client = clientFor("attacher.UnmountDevice failed to create newCsiDriverClient");
    const capabilities = await client.capabilities();
    if (capabilities.has("STAGE_UNSTAGE_VOLUME"))
      await client.unstage(handle, target).catch((error: Error) => {
        throw log(`attacher.UnmountDevice failed: ${error.message}`);
      });
    await removeMountDirectory(target);
    this.#begun.delete(target);
  }
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

export const csiPlugin = (options: CsiPluginOptions): VolumePlugin => new CsiPlugin(options);
