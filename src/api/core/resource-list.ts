/** Amounts of resources as they stand in objects: names to quantities as text. */
import { goInt64 } from "../go-float.ts";
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

/** Whether nothing is left of one, by the thousandths as 64 bits hold them. */
export const isWhole = (quantity: Quantity): boolean => quantity.milliValue() % 1000n === 0n;

/** a / b rounded up, by doubles as upstream divides; in thousandths of both where `milli`. */
export function divideRoundingUp(a: string, b: string, milli: boolean): bigint {
  const [n, d] = [parseQuantity(a), parseQuantity(b)].map((q) => Number(milli ? q.milliValue() : q.value())) as [number, number];
  return goInt64(Math.ceil(n / d));
}
