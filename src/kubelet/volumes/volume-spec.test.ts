import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/types/core-v1.gen.ts";
import { mountOptionsOf, resolveVolume } from "./volume-spec.ts";

const pod = (container: object = {}): Pod => ({ metadata: { namespace: "n", name: "p", uid: "u" }, spec: { containers: [container] } }) as unknown as Pod;
const volume = { name: "v", persistentVolumeClaim: { claimName: "c" } } as Volume;
const objects = (claim: object, persistent: object = {}) => ({
  claim: async () =>
    ({
      metadata: { name: "c", namespace: "n", uid: "1" },
      spec: { volumeName: "pv" },
      status: { phase: "Bound" },
      ...claim,
    }) as unknown as PersistentVolumeClaim,
  volume: async () => ({ metadata: { name: "pv" }, spec: { claimRef: { uid: "1" }, ...persistent } }) as unknown as PersistentVolume,
});

test("a claim that goes, that is nobody's or somebody else's, or of another mode is refused in upstream's words", async () => {
  const going = { metadata: { name: "c", namespace: "n", uid: "1", deletionTimestamp: "t" } };
  await assert.rejects(resolveVolume(pod(), volume, objects(going)), { message: "error processing PVC n/c: PVC is being deleted" });
  const guarded = { metadata: { ...going.metadata, finalizers: ["kubernetes.io/pvc-protection"] } };
  assert.equal((await resolveVolume(pod(), volume, objects(guarded))).name, "pv");
  await assert.rejects(resolveVolume(pod(), volume, objects({}, { claimRef: { uid: "2" } })), {
    message: "error processing PVC n/c: found PV object pv but its pv.Spec.ClaimRef.UID 2 does not point to claim.UID 1",
  });
  const mounts = { volumeMounts: [{ name: "v", mountPath: "/v" }] };
  await assert.rejects(resolveVolume(pod(mounts), volume, objects({}, { volumeMode: "Block" })), {
    message: "volume v has volumeMode Block, but is specified in volumeMounts",
  });
  const devices = { volumeDevices: [{ name: "v", devicePath: "/v" }] };
  await assert.rejects(resolveVolume(pod(devices), volume, objects({})), { message: "volume v has volumeMode Filesystem, but is specified in volumeDevices" });
});

test("the claim of an ephemeral volume has to be the pod's own", async () => {
  const ephemeral = { name: "v", ephemeral: {} } as Volume;
  await assert.rejects(resolveVolume(pod(), ephemeral, objects({})), { message: "PVC n/p-v was not created for pod n/p (pod is not owner)" });
  const owned = { metadata: { name: "p-v", namespace: "n", uid: "1", ownerReferences: [{ controller: true, uid: "u" }] } };
  assert.equal((await resolveVolume(pod(), ephemeral, objects(owned))).claim?.metadata.name, "p-v");
});

test("mount options are the field's, or those of the annotation", () => {
  const of = (annotations: object, spec: object) => mountOptionsOf({ persistent: { metadata: { annotations }, spec } as unknown as PersistentVolume });
  assert.deepEqual(of({}, { mountOptions: ["ro"] }), ["ro"]);
  assert.deepEqual(of({ "volume.beta.kubernetes.io/mount-options": "rw,sync" }, { mountOptions: ["ro"] }), ["rw", "sync"]);
});
