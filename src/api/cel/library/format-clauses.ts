/** A format string in its pieces, and the clauses that both of cel-go's ways of writing share. */
import { typeOfValue, UInt, type Value } from "../values.ts";
import { table } from "../../../base/table.ts";

/** What cannot be written so. */
export class FormatError extends Error {}

export interface Clause {
  readonly verb: string;
  readonly precision: number | undefined;
}
export interface Dialect {
  /** The verbs s, d, f and e; the others are the same in all. */
  readonly verbs: Readonly<Record<"s" | "d" | "f" | "e", (value: Value, precision: number) => string>>;
}
const defaultPrecision = 6;
const verbs = "sdfebxXo";

/** Texts and clauses in turn. Throws FormatError; `argument` is told that one more is used. */
export function parseFormat(format: string, argument: (index: number) => void): (string | Clause)[] {
  const pieces: (string | Clause)[] = [];
  let used = 0;
  let at = 0;
  for (;;) {
    const percent = format.indexOf("%", at);
    pieces.push(format.slice(at, percent < 0 ? format.length : percent));
    if (percent < 0) return pieces;
    if (format[percent + 1] === "%") {
      pieces.push("%");
      at = percent + 2;
      continue;
    }
    argument(used++);
    if (percent + 1 >= format.length) throw new FormatError("unexpected end of string");
    const [whole = "", dot, digits = "", verb = ""] = /^%(?:(\.)(\d*))?(.?)/su.exec(format.slice(percent)) ?? [];
    const unreadable = "could not parse formatting clause: ";
    if (dot && !verb) throw new FormatError(`${unreadable}error while parsing precision: could not find end of precision specifier`);
    if (dot && !digits)
      throw new FormatError(
        `${unreadable}error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax`,
      );
    if (!verbs.includes(verb)) throw new FormatError(`${unreadable}unrecognized formatting clause "${verb}"`);
    pieces.push({ verb, precision: dot ? Number(digits) : undefined });
    at = percent + whole.length;
  }
}

const integer = (value: Value): bigint | undefined => (typeof value === "bigint" ? value : value instanceof UInt ? value.value : undefined);
const refuse = (message: string, value: Value): never => {
  throw new FormatError(`${message}, was given ${typeOfValue(value).name}`);
};
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function hexadecimal(value: Value): string {
  if (typeof value === "string") return hexOf(new TextEncoder().encode(value));
  if (value instanceof Uint8Array) return hexOf(value);
  return integer(value)?.toString(16) ?? refuse("only integers, byte buffers, and strings can be formatted as hex", value);
}

const shared = table<(value: Value) => string>({
  b: (value) =>
    typeof value === "boolean" ? String(Number(value)) : (integer(value)?.toString(2) ?? refuse("only integers and bools can be formatted as binary", value)),
  o: (value) => integer(value)?.toString(8) ?? refuse("octal clause can only be used on integers", value),
  x: hexadecimal,
  X: (value) => hexadecimal(value).toUpperCase(),
});

/** Throws FormatError. */
export function writeClause({ verb, precision = defaultPrecision }: Clause, value: Value, dialect: Dialect): string {
  try {
    return shared[verb]?.(value) ?? dialect.verbs[verb as "s"](value, precision);
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`error during formatting: ${error.message}`);
    throw error;
  }
}

/** Digits after the point, rounded half to even as the exact decimal value is. */
export function fixedText(value: number, precision: number): string {
  if (Math.abs(value) < 1e21) {
    const rounded = value.toFixed(Math.min(precision, 100));
    const exact = value.toFixed(100);
    const digits = exact.length - 100 + precision;
    // JavaScript rounds a half up.
    const half = /^50*$/.test(exact.slice(digits)) && /[02468]\.?$/.test(exact.slice(0, digits));
    return half ? exact.slice(0, precision ? digits : digits - 1) : rounded;
  }
  return `${BigInt(value)}${precision ? `.${"0".repeat(precision)}` : ""}`;
}
/** Two digits of the exponent at least. */
export function exponentText(value: number, precision: number): { mantissa: string; sign: string; exponent: string } {
  const [mantissa = "", exponent = "0"] = value.toExponential(Math.min(precision, 100)).split("e");
  return { mantissa, sign: exponent.startsWith("-") ? "-" : "+", exponent: exponent.replace(/^[+-]/, "").padStart(2, "0") };
}
