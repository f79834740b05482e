/** Paths of fields and keys that a schema has: `.spec.list`, `.spec['a b']` (apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go). */
import { Path } from "../field.ts";
import { propertyOf, type Schema, valuesOf } from "./schema.ts";
import { table } from "../../base/table.ts";

export interface FoundField {
  /** `spec.list`, `spec[a b]`. */
  readonly path: string;
  readonly root: string;
  readonly schema: Schema | undefined;
}

const escapes = table<string>({ a: "\u0007", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "'": "'", "\\": "\\" });

/** Delimiters, quoted strings and what is between them. */
const tokensOf = (path: string): string[] => path.match(/'(?:\\.|[^'])*'|'.*$|[.[\]]|[^.[\]]+/gs) ?? [];

/** Why it is none, as upstream words it, or what it leads to. */
export function validFieldPath(jsonPath: string, schema: Schema, allowKeys = true): FoundField | string {
  let at: Schema | undefined = schema;
  let path = new Path();
  let root = "";
  const tokens = tokensOf(jsonPath);
  let next = 0;
  const step = (name: string): string | undefined => {
    if (Object.keys(at?.properties ?? {}).length) {
      path = path.child(name);
      at = propertyOf(at as Schema, name);
      if (!at) return "does not refer to a valid field";
    } else if (at?.additionalProperties !== undefined) {
      path = path.key(name);
      at = valuesOf(at);
    } else return "does not refer to a valid field";
    root ||= name;
    return undefined;
  };
  while (next < tokens.length) {
    const token = tokens[next++];
    if (token === "[") {
      if (!allowKeys) return "array notation is not allowed";
      const quoted = tokens[next++];
      if (quoted === undefined) return "unexpected end of JSON path";
      if (quoted.length < 2 || quoted[0] !== "'" || !quoted.endsWith("'")) return `expected single quoted string but got ${quoted}`;
      let invalid = "";
      const name = quoted.slice(1, -1).replace(/\\./gs, (sequence) => {
        const found = escapes[sequence[1] as string];
        if (found === undefined) invalid = `invalid string literal: invalid escape char ${sequence}`;
        return found ?? "";
      });
      if (invalid) return invalid;
      const wrong = step(name);
      if (wrong) return wrong;
      const close = tokens[next++];
      if (close === undefined) return "unexpected end of JSON path";
      if (close !== "]") return `expected ] but got ${close}`;
    } else if (token === ".") {
      const name = tokens[next++];
      if (name === undefined) return "unexpected end of JSON path";
      const wrong = step(name);
      if (wrong) return wrong;
    } else return `expected [ or . but got: ${token}`;
  }
  return { path: path.text, root, schema: at };
}
