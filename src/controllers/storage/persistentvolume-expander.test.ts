import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { driverOfPlugin, migratedPlugin } from "./migrated-plugins.ts";
import { grew, wantsExpansion } from "./persistentvolume-expander.ts";

const claim = (asked: string, has: string): PersistentVolumeClaim =>
  ({ spec: { resources: { requests: { storage: asked } } }, status: { capacity: { storage: has } } }) as unknown as PersistentVolumeClaim;
const volume = (annotations: object = {}): PersistentVolume => ({ metadata: { annotations } }) as unknown as PersistentVolume;

test("a claim is looked at when it asks for more, and when it has got more", () => {
  assert.equal(grew(claim("1Gi", "1Gi"), claim("2Gi", "1Gi")), true);
  assert.equal(grew(claim("2Gi", "1Gi"), claim("2Gi", "2Gi")), true);
  assert.equal(grew(claim("2Gi", "1Gi"), claim("2048Mi", "1Gi")), false);
  assert.equal(grew(claim("2Gi", "1Gi"), claim("1Gi", "1Gi")), false);
});

test("a volume is expanded while its claim asks for more than it has, or its former size is still noted", () => {
  assert.equal(wantsExpansion(claim("2Gi", "1Gi"), volume()), true);
  assert.equal(wantsExpansion(claim("2Gi", "2Gi"), volume()), false);
  assert.equal(wantsExpansion(claim("2Gi", "2Gi"), volume({ "volume.alpha.kubernetes.io/pre-resize-capacity": "1Gi" })), true);
});

test("former plugins are known by the source of a volume and by name", () => {
  assert.equal(migratedPlugin({ gcePersistentDisk: { pdName: "d" } } as never)?.driver, "pd.csi.storage.gke.io");
  assert.equal(migratedPlugin({ csi: { driver: "d" } } as never), undefined);
  assert.equal(driverOfPlugin("kubernetes.io/aws-ebs"), "ebs.csi.aws.com");
  assert.equal(driverOfPlugin("kubernetes.io/no-provisioner"), undefined);
});
