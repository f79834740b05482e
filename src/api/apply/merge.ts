/** Laying an applied document over an object, and taking fields out of an object. Pure, with structural sharing. */
import { own } from "../../base/table.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { set } from "../patch/values.ts";
import { type Atom, elementKey, type ListAtom, type MapAtom } from "./atom.ts";
import { resolve } from "./compare.ts";
import { type FieldSet, isMember, leaf } from "./fieldset.ts";

/** `over` wins where both say something. */
export function mergeApplied(base: JSONValue | undefined, over: JSONValue | undefined, atom: Atom): JSONValue | undefined {
  if (over === undefined) return base;
  if (base === undefined) return over;
  const resolved = resolve(atom, over === null ? base : over);
  if (resolved.kind === "map" && !resolved.atomic && isMap(base) && (isMap(over) || over === null)) {
    // Where neither has anything, what is applied counts as it is.
    return Object.keys(base).length || Object.keys(over ?? {}).length ? mergeMaps(base, over ?? {}, resolved) : over;
  }
  if (resolved.kind === "list" && !resolved.atomic && Array.isArray(base) && base.length && (Array.isArray(over) || over === null))
    return mergeLists(base, over ?? [], resolved);
  return over;
}

function mergeMaps(base: JSONObject, over: JSONObject, atom: MapAtom): JSONObject {
  let out = base;
  for (const name of Object.keys(over)) {
    const field = atom.fields.get(name);
    const before = own(base, name);
    const merged = mergeApplied(before, over[name], field ? field.atom : (atom.element as Atom));
    if (merged === before) continue;
    if (out === base) out = { ...base };
    set(out, name, merged);
  }
  return out;
}

/** Keeps the order of `over` among its elements, and the place of the others between them. */
function mergeLists(base: JSONValue[], over: JSONValue[], atom: ListAtom): JSONValue[] {
  const name = (item: JSONValue, i: number): string => elementKey(atom, item) ?? `#${i}`;
  const left = base.map(name);
  const right = over.map(name);
  const inBase = new Map<string, JSONValue>();
  // An element that is there twice cannot be merged into: it gives way.
  for (const [i, key] of left.entries()) inBase.set(key, inBase.has(key) ? null : (base[i] as JSONValue));
  const inOver = new Map(right.map((key, i) => [key, over[i] as JSONValue]));
  const shared = right.filter((key) => inBase.has(key));
  let next = 0;
  const merged = new Set<string>();
  const out: JSONValue[] = [];
  const take = (key: string): void => {
    merged.add(key);
    const there = inBase.get(key);
    out.push(mergeApplied(there === null ? undefined : there, inOver.get(key), atom.element) as JSONValue);
  };
  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    const ours = left[l];
    const theirs = right[r];
    if (ours !== undefined && theirs !== undefined) {
      if (ours === theirs) {
        take(ours);
        l++;
        r++;
        next++;
        continue;
      }
      if (inOver.has(ours) && shared[next] !== undefined && shared[next] !== ours) {
        l++;
        continue;
      }
    }
    if (ours !== undefined) {
      if (!inOver.has(ours)) {
        out.push(base[l] as JSONValue);
        l++;
        continue;
      }
      if (merged.has(ours)) l++;
    }
    if (theirs !== undefined) {
      take(theirs);
      r++;
      if (shared[next] === theirs) next++;
    }
  }
  return out.length === base.length && out.every((item, i) => item === base[i]) ? base : out;
}

/** The value without what the set names; null where a map or list has lost everything, had nothing, or is one piece. */
export function removeFields(value: JSONValue, gone: FieldSet, atom: Atom): JSONValue {
  const resolved = resolve(atom, value);
  if (resolved.kind === "map") return isMap(value) && !resolved.atomic ? removeFromMap(value, gone, resolved) : null;
  if (resolved.kind === "list") return Array.isArray(value) && !resolved.atomic ? removeFromList(value, gone, resolved) : null;
  return value;
}

/** What is left is put together anew: to take many keys out of a copy costs several times that. */
function removeFromMap(map: JSONObject, gone: FieldSet, atom: MapAtom): JSONValue {
  const out: JSONObject = {};
  let [left, touched] = [false, false];
  for (const name in map) {
    const value = map[name] as JSONValue;
    const node = gone[`f:${name}`];
    touched ||= node !== undefined;
    if (node && isMember(node)) continue;
    left = true;
    set(out, name, node ? removeFields(value, node, atom.fields.get(name)?.atom ?? (atom.element as Atom)) : value);
  }
  if (!left) return null;
  return touched ? out : map;
}

function removeFromList(list: JSONValue[], gone: FieldSet, atom: ListAtom): JSONValue {
  const out: JSONValue[] = [];
  let touched = false;
  for (const item of list) {
    const key = elementKey(atom, item);
    const node = key === undefined ? undefined : gone[key];
    if (!node) out.push(item);
    else {
      touched = true;
      if (!isMember(node)) out.push(removeFields(item, node, atom.element));
    }
  }
  if (!touched) return list.length ? list : null;
  return out.length ? out : null;
}

/** Whether nothing in it is declared by name. */
function isFree(atom: Atom | undefined): boolean {
  if (!atom || atom.kind === "scalar") return true;
  if (atom.kind === "deduced") return !atom.map && !atom.list;
  return (atom.kind === "list" || !atom.fields.size) && isFree(atom.element);
}

/** What an element of such a value is, and whether it is a declared field. */
export function within(atom: Atom | undefined, element: string): [inner: Atom | undefined, declared: boolean] {
  if (element.startsWith("k:")) return [(atom?.kind === "deduced" ? atom.list : atom?.kind === "list" ? atom : undefined)?.element, false];
  const map = atom?.kind === "map" ? atom : atom?.kind === "deduced" ? atom.map : undefined;
  const field = element.startsWith("f:") ? map?.fields.get(element.slice(2)) : undefined;
  return [field?.atom ?? map?.element ?? (atom?.kind === "deduced" ? atom : undefined), field !== undefined];
}

/** The set with the declared fields on the way to its members as members themselves. */
export function withNamedFields(fields: FieldSet | undefined, atom: Atom | undefined): FieldSet | undefined {
  if (!fields || isFree(atom)) return fields;
  let out: { [element: string]: FieldSet } | undefined;
  for (const element in fields) {
    const node = fields[element] as FieldSet;
    if (element === "." || node === leaf) continue;
    const [inner, declared] = within(atom, element);
    const made = withNamedFields(node, inner) as FieldSet;
    const next = declared && !isMember(made) ? { ".": leaf, ...made } : made;
    if (next === node) continue;
    out ??= { ...fields };
    out[element] = next;
  }
  return out ?? fields;
}
