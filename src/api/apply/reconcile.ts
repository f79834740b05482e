/**
 * Sets of fields that were made under another schema, or by a client's own hand: what is below a part that is one piece now
 * becomes that part (sigs.k8s.io/structured-merge-diff/typed/reconcile_schema.go).
 */
import type { Atom } from "./atom.ts";
import { type FieldSet, leaf } from "./fieldset.ts";

/** The set itself where nothing in it is below an atomic part. */
export function reconcile(fields: FieldSet, atom: Atom): FieldSet {
  if (atom.kind === "deduced") return atom.map ? reconcile(fields, atom.map) : fields;
  // Maps of which nothing is known are never one piece.
  if (atom.kind === "map" && !atom.fields.size && atom.element?.kind === "deduced") return fields;
  let out: { [element: string]: FieldSet } | undefined;
  for (const element in fields) {
    if (element === ".") continue;
    const node = fields[element] as FieldSet;
    const inner = innerOf(atom, element);
    if (!inner || !hasChildren(node)) continue;
    const made = isOnePiece(inner) ? leaf : reconcile(node, inner);
    if (made === node) continue;
    out ??= { ...fields };
    out[element] = made;
  }
  return out ?? fields;
}

function isOnePiece(atom: Atom): boolean {
  if (atom.kind === "list") return atom.atomic;
  return atom.kind === "map" && atom.atomic && !(atom.fields.size === 0 && atom.element?.kind === "deduced");
}

/** undefined: fields that the schema does not know are left alone. */
function innerOf(atom: Atom, element: string): Atom | undefined {
  if (atom.kind === "list") return atom.element;
  return atom.kind === "map" ? (atom.fields.get(element.slice(2))?.atom ?? atom.element) : undefined;
}

function hasChildren(node: FieldSet): boolean {
  for (const element in node) if (element !== ".") return true;
  return false;
}
