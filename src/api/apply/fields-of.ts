/** The fields that a document sets, as server-side apply counts them; and the check of such a document. */
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { goQuote } from "../go-quote.ts";
import { goText, isGoInteger } from "../patch/values.ts";
import { type Atom, elementKey, fieldSetAtom, type ListAtom, type MapAtom, type ScalarAtom } from "./atom.ts";
import { mayLackNames, resolve } from "./compare.ts";
import { type FieldSet, leaf, pathText } from "./fieldset.ts";

type Draft = { [element: string]: FieldSet };
const isEmptyMap = (value: JSONValue): boolean => isMap(value) && Object.keys(value).length === 0;

/** undefined: the document sets nothing. Structs on the way are no members unless `named`; elements of lists and free keys are. */
export function fieldsOf(value: JSONValue, atom: Atom, named = false): FieldSet | undefined {
  return fieldsIn(value, atom, named, false);
}

/** `member`: where it has fields, it is one itself. */
function fieldsIn(value: JSONValue, atom: Atom, named: boolean, member: boolean): FieldSet | undefined {
  const resolved = resolve(atom, value);
  if (resolved.kind === "map" && !resolved.atomic) return isMap(value) ? mapFields(value, resolved, named, member) : undefined;
  if (resolved.kind === "list" && !resolved.atomic) return Array.isArray(value) ? listFields(value, resolved, named, member) : undefined;
  return leaf;
}

const draft = (member: boolean): Draft => (member ? { ".": leaf } : {});

function mapFields(map: JSONObject, atom: MapAtom, named: boolean, member: boolean): FieldSet | undefined {
  let out: Draft | undefined;
  for (const name in map) {
    const value = map[name];
    const field = atom.fields.get(name);
    if (value === undefined || atom.skip?.has(name) || (!field && !atom.element)) continue;
    const known = field ? field.atom : (atom.element as Atom);
    const node =
      known.kind === "scalar" ? leaf : (fieldsIn(value, known, named, named || !field) ?? (!field || value === null || isEmptyMap(value) ? leaf : undefined));
    if (!node) continue;
    out ??= draft(member);
    out[`f:${name}`] = node;
  }
  return out;
}

function listFields(list: JSONValue[], atom: ListAtom, named: boolean, member: boolean): FieldSet | undefined {
  let out: Draft | undefined;
  for (const item of list) {
    const key = elementKey(atom, item);
    if (key === undefined) continue;
    out ??= draft(member);
    out[key] = key in out ? leaf : (fieldsIn(item, atom.element, named, true) ?? leaf);
  }
  return out;
}

/** A value as Go prints the one it could not use. */
const describe = (value: JSONValue): string => `&{${goText(value)}}`;

function goSyntax(value: JSONValue | undefined): string {
  if (value === null || value === undefined) return "interface {}(nil)";
  if (typeof value === "string") return goQuote(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (typeof value !== "object") return goText(value);
  return `map[string]interface {}{${Object.keys(value)
    .sort()
    .map((key) => `${goQuote(key)}:${goSyntax(value[key])}`)
    .join(", ")}}`;
}

function goType(value: JSONValue): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "number") return isGoInteger(value) ? "int64" : "float64";
  return typeof value === "boolean" ? "bool" : typeof value === "string" ? "string" : typeof value === "bigint" ? "int64" : "map[string]interface {}";
}

function scalarError(value: JSONValue, type: ScalarAtom["type"]): string | undefined {
  const numeric = typeof value === "number" || typeof value === "bigint";
  if (type === "string") return typeof value === "string" ? undefined : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
  if (type === "boolean") return typeof value === "boolean" ? undefined : `expected boolean, got ${describe(value)}`;
  if (type === "numeric") return numeric ? undefined : `expected numeric (int or float), got ${goType(value)}`;
  return typeof value === "object" ? `expected any scalar, got ${describe(value)}` : undefined;
}

/** Whether what is stored has the shape of its type; elements that are there twice are tolerated. Allocates little. */
export function fitsShape(value: JSONValue | undefined, atom: Atom): boolean {
  if (value === null || value === undefined) return true;
  if (atom.kind === "deduced") {
    const known = Array.isArray(value) ? atom.list : isMap(value) ? atom.map : undefined;
    return !known || fitsShape(value, known);
  }
  if (atom.kind === "scalar") return scalarError(value, atom.type) === undefined;
  if (atom.kind === "map") {
    if (!isMap(value)) return false;
    for (const name in value) {
      const inner = atom.fields.get(name)?.atom ?? atom.element;
      if (!inner || !fitsShape(value[name], inner)) return false;
    }
    return true;
  }
  if (!Array.isArray(value)) return false;
  for (const item of value) if ((!atom.atomic && elementKey(atom, item) === undefined) || !fitsShape(item, atom.element)) return false;
  return true;
}

const holding = new WeakMap<Atom, boolean>();
/** Whether there is room for a field set somewhere in it. */
function mayHoldFieldSets(atom: Atom): boolean {
  const known = holding.get(atom);
  if (known !== undefined) return known;
  holding.set(atom, atom === fieldSetAtom);
  const inner = (): boolean => {
    if (atom === fieldSetAtom) return true;
    if (atom.kind === "list") return mayHoldFieldSets(atom.element);
    return (
      atom.kind === "map" && ([...atom.fields.values()].some((field) => mayHoldFieldSets(field.atom)) || (!!atom.element && mayHoldFieldSets(atom.element)))
    );
  };
  const may = inner();
  holding.set(atom, may);
  return may;
}

/** Whether the field sets in an object's templates, which nobody checks, are maps. Its own are left to those who read them. */
export function fitsFieldSets(object: JSONObject, atom: MapAtom): boolean {
  for (const name in object) {
    const field = name === "metadata" ? undefined : atom.fields.get(name);
    if (field && !setsAreMaps(object[name], field.atom)) return false;
  }
  return true;
}

function setsAreMaps(value: JSONValue | undefined, atom: Atom): boolean {
  if (value === null || value === undefined || !mayHoldFieldSets(atom)) return true;
  if (atom === fieldSetAtom) return isMap(value);
  if (atom.kind === "list") {
    if (Array.isArray(value)) for (let i = 0; i < value.length; i++) if (!setsAreMaps(value[i], atom.element)) return false;
    return true;
  }
  if (atom.kind !== "map" || !isMap(value)) return true;
  for (const name in value) {
    const inner = atom.fields.get(name)?.atom ?? atom.element;
    if (inner && !setsAreMaps(value[name], inner)) return false;
  }
  return true;
}

/** Of one that `fitsFieldSets` finds unfit: what upstream says of it, `path: message`. */
export function fieldSetErrors(value: JSONValue | undefined, atom: Atom, path = ""): string[] {
  if (value === null || value === undefined || !mayHoldFieldSets(atom)) return [];
  if (atom === fieldSetAtom) return isMap(value) ? [] : [`${path}: expected map, got ${reflected(value)}`];
  if (atom.kind === "list" && Array.isArray(value))
    return value.flatMap((item, i) => {
      const key = atom.atomic ? undefined : elementKey(atom, item);
      return fieldSetErrors(item, atom.element, path + (key === undefined ? `[${i}]` : pathText([key])));
    });
  if (atom.kind !== "map" || !isMap(value)) return [];
  return Object.keys(value).flatMap((name) => {
    const inner = path === "" && name === "metadata" ? undefined : (atom.fields.get(name)?.atom ?? atom.element);
    return inner ? fieldSetErrors(value[name], inner, `${path}.${name}`) : [];
  });
}

/** As Go prints what it found by reflection; the number at the end is the kind that it takes it for. */
function reflected(value: JSONValue): string {
  if (typeof value === "string") return `&{<nil> <nil> ${value} 6}`;
  const type = goType(value);
  const kinds: Readonly<Record<string, number>> = { "[]interface {}": 2, int64: 3, float64: 5, bool: 8 };
  return `&{<nil> <nil> <${type} Value> ${kinds[type]}}`;
}

/** As upstream says several. */
export const shapeText = (errors: readonly string[]): string =>
  errors.length === 1 ? (errors[0] as string) : ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");

/**
 * What is wrong with an applied document: undeclared fields, wrong shapes, elements twice unless `twice`. Upstream's texts,
 * `path: message`.
 */
export function shapeErrors(value: JSONValue | undefined, atom: Atom, twice = false, path = ""): string[] {
  if (value === null || value === undefined) return [];
  const at = (message: string): string => (path ? `${path}: ${message}` : message);
  if (atom.kind === "deduced") {
    const known = Array.isArray(value) ? atom.list : isMap(value) ? atom.map : undefined;
    return known ? shapeErrors(value, known, twice, path) : [];
  }
  if (atom.kind === "scalar") {
    const wrong = scalarError(value, atom.type);
    return wrong ? [at(wrong)] : [];
  }
  if (atom.kind === "map") {
    if (!isMap(value)) return [at(`expected map, got ${describe(value)}`)];
    const errors: string[] = [];
    for (const name of Object.keys(value)) {
      const known = atom.fields.get(name)?.atom ?? atom.element;
      // What comes behind an undeclared field is not looked at.
      if (!known) return [...errors, `${path}.${name}: field not declared in schema`];
      if (known.kind === "scalar" && scalarError(value[name] ?? null, known.type) === undefined) continue;
      errors.push(...shapeErrors(value[name], known, twice, `${path}.${name}`));
    }
    return errors;
  }
  if (!Array.isArray(value)) return [at(`expected list, got ${describe(value)}`)];
  if (atom.atomic) return value.flatMap((item, i) => shapeErrors(item, atom.element, twice, `${path}[${i}]`));
  const seen = new Set<string>();
  const errors: string[] = [];
  for (const [i, item] of value.entries()) {
    const key = elementKey(atom, item);
    // What comes behind an element that nothing names is not looked at.
    if (key === undefined) return [...errors, at(`element ${i}: ${unnamed(item, atom)}`)];
    if (seen.has(key) && !twice) errors.push(at(`duplicate entries for key ${pathText([key])}`));
    seen.add(key);
    errors.push(...shapeErrors(item, atom.element, twice, path + pathText([key])));
  }
  return errors;
}

/** The first element of a stored value that nothing names; repeated ones are tolerated. */
export function unnamedElement(value: JSONValue | undefined, atom: Atom, path = ""): string | undefined {
  if (!mayLackNames(atom) || typeof value !== "object" || value === null) return undefined;
  if (atom.kind === "list" && Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const key = elementKey(atom, item);
      const inner = key === undefined ? `${path}: element ${i}: ${unnamed(item, atom)}` : unnamedElement(item, atom.element, path + pathText([key]));
      if (inner !== undefined) return inner;
    }
  } else if (atom.kind === "map" && isMap(value)) {
    for (const name of Object.keys(value)) {
      const field = atom.fields.get(name)?.atom ?? atom.element;
      const inner = field && unnamedElement(value[name], field, `${path}.${name}`);
      if (inner !== undefined) return inner;
    }
  }
  return undefined;
}

function unnamed(item: JSONValue, atom: ListAtom): string {
  if (!atom.keys.length) {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    return Array.isArray(item) ? "not supported: associative list with lists as elements" : "associative list without keys has an element that's a map type";
  }
  if (item === null) return "associative list with keys may not have a null element";
  if (!isMap(item)) return "associative list with keys may not have non-map elements";
  return `associative list with keys has an element that omits all key fields [${atom.keys.map((k) => JSON.stringify(k)).join(" ")}] (and doesn't have default values for any key fields)`;
}
