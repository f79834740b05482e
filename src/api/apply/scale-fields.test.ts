import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { parentEntries, scaleEntries } from "./scale-fields.ts";

const entry = (manager: string, operation: string, fieldsV1: object, more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry =>
  ({ manager, operation, apiVersion: "apps/v1", time: "2026-01-02T03:04:05Z", fieldsType: "FieldsV1", fieldsV1, ...more }) as ManagedFieldsEntry;
const replicas = { "f:spec": { "f:replicas": {} } };
const both = { "f:spec": { "f:paused": {}, "f:replicas": {} } };
const shown = (entries: ManagedFieldsEntry[]): unknown[] =>
  entries.map((e) => [e.manager, e.operation, e.apiVersion, e.subresource ?? "", e.time ?? "", e.fieldsV1]);

test("a Scale has the entries that own the replicas, in its own version", () => {
  const entries = [entry("a", "Update", both), entry("b", "Update", { "f:spec": { "f:paused": {} } }), entry("c", "Apply", replicas, { apiVersion: "v1" })];
  const [shownEntry] = scaleEntries(
    [{ fieldsV1: replicas, fieldsType: "FieldsV1", apiVersion: "apps/v1", manager: "a", operation: "Update" } as never],
    "apps/v1",
  );
  assert.deepEqual(Object.keys(shownEntry ?? {}), ["manager", "operation", "apiVersion", "fieldsType", "fieldsV1"]);
  assert.deepEqual(shown(scaleEntries(entries, "apps/v1")), [["a", "Update", "autoscaling/v1", "", "2026-01-02T03:04:05Z", replicas]]);
});

test("who scales takes the replicas from who had them, without a time", () => {
  const scaled = [entry("s", "Update", replicas, { apiVersion: "autoscaling/v1", subresource: "scale" })];
  assert.deepEqual(shown(parentEntries([entry("a", "Update", both)], scaled, "apps/v1")), [
    ["s", "Update", "apps/v1", "scale", "", replicas],
    ["a", "Update", "apps/v1", "", "2026-01-02T03:04:05Z", { "f:spec": { "f:paused": {} } }],
  ]);
});

test("an applier that still owns the replicas keeps its entry as it was", () => {
  const own = entry("a", "Apply", both);
  assert.deepEqual(parentEntries([own], scaleEntries([own], "apps/v1"), "apps/v1"), [own]);
});
