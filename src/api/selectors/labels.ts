/**
 * Label selectors: the query text (`a=b,c in (d,e),!f,g>1`) and metav1.LabelSelector, compiled to predicates
 * (k8s.io/apimachinery/pkg/labels). Error texts are upstream's.
 */
import { type FieldError, invalidValue, notSupported, Path } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { isQualifiedName, isValidLabelValue } from "../names.ts";
import type { LabelSelector as LabelSelectorSpec } from "../types/meta-v1.gen.ts";
import { type Operator, parseLabelTokens, type Requirement } from "./label-parser.ts";

export type { Operator, Requirement };

/** Thrown for a selector that is not valid. */
export class SelectorError extends Error {}

export const labelOperators: readonly Operator[] = ["in", "notin", "=", "==", "!=", "gt", "lt", "exists", "!"];

export type Labels = { readonly [key: string]: string | undefined };
export type Predicate = (labels: Labels | undefined) => boolean;

const int64 = (text: string): bigint | undefined => {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  return BigInt.asIntN(64, value) === value ? value : undefined;
};

/** Errors in upstream's order. */
export function validateRequirement({ key, operator, values }: Requirement): FieldError[] {
  const errors: FieldError[] = [];
  const keyErrors = isQualifiedName(key);
  if (keyErrors.length) errors.push(invalidValue("key", key, keyErrors.join("; ")));
  const wrong = (detail: string): number => errors.push(invalidValue("values", values, detail));
  if (operator === "in" || operator === "notin") {
    if (!values.length) wrong("for 'in', 'notin' operators, values set can't be empty");
  } else if (operator === "exists" || operator === "!") {
    if (values.length) wrong("values set must be empty for exists and does not exist");
  } else if (operator === "gt" || operator === "lt") {
    if (values.length !== 1) wrong("for 'Gt', 'Lt' operators, exactly one value is required");
    for (const [i, value] of values.entries())
      if (int64(value) === undefined) errors.push(invalidValue(`values[${i}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
  } else if (operator === "=" || operator === "==" || operator === "!=") {
    if (values.length !== 1) wrong("exact-match compatibility requires one single value");
  } else errors.push(notSupported("operator", operator, labelOperators));
  for (const [i, value] of values.entries()) {
    const valueErrors = isValidLabelValue(value);
    if (valueErrors.length) errors.push(invalidValue(new Path("values").index(i).key(key), value, valueErrors.join("; ")));
  }
  return errors;
}

function compile({ key, operator, values }: Requirement): Predicate {
  // A key such as "constructor" finds something in any plain object: only strings are labels.
  const only = values[0];
  switch (operator) {
    case "in":
    case "=":
    case "==":
      if (values.length === 1) return (labels) => labels !== undefined && labels[key] === only;
      return (labels) => {
        const value = labels?.[key];
        return typeof value === "string" && values.includes(value);
      };
    case "notin":
    case "!=":
      return (labels) => {
        const value = labels?.[key];
        return typeof value !== "string" || !values.includes(value);
      };
    case "exists":
      return (labels) => typeof labels?.[key] === "string";
    case "!":
      return (labels) => typeof labels?.[key] !== "string";
    default: {
      const bound = int64(only ?? "");
      return (labels) => {
        const text = labels?.[key];
        const value = typeof text === "string" ? int64(text) : undefined;
        if (value === undefined || bound === undefined) return false;
        return operator === "gt" ? value > bound : value < bound;
      };
    }
  }
}

function requirementText({ key, operator, values }: Requirement): string {
  if (operator === "exists") return key;
  if (operator === "!") return `!${key}`;
  const list = [...values].sort().join(",");
  if (operator === "in" || operator === "notin") return `${key} ${operator} (${list})`;
  return `${key}${operator === "gt" ? ">" : operator === "lt" ? "<" : operator}${list}`;
}

/** An immutable, compiled selector. */
export class LabelSelector {
  /** Sorted by key. */
  readonly requirements: readonly Requirement[];
  /** Whether the labels (none counts as no labels) satisfy every requirement. */
  readonly matches: Predicate;
  /** Selects nothing at all, whatever the labels. */
  readonly nothing: boolean;

  constructor(requirements: readonly Requirement[], nothing = false) {
    this.requirements = requirements.length > 1 ? [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)) : requirements;
    this.nothing = nothing;
    const tests = this.requirements.map(compile);
    const [first] = tests;
    if (nothing) this.matches = () => false;
    else if (!first) this.matches = () => true;
    else if (tests.length === 1) this.matches = first;
    else
      this.matches = (labels) => {
        for (const test of tests) if (!test(labels)) return false;
        return true;
      };
  }
  /** Selects everything. */
  get empty(): boolean {
    return !this.nothing && this.requirements.length === 0;
  }
  /** The one value that the label must have, if the selector says so. */
  exactMatch(key: string): string | undefined {
    const found = this.requirements.find((r) => r.key === key);
    return found && (found.operator === "in" || found.operator === "=" || found.operator === "==") && found.values.length === 1 ? found.values[0] : undefined;
  }
  and(...requirements: Requirement[]): LabelSelector {
    return this.nothing ? this : new LabelSelector([...this.requirements, ...requirements]);
  }
  toString(): string {
    return this.requirements.map(requirementText).join(",");
  }
}

export const everything = new LabelSelector([]);
export const nothing = new LabelSelector([], true);

/** One error as it is, several in brackets, as upstream's aggregates print. */
function refuse(errors: FieldError[], prefix = ""): void {
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.body}`))];
  if (texts.length) throw new SelectorError(prefix + (texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`));
}

const parsed = new Map<string, LabelSelector>();

/** The `labelSelector` query parameter. Throws SelectorError with upstream's text. */
export function parseLabelSelector(text: string): LabelSelector {
  if (text === "") return everything;
  const known = parsed.get(text);
  if (known) return known;
  const requirements = parseLabelTokens(
    text,
    (message) => new SelectorError(message),
    (requirement) => refuse(validateRequirement(requirement), "unable to parse requirement: "),
  );
  const selector = new LabelSelector(requirements);
  if (parsed.size >= 1024) parsed.clear();
  if (text.length <= 1024) parsed.set(text, selector);
  return selector;
}

/** Every label must have its value; no labels select everything. */
export function selectorFromSet(labels: Labels | undefined): LabelSelector {
  const entries = Object.entries(labels ?? {});
  return entries.length ? new LabelSelector(entries.map(([key, value]) => ({ key, operator: "=", values: [value as string] }))) : everything;
}

/** Of label selectors in objects. */
export const specOperators: ReadonlyMap<string, Operator> = new Map([
  ["In", "in"],
  ["NotIn", "notin"],
  ["Exists", "exists"],
  ["DoesNotExist", "!"],
]);
const compiled = new WeakMap<LabelSelectorSpec, LabelSelector>();

/** metav1.LabelSelectorAsSelector: undefined selects nothing, an empty one everything. Throws SelectorError. */
export function selectorOf(spec: LabelSelectorSpec | null | undefined): LabelSelector {
  if (!spec) return nothing;
  const known = compiled.get(spec);
  if (known) return known;
  const requirements: Requirement[] = Object.entries(spec.matchLabels ?? {}).map(([key, value]) => ({ key, operator: "=", values: [value] }));
  for (const { key, operator, values } of spec.matchExpressions ?? []) {
    const known = specOperators.get(operator);
    if (!known) throw new SelectorError(`${goQuote(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: values ?? [] });
  }
  for (const requirement of requirements) refuse(validateRequirement(requirement));
  const selector = requirements.length ? new LabelSelector(requirements) : everything;
  compiled.set(spec, selector);
  return selector;
}

/** metav1.FormatLabelSelector, as tables and describe show it. */
export function formatLabelSelector(spec: LabelSelectorSpec | null | undefined): string {
  try {
    return selectorOf(spec).toString() || "<none>";
  } catch (error) {
    if (error instanceof SelectorError) return "<error>";
    throw error;
  }
}
