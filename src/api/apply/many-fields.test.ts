/** Many fields and many owners in one request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import { StatusError } from "../status.ts";
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { applyServerSide } from "./apply.ts";
import { trackUpdate } from "./managed-fields.ts";

const type = typeOfKind("v1", "ConfigMap");
const operation = { manager: "a", apiVersion: "v1", time: "2026-01-02T03:04:05Z", kind: "ConfigMap" };
const many = 20_000;
const map = (count: number, value: string, metadata: JSONObject = {}): JSONObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "many", ...metadata },
  data: Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value])),
});
const managedOf = (object: JSONObject): ManagedFieldsEntry[] => (object.metadata as JSONObject).managedFields as unknown as ManagedFieldsEntry[];
const ownedBy = (object: JSONObject, manager: string): number | undefined => {
  const fields = managedOf(object).find((entry) => entry.manager === manager)?.fieldsV1 as { "f:data"?: object } | undefined;
  return fields?.["f:data"] && Object.keys(fields["f:data"]).filter((element) => element !== ".").length;
};

/** What `work` gives, which may take so many seconds of processor time: several times what it does, a fraction of what it did when its time grew with the square. */
function within<T>(seconds: number, work: () => T): T {
  const before = process.threadCpuUsage();
  const result = work();
  const { user, system } = process.threadCpuUsage(before);
  assert.ok((user + system) / 1e6 < seconds, `${(user + system) / 1e6} s`);
  return result;
}

test("many fields are applied, taken by force, refused one by one, and given up", () => {
  const live = within(2, () => applyServerSide(type, undefined, map(many, "v"), operation));
  assert.equal(ownedBy(live, "a"), many);
  const other = { ...operation, manager: "b" };
  const refused = within(2, () => {
    try {
      return applyServerSide(type, live, map(many, "w"), other);
    } catch (error) {
      return error;
    }
  });
  assert.ok(refused instanceof StatusError);
  assert.equal(refused.status.details?.causes?.length, many);
  assert.match(refused.message, new RegExp(`^Apply failed with ${many} conflicts: conflicts with "a":\\n- \\.data\\.k0\\n`));
  const taken = within(2, () => applyServerSide(type, live, map(many, "w"), { ...other, force: true }));
  assert.deepEqual([ownedBy(taken, "a"), ownedBy(taken, "b")], [undefined, many]);
  const shared = within(2, () => applyServerSide(type, live, map(many, "v"), other));
  assert.deepEqual([ownedBy(shared, "a"), ownedBy(shared, "b")], [many, many]);
  const less = within(2, () => applyServerSide(type, live, map(1, "v"), operation));
  assert.deepEqual(less.data, { k0: "v" });
  assert.equal(ownedBy(less, "a"), 1);
});

test("an object may come with many managers: each counts once, and all but ten that update become one", () => {
  const entry = (i: number): object => ({
    manager: `m${i >> 1}`,
    operation: "Update",
    apiVersion: "v1",
    time: "2026-01-02T03:04:05Z",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:data": { [`f:k${i}`]: {} } },
  });
  const managedFields = Array.from({ length: 30_000 }, (_, i) => entry(i)) as unknown as JSONObject[];
  const live = { ...map(1, "v"), metadata: { name: "many", uid: "u", managedFields: managedFields.slice(0, 1) } };
  const next = map(1, "w", { uid: "u", managedFields });
  const entries = managedOf(within(2, () => trackUpdate(type, live, next, operation)));
  assert.equal(entries.length, 10);
  // Of two entries of one manager the last counts; the writer, who took the first field, is the first by name.
  const old = entries.find(({ manager }) => manager === "ancient-changes")?.fieldsV1 as { "f:data": object };
  assert.equal(Object.keys(old["f:data"]).length, 15_000 - 8);
  assert.deepEqual(
    Object.keys(old["f:data"]).filter((element) => Number(element.slice(3)) % 2 === 0),
    ["f:k0"],
  );
});
