/** `<` and its like on values whose types only the evaluation knows. */
import type { Implementation } from "./declarations.ts";
import { CelError, compare, noSuchOverload, type Value } from "./values.ts";

const unordered = new CelError("NaN values cannot be ordered");

function ordered(name: string, holds: (order: number) => boolean): [string, Implementation] {
  const noOrder = new CelError(`no such overload: ${name}`);
  return [
    name,
    (a, b) => {
      if (Number.isNaN(a)) return unordered;
      const order = compare(a as Value, b as Value);
      // What has an order says itself that the other is none of its kind.
      if (order === undefined) return compare(a as Value, a as Value) === undefined ? noOrder : noSuchOverload;
      return Number.isNaN(order) ? unordered : holds(order);
    },
  ];
}

export const orderings: ReadonlyMap<string, Implementation> = new Map([
  ordered("_<_", (order) => order < 0),
  ordered("_<=_", (order) => order <= 0),
  ordered("_>_", (order) => order > 0),
  ordered("_>=_", (order) => order >= 0),
]);
