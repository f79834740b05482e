/**
 * A schema's judgement of most values that are valid, without words and made once for each schema: where it says no, or has no
 * answer of its own, the validator that has the words is asked.
 */
import { compileRegex, programSize } from "../cel/regex.ts";
import { CelError, lengthOf } from "../cel/values.ts";
import { isMap, type JSONValue } from "../json.ts";
import { formatOf } from "./formats.ts";
import type { Schema } from "./schema.ts";

/** A schema as upstream's validator has it: formats that it does not know are none, a choice of types is two. */
export interface Rules {
  schema: Schema;
  types: readonly string[];
  format: string;
}
/** The validator that has the words. */
export interface Words {
  rulesFor(schema: Schema): Rules;
  isValid(schema: Schema, value: JSONValue): boolean;
  /** Counts a match of a pattern of so many instructions with so many characters. Throws where it is one too many. */
  matching(size: number, length: number): void;
}
export type Check = (value: JSONValue) => boolean;

/** Every value for which it gives true is valid. */
export function compileCheck(schema: Schema, judge: Words): Check {
  const ask: Check = (value) => judge.isValid(schema, value);
  const { anyOf, oneOf, allOf, not, enum: choices, multipleOf, uniqueItems } = schema;
  if (anyOf?.length || oneOf?.length || allOf?.length || not || multipleOf !== undefined || uniqueItems) return ask;
  const own = judge.rulesFor(schema);
  const fits = (type: string): boolean => (own.types.length === 0 ? !own.format : own.types.includes(type));
  const texts = choices?.length ? new Set(choices.filter((one) => typeof one === "string")) : undefined;
  const text = fits("string") ? textCheck(own, judge, ask) : ask;
  const integer = fits("integer") ? integerCheck(own, ask) : ask;
  const list = fits("array") ? listCheck(schema, judge) : ask;
  const map = fits("object") ? mapCheck(schema, judge) : ask;
  const boolean = fits("boolean") && !own.format;
  return (value) => {
    if (typeof value === "string") return (texts === undefined || texts.has(value)) && text(value);
    if (texts || value === null || value === undefined) return ask(value);
    if (typeof value === "boolean") return boolean || ask(value);
    if (typeof value === "number") return Number.isSafeInteger(value) ? integer(value) : ask(value);
    if (Array.isArray(value)) return list(value);
    return isMap(value) ? map(value) : ask(value);
  };
}

/** Most of a large schema is never met. */
function later(schema: Schema, judge: Words): Check {
  let made: Check | undefined;
  return (value) => {
    made ??= compileCheck(schema, judge);
    return made(value);
  };
}

function textCheck({ schema, format }: Rules, judge: Words, ask: Check): (value: string) => boolean {
  const { maxLength = Number.POSITIVE_INFINITY, minLength = 0, pattern } = schema;
  const isFormatted = formatOf(format);
  const size = programSize(pattern ?? "");
  const matches = (value: string): boolean => {
    if (!pattern) return true;
    judge.matching(size, value.length);
    const compiled = compileRegex(pattern);
    return compiled instanceof CelError ? ask(value) : compiled.test(value);
  };
  return (value) =>
    (value.length <= maxLength || lengthOf(value) <= maxLength) &&
    (minLength <= 0 || lengthOf(value) >= minLength) &&
    matches(value) &&
    (isFormatted === undefined || isFormatted(value));
}

/** Of numbers that are integers beyond doubt. */
function integerCheck({ schema, types, format }: Rules, ask: Check): (value: number) => boolean {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY, exclusiveMinimum, exclusiveMaximum } = schema;
  const isPlain = (limit: number): boolean => Number.isSafeInteger(limit) || !Number.isFinite(limit);
  if (exclusiveMinimum || exclusiveMaximum || !isPlain(minimum) || !isPlain(maximum)) return ask;
  const isUnlimited = minimum === Number.NEGATIVE_INFINITY && maximum === Number.POSITIVE_INFINITY;
  // A choice of integer or string has no range.
  if (types.length === 2 && isUnlimited) return () => true;
  if (types.length !== 1 || types[0] !== "integer") return ask;
  // Limits that are out of the format's range are mistakes of their own.
  const narrow = format === "int32";
  const inRange = (value: number): boolean => !narrow || (value >= -(2 ** 31) && value < 2 ** 31);
  if ([minimum, maximum].some((limit) => Number.isFinite(limit) && !inRange(limit))) return ask;
  return (value) => (value >= minimum && value <= maximum && inRange(value) ? true : ask(value));
}

function listCheck({ items, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: Schema, judge: Words): (value: JSONValue[]) => boolean {
  const item = items && !Array.isArray(items) ? later(items, judge) : undefined;
  return (value) => {
    if (value.length < minItems || value.length > maxItems) return false;
    if (item) for (let i = 0; i < value.length; i++) if (!item(value[i] as JSONValue)) return false;
    return true;
  };
}

function mapCheck(schema: Schema, judge: Words): (value: { [key: string]: JSONValue | undefined }) => boolean {
  const { properties = {}, additionalProperties, required = [], minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = schema;
  const checks = new Map(Object.entries(properties).map(([name, property]) => [name, later(property, judge)]));
  const others = typeof additionalProperties === "object" ? later(additionalProperties, judge) : undefined;
  const needed = new Set(required);
  return (value) => {
    const keys = Object.keys(value);
    if (keys.length < minProperties || keys.length > maxProperties) return false;
    for (const key of keys) {
      const check = checks.get(key) ?? others;
      if (check ? !check(value[key] as JSONValue) : additionalProperties === false) return false;
    }
    for (const name of needed) if (!Object.hasOwn(value, name)) return false;
    return true;
  };
}
