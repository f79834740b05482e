/** Literals that can only fail, and lists and maps of several types: found before anything is evaluated (cel-go's cel/validator.go). */
import type { Call, Expr, List, MapExpr } from "./ast.ts";
import type { Names } from "./declarations.ts";
import type { Issue } from "./errors.ts";
import { type Clause, FormatError, parseFormat } from "./library/format-clauses.ts";
import { compileRegex } from "./regex.ts";
import { isOptional, type Type } from "./types.ts";
import { CelError, ListValue } from "./values.ts";
import { table } from "../../base/table.ts";

export function children(node: Expr): readonly Expr[] {
  switch (node.kind) {
    case "select":
      return [node.operand];
    case "call":
      return node.target ? [node.target, ...node.args] : node.args;
    case "list":
      return node.elements;
    case "map":
      return node.entries.flatMap(({ key, value }) => [key, value]);
    case "struct":
      return node.fields.map(({ value }) => value);
    case "comprehension":
      return [node.range, node.initial, node.condition, node.step, node.result];
  }
  return [];
}
function* descendants(node: Expr, inFormat = false): Iterable<{ node: Expr; inFormat: boolean }> {
  yield { node, inFormat };
  const inside = inFormat || (node.kind === "call" && node.name === "format");
  for (const child of children(node)) yield* descendants(child, inside);
}

const mismatch = (at: number, expected: Type, found: Type): Issue => ({ offset: at, message: `expected type '${expected}' but found '${found}'` });
const unwrapped = (node: Expr, optional: boolean): Type => {
  const type = node.type as Type;
  return optional && isOptional(type) ? type.parameter(0) : type;
};
function listIssues({ elements, optional }: List): Issue[] {
  const [first] = elements.map((element, i) => unwrapped(element, optional.has(i)));
  const other = elements.findIndex((element, i) => !(first as Type).same(unwrapped(element, optional.has(i))));
  const found = elements[other];
  return found ? [mismatch(found.at, first as Type, unwrapped(found, optional.has(other)))] : [];
}
function mapIssues({ entries: [first, ...rest] }: MapExpr): Issue[] {
  if (!first) return [];
  const [keyType, valueType] = [first.key.type as Type, unwrapped(first.value, first.optional)];
  return rest.flatMap(({ key, value, optional }) => [
    ...(keyType.same(key.type as Type) ? [] : [mismatch(key.at, keyType, key.type as Type)]),
    ...(valueType.same(unwrapped(value, optional)) ? [] : [mismatch(value.at, valueType, unwrapped(value, optional))]),
  ]);
}

const checks = table<(literal: unknown, call: Call, names: Names) => boolean>({
  duration: converts,
  timestamp: converts,
  matches: (pattern) => typeof pattern !== "string" || !(compileRegex(pattern) instanceof CelError),
});
function converts(literal: unknown, { name, reference }: Call, names: Names): boolean {
  if (literal === null) return false;
  const overload = names.resolveFunction(`.${name}`)?.overloads.find(({ id }) => reference?.overloads?.includes(id));
  return !(overload?.call(literal as never) instanceof CelError);
}

const allowed = table<readonly string[]>({
  s: ["list", "map", "int", "uint", "double", "bool", "string", "timestamp", "bytes", "duration", "type", "null"],
  d: ["int", "uint"],
  f: ["double", "string"],
  e: ["double", "string"],
  b: ["int", "uint", "bool"],
  x: ["int", "uint", "string", "bytes"],
  X: ["int", "uint", "string", "bytes"],
  o: ["int", "uint"],
});
const complaints = table<string>({
  s: "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
  d: "decimal clause can only be used on integers",
  f: "fixed-point clause can only be used on doubles",
  e: "scientific clause can only be used on doubles",
  b: "only integers and bools can be formatted as binary",
  x: "only integers, byte buffers, and strings can be formatted as hex",
  X: "only integers, byte buffers, and strings can be formatted as hex",
  o: "octal clause can only be used on integers",
});
function unfit(verb: string, node: Expr): Expr | undefined {
  const { kind } = node.type as Type;
  if (kind !== "dyn" && !allowed[verb]?.includes(kind)) return node;
  if (verb !== "s" || (node.kind !== "list" && node.kind !== "map")) return undefined;
  return children(node)
    .map((child) => unfit(verb, child))
    .find(Boolean);
}
function formatIssues({ at, target, args: [list] }: Call): Issue[] {
  if (target?.kind !== "literal" || typeof target.value !== "string" || list?.kind !== "list") return [];
  const { elements } = list;
  try {
    const pieces = parseFormat(target.value, (index) => {
      if (index >= elements.length) throw new FormatError(`index ${index} out of range`);
    });
    const clauses = pieces.filter((piece): piece is Clause => typeof piece !== "string");
    for (const [i, { verb }] of clauses.entries()) {
      const bad = unfit(verb, elements[i] as Expr);
      if (bad) return [{ offset: bad.at, message: `error during formatting: ${complaints[verb]}, was given ${(bad.type as Type).name}` }];
    }
    if (clauses.length >= elements.length) return [];
    return [{ offset: at, message: `too many arguments supplied to string.format (expected ${clauses.length}, got ${elements.length})` }];
  } catch (error) {
    if (error instanceof FormatError) return [{ offset: at, message: error.message }];
    throw error;
  }
}

export function validate(expression: Expr, names: Names): Issue[] {
  const nodes = [...descendants(expression)];
  const calls = nodes.flatMap(({ node }) => (node.kind === "call" ? [node] : []));
  const literals = ["duration", "timestamp", "matches"].flatMap((name) =>
    calls.flatMap((call): Issue[] => {
      const [argument] = call.args;
      if (call.name !== name || argument?.kind !== "literal" || argument.value instanceof ListValue) return [];
      return checks[name]?.(argument.value, call, names) ? [] : [{ offset: argument.at, message: `invalid ${name} argument` }];
    }),
  );
  const open = nodes.flatMap(({ node, inFormat }) => (inFormat ? [] : [node]));
  const lists = open.flatMap((node) => (node.kind === "list" ? listIssues(node) : []));
  const maps = open.flatMap((node) => (node.kind === "map" ? mapIssues(node) : []));
  const formats = calls.flatMap((call) => (call.name === "format" && call.target ? formatIssues(call) : []));
  return [...literals, ...lists, ...maps, ...formats];
}
