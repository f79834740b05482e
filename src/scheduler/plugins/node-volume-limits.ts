/** A CSI driver attaches so many volumes to a node and no more. In-tree volumes count as those of the driver that has replaced theirs. */
import type { PersistentVolumeClaim, Pod, Volume } from "../../api/types/core-v1.gen.ts";
import type { CSINode, VolumeAttachment } from "../../api/types/storage-v1.gen.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";
import { claimsOf, classOf, foreignClaim, isOfPod, isOwnedBy, namedClaims } from "./pod-claims.ts";

const name = "NodeVolumeLimits";
type Source = Pick<Volume, "awsElasticBlockStore" | "azureDisk" | "cinder" | "gcePersistentDisk" | "portworxVolume">;

/** What has replaced in-tree volume sources: their CSI driver, and what tells volumes apart. */
const migrated = {
  awsElasticBlockStore: { driver: "ebs.csi.aws.com", provisioner: "kubernetes.io/aws-ebs", id: ({ awsElasticBlockStore: of }: Source) => of?.volumeID },
  azureDisk: { driver: "disk.csi.azure.com", provisioner: "kubernetes.io/azure-disk", id: ({ azureDisk: of }: Source) => of?.diskURI },
  cinder: { driver: "cinder.csi.openstack.org", provisioner: "kubernetes.io/cinder", id: ({ cinder: of }: Source) => of?.volumeID },
  gcePersistentDisk: { driver: "pd.csi.storage.gke.io", provisioner: "kubernetes.io/gce-pd", id: ({ gcePersistentDisk: of }: Source) => of?.pdName },
  portworxVolume: { driver: "pxd.portworx.com", provisioner: "kubernetes.io/portworx-volume", id: ({ portworxVolume: of }: Source) => of?.volumeID },
} satisfies Record<keyof Source, { driver: string; provisioner: string; id(source: Source): string | undefined }>;
const migratedDrivers = Object.values(migrated);
type Attachable = readonly [driver: string, handle: string];

function inTree(source: Source): Attachable | undefined {
  for (const { driver, id } of migratedDrivers) {
    const handle = id(source);
    if (handle !== undefined) return [driver, handle];
  }
  return undefined;
}

const full = rejection(name, true, "node(s) exceed max volume count");

/** Driver and volume; for a claim without a volume yet, something that stands for it. */
function volumeOf(claim: PersistentVolumeClaim, cluster: ClusterView): Attachable | undefined {
  const volume = claim.spec.volumeName ? cluster.pv(claim.spec.volumeName) : undefined;
  if (volume) return volume.spec.csi ? [volume.spec.csi.driver, volume.spec.csi.volumeHandle] : inTree(volume.spec as Source);
  const provisioner = cluster.storageClass(classOf(claim))?.provisioner;
  const driver = migratedDrivers.find((one) => one.provisioner === provisioner)?.driver ?? provisioner;
  return driver ? [driver, `${claim.metadata.namespace}/${claim.metadata.name}`] : undefined;
}

/** Drivers that stand for the in-tree volumes which a pod names itself. */
function driversOfInline({ spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap((volume) => inTree(volume)?.[0] ?? []);
}

const limitOf = ({ allocatable }: CSINode["spec"]["drivers"][number]): number => allocatable?.count ?? 0;

/** Driver by unique name of the volume. Throws where a claim is another pod's, as upstream fails then. */
function collect(pod: Pod, cluster: ClusterView, into: Map<string, string>): void {
  for (const volume of pod.spec.volumes ?? []) {
    const inline = inTree(volume);
    if (inline) into.set(inline.join("/"), inline[0]);
  }
  for (const use of claimsOf(pod)) {
    const claim = cluster.pvc(pod.metadata.namespace ?? "", use.name);
    if (claim && use.ephemeral && !isOwnedBy(claim, pod)) throw new Error(`running "${name}" filter plugin: ${foreignClaim(pod, use.name)}`);
    const volume = claim && volumeOf(claim, cluster);
    if (volume) into.set(volume.join("/"), volume[0]);
  }
}

export const nodeVolumeLimits: Plugin = {
  name,
  wakes: [
    { source: "CSINode", actions: action.add },
    {
      source: "CSINode",
      actions: action.updateOther,
      hint(_, { old, object }) {
        const before = new Map((old as CSINode).spec.drivers.map((driver) => [driver.name, limitOf(driver)]));
        return (object as CSINode).spec.drivers.some((driver) => limitOf(driver) > (before.get(driver.name) ?? 0));
      },
    },
    {
      source: "AssignedPod",
      actions: action.delete,
      hint: (_, { old }) => claimsOf(old as Pod).length > 0 || driversOfInline(old as Pod).length > 0,
    },
    { source: "PersistentVolumeClaim", actions: action.add, hint: isOfPod(claimsOf) },
    {
      source: "VolumeAttachment",
      actions: action.delete,
      hint: (pod, { old }) => namedClaims(pod).length > 0 || driversOfInline(pod).includes((old as VolumeAttachment).spec.attacher),
    },
  ],
  filter({ pod, cluster }) {
    if (!claimsOf(pod.pod).length && !driversOfInline(pod.pod).length) return "skip";
    const wanted = new Map<string, string>();
    const missing = claimsOf(pod.pod).find((use) => !cluster.pvc(pod.namespace, use.name));
    if (missing) {
      const refused = rejection(
        name,
        false,
        `looking up PVC ${pod.namespace}/${missing.name}: persistentvolumeclaim ${JSON.stringify(missing.name)} not found`,
      );
      return { check: () => refused };
    }
    try {
      collect(pod.pod, cluster, wanted);
    } catch (error) {
      // Only where other plugins have nothing to say first.
      const fail = (): never => {
        throw error;
      };
      return { check: fail };
    }
    if (!wanted.size) return {};
    return {
      check({ rows }, row) {
        const node = rows[row]!;
        const limits = new Map<string, number>();
        for (const { name: driver, allocatable } of cluster.csiNode(node.name)?.spec.drivers ?? []) {
          if (allocatable?.count !== undefined) limits.set(driver, allocatable.count);
        }
        if (!limits.size) return undefined;
        const attached = new Map<string, string>();
        for (const info of node.pods.values()) collect(info.pod, cluster, attached);
        const counts = new Map<string, number>();
        for (const [volume, driver] of wanted) if (!attached.has(volume)) counts.set(driver, (counts.get(driver) ?? 0) + 1);
        for (const { spec } of cluster.volumeAttachments(node.name)) {
          const handle = spec.source.persistentVolumeName && cluster.pv(spec.source.persistentVolumeName)?.spec.csi?.volumeHandle;
          if (handle) attached.set(`${spec.attacher}/${handle}`, spec.attacher);
        }
        const used = new Map<string, number>();
        for (const driver of attached.values()) used.set(driver, (used.get(driver) ?? 0) + 1);
        for (const [driver, count] of counts) {
          const limit = limits.get(driver);
          if (limit !== undefined && (used.get(driver) ?? 0) + count > limit) return full;
        }
        return undefined;
      },
    };
  },
};
