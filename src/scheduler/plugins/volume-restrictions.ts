/** Disks that only one may use, and claims that only one pod may use (ReadWriteOncePod). */
import type { Pod, Volume } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { type NodeCheck, type Plugin, rejection } from "../framework/plugin.ts";
import { claimsOf, isOfPod, namedClaims } from "./pod-claims.ts";

const name = "VolumeRestrictions";
const diskTaken = rejection(name, true, "node(s) had no available disk");
const claimTaken = rejection(name, true, "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod");

const isDisk = ({ gcePersistentDisk, awsElasticBlockStore, rbd, iscsi }: Volume): boolean => Boolean(gcePersistentDisk || awsElasticBlockStore || rbd || iscsi);

function clash(a: Volume, b: Volume): boolean {
  const readOnly = (x: { readOnly?: boolean }, y: { readOnly?: boolean }): boolean => Boolean(x.readOnly && y.readOnly);
  if (a.gcePersistentDisk && b.gcePersistentDisk && a.gcePersistentDisk.pdName === b.gcePersistentDisk.pdName) {
    if (!readOnly(a.gcePersistentDisk, b.gcePersistentDisk)) return true;
  }
  if (a.awsElasticBlockStore && a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore?.volumeID) return true;
  if (a.iscsi && b.iscsi && a.iscsi.iqn === b.iscsi.iqn && !readOnly(a.iscsi, b.iscsi)) return true;
  if (!a.rbd || !b.rbd) return false;
  const { monitors, pool, image } = b.rbd;
  return a.rbd.monitors.some((monitor) => monitors.includes(monitor)) && a.rbd.pool === pool && a.rbd.image === image && !readOnly(a.rbd, b.rbd);
}

const sharesClaim = (pod: Pod, other: Pod): boolean => {
  const names = new Set(namedClaims(pod).map((claim) => claim.name));
  return namedClaims(other).some((claim) => names.has(claim.name));
};

export const volumeRestrictions: Plugin = {
  name,
  wakes: [
    {
      source: "AssignedPod",
      actions: action.delete,
      hint(pod, { old }) {
        const gone = old as Pod;
        if (gone.metadata.namespace !== pod.metadata.namespace) return false;
        const disks = (pod.spec.volumes ?? []).filter(isDisk);
        return sharesClaim(pod, gone) || disks.some((disk) => gone.spec.volumes?.some((other) => clash(disk, other)));
      },
    },
    { source: "Node", actions: action.add },
    { source: "PersistentVolumeClaim", actions: action.add, hint: isOfPod(namedClaims) },
  ],
  filter({ pod, cluster, snapshot }) {
    const disks = (pod.pod.spec.volumes ?? []).filter(isDisk);
    const exclusive: string[] = [];
    for (const use of namedClaims(pod.pod)) {
      const claim = cluster.pvc(pod.namespace, use.name);
      if (!claim) return rejection(name, false, `persistentvolumeclaim ${JSON.stringify(use.name)} not found`);
      if (claim.spec.accessModes?.includes("ReadWriteOncePod")) exclusive.push(`${pod.namespace}/${use.name}`);
    }
    // Pods of nodes that are gone use nothing.
    const isUsed = (claim: string): boolean => [...cluster.pods.usersOf(claim)].some((row) => snapshot.rows[row]?.node);
    const users = exclusive.reduce((sum, claim) => sum + (isUsed(claim) ? 1 : 0), 0);
    if (!disks.length && users === 0) return "skip";
    const checkWith =
      (conflicts: number): NodeCheck =>
      ({ rows }, row) => {
        if (disks.length) {
          for (const { pod: other } of rows[row]!.pods.values()) {
            for (const disk of disks) if (other.spec.volumes?.some((volume) => clash(disk, volume))) return diskTaken;
          }
        }
        return conflicts > 0 ? claimTaken : undefined;
      };
    return {
      check: checkWith(users),
      adjusted(changes) {
        let conflicts = users;
        for (const { info, sign } of changes) {
          if (info.namespace !== pod.namespace) continue;
          for (const use of claimsOf(info.pod)) if (exclusive.includes(`${info.namespace}/${use.name}`)) conflicts += sign;
        }
        return checkWith(conflicts);
      },
    };
  },
};
