import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { classesOfClaim } from "./volumeattributesclass-protection.ts";

test("a claim holds the class that it wants, the one that it has and the one on the way", () => {
  const claim = {
    spec: { volumeAttributesClassName: "gold" },
    status: { currentVolumeAttributesClassName: "silver", modifyVolumeStatus: { targetVolumeAttributesClassName: "gold", status: "InProgress" } },
  } as unknown as PersistentVolumeClaim;
  assert.deepEqual(classesOfClaim(claim), ["gold", "silver"]);
  assert.deepEqual(classesOfClaim({ spec: {} } as unknown as PersistentVolumeClaim), []);
});
