import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { keepsText } from "./kept-text.ts";
import { trackUpdate } from "./managed-fields.ts";

test("reading a quantity keeps the text that it sees to be canonical", () => {
  for (const text of ["0", "1", "8", "100m", "1Gi", "10Gi", "1k", "-5", "1e3", "500u"]) assert.equal(keepsText(text), true, text);
  for (const text of ["8Gi", "16Mi", "100Ti", "1Pi", "1234567890123456789"]) assert.equal(keepsText(text), false, text);
});

function ownersAfter(max: string, dryRun = false): (string | undefined)[] {
  const slice = (): JSONObject => ({
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name: "s", uid: "u" },
    spec: { devices: [{ name: "d", capacity: { memory: { value: "8Gi", requestPolicy: { default: "1Gi", validRange: { min: "1Gi", max } } } } }] },
  });
  const type = typeOfKind("resource.k8s.io/v1", "ResourceSlice");
  const operation = (manager: string) => ({ manager, apiVersion: "resource.k8s.io/v1", time: "2026-01-01T00:00:00Z" });
  const created = trackUpdate(type, undefined, slice(), operation("a"));
  const next = trackUpdate(type, created, { ...slice(), metadata: created.metadata as JSONObject }, { ...operation("b"), dryRun });
  const entries = (next.metadata as JSONObject).managedFields as unknown as ManagedFieldsEntry[];
  return entries.filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes("f:devices")).map(({ manager }) => manager);
}

test("who writes a list that is one piece owns it where upstream cannot tell that a quantity is the same", () => {
  assert.deepEqual(ownersAfter("10Gi"), ["a"]);
  assert.deepEqual(ownersAfter("8Gi"), ["b"]);
  assert.deepEqual(ownersAfter("8Gi", true), ["a"]);
});
