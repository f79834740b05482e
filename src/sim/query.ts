/**
 * The part of jq (https://jqlang.org/manual/) that stage files use to look at an object: paths (`.a.b`, `.["a/b"]`, `.[0]`,
 * `.[]`, `?`), `|`, `,`, `//`, comparisons, `and`, `or`, `not`, `select(...)`, `length`, `any(...)`, `all(...)`, parentheses and literals.
 * Anything else is refused when the query is compiled.
 */

/** All results of the query on one object; a query that fails on it gives undefined, as in kwok. */
export type Query = (input: unknown) => unknown[] | undefined;

export class QueryError extends Error {
  /** Zero-based offset in the query's text. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

class EvaluationError extends Error {}
type Step = (input: unknown) => unknown[];

/** Throws QueryError. */
export function compileQuery(text: string): Query {
  const step = new Parser(text).whole();
  return (input) => {
    try {
      return step(input).filter((value) => value !== null && value !== undefined);
    } catch (error) {
      if (error instanceof EvaluationError) return undefined;
      throw error;
    }
  };
}

const token = /\s*(?:(\.\[|\.\.|\/\/|==|!=|<=|>=|[.[\](){}|,<>?+\-*/%:;])|([A-Za-z_]\w*)|(\d+(?:\.\d+)?)|("(?:[^"\\]|\\.)*"))/y;
const truthy = (value: unknown): boolean => value !== false && value !== null && value !== undefined;
const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

class Parser {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  whole(): Step {
    const step = this.#pipe();
    if (this.#peek() !== "") this.#fail(`unexpected ${JSON.stringify(this.#peek())}`);
    return step;
  }

  #read(): { text: string; end: number; kind: number } {
    token.lastIndex = this.#at;
    const match = token.exec(this.#text);
    if (match) return { text: match[0].trimStart(), end: token.lastIndex, kind: match.findIndex((part, i) => i > 0 && part !== undefined) };
    const rest = this.#text.slice(this.#at).trimStart();
    return { text: rest.slice(0, 1), end: this.#text.length, kind: 0 };
  }
  #peek(): string {
    return this.#read().text;
  }
  #accept(text: string): boolean {
    const next = this.#read();
    if (next.text !== text || next.kind === 0) return false;
    this.#at = next.end;
    return true;
  }
  #expect(text: string): void {
    if (!this.#accept(text)) this.#fail(`expected ${JSON.stringify(text)}, found ${JSON.stringify(this.#peek() || "the end")}`);
  }
  #fail(message: string): never {
    throw new QueryError(`${message} (paths, |, //, comparisons, and, or, not, length, any, all, select(...) and literals are known)`, this.#at);
  }

  #pipe(): Step {
    const first = this.#comma();
    if (!this.#accept("|")) return first;
    const second = this.#pipe();
    return (input) => first(input).flatMap(second);
  }
  #comma(): Step {
    const first = this.#alternative();
    if (!this.#accept(",")) return first;
    const second = this.#comma();
    return (input) => [...first(input), ...second(input)];
  }
  #alternative(): Step {
    const first = this.#or();
    if (!this.#accept("//")) return first;
    const second = this.#alternative();
    return (input) => {
      let found: unknown[];
      try {
        found = first(input).filter(truthy);
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error;
        found = [];
      }
      return found.length ? found : second(input);
    };
  }
  #or(): Step {
    const first = this.#and();
    if (!this.#accept("or")) return first;
    const second = this.#or();
    return (input) => first(input).flatMap((a) => (truthy(a) ? [true] : second(input).map(truthy)));
  }
  #and(): Step {
    const first = this.#comparison();
    if (!this.#accept("and")) return first;
    const second = this.#and();
    return (input) => first(input).flatMap((a) => (truthy(a) ? second(input).map(truthy) : [false]));
  }
  #comparison(): Step {
    const first = this.#postfix();
    const operator = this.#peek();
    const compare = comparisons[operator];
    if (!compare) return first;
    this.#expect(operator);
    const second = this.#postfix();
    return (input) => second(input).flatMap((b) => first(input).map((a) => compare(a ?? null, b ?? null)));
  }

  #postfix(): Step {
    let step = this.#primary();
    for (;;) {
      const next = this.#read();
      if (next.text === ".[" || next.text === "[") {
        this.#at = next.end;
        step = this.#bracket(step);
      } else if (next.text === "?") {
        this.#at = next.end;
        const inner = step;
        step = (input) => attempt(() => inner(input));
      } else if (next.text === ".") {
        this.#at = next.end;
        step = then(step, this.#field());
      } else return step;
    }
  }
  /** After `.`: a name, quoted or not. */
  #field(): Step {
    const next = this.#read();
    if (next.kind !== 2 && next.kind !== 4) this.#fail("expected a field name after '.'");
    this.#at = next.end;
    return field(next.kind === 4 ? (JSON.parse(next.text) as string) : next.text);
  }
  #bracket(of: Step): Step {
    if (this.#accept("]")) return then(of, iterate);
    const negative = this.#accept("-");
    const next = this.#read();
    if (next.kind !== 3 && next.kind !== 4) this.#fail("expected a number, a quoted name or nothing between [ and ]");
    this.#at = next.end;
    this.#expect("]");
    return then(of, next.kind === 4 ? field(JSON.parse(next.text) as string) : index(negative ? -Number(next.text) : Number(next.text)));
  }

  #primary(): Step {
    const next = this.#read();
    if (next.kind === 3) {
      this.#at = next.end;
      return () => [Number(next.text)];
    }
    if (next.kind === 4) {
      this.#at = next.end;
      const value = JSON.parse(next.text) as string;
      return () => [value];
    }
    if (next.kind === 2) return this.#word(next.text, next.end);
    if (this.#accept("(")) {
      const inner = this.#pipe();
      this.#expect(")");
      return inner;
    }
    if (this.#accept(".[")) return this.#bracket((input) => [input]);
    if (this.#accept(".")) {
      const after = this.#read();
      const glued = this.#text[this.#at] === after.text[0];
      return glued && (after.kind === 2 || after.kind === 4) ? this.#field() : (input) => [input];
    }
    return this.#fail(next.text === "" ? "the query ends too early" : `unexpected ${JSON.stringify(next.text)}`);
  }

  #word(word: string, end: number): Step {
    const constants: Record<string, unknown> = { true: true, false: false, null: null };
    this.#at = end;
    if (word in constants) return () => [constants[word]];
    switch (word) {
      case "not":
        return (input) => [!truthy(input)];
      case "length":
        return (input) => [lengthOf(input)];
      case "empty":
        return () => [];
      case "select": {
        const condition = this.#argument();
        return (input) => condition(input).flatMap((value) => (truthy(value) ? [input] : []));
      }
      case "any":
      case "all": {
        const condition = this.#peek() === "(" ? this.#argument() : (input: unknown) => [input];
        return (input) => {
          const values = iterate(input).flatMap(condition);
          return [word === "any" ? values.some(truthy) : values.every(truthy)];
        };
      }
    }
    this.#at = end - word.length;
    return this.#fail(`the function ${JSON.stringify(word)} is not known`);
  }
  #argument(): Step {
    this.#expect("(");
    const inner = this.#pipe();
    this.#expect(")");
    return inner;
  }
}

function then(first: Step, second: Step): Step {
  return (input) => {
    const values = first(input);
    return values.length === 1 ? second(values[0]) : values.flatMap(second);
  };
}

function attempt(evaluate: () => unknown[]): unknown[] {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof EvaluationError) return [];
    throw error;
  }
}

const field =
  (name: string): Step =>
  (input) => {
    if (input === null || input === undefined) return [null];
    if (!isMap(input)) throw new EvaluationError(`cannot index with ${JSON.stringify(name)}`);
    return [Object.hasOwn(input, name) ? input[name] : null];
  };

const index =
  (at: number): Step =>
  (input) => {
    if (input === null || input === undefined) return [null];
    if (!Array.isArray(input)) throw new EvaluationError(`cannot index with ${at}`);
    return [input.at(at) ?? null];
  };

const iterate: Step = (input) => {
  if (Array.isArray(input)) return input;
  if (isMap(input)) return Object.values(input);
  throw new EvaluationError("cannot iterate");
};

function lengthOf(input: unknown): number {
  if (input === null || input === undefined) return 0;
  if (typeof input === "string") return [...input].length;
  if (typeof input === "number") return Math.abs(input);
  if (typeof input === "object") return Object.keys(input).length;
  throw new EvaluationError("has no length");
}

/** jq's order of types: null, false, true, numbers, strings, arrays, objects. */
function compare(a: unknown, b: unknown): number {
  const rank = (v: unknown): number => (v === null ? 0 : v === false ? 1 : v === true ? 2 : typeof v === "number" ? 3 : typeof v === "string" ? 4 : 5);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [x, y] = typeof a === "string" && typeof b === "string" ? [a, b] : [JSON.stringify(a), JSON.stringify(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

const comparisons: Record<string, ((a: unknown, b: unknown) => boolean) | undefined> = {
  "==": (a, b) => compare(a, b) === 0,
  "!=": (a, b) => compare(a, b) !== 0,
  "<": (a, b) => compare(a, b) < 0,
  "<=": (a, b) => compare(a, b) <= 0,
  ">": (a, b) => compare(a, b) > 0,
  ">=": (a, b) => compare(a, b) >= 0,
};
