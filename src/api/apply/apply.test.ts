import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import { StatusError } from "../status.ts";
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { applyServerSide } from "./apply.ts";
import { difference, equalSets, type FieldSet, hasPath, intersection, isFieldSet, paths, pathText, recursiveDifference, setOf, union } from "./fieldset.ts";
import { managerName, trackUpdate } from "./managed-fields.ts";

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`./testdata/${name}`, import.meta.url), "utf8"));
const managedOf = (object: JSONObject): ManagedFieldsEntry[] | undefined =>
  (object.metadata as JSONObject).managedFields as unknown as ManagedFieldsEntry[] | undefined;

const fieldsText = (entries: ManagedFieldsEntry[] | undefined): string => JSON.stringify(entries?.map((e) => e.fieldsV1));

interface Update {
  name: string;
  type: [string, string];
  old?: JSONObject;
  /** The old object is what the case before left. */
  continues?: boolean;
  next: JSONObject;
  operation: Parameters<typeof trackUpdate>[3];
  managedFields: ManagedFieldsEntry[];
}

test("managedFields after creates, updates and patches are those of kube-apiserver", () => {
  let last: JSONObject | undefined;
  for (const { name, type, old, continues, next, operation, managedFields } of read("updates.json") as Update[]) {
    const after = trackUpdate(typeOfKind(...type), continues ? last : old, next, operation);
    assert.deepEqual(managedOf(after), managedFields, name);
    assert.equal(fieldsText(managedOf(after)), fieldsText(managedFields), name);
    last = after;
  }
});

interface Apply {
  name: string;
  type: [string, string];
  live?: JSONObject;
  applied: JSONObject;
  operation: { manager: string; subresource?: string; force?: boolean; resetFields: string[] };
  managedFields?: ManagedFieldsEntry[];
  error?: { code: number; reason: string; message: string; details?: { causes?: { field: string }[] } };
}

test("managedFields and conflicts of server-side apply are those of kube-apiserver", () => {
  for (const { name, type, live, applied, operation, managedFields, error } of read("applies.json") as Apply[]) {
    const time =
      (managedFields ?? [])
        .map((e) => e.time ?? "")
        .sort()
        .at(-1) ?? "2026-01-01T00:00:00Z";
    const run = (): JSONObject => applyServerSide(typeOfKind(...type), live, applied, { ...operation, apiVersion: type[0], kind: type[1], time });
    if (!error) {
      assert.deepEqual(managedOf(run()), managedFields, name);
      assert.equal(fieldsText(managedOf(run())), fieldsText(managedFields), name);
    } else
      assert.throws(run, (thrown) => {
        assert.ok(thrown instanceof StatusError, name);
        assert.equal(thrown.message, error.message);
        assert.equal(thrown.code, error.code);
        const fields = (causes: { field?: string }[] | undefined): unknown[] => (causes ?? []).map((c) => c.field).sort();
        assert.deepEqual(fields(thrown.status.details?.causes), fields(error.details?.causes));
        return true;
      });
  }
});

const configMap = typeOfKind("v1", "ConfigMap");
const at = { apiVersion: "v1", kind: "ConfigMap", time: "2026-01-01T00:00:00Z" };

test("an update that changes nothing returns the object itself, and shares other entries", () => {
  const made = trackUpdate(configMap, undefined, { metadata: { name: "a", uid: "1" }, data: { k: "v" } }, { ...at, manager: "one" });
  assert.equal(trackUpdate(configMap, made, made, { ...at, manager: "two" }), made);
  const next = trackUpdate(configMap, made, { ...made, data: { k: "v", l: "w" } }, { ...at, manager: "two" });
  assert.equal(managedOf(next)?.[0], managedOf(made)?.[0]);
});

test("what was never tracked stays untracked, and an empty list drops the tracking", () => {
  const old = { metadata: { name: "a", uid: "1" }, data: { k: "v" } };
  assert.equal(managedOf(trackUpdate(configMap, old, { ...old, data: {} }, { ...at, manager: "m" })), undefined);
  const made = trackUpdate(configMap, undefined, old, { ...at, manager: "m" });
  const reset = { ...made, metadata: { ...(made.metadata as JSONObject), managedFields: [] } };
  assert.equal(managedOf(trackUpdate(configMap, made, reset, { ...at, manager: "m" })), undefined);
});

test("an entry of a version that is not served goes, and what was untracked is tracked", () => {
  const old = { metadata: { name: "a", uid: "1" }, data: { k: "v" } };
  const own: JSONObject = { manager: "own", operation: "Update", apiVersion: "nope/v1", fieldsType: "FieldsV1", fieldsV1: { "f:x": {} } };
  const next = { metadata: { ...old.metadata, managedFields: [own] }, data: { k: "w" } };
  const convert = (object: JSONObject, version: string) => (version === "v1" ? { type: configMap, object } : undefined);
  const managed = managedOf(trackUpdate(configMap, old, next, { ...at, manager: "m", convert }));
  assert.deepEqual(
    managed?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [["m", { "f:data": { "f:k": {} } }]],
  );
});

test("objects without a schema own maps by field and lists as one piece", () => {
  const made = trackUpdate(undefined, undefined, { metadata: { name: "a" }, spec: { l: [{ a: 1 }], m: { x: 1 } } }, { ...at, manager: "m" });
  assert.deepEqual(managedOf(made)?.[0]?.fieldsV1, { "f:spec": { ".": {}, "f:l": {}, "f:m": { ".": {}, "f:x": {} } } });
});

test("the user agent names the manager up to its slash", () => {
  assert.equal(managerName(undefined, "kubectl/v1.36 (linux)"), "kubectl");
  assert.equal(managerName("mine", "kubectl/v1"), "mine");
  assert.equal(managerName("", ""), "unknown");
});

test("sets of fields obey the laws of sets", () => {
  const random = seededRandom(5);
  const any = (): FieldSet | undefined =>
    setOf(...Array.from({ length: random.int(6) }, () => Array.from({ length: 1 + random.int(3) }, () => `f:${"abc"[random.int(3)]}`)));
  const list = (set: FieldSet | undefined): string[] => [...paths(set)].map(pathText).sort();
  for (let i = 0; i < 2000; i++) {
    const a = any();
    const b = any();
    const inA = new Set(list(a));
    const inB = new Set(list(b));
    assert.deepEqual(list(union(a, b)), [...new Set([...inA, ...inB])].sort());
    assert.deepEqual(list(intersection(a, b)), [...inA].filter((p) => inB.has(p)).sort());
    assert.deepEqual(list(difference(a, b)), [...inA].filter((p) => !inB.has(p)).sort());
    assert.deepEqual(list(recursiveDifference(a, b)), [...inA].filter((p) => ![...inB].some((q) => p === q || p.startsWith(`${q}.`))).sort());
    assert.ok(equalSets(setOf(...paths(a)), a));
    for (const path of paths(b)) assert.equal(hasPath(a, path), inA.has(pathText(path)));
    const copy = JSON.parse(JSON.stringify(a ?? {})) as unknown;
    assert.ok(isFieldSet(copy) && equalSets(copy, a));
  }
});

test("paths print as conflicts show them", () => {
  assert.equal(pathText(["f:spec", 'k:{"containerPort":80,"protocol":"TCP"}', 'v:"x"', "i:3"]), '.spec[containerPort=80,protocol="TCP"][="x"][3]');
});

test("an applied value that says nothing conflicts with another manager's value all the same", () => {
  const type = typeOfKind("scheduling.k8s.io/v1", "PriorityClass");
  const operation = { manager: "m", apiVersion: "scheduling.k8s.io/v1", time: "2026-01-02T03:04:05Z" };
  const made = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: "p", uid: "u" }, value: 1, globalDefault: true };
  const live = trackUpdate(type, undefined, made, { ...operation, manager: "first" });
  const applied = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: "p" }, globalDefault: false };
  assert.throws(
    () => applyServerSide(type, live, applied, { ...operation, manager: "second", kind: "PriorityClass" }),
    (error: unknown) => error instanceof StatusError && error.status.details?.causes?.[0]?.field === ".globalDefault",
  );
});

test("a list within a list that is one piece is another when it is empty, a map in a struct is not", () => {
  const managers = (type: [string, string], old: JSONObject, next: JSONObject): string[] => {
    const operation = { manager: "b", apiVersion: type[0], time: "2026-01-02T03:04:05Z" };
    const def = typeOfKind(...type);
    const live = trackUpdate(def, undefined, { metadata: { name: "x", uid: "u" }, ...old }, { ...operation, manager: "a" });
    return (managedOf(trackUpdate(def, live, { metadata: live.metadata as JSONObject, ...next }, operation)) ?? []).map((entry) => entry.manager as string);
  };
  const rule = { verbs: ["get"], resources: ["pods"] };
  assert.deepEqual(managers(["rbac.authorization.k8s.io/v1", "Role"], { rules: [rule] }, { rules: [{ ...rule, apiGroups: [] }] }), ["b"]);
  const selector = { matchLabels: { a: "b" } };
  assert.deepEqual(managers(["apps/v1", "StatefulSet"], { spec: { selector } }, { spec: { selector: { ...selector, matchExpressions: [] } } }), ["a"]);
});

test("of an applied list nothing is looked at behind an element that nothing names", () => {
  const type = typeOfKind("v1", "ServiceAccount");
  const applied = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "s" }, secrets: [{}, { namespace: "x" }] };
  const operation = { manager: "m", apiVersion: "v1", time: "2026-01-02T03:04:05Z", kind: "ServiceAccount" };
  assert.throws(() => applyServerSide(type, undefined, applied, operation), {
    message:
      'failed to create typed patch object (/s; /v1, Kind=ServiceAccount): .secrets: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
  });
});

test("an applied document that names nothing is told without the name of what it is applied to", () => {
  const live = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "live" } };
  const applied = { apiVersion: "v1", kind: "ConfigMap", nope: 1 };
  const operation = { manager: "m", apiVersion: "v1", time: "2026-01-02T03:04:05Z", kind: "ConfigMap" };
  assert.throws(() => applyServerSide(typeOfKind("v1", "ConfigMap"), live, applied, operation), {
    message: "failed to create typed patch object (/; /v1, Kind=ConfigMap): .nope: field not declared in schema",
  });
});

test("whatever is said of a struct without fields may be applied", () => {
  const versions = [{ name: "v1", served: true, storage: true, subresources: { status: { nope: 1 } } }];
  const applied = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: "a.b" }, spec: { versions } };
  const operation = { manager: "m", apiVersion: "apiextensions.k8s.io/v1", time: "2026-01-02T03:04:05Z", kind: "CustomResourceDefinition" };
  const { spec } = applyServerSide(typeOfKind("apiextensions.k8s.io/v1", "CustomResourceDefinition"), undefined, applied, operation);
  assert.deepEqual(spec, { versions });
});

test("a name or namespace that is no text is told as none", () => {
  const type = typeOfKind("v1", "ServiceAccount");
  const applied = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: { toString: 1 }, namespace: { toString: 1 } }, nope: 1 };
  const operation = { manager: "m", apiVersion: "v1", time: "2026-01-02T03:04:05Z", kind: "ServiceAccount" };
  assert.throws(() => applyServerSide(type, undefined, applied, operation), {
    message: /^failed to create typed patch object \(\/; \/v1, Kind=ServiceAccount\)/,
  });
  assert.throws(() => applyServerSide(type, undefined, { ...applied, kind: { toString: 1 } }, operation), { message: "invalid object type: /v1, Kind=" });
});

test("what is wrong with the applied document is told before what is wrong with the live one", () => {
  const at = { manager: "m", apiVersion: "v1", time: "2026-01-02T03:04:05Z", kind: "ServiceAccount" };
  const type = typeOfKind("v1", "ServiceAccount");
  const entry = { manager: "o", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: { "f:secrets": {} } } as JSONObject;
  const live = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "s", uid: "u", managedFields: [entry] }, secrets: [{}] };
  const applied = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "s" } };
  assert.throws(() => applyServerSide(type, live, { ...applied, nope: 1 }, at), {
    message: /^failed to create typed patch object .*: \.nope: field not declared/,
  });
  assert.throws(() => applyServerSide(type, live, applied, at), { message: /^failed to create typed live object / });
});

test("managed fields inside a template are an object that anybody may apply", () => {
  const managedFields = [{ manager: "m", operation: "Update", fieldsV1: { "f:spec": { "f:x": {} } } }];
  const applied = {
    apiVersion: "v1",
    kind: "PodTemplate",
    metadata: { name: "t" },
    template: { metadata: { managedFields }, spec: { containers: [] } },
  } as unknown as JSONObject;
  const operation = { manager: "a", force: true, resetFields: [], apiVersion: "v1", kind: "PodTemplate", time: "2026-01-01T00:00:00Z" };
  const made = applyServerSide(typeOfKind("v1", "PodTemplate"), undefined, applied, operation);
  assert.deepEqual((made.template as JSONObject).metadata, { managedFields });
});

test("nobody owns anything of an object whose template has managed fields that are no sets", () => {
  const template = (fieldsV1: JSONValue): JSONObject => ({ metadata: { managedFields: [{ fieldsV1 }] } });
  const job = (fieldsV1: JSONValue): JSONObject => ({ metadata: { name: "j" }, spec: { template: template(fieldsV1) } });
  const managers = (object: JSONObject): number | undefined =>
    managedOf(trackUpdate(typeOfKind("batch/v1", "Job"), undefined, object, { manager: "m", apiVersion: "batch/v1", time: "2026-01-01T00:00:00Z" }))?.length;
  assert.equal(managers(job({ "f:a": {} })), 1);
  assert.equal(managers(job(null)), 1);
  assert.equal(managers(job(7)), undefined);
  assert.equal(managers(job(["a"])), undefined);
});
test("an object that has more fields than may be owned can be made smaller", () => {
  const type = typeOfKind("v1", "ConfigMap");
  const operation = { manager: "a", apiVersion: "v1", time: "2026-01-02T03:04:05Z" };
  const data = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, "v"]));
  const large = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "n", uid: "u" }, data };
  assert.throws(() => trackUpdate(type, undefined, large, operation), StatusError);
  const fieldsV1 = { "f:data": Object.fromEntries(Object.keys(data).map((name) => [`f:${name}`, {}])) };
  const managed = { ...large, metadata: { ...large.metadata, managedFields: [{ ...operation, operation: "Update", fieldsType: "FieldsV1", fieldsV1 }] } };
  const small = trackUpdate(type, managed as JSONObject, { ...managed, data: { k1: "v" } } as JSONObject, operation);
  assert.equal(fieldsText(managedOf(small)), '[{"f:data":{"f:k1":{}}}]');
});
test("a document that is applied again and says more takes nothing out, one that says less does", () => {
  const type = typeOfKind("v1", "ConfigMap");
  const operation = { manager: "a", apiVersion: "v1", time: "2026-01-02T03:04:05Z", kind: "ConfigMap" };
  const document = (...names: string[]): JSONObject => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "n" },
    data: Object.fromEntries(names.map((name) => [name, "v"])),
  });
  const once = applyServerSide(type, undefined, document("a", "b"), operation);
  const more = applyServerSide(type, once, document("a", "b", "c"), operation);
  assert.deepEqual(more.data, { a: "v", b: "v", c: "v" });
  const theirs = applyServerSide(type, more, document("b"), { ...operation, manager: "b" });
  assert.deepEqual(applyServerSide(type, theirs, document("c"), operation).data, { b: "v", c: "v" });
});

test("an applied object whose name is none is refused in words", () => {
  const named = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: { toString: {} }, namespace: { valueOf: 1 } }, data: {} } as never;
  const operation = { manager: "m", apiVersion: "v1", kind: "ConfigMap", time: "2026-01-01T00:00:00Z" };
  assert.throws(
    () => applyServerSide(typeOfKind("v1", "ConfigMap"), undefined, named, operation),
    /failed to create typed patch object \(\/; \/v1, Kind=ConfigMap\)/,
  );
});
