/** One evaluation: variables, values of comprehensions, what it has cost so far. */
import { CelError, type Value } from "./values.ts";

/** The evaluation was given up: it costs more than it may. */
export class CostLimitExceeded extends Error {
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}

/** The value of a variable; undefined: it is not set. */
export type Activation = (name: string) => Value | undefined;

export class Frame {
  readonly variables: Activation;
  /** Of comprehensions; each has places of its own. */
  readonly slots: (Value | undefined)[] = [];
  cost = 0;
  readonly #limit: number;

  constructor(variables: Activation, limit: number) {
    this.variables = variables;
    this.#limit = limit;
  }
  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#limit) throw new CostLimitExceeded();
  }
}

export type Evaluate = (frame: Frame) => Value;

/** A planned expression. */
export interface Step {
  readonly evaluate: Evaluate;
  /** Known already; its evaluation is free. */
  readonly constant?: Value;
  /**
   * Of names, fields, indexes and conditions: the value without the charge for the whole, because a field of it, an index or a
   * branch is charged for itself.
   */
  readonly resolve?: Evaluate;
  /** What the whole is charged with beyond `resolve`. */
  readonly attributeCost?: number;
}

export const constantStep = (constant: Value): Step => ({ evaluate: () => constant, constant });

export function attributeStep(resolve: Evaluate, attributeCost: number): Step {
  const evaluate: Evaluate = attributeCost
    ? (frame) => {
        const value = resolve(frame);
        frame.charge(attributeCost);
        return value;
      }
    : resolve;
  return { evaluate, resolve, attributeCost };
}

export const noSuchAttribute = (...names: string[]): CelError => new CelError(`no such attribute(s): ${names.join(", ")}`);
