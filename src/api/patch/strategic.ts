/**
 * Strategic merge patch (k8s.io/apimachinery/pkg/util/strategicpatch): maps merge, lists merge by the schema's merge keys,
 * and the directives $patch, $retainKeys, $setElementOrder and $deleteFromPrimitiveList say otherwise.
 * Pure: neither document nor patch is changed, unchanged parts of the document are shared.
 */
import { own } from "../../base/table.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import type { TypeDef } from "../schema/schema.ts";
import { badRequest } from "../status.ts";
import { mergeLists, notAList, orderLists, withoutDirectives } from "./strategic-lists.ts";
import { mergeError, type PatchMeta, patchMetaOf } from "./strategic-meta.ts";
import { equal, goStringText, goText, set, withoutNulls } from "./values.ts";

const deletePrefix = "$deleteFromPrimitiveList";
const orderPrefix = "$setElementOrder";

/**
 * Throws a StatusError: 400 for directives in a wrong form, 422 for lists of lists, 500 (as upstream) for what else
 * cannot be merged. Nulls may remain within list elements that the patch adds; decoding drops them.
 */
export function applyStrategicMergePatch(type: TypeDef, doc: JSONObject, patch: JSONValue): JSONObject {
  if (patch === null) return doc;
  if (!isMap(patch)) {
    const kind = Array.isArray(patch) ? "array" : typeof patch === "boolean" ? "bool" : typeof patch === "bigint" ? "number" : typeof patch;
    throw badRequest(`json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`);
  }
  return mergeMap(doc, patch, { type });
}

function mergeMap(original: JSONObject, patch: JSONObject, meta: PatchMeta): JSONObject {
  const directive = own(patch, "$patch");
  if (directive !== undefined) {
    if (directive === "replace") {
      const { $patch: _, ...rest } = patch;
      return rest;
    }
    if (directive === "delete") return {};
    throw mergeError(`unknown patch type: ${goStringText(directive)} in map: ${goText(patch)}`);
  }
  let out = original;
  const mine = (): JSONObject => {
    if (out === original) out = { ...original };
    return out;
  };
  const retained = retainedKeys(patch);
  if (retained) for (const key of Object.keys(original)) if (!retained.has(key)) delete mine()[key];

  let done: Set<string> | undefined;
  for (const key in patch) {
    if (!key.startsWith(orderPrefix)) continue;
    const order = patch[key];
    if (!Array.isArray(order)) throw notAList(order);
    const field = fieldOf(key, orderPrefix, "invalid patch format of setElementOrder list");
    const ordered = orderLists(own(out, field), own(patch, field), order, () => patchMetaOf(meta, field, true), mergeMap);
    done ??= new Set();
    done.add(key);
    if (ordered === undefined) continue;
    if (!equal(ordered, own(out, field))) set(mine(), field, ordered);
    done.add(field);
  }
  for (const key in patch) {
    if (key === "$retainKeys" || done?.has(key)) continue;
    const value = patch[key];
    const deletes = key.startsWith(deletePrefix);
    const field = deletes ? fieldOf(key, deletePrefix, "invalid patch format of primitive list") : key;
    const old = own(out, field);
    if (value === null || value === undefined) {
      if (old !== undefined) delete mine()[field];
    } else if (old === undefined || kindOf(old) !== kindOf(value)) {
      if (deletes) continue;
      const added = withoutDirectives(withoutNulls(value));
      if (added !== undefined) set(mine(), field, added);
      else if (old !== undefined) delete mine()[field];
    } else {
      const merged = mergeField(old, value, field, meta, deletes);
      if (merged !== old && !equal(merged, old)) set(mine(), field, merged);
    }
  }
  return out;
}

function mergeField(old: JSONValue, value: JSONValue, field: string, parent: PatchMeta, deletes: boolean): JSONValue {
  if (Array.isArray(value)) {
    const meta = patchMetaOf(parent, field, true);
    return meta.merges || deletes ? mergeLists(old as JSONValue[], value, meta, deletes, mergeMap) : value;
  }
  if (!isMap(value)) return value;
  const meta = patchMetaOf(parent, field, false);
  return meta.replaces ? value : mergeMap(old as JSONObject, value, meta);
}

function fieldOf(key: string, prefix: string, wrong: string): string {
  const slash = key.indexOf("/");
  if (slash < 0 || key.slice(0, slash) !== prefix) throw badRequest(wrong);
  return key.slice(slash + 1);
}

/** The keys that $retainKeys names; every other key of the document goes. */
function retainedKeys(patch: JSONObject): Set<JSONValue> | undefined {
  const keys = own(patch, "$retainKeys");
  if (keys === undefined) return undefined;
  if (!Array.isArray(keys)) throw badRequest("invalid patch format of retainKeys");
  const retained = new Set(keys);
  for (const key of Object.keys(patch)) {
    if (key === "$retainKeys" || patch[key] === null || key.startsWith(deletePrefix) || key.startsWith(orderPrefix)) continue;
    if (!retained.has(key)) throw badRequest("invalid patch format of retainKeys");
  }
  return retained;
}

const kindOf = (value: JSONValue): string => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value);
