/**
 * Go templates (https://pkg.go.dev/text/template), compiled once to closures: text, pipelines, variables, if, range, with,
 * break, continue, comments, trimming. `define`, `template` and `block` are refused. Two things are more lenient than Go:
 * a field of nothing is nothing, and functions take as many values as they are given.
 */
import { isMap } from "../../api/json.ts";
import { own } from "../../base/table.ts";
import { functionNames, functionsFor, isFunction, type TemplateEnvironment } from "./functions.ts";
import { hint } from "../nearest.ts";
import { type Part, splitTemplate, TemplateError, type Token } from "./lexer.ts";
import { FunctionError, type TemplateFunction, toText, truthy } from "./values.ts";

export interface Template {
  /** Throws TemplateError where a function refuses its values. */
  render(data: unknown, env: TemplateEnvironment): string;
}

interface Frame {
  out: string[];
  dot: unknown;
  /** Values of variables by slot. */
  slots: unknown[];
  functions: Record<string, TemplateFunction>;
}
type Expression = (frame: Frame) => unknown;
type Signal = "break" | "continue" | undefined;
type Statement = (frame: Frame) => Signal;

/** Throws TemplateError. */
export function compileTemplate(source: string): Template {
  const compiler = new Compiler(splitTemplate(source));
  const body = compiler.whole();
  return {
    render(data, env) {
      const frame: Frame = { out: [], dot: data, slots: [data], functions: functionsFor(env) };
      body(frame);
      return frame.out.join("");
    },
  };
}

const keywords = ["if", "range", "with", "else", "end", "break", "continue"];
const refused = ["define", "template", "block"];

class Compiler {
  readonly #parts: Part[];
  #at = 0;
  /** Variables in scope, innermost last. `$` is the data. */
  #scope: { name: string; slot: number }[] = [{ name: "", slot: 0 }];
  #slots = 1;
  #loops = 0;
  /** The action being read. */
  #tokens: Token[] = [];
  #token = 0;
  #line = 1;

  constructor(parts: Part[]) {
    this.#parts = parts;
  }

  whole(): Statement {
    const { body, end } = this.#block();
    if (end) this.#fail(`{{ ${end} }} without a beginning`);
    return body;
  }

  #fail(message: string): never {
    throw new TemplateError(message, this.#line);
  }

  /** Statements until `end` or `else`, which is left as the current action; undefined at the end of the template. */
  #block(): { body: Statement; end: "end" | "else" | undefined } {
    const statements: Statement[] = [];
    const depth = this.#scope.length;
    let end: "end" | "else" | undefined;
    while (this.#at < this.#parts.length && !end) {
      const part = this.#parts[this.#at++] as Part;
      if ("text" in part) {
        const { text } = part;
        statements.push((frame) => void frame.out.push(text));
        continue;
      }
      this.#tokens = part.tokens;
      this.#token = 0;
      this.#line = part.line;
      const word = this.#tokens[0]?.kind === "word" ? this.#tokens[0].text : "";
      if (word === "end" || word === "else") {
        end = word;
        this.#token = 1;
      } else statements.push(this.#action(word));
    }
    this.#scope.length = depth;
    return { body: sequence(statements), end };
  }

  #action(word: string): Statement {
    if (refused.includes(word)) this.#fail(`{{ ${word} }} is not supported: write its text where it is used`);
    if (!keywords.includes(word)) return this.#output();
    this.#token = 1;
    if (word === "break" || word === "continue") {
      if (!this.#loops) this.#fail(`{{ ${word} }} outside {{ range }}`);
      this.#finish();
      return () => word;
    }
    const line = this.#line;
    const depth = this.#scope.length;
    const statement = word === "range" ? this.#range(line) : this.#condition(word, line);
    this.#scope.length = depth;
    return statement;
  }

  #condition(word: string, line: number): Statement {
    const value = this.#pipelineWithDeclaration();
    this.#finish();
    const { body, otherwise } = this.#branches(word, line);
    if (word === "if") return (frame) => (truthy(value(frame)) ? body(frame) : otherwise(frame));
    return (frame) => {
      const found = value(frame);
      return truthy(found) ? withDot(frame, found, body) : otherwise(frame);
    };
  }

  #branches(word: string, line: number): { body: Statement; otherwise: Statement } {
    const depth = this.#scope.length;
    const { body, end } = this.#block();
    if (end === undefined) throw new TemplateError(`{{ ${word} }} is not closed: {{ end }} is missing`, line);
    if (end === "end") {
      this.#finish();
      return { body, otherwise: () => undefined };
    }
    const next = this.#tokens[1];
    if (!next) {
      const rest = this.#block();
      if (rest.end !== "end") throw new TemplateError(`{{ else }} of {{ ${word} }} is not closed: {{ end }} is missing`, line);
      this.#finish();
      return { body, otherwise: rest.body };
    }
    if (next.kind !== "word" || (next.text !== "if" && next.text !== "with")) this.#fail(`expected "if", "with" or nothing after {{ else`);
    this.#token = 2;
    const otherwise = this.#condition(next.text, line);
    this.#scope.length = depth;
    return { body, otherwise };
  }

  #range(line: number): Statement {
    const names: string[] = [];
    if (this.#looksLikeDeclaration()) {
      names.push(this.#next().text);
      if (this.#accept(",")) names.push(this.#next().text);
      if (!this.#accept(":=")) this.#fail("expected := after the variables of {{ range }}");
    }
    const value = this.#pipeline();
    this.#finish();
    const slots = names.map((name) => this.#declare(name));
    this.#loops++;
    const { body, otherwise } = this.#branches("range", line);
    this.#loops--;
    return (frame) => {
      const items = entries(value(frame), line);
      if (items.length === 0) return otherwise(frame);
      for (const [key, item] of items) {
        if (slots.length === 2) frame.slots[slots[0] as number] = key;
        if (slots.length) frame.slots[slots.at(-1) as number] = item;
        if (withDot(frame, item, body) === "break") break;
      }
      return undefined;
    };
  }

  #output(): Statement {
    const [first, second] = this.#tokens;
    if (!first) this.#fail("an empty action");
    if (first.kind === "variable" && second?.kind === "punctuation" && (second.text === "=" || second.text === ":=")) {
      const value = this.#pipelineWithDeclaration();
      this.#finish();
      return (frame) => {
        value(frame);
        return undefined;
      };
    }
    const value = this.#pipeline();
    this.#finish();
    return (frame) => {
      const result = value(frame);
      frame.out.push(typeof result === "string" ? result : toText(result));
      return undefined;
    };
  }

  #pipelineWithDeclaration(): Expression {
    if (!this.#looksLikeDeclaration()) return this.#pipeline();
    const { text: name } = this.#next();
    const { text: operator } = this.#next();
    if (operator === ",") this.#fail("two variables are for {{ range }} only");
    const value = this.#pipeline();
    const slot = operator === ":=" ? this.#declare(name) : this.#slotOf(name);
    return (frame) => {
      frame.slots[slot] = value(frame);
      return frame.slots[slot];
    };
  }
  #looksLikeDeclaration(): boolean {
    const [first, second] = [this.#tokens[this.#token], this.#tokens[this.#token + 1]];
    return first?.kind === "variable" && second?.kind === "punctuation" && [":=", "=", ","].includes(second.text);
  }

  #pipeline(): Expression {
    let value = this.#command(undefined);
    while (this.#accept("|")) value = this.#command(value);
    return value;
  }

  /** A function with its values, or one value; `piped` is the last value. */
  #command(piped: Expression | undefined): Expression {
    const first = this.#peek();
    if (!first || this.#isEnd(first)) this.#fail("a value is missing");
    if (first.kind === "word" && !["true", "false", "nil"].includes(first.text)) {
      this.#next();
      const values: Expression[] = [];
      for (let next = this.#peek(); next && !this.#isEnd(next); next = this.#peek()) values.push(this.#operand());
      if (piped) values.push(piped);
      return this.#call(first.text, values);
    }
    const value = this.#operand();
    const next = this.#peek();
    if (next && !this.#isEnd(next)) this.#fail(`${JSON.stringify(next.text)} follows a value: only functions take values`);
    if (piped) this.#fail("a value cannot be piped into: only a function can stand after |");
    return value;
  }

  #call(name: string, values: Expression[]): Expression {
    if (!isFunction(name)) this.#fail(`the function ${JSON.stringify(name)} is not known${hint(name, functionNames())}`);
    if (name === "and" || name === "or") {
      if (values.length === 0) this.#fail(`${name} needs a value`);
      const stopsAt = name === "or";
      return (frame) => {
        let result: unknown;
        for (const value of values) {
          result = value(frame);
          if (truthy(result) === stopsAt) break;
        }
        return result;
      };
    }
    const line = this.#line;
    return (frame) => {
      try {
        return (frame.functions[name] as TemplateFunction)(...values.map((value) => value(frame)));
      } catch (error) {
        if (error instanceof FunctionError) throw new TemplateError(error.message, line);
        throw error;
      }
    };
  }

  #operand(): Expression {
    const token = this.#next();
    let value: Expression;
    switch (token.kind) {
      case "string":
        return () => token.text;
      case "number": {
        const number = Number(token.text);
        return () => number;
      }
      case "variable": {
        const slot = this.#slotOf(token.text);
        value = (frame) => frame.slots[slot];
        break;
      }
      case "field":
        value = (frame) => fieldOf(frame.dot, token.text);
        break;
      case "word":
        if (token.text === "true" || token.text === "false") return () => token.text === "true";
        value = token.text === "nil" ? () => undefined : this.#call(token.text, []);
        break;
      default:
        if (token.text === "(") {
          value = this.#pipeline();
          if (!this.#accept(")")) this.#fail(`")" is missing`);
        } else if (token.text === ".") value = (frame) => frame.dot;
        else return this.#fail(`unexpected ${JSON.stringify(token.text)}`);
    }
    for (let next = this.#peek(); next?.kind === "field" && !next.spaced; next = this.#peek()) {
      const { text } = this.#next();
      const inner = value;
      value = (frame) => fieldOf(inner(frame), text);
    }
    return value;
  }

  #declare(name: string): number {
    const slot = this.#slots++;
    this.#scope.push({ name, slot });
    return slot;
  }
  #slotOf(name: string): number {
    const found = this.#scope.findLast((variable) => variable.name === name);
    if (!found) this.#fail(`the variable $${name} is not declared: {{ $${name} := ... }} must stand before it`);
    return found.slot;
  }
  #isEnd(token: Token): boolean {
    return token.kind === "punctuation" && (token.text === "|" || token.text === ")");
  }
  #peek(): Token | undefined {
    return this.#tokens[this.#token];
  }
  #next(): Token {
    return this.#tokens[this.#token++] ?? this.#fail("the action ends too early");
  }
  #accept(text: string): boolean {
    const next = this.#peek();
    if (next?.kind !== "punctuation" || next.text !== text) return false;
    this.#token++;
    return true;
  }
  #finish(): void {
    const next = this.#peek();
    if (next) this.#fail(`unexpected ${JSON.stringify(next.text)}`);
  }
}

function sequence(statements: Statement[]): Statement {
  return (frame) => {
    for (const statement of statements) {
      const signal = statement(frame);
      if (signal) return signal;
    }
    return undefined;
  };
}

function withDot(frame: Frame, dot: unknown, body: Statement): Signal {
  const before = frame.dot;
  frame.dot = dot;
  const signal = body(frame);
  frame.dot = before;
  return signal;
}

function fieldOf(value: unknown, name: string): unknown {
  return isMap(value) ? own(value, name) : undefined;
}

function entries(value: unknown, line: number): [unknown, unknown][] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((item, i) => [i, item]);
  if (typeof value === "number") return Array.from({ length: value }, (_, i) => [i, i]);
  if (!isMap(value)) throw new TemplateError(`{{ range }} over ${toText(value)}: it needs a list, a map or a number`, line);
  return Object.keys(value)
    .sort()
    .map((key) => [key, value[key]]);
}
