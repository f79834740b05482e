/** Evaluation of x-kubernetes-validations over a value and all within it (apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go). */
import { own } from "../../base/table.ts";
import type { Struct } from "../cel/declarations.ts";
import { CostLimitExceeded } from "../cel/frame.ts";
import type { Program } from "../cel/interpreter.ts";
import { CelError, none as noValue, OptionalValue, type Value } from "../cel/values.ts";
import { duplicate, type FieldError, forbiddenField, invalidOmitted, invalidValue, type Path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import type { ValidationRule } from "../types/apiextensions-v1.gen.ts";
import { celValue, resourceNode, unwrapped } from "./cel-values.ts";
import { type Correlation, mapListOf } from "./correlation.ts";
import { escapeName } from "./decl-name.ts";
import { type DeclType, declTypeOf } from "./decl-type.ts";
import { type Node, nodeOf } from "./node.ts";
import type { RuleTimes } from "./rule-times.ts";
import { type CompiledRule, compileRules } from "./rules.ts";
import { isEmbedded, itemsOf, rulesOf, type Schema, schemaHas, valuesOf } from "./schema.ts";

/** Of one expression, and of all that are evaluated for one object. */
export const perCallLimit = 1_000_000;
export const objectBudget = 10_000_000;
const maxMessageBytes = 5 * 1024;

/** Follows the schema where rules are. */
interface RuleNode {
  readonly node: Node;
  readonly rules: readonly CompiledRule[];
  readonly isResource: boolean;
  readonly usesOldSelf: boolean;
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
  readonly properties: ReadonlyMap<string, RuleNode> | undefined;
}

let names = 0;

function compiledRules(schema: Schema, declared: DeclType, structs: Record<string, Struct>, times: RuleTimes | undefined): CompiledRule[] {
  const began = times?.now() ?? 0;
  const rules = compileRules(schema, declared, structs);
  times?.compiled(times.now() - began);
  return rules;
}

function ruleNode(
  schema: Schema,
  isResource: boolean,
  declared: DeclType | undefined,
  structs: Record<string, Struct>,
  times: RuleTimes | undefined,
): RuleNode | undefined {
  const rules = declared && rulesOf(schema).length ? compiledRules(schema, declared, structs, times) : [];
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  const itemRules = items && ruleNode(items, isEmbedded(items), declared?.element, structs, times);
  const valueRules = values && ruleNode(values, isEmbedded(values), declared?.element, structs, times);
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(name);
    const type = escaped === undefined ? declTypeOf(property, isEmbedded(property), `selfType${names++}`, structs) : declared?.fields?.get(escaped);
    // Fields of unknown types are not seen.
    const found = type && ruleNode(property, isEmbedded(property), type, structs, times);
    if (found) properties.set(name, found);
  }
  if (!rules.length && !itemRules && !valueRules && !properties.size) return undefined;
  return {
    node: nodeOf(schema),
    rules,
    isResource,
    usesOldSelf: rules.some((rule) => rule.usesOldSelf),
    items: itemRules,
    values: valueRules,
    properties: properties.size ? properties : undefined,
  };
}

export class RuleValidator {
  readonly #root: RuleNode;
  readonly #times: RuleTimes | undefined;

  private constructor(root: RuleNode, times: RuleTimes | undefined) {
    this.#root = root;
    this.#times = times;
  }
  /** undefined: the schema has no rules. */
  static of(schema: Schema, isResource: boolean, times?: RuleTimes): RuleValidator | undefined {
    if (!schemaHas(schema, (one) => rulesOf(one).length > 0)) return undefined;
    const structs: Record<string, Struct> = {};
    const root = ruleNode(schema, isResource, declTypeOf(schema, isResource, `selfType${names++}`, structs), structs, times);
    return root && new RuleValidator(root, times);
  }

  /** `old` undefined: there is nothing to compare with. `remaining` is what is left of the budget; negative: it ran out. */
  validate(
    value: JSONValue,
    old: JSONValue | undefined,
    at: Path,
    options: { correlation?: Correlation; budget?: number } = {},
  ): {
    errors: FieldError[];
    /** What would be errors were it not as it was before. */
    warnings: string[];
    remaining: number;
  } {
    const run = new Run(options.budget ?? objectBudget, this.#times);
    run.value(this.#root, value, old, at, { current: options.correlation, parent: undefined });
    return { errors: run.errors, warnings: run.warnings, remaining: run.budget };
  }
}

/** Where in the comparison with the old object a value stands; `parent` is the nearest that has an old one. */
interface Ratchet {
  readonly current: Correlation | undefined;
  readonly parent: Correlation | undefined;
}
const keyOf = (ratchet: Ratchet, key: string): Ratchet => {
  if (!ratchet.current) return ratchet;
  if (!ratchet.parent && (key === "apiVersion" || key === "kind")) return { current: undefined, parent: undefined };
  return { current: ratchet.current.key(key), parent: ratchet.current };
};
const indexOf = (ratchet: Ratchet, i: number): Ratchet => (ratchet.current ? { current: ratchet.current.index(i), parent: ratchet.current } : ratchet);
const isUnchanged = ({ current, parent }: Ratchet): boolean => (current ?? parent)?.unchanged === true;

const outOfBudget = "validation failed due to running out of cost budget, no further validation rules will be run";
const textOf = ({ message, rule }: ValidationRule): string => (message || rule || "").trim();

class Run {
  readonly errors: FieldError[] = [];
  readonly warnings: string[] = [];
  budget: number;
  readonly #times: RuleTimes | undefined;

  constructor(budget: number, times: RuleTimes | undefined) {
    this.budget = budget;
    this.#times = times;
  }

  value(rules: RuleNode, value: JSONValue | undefined, old: JSONValue | undefined, at: Path, ratchet: Ratchet): void {
    const times = this.#times;
    if (!times) {
      this.#judge(rules, value, old, at, ratchet);
      return;
    }
    const began = times.now();
    this.#judge(rules, value, old, at, ratchet);
    times.evaluated(times.now() - began);
  }
  #judge(rules: RuleNode, value: JSONValue | undefined, old: JSONValue | undefined, at: Path, ratchet: Ratchet): void {
    if (value === null || value === undefined) return;
    if (rules.rules.length) this.#expressions(rules, value, old ?? undefined, at, ratchet);
    if (this.budget < 0) return;
    if (Array.isArray(value)) this.#array(rules, value, old, at, ratchet);
    else if (isMap(value)) this.#map(rules, value, isMap(old) ? old : undefined, at, ratchet);
  }
  #array({ items, node }: RuleNode, value: JSONValue[], old: JSONValue | undefined, at: Path, ratchet: Ratchet): void {
    if (!items) return;
    const before = mapListOf(node, old);
    for (let i = 0; i < value.length && this.budget >= 0; i++)
      this.value(items, value[i], before?.get(value[i] as JSONValue), at.index(i), indexOf(ratchet, i));
  }
  #map({ values, properties }: RuleNode, value: JSONObject, old: JSONObject | undefined, at: Path, ratchet: Ratchet): void {
    const before = (key: string): JSONValue | undefined => own(old, key);
    if (values)
      for (const key of Object.keys(value)) {
        if (this.budget < 0) return;
        this.value(values, value[key], before(key), at.key(key), keyOf(ratchet, key));
      }
    if (!properties) return;
    for (const [key, rules] of properties) {
      if (this.budget < 0) return;
      if (Object.hasOwn(value, key)) this.value(rules, value[key], before(key), at.child(key), keyOf(ratchet, key));
    }
  }

  #expressions({ rules, node, isResource, usesOldSelf }: RuleNode, value: JSONValue, old: JSONValue | undefined, at: Path, ratchet: Ratchet): void {
    const type = node.schema.type ?? "";
    const stop = (detail: string): void => {
      this.errors.push(invalidValue(at, type, detail));
      this.budget = -1;
    };
    if (this.budget <= 0) {
      stop(outOfBudget);
      return;
    }
    const seen = isResource ? resourceNode(node) : node;
    const self = celValue(value, seen);
    const oldSelf = usesOldSelf && old !== undefined ? celValue(old, seen) : undefined;
    const plain = (name: string): Value | undefined => (name === "self" ? self : name === "oldSelf" ? oldSelf : undefined);
    const maybe = (): Value => (oldSelf === undefined ? noValue : new OptionalValue(unwrapped(old as JSONValue, seen)));
    const optional = (name: string): Value | undefined => (name === "self" ? self : name === "oldSelf" && usesOldSelf ? maybe() : undefined);
    for (const compiled of rules) {
      const { rule, program } = compiled;
      if (compiled.mistake !== undefined) {
        this.errors.push(invalidValue(at, type, `rule compile error: ${compiled.mistake}`));
        continue;
      }
      if (!program || (compiled.usesOldSelf && old === undefined && !rule.optionalOldSelf)) continue;
      let result: Value;
      try {
        const { value: found, cost } = program.evaluate(rule.optionalOldSelf ? optional : plain, perCallLimit);
        if (cost > this.budget) {
          stop(outOfBudget);
          return;
        }
        this.budget -= cost;
        result = found;
      } catch (error) {
        if (!(error instanceof CostLimitExceeded)) throw error;
        stop(
          perCallLimit > this.budget
            ? outOfBudget
            : `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${textOf(rule)}`,
        );
        return;
      }
      if (result === true) continue;
      if (result instanceof CelError) {
        const { message } = result;
        const detail = message.startsWith("no such overload")
          ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${textOf(rule)}`
          : `${message} evaluating rule: ${textOf(rule)}`;
        this.errors.push(invalidValue(at, type, detail));
        continue;
      }
      if (!this.#failed(compiled, value, type, at, ratchet, plain)) return;
    }
  }

  /** false: nothing more may be evaluated. */
  #failed(compiled: CompiledRule, value: JSONValue, type: string, at: Path, ratchet: Ratchet, variables: (name: string) => Value | undefined): boolean {
    const { rule } = compiled;
    const here = compiled.fieldPath ? at.child(compiled.fieldPath) : at;
    const add = (error: FieldError): void => {
      if (!compiled.usesOldSelf && isUnchanged(ratchet)) this.warnings.push(`${error.field}: ${error.body}`);
      else this.errors.push(error);
    };
    let detail: string | undefined;
    if (compiled.message) {
      const made = this.#message(compiled.message, rule, variables);
      if ("stop" in made) {
        add(invalidValue(here, type, made.stop));
        this.budget = -1;
        return false;
      }
      detail = made.text;
    }
    detail ??= rule.message ? rule.message.trim() : `failed rule: ${textOf(rule)}`;
    add(errorFor(rule.reason, here, type === "object" || type === "array" ? undefined : value, detail));
    return true;
  }
  /** `text` undefined: the expression gave none that can be shown. */
  #message(program: Program, rule: ValidationRule, variables: (name: string) => Value | undefined): { text: string | undefined } | { stop: string } {
    try {
      const { value, cost } = program.evaluate(variables, perCallLimit);
      if (cost > this.budget) return { stop: "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run" };
      this.budget -= cost;
      const text = typeof value === "string" ? value.trim() : "";
      return { text: text === "" || text.includes("\n") || Buffer.byteLength(text) > maxMessageBytes ? undefined : text };
    } catch (error) {
      if (!(error instanceof CostLimitExceeded)) throw error;
      return { stop: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${goQuote(rule.messageExpression ?? "")}` };
    }
  }
}

/** A value that is undefined is not shown. */
function errorFor(reason: string | undefined, at: Path, value: JSONValue | undefined, detail: string): FieldError {
  switch (reason) {
    case "FieldValueForbidden":
      return forbiddenField(at, detail);
    case "FieldValueRequired":
      return required(at, detail);
    case "FieldValueDuplicate":
      return value === undefined ? { type: "FieldValueDuplicate", field: at.text || "<nil>", body: "Duplicate value" } : duplicate(at, value);
  }
  return value === undefined ? invalidOmitted(at, detail) : invalidValue(at, value, detail);
}
