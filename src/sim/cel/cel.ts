/**
 * The part of CEL (https://github.com/google/cel-spec) that looks at an object, `self`: fields, indexes, operators, literals,
 * has(), the macros all, exists, exists_one, filter and map, conversions, and functions of strings. Anything else (times,
 * durations, quantities, bytes, unsigned numbers) is refused when the expression is compiled.
 */
import { hint } from "../nearest.ts";
import { CELError, Double, bool, fieldOf, functions, global, indexOf, isMap, operators, typeOf } from "./values.ts";

/** The value of the expression for one object; undefined where it fails on it, as for a field that is not there. */
export type Expression = (self: unknown) => unknown;

export class CELSyntaxError extends Error {
  /** Zero-based offset in the expression's text. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Throws CELSyntaxError. */
export function compileCEL(source: string): Expression {
  const { evaluate } = new Parser(source).whole();
  return (self) => {
    try {
      const value = evaluate({ self });
      return value instanceof Double ? value.value : value;
    } catch (error) {
      if (error instanceof CELError) return undefined;
      throw error;
    }
  };
}

type Scope = Record<string, unknown>;
interface Node {
  evaluate(scope: Scope): unknown;
  /** Of a field: what it is a field of, for has(). */
  field?: { of: Node; name: string };
  /** Of a plain name. */
  name?: string;
}
interface Token {
  kind: "symbol" | "word" | "number" | "string" | "end";
  text: string;
  start: number;
  end: number;
}

const token =
  /(&&|\|\||[=!<>]=|[-+*/%<>!?:.,()[\]{}])|([A-Za-z_]\w*)(?!["'])|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|([rR]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))/y;
const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", a: "\x07", v: "\v", "\\": "\\", '"': '"', "'": "'", "`": "`", "?": "?" };
const levels = [
  ["==", "!=", "<", "<=", ">", ">=", "in"],
  ["+", "-"],
  ["*", "/", "%"],
];
const macros = ["all", "exists", "exists_one", "filter", "map"];

class Parser {
  readonly #text: string;
  #at = 0;
  /** Names that may be used here. */
  #names = ["self"];
  constructor(text: string) {
    this.#text = text;
  }

  whole(): Node {
    const node = this.#ternary();
    const rest = this.#peek();
    if (rest.kind !== "end") this.#fail(`unexpected ${JSON.stringify(rest.text)}`);
    return node;
  }

  #peek(): Token {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    const start = this.#at;
    if (start >= this.#text.length) return { kind: "end", text: "", start, end: start };
    token.lastIndex = start;
    const match = token.exec(this.#text);
    if (!match) this.#fail(`unexpected ${JSON.stringify(this.#text[start])}`);
    const kind = match[1] !== undefined ? "symbol" : match[2] !== undefined ? "word" : match[3] !== undefined ? "number" : "string";
    return { kind, text: match[0], start, end: token.lastIndex };
  }
  #next(): Token {
    const found = this.#peek();
    this.#at = found.end;
    return found;
  }
  #accept(text: string): boolean {
    const next = this.#peek();
    if (next.text !== text || next.kind === "string" || next.kind === "end") return false;
    this.#at = next.end;
    return true;
  }
  #expect(text: string): void {
    const next = this.#peek();
    if (!this.#accept(text)) this.#fail(`expected ${JSON.stringify(text)}, found ${JSON.stringify(next.text || "the end")}`);
  }
  #fail(message: string, offset = this.#at): never {
    throw new CELSyntaxError(message, offset);
  }

  #ternary(): Node {
    const condition = this.#or();
    if (!this.#accept("?")) return condition;
    const yes = this.#or();
    this.#expect(":");
    const no = this.#ternary();
    return { evaluate: (scope) => (bool(condition.evaluate(scope)) ? yes : no).evaluate(scope) };
  }
  #or(): Node {
    let left = this.#and();
    while (this.#accept("||")) left = either(left, this.#and(), true);
    return left;
  }
  #and(): Node {
    let left = this.#binary(0);
    while (this.#accept("&&")) left = either(left, this.#binary(0), false);
    return left;
  }
  #binary(level: number): Node {
    const names = levels[level];
    if (!names) return this.#unary();
    let left = this.#binary(level + 1);
    for (let next = this.#peek(); next.kind !== "string" && names.includes(next.text); next = this.#peek()) {
      const apply = operators[this.#next().text] as (a: unknown, b: unknown) => unknown;
      const [a, b] = [left, this.#binary(level + 1)];
      left = { evaluate: (scope) => apply(a.evaluate(scope), b.evaluate(scope)) };
    }
    return left;
  }
  #unary(): Node {
    if (this.#accept("!")) {
      const inner = this.#unary();
      return { evaluate: (scope) => !bool(inner.evaluate(scope)) };
    }
    if (this.#accept("-")) {
      const inner = this.#unary();
      return {
        evaluate(scope) {
          const value = inner.evaluate(scope);
          return operators["-"]?.(typeOf(value) === "double" ? new Double(0) : 0, value);
        },
      };
    }
    return this.#member();
  }

  #member(): Node {
    let node = this.#primary();
    for (;;) {
      const of = node;
      if (this.#accept("[")) {
        const index = this.#ternary();
        this.#expect("]");
        node = { evaluate: (scope) => indexOf(of.evaluate(scope), index.evaluate(scope)) };
      } else if (this.#accept(".")) {
        const next = this.#next();
        if (next.kind !== "word") this.#fail("expected a field or a function after '.'", next.start);
        if (this.#accept("(")) node = macros.includes(next.text) ? this.#macro(next.text, of) : this.#call(next, [of, ...this.#values()]);
        else node = { field: { of, name: next.text }, evaluate: (scope) => fieldOf(of.evaluate(scope), next.text) };
      } else return node;
    }
  }

  #primary(): Node {
    const next = this.#next();
    switch (next.kind) {
      case "number": {
        const value = /[.eE]/.test(next.text) ? new Double(Number(next.text)) : Number(next.text);
        return { evaluate: () => value };
      }
      case "string": {
        const value = this.#string(next);
        return { evaluate: () => value };
      }
      case "word":
        return this.#word(next);
    }
    if (next.text === "(") {
      const inner = this.#ternary();
      this.#expect(")");
      return { evaluate: inner.evaluate };
    }
    if (next.text === "[") {
      const items = this.#values("]");
      return { evaluate: (scope) => items.map((item) => item.evaluate(scope)) };
    }
    if (next.text === "{") return this.#map();
    return this.#fail(next.kind === "end" ? "the expression ends too early" : `unexpected ${JSON.stringify(next.text)}`, next.start);
  }
  #word(next: Token): Node {
    const { text } = next;
    if (text === "true" || text === "false") return { evaluate: () => text === "true" };
    if (text === "null") return { evaluate: () => null };
    if (this.#accept("(")) {
      const values = this.#values();
      if (text === "has") return this.#has(next, values);
      if (Object.hasOwn(functions, `${text}/${values.length}`) && !global.includes(`${text}/${values.length}`))
        this.#fail(`${text} follows a value: VALUE.${text}(...)`, next.start);
      return this.#call(next, values);
    }
    if (!this.#names.includes(text)) this.#fail(`${JSON.stringify(text)} is not known: the object is self`, next.start);
    return { name: text, evaluate: (scope) => scope[text] };
  }

  /** Up to the closing parenthesis or bracket. */
  #values(closing = ")"): Node[] {
    const values: Node[] = [];
    while (!this.#accept(closing)) {
      values.push(this.#ternary());
      if (this.#peek().text !== closing) this.#expect(",");
    }
    return values;
  }
  #call({ text, start }: Token, values: Node[]): Node {
    const apply = functions[`${text}/${values.length}`];
    if (!apply) {
      const names = [...new Set(Object.keys(functions).map((key) => key.split("/")[0] as string))].sort();
      this.#fail(`the function ${JSON.stringify(text)} with ${values.length} values is not known${hint(text, ["has", ...macros, ...names])}`, start);
    }
    return { evaluate: (scope) => apply(...values.map((value) => value.evaluate(scope))) };
  }
  #has({ start }: Token, [value, ...more]: Node[]): Node {
    const field = value?.field;
    if (!field || more.length) this.#fail("has() takes one field, such as has(self.spec.nodeName)", start);
    return {
      evaluate(scope) {
        const of = field.of.evaluate(scope);
        if (!isMap(of)) throw new CELError(`a ${typeOf(of)} has no fields`);
        return Object.hasOwn(of, field.name) && of[field.name] !== undefined;
      },
    };
  }
  #macro(name: string, of: Node): Node {
    const next = this.#next();
    if (next.kind !== "word") this.#fail(`${name} takes a name first, such as ${name}(x, x > 1)`, next.start);
    this.#expect(",");
    this.#names.push(next.text);
    const first = this.#ternary();
    const second = name === "map" && this.#accept(",") ? this.#ternary() : undefined;
    this.#names.pop();
    this.#expect(")");
    return {
      evaluate(scope) {
        const value = of.evaluate(scope);
        if (!Array.isArray(value) && !isMap(value)) throw new CELError(`a ${typeOf(value)} has no elements`);
        const scopes = (Array.isArray(value) ? value : Object.keys(value)).map((item) => ({ ...scope, [next.text]: item as unknown }));
        const holds = (inner: Scope): boolean => bool(first.evaluate(inner));
        switch (name) {
          case "all":
            return scopes.every(holds);
          case "exists":
            return scopes.some(holds);
          case "exists_one":
            return scopes.filter(holds).length === 1;
          case "filter":
            return scopes.filter(holds).map((inner) => (inner as Scope)[next.text]);
        }
        return second ? scopes.filter(holds).map((inner) => second.evaluate(inner)) : scopes.map((inner) => first.evaluate(inner));
      },
    };
  }
  #map(): Node {
    const entries: [Node, Node][] = [];
    while (!this.#accept("}")) {
      const key = this.#ternary();
      this.#expect(":");
      entries.push([key, this.#ternary()]);
      if (this.#peek().text !== "}") this.#expect(",");
    }
    return { evaluate: (scope) => Object.fromEntries(entries.map(([key, value]) => [String(key.evaluate(scope)), value.evaluate(scope)])) };
  }
  #string({ text, start }: Token): string {
    if (/^[rR]/.test(text)) return text.slice(2, -1);
    return text.slice(1, -1).replaceAll(/\\(u[\da-fA-F]{4}|x[\da-fA-F]{2}|.)/g, (whole, code: string) => {
      if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
      return escapes[code] ?? this.#fail(`the escape ${whole} is not known: double the backslash for a backslash, or write r'...'`, start);
    });
  }
}

/** `||` (decided by true) and `&&` (decided by false): the side that decides does so although the other fails. */
function either(left: Node, right: Node, decisive: boolean): Node {
  return {
    evaluate(scope) {
      let failed: CELError;
      try {
        const value = bool(left.evaluate(scope));
        return value === decisive ? value : bool(right.evaluate(scope));
      } catch (error) {
        if (!(error instanceof CELError)) throw error;
        failed = error;
      }
      if (bool(right.evaluate(scope)) === decisive) return decisive;
      throw failed;
    },
  };
}
