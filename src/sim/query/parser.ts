/** Parses a query into a closure, lowest precedence first: `|`, `,`, `//`, `or`, `and`, comparisons, `+ -`, `* / %`, postfix. */
import { hint } from "../nearest.ts";
import { functions, pattern } from "./functions.ts";
import { EvaluationError, fieldOf, type Filter, indexOf, iterate, operators, textOf, truthy } from "./values.ts";

export class QueryError extends Error {
  /** Zero-based offset in the query's text. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

type Kind = "symbol" | "word" | "number" | "end";
interface Token {
  kind: Kind;
  text: string;
  start: number;
  end: number;
}

const token = /(\/\/|==|!=|<=|>=|[.[\](){}|,<>?+\-*/%:;"])|([A-Za-z_]\w*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)/y;
const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", '"': '"', "\\": "\\", "/": "/" };
const constants: Record<string, unknown> = { true: true, false: false, null: null };
const same: Filter = (input) => [input];

export class Parser {
  readonly #text: string;
  #at = 0;
  /** Strings that are the same for every input. */
  readonly #literals = new Map<Filter, string>();
  constructor(text: string) {
    this.#text = text;
  }

  whole(): Filter {
    const filter = this.#pipe();
    const rest = this.#peek();
    if (rest.kind !== "end") this.#fail(`unexpected ${JSON.stringify(rest.text)}`);
    return filter;
  }

  #peek(): Token {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    const start = this.#at;
    if (start >= this.#text.length) return { kind: "end", text: "", start, end: start };
    token.lastIndex = start;
    const match = token.exec(this.#text);
    if (!match) this.#fail(`unexpected ${JSON.stringify(this.#text[start])}`);
    const kind = match[1] !== undefined ? "symbol" : match[2] !== undefined ? "word" : "number";
    return { kind, text: match[0], start, end: token.lastIndex };
  }
  #take(found: Token): string {
    this.#at = found.end;
    return found.text;
  }
  #accept(text: string): boolean {
    const next = this.#peek();
    if (next.text !== text || next.kind === "end") return false;
    this.#at = next.end;
    return true;
  }
  #expect(text: string): void {
    const next = this.#peek();
    if (!this.#accept(text)) this.#fail(`expected ${JSON.stringify(text)}, found ${JSON.stringify(next.text || "the end")}`);
  }
  #fail(message: string, offset = this.#at): never {
    throw new QueryError(message, offset);
  }

  #pipe(): Filter {
    const first = this.#comma();
    return this.#accept("|") ? then(first, this.#pipe()) : first;
  }
  #comma(): Filter {
    const first = this.#alternative();
    if (!this.#accept(",")) return first;
    const second = this.#comma();
    return (input) => [...first(input), ...second(input)];
  }
  #alternative(): Filter {
    const first = this.#or();
    if (!this.#accept("//")) return first;
    const second = this.#alternative();
    return (input) => {
      const found = attempt(() => first(input)).filter(truthy);
      return found.length ? found : second(input);
    };
  }
  #or(): Filter {
    let first = this.#and();
    while (this.#accept("or")) {
      const [left, right] = [first, this.#and()];
      first = (input) => left(input).flatMap((a) => (truthy(a) ? [true] : right(input).map(truthy)));
    }
    return first;
  }
  #and(): Filter {
    let first = this.#comparison();
    while (this.#accept("and")) {
      const [left, right] = [first, this.#comparison()];
      first = (input) => left(input).flatMap((a) => (truthy(a) ? right(input).map(truthy) : [false]));
    }
    return first;
  }
  #comparison(): Filter {
    const first = this.#sum();
    const { text } = this.#peek();
    return /^(?:[=!]=|[<>]=?)$/.test(text) ? this.#binary(first, () => this.#sum()) : first;
  }
  #sum(): Filter {
    let first = this.#product();
    for (let { text } = this.#peek(); text === "+" || text === "-"; { text } = this.#peek()) first = this.#binary(first, () => this.#product());
    return first;
  }
  #product(): Filter {
    let first = this.#postfix();
    for (let { text } = this.#peek(); text === "*" || text === "/" || text === "%"; { text } = this.#peek()) first = this.#binary(first, () => this.#postfix());
    return first;
  }
  #binary(first: Filter, read: () => Filter): Filter {
    const apply = operators[this.#take(this.#peek())] as (a: unknown, b: unknown) => unknown;
    const second = read();
    return (input) => second(input).flatMap((b) => first(input).map((a) => apply(a, b)));
  }

  #postfix(): Filter {
    let filter = this.#primary();
    for (;;) {
      if (this.#accept("[")) filter = this.#bracket(filter);
      else if (this.#accept("?")) {
        const inner = filter;
        filter = (input) => attempt(() => inner(input));
      } else if (this.#accept(".")) filter = this.#accept("[") ? this.#bracket(filter) : then(filter, this.#field());
      else return filter;
    }
  }
  /** After `.`: a name, quoted or not. */
  #field(): Filter {
    const next = this.#peek();
    if (next.kind === "word") {
      const name = this.#take(next);
      return (input) => [fieldOf(input, name)];
    }
    if (next.text !== '"') this.#fail("expected a field name after '.'");
    const name = this.#string();
    return (input) => name(input).map((key) => fieldOf(input, textOf(key)));
  }
  /** After `[`: nothing, or what to index with. */
  #bracket(of: Filter): Filter {
    if (this.#accept("]")) return then(of, iterate);
    const index = this.#pipe();
    if (this.#peek().text === ":") this.#fail("slices are not supported: use first, last or an index");
    this.#expect("]");
    return (input) => of(input).flatMap((value) => index(input).map((at) => indexOf(value, at)));
  }

  #primary(): Filter {
    const next = this.#peek();
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
        this.#expect(")");
        return inner;
      }
      case "[": {
        this.#take(next);
        if (this.#accept("]")) return () => [[]];
        const items = this.#pipe();
        this.#expect("]");
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
        if (this.#accept("[")) return this.#bracket(same);
        // A field follows at once; `. foo` is something else.
        return /[A-Za-z_"]/.test(this.#text[this.#at] ?? "") ? this.#field() : same;
    }
    return this.#fail(next.kind === "end" ? "the query ends too early" : `unexpected ${JSON.stringify(next.text)}`);
  }

  /** `{a: .b, "c d": 1, (.e): 2, f}`. */
  #object(): Filter {
    const entries: [key: Filter, value: Filter][] = [];
    while (!this.#accept("}")) {
      const next = this.#peek();
      let key: Filter;
      let plain: string | undefined;
      if (next.text === '"') key = this.#string();
      else if (next.text === "(") key = this.#primary();
      else if (next.kind === "word") {
        plain = this.#take(next);
        key = literal(plain);
      } else this.#fail("expected a key: a name, a string or an expression in parentheses");
      if (this.#accept(":")) entries.push([key, this.#alternative()]);
      else if (plain !== undefined) {
        const name = plain;
        entries.push([key, (input) => [fieldOf(input, name)]]);
      } else this.#expect(":");
      if (this.#peek().text !== "}") this.#expect(",");
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
    const start = this.#at;
    this.#expect('"');
    const parts: Filter[] = [];
    let text = "";
    for (;;) {
      const c = this.#text[this.#at++];
      if (c === undefined) this.#fail('the string is not closed: " is missing', start);
      if (c === '"') break;
      if (c !== "\\") {
        text += c;
        continue;
      }
      const code = this.#text[this.#at++] ?? "";
      if (code === "(") {
        parts.push(literal(text));
        text = "";
        parts.push(this.#pipe());
        this.#expect(")");
      } else if (code === "u" && /^[\da-fA-F]{4}/.test(this.#text.slice(this.#at))) {
        text += String.fromCharCode(Number.parseInt(this.#text.slice(this.#at, this.#at + 4), 16));
        this.#at += 4;
      } else if (escapes[code] !== undefined) text += escapes[code];
      else this.#fail(`the escape \\${code} is not known: double the backslash for a backslash`, this.#at - 2);
    }
    if (parts.length === 0) {
      const filter = literal(text);
      this.#literals.set(filter, text);
      return filter;
    }
    parts.push(literal(text));
    return (input) => parts.reduce<string[]>((texts, part) => part(input).flatMap((value) => texts.map((before) => before + textOf(value))), [""]);
  }

  #word(next: Token): Filter {
    const word = this.#take(next);
    if (Object.hasOwn(constants, word)) return literal(constants[word]);
    if (word === "if") return this.#condition();
    const values: Filter[] = [];
    const argumentsAt = this.#at;
    if (this.#accept("(")) {
      do values.push(this.#pipe());
      while (this.#accept(";"));
      this.#expect(")");
    }
    const build = functions[`${word}/${values.length}`];
    if (!build) this.#fail(unknown(word, values.length), next.start);
    if (word === "test" || word === "capture") this.#checkPattern(values[0] as Filter, argumentsAt);
    return build(...values);
  }
  /** After `if`. */
  #condition(): Filter {
    const condition = this.#pipe();
    this.#expect("then");
    const yes = this.#pipe();
    let no = same;
    if (this.#accept("elif")) no = this.#condition();
    else {
      if (this.#accept("else")) no = this.#pipe();
      this.#expect("end");
    }
    return (input) => condition(input).flatMap((value) => (truthy(value) ? yes : no)(input));
  }
  /** A literal pattern with a mistake is refused at once; any other shows when it is used. */
  #checkPattern(source: Filter, offset: number): void {
    const text = this.#literals.get(source);
    try {
      if (text !== undefined) pattern(text);
    } catch (error) {
      if (error instanceof EvaluationError) this.#fail(error.message, offset);
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
