/**
 * Quantities in lists that are compared as one piece. Upstream compares such lists by Go's memory
 * (sigs.k8s.io/structured-merge-diff/value/listreflect.go), where a quantity carries the text that it was last written as.
 * The stored object has just been written; the new one has been read, and reading keeps the text only where it sees at once
 * that it is canonical (k8s.io/apimachinery/pkg/api/resource, ParseQuantity). "8Gi" it does not see, so that whoever writes
 * a list with it owns that list. Quantities under the keys of a map are copied when they are written: they stay as read.
 */
import { isMap, type JSONValue } from "../json.ts";
import type { Atom } from "./atom.ts";
import { elementKey } from "./atom.ts";
import { type FieldSet, leaf } from "./fieldset.ts";
import { table } from "../../base/table.ts";

const decimal = table<number>({ n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 });
const binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** Whether reading a canonical quantity keeps its text. */
export function keepsText(text: string): boolean {
  if (text === "0") return true;
  const [, whole = "", fraction = "", suffix = ""] = /^[+-]?(\d*)(?:\.(\d*))?(.*)$/.exec(text) ?? [];
  const digits = whole + fraction;
  const power = binary.indexOf(suffix);
  if (power > 0) return !fraction && 14 - whole.length - power * 3 >= 0 && BigInt(whole) % 8n !== 0n;
  const exponent = decimal[suffix] ?? Number(suffix.slice(1));
  const scale = exponent - fraction.length;
  return digits.length <= 18 && scale >= -9 && scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0");
}

const known = [new WeakMap<Atom, boolean>(), new WeakMap<Atom, boolean>()] as const;
/** Whether there may be such a quantity in a list that is one piece. */
function mayForget(atom: Atom, inList: boolean): boolean {
  const found = known[inList ? 1 : 0].get(atom);
  if (found !== undefined) return found;
  known[inList ? 1 : 0].set(atom, false);
  const inner = (): boolean => {
    if (atom.kind === "scalar") return inList && atom.keepsText === true;
    if (atom.kind === "list") return mayForget(atom.element, true);
    if (atom.kind !== "map") return false;
    return [...atom.fields.values()].some((field) => mayForget(field.atom, inList)) || (!!atom.element && mayForget(atom.element, inList));
  };
  const may = inner();
  known[inList ? 1 : 0].set(atom, may);
  return may;
}

function forgets(value: JSONValue | undefined, atom: Atom, inList: boolean): boolean {
  if (value === undefined || value === null || !mayForget(atom, inList)) return false;
  if (atom.kind === "scalar") return typeof value === "string" && !keepsText(value);
  if (atom.kind === "list") return Array.isArray(value) && value.some((item) => forgets(item, atom.element, true));
  if (atom.kind !== "map" || !isMap(value)) return false;
  return Object.keys(value).some((name) => {
    const inner = atom.fields.get(name)?.atom ?? atom.element;
    return inner !== undefined && forgets(value[name], inner, inList);
  });
}

/** What counts as changed although it is the same, of an object of which an earlier state is stored. */
export function forgotten(before: JSONValue | undefined, after: JSONValue | undefined, atom: Atom): FieldSet | undefined {
  if (before === undefined || before === null || !mayForget(atom, false)) return undefined;
  if (atom.kind === "map" && !atom.atomic) {
    if (!isMap(before) || !isMap(after)) return undefined;
    let out: { [element: string]: FieldSet } | undefined;
    for (const name in after) {
      const field = atom.fields.get(name);
      const inner = field?.atom ?? atom.element;
      const found = inner && !atom.skip?.has(name) ? forgotten(before[name], after[name], inner) : undefined;
      if (!found) continue;
      out ??= {};
      out[field?.key ?? `f:${name}`] = found;
    }
    return out;
  }
  if (atom.kind === "list" && !atom.atomic) {
    if (!Array.isArray(before) || !Array.isArray(after)) return undefined;
    let out: { [element: string]: FieldSet } | undefined;
    const first = new Map<string | undefined, JSONValue>();
    for (let i = before.length - 1; i >= 0; i--) first.set(elementKey(atom, before[i]), before[i] as JSONValue);
    for (const item of after) {
      const key = elementKey(atom, item);
      const old = key === undefined ? undefined : first.get(key);
      const found = forgotten(old, item, atom.element);
      if (key === undefined || !found) continue;
      out ??= {};
      out[key] = found;
    }
    return out;
  }
  return forgets(after, atom, false) ? leaf : undefined;
}
