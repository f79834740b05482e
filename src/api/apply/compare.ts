/**
 * Which fields differ between two versions of an object. Walks both at once; what they share by reference is not looked
 * at, so that a change costs what it touches.
 */
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { equal } from "../patch/values.ts";
import { wholeSeconds } from "../time.ts";
import { type Atom, type AtomField, deducedAtom, elementKey, fieldValue, type ListAtom, type MapAtom } from "./atom.ts";
import type { KnownSets } from "./known-sets.ts";
import { type FieldSet, leaf, maxFields, tooManyFields } from "./fieldset.ts";
import { own } from "../../base/table.ts";

type Value = JSONValue | undefined;
type Draft = { [element: string]: FieldSet };

export const hasKeys = (value: JSONObject): boolean => {
  for (const _ in value) return true;
  return false;
};

/** Everything below and including a value that is new or gone. */
export function wholeSet(value: JSONValue, atom: Atom): FieldSet {
  if (typeof value !== "object" || value === null) return leaf;
  const resolved = resolve(atom, value);
  if (resolved.kind === "map") return isMap(value) && !resolved.atomic ? wholeMap(value, resolved) : leaf;
  if (resolved.kind !== "list" || resolved.atomic || !Array.isArray(value) || !value.length) return leaf;
  const out: Draft = { ".": leaf };
  count(value.length);
  for (const item of value) {
    const key = elementKey(resolved, item);
    if (key === undefined) {
      unnamed = true;
      continue;
    }
    // An element that is there twice is owned as one piece.
    out[key] = key in out ? leaf : wholeSet(item, resolved.element);
  }
  return out;
}

/** Fields that are new or have another value, of those that were found so far. */
let counted = 0;
/** What is gone may be as much as there is. */
let counting = true;
function count(more: number): void {
  if (!counting) return;
  counted += more;
  if (counted > maxFields) throw tooManyFields();
}
function wholeGone(value: JSONValue, atom: Atom): FieldSet {
  counting = false;
  const gone = wholeSet(value, atom);
  counting = true;
  return gone;
}

/** Elements and their sets that the maps being made have so far, each map's behind those of the map that it is in. */
const elements: string[] = [];
const nodes: FieldSet[] = [];
let filled = 0;

/** Declared fields are put into their place at once: what comes out of Go's order need not be sorted afterwards. */
function place(base: number, element: string, node: FieldSet, declared: boolean): void {
  let at = filled++;
  for (; declared && at > base && (elements[at - 1] as string) > element; at--) {
    elements[at] = elements[at - 1] as string;
    nodes[at] = nodes[at - 1] as FieldSet;
  }
  elements[at] = element;
  nodes[at] = node;
}

function wholeMap(value: JSONObject, atom: MapAtom): FieldSet {
  const base = filled;
  for (const name in value) {
    const field = atom.fields.get(name);
    if (atom.skip?.has(name)) {
      if (field && mayLackNames(field.atom)) wholeSet(value[name] as JSONValue, field.atom);
      continue;
    }
    const inner = field ? seen(field, value[name]) : atom.element ? value[name] : undefined;
    if (inner === undefined) continue;
    const node = wholeSet(inner, field ? field.atom : (atom.element as Atom));
    place(base, field ? field.key : `f:${name}`, node, field !== undefined);
  }
  if (!literal)
    for (const field of atom.always) {
      if (field.name in value || atom.skip?.has(field.name)) continue;
      place(base, field.key, wholeSet(field.zero as JSONValue, field.atom), true);
    }
  if (filled === base) return leaf;
  count(filled - base);
  const out: Draft = { ".": leaf };
  for (let at = base; at < filled; at++) out[elements[at] as string] = nodes[at] as FieldSet;
  filled = base;
  return out;
}

const deducedMap: MapAtom = { kind: "map", atomic: false, fields: new Map(), always: [], element: deducedAtom };
const atomicMap: MapAtom = { ...deducedMap, atomic: true };
const atomicList: ListAtom = { kind: "list", atomic: true, element: deducedAtom, keys: [] };

/** Without a schema, the value tells what it is. */
export function resolve(atom: Atom, value: Value): Atom {
  if (atom.kind !== "deduced") return atom;
  if (Array.isArray(value)) return atom.list ?? atomicList;
  if (isMap(value)) return atom.atomic ? atomicMap : (atom.map ?? deducedMap);
  return atom;
}

const lacking = new WeakMap<Atom, boolean>();
/** Whether a list in it may hold elements that nothing names: all of their keys may be left out. */
export function mayLackNames(atom: Atom): boolean {
  const known = lacking.get(atom);
  if (known !== undefined) return known;
  lacking.set(atom, false);
  const inner = (): boolean => {
    if (atom.kind === "map") return [...atom.fields.values()].some((field) => mayLackNames(field.atom)) || (!!atom.element && mayLackNames(atom.element));
    if (atom.kind !== "list") return false;
    const { element } = atom;
    const fields = element.kind === "map" ? element.fields : undefined;
    const named = atom.keys.length === 0 || atom.keys.some((key) => (fields?.get(key)?.zero ?? fields?.get(key)?.default) !== undefined);
    return !atom.atomic && (!named || mayLackNames(element));
  };
  const may = inner();
  lacking.set(atom, may);
  return may;
}

export interface Comparison {
  /** Fields that are new or have another value. */
  changed: FieldSet | undefined;
  removed: FieldSet | undefined;
  /** An element of a list lacks the keys that would name it: upstream cannot tell who owns what. */
  unnamed: boolean;
}

// Results of the last comparison within the walk: spares a pair per node.
let changed: FieldSet | undefined;
let removed: FieldSet | undefined;
let unnamed = false;
/** Values are what they are, `""` and `[]` included; otherwise they are looked at as Go would write them. */
let literal = false;
const seen = (field: AtomField, value: Value): Value => (literal ? value : fieldValue(field, value));

/** Specifications of objects that come from templates. */
let specs: KnownSets | undefined;
let specAtom: Atom | undefined;

/** A specification where there was none, which Go writes as one with nothing in it. */
function newSpec(none: JSONObject, value: JSONObject, atom: MapAtom): void {
  const known = (specs as KnownSets).find(value, atom);
  if (known) {
    count(known.fields);
    changed = known.set;
    return;
  }
  const before = counted;
  compareMaps(none, value, atom);
  if (changed && !removed && !unnamed) specs?.learn(value, atom, changed, counted - before);
}

/**
 * Throws a StatusError for more new values than may be. `literally`: for what is a document yet, not an object: a value that Go
 * would not write is one all the same. `known`: where the fields of new specifications are remembered.
 */
export function compare(before: JSONValue, after: JSONValue, atom: Atom, literally = false, known?: KnownSets): Comparison {
  unnamed = false;
  literal = literally;
  specs = literally ? undefined : known;
  specAtom = specs && atom.kind === "map" ? atom.fields.get("spec")?.atom : undefined;
  filled = counted = 0;
  counting = true;
  compareValues(before, after, atom);
  const result = { changed, removed, unnamed };
  changed = removed = undefined;
  return result;
}

function compareValues(before: Value, after: Value, atom: Atom): void {
  changed = removed = undefined;
  if (before === after) return;
  if (before === undefined) {
    changed = wholeSet(after as JSONValue, atom);
    return;
  }
  if (after === undefined) {
    removed = wholeGone(before, atom);
    return;
  }
  const resolved = resolve(atom, after === null ? before : after);
  if (atom.kind === "deduced" && before !== null && after !== null && kindOf(before) !== kindOf(after)) {
    const gone = isMap(before) && !atom.atomic ? wholeGone(before, atom) : undefined;
    changed = isMap(after) && !atom.atomic ? wholeSet(after, atom) : leaf;
    if (gone && hasKeys(gone)) removed = childrenOf(gone);
  } else if (resolved.kind === "map" && !resolved.atomic && (isMap(before) || isMap(after))) {
    const left = isMap(before) ? before : {};
    const right = isMap(after) ? after : {};
    if (resolved === specAtom && !hasKeys(left) && hasKeys(right)) newSpec(left, right, resolved);
    else if (hasKeys(left) || hasKeys(right) || (resolved.always.length && !literal)) compareMaps(left, right, resolved);
    else if (!same(before, after, resolved)) changed = leaf;
  } else if (resolved.kind === "list" && !resolved.atomic) {
    const left = Array.isArray(before) ? before : [];
    const right = Array.isArray(after) ? after : [];
    if (left.length || right.length) compareLists(left, right, resolved);
    else if (!same(before, after, resolved)) changed = leaf;
  } else if (!same(before, after, resolved)) changed = leaf;
}

/**
 * Equal as upstream compares two structs: what Go does not write makes no difference. Lists it compares as Go does: one with
 * nothing in it is another than none.
 */
function same(before: Value, after: Value, atom: Atom): boolean {
  if (equal(before, after)) return true;
  if (atom.kind === "scalar" && atom.time && typeof before === "string" && typeof after === "string") return wholeSeconds(before) === wholeSeconds(after);
  if (literal || atom.kind !== "map" || !isMap(before) || !isMap(after)) return false;
  for (const name in { ...before, ...after }) {
    const field = atom.fields.get(name);
    const inner = field?.atom ?? atom.element;
    const [left, right] = field ? [seen(field, before[name]), seen(field, after[name])] : [own(before, name), own(after, name)];
    if (inner && !same(left, right, inner)) return false;
  }
  return true;
}

const kindOf = (value: JSONValue): string => (Array.isArray(value) ? "list" : isMap(value) ? "map" : "scalar");

function childrenOf(node: FieldSet): FieldSet | undefined {
  const { ".": _, ...children } = node;
  return hasKeys(children as JSONObject) ? children : undefined;
}

function put(into: Draft | undefined, key: string, node: FieldSet | undefined): Draft | undefined {
  if (!node) return into;
  const draft = into ?? {};
  draft[key] = node;
  return draft;
}

function compareMaps(before: JSONObject, after: JSONObject, atom: MapAtom): void {
  let differs: Draft | undefined;
  let gone: Draft | undefined;
  const visit = (name: string): void => {
    const field = atom.fields.get(name);
    if (atom.skip?.has(name)) {
      // What is passed over counts all the same where it cannot be compared.
      if (field && mayLackNames(field.atom)) compareValues(before[name], after[name], field.atom);
      return;
    }
    if (!field && !atom.element) return;
    const left = field ? seen(field, own(before, name)) : own(before, name);
    const right = field ? seen(field, own(after, name)) : own(after, name);
    if (left === right) return;
    compareValues(left, right, field ? field.atom : (atom.element as Atom));
    const key = field ? field.key : `f:${name}`;
    if (changed) count(1);
    differs = put(differs, key, changed);
    gone = put(gone, key, removed);
  };
  for (const name in after) if (after[name] !== before[name]) visit(name);
  for (const name in before) if (before[name] !== undefined && !Object.hasOwn(after, name)) visit(name);
  changed = differs;
  removed = gone;
}

function compareLists(before: readonly JSONValue[], after: readonly JSONValue[], atom: ListAtom): void {
  let differs: Draft | undefined;
  let gone: Draft | undefined;
  const left = index(before, atom);
  const right = index(after, atom);
  const visit = (key: string): void => {
    compareElements(left.get(key) ?? [], right.get(key) ?? [], atom);
    differs = put(differs, key, changed);
    gone = put(gone, key, removed);
  };
  for (const key of left.keys()) visit(key);
  for (const key of right.keys()) if (!left.has(key)) visit(key);
  changed = differs;
  removed = gone;
}

function index(list: readonly JSONValue[], atom: ListAtom): Map<string, JSONValue[]> {
  const found = new Map<string, JSONValue[]>();
  for (const item of list) {
    const key = elementKey(atom, item);
    if (key === undefined) {
      unnamed = true;
      continue;
    }
    const same = found.get(key);
    if (same) same.push(item);
    else found.set(key, [item]);
  }
  return found;
}

/** Elements with one key; lists that hold a key twice are tolerated, such an element being one piece. */
function compareElements(left: JSONValue[], right: JSONValue[], atom: ListAtom): void {
  if (left.length <= 1 && right.length <= 1) {
    compareValues(left[0], right[0], atom.element);
    return;
  }
  changed = removed = undefined;
  if (left.length > 1 && right.length > 1) {
    if (left.length !== right.length || left.some((item, i) => !same(item, right[i], atom.element))) changed = leaf;
  } else if (left.length > 1) {
    if (right.length) changed = wholeSet(right[0] as JSONValue, atom.element);
    removed = leaf;
  } else {
    if (left.length) removed = wholeGone(left[0] as JSONValue, atom.element);
    changed = leaf;
  }
}
