/** What a validating policy says of a request (k8s.io/apiserver/pkg/admission/plugin/policy/validating/validator.go). */
import {
  type Bindings,
  type Condition,
  Evaluation,
  evaluateConditions,
  conditionsBudget,
  OutOfBudget,
  type Outcome,
  policyBudget,
} from "../../../api/admissionregistration/evaluation.ts";
import { type Compiled, Expressions, type Mistake, returnTypes } from "../../../api/admissionregistration/expressions.ts";
import type { AuditAnnotation, ValidatingAdmissionPolicy, Validation } from "../../../api/types/admissionregistration-v1.gen.ts";
import { typeOfValue } from "../../../api/cel/values.ts";

type Expression = Compiled | Mistake;
export interface CompiledPolicy {
  readonly expressions: Expressions;
  readonly conditions: readonly Condition[];
  readonly validations: readonly { readonly validation: Validation; readonly condition: Expression; readonly message: Expression | undefined }[];
  readonly annotations: readonly { readonly annotation: AuditAnnotation; readonly value: Expression }[];
  readonly failurePolicy: string;
}

export const conditionsOf = (expressions: Expressions, conditions: readonly { name: string; expression: string }[] = [], params: boolean): Condition[] =>
  conditions.map(({ name, expression }) => ({ name, compiled: expressions.compile(expression, { params, authorizer: true }, returnTypes.condition) }));

export function compilePolicy({ spec }: ValidatingAdmissionPolicy): CompiledPolicy {
  const params = spec.paramKind !== undefined;
  const expressions = new Expressions(true);
  for (const { name, expression } of spec.variables ?? []) expressions.addVariable(name, expression, { params, authorizer: true });
  return {
    expressions,
    conditions: conditionsOf(expressions, spec.matchConditions, params),
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      condition: expressions.compile(validation.expression, { params, authorizer: true }, returnTypes.condition),
      message: validation.messageExpression ? expressions.compile(validation.messageExpression, { params, authorizer: false }, returnTypes.message) : undefined,
    })),
    annotations: (spec.auditAnnotations ?? []).map((annotation) => ({
      annotation,
      value: expressions.compile(annotation.valueExpression, { params, authorizer: true }, returnTypes.auditAnnotation),
    })),
    failurePolicy: spec.failurePolicy ?? "Fail",
  };
}

export interface Decision {
  readonly action: "admit" | "deny";
  /** It could not be evaluated. */
  readonly failed: boolean;
  readonly message: string;
  readonly reason: string;
}
export interface Annotation {
  readonly key: string;
  readonly value: string;
}
export interface PolicyVerdict {
  readonly decisions: readonly Decision[];
  readonly annotations: readonly Annotation[];
  /** Why annotations could not be made, where that counts. */
  readonly errors: readonly string[];
  /** Conditions that could not be evaluated; whether they kept the policy away. */
  readonly conditionFailures: number;
  readonly excluded: boolean;
}

/** Bytes of what a message expression may give. */
const maxMessage = 5 * 1024;
const admit: Decision = { action: "admit", failed: false, message: "", reason: "" };
const nothing = { decisions: [], annotations: [], errors: [], conditionFailures: 0, excluded: false };

function messageOf({ message = "", expression }: Validation, said: Outcome | undefined): string {
  let text = said && "value" in said && typeof said.value === "string" ? said.value.trim() : "";
  if (Buffer.byteLength(text) > maxMessage || text.includes("\n")) text = "";
  return text || message.trim() || `failed expression: ${expression.trim()}`;
}

/** `full` has the authorizer, `bare` has it not. */
export function evaluatePolicy(policy: CompiledPolicy, full: Bindings, bare: Bindings): PolicyVerdict {
  const { expressions, conditions, validations, annotations, failurePolicy } = policy;
  const ignores = failurePolicy === "Ignore";
  const failed = (message: string): Decision => ({ action: ignores ? "admit" : "deny", failed: true, message, reason: "" });
  const met = conditions.length ? evaluateConditions(conditions, new Evaluation(full, conditionsBudget, expressions), failurePolicy) : undefined;
  const conditionFailures = met?.failures ?? 0;
  if (met?.error !== undefined) return { ...nothing, decisions: [failed(met.error)], conditionFailures };
  if (met && !met.matches) return { ...nothing, conditionFailures, excluded: true };

  const outOfBudget = (error: unknown): string => {
    if (error instanceof OutOfBudget) return error.message;
    throw error;
  };
  let outcomes: Outcome[];
  const judged = new Evaluation(full, policyBudget, expressions);
  try {
    outcomes = validations.map(({ condition }) => judged.evaluate(condition));
  } catch (error) {
    return { ...nothing, decisions: [failed(outOfBudget(error))], conditionFailures };
  }
  let messages: (Outcome | undefined)[] = [];
  let noMessages: string | undefined;
  try {
    const worded = new Evaluation(bare, judged.remaining, expressions);
    messages = validations.map(({ message }) => message && worded.evaluate(message));
  } catch (error) {
    noMessages = outOfBudget(error);
  }
  const decisions = validations.map(({ validation }, i): Decision => {
    const outcome = outcomes[i] as Outcome;
    if ("error" in outcome) return failed(outcome.error);
    if (noMessages !== undefined) return failed(`failed messageExpression: ${noMessages}`);
    if (outcome.value === true) return admit;
    return { action: "deny", failed: false, message: messageOf(validation, messages[i]), reason: validation.reason ?? "Invalid" };
  });

  const notes: Annotation[] = [];
  const errors: string[] = [];
  try {
    const noted = new Evaluation(bare, policyBudget, expressions);
    for (const { annotation, value: expression } of annotations) {
      const outcome = noted.evaluate(expression);
      if ("error" in outcome) {
        if (!ignores) errors.push(outcome.error);
      } else if (typeof outcome.value === "string") {
        const value = outcome.value.trim();
        if (value) notes.push({ key: annotation.key, value });
      } else if (outcome.value !== null)
        errors.push(
          `valueExpression '${annotation.valueExpression}' resulted in unsupported return type: ${typeOfValue(outcome.value).name}. Return type must be either string or null.`,
        );
    }
  } catch (error) {
    return { ...nothing, decisions: [failed(outOfBudget(error))], conditionFailures };
  }
  return { decisions, annotations: notes, errors, conditionFailures, excluded: false };
}
