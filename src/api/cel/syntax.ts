/** What of CEL's syntax there is to choose from, and the words that are no names. */
import type { Macro } from "./macro.ts";

export interface Syntax {
  /** By name, whether it follows a value, and how many arguments: `exists:1:2`. */
  readonly macros: ReadonlyMap<string, Macro>;
  /** `a.?b`, `a[?b]`, `[?a]`, `{?a: b}`. */
  readonly optional: boolean;
  /** Fields in backticks: a.`b-c`. */
  readonly escapedFields: boolean;
}

export const reserved: ReadonlySet<string> = new Set(
  "as break const continue else false for function if import in let loop package namespace null return true var void while".split(" "),
);
