/** JSON merge patch (RFC 7386), as the API server applies it. Pure: unchanged parts of the document are shared. */
import { own } from "../../base/table.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { badRequest } from "../status.ts";
import { type LazyNode, type LazyObject, nodeOf, writeObject } from "./lazy-node.ts";
import { equal, jsonKind, set, withoutNulls } from "./values.ts";

/** Throws a StatusError (400) for a patch that is no object. */
export function checkMergePatch(patch: JSONValue): asserts patch is JSONObject {
  if (patch === null) throw badRequest("Invalid JSON Patch");
  if (!isMap(patch)) throw badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`);
}

/** The document with the patch. Throws as checkMergePatch. The document itself comes back when nothing changes. */
export function applyMergePatch(doc: JSONObject, patch: JSONValue): JSONObject {
  checkMergePatch(patch);
  return mergeMaps(doc, patch);
}

function mergeMaps(doc: JSONObject, patch: JSONObject): JSONObject {
  let out = doc;
  const mine = (): JSONObject => {
    if (out === doc) out = { ...doc };
    return out;
  };
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    const old = own(doc, key);
    if (value === null || value === undefined) {
      if (old !== undefined) delete mine()[key];
      continue;
    }
    const next = old === undefined || old === null ? withoutNulls(value) : mergeValues(old, value);
    if (next !== old) set(mine(), key, next);
  }
  return out;
}

function mergeValues(old: JSONValue, patch: JSONValue): JSONValue {
  if (isMap(old)) return isMap(patch) ? mergeMaps(old, patch) : patch;
  const next = withoutNulls(patch);
  return equal(old, next) ? old : next;
}

/**
 * The same of texts, as upstream's library merges them (merge.go of gopkg.in/evanphx/json-patch.v4): what messages show and free-form
 * parts store. A patch that is a list, which only who does not validate fields lets pass, takes the document's place. Both are well-formed.
 */
export function mergePatchText(doc: Uint8Array, patch: Uint8Array): Uint8Array {
  const given = nodeOf(patch);
  const wanted = given?.object();
  if (!given || !(wanted ?? given.list())) throw badRequest("Invalid JSON Patch");
  const root = nodeOf(doc)?.object();
  if (wanted && root) mergeObjects(root, wanted);
  else withoutNullMembers(given);
  const pieces: Uint8Array[] = [];
  if (wanted && root) writeObject(root, pieces);
  else given.write(pieces);
  return Buffer.concat(pieces);
}

function mergeObjects(doc: LazyObject, patch: LazyObject): void {
  for (const [key, value] of patch) {
    const old = doc.get(key);
    if (!value) doc.delete(key);
    else if (old) doc.set(key, mergeNodes(old, value));
    else {
      withoutNullMembers(value);
      doc.set(key, value);
    }
  }
}

function mergeNodes(old: LazyNode, patch: LazyNode): LazyNode {
  const doc = old.object();
  if (!doc) {
    withoutNullMembers(patch);
    return patch;
  }
  const wanted = patch.object();
  if (!wanted) return patch;
  mergeObjects(doc, wanted);
  return old;
}

function withoutNullMembers(node: LazyNode): void {
  const object = node.object();
  for (const [key, value] of object ?? []) {
    if (value) withoutNullMembers(value);
    else object?.delete(key);
  }
  for (const item of node.list() ?? []) if (item) withoutNullMembers(item);
}

/** The least patch that turns `old` into `next`; {} when they are equal. Nulls within `next` cannot be expressed. */
export function createMergePatch(old: JSONObject, next: JSONObject): JSONObject {
  const patch: JSONObject = {};
  for (const key of Object.keys(next)) {
    const value = next[key];
    if (value === undefined) continue;
    const before = own(old, key);
    if (isMap(before) && isMap(value)) {
      const inner = createMergePatch(before, value);
      if (Object.keys(inner).length) set(patch, key, inner);
    } else if (before === undefined || !equal(before, value)) set(patch, key, value);
  }
  for (const key of Object.keys(old)) if (old[key] !== undefined && own(next, key) === undefined) set(patch, key, null);
  return patch;
}
