/** Macros: calls that are rewritten when they are parsed (cel-spec, "Macros"); the standard ones. */
import { type Call, call, type Comprehension, type Expr, ident, list, literal, select } from "./ast.ts";

export type Fail = (message: string, at: number) => never;
/** undefined: it is an ordinary call after all. */
export type Macro = (call: Call, fail: Fail) => Expr | undefined;
/** `name:1:2` is VALUE.name(a, b), `name:0:2` is name(a, b); `*` for any number of arguments. */
export type Macros = Readonly<Record<string, Macro>>;

/** No name that can be written. */
export const accumulator = "@result";

/** The pieces that every comprehension is made of, at the place of the call. */
export interface Fold {
  readonly initial: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}
export const accu = (at: number): Expr => ident(at, accumulator);
const goOn = (at: number): Expr => literal(at, true);

export const folds = {
  all: (at: number, predicate: Expr): Fold => ({
    initial: literal(at, true),
    condition: call(at, "@not_strictly_false", accu(at)),
    step: call(at, "_&&_", accu(at), predicate),
    result: accu(at),
  }),
  exists: (at: number, predicate: Expr): Fold => ({
    initial: literal(at, false),
    condition: call(at, "@not_strictly_false", call(at, "!_", accu(at))),
    step: call(at, "_||_", accu(at), predicate),
    result: accu(at),
  }),
  existsOne: (at: number, predicate: Expr): Fold => ({
    initial: literal(at, 0n),
    condition: goOn(at),
    step: call(at, "_?_:_", predicate, call(at, "_+_", accu(at), literal(at, 1n)), accu(at)),
    result: call(at, "_==_", accu(at), literal(at, 1n)),
  }),
  /** What `add` makes of the accumulator, for those that the filter lets through. */
  collect: (at: number, initial: Expr, add: Expr, filter?: Expr): Fold => ({
    initial,
    condition: goOn(at),
    step: filter ? call(at, "_?_:_", filter, add, accu(at)) : add,
    result: accu(at),
  }),
};

/** The name that a macro binds. */
export function variable(argument: Expr, fail: Fail, complaint: string): string {
  if (argument.kind !== "ident") return fail(complaint, argument.at);
  if (argument.name === accumulator || argument.name === "__result__") return fail("iteration variable overwrites accumulator variable", argument.at);
  return argument.name;
}

const over =
  (fold: (at: number, args: readonly Expr[]) => Fold, complaint: string): Macro =>
  ({ at, target, args }, fail): Comprehension => ({
    kind: "comprehension",
    at,
    range: target as Expr,
    variable: variable(args[0] as Expr, fail, complaint),
    accumulator,
    ...fold(at, args.slice(1)),
  });
const quantifier = (fold: (at: number, predicate: Expr) => Fold): Macro =>
  over((at, [predicate]) => fold(at, predicate as Expr), "argument must be a simple name");
const collection = (fold: (at: number, args: readonly Expr[]) => Fold): Macro => over(fold, "argument is not an identifier");
const appended = (at: number, element: Expr): Expr => call(at, "_+_", accu(at), list(at, [element]));

const filter: Macro = (made, fail) =>
  collection((at, [predicate]) => folds.collect(at, list(at, []), appended(at, made.args[0] as Expr), predicate))(made, fail);

export const standardMacros: Macros = {
  "has:0:1": ({ at, args: [argument] }, fail) =>
    argument?.kind === "select" ? select(at, argument.operand, argument.field, true) : fail("invalid argument to has() macro", argument?.at ?? at),
  "all:1:2": quantifier(folds.all),
  "exists:1:2": quantifier(folds.exists),
  "exists_one:1:2": quantifier(folds.existsOne),
  "map:1:2": collection((at, [element]) => folds.collect(at, list(at, []), appended(at, element as Expr))),
  "map:1:3": collection((at, [predicate, element]) => folds.collect(at, list(at, []), appended(at, element as Expr), predicate)),
  "filter:1:2": filter,
};
