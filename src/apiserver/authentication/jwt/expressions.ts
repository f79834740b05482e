/** Expressions over claims and users, compiled and evaluated (k8s.io/apiserver/pkg/authentication/cel). Messages are upstream's. */
import { CELCompileError } from "../../../api/cel/errors.ts";
import type { Expr } from "../../../api/cel/ast.ts";
import type { Environment } from "../../../api/cel/environment.ts";
import { CostLimitExceeded } from "../../../api/cel/frame.ts";
import type { Program } from "../../../api/cel/interpreter.ts";
import { kubernetesEnvironment } from "../../../api/cel/kubernetes.ts";
import { PlanError } from "../../../api/cel/plan-error.ts";
import { listOf, mapOf, struct, type Type, types } from "../../../api/cel/types.ts";
import { CelError, ListValue, type MapValue, TextList, type Value } from "../../../api/cel/values.ts";
import { ClaimError } from "./claims.ts";
import { table } from "../../../base/table.ts";

export type Variable = "claims" | "user";

export interface Expression {
  readonly text: string;
  readonly variable: Variable;
  readonly program: Program;
  readonly ast: Expr;
}
/** Why it cannot be used; `internal` is not its author's fault. */
export interface Mistake {
  readonly mistake: "invalid" | "internal";
  readonly detail: string;
}

/** Of one evaluation. */
const costLimit = 1_000_000;

const { any, bool, string } = types;
const userType = struct("kubernetes.UserInfo");
const userFields = table<Type>({ username: string, uid: string, groups: listOf(string), extra: mapOf(string, listOf(string)) });

let environments: Record<Variable, Environment> | undefined;
function environmentOf(variable: Variable): Environment {
  environments ??= {
    claims: kubernetesEnvironment.extend({ variables: { claims: mapOf(string, any) } }),
    user: kubernetesEnvironment.extend({
      libraries: [
        {
          structs: { [userType.name]: { type: userType, field: (name) => userFields[name] } },
        },
      ],
      variables: { user: userType },
    }),
  };
  return environments[variable];
}

/** `condition`: it must give a bool; otherwise anything. */
export function compileExpression(text: string, variable: Variable, condition: boolean): Expression | Mistake {
  const environment = environmentOf(variable);
  try {
    const ast = environment.check(text);
    if (condition && ast.type?.kind !== "bool") return { mistake: "invalid", detail: `must evaluate to ${bool}` };
    return { text, variable, ast, program: environment.plan(ast) };
  } catch (error) {
    if (error instanceof CELCompileError) return { mistake: "invalid", detail: `compilation failed: ${error.message}` };
    if (error instanceof PlanError) return { mistake: "internal", detail: `program instantiation failed: ${error.message}` };
    throw error;
  }
}

/** Throws ClaimError. */
export function evaluate({ text, program, variable }: Expression, value: MapValue): Value {
  let result: Value;
  try {
    ({ value: result } = program.evaluate((name) => (name === variable ? value : undefined), costLimit));
  } catch (error) {
    // Claims may be nested deeper than the stack.
    if (!(error instanceof CostLimitExceeded || error instanceof RangeError)) throw error;
    result = new CelError(error.message);
  }
  if (result instanceof CelError) throw new ClaimError(`expression '${text}' resulted in error: ${result.message}`);
  return result;
}

const notStrings = "expression must return a string or a list of strings";

/** A string or a list of them; empty ones are left out. Throws ClaimError. */
export function stringsOfValue(value: Value): string[] {
  if (value === null) return [];
  if (typeof value === "string") return value ? [value] : [];
  // Upstream takes no list that split() or findAll() gave as it is: + [] makes one of it that is taken.
  if (!(value instanceof ListValue) || value instanceof TextList) throw new ClaimError(notStrings);
  const texts: string[] = [];
  for (const one of value) {
    if (typeof one !== "string") throw new ClaimError(notStrings);
    if (one) texts.push(one);
  }
  return texts;
}

/** Whether `operand.field` is written anywhere in an expression, in whatever form. */
export function selects(root: Expr, operand: string, field: string): boolean {
  const isOperand = (expr: Expr | undefined): boolean => expr?.kind === "ident" && expr.name === operand;
  const inner = (expr: Expr): boolean => selects(expr, operand, field);
  switch (root.kind) {
    case "literal":
    case "ident":
      return false;
    case "select":
      return (isOperand(root.operand) && root.field === field) || inner(root.operand);
    case "call": {
      const [first, second] = root.args;
      if (!root.target && root.name === "_?._" && root.args.length === 2 && isOperand(first) && second?.kind === "literal" && second.value === field)
        return true;
      return root.args.some(inner) || (root.target !== undefined && inner(root.target));
    }
    case "list":
      return root.elements.some(inner);
    case "map":
      return root.entries.some(({ key, value }) => inner(key) || inner(value));
    case "struct":
      return root.fields.some(({ value }) => inner(value));
    case "comprehension":
      return [root.range, root.initial, root.condition, root.step, root.result].some(inner);
  }
}
