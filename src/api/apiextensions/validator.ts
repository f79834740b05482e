/**
 * Whether a value is what its schema says, with the words and the order of upstream's validator
 * (k8s.io/kube-openapi/pkg/validation/validate, apiextensions-apiserver/pkg/apiserver/validation). What an update leaves as
 * it was is not judged again (KEP 4008).
 */
import { CelError, lengthOf } from "../cel/values.ts";

import { compileRegex } from "../cel/regex.ts";
import { deepEqual } from "../copy.ts";
import { encodeJSONString } from "../codec/json.ts";
import { type FieldError, freeForm, goQuote, invalidValue, notSupported, notSupportedText, Path, required, tooLong, tooMany, typeInvalid } from "../field.ts";
import { goFloat } from "../go-float.ts";
import type { JSONValue } from "../json.ts";
import { isGoInteger, isMap } from "../patch/values.ts";
import type { Correlation } from "./correlation.ts";
import { formatOf, isRecognizedFormat } from "./formats.ts";
import { type Check, compileCheck, type Judge, type Rules } from "./quick-check.ts";
import { isIntOrString, type Schema } from "./schema.ts";

type Code = "type" | "required" | "long" | "enum" | "items" | "properties" | "other" | "composite";
interface Mistake {
  code: Code;
  /** `.spec.a`, `spec.a`; "" is the root. */
  name: string;
  message: string;
  value?: unknown;
  limit?: number;
  /** The value is shown as a float, whatever it is. */
  float?: boolean;
  allowed?: readonly JSONValue[];
}

/** Mistakes, each said once, and how much was right: of alternatives the one that is nearest is reported. */
class Result {
  readonly mistakes: Mistake[] = [];
  matches = 0;
  /** Of many: few are compared one by one. */
  #said: Set<string> | undefined;
  add(mistake: Mistake): void {
    const { message } = mistake;
    if (this.mistakes.length < 8) {
      if (!this.mistakes.some((one) => one.message === message)) this.mistakes.push(mistake);
      return;
    }
    this.#said ??= new Set(this.mistakes.map((one) => one.message));
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.mistakes.push(mistake);
  }
  merge(other: Result): void {
    for (const mistake of other.mistakes) this.add(mistake);
    this.matches += other.matches;
  }
  get valid(): boolean {
    return this.mistakes.length === 0;
  }
}

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

/** Of defaults: types and formats are what the schema says. */
let literally = false;
const rules = new WeakMap<Schema, Rules>();
const literalRules = new WeakMap<Schema, Rules>();
function rulesFor(schema: Schema): Rules {
  if (literally) {
    const made = literalRules.get(schema) ?? { schema, types: schema.type ? [schema.type] : [], format: schema.format ?? "" };
    literalRules.set(schema, made);
    return made;
  }
  const known = rules.get(schema);
  if (known) return known;
  const types = isIntOrString(schema) ? ["integer", "string"] : schema.type ? [schema.type] : [];
  const format = schema.format && isRecognizedFormat({ ...schema, type: types.length === 1 ? (types[0] as string) : "" }) ? schema.format : "";
  const made = { schema, types, format: isIntOrString(schema) && !formatOf(format) ? "" : format };
  rules.set(schema, made);
  return made;
}

const numeric = new Set(["integer", "number"]);
const numericFormats: Readonly<Record<string, readonly string[]>> = { integer: ["int32", "int64"], number: ["float", "double"] };
/** Only of one type, and only one of its own. */
const numericFormat = ({ types, format }: Rules): string => (types.length === 1 && numericFormats[types[0] as string]?.includes(format) ? format : "");

function wrongType({ types, format, schema }: Rules, value: JSONValue, name: string): Mistake | undefined {
  const kind = kindOf(value);
  const mistake = (expected: string, found: string): Mistake => ({
    code: "type",
    name,
    message: `${name} in body must be of type ${expected}: ${goQuote(found)}`,
    value: found,
  });
  if (kind === "null") return types.length && !schema.nullable ? mistake(types.join(","), "null") : undefined;
  const fits = types.includes(kind) || (kind === "integer" && types.includes("number"));
  const own = kind === "integer" ? "int64" : kind === "number" ? "float64" : "";
  if (kind !== "string" && kind !== "array" && format && !(fits || own === format)) return mistake(format, own);
  if (!types.some((type) => numeric.has(type)) && format && (kind === "string" || kind === "array")) return undefined;
  return fits ? undefined : mistake(types.join(","), kind);
}

function validate(schema: Schema, value: JSONValue, name: string, correlation: Correlation | undefined): Result {
  const result = new Result();
  const own = rulesFor(schema);
  const kind = kindOf(value);
  if (own.types.length || own.format) {
    const wrong = wrongType(own, value, name);
    if (wrong) result.add(wrong);
    result.matches += wrong ? 1 : 2;
  }
  if (kind !== "null") {
    result.merge(junctors(schema, value, name));
    result.matches += 2;
    if (kind === "string") stringRules(own, value as string, name, result);
    if (kind === "integer" || kind === "number") numberRules(own, value as number | bigint, name, result);
    if (Array.isArray(value)) arrayRules(schema, value, name, correlation, result);
  }
  if (schema.enum?.length && !schema.enum.some((one) => isChoice(one, value)))
    result.add({
      code: "enum",
      name,
      message: `${name} in body should be one of [${schema.enum.map((one) => (typeof one === "string" ? one : encodeJSONString(one))).join(" ")}]`,
      value,
      allowed: schema.enum,
    });
  result.matches++;
  if (isMap(value)) objectRules(schema, value, name, correlation, result);
  result.matches++;
  return result;
}

/** Upstream converts the value to the type of the choice, as Go does: 1.5 becomes 1, 97 becomes "a". Null is never one. */
function isChoice(choice: JSONValue, value: JSONValue): boolean {
  if (choice === null || value === null) return false;
  if (typeof value !== "number" && typeof value !== "bigint") return deepEqual(choice, value);
  const whole = typeof value === "bigint" || isGoInteger(value);
  if (typeof choice === "string") return whole && choice === goRune(Number(value));
  if (typeof choice !== "number" && typeof choice !== "bigint") return false;
  if (whole) return choice === value || (typeof choice === typeof value ? false : Number(choice) === Number(value) && BigInt(choice) === BigInt(value));
  if (typeof choice === "number" && !isGoInteger(choice)) return choice === value;
  const cut = Math.trunc(value as number);
  return Math.abs(cut) < 2 ** 63 ? BigInt(choice) === BigInt(cut) : BigInt(choice) === -(2n ** 63n);
}
const goRune = (code: number): string => (code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : "\ufffd");

function stringRules({ schema, format }: Rules, value: string, name: string, result: Result): void {
  const { maxLength, minLength, pattern } = schema;
  const other = (message: string): void => result.add({ code: "other", name, message: `${name} in body ${message}`, value });
  const length = maxLength !== undefined || minLength !== undefined ? lengthOf(value) : 0;
  if (maxLength !== undefined && length > maxLength)
    result.add({ code: "long", name, message: `${name} in body should be at most ${maxLength} chars long`, value, limit: Number(maxLength) });
  else if (minLength !== undefined && length < minLength) other(`should be at least ${minLength} chars long`);
  else if (pattern) {
    const compiled = compileRegex(pattern);
    if (compiled instanceof CelError) other(`should match '${pattern}, but pattern is invalid: ${compiled.message}'`);
    else if (!compiled.test(value)) other(`should match '${pattern}'`);
  }
  const check = formatOf(format);
  if (check && !check(value)) result.add({ code: "type", name, message: `${name} in body must be of type ${format}: ${goQuote(value)}`, value });
  result.matches++;
}

function inRange(value: number | bigint, { types, format }: Rules): boolean {
  const [type] = types.length === 1 ? types : [""];
  if (type === "integer") {
    const [low, high] = format === "int32" ? [-(2n ** 31n), 2n ** 31n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
    return (typeof value === "bigint" || Number.isInteger(value)) && BigInt(value) >= low && BigInt(value) <= high;
  }
  return type !== "number" || format !== "float" || Math.abs(Number(value)) <= 3.4028234663852886e38;
}

function numberRules(own: Rules, value: number | bigint, name: string, result: Result): void {
  const { maximum, exclusiveMaximum, minimum, exclusiveMinimum, multipleOf } = own.schema;
  const range = (of: number | bigint, prefix: string): void => {
    if (inRange(of, own)) return;
    const [type = ""] = own.types.length === 1 ? own.types : [];
    const format = numericFormat(own);
    const how = format ? `with format ${format} in ${name}` : `(default format) in ${name}`;
    result.add({ code: "composite", name: "", message: `${prefix} value must be of type ${type} ${how}` });
  };
  /** Compared with what is out of range, an integer is a float. */
  const wrong = (limited: number, message: string): void =>
    result.add({ code: "other", name, message: `${name} in body should be ${message}`, value, float: !(integer && inRange(limited, own)) });
  // A fraction that is too small for its type to be another still counts here.
  const integer = typeof value === "bigint" || (Number.isInteger(value) && Math.abs(value) < 2 ** 63);
  /** Integers are compared with what is left of the limit without its fraction, unless that is out of range. */
  const limit = (of: number): number => (integer && inRange(of, own) ? Math.trunc(of) : of);
  const shown = (of: number): string => (integer && Number.isInteger(of) && inRange(of, own) ? String(of) : goFloat(of));
  range(value, "Checked");
  if (multipleOf !== undefined) {
    range(multipleOf, "MultipleOf");
    const factor = limit(multipleOf);
    if (factor <= 0) result.add({ code: "other", name, message: `factor MultipleOf declared for ${name} must be positive: ${shown(factor)}`, value: factor });
    else {
      const quotient =
        integer && inRange(multipleOf, own)
          ? BigInt(value) % BigInt(factor) === 0n
            ? 0
            : 0.5
          : factor < 1
            ? (1 / factor) * Number(value)
            : Number(value) / factor;
      if (!isNearInteger(quotient)) wrong(multipleOf, `a multiple of ${shown(factor)}`);
    }
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
  result.matches += 2;
}

/** go-openapi's swag.IsFloat64AJSONInteger. */
function isNearInteger(value: number): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const nearest = Math.trunc(value);
  const diff = Math.abs(value - nearest);
  return value === nearest || diff < 1e-9 || diff / (Math.abs(value) + Math.abs(nearest)) < 1e-9;
}

function arrayRules(schema: Schema, value: JSONValue[], name: string, correlation: Correlation | undefined, result: Result): void {
  const { items, minItems, maxItems } = schema;
  if (items && !Array.isArray(items))
    for (let i = 0; i < value.length; i++) result.merge(judged(items, value[i] as JSONValue, `${name}[${i}]`, correlation?.index(i)));
  if (minItems !== undefined && value.length < minItems)
    result.add({ code: "other", name, message: `${name} in body should have at least ${minItems} items`, value: value.length });
  if (maxItems !== undefined && value.length > maxItems)
    result.add({ code: "items", name, message: `${name} in body should have at most ${maxItems} items`, value: value.length, limit: Number(maxItems) });
  if (schema.uniqueItems && value.some((item, i) => value.slice(0, i).some((other) => deepEqual(item, other))))
    result.add({ code: "other", name, message: `${name} in body shouldn't contain duplicates` });
  result.matches += 2;
}

function objectRules(
  schema: Schema,
  value: { [key: string]: JSONValue | undefined },
  name: string,
  correlation: Correlation | undefined,
  result: Result,
): void {
  const { properties = {}, additionalProperties, minProperties, maxProperties } = schema;
  const keys = Object.keys(value);
  if (minProperties !== undefined && keys.length < minProperties)
    result.add({ code: "other", name, message: `${name} in body should have at least ${minProperties} properties`, value: keys.length });
  if (maxProperties !== undefined && keys.length > maxProperties)
    result.add({
      code: "properties",
      name,
      message: `${name} in body should have at most ${maxProperties} properties`,
      value: keys.length,
      limit: Number(maxProperties),
    });
  const correlated = (key: string): Correlation | undefined => (name === "" && (key === "kind" || key === "apiVersion") ? undefined : correlation?.key(key));
  if (additionalProperties === false) {
    for (const key of keys)
      if (!Object.hasOwn(properties, key)) result.add({ code: "other", name, message: `${name}.${key} in body is a forbidden property`, value: key });
  } else if (typeof additionalProperties === "object")
    for (const key of keys)
      if (!Object.hasOwn(properties, key)) result.merge(judged(additionalProperties, value[key] as JSONValue, `${name}.${key}`, correlated(key)));
  for (const key of Object.keys(properties))
    if (Object.hasOwn(value, key)) result.merge(judged(properties[key] as Schema, value[key] as JSONValue, name ? `${name}.${key}` : key, correlated(key)));
  for (const key of schema.required ?? [])
    if (!Object.hasOwn(value, key)) result.add({ code: "required", name: `${name}.${key}`, message: `${name}.${key} in body is required` });
  result.matches++;
}

/** What is not valid and was there before is passed over. */
function judged(schema: Schema, value: JSONValue, name: string, correlation: Correlation | undefined): Result {
  const result = validate(schema, value, name, correlation);
  if (result.valid || !correlation?.unchanged) return result;
  const passed = new Result();
  passed.matches = result.matches;
  return passed;
}

function junctors(schema: Schema, value: JSONValue, name: string): Result {
  const result = new Result();
  const composite = (message: string): void => result.add({ code: "composite", name: "", message: `${goQuote(name)} ${message}` });
  if (schema.anyOf?.length) {
    let best: Result | undefined;
    let found: Result | undefined;
    for (const one of schema.anyOf) {
      const tried = validate(one, value, name, undefined);
      if (tried.valid) {
        found = tried;
        break;
      }
      if (!best || tried.matches > best.matches) best = tried;
    }
    if (!found) composite("must validate at least one schema (anyOf)");
    const kept = found ?? best;
    if (kept) result.merge(kept);
  }
  if (schema.oneOf?.length) {
    const tried = schema.oneOf.map((one) => validate(one, value, name, undefined));
    const valid = tried.filter((one) => one.valid);
    if (valid.length === 1) result.merge(valid[0] as Result);
    else {
      composite(`must validate one and only one schema (oneOf). ${valid.length ? `Found ${valid.length} valid alternatives` : "Found none valid"}`);
      if (!valid.length) result.merge(tried.reduce((best, one) => (one.matches > best.matches ? one : best)));
    }
  }
  if (schema.allOf?.length) {
    let valid = 0;
    for (const one of schema.allOf) {
      const tried = validate(one, value, name, undefined);
      if (tried.valid) valid++;
      result.merge(tried);
    }
    if (valid !== schema.allOf.length) composite(`must validate all the schemas (allOf)${valid ? "" : ". None validated"}`);
  }
  if (schema.not && validate(schema.not, value, name, undefined).valid) composite("must not validate the schema (not)");
  result.matches++;
  return result;
}

function fieldError(mistake: Mistake, at: Path): FieldError {
  const { code, name, message, value, limit = -1 } = mistake;
  const plain = name.replace(/^\./, "");
  const here = code !== "composite" && plain ? new Path(at.text ? `${at.text}.${plain}` : plain) : at;
  switch (code) {
    case "required":
      return required(here);
    case "enum": {
      const allowed = (mistake.allowed ?? []).map((one) => (typeof one === "string" ? one : encodeJSONString(one)));
      return typeof value === "string" ? notSupportedText(here, value, allowed) : notSupported(here, freeForm(value as JSONValue), allowed);
    }
    case "long":
      return tooLong(here, limit);
    case "items":
    case "properties":
      return tooMany(here, value as number, limit);
    case "type":
      return typeInvalid(here, value, message);
    case "composite":
      return invalidValue(at, "", message);
    default:
      return mistake.float
        ? { ...invalidValue(here, "", ""), body: `Invalid value: ${goFloat(Number(value))}: ${message}` }
        : invalidValue(here, value ?? "", message);
  }
}

/** A default, which upstream judges by another reading of the schema: a choice of integer or string is no type, and no format is unknown. */
export function validateDefaultValue(schema: Schema, value: JSONValue, at: Path): FieldError[] {
  literally = true;
  try {
    return validateValue(schema, value, at);
  } finally {
    literally = false;
  }
}

/** The same without the quick way: for the comparison of both. */
export const isValidInFull = (schema: Schema, value: JSONValue): boolean => judged(schema, value, "", undefined).valid;

const judge: Judge = { rulesFor, isValid: (schema, value) => validate(schema, value, "", undefined).valid };
const checks = new WeakMap<Schema, Check>();
function checkOf(schema: Schema): Check {
  const made = checks.get(schema) ?? compileCheck(schema, judge);
  checks.set(schema, made);
  return made;
}

/** `correlation` of an update; absent: everything is judged. */
export function validateValue(schema: Schema | undefined, value: JSONValue, at: Path = new Path(), correlation?: Correlation): FieldError[] {
  if (!schema || (!literally && checkOf(schema)(value))) return [];
  return judged(schema, value, "", correlation).mistakes.map((mistake) => fieldError(mistake, at));
}
