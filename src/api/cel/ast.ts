/** CEL's abstract syntax after macros were expanded; `at` is the offset in the source that a complaint about the node points at. */
import type { Type } from "./types.ts";
import type { Value } from "./values.ts";

/** What the checker found a name or a call to mean. */
export interface Reference {
  /** Of a variable, a type or an enum: its full name. */
  readonly name?: string;
  /** Of a constant. */
  readonly value?: Value;
  /** Of a call: the ids that fit the static types. */
  readonly overloads?: readonly string[];
}

interface Node {
  readonly at: number;
  /** Known after checking. */
  type?: Type;
  reference?: Reference;
}
export interface Literal extends Node {
  readonly kind: "literal";
  readonly value: Value;
}
export interface Ident extends Node {
  readonly kind: "ident";
  readonly name: string;
}
export interface Select extends Node {
  readonly kind: "select";
  readonly operand: Expr;
  readonly field: string;
  /** has(operand.field). */
  readonly test: boolean;
}
export interface Call extends Node {
  readonly kind: "call";
  readonly name: string;
  readonly target?: Expr;
  readonly args: readonly Expr[];
}
export interface List extends Node {
  readonly kind: "list";
  readonly elements: readonly Expr[];
  /** Indexes of `?element`. */
  readonly optional: ReadonlySet<number>;
}
export interface Entry {
  readonly at: number;
  readonly key: Expr;
  readonly value: Expr;
  readonly optional: boolean;
}
export interface MapExpr extends Node {
  readonly kind: "map";
  readonly entries: readonly Entry[];
}
export interface FieldInit {
  readonly at: number;
  readonly name: string;
  readonly value: Expr;
  readonly optional: boolean;
}
export interface Struct extends Node {
  readonly kind: "struct";
  readonly name: string;
  readonly fields: readonly FieldInit[];
}
export interface Comprehension extends Node {
  readonly kind: "comprehension";
  readonly range: Expr;
  readonly variable: string;
  readonly variable2?: string;
  readonly accumulator: string;
  readonly initial: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}
export type Expr = Literal | Ident | Select | Call | List | MapExpr | Struct | Comprehension;

const none: ReadonlySet<number> = new Set();

export const literal = (at: number, value: Value): Literal => ({ kind: "literal", at, value });
export const ident = (at: number, name: string): Ident => ({ kind: "ident", at, name });
export const select = (at: number, operand: Expr, field: string, test = false): Select => ({ kind: "select", at, operand, field, test });
export const call = (at: number, name: string, ...args: Expr[]): Call => ({ kind: "call", at, name, args });
export const memberCall = (at: number, name: string, target: Expr, ...args: Expr[]): Call => ({ kind: "call", at, name, target, args });
export const list = (at: number, elements: readonly Expr[], optional = none): List => ({ kind: "list", at, elements, optional });

/** `a.b.c` of plain names; undefined for anything else. */
export function qualifiedName(expression: Expr): string | undefined {
  if (expression.kind === "ident") return expression.name;
  if (expression.kind !== "select" || expression.test) return undefined;
  const operand = qualifiedName(expression.operand);
  return operand === undefined ? undefined : `${operand}.${expression.field}`;
}
