/**
 * Conditions in CEL that a request must meet for a webhook to be asked about it (k8s.io/apiserver/pkg/authorization/cel,
 * k8s.io/apiserver/pkg/apis/apiserver/validation). Messages are upstream's.
 */
import { own } from "../../base/table.ts";
import type { Struct } from "../../api/cel/declarations.ts";
import type { Environment } from "../../api/cel/environment.ts";
import { CELCompileError } from "../../api/cel/errors.ts";
import { CostLimitExceeded } from "../../api/cel/frame.ts";
import type { Program } from "../../api/cel/interpreter.ts";
import { fromJSON } from "../../api/cel/json.ts";
import { kubernetesEnvironment } from "../../api/cel/kubernetes.ts";
import { PlanError } from "../../api/cel/plan-error.ts";
import { listOf, mapOf, struct, type Type, types } from "../../api/cel/types.ts";
import { CelError, type Value } from "../../api/cel/values.ts";
import { duplicate, type FieldError, internalFieldError, invalidValue, type Path, required, tooMany } from "../../api/field.ts";
import type { SubjectAccessReviewSpec } from "../../api/types/authorization-v1.gen.ts";
import { conditionRequest } from "./subject-access-review.ts";

const maxConditions = 64;
/** Cost of one expression. */
const perCallLimit = 1_000_000;

const { string, bool } = types;
const texts = (...names: string[]): Record<string, Type> => Object.fromEntries(names.map((name) => [name, string]));

let made: Environment | undefined;
/** Made when the first condition is: most servers have none. */
function environment(): Environment {
  if (made) return made;
  const structs: Record<string, Struct> = {};
  const declare = (name: string, fields: Readonly<Record<string, Type>>): Type => {
    const type = struct(`kubernetes.${name}`);
    structs[type.name] = { type, field: (field) => own(fields, field) };
    return type;
  };
  const requirements = listOf(declare("SelectorRequirement", { ...texts("key", "operator"), values: listOf(string) }));
  const request = declare("SubjectAccessReviewSpec", {
    resourceAttributes: declare("ResourceAttributes", {
      ...texts("namespace", "verb", "group", "version", "resource", "subresource", "name"),
      fieldSelector: declare("FieldSelectorAttributes", { rawSelector: string, requirements }),
      labelSelector: declare("LabelSelectorAttributes", { rawSelector: string, requirements }),
    }),
    nonResourceAttributes: declare("NonResourceAttributes", texts("path", "verb")),
    ...texts("user", "uid"),
    groups: listOf(string),
    extra: mapOf(string, listOf(string)),
  });
  made = kubernetesEnvironment.extend({ libraries: [{ structs }], variables: { request } });
  return made;
}

interface Condition {
  readonly expression: string;
  readonly program: Program;
}

/** As Go prints it. */
const shown = (type: Type): string => (type.parameters.length ? String(type) : type.name);

function compile(expression: string, at: Path): Condition | FieldError {
  try {
    const checked = environment().check(expression);
    const type = checked.type ?? types.dyn;
    if (!type.same(bool)) return invalidValue(at, expression, `must evaluate to bool but got ${shown(type)}`);
    return { expression, program: environment().plan(checked) };
  } catch (error) {
    if (error instanceof CELCompileError) return invalidValue(at, expression, `compilation failed: ${error.message}`);
    if (error instanceof PlanError) return internalFieldError(at, `program instantiation failed: ${error.message}`);
    throw error;
  }
}

/** `at`: where the webhook stands. What is wrong with them is added to `errors`. */
export function compileConditions(conditions: readonly { expression?: string }[], at: Path, errors: FieldError[]): MatchConditions | undefined {
  const list = at.child("matchConditions");
  if (conditions.length > maxConditions) {
    errors.push(tooMany(list, conditions.length, maxConditions));
    return undefined;
  }
  const compiled: Condition[] = [];
  const seen = new Set<string>();
  for (const [i, { expression = "" }] of conditions.entries()) {
    const here = list.index(i).child("expression");
    if (!expression.trim()) errors.push(required(here));
    else if (seen.has(expression)) errors.push(duplicate(here, expression));
    else {
      seen.add(expression);
      const one = compile(expression, here);
      if ("program" in one) compiled.push(one);
      else errors.push(one);
    }
  }
  return compiled.length ? new MatchConditions(compiled) : undefined;
}

export class MatchConditions {
  readonly #conditions: readonly Condition[];
  constructor(conditions: readonly Condition[]) {
    this.#conditions = conditions;
  }
  /** Whether all are true; one that is false decides, whatever could not be evaluated before it. */
  evaluate(spec: SubjectAccessReviewSpec): { matches: boolean; excluded: boolean; errors: string[] } {
    const request = fromJSON(conditionRequest(spec));
    const errors: string[] = [];
    for (const { expression, program } of this.#conditions) {
      const value = run(program, request);
      if (value === false) return { matches: false, excluded: true, errors };
      if (value !== true)
        errors.push(
          `cel evaluation error: expression '${expression}' ${value instanceof CelError ? `resulted in error: ${value.message}` : "eval result type should be bool"}`,
        );
    }
    return { matches: errors.length === 0, excluded: false, errors };
  }
}

function run(program: Program, request: Value): Value {
  try {
    return program.evaluate((name) => (name === "request" ? request : undefined), perCallLimit).value;
  } catch (error) {
    if (error instanceof CostLimitExceeded) return new CelError(error.message);
    throw error;
  }
}
