/** Comprehensions over index and value, or key and value (cel-go's ext.TwoVarComprehensions). */
import { call, type Expr, ident, list } from "../ast.ts";
import { type Library, overload } from "../declarations.ts";
import { accu, accumulator, type Fail, type Fold, folds, type Macro, variable } from "../macro.ts";
import { mapOf, param } from "../types.ts";
import { GrowingMap, HashMap, type MapValue, type Value } from "../values.ts";

const [k, v] = [param("K"), param("V")];
const map = mapOf(k, v);

function variables([first, second]: readonly Expr[], fail: Fail): [string, string] {
  const complaint = "argument must be a simple name";
  const names: [string, string] = [variable(first as Expr, fail, complaint), variable(second as Expr, fail, complaint)];
  if (names[0] === names[1]) fail(`duplicate variable name: ${names[0]}`, (second as Expr).at);
  return names;
}

type Build = (at: number, args: readonly Expr[], key: string) => Fold;
const over =
  (build: Build): Macro =>
  ({ at, target, args }, fail) => {
    const [key, value] = variables(args, fail);
    return { kind: "comprehension", at, range: target as Expr, variable: key, variable2: value, accumulator, ...build(at, args.slice(2), key) };
  };
/** With a filter when there are two arguments. */
const collecting = (initial: (at: number) => Expr, add: (at: number, transform: Expr, key: string) => Expr): Macro =>
  over((at, args, key) => folds.collect(at, initial(at), add(at, args.at(-1) as Expr, key), args.length > 1 ? args[0] : undefined));
const quantifier = (fold: (at: number, predicate: Expr) => Fold): Macro => over((at, [predicate]) => fold(at, predicate as Expr));

const emptyMap = (at: number): Expr => ({ kind: "map", at, entries: [] });
const transformList = collecting(
  (at) => list(at, []),
  (at, transform) => call(at, "_+_", accu(at), list(at, [transform])),
);
const transformMap = collecting(emptyMap, (at, transform, key) => call(at, "cel.@mapInsert", accu(at), ident(at, key), transform));
const transformMapEntry = collecting(emptyMap, (at, transform) => call(at, "cel.@mapInsert", accu(at), transform));

const own = (of: MapValue): HashMap => {
  if (of instanceof GrowingMap) return of;
  const copy = new HashMap();
  for (const key of of.keys()) copy.insert(key, of.get(key) as Value);
  return copy;
};

export const twoVariableComprehensions: Library = {
  macros: {
    "all:1:3": quantifier(folds.all),
    "exists:1:3": quantifier(folds.exists),
    "existsOne:1:3": quantifier(folds.existsOne),
    "exists_one:1:3": quantifier(folds.existsOne),
    "transformList:1:3": transformList,
    "transformList:1:4": transformList,
    "transformMap:1:3": transformMap,
    "transformMap:1:4": transformMap,
    "transformMapEntry:1:3": transformMapEntry,
    "transformMapEntry:1:4": transformMapEntry,
  },
  functions: {
    "cel.@mapInsert": [
      overload("@mapInsert_map_key_value", [map, k, v], map, (of: MapValue, key: Value, value: Value) => {
        const copy = own(of);
        return copy.insert(key, value) ?? copy;
      }),
      overload("@mapInsert_map_map", [map, map], map, (of: MapValue, more: MapValue) => {
        const copy = own(of);
        for (const key of more.keys()) {
          const failure = copy.insert(key, more.get(key) as Value);
          if (failure) return failure;
        }
        return copy;
      }),
    ],
  },
};
