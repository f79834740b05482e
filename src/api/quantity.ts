/**
 * Quantities such as `100m`, `1.5Gi`, `12e6` (k8s.io/apimachinery/pkg/api/resource): exact decimal numbers of at most
 * nine decimals with the notation they were written in. Immutable.
 *
 * Upstream holds what fits as 64 bits and an exponent (int64Amount), the rest as a decimal of any length (inf.Dec); read as
 * a number of 64 bits the two overflow in different ways, and objects are refused or admitted by what comes out.
 */
import { table } from "../base/table.ts";
import { goInt64, goPow10 } from "./go-float.ts";

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
const low64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const fits64 = (value: bigint): boolean => low64(value) === value;
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
/** No number of 64 bits but zero is still one after so many tens. */
const digits64 = 20;
const fits64Scaled = (mantissa: bigint, tens: number): boolean => mantissa === 0n || fits64(mantissa * pow10(Math.min(tens, digits64)));

/** An int64Amount times a power of ten (positiveScaleInt64): the low bits by the shifts that have a way of their own, 0 by all others. */
function shifted64(mantissa: bigint, tens: number): bigint {
  if (mantissa === 0n) return 0n;
  const product = mantissa * pow10(Math.min(tens, digits64));
  if (fits64(product)) return product;
  return [1, 2, 3, 6, 9].includes(tens) && mantissa >= -maxInt64 ? low64(product) : 0n;
}

/** An inf.Dec in units 10^tens times as large, or as small when negative (scaledValue). */
function scaled64(mantissa: bigint, tens: number): bigint {
  const low = low64(mantissa);
  if (tens === 0) return low;
  if (tens < 0) return low64(low * goInt64(goPow10(-tens)));
  if (mantissa < maxInt64 && tens < digits64 - 1) return low / pow10(tens) + (low % pow10(tens) === 0n ? 0n : 1n);
  if (tens > 2 * String(mantissa).length + widestGap) return mantissa > 0n ? 1n : 0n;
  const by = pow10(tens);
  const floor = mantissa >= 0n ? mantissa / by : -((-mantissa + by - 1n) / by);
  return low64(low64(floor) + (mantissa % by === 0n ? 0n : 1n));
}

export class Quantity {
  /** The value is mantissa x 10^scale. */
  readonly mantissa: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text that it was parsed from, where upstream keeps that. */
  readonly written: string | undefined;
  /** Upstream holds it as an inf.Dec. */
  readonly long: boolean;
  #text: string | undefined;

  constructor(
    mantissa: bigint,
    scale = 0,
    format: QuantityFormat = "DecimalSI",
    { written, long = !fits64(mantissa) }: { written?: string; long?: boolean } = {},
  ) {
    this.mantissa = mantissa;
    this.scale = scale;
    this.format = format;
    this.written = written;
    this.long = long;
    this.#text = written;
  }

  /** In units of 10^scale, rounded away from zero; what 64 bits do not hold comes out as upstream's overflow. */
  scaledValue(scale: number): bigint {
    if (this.long) return scaled64(this.mantissa, scale - this.scale);
    return this.scale < scale ? divideUp(this.mantissa, scale - this.scale) : shifted64(this.mantissa, this.scale - scale);
  }
  /** Units, rounded and overflowing like scaledValue. */
  value(): bigint {
    return this.scaledValue(0);
  }
  /** Thousandths, rounded and overflowing like scaledValue. */
  milliValue(): bigint {
    return this.scaledValue(-3);
  }
  /** The whole number that it is by its notation (2000m is none), if it is one of 64 bits. */
  asInt64(): bigint | undefined {
    if (this.long || this.scale < 0 || !fits64Scaled(this.mantissa, this.scale)) return undefined;
    return shifted64(this.mantissa, this.scale);
  }
  /** A double near it: upstream's AsApproximateFloat64. */
  toNumber(): number {
    return this.scale === 0 ? Number(this.mantissa) : Number(this.mantissa) * goPow10(this.scale);
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
    const format = this.mantissa === 0n ? other.format : this.format;
    const long = this.long || other.long;
    const like = ({ mantissa, scale }: Quantity): Quantity => new Quantity(mantissa, scale, format, { long });
    if (!long && other.mantissa === 0n) return like(this);
    if (!long && this.mantissa === 0n) return like(other);
    const gap = this.scale - other.scale;
    if (Math.abs(gap) > widestGap) return like(other.mantissa === 0n || (gap > 0 && this.mantissa !== 0n) ? this : other);
    const low = Math.min(this.scale, other.scale);
    const sum = this.mantissa * pow10(this.scale - low) + other.mantissa * pow10(other.scale - low);
    const grown = !fits64Scaled(this.mantissa, this.scale - low) || !fits64Scaled(other.mantissa, other.scale - low) || !fits64(sum);
    return new Quantity(sum, low, format, { long: long || grown });
  }
  sub(other: Quantity): Quantity {
    return this.add(other.neg());
  }
  neg(): Quantity {
    return new Quantity(-this.mantissa, this.scale, this.format, { long: this.long });
  }
  /** Rounded away from zero to a multiple of 10^scale; itself, notation included, when it is one by its notation. */
  roundUp(scale: number): Quantity {
    if (this.scale < scale) return new Quantity(divideUp(this.mantissa, scale - this.scale), scale, this.format, { long: this.long });
    return this.long ? longAt(scale, this.mantissa, this.scale, this.format) : this;
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

/** With as many decimals as an inf.Dec is given; but for hostile exponents, at which upstream does not come to an end. */
function longAt(scale: number, mantissa: bigint, from: number, format: QuantityFormat): Quantity {
  if (from <= scale || from > widestGap) return new Quantity(mantissa, from, format, { long: true });
  return new Quantity(mantissa * pow10(from - scale), scale, format, { long: true });
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

/** As many digits are sure to fit in 64 bits. */
const maxDigits = 18;
const nano = -9;

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
  if (text === "0") return new Quantity(0n, 0, "DecimalSI", { written: text });
  const match = shape.exec(text);
  if (!match) throw new QuantityError(formatWrong);
  const number = withoutLeadingZeros(match[2] ?? "") || "0";
  const fraction = match[3] ?? "";
  const { exponent, format } = interpret(match[4] as string);
  const digits = number + fraction;
  const negative = match[1] === "-";
  const signed = (value: bigint): bigint => (negative ? -value : value);

  if (format === "BinarySI") {
    const significant = maxDigits - 3 - number.length - Math.trunc((exponent * 3) / 10) - 1;
    if (!fraction && significant >= 0) {
      const value = BigInt(number);
      return new Quantity(signed(value << BigInt(exponent)), 0, format, { written: value % 8n !== 0n ? text : undefined, long: false });
    }
  } else {
    const scale = (exponent - fraction.length) | 0;
    if (digits.length <= maxDigits && scale >= nano) {
      const kept = scale % 3 === 0 && !digits.endsWith("000") && digits[0] !== "0";
      return new Quantity(signed(BigInt(digits)), scale, format, { written: kept ? text : undefined, long: false });
    }
  }
  if (!/[0-9]/.test(text.slice(0, text.length - (match[4] as string).length))) throw new QuantityError(numericWrong);
  return large(BigInt(digits), -fraction.length, exponent, format, negative);
}

/** What does not fit upstream's fast representation: rounded up to nano, binary values capped at 2^63-1. */
function large(unscaled: bigint, point: number, exponent: number, format: QuantityFormat, negative: boolean): Quantity {
  const signed = (value: bigint): bigint => (negative ? -value : value);
  let mantissa = format === "BinarySI" ? unscaled << BigInt(exponent) : unscaled;
  let scale = format === "BinarySI" ? point : point + exponent;
  if (mantissa === 0n) return new Quantity(mantissa, scale, format, { long: true });
  if (scale < nano) {
    mantissa = divideUp(mantissa, nano - scale);
    scale = nano;
  }
  let actual = format;
  if (format === "BinarySI") {
    const one = pow10(-scale);
    if (mantissa > maxInt64 * one) return new Quantity(signed(maxInt64), 0, format, { long: true });
    if (mantissa > 0n && mantissa < one) actual = "DecimalSI";
  }
  return longAt(nano, signed(mantissa), scale, actual);
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
