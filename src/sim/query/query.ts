/**
 * The part of jq (https://jqlang.org/manual/) that looks at objects: paths (`.a.b`, `.["a/b"]`, `.[0]`, `.[]`, `?`), `|`, `,`,
 * `//`, comparisons, `and`, `or`, arithmetic, `if`, literals with interpolation, construction of arrays and objects, and the
 * functions of functions.ts. Anything else is refused when the query is compiled.
 */
import { Parser } from "./parser.ts";
import { EvaluationError } from "./values.ts";

export { QueryError } from "./parser.ts";

/** All results of the query on one object; a query that fails on it gives undefined, as in kwok. */
export type Query = (input: unknown) => unknown[] | undefined;

/** Throws QueryError. */
export function compileQuery(text: string): Query {
  const filter = new Parser(text).whole();
  return (input) => {
    try {
      return filter(input).filter((value) => value !== null && value !== undefined);
    } catch (error) {
      if (error instanceof EvaluationError) return undefined;
      throw error;
    }
  };
}
