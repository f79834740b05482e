/**
 * Sets of field paths in the very form of metav1.FieldsV1: `{"f:spec":{"f:ports":{"k:{...}":{".":{},"f:port":{}}}}}`.
 * A node is a member when it is empty or has the key "."; so sets are JSON, and nothing is decoded or encoded.
 * Sets are immutable and share structure. The empty set is undefined.
 */
import { sortFew } from "../../base/sort-few.ts";
import { parseJSON } from "../codec/json.ts";
import { goQuote } from "../go-quote.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { goText } from "../patch/values.ts";
import { requestEntityTooLarge, type StatusError } from "../status.ts";

export type FieldSet = { readonly [element: string]: FieldSet };

/**
 * Fields that one write may give an owner. Upstream knows no such limit, but its store takes no more than 1.5 MB: as many do not fit
 * there with their names, once as fields and once as owned ones.
 */
export const maxFields = 65_536;
export const tooManyFields = (): StatusError => requestEntityTooLarge(`no more than ${maxFields} fields can be owned by their managers`);

/** A member without children. */
export const leaf: FieldSet = Object.freeze({});

export const isEmpty = (node: FieldSet): boolean => {
  for (const _ in node) return false;
  return true;
};
/** Whether the path that leads to this node is itself in the set. */
export const isMember = (node: FieldSet): boolean => node["."] !== undefined || isEmpty(node);

type Draft = { [element: string]: FieldSet };

/** A node of its parts; undefined when it is neither a member nor has children. */
function build(member: boolean, children: Draft | undefined): FieldSet | undefined {
  if (!children) return member ? leaf : undefined;
  return member ? { ".": leaf, ...children } : children;
}

const orNothing = (set: FieldSet | undefined): FieldSet | undefined => (set === undefined || isEmpty(set) ? undefined : set);

/** The root of a set is no member of it: an empty object counts as the empty set. */
export function union(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  const left = orNothing(a);
  const right = orNothing(b);
  if (!left || left === right) return right;
  return right ? unionChildren(left, right) : left;
}

/** Of many: halves are united, so that none is gone through more often than it must. */
export function unionOf(sets: readonly FieldSet[]): FieldSet | undefined {
  if (sets.length < 2) return orNothing(sets[0]);
  const half = sets.length >> 1;
  return union(unionOf(sets.slice(0, half)), unionOf(sets.slice(half)));
}

function unionChildren(a: FieldSet, b: FieldSet): FieldSet {
  let out: Draft | undefined;
  for (const element in b) {
    const theirs = b[element] as FieldSet;
    const ours = a[element];
    if (ours === theirs) continue;
    const node = ours === undefined ? theirs : unionNodes(ours, theirs);
    if (node !== ours) {
      out ??= { ...a };
      out[element] = node;
    }
  }
  return out ?? a;
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return isEmpty(b) || b["."] ? b : { ".": leaf, ...b };
  if (isEmpty(b)) return a["."] ? a : { ".": leaf, ...a };
  return unionChildren(a, b);
}

/** Members of `a` that are not members of `b`; what lies below a member stays. */
export const difference = (a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined => without(orNothing(a), orNothing(b), false);
/** As difference, but a member of `b` takes everything below it along. */
export const recursiveDifference = (a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined => without(orNothing(a), orNothing(b), true);

function without(a: FieldSet | undefined, b: FieldSet | undefined, recursive: boolean): FieldSet | undefined {
  return a && b ? elementsWithout(a, b, recursive, false) : a;
}

/** What is left is put together anew: to take elements out of a copy costs several times that where there are many. */
function elementsWithout(a: FieldSet, b: FieldSet, recursive: boolean, gone: boolean): FieldSet | undefined {
  let out: Draft | undefined;
  let same = 0;
  let left = 0;
  for (const element in a) {
    const ours = a[element] as FieldSet;
    const theirs = b[element];
    const rest = element === "." ? (gone ? undefined : ours) : theirs === undefined ? ours : withoutNode(ours, theirs, recursive);
    if (rest === ours) same++;
    if (rest === ours && !out) continue;
    out ??= firstOf(a, same);
    if (!rest) continue;
    out[element] = rest;
    left++;
  }
  if (!out) return a;
  return same + left > 0 ? out : undefined;
}

function firstOf(set: FieldSet, count: number): Draft {
  const out: Draft = {};
  let left = count;
  if (left > 0)
    for (const element in set) {
      out[element] = set[element] as FieldSet;
      if (--left === 0) break;
    }
  return out;
}

function withoutNode(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet | undefined {
  const gone = isMember(b);
  if (gone && recursive) return undefined;
  if (a === leaf) return gone ? undefined : a;
  const rest = elementsWithout(a, b, recursive, gone);
  if (rest === a) return gone && isEmpty(a) ? undefined : a;
  // Nothing is left but that it is a member.
  return rest?.["."] !== undefined && isLone(rest) ? leaf : rest;
}

function isLone(node: FieldSet): boolean {
  for (const element in node) if (element !== ".") return false;
  return true;
}

export function intersection(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  const left = orNothing(a);
  const right = orNothing(b);
  if (!left || !right || left === right) return left && right;
  return intersectChildren(left, right);
}

function intersectChildren(a: FieldSet, b: FieldSet): Draft | undefined {
  let out: Draft | undefined;
  for (const element in a) {
    const theirs = b[element];
    if (theirs === undefined || element === ".") continue;
    const ours = a[element] as FieldSet;
    const node = ours === theirs ? ours : build(isMember(ours) && isMember(theirs), intersectChildren(ours, theirs));
    if (!node) continue;
    out ??= {};
    out[element] = node;
  }
  return out;
}

/** Whether some path is in both. Allocates nothing. */
export function overlap(a: FieldSet | undefined, b: FieldSet | undefined): boolean {
  if (!a || !b) return false;
  for (const element in a) {
    const theirs = b[element];
    if (theirs === undefined || element === ".") continue;
    const ours = a[element] as FieldSet;
    if (ours === theirs || (isMember(ours) && isMember(theirs)) || overlap(ours, theirs)) return true;
  }
  return false;
}

/** Whether every path of `b` is in `a`. Allocates nothing. */
export function covers(a: FieldSet | undefined, b: FieldSet | undefined): boolean {
  if (!b || a === b) return true;
  if (!a) return isEmpty(b);
  for (const element in b) {
    if (element === ".") continue;
    const ours = a[element];
    const theirs = b[element] as FieldSet;
    if (ours === undefined || (isMember(theirs) && !isMember(ours)) || !covers(ours, theirs)) return false;
  }
  return true;
}

export function equalSets(a: FieldSet | undefined, b: FieldSet | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return orNothing(a) === orNothing(b);
  let count = 0;
  for (const element in a) {
    const theirs = b[element];
    if (theirs === undefined || !equalSets(a[element], theirs)) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Byte order, except that numbers in keys go by their value. */
function compareElements(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (a.startsWith("k:") && b.startsWith("k:")) {
    let start = at;
    while (start > 0 && isDigit(a.charCodeAt(start - 1))) start--;
    if (a[start - 1] === ":" && (isDigit(a.charCodeAt(at)) || start < at) && (isDigit(b.charCodeAt(at)) || start < at)) {
      const numbers = Number.parseInt(a.slice(start), 10) - Number.parseInt(b.slice(start), 10);
      if (numbers) return numbers;
    }
  }
  if (at === end) return a.length - b.length;
  return a.charCodeAt(at) - b.charCodeAt(at);
}

/** Sets that are kept, whose order is known. */
const inOrder = new WeakSet<FieldSet>();

/** As `ordered`, for a set that is to be part of many. */
export function orderedOnce(set: FieldSet): FieldSet {
  const result = ordered(set);
  inOrder.add(result);
  return result;
}

/** The same set with its elements in the order in which upstream writes them; itself where they are, as most are. */
export function ordered(set: FieldSet): FieldSet {
  let sorted = true;
  let last: string | undefined;
  let replaced: Draft | undefined;
  for (const element in set) {
    if (last !== undefined && compareElements(last, element) > 0) sorted = false;
    last = element;
    const node = set[element] as FieldSet;
    if (node === leaf || inOrder.has(node)) continue;
    const inner = ordered(node);
    if (inner === node) continue;
    replaced ??= {};
    replaced[element] = inner;
  }
  if (sorted && !replaced) return set;
  const elements = Object.keys(set);
  if (!sorted) sortFew(elements, compareElements);
  const out: Draft = {};
  for (const element of elements) out[element] = replaced?.[element] ?? (set[element] as FieldSet);
  return out;
}

/** The members' paths in order, each a list of elements such as `f:spec`; what a level holds itself comes before what is below it. */
export function* paths(set: FieldSet | undefined, prefix: readonly string[] = []): Generator<string[]> {
  if (!set) return;
  const elements = Object.keys(set)
    .filter((element) => element !== ".")
    .sort();
  for (const element of elements) if (isMember(set[element] as FieldSet)) yield [...prefix, element];
  for (const element of elements) yield* paths(set[element], [...prefix, element]);
}

export function hasPath(set: FieldSet | undefined, path: readonly string[]): boolean {
  let node = set;
  for (const element of path) node = node?.[element];
  return node !== undefined && isMember(node);
}

/** A set of the given paths. */
export function setOf(...members: readonly (readonly string[])[]): FieldSet | undefined {
  let out: FieldSet | undefined;
  for (const path of members)
    out = union(
      out,
      path.reduceRight<FieldSet>((inner, element) => ({ [element]: inner }), leaf),
    );
  return out;
}

function valueText(value: JSONValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(",")}]`;
  if (value === null) return "null";
  if (typeof value === "string") return goQuote(value);
  if (typeof value !== "object") return goText(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}=${valueText(inner)}`)
    .join("");
}

/** `.spec.template.spec.containers[name="a"].image`, as conflicts name fields. */
export function pathText(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith("f:")) return `.${rest}`;
      if (element.startsWith("i:")) return `[${rest}]`;
      const { value } = parseJSON(Buffer.from(rest));
      if (element.startsWith("v:")) return `[=${valueText(value)}]`;
      return `[${Object.entries(value as JSONObject)
        .map(([name, v]) => `${name}=${valueText(v)}`)
        .join(",")}]`;
    })
    .join("");
}

/** Whether the value is a set as clients may send it: objects all the way down, elements that are understood. */
export function isFieldSet(value: unknown): value is FieldSet {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const [element, inner] of Object.entries(value)) {
    if (element === ".") continue;
    if (!/^[a-z]:/.test(element) || !isFieldSet(inner)) return false;
    if (/^[kv]:/.test(element)) {
      try {
        parseJSON(Buffer.from(element.slice(2)));
      } catch {
        return false;
      }
    }
  }
  return true;
}
