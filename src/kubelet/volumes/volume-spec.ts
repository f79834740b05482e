/** What a volume of a pod is: behind a claim stands a persistent volume (upstream's pkg/kubelet/volumemanager/populator). */
import { isControlledBy } from "../../api/meta/owner.ts";
import type { Container, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/types/core-v1.gen.ts";
import type { VolumeSpec } from "./plugin.ts";

export interface PersistentVolumes {
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim>;
  volume(name: string): Promise<PersistentVolume>;
}

const protection = "kubernetes.io/pvc-protection";
const containersOf = ({ spec }: Pod): readonly Pick<Container, "volumeMounts" | "volumeDevices">[] => [
  ...spec.containers,
  ...(spec.initContainers ?? []),
  ...(spec.ephemeralContainers ?? []),
];

/** Names of the volumes that some container of the pod uses. */
export function usedVolumes(pod: Pod): { mounts: ReadonlySet<string>; devices: ReadonlySet<string> } {
  const containers = containersOf(pod);
  return {
    mounts: new Set(containers.flatMap((c) => (c.volumeMounts ?? []).map((m) => m.name))),
    devices: new Set(containers.flatMap((c) => (c.volumeDevices ?? []).map((d) => d.name))),
  };
}

const mountOptions = "volume.beta.kubernetes.io/mount-options";

/** Of a persistent volume; an annotation of former days comes before the field. */
export function mountOptionsOf({ persistent }: Pick<VolumeSpec, "persistent">): readonly string[] {
  const annotated = persistent?.metadata.annotations?.[mountOptions];
  return annotated === undefined ? (persistent?.spec.mountOptions ?? []) : annotated.split(",").filter(Boolean);
}

/** The claim that the volume is made of, if it is. */
export function claimOf(pod: Pod, volume: Volume): string | undefined {
  return volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined);
}

/** Rejects with upstream's text when the claim or its volume are not what the pod may use. */
export async function resolveVolume(pod: Pod, volume: Volume, objects: PersistentVolumes): Promise<VolumeSpec> {
  const claimName = claimOf(pod, volume);
  if (claimName === undefined) return { volume, name: volume.name, readOnly: false };
  const { namespace = "" } = pod.metadata;
  const failed = (why: string): Error => new Error(`error processing PVC ${namespace}/${claimName}: ${why}`);
  const claim = await objects.claim(namespace, claimName).catch((error: Error) => {
    throw failed(`failed to fetch PVC from API server: ${error.message}`);
  });
  if (claim.metadata.deletionTimestamp && !claim.metadata.finalizers?.includes(protection)) throw failed("PVC is being deleted");
  if (claim.status?.phase !== "Bound") throw failed("PVC is not bound");
  const { volumeName } = claim.spec;
  if (!volumeName) throw failed("PVC has empty pvc.Spec.VolumeName");
  if (volume.ephemeral && !isControlledBy(claim, pod))
    throw new Error(`PVC ${namespace}/${claimName} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`);
  const persistent = await objects.volume(volumeName).catch((error: Error) => {
    throw failed(`failed to fetch PV ${volumeName} from API server: ${error.message}`);
  });
  const { claimRef } = persistent.spec;
  if (!claimRef) throw failed(`found PV object ${volumeName} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`);
  if (claimRef.uid !== claim.metadata.uid)
    throw failed(`found PV object ${volumeName} but its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ""} does not point to claim.UID ${claim.metadata.uid}`);
  const mode = persistent.spec.volumeMode ?? "Filesystem";
  const { mounts, devices } = usedVolumes(pod);
  if (mode !== "Filesystem" && mounts.has(volume.name)) throw new Error(`volume ${volume.name} has volumeMode ${mode}, but is specified in volumeMounts`);
  if (mode !== "Block" && devices.has(volume.name)) throw new Error(`volume ${volume.name} has volumeMode ${mode}, but is specified in volumeDevices`);
  return { volume, persistent, claim, name: volumeName, readOnly: volume.persistentVolumeClaim?.readOnly ?? false };
}
