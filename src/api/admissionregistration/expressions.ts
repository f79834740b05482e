/**
 * Expressions of webhooks and policies, compiled; those of one policy may use the policy's variables
 * (k8s.io/apiserver/pkg/admission/plugin/cel/{compile,composition}.go). Messages are upstream's.
 */
import type { Struct } from "../cel/declarations.ts";
import type { Environment } from "../cel/environment.ts";
import { CELCompileError } from "../cel/errors.ts";
import type { Program } from "../cel/interpreter.ts";
import { PlanError } from "../cel/plan-error.ts";
import { listOf, mapOf, struct, type Type, types } from "../cel/types.ts";
import { admissionEnvironment, type Declarations } from "./environments.ts";

export interface Compiled {
  readonly expression: string;
  readonly program: Program;
  readonly type: Type;
}
/** Why an expression cannot be used; `internal` is not its author's fault. */
export interface Mistake {
  readonly expression: string;
  readonly mistake: "invalid" | "internal";
  readonly detail: string;
}
export const isMistake = (one: Compiled | Mistake): one is Mistake => "mistake" in one;

const variablesType = struct("kubernetes.variables");
const kept = new Set(["any", "bool", "bytes", "double", "duration", "int", "null", "string", "timestamp", "uint"]);
/** How a variable is declared to the expressions after it: of structures nothing is known. */
export function declaredVariable(type: Type | undefined): Type {
  if (!type) return types.dyn;
  if (type.kind === "list") return listOf(declaredVariable(type.parameter(0)));
  if (type.kind === "map") return mapOf(declaredVariable(type.parameter(0)), declaredVariable(type.parameter(1)));
  return kept.has(type.kind) && !type.nullable ? type : types.dyn;
}

/** As Go prints it. */
const shown = (type: Type): string => (type.parameters.length ? String(type) : type.name);

const plain = new Map<string, Environment>();
function plainEnvironment(declarations: Declarations): Environment {
  const key = JSON.stringify([declarations.params, declarations.authorizer, declarations.patchTypes === true]);
  let environment = plain.get(key);
  if (!environment) {
    environment = admissionEnvironment(declarations);
    plain.set(key, environment);
  }
  return environment;
}

export class Expressions {
  /** In their order; a later one of the same name takes the place of an earlier one. */
  readonly variables = new Map<string, Compiled | Mistake>();
  readonly #composed: boolean;
  readonly #environments = new Map<string, Environment>();
  readonly #fields = new Map<string, Type>();

  /** `composed`: there is a variable named `variables`. */
  constructor(composed: boolean) {
    this.#composed = composed;
  }

  #environment(declarations: Declarations): Environment {
    const base = plainEnvironment(declarations);
    if (!this.#composed) return base;
    const key = JSON.stringify(declarations);
    let environment = this.#environments.get(key);
    if (!environment) {
      const fields: Struct = { type: variablesType, field: (name) => this.#fields.get(name) };
      environment = base.extend({ libraries: [{ structs: { [variablesType.name]: fields } }], variables: { variables: variablesType } });
      this.#environments.set(key, environment);
    }
    return environment;
  }

  /** `returns`: the types that it may have; absent: any. */
  compile(expression: string, declarations: Declarations, returns?: readonly Type[]): Compiled | Mistake {
    const wrong = (detail: string, mistake: Mistake["mistake"] = "invalid"): Mistake => ({ expression, mistake, detail });
    const environment = this.#environment(declarations);
    try {
      const checked = environment.check(expression);
      const type = checked.type ?? types.dyn;
      if (returns && !returns.some((one) => one.same(type))) {
        const wanted = returns.length === 1 ? (returns[0] as Type) : undefined;
        return wrong(`must evaluate to ${wanted ? shown(wanted) : `one of [${returns.map(shown).join(" ")}]`} but got ${shown(type)}`);
      }
      return { expression, type, program: environment.plan(checked) };
    } catch (error) {
      if (error instanceof CELCompileError) return wrong(`compilation failed: ${error.message}`);
      if (error instanceof PlanError) return wrong(`program instantiation failed: ${error.message}`, "internal");
      throw error;
    }
  }

  addVariable(name: string, expression: string, declarations: Declarations): Compiled | Mistake {
    const compiled = this.compile(expression, declarations);
    this.#fields.set(name, declaredVariable(isMistake(compiled) ? undefined : compiled.type));
    this.variables.set(name, compiled);
    return compiled;
  }
}

const stateless = new Expressions(false);
/** Those that cannot use variables. */
export const standalone = (): Expressions => stateless;

/** What the expressions of policies may give. */
export const returnTypes = {
  condition: [types.bool],
  message: [types.string],
  auditAnnotation: [types.string, types.null],
} as const;
