/**
 * CEL's values: null, boolean, string and bytes as JavaScript has them, int as bigint, double as number, and classes for the rest.
 * Failures of an evaluation are values as well (CelError), because `||` and `&&` may yet absorb them.
 */
import { anyList, anyMap, anyOptional, Type, types } from "./types.ts";

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | UInt
  | Duration
  | Timestamp
  | ListValue
  | MapValue
  | ObjectValue
  | OptionalValue
  | Type
  | CelError;

export class UInt {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
export class Timestamp {
  /** Since the epoch. */
  readonly nanos: bigint;
  /** East of UTC: where it is written it keeps the zone that it was read in. */
  readonly offsetMinutes: number;
  constructor(nanos: bigint, offsetMinutes = 0) {
    this.nanos = nanos;
    this.offsetMinutes = offsetMinutes;
  }
}

/** Why an evaluation failed. */
export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** What is neither counted nor searched: `size(x)` and `k in x` have no overload for it, though its fields are there. */
export const uncounted: unique symbol = Symbol("uncounted");

/** Two values cannot be compared: one in them is an error. `fatal`: nothing more of the expression can be evaluated. */
export class ComparisonFailure extends Error {
  readonly value: CelError;
  readonly fatal: boolean;
  constructor(value: CelError, fatal = false) {
    super(value.message);
    this.value = value;
    this.fatal = fatal;
  }
}

export abstract class ListValue implements Iterable<Value> {
  abstract readonly size: number;
  /** Within the size. */
  abstract at(index: number): Value;
  *[Symbol.iterator](): Iterator<Value> {
    for (let i = 0; i < this.size; i++) yield this.at(i);
  }
  /** Whether two lists are equal; others may hold sets or lists with keys. */
  equals(other: ListValue): boolean {
    if (this.size !== other.size) return false;
    for (let i = 0; i < this.size; i++) if (!equal(this.at(i), other.at(i))) return false;
    return true;
  }
  /** Both, one behind the other; sets and lists with keys have an element once. */
  plus(other: ListValue): ListValue {
    return new ArrayList([...this, ...other]);
  }
}

export class ArrayList extends ListValue {
  readonly values: readonly Value[];
  constructor(values: readonly Value[]) {
    super();
    this.values = values;
  }
  get size(): number {
    return this.values.length;
  }
  at(index: number): Value {
    return this.values[index] as Value;
  }
  override [Symbol.iterator](): Iterator<Value> {
    return this.values[Symbol.iterator]();
  }
}

/** Text that a function made of text, which Go holds as strings and not as values: who looks into lists may tell them apart. */
export class TextList extends ArrayList {}

export abstract class MapValue {
  readonly [uncounted]: boolean = false;
  abstract readonly size: number;
  /** undefined: there is no such key. */
  abstract get(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;
  /** What `in` says; a map may give something for keys that are not in it. */
  has(key: Value): boolean {
    return this.get(key) !== undefined;
  }
  equals(other: MapValue): boolean {
    if (this.size !== other.size) return false;
    for (const key of this.keys()) {
      const [mine, its] = [this.get(key) as Value, other.get(key)];
      if (its === undefined || !equal(mine, its)) return false;
    }
    return true;
  }
}

type Hashed = string | bigint | boolean;
/** Numbers that are equal are one key; undefined: such a value is in no map. */
function hashOf(key: Value): Hashed | undefined {
  switch (typeof key) {
    case "string":
    case "bigint":
    case "boolean":
      return key;
    case "number":
      return Number.isInteger(key) ? BigInt(key) : undefined;
  }
  return key instanceof UInt ? key.value : undefined;
}

export class HashMap extends MapValue {
  readonly #entries = new Map<Hashed, readonly [Value, Value]>();
  get size(): number {
    return this.#entries.size;
  }
  get(key: Value): Value | undefined {
    const hash = hashOf(key);
    return hash === undefined ? undefined : this.#entries.get(hash)?.[1];
  }
  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }
  /** While it is built. A later value takes the place of an earlier one. */
  set(key: Value, value: Value): CelError | undefined {
    const hash = hashOf(key);
    if (hash === undefined || typeof key === "number") return new CelError(`unsupported key type: ${typeOfValue(key).name}`);
    this.#entries.set(hash, [key, value]);
    return undefined;
  }
  /** While it is built; an error where the key is there already. */
  insert(key: Value, value: Value): CelError | undefined {
    return this.get(key) === undefined ? this.set(key, value) : new CelError(`insert failed: key ${show(key)} already exists`);
  }
  copy(): HashMap {
    const copy = new HashMap();
    for (const [hash, entry] of this.#entries) copy.#entries.set(hash, entry);
    return copy;
  }
}

/** Lists and maps that only a comprehension's steps have seen are added to in place. */
export class GrowingList extends ArrayList {
  declare readonly values: Value[];
}
export class GrowingMap extends HashMap {}

/** A message of a declared type, or a value of a library's own type. */
export abstract class ObjectValue {
  abstract readonly type: Type;
  /** `==` with another type is an error; that they differ is true all the same (k8s.io/apiserver/pkg/cel). */
  readonly onlyWithItsLike: boolean = false;
  /** The value, or its default; undefined: there is no such field. */
  get(_field: string): Value | undefined {
    return undefined;
  }
  has(_field: string): boolean {
    return false;
  }
  abstract equals(other: Value): boolean;
  /** For costs; undefined: the type has no size. */
  get size(): number | undefined {
    return undefined;
  }
  isZero(): boolean {
    return false;
  }
}

export class OptionalValue {
  readonly value: Value | undefined;
  constructor(value?: Value) {
    this.value = value;
  }
}
export const none = new OptionalValue();

export const isError = (value: Value): value is CelError => value instanceof CelError;
export const noSuchOverload = new CelError("no such overload");
export const noSuchKey = (key: Value): CelError => new CelError(`no such key: ${show(key)}`);

export function typeOfValue(value: Value): Type {
  switch (typeof value) {
    case "boolean":
      return types.bool;
    case "bigint":
      return types.int;
    case "number":
      return types.double;
    case "string":
      return types.string;
  }
  if (value === null) return types.null;
  if (value instanceof ListValue) return anyList;
  if (value instanceof MapValue) return anyMap;
  if (value instanceof UInt) return types.uint;
  if (value instanceof Uint8Array) return types.bytes;
  if (value instanceof Duration) return types.duration;
  if (value instanceof Timestamp) return types.timestamp;
  if (value instanceof Type) return types.type;
  if (value instanceof ObjectValue) return value.type;
  return value instanceof OptionalValue ? anyOptional : types.error;
}

const isNumber = (value: Value): value is bigint | number | UInt => typeof value === "bigint" || typeof value === "number" || value instanceof UInt;
/** Two numbers in one JavaScript type: a double and an integer are compared as doubles. */
function alike(a: bigint | number | UInt, b: bigint | number | UInt): [bigint, bigint] | [number, number] {
  const [x, y] = [a instanceof UInt ? a.value : a, b instanceof UInt ? b.value : b];
  return typeof x === "bigint" && typeof y === "bigint" ? [x, y] : [Number(x), Number(y)];
}

/** Values of different types are not equal, but for numbers. Throws ComparisonFailure. */
export function equal(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = alike(a, b);
    return x === y;
  }
  if (a instanceof CelError) throw new ComparisonFailure(a);
  // What holds an error is not even equal to itself.
  if (a === b && !(a instanceof ListValue || a instanceof MapValue)) return true;
  if (b instanceof CelError && (a instanceof ListValue || a instanceof MapValue)) throw new ComparisonFailure(b);
  if (a instanceof ObjectValue) return a.equals(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof ListValue) return b instanceof ListValue && a.equals(b);
  if (a instanceof MapValue) return b instanceof MapValue && a.equals(b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Type) return b instanceof Type && a.name === b.name;
  if (!(a instanceof OptionalValue) || !(b instanceof OptionalValue)) return false;
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equal(a.value, b.value);
}

/** The same for an operator: what cannot be compared is an error. Throws the ComparisonFailure that is fatal. */
export function compared(a: Value, b: Value): boolean | CelError {
  const stranger = a instanceof ObjectValue && a.onlyWithItsLike && b !== null && !(b instanceof CelError) && typeOfValue(b).name !== a.type.name;
  if (stranger) return noSuchOverload;
  return comparedAny(a, b);
}
function comparedAny(a: Value, b: Value): boolean | CelError {
  try {
    return equal(a, b);
  } catch (error) {
    if (error instanceof ComparisonFailure && !error.fatal) return error.value;
    throw error;
  }
}
export function unequal(a: Value, b: Value): boolean | CelError {
  const found = comparedAny(a, b);
  return typeof found === "boolean" ? !found : found;
}

/** By code points, as the bytes of UTF-8 are ordered. */
function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const surrogates = x >= 0xd800 && y >= 0xd800 && x <= 0xdfff !== y <= 0xdfff;
    return x < y === surrogates ? 1 : -1;
  }
  return a.length - b.length;
}

/** Negative, zero, positive; undefined where the values have no order. NaN has none, but no error either: NaN is given. */
export function compare(a: Value, b: Value): number | undefined {
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = alike(a, b);
    return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
  }
  if (typeof a === "string") return typeof b === "string" ? compareStrings(a, b) : undefined;
  if (typeof a === "boolean") return typeof b === "boolean" ? Number(a) - Number(b) : undefined;
  if (a instanceof Uint8Array) return b instanceof Uint8Array ? Buffer.compare(a, b) : undefined;
  if ((a instanceof Duration && b instanceof Duration) || (a instanceof Timestamp && b instanceof Timestamp))
    return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
  return undefined;
}

/** In code points. */
export function lengthOf(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) {
      length--;
      i++;
    }
  }
  return length;
}

/** undefined: it has no size. */
export function sizeOf(value: Value): number | undefined {
  if (typeof value === "string") return lengthOf(value);
  if (value instanceof ListValue || value instanceof MapValue) return value.size;
  return value instanceof Uint8Array ? value.length : undefined;
}

/** For messages, as Go prints the value. */
export function show(value: Value): string {
  if (value instanceof UInt) return String(value.value);
  // A number in Go.
  if (value === null) return "0";
  if (value instanceof Type) return value.name;
  return typeof value === "object" ? typeOfValue(value).name : String(value);
}
