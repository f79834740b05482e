/** What calls of Kubernetes' libraries cost when they run (k8s.io/apiserver/pkg/cel/library/cost.go; cel-go's ext.Lists and ext.Sets). */
import { costSize, regexCost, sizeAt, traversal, traversed } from "./cost.ts";
import type { CallCost } from "./declarations.ts";
import { CIDRValue } from "./library/cidr.ts";
import { IPValue } from "./library/ip.ts";
import { FormatValue } from "./library/named-format.ts";
import { QuantityValue } from "./library/quantity.ts";
import { SemverValue } from "./library/semver.ts";
import { URLValue } from "./library/url.ts";
import { goTypeOf } from "./go-types.ts";
import { CelError, ComparisonFailure, Duration, lengthOf, ListValue, MapValue, Timestamp, UInt, type Value } from "./values.ts";

type Cost = (args: readonly Value[], result: Value) => number;

/** Of looking at everything in it. */
function traversalCost(value: Value): number {
  if (typeof value === "string") return Math.floor(Buffer.byteLength(value) * traversal);
  if (value instanceof Uint8Array) return Math.floor(value.length * traversal);
  let cost = 0;
  if (value instanceof ListValue) {
    for (const item of value) cost += traversalCost(item);
    return cost;
  }
  if (!(value instanceof MapValue)) return 1;
  for (const key of value.keys()) cost += traversalCost(key) + traversalCost(value.get(key) as Value);
  return cost;
}

const nominal: Cost = () => 1;
const overFirst: Cost = (args) => traversed(sizeAt(args, 0));
const twiceOverFirst: Cost = (args) => traversed(sizeAt(args, 0) * 2);
const regex: Cost = (args) => regexCost(sizeAt(args, 0), sizeAt(args, 1));
/** A list of requirements, each with values of its own; the shortest is two characters. */
export const selectorCost = (length: number): number => 10 + traversed(length) + Math.ceil(Math.ceil(length * 0.5) * 50);
const selector: Cost = (args) => selectorCost(sizeAt(args, 1));
export const authorizationCost = 350_000;

const nominalNames =
  "serviceAccount path group resource subresource namespace name allowed reason error errored masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast format.named sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch getScheme getHostname getHost getPort getEscapedPath getQuery";
const byName: Record<string, Cost> = Object.assign(Object.create(null) as Record<string, Cost>, {
  ...Object.fromEntries(nominalNames.split(" ").map((name) => [name, nominal])),
  ...Object.fromEntries(
    "isSorted sum max min indexOf lastIndexOf".split(" ").map((name) => [name, (args: readonly Value[]) => traversalCost(args[0] as Value)]),
  ),
  ...Object.fromEntries(
    "url lowerAscii upperAscii substring trim jsonpatch.escapeKey cidr isIP isCIDR quantity isQuantity semver isSemver"
      .split(" ")
      .map((name) => [name, overFirst]),
  ),
  check: () => authorizationCost,
  fieldSelector: selector,
  labelSelector: selector,
  replace: twiceOverFirst,
  split: twiceOverFirst,
  "ip.isCanonical": twiceOverFirst,
  join: (_: readonly Value[], result: Value) => traversed(costSize(result) * 2),
  find: regex,
  findAll: regex,
});
const parsed = (args: readonly Value[]): number => traversed(sizeAt(args, 1));
const prefixes = (args: readonly Value[]): number => traversed(sizeAt(args, 0) * 2);

const allocating = (factor: number, size: number): number => Math.floor(size * factor) + 11;
const outputSize: Cost = (_, result) => allocating(1, costSize(result));

/** Whoever counts in cel-go takes an argument for what it is declared as, and panics where it is an error: that ends the evaluation. */
function panic(given: Value, type: string): never {
  throw new ComparisonFailure(new CelError(`internal error: interface conversion: ${type.replace("GIVEN", goTypeOf(given))}`), true);
}
/** What can be added has the first method that a list must have. */
const canAdd = (value: Value): boolean => ["bigint", "number", "string"].includes(typeof value) || addable.some((type) => value instanceof type);
const addable = [Uint8Array, UInt, Duration, Timestamp];

function compared(list: Value): number {
  if (!(list instanceof ListValue)) return panic(list, `GIVEN is not traits.Lister: missing method ${canAdd(list) ? "Contains" : "Add"}`);
  const size = costSize(list);
  const first = size ? list.at(0) : undefined;
  return allocating(typeof first === "string" || first instanceof Uint8Array ? 2 + traversal : 2, size * size);
}
const sets =
  (factor: number): Cost =>
  (args) =>
    1 + Math.floor(sizeAt(args, 0) * sizeAt(args, 1) * factor);

const byOverload: Record<string, Cost> = Object.assign(Object.create(null) as Record<string, Cost>, {
  list_slice: outputSize,
  lists_range: outputSize,
  list_reverse: outputSize,
  list_flatten: (args: readonly Value[]) => allocating(1, sizeAt(args, 0)),
  list_flatten_int: ([list, depth]: readonly Value[]) =>
    typeof depth === "bigint" ? allocating(Number(depth), costSize(list as Value)) : panic(depth as Value, "ref.Val is GIVEN, not types.Int"),
  list_distinct: (args: readonly Value[]) => compared(args[0] as Value),
  list_sets_contains_list: sets(1),
  list_sets_intersects_list: sets(1),
  list_sets_equivalent_list: sets(2),
});

const atOnce = [QuantityValue, IPValue, CIDRValue, FormatValue, URLValue, SemverValue];
const isAtOnce = (value: Value | undefined): boolean => typeof value === "object" && atOnce.some((type) => value instanceof type);

export const kubernetesCallCost: CallCost = (name, overload) => {
  const listed = overload === undefined ? undefined : byOverload[overload];
  if (listed) return listed;
  if (overload && /^list_.+_sort$/.test(overload)) return (args) => compared(args[0] as Value);
  if (overload && /^list_.+_sortByAssociatedKeys$/.test(overload)) return (args) => compared(args[1] as Value);
  switch (name) {
    case "ip":
      return overload === "cidr_ip" ? nominal : overFirst;
    case "containsIP":
      return overload === "cidr_contains_ip_string" ? (args) => prefixes(args) + parsed(args) : prefixes;
    case "containsCIDR":
      return (args) => prefixes(args) + traversed(sizeAt(args, 0)) + 1 + (overload === "cidr_contains_cidr_string" ? parsed(args) : 0);
    case "validate":
      return (args) => (args[0] instanceof FormatValue ? regexCost(lengthOf(String(args[1])), args[0].maxRegexSize) : 1);
    case "_==_":
      return (args) => (isAtOnce(args[0]) ? 1 : traversed(Math.min(sizeAt(args, 0), sizeAt(args, 1))));
  }
  return byName[name];
};
