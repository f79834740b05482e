/** `"%s is %.2f".format([a, b])` as cel-go's strings library writes it up to version 3 (`grouped`), and since version 4 (`plain`). */
import { goFloat } from "../../go-float.ts";
import { Type } from "../types.ts";
import { CelError, Duration, type ListValue, ListValue as Lists, MapValue, Timestamp, typeOfValue, UInt, type Value } from "../values.ts";
import { type Dialect, exponentText, FormatError, fixedText, parseFormat, writeClause } from "./format-clauses.ts";
import { isTooLong, tooLong } from "./long-texts.ts";
import { formatDuration, formatTimestamp } from "./time-values.ts";

const refuse = (message: string, value: Value): never => {
  throw new FormatError(`${message}, was given ${typeOfValue(value).name}`);
};
const noText = "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps";
const noDecimal = "decimal clause can only be used on integers";
const noFixed = "fixed-point clause can only be used on doubles";
const noScientific = "scientific clause can only be used on doubles";

const isInteger = (value: Value): value is bigint | UInt => typeof value === "bigint" || value instanceof UInt;
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const byKey = (a: readonly [string, string], b: readonly [string, string]): number => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
const special = (value: number): string | undefined => (Number.isFinite(value) ? undefined : String(value));
const utc = (value: Timestamp): Timestamp => new Timestamp(value.nanos);

/** What both write alike; undefined: something else. */
function simple(value: Value): string | undefined {
  if (typeof value === "string") return value;
  if (value === null || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof UInt) return String(value.value);
  if (value instanceof Uint8Array) return decode(value);
  if (value instanceof Duration) return formatDuration(value);
  return value instanceof Type ? value.name : undefined;
}

/** Without an exponent. */
function plainDouble(value: number): string {
  const text = special(value);
  if (text !== undefined) return text;
  const { mantissa, sign, exponent } = exponentText(value, 20);
  if (sign === "+" && Number(exponent) >= 21) return fixedText(value, 0);
  const short = String(value);
  if (!short.includes("e")) return Object.is(value, -0) ? "-0" : short;
  const digits = (/^-?([\d.]+)e/.exec(short)?.[1] ?? mantissa).replace(".", "");
  return `${value < 0 ? "-" : ""}0.${"0".repeat(Number(exponent) - 1)}${digits}`;
}

function plainText(value: Value): string {
  if (typeof value === "number") return plainDouble(value);
  if (value instanceof Timestamp) return formatTimestamp(utc(value));
  if (value instanceof Lists) return `[${[...value].map(plainText).join(", ")}]`;
  if (value instanceof MapValue) {
    const entries = [...value.keys()].map((key) => [plainText(key), plainText(value.get(key) as Value)] as const);
    return `{${entries
      .sort(byKey)
      .map(([key, text]) => `${key}: ${text}`)
      .join(", ")}}`;
  }
  return simple(value) ?? refuse(noText, value);
}
function number(value: Value, message: string): number {
  if (typeof value === "number") return value;
  return isInteger(value) ? Number(value instanceof UInt ? value.value : value) : refuse(message, value);
}
export const plain: Dialect = {
  verbs: {
    s: plainText,
    d: (value) =>
      typeof value === "number" ? plainDouble(value) : isInteger(value) ? plainText(value) : refuse("decimal clause can only be used on numbers", value),
    f(value, precision) {
      if (isInteger(value)) return `${simple(value)}${precision ? `.${"0".repeat(precision)}` : ""}`;
      const double = number(value, "fixed-point clause can only be used on numbers");
      return special(double) ?? fixedText(double, precision);
    },
    e(value, precision) {
      const double = number(value, "scientific clause can only be used on numbers");
      const { mantissa, sign, exponent } = exponentText(double, precision);
      return special(double) ?? `${mantissa}e${sign}${exponent}`;
    },
  },
};

/** Inside of lists and maps: strings are quoted, times say what they are. */
function element(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `b${JSON.stringify(decode(value))}`;
  if (value instanceof Timestamp) return `timestamp(${JSON.stringify(formatTimestamp(value))})`;
  if (value instanceof Duration) return `duration(${JSON.stringify(formatDuration(value))})`;
  if (typeof value === "number") return Number.isFinite(value) ? fixedText(value, 6) : JSON.stringify(goFloat(value));
  if (value instanceof Lists) return `[${[...value].map(element).join(", ")}]`;
  if (value instanceof MapValue) {
    const entries = [...value.keys()].map((key) => [element(key), element(value.get(key) as Value)] as const);
    return `{${entries
      .sort(byKey)
      .map(([key, text]) => `${key}:${text}`)
      .join(", ")}}`;
  }
  const text = simple(value);
  if (text === undefined) throw new FormatError(`no formatting function for ${typeOfValue(value).name}`);
  return text;
}
/** Doubles, and the strings that name those without digits. */
function double(value: Value, message: string): number {
  if (typeof value === "number") return value;
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? Number(value) : refuse(message, value);
}
const grouping = (text: string): string => text.replace(/^(-?)(\d+)/, (_, sign: string, digits: string) => sign + digits.replace(/\B(?=(?:\d{3})+$)/g, ","));
const localSpecial = (value: number): string | undefined => special(value)?.replace("Infinity", "\u221e");
const superscript = (text: string): string => [...text].map((digit) => "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[Number(digit)]).join("");

export const grouped: Dialect = {
  verbs: {
    s(value) {
      if (typeof value === "number") return goFloat(value);
      if (value instanceof Timestamp) return formatTimestamp(value);
      return value instanceof Lists || value instanceof MapValue ? element(value) : (simple(value) ?? refuse(noText, value));
    },
    d: (value) => (isInteger(value) ? (simple(value) as string) : refuse(noDecimal, value)),
    f(value, precision) {
      const given = double(value, noFixed);
      return localSpecial(given) ?? grouping(fixedText(given, precision));
    },
    // The precision that is asked for is a width there, and without effect.
    e(value) {
      const given = double(value, noScientific);
      const { mantissa, sign, exponent } = exponentText(given, 6);
      return localSpecial(given) ?? `${mantissa}\u00d710${sign === "-" ? "\u207b" : ""}${superscript(exponent)}`;
    },
  },
};

export const formatting =
  (dialect: Dialect) =>
  (format: string, args: ListValue): Value => {
    try {
      let used = 0;
      const pieces = parseFormat(format, (index) => {
        if (index >= args.size) throw new FormatError(`index ${index} out of range`);
      });
      const texts: string[] = [];
      let length = 0;
      for (const piece of pieces) {
        const text = typeof piece === "string" ? piece : writeClause(piece, args.at(used++), dialect);
        length += text.length;
        if (isTooLong(length)) return tooLong("format");
        texts.push(text);
      }
      return texts.join("");
    } catch (error) {
      if (error instanceof FormatError) return new CelError(error.message);
      throw error;
    }
  };
