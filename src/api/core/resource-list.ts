/** Amounts of resources as they stand in objects: names to quantities as text. */
import { parseQuantity, type Quantity } from "../quantity.ts";

export type ResourceList = Record<string, string>;

export const quantityOf = (text: string): Quantity => parseQuantity(text);
/** As upstream prints it. */
export const canonicalQuantity = (text: string): string => parseQuantity(text).toString();
export const isZeroQuantity = (text: string): boolean => parseQuantity(text).isZero();
/** Negative, zero, positive as a is less than, equal to, greater than b. */
export const compareQuantities = (a: string, b: string): number => parseQuantity(a).cmp(parseQuantity(b));
export const addQuantities = (a: string, b: string): string => parseQuantity(a).add(parseQuantity(b)).toString();

/** Amounts finer than a thousandth are rounded up to one, in place. */
export function roundUpToMilli(list: ResourceList | undefined): void {
  for (const name in list) list[name] = parseQuantity(list[name]!).roundUp(-3).toString();
}

/**
 * Whether something is left of one, by the thousandths, as upstream counts them: where 64 bits do not hold them there are none
 * (int64Amount.AsScaledInt64), and of more than 18 digits their low bits (scaledValue).
 */
export function isWhole(quantity: Quantity): boolean {
  const { mantissa, scale } = quantity;
  if (scale < 0) return quantity.milliValue() % 1000n === 0n;
  const most = 10n ** 18n;
  if (mantissa < most && mantissa > -most) return true;
  return BigInt.asIntN(64, mantissa * 10n ** BigInt(Math.min(scale, 20) + 3)) % 1000n === 0n;
}

/** a / b rounded up; in thousandths of both where `milli`. */
export function divideRoundingUp(a: string, b: string, milli: boolean): bigint {
  const [n, d] = [parseQuantity(a), parseQuantity(b)].map((q) => (milli ? q.milliValue() : q.value())) as [bigint, bigint];
  return n <= 0n ? n / d : (n + d - 1n) / d;
}
