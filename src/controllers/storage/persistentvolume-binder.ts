/**
 * Binds claims to volumes and takes back what is no longer claimed (pkg/controller/volume/persistentvolume). Volumes are
 * made and destroyed by provisioners outside: what only a plugin inside could destroy or recycle becomes Failed, as
 * upstream's without a plugin.
 */
import { keyOf, splitKey } from "../../api/object.ts";
import { isNotFound } from "../../api/status.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { persistentvolumeclaims, persistentvolumes, pods, storageclasses } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { type ClaimSync, syncClaim } from "./claim-sync.ts";
import { Latest } from "./latest.ts";
import { claimIndex, claimNames } from "./pods-of-claim.ts";
import { measureClasses, measureVolumes } from "./volume-measures.ts";
import { modesDiffer } from "./volume-match.ts";
import { VolumeWrites } from "./volume-writes.ts";

const provisionedBy = "pv.kubernetes.io/provisioned-by";

/** Keys with a namespace are claims', keys without volumes'. */
export const persistentVolumeBinder: Controller = {
  name: "persistentvolume-binder-controller",
  account: "persistent-volume-binder",
  component: "persistentvolume-controller",
  // A volume is given to one claim only because nobody else gives it away meanwhile.
  workers: 1,
  start(context) {
    const { informers, enqueue, measures, options } = context;
    const { volumeBinderSyncPeriod = 15_000, enableDynamicProvisioning = true } = options;
    const seenClaims = informers.informer(persistentvolumeclaims);
    const seenVolumes = informers.informer(persistentvolumes);
    const classes = informers.informer(storageclasses);
    const seenPods = informers.informer(pods, { indexes: claimIndex });
    const claims = new Latest(seenClaims);
    const volumes = new Latest(seenVolumes);
    measureVolumes(
      measures,
      () => seenVolumes.list(),
      () => seenClaims.list(),
    );
    const writes = new VolumeWrites(context, claims, volumes);
    const sync: ClaimSync = { writes, volumes, classes, pods: seenPods, provisions: enableDynamicProvisioning, retroactive: measureClasses(measures) };
    const wakeWaiting = (): void => {
      for (const claim of seenClaims.list()) if (!claim.spec.volumeName) enqueue(keyOf(claim));
    };
    seenClaims.onChange((old, claim) => {
      if (claim) enqueue(keyOf(claim));
      else if (old?.spec.volumeName) enqueue(old.spec.volumeName);
    });
    seenVolumes.onChange((old, volume) => {
      if (volume) enqueue(volume.metadata.name);
      if (volume?.status?.phase === "Available" && old?.status?.phase !== "Available") wakeWaiting();
      const { claimRef } = old?.spec ?? {};
      if (!volume && claimRef) enqueue(`${claimRef.namespace}/${claimRef.name}`);
    });
    classes.onChange((_, storageClass) => {
      if (storageClass) wakeWaiting();
    });
    seenPods.onChange((old, pod) => {
      if (!old && pod && !pod.spec.nodeName) for (const name of claimNames(pod)) enqueue(`${pod.metadata.namespace}/${name}`);
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      if (namespace) {
        const claim = claims.get(namespace, name);
        if (!claim) return;
        await syncClaim(sync, claim);
        return claims.get(namespace, name)?.status?.phase === "Bound" ? undefined : { requeueAfter: volumeBinderSyncPeriod };
      }
      const volume = volumes.get("", name);
      if (!volume) return;
      await syncVolume(context, writes, claims, volume);
    };
  },
};

async function syncVolume(context: ControllerContext, writes: VolumeWrites, claims: Latest<PersistentVolumeClaim>, volume: PersistentVolume): Promise<void> {
  const { claimRef, persistentVolumeReclaimPolicy } = volume.spec;
  if (!claimRef?.uid) {
    await writes.setVolumePhase(volume, "Available");
    return;
  }
  const { namespace = "", name = "", uid } = claimRef;
  const settled = ["Released", "Failed"].includes(volume.status?.phase ?? "");
  let claim = claims.get(namespace, name);
  if (claim ? claim.metadata.uid !== uid : !settled) claim = await freshClaim(context, namespace, name);
  if (claim && claim.metadata.uid !== uid) claim = undefined;
  const release = async (): Promise<void> => reclaim(writes, settled ? volume : await writes.setVolumePhase(volume, "Released"));
  if (!claim) return release();
  if (!claim.spec.volumeName) {
    if (!modesDiffer(claim, volume)) return context.enqueue(keyOf(claim));
    const why = "due to incompatible volumeMode.";
    writes.tellVolume(volume, "Warning", "VolumeMismatch", `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${JSON.stringify(name)} ${why}`);
    const named = JSON.stringify(volume.metadata.name);
    return writes.tellClaim(claim, "Warning", "VolumeMismatch", `Cannot bind PersistentVolume ${named} to requested PersistentVolumeClaim ${why}`);
  }
  if (claim.spec.volumeName === volume.metadata.name) await writes.setVolumePhase(volume, "Bound");
  else if (volume.metadata.annotations?.[provisionedBy] !== undefined && persistentVolumeReclaimPolicy === "Delete") await release();
  else await writes.unbind(volume);
}

/** Past the cache, which may be behind: a volume must not be taken from a claim that has just been made. */
async function freshClaim({ client, signal }: ControllerContext, namespace: string, name: string): Promise<PersistentVolumeClaim | undefined> {
  try {
    return await client.resource(persistentvolumeclaims).get(namespace, name, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function reclaim(writes: VolumeWrites, volume: PersistentVolume): Promise<void> {
  const { annotations } = volume.metadata;
  const policy = volume.spec.persistentVolumeReclaimPolicy;
  const provisioner = annotations?.[provisionedBy];
  if (policy === "Retain" || annotations?.["pv.kubernetes.io/migrated-to"]) return;
  if (policy === "Recycle") return writes.volumeFailed(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!");
  if (policy !== "Delete") return writes.volumeFailed(volume, "VolumeUnknownReclaimPolicy", "Volume has unrecognized PersistentVolumeReclaimPolicy");
  // Its own provisioner destroys it.
  if (provisioner ? !provisioner.startsWith("kubernetes.io/") : volume.spec.csi) return;
  await writes.volumeFailed(volume, "VolumeFailedDelete", whyNotDeleted(volume, provisioner));
}

/** Directories of a node are nobody's to delete from here. */
function whyNotDeleted({ metadata, spec }: PersistentVolume, provisioner: string | undefined): string {
  if (spec.hostPath && (!provisioner || provisioner === "kubernetes.io/host-path")) {
    const { path } = spec.hostPath;
    return /^\/tmp\/.+/.test(path) ? `host_path deleter does not delete ${path}` : `host_path deleter only supports /tmp/.+ but received provided ${path}`;
  }
  return provisioner
    ? `no volume plugin matched name: ${provisioner}`
    : `error getting deleter volume plugin for volume ${JSON.stringify(metadata.name)}: no deletable volume plugin matched`;
}
