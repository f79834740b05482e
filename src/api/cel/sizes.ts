/** Ranges of sizes and costs that are not known exactly. What is beyond 64 bits is without bound. */

export interface Range {
  readonly min: number;
  readonly max: number;
}

export const unbounded = 2 ** 64;
const saturate = (value: number): number => Math.min(value, unbounded);

export const range = (min: number, max: number): Range => ({ min, max });
export const exactly = (value: number): Range => ({ min: value, max: value });
export const unknownSize: Range = range(0, unbounded);
export const nothing: Range = exactly(0);
export const one: Range = exactly(1);

export const plus = (a: Range, b: Range): Range => range(saturate(a.min + b.min), saturate(a.max + b.max));
/** Without bound times nothing is nothing. */
const product = (x: number, y: number): number => (x === 0 || y === 0 ? 0 : saturate(x * y));
export const times = (a: Range, b: Range): Range => range(product(a.min, b.min), product(a.max, b.max));
/** Rounded up. */
export const scaled = (a: Range, by: number): Range => range(saturate(Math.ceil(a.min * by)), saturate(Math.ceil(a.max * by)));
export const union = (a: Range, b: Range): Range => range(Math.min(a.min, b.min), Math.max(a.max, b.max));
export const sum = (all: readonly Range[]): Range => all.reduce(plus, nothing);
