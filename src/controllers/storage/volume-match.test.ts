import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import type { StorageClass } from "../../api/types/storage-v1.gen.ts";
import { bestVolume, defaultClass, mismatch } from "./volume-match.ts";

const volume = (name: string, storage: string, spec: object = {}, phase = "Available"): PersistentVolume =>
  ({
    metadata: { name, labels: { name } },
    spec: { capacity: { storage }, accessModes: ["ReadWriteOnce"], ...spec },
    status: { phase },
  }) as unknown as PersistentVolume;
const claim = (spec: object = {}): PersistentVolumeClaim =>
  ({
    metadata: { namespace: "ns", name: "c", uid: "u" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } }, ...spec },
  }) as unknown as PersistentVolumeClaim;

test("the smallest volume that is large enough is taken", () => {
  assert.equal(bestVolume(claim(), [volume("huge", "9Gi"), volume("small", "1Gi"), volume("fits", "3Gi")], false)?.metadata.name, "fits");
});

test("a volume with fewer access modes goes before a smaller one with more", () => {
  const both = volume("both", "2Gi", { accessModes: ["ReadWriteOnce", "ReadWriteMany"] });
  assert.equal(bestVolume(claim(), [both, volume("one", "5Gi")], false)?.metadata.name, "one");
});

test("class, mode, selector, phase and somebody else's claim rule a volume out", () => {
  const rejected = [
    volume("class", "5Gi", { storageClassName: "fast" }),
    volume("block", "5Gi", { volumeMode: "Block" }),
    volume("bound", "5Gi", {}, "Bound"),
    volume("taken", "5Gi", { claimRef: { namespace: "ns", name: "c", uid: "another" } }),
  ];
  assert.equal(bestVolume(claim(), rejected, false), undefined);
  assert.equal(bestVolume(claim({ selector: { matchLabels: { name: "x" } } }), [volume("y", "5Gi"), volume("x", "6Gi")], false)?.metadata.name, "x");
});

test("with delayed binding only a volume that is reserved for the claim is taken", () => {
  const reserved = volume("reserved", "5Gi", { claimRef: { namespace: "ns", name: "c", uid: "u" } });
  assert.equal(bestVolume(claim(), [volume("free", "3Gi")], true), undefined);
  assert.equal(bestVolume(claim(), [volume("free", "3Gi"), reserved], true)?.metadata.name, "reserved");
});

test("a volume asked for by name says why it will not do", () => {
  assert.equal(mismatch(volume("a", "1Gi"), claim()), "requested PV is too small");
  assert.equal(mismatch(volume("a", "5Gi"), claim({ storageClassName: "fast" })), "storageClassName does not match");
  assert.equal(mismatch(volume("a", "5Gi"), claim({ accessModes: ["ReadWriteMany"] })), "incompatible accessMode");
  assert.equal(mismatch(volume("a", "5Gi"), claim()), undefined);
});

test("the newest of several default classes counts", () => {
  const made = (name: string, creationTimestamp: string, marked = "true"): StorageClass =>
    ({ metadata: { name, creationTimestamp, annotations: { "storageclass.kubernetes.io/is-default-class": marked } } }) as unknown as StorageClass;
  const classes = [made("old", "2026-01-01T00:00:00Z"), made("new", "2026-01-02T00:00:00Z"), made("no", "2026-01-03T00:00:00Z", "false")];
  assert.equal(defaultClass(classes)?.metadata.name, "new");
  assert.equal(defaultClass([]), undefined);
});
