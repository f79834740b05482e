/** A resource's values as expressions see them, by their schema (k8s.io/apiserver/pkg/cel/common/valuesunstructured.go). */
import { fromJSON, toJSON } from "../cel/json.ts";
import { durationOf, parseTimestamp, timestampOf } from "../cel/library/time-values.ts";
import { Type } from "../cel/types.ts";
import { CelError, ComparisonFailure, equal, ListValue, MapValue, noSuchOverload, ObjectValue, type Value } from "../cel/values.ts";
import { deepEqual } from "../copy.ts";
import { semanticEqual } from "../core/semantic.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { parseDurationNanos, TimeError } from "../time.ts";
import { escapeName, unescapeName } from "./decl-name.ts";
import { withMeta } from "./decl-type.ts";
import { durationParts, isDate } from "./formats.ts";
import { type Node, nodeOf } from "./node.ts";

/** Of several layouts, the last one that is tried has no zone (kube-openapi/pkg/validation/strfmt, ParseDateTime): what Go says of that one. */
const withoutZone = (message: string): string =>
  message.replace(/ as "2006-01-02T15:04:05Z07:00": cannot parse (".*") as "Z07:00"$/s, ": extra text: $1").replace('05Z07:00": cannot', '05": cannot');

const unfit = (expected: string): CelError => new CelError(`invalid data, ${expected}`);
const unhashable = (type: string): ComparisonFailure =>
  new ComparisonFailure(new CelError(`internal error: runtime error: hash of unhashable type ${type}`), true);
const notNull = unfit("got null for schema with nullable=false");

const goTypeOf = (value: JSONValue): string => {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "object") return "map[string]interface {}";
  return typeof value === "bigint" || Number.isInteger(value) ? "int64" : "float64";
};

const resources = new WeakMap<Node, Node>();
/** The same with kind, apiVersion and metadata. */
export function resourceNode(node: Node): Node {
  let made = resources.get(node);
  if (!made) {
    made = nodeOf(withMeta(node.schema));
    resources.set(node, made);
  }
  return made;
}

export function celValue(value: JSONValue | undefined, node: Node): Value {
  if (value === null || value === undefined) return node.nullable ? null : notNull;
  if (node.intOrString) {
    if (typeof value === "string") return value;
    if (typeof value === "bigint") return value;
    if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
    return unfit("expected XIntOrString value to be either a string or integer");
  }
  switch (node.schema.type) {
    case "string":
      return typeof value === "string" ? textValue(value, node.schema.format) : unfit(`expected string, got ${goTypeOf(value)}`);
    case "integer":
      if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
      return typeof value === "bigint" ? value : unfit(`expected int, got ${goTypeOf(value)}`);
    case "number":
      return typeof value === "number" || typeof value === "bigint" ? Number(value) : unfit(`expected float, got ${goTypeOf(value)}`);
    case "boolean":
      return typeof value === "boolean" ? value : unfit(`expected bool, got ${goTypeOf(value)}`);
    case "object":
      if (!isMap(value)) return unfit("expected a map for the provided schema with type=object");
      return new SchemaMap(value, node.embedded ? resourceNode(node) : node);
    case "array":
      if (!Array.isArray(value)) return unfit("expected an array for the provided schema with type=array");
      return node.items ? new SchemaList(value, node) : new CelError("invalid array type, expected Items with a non-empty Schema");
  }
  if (node.preserves) return new Unknown(value);
  return new CelError(
    `invalid type, expected object, array, number, integer, boolean or string, or no type with x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got ${node.schema.type ?? ""}`,
  );
}

function textValue(text: string, format: string | undefined): Value {
  switch (format) {
    case "duration":
      try {
        return durationOf(parseDurationNanos(text));
      } catch (error) {
        if (error instanceof TimeError) return scalaDuration(text) ?? new CelError(`Invalid duration ${text}: unable to parse ${text} as duration`);
        throw error;
      }
    case "date":
      return isDate(text) ? timestampOf(BigInt(Date.parse(`${text}T00:00:00Z`)) * 1_000_000n) : new CelError(`Invalid date formatted string ${text}`);
    case "date-time":
      try {
        return parseTimestamp(/[zZ]$|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
      } catch (error) {
        if (error instanceof TimeError) return new CelError(`Invalid date-time formatted string ${text}: ${withoutZone(error.message)}`);
        throw error;
      }
    case "byte":
      return new Uint8Array(Buffer.from(text, "base64"));
  }
  return text;
}

/** A value that is optional: Go's CEL takes it out to look for fields of it, and of maps and lists puts back what no schema describes. */
export function unwrapped(value: JSONValue, node: Node): Value {
  const seen = celValue(value, node);
  if (seen instanceof CelError) return new CelError(`unsupported conversion to ref.Val: (*errors.errorString)${seen.message}`);
  return seen instanceof MapValue || seen instanceof ListValue || seen instanceof Unknown ? fromJSON(value) : seen;
}

const units: readonly [RegExp, bigint][] = [
  [/^(ns|nano)/, 1n],
  [/^(us|µs|micro)/, 1_000n],
  [/^(ms|milli)/, 1_000_000n],
  [/^(s$|sec)/, 1_000_000_000n],
  [/^(m$|min)/, 60_000_000_000n],
  [/^(h$|hr|hour)/, 3_600_000_000_000n],
  [/^(d$|day)/, 86_400_000_000_000n],
  [/^(w$|wk|week)/, 604_800_000_000_000n],
];
function scalaDuration(text: string): Value | undefined {
  let nanos = 0n;
  let found = false;
  for (const { number, unit } of durationParts(text)) {
    const scale = units.find(([name]) => name.test(unit.toLowerCase()))?.[1];
    if (scale === undefined) continue;
    found = true;
    nanos += BigInt(number) * scale;
  }
  return found ? durationOf(nanos) : undefined;
}

/** A value under preserved unknown fields: it has no type, and can only be compared. */
class Unknown extends ObjectValue {
  readonly type = new Type("opaque", "unknown");
  readonly value: JSONValue;
  constructor(value: JSONValue) {
    super();
    this.value = value;
  }
  equals(other: Value): boolean {
    return sameJSON(this.value, other instanceof Unknown ? other.value : toJSON(other));
  }
}
const sameJSON = (a: unknown, b: unknown): boolean => (typeof a === "object" && typeof b === "object" && a && b ? semanticEqual(a, b) : deepEqual(a, b));

class SchemaMap extends MapValue {
  readonly #value: JSONObject;
  readonly #node: Node;
  constructor(value: JSONObject, node: Node) {
    super();
    this.#value = value;
    this.#node = node;
  }
  get size(): number {
    return Object.keys(this.#value).length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== "string") return undefined;
    const { properties, values } = this.#node;
    const name = properties ? unescapeName(key) : key;
    if (name === undefined || !Object.hasOwn(this.#value, name)) return undefined;
    const value = this.#value[name];
    // Among properties null is the same as nothing.
    if (properties && (value === null || value === undefined)) return undefined;
    const node = properties ? properties.get(name) : values;
    return node && celValue(value, node);
  }
  *keys(): Iterable<Value> {
    const { properties, values } = this.#node;
    for (const key of Object.keys(this.#value)) {
      if (properties ? properties.has(key) : values) yield properties ? (escapeName(key) ?? key) : key;
    }
  }
  override equals(other: MapValue): boolean {
    if (this.size !== other.size) return false;
    const { properties, values } = this.#node;
    for (const key of Object.keys(this.#value)) {
      if (properties ? properties.has(key) : values) {
        const [mine, its] = [this.get(key), other.get(key)];
        if ((mine === undefined) !== (its === undefined)) return false;
        if (mine !== undefined && its !== undefined && !equal(mine, its)) return false;
      } else if (!(other instanceof SchemaMap)) throw new ComparisonFailure(noSuchOverload);
      else if (Object.hasOwn(other.#value, key) && !sameJSON(this.#value[key], other.#value[key])) return false;
    }
    return true;
  }
}

class SchemaList extends ListValue {
  readonly #values: readonly JSONValue[];
  readonly #node: Node;
  /** Elements as they were made: rules that compare each with each other ask for them again and again. */
  readonly #seen: Value[] = [];
  constructor(values: readonly JSONValue[], node: Node) {
    super();
    this.#values = values;
    this.#node = node;
  }
  get size(): number {
    return this.#values.length;
  }
  at(index: number): Value {
    const known = this.#seen[index];
    if (known !== undefined) return known;
    const made = celValue(this.#values[index], this.#node.items as Node);
    // In order, so that the list has no holes.
    if (index === this.#seen.length) this.#seen.push(made);
    return made;
  }
  get #type(): string | undefined {
    return this.#node.schema["x-kubernetes-list-type"];
  }
  /** As a key of a Go map, which lists and maps cannot be. Upstream looks keys up by their escaped names. */
  #nameOf(value: JSONValue | undefined): string | symbol {
    const keys = this.#type === "map" ? (this.#node.schema["x-kubernetes-list-map-keys"] ?? []) : [];
    // In a list with keys, an error takes the place of the key of what has none, and no error is another.
    const isKeyed = this.#type === "map";
    if (isKeyed && !isMap(value)) return Symbol();
    const parts = isKeyed && isMap(value) ? keys.map((key) => value[escapeName(key) ?? key] ?? null) : [value ?? null];
    const whole = parts.find((part) => typeof part === "object" && part !== null && keys.length < 4);
    if (whole) throw unhashable(goTypeOf(whole));
    return JSON.stringify(parts, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item));
  }
  /** The same of an element as expressions see it: times, and doubles that are whole, are none of those that are stored. */
  #seenName(i: number): string | symbol | undefined {
    const stored = this.#values[i];
    if (this.#type === "map") return this.at(i) instanceof CelError ? undefined : this.#nameOf(stored);
    const value = this.at(i);
    if (value instanceof Uint8Array) throw unhashable("[]uint8");
    if (value instanceof MapValue || value instanceof ListValue) return this.#nameOf(stored);
    const isWhole = typeof value === "number" && Number.isInteger(value);
    return isWhole || typeof value === "object" ? undefined : this.#nameOf(stored);
  }
  /** The order of sets and of lists with keys does not count. */
  override equals(other: ListValue): boolean {
    if (this.#type !== "set" && this.#type !== "map") return super.equals(other);
    if (this.size !== other.size) return false;
    const mine = new Map(this.#values.map((value, i) => [this.#nameOf(value), i] as const));
    for (let i = 0; i < other.size; i++) {
      const name = other instanceof SchemaList ? other.#seenName(i) : this.#nameOf(toJSON(other.at(i)) as JSONValue | undefined);
      const at = name === undefined ? undefined : mine.get(name);
      if (at === undefined || (this.#type === "map" && !equal(this.at(at), other.at(i)))) return false;
    }
    return true;
  }
  override plus(other: ListValue): ListValue {
    if (this.#type !== "set" && this.#type !== "map") return super.plus(other);
    const merged = new Map(this.#values.map((value) => [this.#nameOf(value), value] as const));
    for (const value of other instanceof SchemaList ? other.#values : Array.from(other, (one) => toJSON(one) as JSONValue)) {
      const name = this.#nameOf(value);
      if (this.#type === "map" || !merged.has(name)) merged.set(name, value);
    }
    return new SchemaList([...merged.values()], this.#node);
  }
}
