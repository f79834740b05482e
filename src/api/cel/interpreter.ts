/**
 * Expressions to closures, made once and evaluated often. What an evaluation costs is counted as cel-go counts it: one for a
 * name, a field or an index, ten for a list, thirty for a map, forty for a message, and calls by their arguments.
 */
import type { Comprehension, Expr, List, MapExpr, Select, Struct } from "./ast.ts";
import { qualifiedName } from "./ast.ts";
import { planCall } from "./calls.ts";
import type { Names } from "./declarations.ts";
import { type Activation, attributeStep, constantStep, type Evaluate, Frame, noSuchAttribute, type Step } from "./frame.ts";
import { PlanError } from "./plan-error.ts";
import { goTypeOf } from "./go-types.ts";
import { invalidQualifier, isPresent, isQualifier, qualify } from "./qualify.ts";
import {
  ArrayList,
  CelError,
  ComparisonFailure,
  GrowingList,
  GrowingMap,
  HashMap,
  ListValue,
  MapValue,
  noSuchKey,
  OptionalValue,
  show,
  type Value,
} from "./values.ts";

export const listCost = 10;
export const mapCost = 30;
export const structCost = 40;

export interface Evaluation {
  /** May be a CelError. */
  readonly value: Value;
  readonly cost: number;
}
export interface Program {
  /** Throws CostLimitExceeded. */
  evaluate(variables: Activation, limit?: number): Evaluation;
}

export function plan(expression: Expr, environment: Names): Program {
  const { evaluate } = new Planner(environment).plan(expression);
  return {
    evaluate(variables, limit = Number.POSITIVE_INFINITY) {
      const frame = new Frame(variables, limit);
      try {
        return { value: evaluate(frame), cost: frame.cost };
      } catch (error) {
        if (error instanceof ComparisonFailure) return { value: error.value, cost: frame.cost };
        throw error;
      }
    },
  };
}

export class Planner {
  readonly environment: Names;
  /** Places of the variables in scope, innermost last. */
  readonly #scope: [name: string, slot: number][] = [];
  /** What accumulators begin with: computed when they are first asked for. */
  readonly #initials = new Map<number, Evaluate>();
  #slots = 0;

  constructor(environment: Names) {
    this.environment = environment;
  }

  plan(node: Expr): Step {
    switch (node.kind) {
      case "literal":
        return constantStep(node.value);
      case "ident":
        return this.#name(node, [node.name]) as Step;
      case "select":
        return this.#select(node);
      case "call":
        return planCall(node, this);
      case "list":
        return this.#list(node);
      case "map":
        return this.#map(node);
      case "struct":
        return this.#struct(node);
      case "comprehension":
        return this.#comprehension(node);
    }
  }

  /** A name, and what its fields are when it is not the whole name of a variable. */
  #name({ reference }: Expr, path: readonly string[]): Step | undefined {
    if (reference?.value !== undefined) return constantStep(reference.value);
    const [first = ""] = path;
    const local = this.#scope.findLast(([name]) => name === first)?.[1];
    if (local !== undefined && path.length === 1) {
      const initial = this.#initials.get(local);
      return attributeStep((frame) => {
        let value = frame.slots[local];
        if (value !== undefined) return value;
        value = initial ? growing(initial(frame)) : noSuchAttribute(first);
        frame.slots[local] = value;
        return value;
      }, 1);
    }
    if (reference?.name !== undefined) {
      const { name } = reference;
      const missing = noSuchAttribute(name);
      return attributeStep((frame) => {
        const value = frame.variables(name);
        return value === undefined ? missing : value;
      }, 1);
    }
    return local === undefined ? this.#unchecked(path) : undefined;
  }
  /** Nobody has said yet where the name ends and its fields begin: the longest that is known wins. */
  #unchecked(path: readonly string[]): Step {
    const options: { name: string; fields: readonly string[]; constant: Value | undefined }[] = [];
    for (let length = path.length; length > 0; length--)
      for (const name of this.environment.candidates(path.slice(0, length).join(".")))
        options.push({ name, fields: path.slice(length), constant: this.environment.resolveName(`.${name}`)?.value });
    return attributeStep((frame) => {
      for (const { name, fields, constant } of options) {
        let found = frame.variables(name);
        if (found === undefined) found = constant;
        if (found !== undefined) return fields.reduce((of, field) => (of instanceof CelError ? of : qualify(of, field, false)), found);
      }
      return noSuchAttribute(...options.filter(({ fields }) => fields.length === path.length - 1).map(({ name }) => name));
    }, 1);
  }

  #select(node: Select): Step {
    const { field, test } = node;
    if (!test) {
      const name = qualifiedName(node);
      const whole = name !== undefined && (node.reference || !node.type) ? this.#name(node, name.split(/(?!^)\./)) : undefined;
      if (whole) return whole;
    }
    const operand = this.plan(node.operand);
    if (!test) return this.qualified(operand, constantStep(field), false);
    const base = operand.resolve ?? operand.evaluate;
    return {
      evaluate(frame) {
        const of = base(frame);
        if (of instanceof CelError) return of;
        const present = isPresent(of, field);
        if (present === true || !(of instanceof OptionalValue)) frame.charge(1);
        return present;
      },
    };
  }
  qualified(operand: Step, key: Step, optional: boolean): Step {
    const base = operand.resolve ?? operand.evaluate;
    const { constant } = key;
    // The specification looks for any key, cel-go does not.
    const any = !this.environment.fold;
    if (!any && constant !== undefined && !isQualifier(constant)) throw new PlanError(invalidQualifier(constant).message);
    const keyOf = key.resolve ?? key.evaluate;
    const keyCost = key.resolve && key.attributeCost === 0 ? 0 : 1;
    const resolve: Evaluate = (frame) => {
      const of = base(frame);
      if (of instanceof CelError) return of;
      if (of instanceof OptionalValue && of.value === undefined) return of;
      const at = constant === undefined ? keyOf(frame) : constant;
      if (at instanceof CelError) return at;
      if (!any && !isQualifier(at)) return invalidQualifier(at);
      const found = qualify(of, at, optional);
      if (!(found instanceof OptionalValue) || found.value !== undefined) frame.charge(keyCost);
      return found;
    };
    return attributeStep(resolve, operand.attributeCost ?? 1);
  }

  #list({ elements, optional }: List): Step {
    const steps = elements.map((element) => this.plan(element));
    if (this.environment.fold && optional.size === 0 && steps.every(({ constant }) => constant !== undefined))
      return constantStep(new ArrayList(steps.map(({ constant }) => constant as Value)));
    return {
      evaluate(frame) {
        frame.charge(listCost);
        const values: Value[] = [];
        for (let i = 0; i < steps.length; i++) {
          const value = (steps[i] as Step).evaluate(frame);
          if (value instanceof CelError) return value;
          if (!optional.has(i)) values.push(value);
          else if (!(value instanceof OptionalValue)) return new CelError(`cannot initialize optional list element from non-optional value ${show(value)}`);
          else if (value.value !== undefined) values.push(value.value);
        }
        return new ArrayList(values);
      },
    };
  }
  #map({ entries }: MapExpr): Step {
    const steps = entries.map(({ key, value, optional }) => ({ key: this.plan(key), value: this.plan(value), optional }));
    const evaluate: Evaluate = (frame) => {
      frame.charge(mapCost);
      const map = new HashMap();
      for (const step of steps) {
        const key = step.key.evaluate(frame);
        if (key instanceof CelError) return key;
        let value: Value | undefined = step.value.evaluate(frame);
        if (value instanceof CelError) return value;
        if (step.optional) {
          if (!(value instanceof OptionalValue)) return new CelError(`cannot initialize optional entry '${show(key)}' from non-optional value ${show(value)}`);
          value = value.value;
        }
        const failure = value === undefined ? undefined : map.set(key, value);
        if (failure) return failure;
      }
      return map;
    };
    const constant = steps.every(({ key, value, optional }) => !optional && key.constant !== undefined && value.constant !== undefined);
    if (this.environment.fold && constant) return constantStep(evaluate(new Frame(() => undefined, Number.POSITIVE_INFINITY)));
    return { evaluate };
  }
  #struct({ name, fields, type }: Struct): Step {
    const found = type
      ? this.environment.struct(name)
      : this.environment
          .candidates(name)
          .map((one) => this.environment.struct(one))
          .find(Boolean);
    const create = found?.create?.bind(found);
    if (!create) throw new PlanError(`unknown type: ${name}`);
    const steps = fields.map((field) => ({ ...field, step: this.plan(field.value) }));
    return {
      evaluate(frame) {
        frame.charge(structCost);
        const values = new Map<string, Value>();
        for (const field of steps) {
          let value: Value | undefined = field.step.evaluate(frame);
          if (value instanceof CelError) return value;
          if (field.optional) {
            if (!(value instanceof OptionalValue))
              return new CelError(`cannot initialize optional entry '${field.name}' from non-optional value ${show(value)}`);
            value = value.value;
          }
          if (value !== undefined) values.set(field.name, value);
        }
        return create(values);
      },
    };
  }

  #comprehension(node: Comprehension): Step {
    const initial = this.plan(node.initial).evaluate;
    const range = this.plan(node.range).evaluate;
    const [accumulator, first, second] = [this.#slots++, this.#slots++, this.#slots++] as const;
    this.#initials.set(accumulator, initial);
    this.#scope.push([node.accumulator, accumulator], [node.variable, first]);
    if (node.variable2 !== undefined) this.#scope.push([node.variable2, second]);
    const condition = this.plan(node.condition).evaluate;
    const step = this.plan(node.step).evaluate;
    this.#scope.length -= node.variable2 === undefined ? 1 : 2;
    const result = this.plan(node.result).evaluate;
    this.#scope.length--;
    const two = node.variable2 !== undefined;

    const evaluate: Evaluate = (frame) => {
      const of = range(frame);
      if (of instanceof CelError) return of;
      if (!(of instanceof ListValue) && !(of instanceof MapValue))
        return new CelError(two ? `unsupported comprehension range type: ${goTypeOf(of)}` : `got '${goTypeOf(of)}', expected iterable type`);
      const { slots } = frame;
      slots[accumulator] = undefined;
      let index = 0n;
      for (const item of of instanceof MapValue ? of.keys() : of) {
        if (two) {
          slots[first] = of instanceof MapValue ? item : index++;
          slots[second] = of instanceof MapValue ? held(of, item) : item;
        } else slots[first] = item;
        if (condition(frame) === false) break;
        slots[accumulator] = step(frame);
      }
      return settled(result(frame));
    };
    return { evaluate };
  }
}

function held(map: MapValue, key: Value): Value {
  const value = map.get(key);
  return value === undefined ? noSuchKey(key) : value;
}
function growing(initial: Value): Value {
  if (initial instanceof ListValue && initial.size === 0) return new GrowingList([]);
  return initial instanceof MapValue && initial.size === 0 ? new GrowingMap() : initial;
}
function settled(value: Value): Value {
  if (value instanceof GrowingList) return new ArrayList(value.values);
  return value instanceof GrowingMap ? value.copy() : value;
}
