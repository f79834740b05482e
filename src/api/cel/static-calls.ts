/** What standard functions may cost by the sizes of their arguments (cel-go's checker/cost.go). */
import { regexFactor, traversal } from "./cost.ts";
import { one, plus, type Range, range, scaled, times, unknownSize } from "./sizes.ts";
import type { CallEstimate, EstimatedCall, Sized } from "./static-cost.ts";
import { table } from "../../base/table.ts";

const size = (value: Sized | undefined): Range => value?.size ?? unknownSize;
const traversed = (of: Range): Range => scaled(of, traversal);

/** What is compared at most is the shorter one. */
function compared({ args }: EstimatedCall): CallEstimate {
  const max = Math.min(size(args[0]).max, size(args[1]).max);
  return { cost: traversed(range(max > 0 ? 1 : 0, max)) };
}
const overArgument = ({ args }: EstimatedCall): CallEstimate => ({ cost: traversed(size(args[0])) });
function joined({ args }: EstimatedCall): CallEstimate {
  const result = plus(size(args[0]), size(args[1]));
  return { cost: traversed(result), size: result };
}

const ordered = ["less", "greater", "less_equals", "greater_equals"].flatMap((order) => ["string", "bytes"].map((type) => [`${order}_${type}`, compared]));
const estimates = table<(call: EstimatedCall) => CallEstimate>({
  string_format: ({ target }) => ({ cost: traversed(size(target)) }),
  string_to_bytes({ args }) {
    const { min, max } = size(args[0]);
    return { cost: traversed(range(min, max)), size: range(min, max * 4) };
  },
  bytes_to_string({ args }) {
    const { min, max } = size(args[0]);
    return { cost: traversed(range(min, max)), size: range(Math.floor(min / 4), max) };
  },
  strings_quote({ args }) {
    const { min, max } = size(args[0]);
    return { cost: traversed(range(min, max)), size: range(min + 2, max * 2 + 2) };
  },
  starts_with_string: overArgument,
  ends_with_string: overArgument,
  in_list: ({ args }) => ({ cost: size(args[1]) }),
  matches_string: ({ target, args }) => ({ cost: times(traversed(plus(size(target), one)), scaled(size(args[0]), regexFactor)) }),
  contains_string: ({ target, args }) => ({ cost: times(traversed(size(target)), traversed(size(args[0]))) }),
  add_string: joined,
  add_bytes: joined,
  add_list: ({ args }) => ({ cost: one, size: plus(size(args[0]), size(args[1])) }),
  equals: compared,
  not_equals: compared,
  ...Object.fromEntries(ordered),
});

export const standardCallEstimate = (call: EstimatedCall): CallEstimate => estimates[call.overload]?.(call) ?? { cost: one };
