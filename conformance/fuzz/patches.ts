/** The four patches on objects of many kinds: {"type","on","patch"}, where `on` is the number of a template. */
import { normalize } from "../../src/api/codec/normalize.ts";
import { DecodeError } from "../../src/api/codec/decode-error.ts";
import { encodeJSON, encodeJSONString, maxParts, parseJSON, sortKeys } from "../../src/api/codec/json.ts";
import { convertUnstructured, unstructuredMismatch } from "../../src/api/codec/unstructured.ts";
import { applyServerSide } from "../../src/api/apply/apply.ts";
import { trackUpdate } from "../../src/api/apply/managed-fields.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { applyJSONPatch } from "../../src/api/patch/json-patch.ts";
import { applyMergePatch, createMergePatch } from "../../src/api/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../../src/api/patch/strategic.ts";
import { equal } from "../../src/api/patch/values.ts";
import { type TypeDef, typeOfKind } from "../../src/api/schema/schema.ts";
import { StatusError } from "../../src/api/status.ts";
import { changeJSON, jsonMutator } from "./mutate-json.ts";
import { templates } from "./objects.ts";
import { bytesOf, Finding, kindOf, type MakeTarget, type Mutator, same, textOf } from "./target.ts";

interface Subject {
  type: TypeDef;
  object: JSONObject;
}
const time = "2026-01-02T03:04:05Z";
const subjects: Subject[] = templates.flatMap((template) => {
  const type = typeOfKind(String(template.apiVersion), String(template.kind));
  if (!type) return [];
  try {
    return [{ type, object: normalize(type, structuredClone(template)).object }];
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
});
const pods = subjects.findIndex(({ object }) => object.kind === "Deployment");
const request = (type: string, on: number, patch: JSONValue): Uint8Array => bytesOf(JSON.stringify({ type, on, patch }));
/** What an object has, as a patch: every directive that a list or map can bear. */
const directives: JSONObject = {
  metadata: {
    labels: { $patch: "replace", a: "b" },
    finalizers: ["a"],
    "$deleteFromPrimitiveList/finalizers": ["b"],
    ownerReferences: [{ uid: "u", name: "n" }, { $patch: "replace" }],
  },
  spec: {
    strategy: { $retainKeys: ["type"], type: "Recreate" },
    template: {
      spec: {
        "$setElementOrder/containers": [{ name: "b" }, { name: "a" }],
        containers: [
          { name: "a", image: "x", ports: [{ containerPort: 1, $patch: "delete" }] },
          { name: "b", $patch: "delete" },
        ],
      },
    },
  },
};
const operations: JSONValue[] = [
  { op: "test", path: "/metadata/name", value: "NAME" },
  { op: "add", path: "/metadata/labels", value: { a: "b" } },
  { op: "replace", path: "/spec", value: {} },
  { op: "copy", from: "/metadata", path: "/metadata/annotations" },
  { op: "move", from: "/metadata/labels", path: "/spec/x~1y~0" },
  { op: "remove", path: "/spec" },
];
const doubling: JSONValue[] = Array.from({ length: 40 }, (_, n) => ({ op: "copy", from: "/metadata", path: `/metadata/c${n}` }));

/** The patch alone, as often as there is one. */
const patchMutator: Mutator = (input, random) => {
  try {
    const given = JSON.parse(textOf(input)) as { type: string; on: number; patch: JSONValue };
    const choice = random.int(8);
    if (choice === 0) given.on = random.int(subjects.length);
    else if (choice === 1) given.type = ["json", "merge", "strategic", "apply"][random.int(4)] as string;
    else if (choice === 2) given.patch = structuredClone((subjects[random.int(subjects.length)] as Subject).object);
    else for (let n = 1 + random.int(4); n > 0; n--) given.patch = changeJSON(given.patch, random);
    return bytesOf(JSON.stringify(given));
  } catch {
    return undefined;
  }
};

/** Texts are made of what differs alone: they count as memory of what is tried. */
function sameValue(what: string, before: JSONValue, after: JSONValue): void {
  if (!equal(before, after)) same(what, encodeJSONString(sortKeys(before)), encodeJSONString(sortKeys(after)));
}

/** The object after the patch as the server would take it. */
function result(type: string, subject: Subject, patch: JSONValue): JSONValue {
  const before = encodeJSONString(subject.object);
  const { object } = subject;
  let value: JSONValue;
  const operation = { manager: "fuzz", apiVersion: String(object.apiVersion), time, resetFields: [] };
  if (type === "json") value = parseJSON(applyJSONPatch(encodeJSON(object), encodeJSON(patch))).value;
  else if (type === "merge") {
    const merged = applyMergePatch(object, patch);
    sameValue("a merge patch of what it changed", merged, applyMergePatch(object, createMergePatch(object, merged)));
    value = merged;
  } else if (type === "strategic") value = applyStrategicMergePatch(subject.type, object, patch);
  else {
    if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return null;
    const applied = { ...(patch as JSONObject), apiVersion: object.apiVersion, kind: object.kind };
    const once = applyServerSide(subject.type, undefined, applied, { ...operation, kind: String(object.kind) });
    const twice = applyServerSide(subject.type, once, applied, { ...operation, kind: String(object.kind) });
    sameValue("applied again", once, twice);
    value = applyServerSide(subject.type, trackUpdate(subject.type, undefined, object, { ...operation, manager: "other" }), applied, {
      ...operation,
      kind: String(object.kind),
      force: true,
    });
  }
  same("the object that was patched", before, encodeJSONString(subject.object));
  return value;
}

export const makeTarget: MakeTarget = () => ({
  seeds: [
    request("json", pods, operations),
    request("json", 0, doubling),
    request("merge", pods, directives),
    request("strategic", pods, directives),
    request("apply", pods, { metadata: { name: "NAME", labels: { a: "c" } }, spec: { replicas: 3 } }),
    ...subjects.flatMap(({ object }, on) =>
      ["json", "merge", "strategic", "apply"].map((type) =>
        request(type, on, type === "json" ? [{ op: "add", path: "/metadata/labels", value: object }] : object),
      ),
    ),
  ],
  words: [
    "$patch",
    "$retainKeys",
    "$setElementOrder/",
    "$deleteFromPrimitiveList/",
    "~0",
    "~1",
    "/-",
    "/0",
    '"op":"copy"',
    '"op":"move"',
    "__proto__",
    "delete",
    "replace",
    "merge",
    '"name":null',
  ],
  mutators: [patchMutator, patchMutator, patchMutator, jsonMutator],
  longest: 1 << 20,
  run(input) {
    let given: JSONValue;
    try {
      given = parseJSON(input, maxParts).value;
    } catch (error) {
      if (error instanceof DecodeError) return "no JSON";
      throw error;
    }
    if (typeof given !== "object" || given === null || Array.isArray(given)) return "no patch";
    const { type, on, patch } = given;
    const subject = typeof on === "number" ? subjects[on] : undefined;
    if (!subject || typeof type !== "string" || patch === undefined) return "no patch";
    try {
      const value = result(type, subject, patch);
      const text = encodeJSONString(value);
      if (text.length > 20 * (input.length + 10_000)) throw new Finding(`${input.length} bytes became ${text.length}`);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return `${type} gave no object`;
      const misfit = type === "strategic" || type === "apply" ? unstructuredMismatch(subject.type.name, value) : undefined;
      if (misfit !== undefined) return `${type} ${kindOf(misfit)}`;
      const { object, unknown } = type === "strategic" || type === "apply" ? convertUnstructured(subject.type, value) : normalize(subject.type, value, "kept");
      return `${type} ${subject.type.name} ${unknown.length > 0} ${Object.keys(object).length}`;
    } catch (error) {
      if (error instanceof StatusError) return `${type} ${error.code} ${kindOf(error.message)}`;
      if (error instanceof DecodeError) return `${type} ${kindOf(error.message)}`;
      throw error;
    }
  },
});
