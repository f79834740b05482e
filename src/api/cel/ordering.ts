/** `<` and its like on values whose types only the evaluation knows. */
import type { Implementation } from "./declarations.ts";
import { CelError, compare, noSuchOverload, type Value } from "./values.ts";

const unordered = new CelError("NaN values cannot be ordered");

const ordered =
  (holds: (order: number) => boolean): Implementation =>
  (a, b) => {
    const order = compare(a as Value, b as Value);
    if (order === undefined) return noSuchOverload;
    return Number.isNaN(order) ? unordered : holds(order);
  };

export const orderings: ReadonlyMap<string, Implementation> = new Map([
  ["_<_", ordered((order) => order < 0)],
  ["_<=_", ordered((order) => order <= 0)],
  ["_>_", ordered((order) => order > 0)],
  ["_>=_", ordered((order) => order >= 0)],
]);
