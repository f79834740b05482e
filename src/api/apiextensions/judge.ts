/**
 * A schema made ready for judging values by it: what is asked of every value stands in fields, what has to be looked up is
 * indexed, what mistakes show is written once. Made when it is first met, once per schema.
 */
import { programSize } from "../cel/regex.ts";
import { encodeJSONString, sortKeys } from "../codec/json.ts";
import type { JSONValue } from "../json.ts";
import { isGoInteger } from "../patch/values.ts";
import { formatOf, isRecognizedFormat } from "./formats.ts";
import { isIntOrString, type Schema } from "./schema.ts";

/** As a text that is the same for equal values. */
export const nameOf = (value: JSONValue): string => encodeJSONString(typeof value === "object" ? sortKeys(value) : value);

const goRune = (code: number): string => (code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : "\ufffd");
const isWhole = (value: number | bigint): boolean => typeof value === "bigint" || isGoInteger(value);
const lowest = -(2n ** 63n);

/**
 * The values that are allowed, asked for by their worth. Upstream converts a value to the type of the choice, as Go does: 1.5
 * becomes 1, 97 becomes "a". Null is never one.
 */
export class Enumeration {
  readonly values: readonly JSONValue[];
  /** Texts, booleans, and numbers that are no integers. */
  readonly #scalars = new Set<JSONValue>();
  readonly #integers = new Set<string>();
  readonly #others = new Set<string>();
  #shown: readonly string[] | undefined;
  #listed: string | undefined;

  constructor(values: readonly JSONValue[]) {
    this.values = values;
    for (const value of values)
      if (typeof value === "object") {
        if (value !== null) this.#others.add(nameOf(value));
      } else if ((typeof value === "number" || typeof value === "bigint") && isWhole(value)) this.#integers.add(String(BigInt(value)));
      else this.#scalars.add(value);
  }
  has(value: JSONValue): boolean {
    if (typeof value === "object") return value !== null && this.#others.size > 0 && this.#others.has(nameOf(value));
    if (typeof value !== "number" && typeof value !== "bigint") return this.#scalars.has(value);
    if (isWhole(value)) return this.#integers.has(String(BigInt(value))) || this.#scalars.has(goRune(Number(value)));
    const cut = Math.trunc(Number(value));
    return this.#scalars.has(value) || this.#integers.has(String(Math.abs(cut) < 2 ** 63 ? BigInt(cut) : lowest));
  }
  /** Each as mistakes show it. */
  get shown(): readonly string[] {
    this.#shown ??= this.values.map((one) => (typeof one === "string" ? one : encodeJSONString(one)));
    return this.#shown;
  }
  get listed(): string {
    this.#listed ??= this.shown.join(" ");
    return this.#listed;
  }
}

export interface Property {
  readonly place: number;
  readonly key: string;
  readonly judge: Judge;
}

/**
 * What is judged. Defaults are judged by the structural schema: types and formats are what the schema says, and its choices say nothing
 * of other properties than theirs (apiextensions-apiserver/pkg/apiserver/schema/kubeopenapi.go).
 */
export type Mode = "value" | "default" | "choice of default";

/** A schema as upstream's validator has it: formats that it does not know are none, a choice of types is two. */
export class Judge {
  readonly schema: Schema;
  readonly mode: Mode;
  /** No properties but those that are named. */
  readonly closed: boolean;
  readonly types: readonly string[];
  readonly format: string;
  readonly checkFormat: ((text: string) => boolean) | undefined;
  readonly hasJunctors: boolean;
  readonly required: readonly string[];
  #enumeration: Enumeration | undefined;
  #patternSize: number | undefined;
  #properties: ReadonlyMap<string, Property> | undefined;
  #items: Judge | undefined;
  #values: Judge | undefined;

  private constructor(schema: Schema, mode: Mode) {
    const literal = mode !== "value";
    this.schema = schema;
    this.mode = mode;
    this.closed = schema.additionalProperties === false && mode !== "choice of default";
    const either = !literal && isIntOrString(schema);
    const types = either ? ["integer", "string"] : schema.type ? [schema.type] : [];
    const { format = "" } = schema;
    const known =
      literal || (format && isRecognizedFormat({ ...schema, type: types.length === 1 ? (types[0] as string) : "" }) && (!either || formatOf(format)));
    this.types = types;
    this.format = known ? format : "";
    this.checkFormat = formatOf(this.format);
    this.hasJunctors = !!(schema.anyOf?.length || schema.oneOf?.length || schema.allOf?.length || schema.not);
    this.required = schema.required?.length ? [...new Set(schema.required)] : [];
  }
  static of(schema: Schema, mode: Mode): Judge {
    const known = judges[mode];
    let judge = known.get(schema);
    if (!judge) {
      judge = new Judge(schema, mode);
      known.set(schema, judge);
    }
    return judge;
  }
  get enumeration(): Enumeration | undefined {
    const { enum: values } = this.schema;
    if (values?.length) this.#enumeration ??= new Enumeration(values);
    return this.#enumeration;
  }
  /** Instructions of the pattern. */
  get patternSize(): number {
    this.#patternSize ??= programSize(this.schema.pattern ?? "");
    return this.#patternSize;
  }
  /** In the order of the schema. */
  get properties(): ReadonlyMap<string, Property> {
    this.#properties ??= new Map(
      Object.entries(this.schema.properties ?? {}).map(([key, schema], place) => [key, { place, key, judge: Judge.of(schema, this.mode) }] as const),
    );
    return this.#properties;
  }
  /** undefined: nothing is said of items, or something for each place. */
  get items(): Judge | undefined {
    const { items } = this.schema;
    if (items && !Array.isArray(items)) this.#items ??= Judge.of(items, this.mode);
    return this.#items;
  }
  get values(): Judge | undefined {
    const { additionalProperties: values } = this.schema;
    if (typeof values === "object" && this.mode !== "choice of default") this.#values ??= Judge.of(values, this.mode);
    return this.#values;
  }
}

const judges: Readonly<Record<Mode, WeakMap<Schema, Judge>>> = { value: new WeakMap(), default: new WeakMap(), "choice of default": new WeakMap() };

/** The properties that a value has, in the order of the schema, whichever of the two has more. */
export function* propertiesIn(judge: Judge, value: { [key: string]: JSONValue | undefined }, keys: readonly string[]): Generator<Property> {
  const { properties } = judge;
  if (keys.length * 4 >= properties.size) {
    for (const property of properties.values()) if (Object.hasOwn(value, property.key)) yield property;
    return;
  }
  const found: Property[] = [];
  for (const key of keys) {
    const property = properties.get(key);
    if (property) found.push(property);
  }
  yield* found.sort((a, b) => a.place - b.place);
}
