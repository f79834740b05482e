/** Raw block volumes of CSI drivers (pkg/volume/csi/csi_block.go). */
import { mkdir, readdir, rmdir, stat } from "node:fs/promises";
import { removeTree } from "../../../linux/remove-tree.ts";
import type { BlockPlugin, Place, VolumeRequest, VolumeSpec } from "../plugin.ts";
import { type CsiObjects, credentials, publishContext } from "./context.ts";
import { type CsiDriverClient, isFinal } from "./driver.ts";
import type { CsiDrivers } from "./drivers.ts";
import { publishFacts } from "./publish.ts";
import { type CsiSource, csiSource } from "./source.ts";
import { attachmentName, loadData, pluginName, saveData, uniqueNameOf, type VolumeData } from "./volume-data.ts";

export interface CsiBlockOptions {
  rootDir: string;
  nodeName: string;
  drivers: CsiDrivers;
  objects: CsiObjects;
}

const log = (text: string): Error => new Error(`kubernetes.io/csi: ${text}`);
const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

export class CsiBlock implements BlockPlugin {
  readonly #options: CsiBlockOptions;
  readonly #root: string;
  constructor(options: CsiBlockOptions) {
    this.#options = options;
    this.#root = `${options.rootDir}/plugins/${pluginName}/volumeDevices`;
  }
  globalMapPath(name: string): string {
    return `${this.#root}/${name}/dev`;
  }
  /** Where a driver keeps what it has prepared for the node. */
  staging(name: string): string {
    return `${this.#root}/staging/${name}`;
  }
  /** Where a driver shows the device to a pod. */
  publishPath(name: string, pod: string): string {
    return `${this.#root}/publish/${name}/${pod}`;
  }
  dataOf(name: string): Promise<VolumeData | undefined> {
    return loadData(`${this.#root}/${name}/data`);
  }
  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#root)).filter((name) => name !== "staging" && name !== "publish");
    } catch (error) {
      if (code(error) === "ENOENT") return [];
      throw error;
    }
  }
  /** Unique names of what is staged or has been begun to be. */
  async staged(): Promise<string[]> {
    const found = await Promise.all((await this.#names()).map((name) => this.dataOf(name)));
    return found.flatMap((data) => (data ? [uniqueNameOf(data)] : []));
  }
  async stage(spec: VolumeSpec, source: CsiSource, client: CsiDriverClient): Promise<void> {
    const { objects, nodeName } = this.#options;
    const { name } = spec;
    await saveData(`${this.#root}/${name}/data`, {
      specVolID: name,
      volumeHandle: source.handle,
      driverName: source.driver,
      nodeName,
      attachmentID: attachmentName(source.handle, source.driver, nodeName),
    });
    const context = await publishContext(objects, nodeName, source.driver, source.handle).catch((error: Error) => {
      throw log(`blockMapper.SetupDevice failed to get volume attachment [id=${attachmentName(source.handle, source.driver, nodeName)}]: ${error.message}`);
    });
    const capabilities = await client.capabilities().catch((error: Error) => {
      throw log(`blockMapper.stageVolumeForBlock failed to check STAGE_UNSTAGE_VOLUME capability: ${error.message}`);
    });
    if (!capabilities.has("STAGE_UNSTAGE_VOLUME")) return;
    const secrets = await credentials(objects, source.persistent?.nodeStageSecretRef, "NodeStageSecretRef");
    const stagingTargetPath = this.staging(name);
    await mkdir(stagingTargetPath, { recursive: true, mode: 0o750 });
    try {
      await client.stage(
        { volumeId: source.handle, publishContext: context, stagingTargetPath, secrets, volumeContext: { ...source.attributes } },
        { accessMode: source.accessMode },
        capabilities,
      );
    } catch (error) {
      if (isFinal(error)) await this.#cleanUp(name);
      throw error;
    }
  }
  async map({ spec, pod }: VolumeRequest): Promise<string> {
    const { objects, nodeName, drivers } = this.#options;
    const source = csiSource(spec, pod.metadata);
    const client = drivers.get(source.driver);
    const driver = await objects.driver(source.driver);
    const facts = await publishFacts(objects, nodeName, source, driver, pod);
    const targetPath = this.publishPath(spec.name, pod.metadata.uid);
    await mkdir(`${this.#root}/publish/${spec.name}`, { recursive: true, mode: 0o750 });
    await client.publish(
      { volumeId: source.handle, readonly: source.readOnly, stagingTargetPath: this.staging(spec.name), targetPath, ...facts },
      { accessMode: source.accessMode },
      await client.capabilities(),
    );
    return targetPath;
  }
  /** The driver is asked even where nothing is to be seen: a call that was given up may have come to its end since. */
  async unmap({ name, pod }: Place): Promise<void> {
    const data = await this.dataOf(name);
    if (!data) return;
    const client = this.#options.drivers.get(data.driverName);
    await client.unpublish(data.volumeHandle, this.publishPath(name, pod)).catch((error: Error) => {
      throw log(`blockMapper.unpublishVolumeForBlock failed: ${error.message}`);
    });
  }
  async unstage(handle: string, driver: string, clientFor: (step: string) => CsiDriverClient): Promise<void> {
    for (const name of await this.#names()) {
      const data = await this.dataOf(name);
      if (data?.volumeHandle !== handle || data.driverName !== driver) continue;
      const staging = this.staging(name);
      const client = clientFor("blockMapper.TearDownDevice failed to get CSI client");
      const there = await stat(staging).then(
        () => true,
        (error: unknown) => {
          if (code(error) === "ENOENT") return false;
          throw error;
        },
      );
      if (there && (await client.capabilities()).has("STAGE_UNSTAGE_VOLUME"))
        await client.unstage(handle, staging).catch((error: Error) => {
          throw log(`blockMapper.unstageVolumeForBlock failed: ${error.message}`);
        });
      await this.#cleanUp(name);
    }
  }
  async #cleanUp(name: string): Promise<void> {
    await rmdir(`${this.#root}/publish/${name}`).catch((error: unknown) => {
      if (!["ENOENT", "ENOTEMPTY"].includes(code(error))) throw error;
    });
    await removeTree(this.staging(name));
    await removeTree(`${this.#root}/${name}`);
  }
}
