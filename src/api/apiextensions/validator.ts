/**
 * Whether a value is what its schema says, with the words and the order of upstream's validator
 * (k8s.io/kube-openapi/pkg/validation/validate, apiextensions-apiserver/pkg/apiserver/validation). What an update leaves as
 * it was is not judged again (KEP 4008).
 *
 * The work is bounded: nobody is told more mistakes than a Status holds, and alternatives that are tried are counted.
 */
import { compileRegex } from "../cel/regex.ts";
import { CelError, lengthOf } from "../cel/values.ts";
import { type FieldError, forbiddenField, Path } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { goFloat } from "../go-float.ts";
import type { JSONValue } from "../json.ts";
import type { Correlation } from "./correlation.ts";
import { Judge, nameOf, propertiesIn } from "./judge.ts";
import { type Code, Enough, fieldError, type Mistake, Told } from "./mistakes.ts";
import { type Check, compileCheck, type Words } from "./quick-check.ts";
import type { Schema } from "./schema.ts";
import { table } from "../../base/table.ts";

/**
 * Values judged by schemas, of one object. Upstream knows no such limit and takes minutes for what goes beyond it: a choice of a
 * thousand schemas for each of a hundred thousand elements.
 */
const mostSteps = 1_000_000;
/** Characters of a text that are worth a step, and characters times instructions of a pattern. */
const charsPerStep = 64;
const matchesPerStep = 512;

/** Of steps. */
class TooMuch extends Error {}

/** The value as JSON's types name it; a number without a fraction is an integer. */
function kindOf(value: JSONValue): "null" | "boolean" | "string" | "integer" | "number" | "array" | "object" {
  switch (typeof value) {
    case "boolean":
    case "string":
      return typeof value as "boolean" | "string";
    case "bigint":
      return "integer";
    case "number":
      return isNearInteger(value) ? "integer" : "number";
  }
  return value === null ? "null" : Array.isArray(value) ? "array" : "object";
}

function inRange(value: number | bigint, { types, format }: Judge): boolean {
  const [type] = types.length === 1 ? types : [""];
  if (type === "integer") {
    const [low, high] = format === "int32" ? [-(2n ** 31n), 2n ** 31n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
    return (typeof value === "bigint" || Number.isInteger(value)) && BigInt(value) >= low && BigInt(value) <= high;
  }
  return type !== "number" || format !== "float" || Math.abs(Number(value)) <= 3.4028234663852886e38;
}

function quotientOf(value: number | bigint, factor: number, integer: boolean): number {
  if (integer) return BigInt(value) % BigInt(factor) === 0n ? 0 : 0.5;
  return factor < 1 ? (1 / factor) * Number(value) : Number(value) / factor;
}

/** go-openapi's swag.IsFloat64AJSONInteger. */
function isNearInteger(value: number): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const nearest = Math.trunc(value);
  const diff = Math.abs(value - nearest);
  return value === nearest || diff < 1e-9 || diff / (Math.abs(value) + Math.abs(nearest)) < 1e-9;
}

const numeric = new Set(["integer", "number"]);
const numericFormats = table<readonly string[]>({ integer: ["int32", "int64"], number: ["float", "double"] });
/** Only of one type, and only one of its own. */
const numericFormat = ({ types, format }: Judge): string => (types.length === 1 && numericFormats[types[0] as string]?.includes(format) ? format : "");
const many = 8;

class Run {
  readonly #told = new Told();
  /** Where the walk is: names and places of elements. */
  readonly #keys: (string | number)[] = [];
  /** Of keys that the schema has no property for. */
  readonly #free: boolean[] = [];
  /** Whether mistakes are told or only counted: of alternatives the one that is nearest is told of. */
  #telling = true;
  /** How much was right, and how much was wrong. */
  #matches = 0;
  #faults = 0;
  #steps = 0;
  #measured = { text: "", length: 0 };

  get mistakes(): readonly Mistake[] {
    return this.#told.mistakes;
  }
  get steps(): number {
    return this.#steps;
  }

  get #name(): string {
    let name = "";
    for (const [i, key] of this.#keys.entries())
      if (typeof key === "number") name += `[${key}]`;
      else name = name || this.#free[i] ? `${name}.${key}` : key;
    return name;
  }
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > mostSteps) throw new TooMuch();
  }
  /** `say` makes the message of the name. */
  #fault(code: Code, say: (name: string) => string, more: Omit<Mistake, "code" | "name" | "message"> = {}): void {
    this.#faults++;
    if (!this.#telling) return;
    const name = this.#name;
    this.#told.add({ code, name: code === "composite" ? "" : name, message: say(name), ...more });
  }
  #wrong(value: unknown, say: string): void {
    this.#fault("other", (name) => `${name} in body ${say}`, { value });
  }

  /** What was there before is passed over, valid or not. */
  value(judge: Judge, value: JSONValue, correlation: Correlation | undefined): void {
    if (correlation?.unchanged) return;
    this.spend(1);
    const kind = kindOf(value);
    if (judge.types.length || judge.format) {
      const before = this.#faults;
      this.#type(judge, kind);
      this.#matches += this.#faults > before ? 1 : 2;
    }
    if (kind !== "null") {
      if (judge.hasJunctors) this.#junctors(judge, value);
      this.#matches += 3;
      if (kind === "string") this.#string(judge, value as string);
      else if (kind === "integer" || kind === "number") this.#number(judge, value as number | bigint);
      else if (kind === "array") this.#array(judge, value as JSONValue[], correlation);
    }
    const { enumeration } = judge;
    if (enumeration && !enumeration.has(value))
      this.#fault("enum", (name) => `${name} in body should be one of [${enumeration.listed}]`, { value, allowed: enumeration.shown });
    this.#matches++;
    if (kind === "object") this.#object(judge, value as { [key: string]: JSONValue | undefined }, correlation);
    this.#matches++;
  }

  #type({ types, format, schema }: Judge, kind: ReturnType<typeof kindOf>): void {
    const wrong = (expected: string, found: string): void =>
      this.#fault("type", (name) => `${name} in body must be of type ${expected}: ${goQuote(found)}`, { value: found });
    if (kind === "null") {
      if (types.length && !schema.nullable) wrong(types.join(","), "null");
      return;
    }
    const fits = types.includes(kind) || (kind === "integer" && types.includes("number"));
    const own = kind === "integer" ? "int64" : kind === "number" ? "float64" : "";
    if (kind !== "string" && kind !== "array" && format && !(fits || own === format)) wrong(format, own);
    else if (!types.some((type) => numeric.has(type)) && format && (kind === "string" || kind === "array")) return;
    else if (!fits) wrong(types.join(","), kind);
  }

  #string(judge: Judge, value: string): void {
    const { schema, format, checkFormat } = judge;
    const { maxLength, minLength, pattern } = schema;
    const length = maxLength !== undefined || minLength !== undefined ? this.#length(value) : 0;
    if (maxLength !== undefined && length > maxLength)
      this.#fault("long", (name) => `${name} in body should be at most ${maxLength} chars long`, { value, limit: Number(maxLength) });
    else if (minLength !== undefined && length < minLength) this.#wrong(value, `should be at least ${minLength} chars long`);
    else if (pattern) {
      this.spend(2 + (value.length * judge.patternSize) / matchesPerStep);
      const compiled = compileRegex(pattern);
      if (compiled instanceof CelError) this.#wrong(value, `should match '${pattern}, but pattern is invalid: ${compiled.message}'`);
      else if (!compiled.test(value)) this.#wrong(value, `should match '${pattern}'`);
    }
    if (checkFormat) this.spend(value.length / charsPerStep);
    if (checkFormat && !checkFormat(value)) this.#fault("type", (name) => `${name} in body must be of type ${format}: ${goQuote(value)}`, { value });
    this.#matches++;
  }

  /** Alternatives ask for the same text one after the other. */
  #length(text: string): number {
    if (text === this.#measured.text) return this.#measured.length;
    this.spend(text.length / charsPerStep);
    this.#measured = { text, length: lengthOf(text) };
    return this.#measured.length;
  }

  #number(judge: Judge, value: number | bigint): void {
    const { maximum, exclusiveMaximum, minimum, exclusiveMinimum, multipleOf } = judge.schema;
    const range = (of: number | bigint, prefix: string): void => {
      if (inRange(of, judge)) return;
      const [type = ""] = judge.types.length === 1 ? judge.types : [];
      const format = numericFormat(judge);
      const how = (name: string): string => (format ? `with format ${format} in ${name}` : `(default format) in ${name}`);
      this.#fault("composite", (name) => `${prefix} value must be of type ${type} ${how(name)}`);
    };
    /** Compared with what is out of range, an integer is a float. */
    const wrong = (limited: number, message: string): void =>
      this.#fault("other", (name) => `${name} in body should be ${message}`, { value, float: !(integer && inRange(limited, judge)) });
    // A fraction that is too small for its type to be another still counts here.
    const integer = typeof value === "bigint" || (Number.isInteger(value) && Math.abs(value) < 2 ** 63);
    /** Integers are compared with what is left of the limit without its fraction, unless that is out of range. */
    const limit = (of: number): number => (integer && inRange(of, judge) ? Math.trunc(of) : of);
    const shown = (of: number): string => (integer && Number.isInteger(of) && inRange(of, judge) ? String(of) : goFloat(of));
    range(value, "Checked");
    if (multipleOf !== undefined) {
      range(multipleOf, "MultipleOf");
      const factor = limit(multipleOf);
      if (factor <= 0) this.#fault("other", (name) => `factor MultipleOf declared for ${name} must be positive: ${shown(factor)}`, { value: factor });
      else if (!isNearInteger(quotientOf(value, factor, integer && inRange(multipleOf, judge)))) wrong(multipleOf, `a multiple of ${shown(factor)}`);
    }
    if (minimum !== undefined) {
      range(minimum, "Minimum boundary");
      const at = limit(minimum);
      if (value < at || (exclusiveMinimum && Number(value) === at)) wrong(minimum, `greater than ${exclusiveMinimum ? "" : "or equal to "}${shown(at)}`);
    }
    if (maximum !== undefined) {
      range(maximum, "Maximum boundary");
      const at = limit(maximum);
      if (value > at || (exclusiveMaximum && Number(value) === at)) wrong(maximum, `less than ${exclusiveMaximum ? "" : "or equal to "}${shown(at)}`);
    }
    this.#matches += 2;
  }

  #array({ schema, items }: Judge, value: JSONValue[], correlation: Correlation | undefined): void {
    const { minItems, maxItems } = schema;
    if (items)
      for (let i = 0; i < value.length; i++) {
        this.#enter(i, false);
        this.value(items, value[i] as JSONValue, correlation?.index(i));
        this.#leave();
      }
    const { length } = value;
    if (minItems !== undefined && length < minItems) this.#wrong(length, `should have at least ${minItems} items`);
    if (maxItems !== undefined && length > maxItems)
      this.#fault("items", (name) => `${name} in body should have at most ${maxItems} items`, { value: length, limit: Number(maxItems) });
    if (schema.uniqueItems && new Set(value.map(nameOf)).size < length) this.#fault("other", (name) => `${name} in body shouldn't contain duplicates`);
    this.#matches += 2;
  }

  #object(judge: Judge, value: { [key: string]: JSONValue | undefined }, correlation: Correlation | undefined): void {
    const { minProperties, maxProperties } = judge.schema;
    this.spend(1);
    const keys = Object.keys(value);
    const { length } = keys;
    if (minProperties !== undefined && length < minProperties) this.#wrong(length, `should have at least ${minProperties} properties`);
    if (maxProperties !== undefined && length > maxProperties)
      this.#fault("properties", (name) => `${name} in body should have at most ${maxProperties} properties`, { value: length, limit: Number(maxProperties) });
    const isRoot = this.#keys.length === 0;
    const field = (key: string, by: Judge, free: boolean): void => {
      this.#enter(key, free);
      this.value(by, value[key] as JSONValue, isRoot && (key === "kind" || key === "apiVersion") ? undefined : correlation?.key(key));
      this.#leave();
    };
    const { values } = judge;
    if (judge.closed) {
      for (const key of keys) if (!judge.properties.has(key)) this.#fault("other", (name) => `${name}.${key} in body is a forbidden property`, { value: key });
    } else if (values) for (const key of keys) if (!judge.properties.has(key)) field(key, values, true);
    if (judge.schema.properties) for (const property of propertiesIn(judge, value, keys)) field(property.key, property.judge, false);
    if (judge.required.length > many) this.spend(judge.required.length / many);
    for (const key of judge.required)
      if (!Object.hasOwn(value, key)) {
        this.#enter(key, true);
        this.#fault("required", (name) => `${name} in body is required`);
        this.#leave();
      }
    this.#matches++;
  }
  #enter(key: string | number, free: boolean): void {
    this.#keys.push(key);
    this.#free.push(free);
  }
  #leave(): void {
    this.#keys.pop();
    this.#free.pop();
  }

  isValid(schema: Schema, value: JSONValue): boolean {
    return this.#tried(Judge.of(schema, "value"), value).faults === 0;
  }
  /** What an alternative would give; nothing is told of it. */
  #tried(judge: Judge, value: JSONValue): { matches: number; faults: number } {
    const [matches, faults, telling] = [this.#matches, this.#faults, this.#telling];
    this.#telling = false;
    this.value(judge, value, undefined);
    const gained = { matches: this.#matches - matches, faults: this.#faults - faults };
    [this.#matches, this.#faults, this.#telling] = [matches, faults, telling];
    return gained;
  }
  #junctors({ schema, mode }: Judge, value: JSONValue): void {
    const { anyOf = [], oneOf = [], allOf = [], not } = schema;
    const of = (one: Schema): Judge => Judge.of(one, mode === "value" ? mode : "choice of default");
    const composite = (message: string): void => this.#fault("composite", (name) => `${goQuote(name)} ${message}`);
    if (anyOf.length) {
      let best: Schema | undefined;
      let most = -1;
      let found = -1;
      for (const one of anyOf) {
        const { matches, faults } = this.#tried(of(one), value);
        if (!faults) {
          found = matches;
          break;
        }
        if (matches > most) [best, most] = [one, matches];
      }
      if (found >= 0) this.#matches += found;
      else {
        composite("must validate at least one schema (anyOf)");
        this.#nearest(of(best as Schema), most, value);
      }
    }
    if (oneOf.length) {
      const tried = oneOf.map((one) => this.#tried(of(one), value));
      const valid = tried.filter(({ faults }) => !faults);
      if (valid.length === 1) this.#matches += valid[0]?.matches ?? 0;
      else {
        composite(`must validate one and only one schema (oneOf). ${valid.length ? `Found ${valid.length} valid alternatives` : "Found none valid"}`);
        let best = 0;
        for (const [i, { matches }] of tried.entries()) if (matches > (tried[best]?.matches ?? 0)) best = i;
        if (!valid.length) this.#nearest(of(oneOf[best] as Schema), tried[best]?.matches ?? 0, value);
      }
    }
    if (allOf.length) {
      let valid = 0;
      for (const one of allOf) {
        const before = this.#faults;
        this.value(of(one), value, undefined);
        if (this.#faults === before) valid++;
      }
      if (valid !== allOf.length) composite(`must validate all the schemas (allOf)${valid ? "" : ". None validated"}`);
    }
    if (not && !this.#tried(of(not), value).faults) composite("must not validate the schema (not)");
  }
  #nearest(judge: Judge, matches: number, value: JSONValue): void {
    if (this.#telling) this.value(judge, value, undefined);
    else this.#matches += matches;
  }
}

/**
 * `correlation` of an update; absent: everything is judged. Mistakes beyond those that a Status tells are left out; an object
 * that takes more steps than any may is refused for that.
 */
export function validateValue(schema: Schema | undefined, value: JSONValue, at: Path = new Path(), correlation?: Correlation): FieldError[] {
  return !schema || isQuicklyValid(schema, value) ? [] : mistakesOf(Judge.of(schema, "value"), value, at, correlation);
}
/** A default, which upstream judges by another reading of the schema: a choice of integer or string is no type, and no format is unknown. */
export const validateDefaultValue = (schema: Schema, value: JSONValue, at: Path): FieldError[] => mistakesOf(Judge.of(schema, "default"), value, at, undefined);

/** The same without the quick way: for the comparison of both. */
export const isValidInFull = (schema: Schema, value: JSONValue): boolean => new Run().isValid(schema, value);

/** Whose steps are counted while the quick way is gone. */
let asked = new Run();
const words: Words = {
  rulesFor: (schema) => Judge.of(schema, "value"),
  isValid: (schema, value) => asked.isValid(schema, value),
  matching: (size, length) => asked.spend((size * length) / matchesPerStep),
};
const checks = new WeakMap<Schema, Check>();
function isQuicklyValid(schema: Schema, value: JSONValue): boolean {
  const check = checks.get(schema) ?? compileCheck(schema, words);
  checks.set(schema, check);
  asked = new Run();
  try {
    return check(value);
  } catch (error) {
    if (error instanceof TooMuch) return false;
    throw error;
  }
}

function mistakesOf(judge: Judge, value: JSONValue, at: Path, correlation: Correlation | undefined): FieldError[] {
  const run = new Run();
  const told = (): FieldError[] => run.mistakes.map((mistake) => fieldError(mistake, at));
  try {
    run.value(judge, value, correlation);
  } catch (error) {
    if (error instanceof TooMuch) return [...told(), forbiddenField(at, `takes more than ${mostSteps} steps to compare with its schema`)];
    if (!(error instanceof Enough)) throw error;
  }
  return told();
}
