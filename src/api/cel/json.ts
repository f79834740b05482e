/** JSON as CEL sees it where no schema says more: whole numbers are ints, others doubles. Containers are read as they are asked. */
import { formatDuration, formatTimestamp } from "./library/time-values.ts";
import { CelError, Duration, ListValue, MapValue, OptionalValue, Timestamp, UInt, type Value } from "./values.ts";

class JsonList extends ListValue {
  readonly #items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    super();
    this.#items = items;
  }
  get size(): number {
    return this.#items.length;
  }
  at(index: number): Value {
    return fromJSON(this.#items[index]);
  }
}

class JsonMap extends MapValue {
  readonly #fields: Readonly<Record<string, unknown>>;
  constructor(fields: Readonly<Record<string, unknown>>) {
    super();
    this.#fields = fields;
  }
  /** Fields that are undefined are not there. */
  *keys(): Iterable<string> {
    for (const key of Object.keys(this.#fields)) if (this.#fields[key] !== undefined) yield key;
  }
  get size(): number {
    let size = 0;
    for (const _ of this.keys()) size++;
    return size;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== "string" || !Object.hasOwn(this.#fields, key)) return undefined;
    const value = this.#fields[key];
    return value === undefined ? undefined : fromJSON(value);
  }
}

export function fromJSON(value: unknown): Value {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
      return value;
    case "number":
      return Number.isInteger(value) ? BigInt(value) : value;
    case "undefined":
      return null;
    case "object":
      if (value === null) return null;
      return Array.isArray(value) ? new JsonList(value) : new JsonMap(value as Record<string, unknown>);
  }
  return new CelError(`unsupported type: ${typeof value}`);
}

/** Times and durations as their text, bytes as base64, numbers as JavaScript's; undefined for what JSON has not. */
export function toJSON(value: Value): unknown {
  switch (typeof value) {
    case "bigint":
      return Number(value);
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (value instanceof ListValue) return Array.from(value, toJSON);
  if (value instanceof MapValue) return Object.fromEntries(Array.from(value.keys(), (key) => [String(toJSON(key)), toJSON(value.get(key) as Value)]));
  if (value instanceof UInt) return Number(value.value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return value instanceof OptionalValue && value.value !== undefined ? toJSON(value.value) : undefined;
}
