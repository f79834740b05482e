/** `cel.bind(x, value, result)`, and cel.block with its numbered parts (cel-spec's extensions). */
import { type Expr, ident, list, literal, qualifiedName } from "../ast.ts";
import type { Library } from "../declarations.ts";
import { type Macro, variable } from "../macro.ts";

/** The result with the name bound; the value is computed when it is first asked for. */
const bound = (at: number, name: string, initial: Expr, result: Expr): Expr => ({
  kind: "comprehension",
  at,
  range: list(at, []),
  variable: "#unused",
  accumulator: name,
  initial,
  condition: literal(at, false),
  step: ident(at, name),
  result,
});

const inNamespace =
  (macro: Macro): Macro =>
  (call, fail) =>
    call.target && qualifiedName(call.target) === "cel" ? macro(call, fail) : undefined;

const bind: Macro = ({ at, args: [name, value, result] }, fail) => {
  const simple = name?.kind === "ident" && !name.name.startsWith(".");
  if (!simple) return fail("cel.bind() variable names must be simple identifiers", name?.at ?? at);
  return bound(at, variable(name, fail, ""), value as Expr, result as Expr);
};

const index = (node: Expr | undefined): string => (node?.kind === "literal" ? String(node.value) : "");
const block: Macro = ({ at, args: [parts, result] }, fail) => {
  if (parts?.kind !== "list") return fail("cel.block requires the first arg to be a list literal", at);
  return parts.elements.reduceRight<Expr>((inner, part, i) => bound(at, `@index${i}`, part, inner), result as Expr);
};

export const bindings: Library = {
  macros: { "bind:1:3": inNamespace(bind) },
};

export const blocks: Library = {
  macros: {
    "block:1:2": inNamespace(block),
    "index:1:1": inNamespace(({ at, args: [i] }) => ident(at, `@index${index(i)}`)),
    "iterVar:1:2": inNamespace(({ at, args: [depth, i] }) => ident(at, `@it:${index(depth)}:${index(i)}`)),
    "accuVar:1:2": inNamespace(({ at, args: [depth, i] }) => ident(at, `@ac:${index(depth)}:${index(i)}`)),
  },
};
