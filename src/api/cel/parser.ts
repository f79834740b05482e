/** CEL's grammar (cel-spec, "Syntax") by recursive descent; macros are expanded as they are met. Limits are cel-go's. */
import { Scanner, type Token } from "../../base/scanner.ts";
import { type Call, call, type Entry, type Expr, type FieldInit, ident, list, literal, memberCall, qualifiedName, select } from "./ast.ts";
import { CELCompileError, type Issue } from "./errors.ts";
import { LiteralError, numberLiteral, stringLiteral } from "./literals.ts";
import { recover } from "./recovery/recover.ts";
import { strings } from "./recovery/tokens.ts";
import { issuesOf } from "./recovery/visit.ts";
import { reserved, type Syntax } from "./syntax.ts";

type Kind = "symbol" | "string" | "number" | "word" | "escaped";

const lexicon = {
  token: new RegExp(
    String.raw`(&&|\|\||[=!<>]=|[-+*/%<>!?:.,()[\]{}](?!(?<=\.)\d))|([bB]?(?:${strings}))|(0x[\da-fA-F]+[uU]?|\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+|[uU])?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(${"`"}[\w.\-/ ]+${"`"})`,
    "y",
  ),
  kinds: ["symbol", "string", "number", "word", "escaped"],
  blank: /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y,
} as const;
/** Words that are tokens of their own. */
const keywords = new Set(["in", "true", "false", "null"]);
const isName = ({ kind, text }: Token<Kind>): boolean => kind === "word" && !keywords.has(text);
const relations: Record<string, string> = { "==": "_==_", "!=": "_!=_", "<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", in: "@in" };
const sums: Record<string, string> = { "+": "_+_", "-": "_-_" };
const products: Record<string, string> = { "*": "_*_", "/": "_/_", "%": "_%_" };
const starts = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const maxSize = 100_000;
const maxDepth = 250;

class SyntaxMistake extends Error {
  readonly issue: Issue;
  constructor(message: string, offset: number) {
    super(message);
    this.issue = { message, offset };
  }
}

/** Throws CELCompileError. */
export function parse(source: string, syntax: Syntax): Expr {
  const parser = new Parser(source, syntax);
  let expression: Expr | undefined;
  try {
    if (source.length > maxSize && [...source].length > maxSize)
      throw new SyntaxMistake(`expression code point size exceeds limit: size: ${[...source].length}, limit ${maxSize}`, -1);
    expression = parser.whole();
  } catch (error) {
    if (!(error instanceof SyntaxMistake)) throw error;
    parser.issues.push(error.issue);
  }
  if (!parser.issues.length && expression) return expression;
  // It is looked at no more, and as large as what is found of it next.
  expression = undefined;
  const recovered = parser.issues.some(({ message }) => message.startsWith("Syntax error")) ? recover(source) : undefined;
  if (!recovered?.issues.length) throw new CELCompileError(source, parser.issues);
  throw new CELCompileError(source, [...recovered.issues, ...(recovered.found ? issuesOf(recovered.found, syntax) : [])]);
}

class Parser {
  /** What is wrong, although the rest can be read. */
  readonly issues: Issue[] = [];
  readonly #scanner: Scanner<Kind>;
  readonly #syntax: Syntax;
  #depth = 0;
  constructor(source: string, syntax: Syntax) {
    this.#syntax = syntax;
    this.#scanner = new Scanner<Kind>(
      source,
      lexicon,
      (message, offset) => new SyntaxMistake(message, offset),
      (rest, offset) => {
        // Of what is doubled, the character that is not the second one is part of the mistake.
        const wrong = /^[&|=]?./su.exec(rest)?.[0] ?? rest;
        this.#report(`Syntax error: token recognition error at: '${wrong}'`, offset);
        return wrong.length;
      },
    );
  }

  whole(): Expr {
    const expression = this.#expression();
    const rest = this.#scanner.peek();
    if (rest.kind === "end") return expression;
    this.#scanner.next();
    if (this.#scanner.peek().kind !== "end") this.#unexpected(rest, "<EOF>");
    this.#report(`Syntax error: extraneous input '${rest.text}' expecting <EOF>`, rest.start);
    return expression;
  }

  /** Goes on with something in its place. */
  #report(message: string, offset: number): Expr {
    this.issues.push({ message, offset });
    return literal(offset, null);
  }
  #fail(message: string, at: number): never {
    return this.#scanner.fail(message, at);
  }
  #unexpected(found: Token<Kind>, expecting: string): never {
    return this.#fail(`Syntax error: mismatched input '${found.text || "<EOF>"}' expecting ${expecting}`, found.start);
  }
  #expect(symbol: string): void {
    const next = this.#scanner.peek();
    if (this.#accept(symbol)) return;
    this.#fail(`Syntax error: missing '${symbol}' at '${next.text || "<EOF>"}'`, next.start);
  }
  /** Strings and numbers are no symbols. */
  #accept(symbol: string): Token<Kind> | undefined {
    const next = this.#scanner.peek();
    return this.#scanner.accept(symbol) ? next : undefined;
  }
  #optionalMark(): boolean {
    const mark = this.#accept("?");
    if (mark && !this.#syntax.optional) this.#report("unsupported syntax '?'", mark.start);
    return mark !== undefined;
  }
  #nested<T>(read: () => T): T {
    if (++this.#depth > maxDepth) this.#fail(`expression recursion limit exceeded: ${maxDepth}`, -1);
    const found = read();
    this.#depth--;
    return found;
  }

  #expression(): Expr {
    return this.#nested(() => {
      const condition = this.#logical("||", "_||_", () => this.#logical("&&", "_&&_", () => this.#relation()));
      const mark = this.#accept("?");
      if (!mark) return condition;
      const yes = this.#logical("||", "_||_", () => this.#logical("&&", "_&&_", () => this.#relation()));
      this.#expect(":");
      return call(mark.start, "_?_:_", condition, yes, this.#expression());
    });
  }
  /** Terms are balanced into a tree, so that a long chain is not deep. */
  #logical(symbol: string, name: string, read: () => Expr): Expr {
    const terms = [read()];
    const marks: number[] = [];
    for (let mark = this.#accept(symbol); mark; mark = this.#accept(symbol)) {
      marks.push(mark.start);
      terms.push(read());
    }
    const balanced = (low: number, high: number): Expr => {
      if (low > high) return terms[low] as Expr;
      const middle = (low + high + 1) >> 1;
      return call(marks[middle] as number, name, balanced(low, middle - 1), balanced(middle + 1, high));
    };
    return balanced(0, marks.length - 1);
  }
  #relation(): Expr {
    return this.#binary(relations, () => this.#binary(sums, () => this.#binary(products, () => this.#unary())));
  }
  #binary(names: Record<string, string>, read: () => Expr): Expr {
    let left = read();
    let depth = 0;
    for (;;) {
      const { kind, text: symbol, start } = this.#scanner.peek();
      const name = kind === "symbol" || kind === "word" ? names[symbol] : undefined;
      if (name === undefined || !Object.hasOwn(names, symbol)) return left;
      if (++depth > maxDepth) this.#fail(`expression recursion limit exceeded: ${maxDepth}`, -1);
      this.#scanner.next();
      left = call(start, name, left, read());
    }
  }
  #unary(): Expr {
    const { text: symbol, kind, start } = this.#scanner.peek();
    if (kind !== "symbol" || (symbol !== "!" && symbol !== "-")) return this.#member();
    this.#scanner.next();
    let odd = true;
    const signed = (): boolean => symbol === "-" && odd && this.#scanner.peek().kind === "number" && !/[uU]$/.test(this.#scanner.peek().text);
    if (signed()) return this.#member(this.#number(start, "-"));
    while (this.#accept(symbol)) odd = !odd;
    const operand = this.#member();
    return odd ? call(start, symbol === "!" ? "!_" : "-_", operand) : operand;
  }

  #member(first?: Expr): Expr {
    let expression = first ?? this.#primary();
    for (let depth = 0; ; depth++) {
      if (depth > maxDepth) this.#fail(`expression recursion limit exceeded: ${maxDepth}`, -1);
      const dot = this.#accept(".");
      if (dot) {
        expression = this.#selected(expression, dot.start);
        continue;
      }
      const bracket = this.#accept("[");
      if (!bracket) return expression;
      const optional = this.#optionalMark();
      const index = this.#expression();
      this.#expect("]");
      expression = call(bracket.start, optional ? "_[?_]" : "_[_]", expression, index);
    }
  }
  #selected(operand: Expr, dot: number): Expr {
    const optional = this.#optionalMark();
    const name = this.#scanner.peek();
    if (name.kind !== "escaped" && !isName(name)) this.#fail(`Syntax error: no viable alternative at input '.${name.text}'`, name.start);
    this.#scanner.next();
    const field = this.#fieldName(name);
    if (optional) return call(dot, "_?._", operand, literal(name.start, field));
    const parenthesis = name.kind === "word" ? this.#accept("(") : undefined;
    if (!parenthesis) return select(dot, operand, field);
    return this.#expanded(memberCall(parenthesis.start, name.text, operand, ...this.#arguments()));
  }
  #fieldName({ kind, text: name, start }: Token<Kind>): string {
    if (kind !== "escaped") return name;
    if (!this.#syntax.escapedFields) this.#report("unsupported syntax: '`'", start);
    return name.slice(1, -1);
  }
  /** After `(`. */
  #arguments(): Expr[] {
    const found: Expr[] = [];
    if (this.#accept(")")) return found;
    do found.push(this.#expression());
    while (this.#accept(","));
    this.#expect(")");
    return found;
  }
  #expanded(made: Call): Expr {
    const prefix = made.target ? 1 : 0;
    const { macros } = this.#syntax;
    const macro = macros.get(`${made.name}:${prefix}:${made.args.length}`) ?? macros.get(`${made.name}:${prefix}:*`);
    try {
      return macro?.(made, (message, at) => this.#fail(message, at)) ?? made;
    } catch (error) {
      if (error instanceof SyntaxMistake) return this.#report(error.message, error.issue.offset);
      throw error;
    }
  }

  #primary(): Expr {
    const next = this.#scanner.next();
    const { start, text: token } = next;
    switch (next.kind) {
      case "number":
        return this.#literal(start, () => numberLiteral(token));
      case "string":
        return this.#literal(start, () => stringLiteral(token));
      case "word":
        return this.#word(next, "");
    }
    switch (token) {
      case "(": {
        const inner = this.#expression();
        this.#expect(")");
        return inner;
      }
      case "[":
        return this.#list(start);
      case "{":
        return { kind: "map", at: start, entries: this.#entries(() => this.#entry()) };
      case ".": {
        const word = this.#scanner.next();
        if (isName(word)) return this.#word(word, ".", start);
        return this.#unexpected(word, "IDENTIFIER");
      }
    }
    return this.#unexpected(next, starts);
  }
  #number(at: number, sign: string): Expr {
    const { text: token } = this.#scanner.next();
    return this.#literal(at, () => numberLiteral(sign + token));
  }
  #literal(at: number, read: () => Parameters<typeof literal>[1]): Expr {
    try {
      return literal(at, read());
    } catch (error) {
      if (error instanceof LiteralError) return this.#report(error.message, at);
      throw error;
    }
  }
  #word({ text: word, start }: Token<Kind>, leading: string, begin = start): Expr {
    if (!leading && word === "null") return literal(start, null);
    if (!leading && (word === "true" || word === "false")) return literal(start, word === "true");
    if (reserved.has(word)) {
      if (keywords.has(word)) this.#unexpected({ kind: "word", text: word, start, end: start }, starts);
      const message = this.#message(ident(start, leading + word));
      if (message) return message;
      const reported = this.#report(`reserved identifier: ${word}`, begin);
      if (this.#accept("(")) this.#arguments();
      return reported;
    }
    const parenthesis = this.#accept("(");
    if (parenthesis) return this.#expanded(call(parenthesis.start, leading + word, ...this.#arguments()));
    const name = ident(start, leading + word);
    return this.#message(name) ?? name;
  }
  /** `a.b.C{...}`: looks ahead for names, dots and the brace. */
  #message(first: Expr): Expr | undefined {
    const begin = this.#scanner.at;
    let type = first;
    for (;;) {
      const brace = this.#accept("{");
      if (brace) {
        return { kind: "struct", at: brace.start, name: qualifiedName(type) as string, fields: this.#entries((begin) => this.#field(begin)) };
      }
      const dot = this.#accept(".");
      const next = this.#scanner.peek();
      if (!dot || !isName(next)) {
        this.#scanner.at = begin;
        return undefined;
      }
      this.#scanner.next();
      type = select(dot.start, type, next.text);
    }
  }
  #list(at: number): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    while (!this.#accept("]")) {
      if (this.#optionalMark()) optional.add(elements.length);
      elements.push(this.#expression());
      if (this.#accept(",")) continue;
      this.#expect("]");
      break;
    }
    return list(at, elements, optional);
  }
  #entries<T>(read: (begin: number) => T): T[] {
    const found: T[] = [];
    const begin = this.#scanner.peek().start;
    while (!this.#accept("}")) {
      found.push(read(begin));
      if (this.#accept(",")) continue;
      this.#expect("}");
      break;
    }
    return found;
  }
  #entry(): Entry {
    const optional = this.#optionalMark();
    const key = this.#expression();
    const { start: at } = this.#scanner.peek();
    this.#expect(":");
    return { at, key, value: this.#expression(), optional };
  }
  /** `begin`: where the fields begin, of all of which a mistake in one is told. */
  #field(begin: number): FieldInit {
    const optional = this.#optionalMark();
    const name = this.#scanner.next();
    if (name.kind !== "escaped" && !isName(name)) this.#unexpected(name, "IDENTIFIER");
    const { start: at } = this.#scanner.peek();
    this.#expect(":");
    return { at, name: this.#fieldName({ ...name, start: begin }), value: this.#expression(), optional };
  }
}
