/** What becomes of a claim: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { StorageClass } from "../../api/types/storage-v1.gen.ts";
import type { Informer } from "../../client/informer.ts";
import { isFinished } from "../runtime/pods.ts";
import type { Latest } from "./latest.ts";
import { driverOfPlugin } from "./migrated-plugins.ts";
import { byClaim } from "./pods-of-claim.ts";
import { bestVolume, claimNamesClass, classOfClaim, defaultClass, isVolumeBoundTo, mismatch } from "./volume-match.ts";
import { bindCompleted, boundByController, type VolumeWrites } from "./volume-writes.ts";

const selectedNode = "volume.kubernetes.io/selected-node";
const provisioners = ["volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"];

export interface ClaimSync {
  writes: VolumeWrites;
  volumes: Latest<PersistentVolume>;
  classes: Informer<StorageClass>;
  pods: Informer<Pod>;
  /** Claims are handed to the provisioners of their classes. */
  provisions: boolean;
  /** Told of each claim that gets the default class later, or does not get it. */
  retroactive(succeeded: boolean): void;
}

export async function syncClaim(sync: ClaimSync, claim: PersistentVolumeClaim): Promise<void> {
  if (claim.metadata.annotations?.[bindCompleted] !== undefined) await syncBound(sync, claim);
  else if (claim.spec.volumeName) await syncNamed(sync, claim, claim.spec.volumeName);
  else await syncUnbound(sync, claim);
}

async function syncUnbound(sync: ClaimSync, claim: PersistentVolumeClaim): Promise<void> {
  const { writes, classes } = sync;
  const className = classOfClaim(claim);
  const storageClass = className ? classes.get("", className) : undefined;
  const delayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
  const volume = bestVolume(claim, sync.volumes.list(), delayed);
  if (volume) return writes.bind(volume, claim);
  const fallback = claimNamesClass(claim) ? undefined : defaultClass(classes.list());
  if (fallback) {
    let succeeded = false;
    try {
      await writes.updateClaim({ ...claim, spec: { ...claim.spec, storageClassName: fallback.metadata.name } });
      succeeded = true;
    } finally {
      sync.retroactive(succeeded);
    }
    return;
  }
  if (delayed && claim.metadata.annotations?.[selectedNode] === undefined) tellWhatItWaitsFor(sync, claim);
  else if (className) return provision(sync, claim, className, storageClass);
  else writes.tellClaim(claim, "Normal", "FailedBinding", "no persistent volumes available for this claim and no storage class is set");
  await writes.setClaimPhase(claim, "Pending");
}

function tellWhatItWaitsFor({ pods, writes }: ClaimSync, claim: PersistentVolumeClaim): void {
  const { namespace, name } = claim.metadata;
  const waiting = pods.by(byClaim, `${namespace}/${name}`).filter((pod) => !isFinished(pod) && !pod.spec.nodeName);
  const names = waiting.map((pod) => pod.metadata.name).join(",");
  if (!waiting.length) writes.tellClaim(claim, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
  else writes.tellClaim(claim, "Normal", "WaitForPodScheduled", `waiting for ${waiting.length > 1 ? "pods" : "pod"} ${names} to be scheduled`);
}

/** Provisioners live outside: they act on the claims that bear their name. */
async function provision({ writes, provisions }: ClaimSync, claim: PersistentVolumeClaim, name: string, storageClass: StorageClass | undefined): Promise<void> {
  if (!provisions) return;
  const failed = (message: string): void => writes.tellClaim(claim, "Warning", "ProvisioningFailed", message);
  if (!storageClass) return failed(`storageclass.storage.k8s.io ${JSON.stringify(name)} not found`);
  const { provisioner: named } = storageClass;
  const driver = driverOfPlugin(named);
  const hostPath = named === "kubernetes.io/host-path";
  if (named.startsWith("kubernetes.io/") && !driver && !hostPath) return failed(`no volume plugin matched name: ${named}`);
  const provisioner = driver ?? named;
  const { metadata } = claim;
  if (provisioners.some((key) => metadata.annotations?.[key] !== provisioner)) {
    const annotations = { ...metadata.annotations, ...Object.fromEntries(provisioners.map((key) => [key, provisioner])) };
    await writes.updateClaim({ ...claim, metadata: { ...metadata, annotations } });
  }
  if (hostPath) return failed(`Failed to create provisioner: provisioning in volume plugin ${JSON.stringify(named)} is disabled`);
  writes.tellClaim(
    claim,
    "Normal",
    "ExternalProvisioning",
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  );
}

async function syncNamed({ writes, volumes }: ClaimSync, claim: PersistentVolumeClaim, name: string): Promise<void> {
  const volume = volumes.get("", name);
  if (!volume) {
    await writes.setClaimPhase(claim, "Pending");
    return;
  }
  if (volume.spec.claimRef && isVolumeBoundTo(volume, claim)) return writes.bind(volume, claim);
  if (!volume.spec.claimRef) {
    const why = mismatch(volume, claim);
    if (why === undefined) return writes.bind(volume, claim);
    writes.tellClaim(claim, "Warning", "VolumeMismatch", `Cannot bind to requested volume ${JSON.stringify(name)}: ${why}`);
  } else {
    writes.tellClaim(claim, "Warning", "FailedBinding", `volume ${JSON.stringify(name)} already bound to a different claim.`);
    if (claim.metadata.annotations?.[boundByController] !== undefined)
      throw new Error(
        `invalid binding of claim ${claim.metadata.namespace}/${claim.metadata.name} to volume ${name}: volume already claimed by ${volume.spec.claimRef.namespace}/${volume.spec.claimRef.name}`,
      );
  }
  await writes.setClaimPhase(claim, "Pending");
}

async function syncBound({ writes, volumes }: ClaimSync, claim: PersistentVolumeClaim): Promise<void> {
  const name = claim.spec.volumeName;
  if (!name) return writes.claimLost(claim, "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
  const volume = volumes.get("", name);
  if (!volume) return writes.claimLost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  const { claimRef } = volume.spec;
  if (!claimRef || claimRef.uid === claim.metadata.uid) return writes.bind(volume, claim);
  await writes.claimLost(claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly");
}
