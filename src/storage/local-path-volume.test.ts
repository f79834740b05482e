import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../api/types/core-v1.gen.ts";
import type { StorageClass } from "../api/types/storage-v1.gen.ts";
import { fate, isOurs, provisionerName, volumeFinalizer, volumeFor, waitsForUs, wantedSize, whyNot } from "./local-path-volume.ts";

const uid = "0b1f6a4e-0000-4000-8000-000000000001";
const storageClass = (extra: object = {}): StorageClass =>
  ({
    metadata: { name: "local-path" },
    provisioner: provisionerName,
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
    ...extra,
  }) as StorageClass;
const claim = (spec: object = {}, annotations: object = {}, status: object = { phase: "Pending" }): PersistentVolumeClaim =>
  ({
    metadata: {
      namespace: "n",
      name: "data",
      uid,
      annotations: { "volume.kubernetes.io/storage-provisioner": provisionerName, "volume.kubernetes.io/selected-node": "a", ...annotations },
    },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
    status,
  }) as unknown as PersistentVolumeClaim;
const made = (extra: object = {}): PersistentVolume =>
  ({ ...volumeFor(claim(), storageClass(), "a", `/root/pvc-${uid}`), status: { phase: "Bound" }, ...extra }) as unknown as PersistentVolume;

test("a claim is served by the node on which its first pod was placed, or by any when nobody waits for a pod", () => {
  assert.equal(waitsForUs(claim(), storageClass(), "a"), true);
  assert.equal(waitsForUs(claim(), storageClass(), "b"), false);
  const unplaced = claim({}, { "volume.kubernetes.io/selected-node": undefined });
  assert.equal(waitsForUs(unplaced, storageClass(), "a"), false);
  assert.equal(waitsForUs(unplaced, storageClass({ volumeBindingMode: "Immediate" }), "a"), true);
  assert.equal(waitsForUs(claim({ volumeName: "v" }), storageClass(), "a"), false);
  assert.equal(waitsForUs(claim(), storageClass({ provisioner: "other" }), "a"), false);
});

test("what a directory cannot be is refused in one sentence", () => {
  assert.equal(whyNot(claim(), storageClass()), undefined);
  const refused: [PersistentVolumeClaim, StorageClass, RegExp][] = [
    [claim({ volumeMode: "Block" }), storageClass(), /no block device/],
    [claim({ accessModes: ["ReadWriteOnce", "ReadWriteMany"] }), storageClass(), /ReadWriteMany is not possible/],
    [claim({ selector: {} }), storageClass(), /Selector is not supported/],
    [claim({ dataSource: { kind: "VolumeSnapshot", name: "s" } }), storageClass(), /data source/],
    [claim(), storageClass({ parameters: { path: "/" } }), /parameter "path"/],
    [claim(), storageClass({ mountOptions: ["ro"] }), /mount options/],
  ];
  for (const [asked, of, sentence] of refused) assert.match(whyNot(asked, of) ?? "", sentence);
});

test("only a directory that was made here is believed to be ours, whatever an object says", () => {
  assert.equal(isOurs(made(), "a", "/root"), true);
  assert.equal(isOurs(made(), "b", "/root"), false);
  const { spec, metadata } = made();
  for (const path of ["/", "/root", "/etc", `/root/pvc-${uid}/..`, `/root/../etc/pvc-${uid}`])
    assert.equal(isOurs(made({ spec: { ...spec, local: { path } } }), "a", "/root"), false, path);
  assert.equal(isOurs(made({ metadata: { ...metadata, name: ".." }, spec: { ...spec, local: { path: "/root/.." } } }), "a", "/root"), false);
  assert.equal(isOurs(made({ metadata: { ...metadata, annotations: {} } }), "a", "/root"), false);
});

test("a directory goes with its claim under Delete, and never under Retain", () => {
  const retained = { spec: { ...made().spec, persistentVolumeReclaimPolicy: "Retain" } };
  const going = { metadata: { ...made().metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: [volumeFinalizer] } };
  assert.equal(fate(made()), "keep");
  assert.equal(fate(made({ status: { phase: "Released" } })), "delete");
  assert.equal(fate(made({ ...retained, status: { phase: "Released" } })), "keep");
  assert.equal(fate(made({ ...retained, ...going, status: { phase: "Released" } })), "let go");
  assert.equal(fate(made(going)), "keep");
});

test("growth is what the claim asks for beyond what both have", () => {
  const bound = (storage: string, has: string): PersistentVolumeClaim =>
    claim({ volumeName: `pvc-${uid}`, resources: { requests: { storage } } }, {}, { phase: "Bound", capacity: { storage: has } });
  assert.equal(wantedSize(bound("2Gi", "1Gi"), made()), "2Gi");
  assert.equal(wantedSize(bound("1Gi", "1Gi"), made()), undefined);
  assert.equal(wantedSize(bound("2Gi", "1Gi"), made({ spec: { ...made().spec, capacity: { storage: "2Gi" } } })), "2Gi");
});
