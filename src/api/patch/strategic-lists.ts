/** Lists in strategic merge patches: merging by key, and the order of the result. */
import { own } from "../../base/table.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { StatusError } from "../status.ts";
import { mergeError, type PatchMeta } from "./strategic-meta.ts";
import { goStringText, goText, withParts } from "./values.ts";
import { isWholeFloat } from "./whole-floats.ts";

type List = readonly JSONValue[];
export type MergeMaps = (original: JSONObject, patch: JSONObject, meta: PatchMeta) => JSONObject;

const noMergeKey = (map: JSONObject, key: string): StatusError => mergeError(`map: ${goText(map)} does not contain declared merge key: ${key}`);

const badType = (value: JSONValue | undefined, expected = "map[string]interface {}"): StatusError => {
  const actual =
    value === null || value === undefined ? "%!s(<nil>)" : Array.isArray(value) ? "[]interface {}" : isMap(value) ? "map[string]interface {}" : goScalar(value);
  return mergeError(`expected a ${expected}, but received a ${actual}`);
};
export const notAList = (value: JSONValue | undefined): StatusError => badType(value, "[]interface {}");
function goScalar(value: JSONValue): string {
  if (typeof value === "boolean") return "bool";
  if (isWholeFloat(value) || (typeof value === "number" && !Number.isInteger(value))) return "float64";
  return typeof value === "string" ? "string" : "int64";
}

/** Whether the elements are maps. All must be of one kind; lists of lists are refused. */
function holdMaps(...lists: List[]): boolean {
  let kind: string | undefined;
  for (const list of lists)
    for (const value of list) {
      const next = Array.isArray(value) ? "list" : isMap(value) ? "map" : value === null ? "null" : goScalar(value);
      if (next === "list" && kind === undefined)
        throw new StatusError({ code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request", details: {} });
      if (kind !== undefined && kind !== next) throw mergeError(`list element types are not identical: ${goText(lists.map((l) => [...l]))}`);
      kind = next;
    }
  if (kind === undefined) throw mergeError("no elements in any of the given slices");
  return kind === "map";
}

function indexByKey(list: List, key: string, value: JSONValue | undefined): number {
  for (const [i, item] of list.entries()) {
    if (!isMap(item)) throw mergeError(`value for key ${i} is not a map`);
    const id = own(item, key);
    if (id !== undefined && id === value) return i;
  }
  return -1;
}

/** `original` with `patch` merged in; with `deletes`, without the scalars that `patch` lists. */
export function mergeLists(original: List, patch: List, meta: PatchMeta, deletes: boolean, mergeMaps: MergeMaps): JSONValue[] {
  if (!original.length && !patch.length) return original as JSONValue[];
  if (!holdMaps(original, patch)) {
    if (deletes) {
      const gone = new Set(patch);
      return original.filter((value) => !gone.has(value));
    }
    return arrange(deduplicate([...original, ...patch]), patch, original, meta.mergeKey ?? "", () => false);
  }
  const key = meta.mergeKey;
  if (!key) throw mergeError(`cannot merge lists without merge key for ${meta.type ? "struct" : meta.kind}`);
  const { base, items } = applyElementDirectives(original, patch as JSONObject[], key);
  const merged = [...base];
  for (const item of items) {
    const value = own(item, key);
    if (value === undefined) throw noMergeKey(item, key);
    const at = indexByKey(merged, key, value);
    if (at < 0) merged.push(item);
    else merged[at] = mergeMaps(merged[at] as JSONObject, item, meta);
  }
  return arrange(merged, items, base, key, () => true);
}

/** Elements with $patch: delete takes its namesake away, replace throws the original list away. */
function applyElementDirectives(original: List, patch: JSONObject[], key: string): { base: List; items: JSONObject[] } {
  const items: JSONObject[] = [];
  let base = original;
  let replace = false;
  for (const item of patch) {
    const directive = own(item, "$patch");
    if (directive === undefined) items.push(item);
    else if (directive === "replace") replace = true;
    else if (directive === "delete") {
      const value = own(item, key);
      if (value === undefined) throw noMergeKey(item, key);
      for (let at = indexByKey(base, key, value); at >= 0; at = indexByKey(base, key, value)) base = [...base.slice(0, at), ...base.slice(at + 1)];
    } else if (directive === "merge") throw mergeError("merging lists cannot yet be specified in the patch");
    else throw mergeError(`unknown patch type: ${goStringText(directive)} in map: ${goText(item)}`);
  }
  return replace ? { base: items, items: [] } : { base, items };
}

/** A later duplicate makes place for the last element, as upstream does: the order matters to clients. */
function deduplicate(list: JSONValue[]): JSONValue[] {
  let last = list.length - 1;
  for (let i = 0; i < last; i++)
    for (let j = i + 1; j <= last; j++)
      if (list[i] === list[j]) {
        list[j] = list[last] as JSONValue;
        last--;
        j--;
      }
  return list.slice(0, last + 1);
}

/** Its merge key's value. Throws for what has none. */
function idOf(item: JSONValue, key: string): JSONValue {
  if (!isMap(item)) throw badType(item);
  const id = own(item, key);
  if (id === undefined) throw noMergeKey(item, key);
  return id;
}

/** Which elements the order names. What in it is no map is only come upon by what stands behind it, or is not there at all. */
function partition(merged: List, order: List, key: string): { named: JSONValue[]; others: JSONValue[] } {
  const ids = new Set(key ? undefined : order);
  let broken = order.length;
  if (key) {
    broken = order.findIndex((item) => !isMap(item));
    for (const item of broken < 0 ? order : order.slice(0, broken)) ids.add(own(item as JSONObject, key) as JSONValue);
  }
  const named: JSONValue[] = [];
  const others: JSONValue[] = [];
  for (const item of merged) {
    if (ids.has(key ? idOf(item, key) : item)) named.push(item);
    else if (key && broken >= 0) throw mergeError(`value for key ${broken} is not a map`);
    else others.push(item);
  }
  return { named, others };
}

/** Those that the order names come in its order, the others keep the server's order between them. */
function arrange(merged: List, order: List, serverOrder: List, key: string, areMaps: () => boolean): JSONValue[] {
  const { named, others } = partition(merged, order, key);
  const maps = areMaps();
  const id = (item: JSONValue): JSONValue => (maps ? idOf(item, key) : item);
  const positions = (list: List): Map<JSONValue, number> => {
    const map = new Map<JSONValue, number>();
    for (const [i, item] of list.entries()) if (!map.has(id(item))) map.set(id(item), i);
    return map;
  };
  const wanted = positions(order);
  const first = sorted(named, (item) => wanted.get(id(item)));
  const served = positions(serverOrder);
  const rest = sorted(others, (item) => served.get(id(item)));
  const out: JSONValue[] = [];
  let i = 0;
  let j = 0;
  while (i < rest.length || j < first.length) {
    if (i >= rest.length) out.push(first[j++] as JSONValue);
    else if (j >= first.length) out.push(rest[i++] as JSONValue);
    else {
      const left = served.get(id(rest[i] as JSONValue));
      const right = served.get(id(first[j] as JSONValue));
      out.push((left !== undefined && right !== undefined && left < right ? rest[i++] : first[j++]) as JSONValue);
    }
  }
  return out;
}

const deletes = (item: JSONValue): boolean => isMap(item) && own(item, "$patch") === "delete";

/** What is to be deleted stands behind the others. */
function sorted(list: JSONValue[], position: (item: JSONValue) => number | undefined): JSONValue[] {
  const kept = list.filter((item) => !deletes(item));
  sortBy(kept, position);
  return kept.length === list.length ? kept : [...kept, ...list.filter(deletes)];
}

/** Stable; an item without a position goes before those in front of it, as upstream's comparison makes it. */
function sortBy(list: JSONValue[], position: (item: JSONValue) => number | undefined): void {
  const before = (a: JSONValue, b: JSONValue): boolean => {
    const left = position(a);
    const right = position(b);
    return left === undefined || right === undefined || left < right;
  };
  for (let i = 1; i < list.length; i++)
    for (let j = i; j > 0 && before(list[j] as JSONValue, list[j - 1] as JSONValue); j--) {
      const item = list[j] as JSONValue;
      list[j] = list[j - 1] as JSONValue;
      list[j - 1] = item;
    }
}

/** The list that $setElementOrder makes of what the document and the patch have; undefined when neither has the list. */
export function orderLists(
  original: JSONValue | undefined,
  patch: JSONValue | undefined,
  order: List,
  metaOf: () => PatchMeta,
  mergeMaps: MergeMaps,
): JSONValue[] | undefined {
  if (original !== undefined && !Array.isArray(original)) throw notAList(original);
  if (patch !== undefined && !Array.isArray(patch)) throw notAList(patch);
  const meta = metaOf();
  const key = meta.mergeKey ?? "";
  if (patch) checkOrder(patch, order, key);
  if (!original && !patch) return undefined;
  let merged: List;
  if (!patch) merged = original as List;
  else if (!original) merged = withoutDirectives(patch) as JSONValue[];
  else merged = meta.merges ? mergeLists(original, patch, meta, false, mergeMaps) : patch;
  return arrange(merged, order, original ?? [], key, () => holdMaps(original ?? [], patch ?? []));
}

/** The patch's elements must stand in $setElementOrder, in the same relative order. */
function checkOrder(patch: List, order: List, key: string): void {
  if (!patch.length || !order.length) return;
  if (key) for (const item of patch) if (!isMap(item)) throw badType(item);
  const items = key ? patch.filter((item) => !deletes(item)) : patch;
  const directs = (item: JSONValue): boolean => isMap(item) && own(item, "$patch") !== undefined;
  let at = 0;
  let i = 0;
  while (at < items.length && i < order.length) {
    const item = items[at] as JSONValue;
    if (directs(item)) at++;
    else if (sameId(item, order[i++] as JSONValue, key)) at++;
  }
  if (at < items.length) throw mergeError(`The order in patch list:\n${goText([...patch])}\n doesn't match $setElementOrder list:\n${goText([...order])}\n`);
}

function sameId(left: JSONValue, right: JSONValue, key: string): boolean {
  if (!key) return left === right;
  for (const side of [left, right]) {
    if (!isMap(side)) throw badType(side);
    if (own(side, key) === undefined) throw noMergeKey(side, key);
  }
  return own(left as JSONObject, key) === own(right as JSONObject, key);
}

/** New values lose the maps that carry a $patch directive; undefined when the value is such a map itself. */
export const withoutDirectives = (value: JSONValue): JSONValue | undefined =>
  isMap(value) && own(value, "$patch") !== undefined ? undefined : withParts(value, withoutDirectives);
