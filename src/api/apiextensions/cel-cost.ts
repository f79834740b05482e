/** What all rules of a definition may cost together, and how often each is evaluated (apis/apiextensions/validation/cel_validation.go). */
import type { Struct } from "../cel/declarations.ts";
import { unbounded } from "../cel/sizes.ts";
import { escapeName } from "./decl-name.ts";
import { type DeclType, declTypeOf } from "./decl-type.ts";
import { isEmbedded, rulesOf, type Schema } from "./schema.ts";

/** Of one expression, and of all expressions of a definition. */
export const expressionCostLimit = 10_000_000;
export const definitionCostLimit = 100_000_000;

/** 0 times anything is 0. */
export const multiplied = (cost: number, by: number): number => (cost === 0 ? 0 : Math.min(cost * by, unbounded));

export class TotalCost {
  total = 0;
  /** The four that cost most, of those that count. */
  expensive: { path: string; cost: number }[] = [];
  observe(path: string, cost: number): void {
    this.total = Math.min(this.total + cost, unbounded);
    if (cost < definitionCostLimit / 100) return;
    this.expensive = [...this.expensive, { path, cost }].sort((a, b) => b.cost - a.cost).slice(0, 4);
  }
}

function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}

export function costMessage(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const text = factor > 100 ? "more than 100x" : factor < 1.5 ? `${fixed(factor, 6)}x` : `${fixed(factor, 1)}x`;
  return `${what} exceeds budget by factor of ${text} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** How many times more there are of what is directly in it; undefined: nothing bounds it. */
function elementsOf({ type, additionalProperties, maxProperties, maxItems }: Schema): number | undefined {
  const bounded = (max: number | undefined): number | undefined => (max === undefined ? undefined : Math.max(0, Number(max)));
  if (type === "array") return bounded(maxItems);
  return type === "object" && additionalProperties !== undefined ? bounded(maxProperties) : 1;
}

let names = 0;

/** A schema on the way from the root, with what rules on it have to know. */
export class RuleContext {
  readonly schema: Schema;
  /** undefined: nothing bounds how many such values there may be. */
  readonly maxCardinality: number | undefined;
  readonly total: TotalCost;
  readonly structs: Record<string, Struct>;
  readonly #parent: RuleContext | undefined;
  /** undefined: items, or values under free keys. */
  readonly #name: string | undefined;
  #declared: DeclType | undefined;

  private constructor(
    schema: Schema,
    parent: RuleContext | undefined,
    name: string | undefined,
    maxCardinality: number | undefined,
    structs: Record<string, Struct>,
  ) {
    this.schema = schema;
    this.#parent = parent;
    this.#name = name;
    this.maxCardinality = maxCardinality;
    this.total = parent?.total ?? new TotalCost();
    this.structs = structs;
  }
  static root(schema: Schema): RuleContext {
    return new RuleContext(schema, undefined, "", 1, {});
  }
  /** `name` undefined: items, or values under free keys. */
  child(schema: Schema, name?: string): RuleContext {
    const elements = elementsOf(this.schema);
    const cardinality = this.maxCardinality === undefined || elements === undefined ? undefined : multiplied(this.maxCardinality, elements);
    return new RuleContext(schema, this, name, cardinality, this.structs);
  }
  /** Whether a rule here or above may look at it. */
  private get seen(): boolean {
    return rulesOf(this.schema).length > 0 || (this.#parent?.seen ?? false);
  }
  /** Why there is no type. What is no list and no map has no elements, whatever its schema says of them. */
  get whyUndeclared(): string {
    if (this.#name === undefined && this.#parent?.seen && this.#parent.declared) return "failed to convert to declType for CEL validation rules";
    return "internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations";
  }
  /** undefined: expressions do not see such values. */
  get declared(): DeclType | undefined {
    if (!this.#declared) {
      const above = this.#parent?.seen ? this.#parent.declared : undefined;
      if (above && this.#name === undefined) {
        this.#declared = above.element;
        return this.#declared;
      }
      const escaped = this.#name === undefined ? undefined : escapeName(this.#name);
      const found = escaped === undefined ? undefined : above?.fields?.get(escaped);
      this.#declared = found ?? declTypeOf(this.schema, this.#parent === undefined || isEmbedded(this.schema), `selfType${names++}`, this.structs);
    }
    return this.#declared;
  }
}
