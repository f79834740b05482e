/** `<` and its like on values whose types only the evaluation knows. */
import type { Implementation } from "./declarations.ts";
import { CelError, compare, type Value } from "./values.ts";

const unordered = new CelError("NaN values cannot be ordered");

function ordered(name: string, holds: (order: number) => boolean): [string, Implementation] {
  const noOrder = new CelError(`no such overload: ${name}`);
  return [
    name,
    (a, b) => {
      const order = compare(a as Value, b as Value);
      if (order === undefined) return noOrder;
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
