/** Which volume suits a claim (k8s.io/component-helpers/storage/volume, pkg/controller/volume/persistentvolume/index.go). Pure. */
import { parseQuantity, type Quantity } from "../../api/quantity.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import type { StorageClass } from "../../api/types/storage-v1.gen.ts";

const betaClass = "volume.beta.kubernetes.io/storage-class";

export const classOfClaim = ({ metadata, spec }: PersistentVolumeClaim): string => metadata.annotations?.[betaClass] ?? spec.storageClassName ?? "";
/** "" is a class: that of volumes without one. */
export const claimNamesClass = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  metadata.annotations?.[betaClass] !== undefined || spec.storageClassName !== undefined;
const classOfVolume = ({ metadata, spec }: PersistentVolume): string => metadata.annotations?.[betaClass] ?? spec.storageClassName ?? "";

const size = (quantity: string | undefined): Quantity => parseQuantity(quantity ?? "0");
const requested = (claim: PersistentVolumeClaim): Quantity => size(claim.spec.resources?.requests?.storage);
export const modesDiffer = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec.volumeMode ?? "Filesystem") !== (volume.spec.volumeMode ?? "Filesystem");
const attributesDiffer = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec.volumeAttributesClassName ?? "") !== (volume.spec.volumeAttributesClassName ?? "");
const grantsModes = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec.accessModes ?? []).every((mode) => volume.spec.accessModes?.includes(mode));

/** True also for a volume that names the claim and no uid yet. */
export function isVolumeBoundTo({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  return claimRef?.name === metadata.name && claimRef.namespace === metadata.namespace && (!claimRef.uid || claimRef.uid === metadata.uid);
}

/** Why a volume that the claim asks for by name will not do. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp) return `the volume is marked for deletion ${JSON.stringify(volume.metadata.name)}`;
  if (size(volume.spec.capacity?.storage).value() < requested(claim).value()) return "requested PV is too small";
  if (classOfVolume(volume) !== classOfClaim(claim)) return "storageClassName does not match";
  if (attributesDiffer(claim, volume)) return "volumeAttributesClassName does not match";
  if (modesDiffer(claim, volume)) return "incompatible volumeMode";
  return grantsModes(claim, volume) ? undefined : "incompatible accessMode";
}

/**
 * The volume that was reserved for the claim, or else the smallest of those with the fewest access modes. With
 * `delayed` binding only a reserved one: the scheduler chooses.
 */
export function bestVolume(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[], delayed: boolean): PersistentVolume | undefined {
  const wanted = requested(claim);
  const selector = claim.spec.selector && selectorOf(claim.spec.selector);
  let best: PersistentVolume | undefined;
  const modeCount = (volume: PersistentVolume): number => new Set(volume.spec.accessModes).size;
  const better = (volume: PersistentVolume, than: PersistentVolume): boolean => {
    const modes = modeCount(volume) - modeCount(than);
    return modes ? modes < 0 : size(volume.spec.capacity?.storage).cmp(size(than.spec.capacity?.storage)) < 0;
  };
  for (const volume of volumes) {
    if (volume.spec.claimRef && !isVolumeBoundTo(volume, claim)) continue;
    if (!grantsModes(claim, volume) || size(volume.spec.capacity?.storage).cmp(wanted) < 0) continue;
    if (modesDiffer(claim, volume) || attributesDiffer(claim, volume) || volume.metadata.deletionTimestamp) continue;
    if (isVolumeBoundTo(volume, claim)) return volume;
    if (delayed || volume.status?.phase !== "Available" || (selector && !selector.matches(volume.metadata.labels))) continue;
    if (classOfVolume(volume) !== classOfClaim(claim)) continue;
    if (!best || better(volume, best)) best = volume;
  }
  return best;
}

/** The class for claims that name none: of those marked as default the newest, then the first by name. */
export function defaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const isDefault = ({ metadata: { annotations } }: StorageClass): boolean =>
    annotations?.["storageclass.kubernetes.io/is-default-class"] === "true" || annotations?.["storageclass.beta.kubernetes.io/is-default-class"] === "true";
  return classes.filter(isDefault).sort((a, b) => {
    const [first, second] = [a.metadata, b.metadata];
    if (first.creationTimestamp !== second.creationTimestamp) return first.creationTimestamp > second.creationTimestamp ? -1 : 1;
    return first.name < second.name ? -1 : 1;
  })[0];
}
