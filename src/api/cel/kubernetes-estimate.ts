/** What calls of Kubernetes' libraries may cost (k8s.io/apiserver/pkg/cel/library/cost.go; cel-go's ext.Lists and ext.Sets). */
import type { Expr } from "./ast.ts";
import { regexFactor, traversal } from "./cost.ts";
import { authorizationCost } from "./kubernetes-cost.ts";
import { exactly, nothing, one, plus, type Range, range, scaled, sum, times, unbounded, unknownSize } from "./sizes.ts";
import { standardCallEstimate } from "./static-calls.ts";
import { type CallEstimate, type EstimatedCall, type EstimateOptions, estimateCost, type Sized } from "./static-cost.ts";
import type { Type } from "./types.ts";

type SizeOf = NonNullable<EstimateOptions["size"]>;
type Estimate = (call: EstimatedCall, size: (value: Sized) => Range) => CallEstimate | undefined;

const traversed = (of: Range): Range => scaled(of, traversal);
const twice = (of: Range): Range => scaled(of, 2 * traversal);
const nominal: Estimate = () => ({ cost: one });
/** By the first argument of a function. */
const overArgument: Estimate = ({ args: [argument] }, size) => (argument ? { cost: traversed(size(argument)) } : undefined);
/** By the text before the dot. */
const overTarget: Estimate = ({ target }, size) => (target ? { cost: traversed(size(target)), size: size(target) } : undefined);

const element = ({ type, path }: Sized): Sized | undefined =>
  type.parameters.length ? { type: type.parameter(0), path: path && [...path, "@items"], size: undefined } : undefined;

const overElements: Estimate = ({ target }, size) => {
  if (!target) return undefined;
  const item = element(target);
  if (!item) return { cost: traversed(size(target)) };
  const long = item.type.kind === "string" || item.type.kind === "bytes";
  return { cost: times(size(target), long ? plus(one, traversed(size(item))) : one) };
};
const replace: Estimate = ({ target, args: [old, by] }, size) => {
  if (!target || !old || !by) return undefined;
  const [text, from, to] = [size(target), size(old), size(by)];
  const most = from.min === 0 ? [text.max + 1, text.max] : to.max <= from.min ? [0, text.max] : [Math.ceil(text.max / from.min), 0];
  const least = from.max === 0 ? [text.min + 1, text.min] : from.max <= to.min ? [0, text.min] : [Math.ceil(text.min / from.max), 0];
  const count = range(least[0] as number, Math.min(most[0] as number, unbounded));
  return { cost: twice(text), size: plus(times(count, to), range(least[1] as number, most[1] as number)) };
};
const split: Estimate = ({ target, args }, size) => {
  if (!target) return undefined;
  const limit = args[1]?.expression;
  const most = limit?.kind === "literal" && typeof limit.value === "bigint" ? Number(BigInt.asUintN(64, limit.value)) : size(target).max;
  return { cost: twice(size(target)), size: range(0, most) };
};
const join: Estimate = ({ target, args: [separator] }, size) => {
  if (!target) return undefined;
  const list = size(target);
  const item = element(target);
  let result = item ? times(list, size(item)) : nothing;
  if (separator) result = plus(result, times(size(separator), range(Math.max(0, list.min - 1), Math.max(0, list.max - 1))));
  return { cost: traversed(result), size: result };
};
const find: Estimate = ({ target, args: [pattern] }, size) => {
  if (!target || !pattern) return undefined;
  const text = size(target);
  return { cost: times(traversed(plus(text, one)), scaled(size(pattern), regexFactor)), size: range(0, text.max) };
};
/** Bytes of an address. */
const address = range(4, 16);
const parsedText = ({ args: [other] }: EstimatedCall, size: (value: Sized) => Range): Range => (other ? traversed(size(other)) : nothing);
const containsIP: Estimate = (call, size) => ({
  cost: plus(traversed(plus(address, address)), call.overload === "cidr_contains_ip_string" ? parsedText(call, size) : nothing),
});
const containsCIDR: Estimate = (call, size) => ({
  cost: sum([traversed(plus(address, address)), traversed(address), one, call.overload === "cidr_contains_cidr_string" ? parsedText(call, size) : nothing]),
});
const maxFormatRegex = 128;
const maxFormatName = 64;
const validate: Estimate = ({ args: [text] }, size) => (text ? { cost: scaled(traversed(size(text)), maxFormatRegex * regexFactor) } : undefined);
const selector: Estimate = ({ args: [text] }, size) =>
  text ? { cost: sum([exactly(10), traversed(size(text)), scaled(scaled(size(text), 0.5), 50)]) } : undefined;

const atOnce = new Set(["kubernetes.Quantity", "kubernetes.Semver", "net.IP", "net.CIDR"]);
const isAtOnce = ({ kind, name }: Type): boolean =>
  (kind === "struct" || kind === "opaque") && (atOnce.has(name) || name.startsWith("kubernetes.authorization."));
const equals: Estimate = ({ args: [a, b] }) => {
  if (!a || !b || !a.type.same(b.type)) return undefined;
  if (isAtOnce(a.type)) return { cost: one };
  if (a.type.name === "kubernetes.NamedFormat") return { cost: traversed(range(1, maxFormatName)) };
  return a.type.name === "kubernetes.URL" ? { cost: traversed(range(1, Math.max(1, b.size?.max ?? 1))) } : undefined;
};

const names = (text: string, estimate: Estimate): [string, Estimate][] => text.split(" ").map((name) => [name, estimate]);
const byName = new Map<string, Estimate>([
  ...names("serviceAccount path group resource subresource namespace name allowed reason error errored", nominal),
  ...names("masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast format.named", nominal),
  ...names("sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch", nominal),
  ...names("getScheme getHostname getHost getPort getEscapedPath getQuery", nominal),
  ...names("isSorted sum max min indexOf lastIndexOf", overElements),
  ...names("lowerAscii upperAscii substring trim", overTarget),
  ...names("cidr isIP isCIDR quantity isQuantity semver isSemver", overArgument),
  ...names("url jsonpatch.escapeKey", ({ args: [text] }, size) => (text ? { cost: traversed(size(text)), size: size(text) } : undefined)),
  ...names("fieldSelector labelSelector", selector),
  ...names("find findAll", find),
  ["check", () => ({ cost: exactly(authorizationCost) })],
  ["replace", replace],
  ["split", split],
  ["join", join],
  ["ip", (call, size) => (call.overload === "cidr_ip" ? { cost: one } : overArgument(call, size))],
  ["ip.isCanonical", ({ args: [text] }, size) => (text ? { cost: twice(size(text)) } : undefined)],
  ["containsIP", containsIP],
  ["containsCIDR", containsCIDR],
  ["validate", validate],
  ["_==_", equals],
]);

const allocating = (factor: number, of: Range): CallEstimate => ({ cost: plus(scaled(of, factor), exactly(11)), size: of });
/** A literal number; negative ones count nothing. */
function number(value: Sized | undefined, otherwise: number): number {
  const literal = value?.expression;
  return literal?.kind === "literal" && typeof literal.value === "bigint" ? Math.max(0, Number(literal.value)) : otherwise;
}
const sorted = (type: Type | undefined, of: Range): CallEstimate =>
  allocating(type?.kind === "string" || type?.kind === "bytes" ? 2 + traversal : 2, times(of, of));
const sets =
  (factor: number): Estimate =>
  ({ args: [a, b] }, size) =>
    a && b ? { cost: plus(scaled(times(size(a), size(b)), factor), one) } : undefined;
const byOverload = new Map<string, Estimate>([
  [
    "list_slice",
    ({ target, args }, size) => (target ? allocating(1, exactly(Math.max(0, number(args[1], size(target).max) - number(args[0], 0)))) : undefined),
  ],
  ["lists_range", ({ args }) => allocating(1, exactly(number(args[0], unbounded)))],
  ["list_reverse", ({ target }, size) => (target ? allocating(1, size(target)) : undefined)],
  ["list_flatten", ({ target }, size) => (target ? allocating(1, size(target)) : undefined)],
  ["list_flatten_int", ({ target, args }, size) => (target ? allocating(number(args[0], unbounded), size(target)) : undefined)],
  ["list_distinct", ({ target }, size) => (target ? allocating(2, times(size(target), size(target))) : undefined)],
  ["list_sets_contains_list", sets(1)],
  ["list_sets_intersects_list", sets(1)],
  ["list_sets_equivalent_list", sets(2)],
]);
function sorting({ overload, target, args: [keys] }: EstimatedCall, size: (value: Sized) => Range): CallEstimate | undefined {
  const sort = /^list_(.+)_(sort|sortByAssociatedKeys)$/.exec(overload);
  const of = sort?.[2] === "sort" ? target : keys;
  return sort && of ? sorted({ kind: sort[1] } as Type, size(of)) : undefined;
}

/** Of a checked expression; `sizeOf` says how large variables may be. */
export function estimateKubernetesCost(expression: Expr, sizeOf?: SizeOf): Range {
  const size = (value: Sized): Range => value.size ?? sizeOf?.(value) ?? unknownSize;
  return estimateCost(expression, {
    ...(sizeOf ? { size: sizeOf } : {}),
    call: (call) => byOverload.get(call.overload)?.(call, size) ?? sorting(call, size) ?? byName.get(call.name)?.(call, size) ?? standardCallEstimate(call),
  });
}
