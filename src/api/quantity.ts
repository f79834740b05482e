/**
 * Quantities such as `100m`, `1.5Gi`, `12e6` (k8s.io/apimachinery/pkg/api/resource): exact decimal numbers of at most
 * nine decimals with the notation they were written in. Immutable.
 */
import { table } from "../base/table.ts";

/** Thrown for text that is no quantity; the message is upstream's. */
export class QuantityError extends Error {}

export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

const formatWrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const suffixWrong = "unable to parse quantity's suffix";
const numericWrong = "unable to parse numeric part of quantity";

const decimalSuffixes = table<number>({ n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 });
const binarySuffixes = table<number>({ Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 });
const decimalNames = new Map(Object.entries(decimalSuffixes).map(([name, exponent]) => [exponent, name]));
const binaryNames = new Map(Object.entries(binarySuffixes).map(([name, exponent]) => [exponent, name]));

const maxInt64 = 2n ** 63n - 1n;
const saturate = (value: bigint): bigint => (value > maxInt64 ? maxInt64 : value < -maxInt64 - 1n ? -maxInt64 - 1n : value);
const pow10 = (n: number): bigint => 10n ** BigInt(n);

/** mantissa / 10^digits, rounded away from zero. */
function divideUp(mantissa: bigint, digits: number): bigint {
  if (mantissa === 0n) return 0n;
  if (digits > 2 * String(mantissa).length + 40) return mantissa < 0n ? -1n : 1n;
  const by = pow10(digits);
  const quotient = mantissa / by;
  if (mantissa % by === 0n) return quotient;
  return mantissa < 0n ? quotient - 1n : quotient + 1n;
}

/** Powers of ten beyond this differ so much that the smaller term of a sum is nothing; bounds the work on hostile exponents. */
const widestGap = 1000;

export class Quantity {
  /** The value is mantissa x 10^scale. */
  readonly mantissa: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  #text: string | undefined;

  constructor(mantissa: bigint, scale = 0, format: QuantityFormat = "DecimalSI", text?: string) {
    this.mantissa = mantissa;
    this.scale = scale;
    this.format = format;
    this.#text = text;
  }

  /** In units of 10^scale, rounded away from zero, held within 64 bits. */
  scaledValue(scale: number): bigint {
    const shift = this.scale - scale;
    if (shift <= 0) return shift === 0 ? saturate(this.mantissa) : saturate(divideUp(this.mantissa, -shift));
    if (this.mantissa === 0n) return 0n;
    return saturate(this.mantissa * pow10(Math.min(shift, 20)));
  }
  /** Rounded away from zero, held within 64 bits. */
  value(): bigint {
    return this.scaledValue(0);
  }
  /** Thousandths, rounded away from zero, held within 64 bits. */
  milliValue(): bigint {
    return this.scaledValue(-3);
  }
  /** Nearest double. */
  toNumber(): number {
    return Number(`${this.mantissa}e${this.scale}`);
  }
  isZero(): boolean {
    return this.mantissa === 0n;
  }
  sign(): -1 | 0 | 1 {
    return this.mantissa === 0n ? 0 : this.mantissa < 0n ? -1 : 1;
  }
  /** -1, 0 or 1 as this is less than, equal to or greater than `other`. */
  cmp(other: Quantity): -1 | 0 | 1 {
    const sign = this.sign();
    if (sign !== other.sign()) return sign < other.sign() ? -1 : 1;
    if (sign === 0) return 0;
    const size = (q: Quantity): number => String(q.mantissa).length + q.scale;
    const sizes = size(this) - size(other);
    if (sizes !== 0) return (sizes < 0 ? -sign : sign) as -1 | 1;
    const low = Math.min(this.scale, other.scale);
    const difference = this.mantissa * pow10(this.scale - low) - other.mantissa * pow10(other.scale - low);
    return difference === 0n ? 0 : difference < 0n ? -1 : 1;
  }
  equals(other: Quantity): boolean {
    return this.cmp(other) === 0;
  }
  /** Takes the other's format when this is zero. */
  add(other: Quantity): Quantity {
    if (this.mantissa === 0n) return new Quantity(other.mantissa, other.scale, other.format);
    if (other.mantissa === 0n) return new Quantity(this.mantissa, this.scale, this.format);
    const gap = this.scale - other.scale;
    if (gap > widestGap) return new Quantity(this.mantissa, this.scale, this.format);
    if (gap < -widestGap) return new Quantity(other.mantissa, other.scale, this.format);
    const low = Math.min(this.scale, other.scale);
    const sum = this.mantissa * pow10(this.scale - low) + other.mantissa * pow10(other.scale - low);
    return new Quantity(sum, low, this.format);
  }
  sub(other: Quantity): Quantity {
    return this.add(other.neg());
  }
  neg(): Quantity {
    return new Quantity(-this.mantissa, this.scale, this.format);
  }
  mul(by: bigint): Quantity {
    return new Quantity(this.mantissa * by, this.scale, this.format);
  }
  /** Rounded away from zero to a multiple of 10^scale; itself, notation included, when it is one by its notation. */
  roundUp(scale: number): Quantity {
    return this.scale >= scale ? this : new Quantity(divideUp(this.mantissa, scale - this.scale), scale, this.format);
  }
  /** As upstream writes it: kept as it came where that counts as canonical, else with the largest fitting suffix. */
  toString(): string {
    this.#text ??= canonicalText(this);
    return this.#text;
  }
  toJSON(): string {
    return this.toString();
  }
}

function canonicalText(q: Quantity): string {
  if (q.mantissa === 0n) return "0";
  // Upstream would make a number of what is left of a sum with such an exponent, and not come to an end.
  const endless = q.scale > widestGap;
  if (q.format === "BinarySI" && !endless) {
    const whole = q.scale >= 0 ? q.mantissa * pow10(q.scale) : q.mantissa % pow10(-q.scale) === 0n ? q.mantissa / pow10(-q.scale) : undefined;
    if (whole !== undefined && (whole >= 1024n || whole <= -1024n)) {
      let amount = whole;
      let exponent = 0;
      while (amount % 1024n === 0n) {
        amount /= 1024n;
        exponent += 10;
      }
      return `${amount}${binaryNames.get(exponent) ?? ""}`;
    }
  }
  let digits = String(q.mantissa);
  let exponent = q.scale;
  let zeros = 0;
  while (digits[digits.length - 1 - zeros] === "0") zeros++;
  digits = digits.slice(0, digits.length - zeros);
  exponent += zeros;
  const extra = ((exponent % 3) + 3) % 3;
  digits += "0".repeat(extra);
  exponent -= extra;
  if (q.format === "DecimalExponent" || (q.format === "BinarySI" && endless)) return exponent === 0 ? digits : `${digits}e${exponent}`;
  // Upstream writes nothing for an exponent that has no suffix.
  return `${digits}${decimalNames.get(exponent) ?? ""}`;
}

/** Each character has one place in it, so that no text takes long. */
const shape = /^([+-]?)([0-9]*)(?:\.([0-9]*))?((?:[eEinumkKMGTP]+[-+]?[0-9]*|[-+][0-9]*)?)$/;
function withoutLeadingZeros(digits: string): string {
  let zeros = 0;
  while (digits[zeros] === "0") zeros++;
  return digits.slice(zeros);
}

function interpret(suffix: string): { exponent: number; format: QuantityFormat } {
  const decimal = decimalSuffixes[suffix];
  if (decimal !== undefined) return { exponent: decimal, format: "DecimalSI" };
  const binary = binarySuffixes[suffix];
  if (binary !== undefined) return { exponent: binary, format: "BinarySI" };
  if (/^[eE][+-]?[0-9]+$/.test(suffix)) {
    const value = BigInt(suffix.slice(1).replace("+", ""));
    if (BigInt.asIntN(64, value) === value) return { exponent: Number(BigInt.asIntN(32, value)), format: "DecimalExponent" };
  }
  throw new QuantityError(suffixWrong);
}

function parse(text: string): Quantity {
  if (text === "") throw new QuantityError(formatWrong);
  const match = shape.exec(text);
  if (!match) throw new QuantityError(formatWrong);
  const number = withoutLeadingZeros(match[2] ?? "") || "0";
  const fraction = match[3] ?? "";
  const { exponent, format } = interpret(match[4] as string);
  const digits = number + fraction;
  const negative = match[1] === "-";
  const signed = (value: bigint): bigint => (negative ? -value : value);

  if (format === "BinarySI") {
    const significant = 15 - number.length - Math.trunc((exponent * 3) / 10) - 1;
    if (!fraction && significant >= 0) {
      const value = BigInt(number);
      return new Quantity(signed(value << BigInt(exponent)), 0, format, value % 8n !== 0n ? text : undefined);
    }
  } else if (digits.length <= 18 && exponent - fraction.length >= -9) {
    const scale = exponent - fraction.length;
    const kept = scale % 3 === 0 && !digits.endsWith("000") && digits[0] !== "0";
    return new Quantity(signed(BigInt(digits)), scale, format, kept ? text : undefined);
  }
  if (!/[0-9]/.test(text.slice(0, text.length - (match[4] as string).length))) throw new QuantityError(numericWrong);
  return large(BigInt(digits), -fraction.length, exponent, format, negative);
}

/** What does not fit upstream's fast representation: rounded up to nano, binary values capped at 2^63-1. */
function large(unscaled: bigint, point: number, exponent: number, format: QuantityFormat, negative: boolean): Quantity {
  let mantissa = format === "BinarySI" ? unscaled << BigInt(exponent) : unscaled;
  let scale = format === "BinarySI" ? point : point + exponent;
  if (scale < -9) {
    mantissa = divideUp(mantissa, -9 - scale);
    scale = -9;
  }
  let actual = format;
  if (format === "BinarySI") {
    const one = pow10(-scale);
    if (mantissa > maxInt64 * one) {
      mantissa = maxInt64;
      scale = 0;
    } else if (mantissa > 0n && mantissa < one) actual = "DecimalSI";
  }
  return new Quantity(negative ? -mantissa : mantissa, scale, actual);
}

const cache = new Map<string, Quantity>();
const cacheLimit = 4096;

/** Throws QuantityError. A number is read as the text that JSON writes for it. */
export function parseQuantity(input: string | number | bigint): Quantity {
  const text = typeof input === "string" ? input : String(input);
  const known = cache.get(text);
  if (known) return known;
  const quantity = parse(text);
  if (cache.size >= cacheLimit) cache.clear();
  if (text.length <= 64) cache.set(text, quantity);
  return quantity;
}

/** What upstream stores for a quantity that a client wrote: surrounding blanks dropped, canonical. Throws QuantityError. */
export const canonicalQuantity = (input: string | number | bigint): string => parseQuantity(typeof input === "string" ? input.trim() : input).toString();

export const zeroQuantity = new Quantity(0n);

/** Bytes and counts: an integer number of units, as a number (exact up to 2^53). Throws QuantityError. */
export const quantityToNumber = (input: string | number | bigint): number => Number(parseQuantity(input).value());
/** Milli-units, as CPU is counted, as a number (exact up to 2^53). Throws QuantityError. */
export const quantityToMilli = (input: string | number | bigint): number => Number(parseQuantity(input).milliValue());
