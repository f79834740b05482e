/**
 * Expressions of webhooks and policies, evaluated within budgets (k8s.io/apiserver/pkg/admission/plugin/cel/{activation,composition}.go).
 * A policy's variables are evaluated when they are first asked for, once for each evaluation.
 */
import { CostLimitExceeded } from "../cel/frame.ts";
import { CelError, MapValue, type Value } from "../cel/values.ts";
import { type Compiled, type Expressions, isMistake, type Mistake } from "./expressions.ts";

/** Of one expression, of all of one policy with one binding, and of all conditions of one webhook or policy. */
export const perCallLimit = 1_000_000;
export const policyBudget = 10_000_000;
export const conditionsBudget = 2_500_000;

/** Nothing more is evaluated. */
export class OutOfBudget extends Error {
  constructor() {
    super("validation failed due to running out of cost budget, no further validation rules will be run");
  }
}

export interface Bindings {
  readonly object: Value;
  readonly oldObject: Value;
  readonly params: Value;
  readonly request: Value;
  readonly namespaceObject: Value;
  /** undefined: there is none. */
  readonly authorizer?: Value;
  readonly requestResource?: Value;
}

export type Outcome = { readonly value: Value } | { readonly error: string };

class LazyVariables extends MapValue {
  readonly #values = new Map<string, Value>();
  readonly #of: Evaluation;
  readonly #expressions: Expressions;
  constructor(of: Evaluation, expressions: Expressions) {
    super();
    this.#of = of;
    this.#expressions = expressions;
  }
  get size(): number {
    return this.#expressions.variables.size;
  }
  keys(): Iterable<string> {
    return this.#expressions.variables.keys();
  }
  get(key: Value): Value | undefined {
    const compiled = typeof key === "string" ? this.#expressions.variables.get(key) : undefined;
    if (!compiled) return undefined;
    const name = key as string;
    let value = this.#values.get(name);
    if (value === undefined) {
      value = this.#of.variable(name, compiled);
      this.#values.set(name, value);
    }
    return value;
  }
}

/** Evaluations over the same values with a budget in common. */
export class Evaluation {
  remaining: number;
  readonly #bindings: Bindings;
  readonly #variables: Value | undefined;
  #spentOnVariables = 0;

  constructor(bindings: Bindings, budget: number, expressions?: Expressions) {
    this.#bindings = bindings;
    this.remaining = budget;
    this.#variables = expressions && new LazyVariables(this, expressions);
  }

  #resolve(name: string): Value | undefined {
    const bindings = this.#bindings;
    switch (name) {
      case "object":
        return bindings.object;
      case "oldObject":
        return bindings.oldObject;
      case "params":
        return bindings.params;
      case "request":
        return bindings.request;
      case "namespaceObject":
        return bindings.namespaceObject;
      case "authorizer":
        return bindings.authorizer;
      case "authorizer.requestResource":
        return bindings.requestResource;
      case "variables":
        return this.#variables;
    }
    return undefined;
  }

  #run({ program }: Compiled): { value: Value; cost: number } {
    try {
      return program.evaluate((name) => this.#resolve(name), perCallLimit);
    } catch (error) {
      if (error instanceof CostLimitExceeded) return { value: new CelError(error.message), cost: perCallLimit + 1 };
      throw error;
    }
  }

  variable(name: string, compiled: Compiled | Mistake): Value {
    if (isMistake(compiled)) return new CelError(`composited variable "${name}" fails to compile: ${compiled.detail}`);
    const { value, cost } = this.#run(compiled);
    this.#spentOnVariables += cost;
    return value instanceof CelError ? new CelError(`composited variable "${name}" fails to evaluate: ${value.message}`) : value;
  }

  /** Throws OutOfBudget. */
  evaluate(compiled: Compiled | Mistake): Outcome {
    if (isMistake(compiled)) return { error: `compilation error: ${compiled.detail}` };
    this.#spentOnVariables = 0;
    const { value, cost } = this.#run(compiled);
    this.remaining -= this.#spentOnVariables + cost;
    if (this.remaining < 0) throw new OutOfBudget();
    return value instanceof CelError ? { error: `expression '${compiled.expression}' resulted in error: ${value.message}` } : { value };
  }
}

export interface Condition {
  readonly name: string;
  readonly compiled: Compiled | Mistake;
}
/** `error`: they could not be evaluated and may not be ignored. */
export type ConditionsVerdict = { readonly matches: boolean; readonly error?: string; readonly failures: number };

/** One that is false decides; then errors, by the failure policy (k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions). */
export function evaluateConditions(conditions: readonly Condition[], evaluation: Evaluation, failurePolicy: string | undefined): ConditionsVerdict {
  const failed = (errors: readonly string[], failures: number): ConditionsVerdict => {
    if (failurePolicy === "Ignore") return { matches: false, failures };
    const [only] = errors;
    return { matches: false, error: errors.length === 1 ? (only as string) : `[${[...new Set(errors)].join(", ")}]`, failures };
  };
  let outcomes: Outcome[];
  try {
    outcomes = conditions.map(({ compiled }) => evaluation.evaluate(compiled));
  } catch (error) {
    if (error instanceof OutOfBudget) return failed([error.message], 0);
    throw error;
  }
  const errors: string[] = [];
  for (const outcome of outcomes) {
    if ("error" in outcome) errors.push(outcome.error);
    else if (outcome.value === false) return { matches: false, failures: errors.length };
  }
  return errors.length ? failed(errors, errors.length) : { matches: true, failures: 0 };
}
