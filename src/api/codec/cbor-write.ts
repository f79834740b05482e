/**
 * CBOR as k8s.io/apimachinery/pkg/runtime/serializer/cbor writes it, by its deterministic rules (RFC 8949, 4.2.1): texts and
 * keys are byte strings, keys are in the order of their encoding, numbers are as short as they can be, bytes of a type that
 * has such bear tag 22. Upstream's server itself shuffles the keys of its answers.
 */
import type { JSONObject, JSONValue } from "../json.ts";
import { type TypeDef, typeByName } from "../schema/schema.ts";
import { selfDescribed } from "./cbor.ts";
import { compareBytes } from "./json.ts";
import { scalars, unions } from "./scalars.ts";

/** How the values of a type differ from what they look like. */
type Shape = "bytes" | "float" | { element: Shape } | { fields: Map<string, Shape> } | undefined;

const shapes = new Map<string, { shape: Shape }>();

function shapeOf(type: string): Shape {
  if (type.startsWith("*")) return shapeOf(type.slice(1));
  if (type === "bytes") return "bytes";
  if (type === "float64") return "float";
  const element = type.startsWith("[]") ? type.slice(2) : type.startsWith("map[string]") ? type.slice(11) : undefined;
  if (element !== undefined) {
    const shape = shapeOf(element);
    return shape && { element: shape };
  }
  if (scalars[type] || unions.has(type) || type === "RawExtension" || type === "FieldsV1" || type === "JSON" || /^(string|bool|u?int\d*)$/.test(type))
    return undefined;
  const known = shapes.get(type);
  if (known) return known.shape;
  // Types may contain themselves: the map is there before its fields are.
  const fields = new Map<string, Shape>();
  const made: { shape: Shape } = { shape: { fields } };
  shapes.set(type, made);
  for (const field of typeByName(type).flat) {
    const shape = shapeOf(field.type);
    if (shape) fields.set(field.name, shape);
  }
  if (!fields.size) made.shape = undefined;
  return made.shape;
}

/** With the tag that says that it is CBOR. `type` is that of the object, where it has one. */
export function encodeCBOR(value: unknown, type?: TypeDef): Uint8Array {
  const writer = new Writer();
  writer.bytes(selfDescribed);
  writer.value(value as JSONValue, type && shapeOf(type.name));
  return writer.finish();
}

/** One event of a watch (a sequence, RFC 8742). `object` is encoded, with its tag. */
export function encodeCBORFrame(type: string, object: Uint8Array): Uint8Array {
  const writer = new Writer(object.length + 64);
  writer.bytes(selfDescribed);
  writer.head(5, 2);
  writer.text("type");
  writer.text(type);
  writer.text("object");
  writer.bytes(object);
  return writer.finish();
}

export interface CBORListEncoder {
  items(objects: readonly JSONObject[]): Uint8Array;
  readonly around: [before: Uint8Array, behind: Uint8Array];
}

/** Pieces that together are what encodeCBOR gives for `shell` with `count` objects under `key`. */
export function cborListEncoder(shell: JSONObject, key: string, count: number, type?: TypeDef): CBORListEncoder {
  const keys = orderedKeys({ ...shell, [key]: [] });
  const shape = type && shapeOf(type.name);
  const list = innerShape(shape, key);
  const [before, behind] = [new Writer(), new Writer()];
  before.bytes(selfDescribed);
  before.head(5, keys.length);
  let writer = before;
  for (const name of keys) {
    writer.text(name);
    if (name !== key) writer.value(shell[name], innerShape(shape, name));
    else {
      writer.head(4, count);
      writer = behind;
    }
  }
  return {
    items(objects) {
      const some = new Writer();
      for (const object of objects) some.value(object, elementShape(list));
      return some.finish();
    },
    around: [before.finish(), behind.finish()],
  };
}

/** The encoding of a key begins with its length in bytes. */
function orderedKeys(object: JSONObject): string[] {
  const keys = Object.keys(object).filter((key) => object[key] !== undefined);
  return keys.sort((a, b) => Buffer.byteLength(a) - Buffer.byteLength(b) || compareBytes(a, b));
}
const elementShape = (shape: Shape): Shape => (typeof shape === "object" && "element" in shape ? shape.element : undefined);
const innerShape = (shape: Shape, key: string): Shape => (typeof shape === "object" ? ("element" in shape ? shape.element : shape.fields.get(key)) : undefined);

class Writer {
  #buffer: Buffer;
  #at = 0;

  constructor(capacity = 4096) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  head(major: number, value: number): void {
    this.#reserve(9);
    const first = major << 5;
    if (value < 24) this.#buffer[this.#at++] = first | value;
    else if (value < 2 ** 8) this.#sized(first | 24, value, 1);
    else if (value < 2 ** 16) this.#sized(first | 25, value, 2);
    else if (value < 2 ** 32) this.#sized(first | 26, value, 4);
    else this.#wide(first, BigInt(value));
  }

  #sized(first: number, value: number, size: number): void {
    this.#buffer[this.#at] = first;
    this.#buffer.writeUIntBE(value, this.#at + 1, size);
    this.#at += 1 + size;
  }

  #wide(first: number, value: bigint): void {
    this.#buffer[this.#at] = first | 27;
    this.#buffer.writeBigUInt64BE(value, this.#at + 1);
    this.#at += 9;
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.head(2, length);
    this.#reserve(length);
    this.#at += this.#buffer.write(text, this.#at, length, "utf8");
  }

  value(value: JSONValue | undefined, shape: Shape): void {
    if (value === null || value === undefined) this.head(7, 22);
    else if (typeof value === "string") {
      if (shape === "bytes") this.#data(value);
      else this.text(value);
    } else if (typeof value === "boolean") this.head(7, value ? 21 : 20);
    else if (typeof value === "bigint") this.#bigint(value);
    else if (typeof value === "number") this.#number(value, shape === "float");
    else if (Array.isArray(value)) {
      this.head(4, value.length);
      const element = elementShape(shape);
      for (const item of value) this.value(item, element);
    } else this.#map(value, shape);
  }

  #data(base64: string): void {
    const bytes = Buffer.from(base64, "base64");
    this.head(6, 22);
    this.head(2, bytes.length);
    this.bytes(bytes);
  }

  #bigint(value: bigint): void {
    this.#reserve(9);
    const size = value < 0n ? -1n - value : value;
    if (size <= Number.MAX_SAFE_INTEGER) this.head(value < 0n ? 1 : 0, Number(size));
    else this.#wide(value < 0n ? 0x20 : 0, size);
  }

  #number(value: number, float: boolean): void {
    if (!float && Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.head(value < 0 ? 1 : 0, value < 0 ? -1 - value : value);
      return;
    }
    this.#reserve(9);
    const half = halfBits(value);
    if (half !== undefined) this.#sized(0xf9, half, 2);
    else if (Math.fround(value) === value) {
      this.#buffer[this.#at] = 0xfa;
      this.#at = this.#buffer.writeFloatBE(value, this.#at + 1);
    } else {
      this.#buffer[this.#at] = 0xfb;
      this.#at = this.#buffer.writeDoubleBE(value, this.#at + 1);
    }
  }

  #map(object: JSONObject, shape: Shape): void {
    const keys = orderedKeys(object);
    this.head(5, keys.length);
    for (const key of keys) {
      this.text(key);
      this.value(object[key], innerShape(shape, key));
    }
  }
}

/** Undefined where 16 bits do not hold the value. */
function halfBits(value: number): number | undefined {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  const exponent = Math.floor(Math.log2(size));
  if (exponent > 15 || exponent < -24) return undefined;
  if (exponent < -14) {
    const fraction = size / 2 ** -24;
    return Number.isInteger(fraction) ? sign | fraction : undefined;
  }
  const fraction = size / 2 ** (exponent - 10) - 1024;
  return Number.isInteger(fraction) ? sign | ((exponent + 15) << 10) | fraction : undefined;
}
