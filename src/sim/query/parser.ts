/** Parses a query into a closure, lowest precedence first: `|`, `,`, `//`, `or`, `and`, comparisons, `+ -`, `* / %`, postfix. */
import { Scanner, type Token } from "../../base/scanner.ts";
import { hint } from "../nearest.ts";
import { functions, pattern } from "./functions.ts";
import { EvaluationError, fieldOf, type Filter, indexOf, iterate, operators, textOf, truthy } from "./values.ts";
import { table } from "../../base/table.ts";

export class QueryError extends Error {
  /** Zero-based offset in the query's text. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

type Kind = "symbol" | "word" | "number";

const lexicon = {
  token: /(\/\/|==|!=|<=|>=|[.[\](){}|,<>?+\-*/%:;"])|([A-Za-z_]\w*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)/y,
  kinds: ["symbol", "word", "number"],
  blank: /\s+/y,
} as const;
const escapes = table<string>({ n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", '"': '"', "\\": "\\", "/": "/" });
const constants = table<unknown>({ true: true, false: false, null: null });
const same: Filter = (input) => [input];

export class Parser {
  readonly #scanner: Scanner<Kind>;
  /** Strings that are the same for every input. */
  readonly #literals = new Map<Filter, string>();
  constructor(text: string) {
    this.#scanner = new Scanner<Kind>(text, lexicon, (message, offset) => new QueryError(message, offset));
  }

  whole(): Filter {
    const filter = this.#pipe();
    const rest = this.#scanner.peek();
    if (rest.kind !== "end") this.#scanner.fail(`unexpected ${JSON.stringify(rest.text)}`);
    return filter;
  }

  #take(found: Token<Kind>): string {
    this.#scanner.at = found.end;
    return found.text;
  }

  #pipe(): Filter {
    const first = this.#comma();
    return this.#scanner.accept("|") ? then(first, this.#pipe()) : first;
  }
  #comma(): Filter {
    const first = this.#alternative();
    if (!this.#scanner.accept(",")) return first;
    const second = this.#comma();
    return (input) => [...first(input), ...second(input)];
  }
  #alternative(): Filter {
    const first = this.#or();
    if (!this.#scanner.accept("//")) return first;
    const second = this.#alternative();
    return (input) => {
      const found = attempt(() => first(input)).filter(truthy);
      return found.length ? found : second(input);
    };
  }
  #or(): Filter {
    let first = this.#and();
    while (this.#scanner.accept("or")) {
      const [left, right] = [first, this.#and()];
      first = (input) => left(input).flatMap((a) => (truthy(a) ? [true] : right(input).map(truthy)));
    }
    return first;
  }
  #and(): Filter {
    let first = this.#comparison();
    while (this.#scanner.accept("and")) {
      const [left, right] = [first, this.#comparison()];
      first = (input) => left(input).flatMap((a) => (truthy(a) ? right(input).map(truthy) : [false]));
    }
    return first;
  }
  #comparison(): Filter {
    const first = this.#sum();
    const { text } = this.#scanner.peek();
    return /^(?:[=!]=|[<>]=?)$/.test(text) ? this.#binary(first, () => this.#sum()) : first;
  }
  #sum(): Filter {
    let first = this.#product();
    for (let { text } = this.#scanner.peek(); text === "+" || text === "-"; { text } = this.#scanner.peek()) first = this.#binary(first, () => this.#product());
    return first;
  }
  #product(): Filter {
    let first = this.#postfix();
    for (let { text } = this.#scanner.peek(); text === "*" || text === "/" || text === "%"; { text } = this.#scanner.peek())
      first = this.#binary(first, () => this.#postfix());
    return first;
  }
  #binary(first: Filter, read: () => Filter): Filter {
    const apply = operators[this.#take(this.#scanner.peek())] as (a: unknown, b: unknown) => unknown;
    const second = read();
    return (input) => second(input).flatMap((b) => first(input).map((a) => apply(a, b)));
  }

  #postfix(): Filter {
    let filter = this.#primary();
    for (;;) {
      if (this.#scanner.accept("[")) filter = this.#bracket(filter);
      else if (this.#scanner.accept("?")) {
        const inner = filter;
        filter = (input) => attempt(() => inner(input));
      } else if (this.#scanner.accept(".")) filter = this.#scanner.accept("[") ? this.#bracket(filter) : then(filter, this.#field());
      else return filter;
    }
  }
  /** After `.`: a name, quoted or not. */
  #field(): Filter {
    const next = this.#scanner.peek();
    if (next.kind === "word") {
      const name = this.#take(next);
      return (input) => [fieldOf(input, name)];
    }
    if (next.text !== '"') this.#scanner.fail("expected a field name after '.'");
    const name = this.#string();
    return (input) => name(input).map((key) => fieldOf(input, textOf(key)));
  }
  /** After `[`: nothing, or what to index with. */
  #bracket(of: Filter): Filter {
    if (this.#scanner.accept("]")) return then(of, iterate);
    const index = this.#pipe();
    if (this.#scanner.peek().text === ":") this.#scanner.fail("slices are not supported: use first, last or an index");
    this.#scanner.expect("]");
    return (input) => of(input).flatMap((value) => index(input).map((at) => indexOf(value, at)));
  }

  #primary(): Filter {
    const next = this.#scanner.peek();
    if (next.kind === "number") {
      const value = Number(this.#take(next));
      return () => [value];
    }
    if (next.kind === "word") return this.#word(next);
    switch (next.text) {
      case '"':
        return this.#string();
      case "(": {
        this.#take(next);
        const inner = this.#pipe();
        this.#scanner.expect(")");
        return inner;
      }
      case "[": {
        this.#take(next);
        if (this.#scanner.accept("]")) return () => [[]];
        const items = this.#pipe();
        this.#scanner.expect("]");
        return (input) => [items(input)];
      }
      case "{":
        this.#take(next);
        return this.#object();
      case "-": {
        this.#take(next);
        const inner = this.#postfix();
        return (input) => inner(input).map((value) => operators["-"]?.(0, value));
      }
      case ".":
        this.#take(next);
        if (this.#scanner.accept("[")) return this.#bracket(same);
        // A field follows at once; `. foo` is something else.
        return /[A-Za-z_"]/.test(this.#scanner.text[this.#scanner.at] ?? "") ? this.#field() : same;
    }
    return this.#scanner.fail(next.kind === "end" ? "the query ends too early" : `unexpected ${JSON.stringify(next.text)}`);
  }

  /** `{a: .b, "c d": 1, (.e): 2, f}`. */
  #object(): Filter {
    const entries: [key: Filter, value: Filter][] = [];
    while (!this.#scanner.accept("}")) {
      const next = this.#scanner.peek();
      let key: Filter;
      let plain: string | undefined;
      if (next.text === '"') key = this.#string();
      else if (next.text === "(") key = this.#primary();
      else if (next.kind === "word") {
        plain = this.#take(next);
        key = literal(plain);
      } else this.#scanner.fail("expected a key: a name, a string or an expression in parentheses");
      if (this.#scanner.accept(":")) entries.push([key, this.#alternative()]);
      else if (plain !== undefined) {
        const name = plain;
        entries.push([key, (input) => [fieldOf(input, name)]]);
      } else this.#scanner.expect(":");
      if (this.#scanner.peek().text !== "}") this.#scanner.expect(",");
    }
    return (input) =>
      entries.reduce<Record<string, unknown>[]>(
        (objects, [key, value]) =>
          objects.flatMap((object) => key(input).flatMap((name) => value(input).map((found) => ({ ...object, [textOf(name)]: found })))),
        [{}],
      );
  }

  /** A quoted string with `\(...)` inside. */
  #string(): Filter {
    const start = this.#scanner.at;
    this.#scanner.expect('"');
    const parts: Filter[] = [];
    let text = "";
    for (;;) {
      const c = this.#scanner.text[this.#scanner.at++];
      if (c === undefined) this.#scanner.fail('the string is not closed: " is missing', start);
      if (c === '"') break;
      if (c !== "\\") {
        text += c;
        continue;
      }
      const code = this.#scanner.text[this.#scanner.at++] ?? "";
      if (code === "(") {
        parts.push(literal(text));
        text = "";
        parts.push(this.#pipe());
        this.#scanner.expect(")");
      } else if (code === "u" && /^[\da-fA-F]{4}/.test(this.#scanner.text.slice(this.#scanner.at))) {
        text += String.fromCharCode(Number.parseInt(this.#scanner.text.slice(this.#scanner.at, this.#scanner.at + 4), 16));
        this.#scanner.at += 4;
      } else if (escapes[code] !== undefined) text += escapes[code];
      else this.#scanner.fail(`the escape \\${code} is not known: double the backslash for a backslash`, this.#scanner.at - 2);
    }
    if (parts.length === 0) {
      const filter = literal(text);
      this.#literals.set(filter, text);
      return filter;
    }
    parts.push(literal(text));
    return (input) => parts.reduce<string[]>((texts, part) => part(input).flatMap((value) => texts.map((before) => before + textOf(value))), [""]);
  }

  #word(next: Token<Kind>): Filter {
    const word = this.#take(next);
    if (Object.hasOwn(constants, word)) return literal(constants[word]);
    if (word === "if") return this.#condition();
    const values: Filter[] = [];
    const argumentsAt = this.#scanner.at;
    if (this.#scanner.accept("(")) {
      do values.push(this.#pipe());
      while (this.#scanner.accept(";"));
      this.#scanner.expect(")");
    }
    const build = functions[`${word}/${values.length}`];
    if (!build) this.#scanner.fail(unknown(word, values.length), next.start);
    if (word === "test" || word === "capture") this.#checkPattern(values[0] as Filter, argumentsAt);
    return build(...values);
  }
  /** After `if`. */
  #condition(): Filter {
    const condition = this.#pipe();
    this.#scanner.expect("then");
    const yes = this.#pipe();
    let no = same;
    if (this.#scanner.accept("elif")) no = this.#condition();
    else {
      if (this.#scanner.accept("else")) no = this.#pipe();
      this.#scanner.expect("end");
    }
    return (input) => condition(input).flatMap((value) => (truthy(value) ? yes : no)(input));
  }
  /** A literal pattern with a mistake is refused at once; any other shows when it is used. */
  #checkPattern(source: Filter, offset: number): void {
    const text = this.#literals.get(source);
    try {
      if (text !== undefined) pattern(text);
    } catch (error) {
      if (error instanceof EvaluationError) this.#scanner.fail(error.message, offset);
      throw error;
    }
  }
}

function unknown(name: string, count: number): string {
  const others = Object.keys(functions).filter((key) => key.startsWith(`${name}/`));
  if (others.length) return `${name} takes ${others.map((key) => key.slice(name.length + 1)).join(" or ")} arguments, not ${count}; they are separated by ;`;
  const names = [...new Set(Object.keys(functions).map((key) => key.split("/")[0] as string))].sort();
  return `the function ${JSON.stringify(name)} is not known${hint(name, [...names, "if"])}`;
}

const literal =
  (value: unknown): Filter =>
  () => [value];

function then(first: Filter, second: Filter): Filter {
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
