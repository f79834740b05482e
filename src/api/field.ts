/** Validation errors with upstream's types and texts (k8s.io/apimachinery/pkg/util/validation/field/errors.go). */
import { compareBytes, encodeJSONString } from "./codec/json.ts";
import { EmptyMap } from "./copy.ts";
import { goFloat } from "./go-float.ts";
import { goQuote, goQuoteBytes } from "./go-quote.ts";
import type { JSONValue } from "./json.ts";
import { wholeSeconds } from "./time.ts";

export type FieldErrorType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "InternalError"
  | "FieldValueTypeInvalid";

export interface FieldError {
  type: FieldErrorType;
  /** `spec.containers[0].name` */
  field: string;
  /** Message without the path, as a Status cause has it. */
  body: string;
}

/**
 * A path such as `spec.template.metadata.labels[a]`. Immutable. Its text is made when somebody asks for it: hardly any of the
 * hundred that a validation makes is ever shown.
 */
export class Path {
  /** The whole text where there is no parent, otherwise what stands behind the parent's. */
  #part: string | number;
  #parent: Path | undefined;
  #inBrackets: boolean;

  constructor(text: string | number = "", parent?: Path, inBrackets = false) {
    this.#part = text;
    this.#parent = parent;
    this.#inBrackets = inBrackets;
  }
  get text(): string {
    if (this.#parent) {
      const before = this.#parent.text;
      this.#part = this.#inBrackets ? `${before}[${this.#part}]` : before ? `${before}.${this.#part}` : String(this.#part);
      this.#parent = undefined;
    }
    return this.#part as string;
  }
  /** A name that is empty is shown as Go shows it: as a key that is. */
  child(name: string, second?: string, third?: string): Path {
    const first = new Path(name, this, name === "");
    if (second === undefined) return first;
    const next = new Path(second, first);
    return third === undefined ? next : new Path(third, next);
  }
  index(i: number): Path {
    return new Path(i, this, true);
  }
  key(key: string): Path {
    return new Path(key, this, true);
  }
  toString(): string {
    return this.text;
  }
}
/** path("spec", "replicas") */
export const path = (...names: string[]): Path => new Path(names.join("."));

/** What no type describes is shown as it is, with all that is empty in it. */
export class FreeForm {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** A value as upstream's messages quote it: strings in Go quotes, structures as JSON. */
export function quoteValue(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (value instanceof FreeForm) return encodeJSONString(value.value);
  if (typeof value === "string") return goQuote(wholeSeconds(value));
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? String(value) : goFloat(value);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  return goJson(value);
}

/** Text that stands in JSON as it is: TypeScript does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** A map without a type: all of what is in it is shown. */
class FreeMap {}

/** Maps and lists without a type, as messages show them: whole, by the order of their keys. */
export function freeForm(value: JSONValue): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(freeForm);
  const map = new FreeMap() as Record<string, unknown>;
  for (const key of Object.keys(value).sort(compareBytes))
    Object.defineProperty(map, key, { value: freeForm(value[key] ?? null), enumerable: true, configurable: true, writable: true });
  return map;
}

/**
 * Within values that messages show, what is named as JSON names it is left out where it is empty: those are the fields of
 * upstream's shared types (label selectors, metadata), which have tags. Its internal types have none and show everything.
 */
function tagged(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === "bigint") return rawJSON(String(value));
  if (this instanceof FreeMap) return value;
  if (typeof value === "string") return wholeSeconds(value);
  if (!/^[a-z]/.test(key)) return value;
  return (Array.isArray(value) && value.length === 0) || (value instanceof EmptyMap && Object.keys(value).length === 0) ? undefined : value;
}

/** JSON as Go writes it: what could be taken for HTML is escaped. */
export const goJson = (value: unknown, indent = 0): string =>
  JSON.stringify(value, tagged, indent).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Several errors as one (k8s.io/apimachinery/pkg/util/errors.Aggregate): each text once, in brackets where there are more. */
export function aggregateText(errors: Iterable<string>): string {
  const texts = [...new Set(errors)];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`;
}

type At = Path | string;
const error = (type: FieldErrorType, field: At, body: string): FieldError => ({ type, field: String(field) || "<nil>", body });
const detailed = (head: string, detail: string): string => (detail ? `${head}: ${detail}` : head);

export const required = (field: At, detail = ""): FieldError => error("FieldValueRequired", field, detailed("Required value", detail));
export const invalidValue = (field: At, value: unknown, detail: string): FieldError =>
  error("FieldValueInvalid", field, detailed(`Invalid value: ${quoteValue(value)}`, detail));
/** Of a text as it came. */
export const invalidText = (field: At, text: Uint8Array, detail: string): FieldError =>
  error("FieldValueInvalid", field, detailed(`Invalid value: ${goQuoteBytes(text)}`, detail));
/** Without the value, which would be too long or says nothing. */
export const invalidOmitted = (field: At, detail: string): FieldError => error("FieldValueInvalid", field, detailed("Invalid value", detail));
export const duplicate = (field: At, value: unknown): FieldError => error("FieldValueDuplicate", field, `Duplicate value: ${quoteValue(value)}`);
export const duplicateNamed = (field: At, value: string): FieldError => error("FieldValueDuplicate", field, `Duplicate value: ${goJson(value)}`);
export const notFoundValue = (field: At, value: unknown): FieldError => error("FieldValueNotFound", field, `Not found: ${quoteValue(value)}`);
export const forbiddenField = (field: At, detail: string): FieldError => error("FieldValueForbidden", field, detailed("Forbidden", detail));
const unsupported = (field: At, shown: string, supported: readonly string[]): FieldError =>
  error("FieldValueNotSupported", field, `Unsupported value: ${shown}${supported.length ? `: supported values: ${supported.map(goQuote).join(", ")}` : ""}`);

/** Upstream holds such values in string types of their own and prints them as JSON. `supported` is printed in the order given: where upstream lists a set, it is sorted. */
export const notSupported = (field: At, value: unknown, supported: readonly string[]): FieldError =>
  unsupported(field, typeof value === "string" ? goJson(value) : quoteValue(value), supported);

/** The same for the few that are plain strings. */
export const notSupportedText = (field: At, value: string, supported: readonly string[]): FieldError => unsupported(field, goQuote(value), supported);

/** For a value of a string type of its own or behind a pointer, printed as JSON. */
export const invalidNamed = (field: At, value: string | undefined, detail: string): FieldError =>
  error("FieldValueInvalid", field, detailed(`Invalid value: ${goJson(value ?? null)}`, detail));
/** A negative limit is not said. */
export const tooLong = (field: At, maxLength: number): FieldError =>
  error(
    "FieldValueTooLong",
    field,
    `Too long: ${maxLength < 0 ? "value is too long" : `may not be more than ${maxLength} ${maxLength === 1 ? "byte" : "bytes"}`}`,
  );
/** A negative limit is not said. */
export const tooMany = (field: At, actual: number, max: number): FieldError =>
  error("FieldValueTooMany", field, `Too many: ${actual}: ${max < 0 ? "has too many items" : `must have at most ${max} ${max === 1 ? "item" : "items"}`}`);
export const internalFieldError = (field: At, detail: string): FieldError => error("InternalError", field, `Internal error: ${detail}`);
export const typeInvalid = (field: At, value: unknown, detail: string): FieldError =>
  error("FieldValueTypeInvalid", field, detailed(`Invalid value: ${quoteValue(value)}`, detail));
