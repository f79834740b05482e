/** Calls to closures: operators that look at their operands one by one, and functions by the types of their arguments. */
import type { Call, Expr } from "./ast.ts";
import { standardCost } from "./cost.ts";
import type { Implementation, Names, Overload } from "./declarations.ts";
import { attributeStep, constantStep, type Evaluate, Frame, type Step } from "./frame.ts";
import { orderings } from "./ordering.ts";
import { equalSet } from "./membership.ts";
import { PlanError } from "./plan-error.ts";
import { guardOf } from "./guards.ts";
import { refusal } from "./refusals.ts";
import { CelError, compared, GrowingList, ListValue, noSuchOverload, OptionalValue, unequal, type Value } from "./values.ts";

/** What plans the parts of a call. */
export interface Parts {
  readonly environment: Names;
  plan(node: Expr): Step;
  qualified(operand: Step, key: Step, optional: boolean): Step;
}

/** The pieces of a logical operator: what decides at once, and what is said when nothing decides. */
function logical(steps: readonly Step[], decisive: boolean): Step {
  const [left, right] = steps.map(({ evaluate }) => evaluate) as [Evaluate, Evaluate];
  return {
    evaluate(frame) {
      const a = left(frame);
      if (a === decisive) return decisive;
      const b = right(frame);
      if (b === decisive) return decisive;
      if (a instanceof CelError) return a;
      if (b instanceof CelError) return b;
      return a === !decisive && b === !decisive ? !decisive : noSuchOverload;
    },
  };
}

function conditional([condition, yes, no]: readonly Step[]): Step {
  const decide = (condition as Step).evaluate;
  const resolve = (step: Step): Evaluate => step.resolve ?? step.evaluate;
  const [then, otherwise] = [resolve(yes as Step), resolve(no as Step)];
  return attributeStep((frame) => {
    const value = decide(frame);
    if (value === true) return then(frame);
    if (value === false) return otherwise(frame);
    return value instanceof CelError ? value : noSuchOverload;
  }, 0);
}

/** The right side is looked at only when the left has nothing. */
function orElse([left, right]: readonly Step[], unwrap: boolean): Step {
  const [first, second] = [(left as Step).evaluate, (right as Step).evaluate];
  return {
    evaluate(frame) {
      const found = first(frame);
      // Upstream gives what is none as it is.
      if (!(found instanceof OptionalValue)) return found;
      if (found.value === undefined) return second(frame);
      return unwrap ? found.value : found;
    },
  };
}

const conversions = new Set(["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"]);

export function planCall(node: Call, parts: Parts): Step {
  const { name, target, overloads, ids } = resolve(node, parts.environment);
  const steps = (target ? [target, ...node.args] : node.args).map((argument) => parts.plan(argument));
  switch (name) {
    case "_&&_":
      return logical(steps, false);
    case "_||_":
      return logical(steps, true);
    case "_?_:_":
      return conditional(steps);
    case "_[_]":
      return parts.qualified(steps[0] as Step, steps[1] as Step, false);
    case "_[?_]":
    case "_?._":
      return parts.qualified(steps[0] as Step, steps[1] as Step, true);
    case "or":
    case "orValue":
      if (target && steps.length === 2 && (!ids || ids.includes("optional_or_optional") || ids.includes("optional_orValue_value")))
        return orElse(steps, name === "orValue");
      break;
    case "@not_strictly_false": {
      const inner = (steps[0] as Step).evaluate;
      return charged(1, (frame) => inner(frame) !== false);
    }
    case "@in":
      if (ids?.length === 1 && ids[0] === "in_list" && parts.environment.fold) {
        const set = (steps[1] as Step).constant;
        const step = set === undefined ? undefined : equalSet((steps[0] as Step).evaluate, set as ListValue);
        if (step) return step;
      }
  }
  const id = ids?.length === 1 ? ids[0] : undefined;
  const { callCost, fold } = parts.environment;
  const cost = callCost?.(name, id) ?? standardCost(id ?? (name === "_==_" ? "equals" : name === "_!=_" ? "not_equals" : undefined));
  // A pattern that is known is compiled once, and what is to match it is asked nothing.
  const known = fold && name === "matches" && steps[1]?.constant !== undefined;
  const refuse = (args: readonly Value[]): CelError => (known ? noSuchOverload : refusal(name, args));
  const apply = implementation(name, overloads, { member: target !== undefined, count: steps.length, refuse });
  const call: Step = { evaluate: strict(steps, apply, cost) };
  if (!fold || steps.length !== 1 || !conversions.has(name) || (steps[0] as Step).constant === undefined) return call;
  const value = call.evaluate(new Frame(() => undefined, Number.POSITIVE_INFINITY));
  if (value instanceof CelError) throw new PlanError(value.message);
  return constantStep(value);
}

const charged = (cost: number, compute: Evaluate): Step => ({
  evaluate(frame) {
    const value = compute(frame);
    frame.charge(cost);
    return value;
  },
});

type Cost = number | ((args: readonly Value[], result: Value) => number);

function strict(steps: readonly Step[], apply: Implementation, cost: Cost): Evaluate {
  const charge = (frame: Frame, args: readonly Value[], result: Value): Value => {
    frame.charge(typeof cost === "number" ? cost : cost(args, result));
    return result;
  };
  const [first, second] = steps.map(({ evaluate }) => evaluate) as [Evaluate, Evaluate];
  switch (steps.length) {
    case 0:
      return (frame) => charge(frame, [], apply());
    case 1:
      return (frame) => {
        const a = first(frame);
        return charge(frame, [a], a instanceof CelError ? a : apply(a));
      };
    case 2:
      return (frame) => {
        const a = first(frame);
        const b = second(frame);
        return charge(frame, [a, b], a instanceof CelError ? a : b instanceof CelError ? b : apply(a, b));
      };
  }
  return (frame) => {
    const args: Value[] = [];
    for (const { evaluate } of steps) {
      const value = evaluate(frame);
      if (value instanceof CelError) return value;
      args.push(value);
    }
    return charge(frame, args, apply(...args));
  };
}

interface Resolved {
  readonly name: string;
  readonly target: Expr | undefined;
  readonly overloads: readonly Overload[];
  /** Of those that the static types left. */
  readonly ids?: readonly string[];
}

function resolve(node: Call, environment: Names): Resolved {
  const { name, target, reference } = node;
  if (reference) {
    const ids = reference.overloads ?? [];
    const overloads = environment.resolveFunction(`.${name}`)?.overloads ?? [];
    return { name, target, overloads: overloads.filter(({ id }) => ids.includes(id)), ids };
  }
  const prefix = target && qualified(target);
  const namespaced = prefix === undefined ? undefined : environment.resolveFunction(`${prefix}.${name}`);
  if (namespaced) return { ...namespaced, target: undefined };
  const found = environment.resolveFunction(name);
  return { name: found?.name ?? name.replace(/^\./, ""), target, overloads: found?.overloads ?? [] };
}
function qualified(node: Expr): string | undefined {
  if (node.kind === "ident") return node.name;
  if (node.kind !== "select" || node.test) return undefined;
  const prefix = qualified(node.operand);
  return prefix === undefined ? undefined : `${prefix}.${node.field}`;
}

const isEquality = (name: string): boolean => name === "_==_" || name === "_!=_";

function implementation(
  name: string,
  overloads: readonly Overload[],
  { member, count, refuse }: { member: boolean; count: number; refuse: (args: readonly Value[]) => CelError },
): Implementation {
  if (isEquality(name)) return name === "_==_" ? (compared as Implementation) : (unequal as Implementation);
  const order = overloads.length && count === 2 ? orderings.get(name) : undefined;
  if (order) return order;
  const fitting = overloads
    .filter((one) => one.member === member && one.args.length === count)
    .map(({ args, call, anyElements }) => ({ guards: args.map((type) => guardOf(type, anyElements)), call }));
  if (fitting.length === 0) return (...args) => refuse(args);
  if (name === "_+_") {
    const inner = dispatch(fitting, refuse);
    return (a, b) => {
      if (!(a instanceof GrowingList) || !(b instanceof ListValue)) return inner(a as Value, b as Value);
      for (const item of b) a.values.push(item);
      return a;
    };
  }
  return dispatch(fitting, refuse);
}

function dispatch(
  fitting: readonly { guards: ((value: Value) => boolean)[]; call: Implementation }[],
  refuse: (args: readonly Value[]) => CelError,
): Implementation {
  if (fitting.every(({ guards }) => guards.length === 2)) return dispatchTwo(fitting, refuse);
  return (...args) => {
    for (const { guards, call } of fitting) {
      let fits = true;
      for (let i = 0; i < guards.length && fits; i++) fits = (guards[i] as (value: Value) => boolean)(args[i] as Value);
      if (fits) return call(...args);
    }
    return refuse(args);
  };
}

/** Operators mostly: without lists of arguments. */
function dispatchTwo(
  fitting: readonly { guards: ((value: Value) => boolean)[]; call: Implementation }[],
  refuse: (args: readonly Value[]) => CelError,
): Implementation {
  const pairs = fitting.map(({ guards: [left, right], call }) => ({ left, right, call }) as { left: Guard; right: Guard; call: Implementation });
  return (a, b) => {
    for (const { left, right, call } of pairs) if (left(a as Value) && right(b as Value)) return call(a as Value, b as Value);
    return refuse([a as Value, b as Value]);
  };
}
type Guard = (value: Value) => boolean;
