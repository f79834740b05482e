/** What the API knows of this node's CSI drivers: CSINode, the node's annotation and its topology labels (pkg/volume/csi/nodeinfomanager). */
import { isConflict, isNotFound } from "../../../api/status.ts";
import type { Node } from "../../../api/types/core-v1.gen.ts";
import type { CSINode, CSINodeDriver } from "../../../api/types/storage-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { Client } from "../../../client/client.ts";
import { csinodes, nodes } from "../../../client/resources.gen.ts";

const nodeIDs = "csi.volume.kubernetes.io/nodeid";
const migrated = "storage.alpha.kubernetes.io/migrated-plugins";
/** Former plugins whose volumes are left to CSI drivers. */
const migratedPlugins = ["aws-ebs", "azure-disk", "azure-file", "cinder", "gce-pd", "portworx-volume", "vsphere-volume"]
  .map((name) => `kubernetes.io/${name}`)
  .join(",");
const maxLimit = 2 ** 31 - 1;

export interface DriverInfo {
  name: string;
  nodeID: string;
  /** 0: no limit. */
  maxVolumes: number;
  topology: Readonly<Record<string, string>>;
}

/** Pure. Undefined when nothing changes. */
export function withDriver(drivers: readonly CSINodeDriver[], { name, nodeID, maxVolumes, topology }: DriverInfo): CSINodeDriver[] | undefined {
  const topologyKeys = Object.keys(topology).sort();
  const count = maxVolumes > 0 ? Math.min(maxVolumes, maxLimit) : undefined;
  const known = drivers.find((driver) => driver.name === name);
  const same =
    known?.nodeID === nodeID && known.allocatable?.count === count && JSON.stringify([...(known.topologyKeys ?? [])].sort()) === JSON.stringify(topologyKeys);
  if (same) return undefined;
  const driver: CSINodeDriver = { name, nodeID, topologyKeys, ...(count === undefined ? {} : { allocatable: { count } }) };
  return [...drivers.filter((one) => one.name !== name), driver];
}

export interface CsiNodeOptions {
  client: Client;
  clock: Clock;
  nodeName: string;
}

const tries = 4;
const one = "one";

export class CsiNode {
  readonly #options: CsiNodeOptions;
  readonly #lock = new KeyedLock();
  constructor(options: CsiNodeOptions) {
    this.#options = options;
  }
  /** Makes the CSINode where there is none. */
  initialize(): Promise<void> {
    return this.#change("error updating CSINode annotation", (drivers) => drivers);
  }
  /** Rejects when the API server does not take it, or when the node already bears another topology. */
  async install(driver: DriverInfo): Promise<void> {
    if (!driver.nodeID) throw new Error("error adding CSI driver node info: driverNodeID must not be empty");
    await this.#changeNode("error updating Node object with CSI driver node info", (node) => {
      const differs = Object.entries(driver.topology).find(([key, value]) => (node.metadata.labels?.[key] ?? value) !== value);
      if (differs) {
        const [key, value] = differs;
        const has = JSON.stringify(node.metadata.labels?.[key]);
        throw new Error(
          `detected topology value collision: driver reported ${JSON.stringify(key)}:${JSON.stringify(value)} but existing label is ${JSON.stringify(key)}:${has}`,
        );
      }
      const missing = Object.entries(driver.topology).filter(([key]) => node.metadata.labels?.[key] === undefined);
      const ids = nodeIDsOf(node);
      if (ids[driver.name] === driver.nodeID && !missing.length) return undefined;
      return { annotations: { [nodeIDs]: JSON.stringify(sorted({ ...ids, [driver.name]: driver.nodeID })) }, labels: Object.fromEntries(missing) };
    });
    await this.update(driver);
  }
  /** What a registered driver says anew. */
  async update(driver: DriverInfo): Promise<void> {
    await this.#change("error updating CSINode object with CSI driver node info: error updating CSINode", (drivers) => withDriver(drivers, driver) ?? drivers);
  }
  async uninstall(name: string): Promise<void> {
    await this.#change("error uninstalling CSI driver from CSINode object", (drivers) =>
      drivers.some((driver) => driver.name === name) ? drivers.filter((driver) => driver.name !== name) : drivers,
    );
    await this.#changeNode("error removing CSI driver node info from Node object", (node) => {
      const { [name]: mine, ...others } = nodeIDsOf(node);
      if (mine === undefined) return undefined;
      return { annotations: { [nodeIDs]: Object.keys(others).length ? JSON.stringify(sorted(others)) : null } };
    });
  }
  /** One change at a time; tried again after a conflict. */
  #retry(what: string, work: () => Promise<void>): Promise<void> {
    return this.#lock.run(one, async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work();
        } catch (error) {
          if (attempt === tries || !isConflict(error)) throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
          await this.#options.clock.sleep(10 * 5 ** attempt);
        }
      }
    });
  }
  #change(what: string, change: (drivers: readonly CSINodeDriver[]) => readonly CSINodeDriver[]): Promise<void> {
    const { client, nodeName } = this.#options;
    const api = client.resource(csinodes);
    return this.#retry(what, async () => {
      const node = await client.resource(nodes).get("", nodeName);
      let known = await api.get("", nodeName).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      // It belongs to a node of the same name that is no more.
      if (known && !known.metadata.ownerReferences?.some((owner) => owner.kind === "Node" && owner.uid === node.metadata.uid)) {
        await api.delete("", nodeName);
        known = undefined;
      }
      const before = known?.spec.drivers ?? [];
      const drivers = [...change(before)];
      const annotations = { ...known?.metadata.annotations, [migrated]: migratedPlugins };
      if (!known) {
        const ownerReferences = [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid }];
        await api.create("", { metadata: { name: nodeName, annotations, ownerReferences }, spec: { drivers } } as unknown as CSINode);
      } else if (JSON.stringify(drivers) !== JSON.stringify(before) || known.metadata.annotations?.[migrated] !== migratedPlugins)
        await api.update({ ...known, metadata: { ...known.metadata, annotations }, spec: { ...known.spec, drivers } });
    });
  }
  #changeNode(what: string, change: (node: Node) => object | undefined): Promise<void> {
    const api = this.#options.client.resource(nodes);
    const { nodeName } = this.#options;
    return this.#retry(what, async () => {
      const node = await api.get("", nodeName);
      const metadata = change(node);
      if (metadata) await api.patch("", nodeName, "merge", { metadata: { ...metadata, resourceVersion: node.metadata.resourceVersion } });
    });
  }
}

const sorted = (map: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));

function nodeIDsOf({ metadata }: Node): Record<string, string> {
  const text = metadata.annotations?.[nodeIDs];
  if (!text) return {};
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch (error) {
    throw new Error(`failed to parse node's ${JSON.stringify(nodeIDs)} annotation value (${JSON.stringify(text)}) err=${(error as Error).message}`, {
      cause: error,
    });
  }
}
