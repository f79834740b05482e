/** x-kubernetes-validations of one schema, ready to be evaluated (apiextensions-apiserver/pkg/apiserver/schema/cel/compilation.go). */
import type { Expr } from "../cel/ast.ts";
import type { Struct } from "../cel/declarations.ts";
import type { Environment } from "../cel/environment.ts";
import { CELCompileError } from "../cel/errors.ts";
import type { Program } from "../cel/interpreter.ts";
import { kubernetesEnvironment } from "../cel/kubernetes.ts";
import { estimateKubernetesCost } from "../cel/kubernetes-estimate.ts";
import { PlanError } from "../cel/plan-error.ts";
import { type Range, range, unbounded } from "../cel/sizes.ts";
import type { Sized } from "../cel/static-cost.ts";
import { optionalOf } from "../cel/types.ts";
import type { ValidationRule } from "../types/apiextensions-v1.gen.ts";
import { type DeclType, maxRequestSize } from "./decl-type.ts";
import { validFieldPath } from "./field-path.ts";
import { rulesOf, type Schema } from "./schema.ts";

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Absent where there is a mistake, and for an empty rule. */
  readonly program?: Program;
  readonly mistake?: string;
  readonly usesOldSelf: boolean;
  readonly maxCost: number;
  /** How often a value of this schema fits into one request. */
  readonly maxCardinality: number;
  readonly message?: Program;
  readonly messageMistake?: string;
  readonly messageMaxCost: number;
  /** Where its error is reported, below the value; "" is the value itself. */
  readonly fieldPath: string;
}

function sizesIn(root: DeclType): (value: Sized) => Range | undefined {
  return ({ path }) => {
    if (!path?.length) return undefined;
    let at: DeclType | undefined = root;
    for (const name of path.slice(1)) {
      if (name === "@items" || name === "@values") at = at.element;
      else if (name === "@keys") at = at.key;
      else at = at.fields?.get(name);
      if (!at) return undefined;
    }
    return range(0, at.maxElements);
  };
}

/** Whether a checked expression speaks of a variable. */
function mentions(expression: Expr, name: string): boolean {
  if (expression.reference?.name === name) return true;
  const any = (...all: (Expr | undefined)[]): boolean => all.some((one) => one !== undefined && mentions(one, name));
  switch (expression.kind) {
    case "select":
      return any(expression.operand);
    case "call":
      return any(expression.target, ...expression.args);
    case "list":
      return any(...expression.elements);
    case "map":
      return expression.entries.some(({ key, value }) => any(key, value));
    case "struct":
      return expression.fields.some(({ value }) => any(value));
    case "comprehension":
      return any(expression.range, expression.initial, expression.condition, expression.step, expression.result);
  }
  return false;
}

/** Each schema's rules are upstream's with types of their own, here with those of what they are in. */
function asOwnType(text: string, { name }: DeclType): string {
  return name?.includes(".") ? text.replaceAll(name, name.slice(0, name.indexOf("."))) : text;
}

interface Compiled {
  program: Program;
  checked: Expr;
  maxCost: number;
}

/** `prefix` stands before what is wrong. */
function compileOne(
  environment: Environment,
  source: string,
  kind: "bool" | "string",
  declared: DeclType,
  words: { failed: string; type: string; plan: string },
): Compiled | string {
  let checked: Expr;
  try {
    checked = environment.check(source);
  } catch (error) {
    if (error instanceof CELCompileError) return `${words.failed}: ${asOwnType(error.message, declared)}`;
    throw error;
  }
  if (checked.type?.kind !== kind || checked.type.nullable) return words.type;
  try {
    return { checked, program: environment.plan(checked), maxCost: estimateKubernetesCost(checked, sizesIn(declared)).max };
  } catch (error) {
    if (error instanceof PlanError) return `${words.plan}: ${error.message}`;
    throw error;
  }
}

const ruleWords = { failed: "compilation failed", type: "cel expression must evaluate to a bool", plan: "program instantiation failed" };
const messageWords = {
  failed: "messageExpression compilation failed",
  type: "messageExpression must evaluate to a string",
  plan: "messageExpression instantiation failed",
};

/** Of this schema alone, in their order. `structs` are the types that its values and theirs have. */
export function compileRules(schema: Schema, declared: DeclType, structs: Readonly<Record<string, Struct>>): CompiledRule[] {
  const rules = rulesOf(schema);
  if (!rules.length) return [];
  const libraries = [{ structs }];
  const environments = new Map<boolean, Environment>();
  const environmentOf = (optional: boolean): Environment => {
    const oldSelf = optional ? optionalOf(declared.type) : declared.type;
    const made = environments.get(optional) ?? kubernetesEnvironment.extend({ libraries, variables: { self: declared.type, oldSelf } });
    environments.set(optional, made);
    return made;
  };
  const maxCardinality = Math.floor(maxRequestSize / (declared.minSize + 1));
  return rules.map((rule): CompiledRule => {
    const none = { rule, usesOldSelf: false, maxCost: 0, maxCardinality: 0, messageMaxCost: 0, fieldPath: "" };
    if (!rule.rule?.trim()) return none;
    const environment = environmentOf(rule.optionalOldSelf === true);
    const compiled = compileOne(environment, rule.rule, "bool", declared, ruleWords);
    if (typeof compiled === "string") return { ...none, mistake: compiled };
    const usesOldSelf = mentions(compiled.checked, "oldSelf");
    const made = { ...none, program: compiled.program, usesOldSelf, maxCost: Math.min(compiled.maxCost, unbounded), maxCardinality };
    let message: Compiled | string | undefined;
    if (rule.messageExpression) message = compileOne(environment, rule.messageExpression, "string", declared, messageWords);
    if (typeof message === "string") return { ...made, messageMistake: message };
    const found = rule.fieldPath ? validFieldPath(rule.fieldPath, schema) : undefined;
    return {
      ...made,
      ...(message ? { message: message.program, messageMaxCost: message.maxCost } : {}),
      fieldPath: found && typeof found !== "string" ? found.path : "",
    };
  });
}
