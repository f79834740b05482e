/** CEL of stages: one object, `self`, of any type, and the language's own functions with those of strings. */
import { Environment } from "../api/cel/environment.ts";
import { CELCompileError } from "../api/cel/errors.ts";
import { fromJSON, toJSON } from "../api/cel/json.ts";
import { crossTypeComparison } from "../api/cel/library/comparison.ts";
import { standardLibrary } from "../api/cel/library/standard.ts";
import { stringsVersion2 } from "../api/cel/library/strings.ts";
import { types } from "../api/cel/types.ts";
import { CelError } from "../api/cel/values.ts";

/** The value of the expression for one object; undefined where it fails on it, as for a field that is not there. */
export type Expression = (self: unknown) => unknown;

export class ExpressionError extends Error {
  /** Zero-based offset in the expression's text. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const environment = new Environment({ libraries: [...standardLibrary, crossTypeComparison, stringsVersion2], variables: { self: types.dyn }, fold: true });

/** Throws ExpressionError. */
export function compileExpression(source: string): Expression {
  try {
    const program = environment.plan(environment.check(source));
    return (self) => {
      const { value } = program.evaluate(() => fromJSON(self));
      return value instanceof CelError ? undefined : toJSON(value);
    };
  } catch (error) {
    const [issue] = error instanceof CELCompileError ? error.issues : [];
    if (!issue) throw error;
    throw new ExpressionError(issue.message, Math.max(0, issue.offset));
  }
}
