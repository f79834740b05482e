/** What cel-go goes on to say of an expression that does not parse, from what was found of it (cel-go's parser.go, Visit...). */
import { type Call, call, type Entry, type Expr, type FieldInit, ident, list, literal, memberCall, select } from "../ast.ts";
import { type Issue, nowhere } from "../errors.ts";
import { LiteralError, numberLiteral, stringLiteral } from "../literals.ts";
import { reserved, type Syntax } from "../syntax.ts";
import type { Found } from "./recover.ts";
import type { Token } from "./tokens.ts";
import { table } from "../../../base/table.ts";

class MacroMistake extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Beside the mistakes of syntax, in the order in which they come up. */
export function issuesOf(found: Found, syntax: Syntax): Issue[] {
  const visitor = new Visitor(syntax);
  visitor.visit(found.parts.find(isFound));
  return visitor.issues;
}

type Part = Found | Token;
const isFound = (part: Part | undefined): part is Found => part !== undefined && "parts" in part;
const named = (part: Part | undefined, rule: string): part is Found => isFound(part) && part.rule.name === rule;
const children = (found: Found, rule: string): Found[] => found.parts.filter((part): part is Found => named(part, rule));
const tokensOf = (found: Found): Token[] => found.parts.filter((part): part is Token => !isFound(part));
const nothing = (at: number): Expr => literal(at, null);

const operators = table<string>({
  ...{ "==": "_==_", "!=": "_!=_", "<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", in: "@in" },
  ...{ "+": "_+_", "-": "_-_", "*": "_*_", "/": "_/_", "%": "_%_" },
});

class Visitor {
  readonly issues: Issue[] = [];
  readonly #syntax: Syntax;
  constructor(syntax: Syntax) {
    this.#syntax = syntax;
  }

  #report(message: string, offset: number): Expr {
    this.issues.push({ message, offset });
    return nothing(offset);
  }

  visit(found: Part | undefined): Expr {
    if (!isFound(found)) return nothing(nowhere);
    switch (found.rule.name) {
      case "expr":
        return this.#condition(found);
      case "conditionalOr":
      case "conditionalAnd":
      case "relation":
      case "calc":
        return this.#operated(found);
      case "unary":
        return this.#unary(found);
      case "member":
        return this.#member(found);
      case "primary":
        return this.#primary(found);
      case "literal":
        return this.#literal(found);
    }
    return nothing(nowhere);
  }

  #condition(found: Found): Expr {
    const [condition, yes] = found.parts.filter((part) => isFound(part) && !named(part, "expr"));
    const first = this.visit(condition);
    const mark = tokensOf(found)[0];
    if (!mark) return first;
    return call(mark.start, "_?_:_", first, this.visit(yes), this.visit(children(found, "expr")[0]));
  }
  #operated(found: Found): Expr {
    const flat = found.parts.flatMap((part) => (isFound(part) && part.rule === found.rule && part.group ? part.parts : [part]));
    let left = this.visit(flat[0]);
    for (let i = 1; i < flat.length; i += 2) {
      const operator = flat[i] as Token;
      const name = operator.text === "||" ? "_||_" : operator.text === "&&" ? "_&&_" : (operators[operator.text] ?? "");
      left = call(operator.start, name, left, this.visit(flat[i + 1]));
    }
    return left;
  }
  #unary(found: Found): Expr {
    if (!found.alternative) return nothing(found.start.start);
    const operand = this.visit(found.parts.find(isFound));
    const signs = tokensOf(found);
    const first = signs[0];
    return first && signs.length % 2 === 1 ? call(first.start, first.text === "!" ? "!_" : "-_", operand) : operand;
  }

  #member(found: Found): Expr {
    let expression = this.visit(found.parts[0]);
    for (const part of found.parts.slice(1)) if (isFound(part)) expression = this.#suffixed(expression, part);
    return expression;
  }
  #suffixed(operand: Expr, found: Found): Expr {
    const [first, second] = tokensOf(found);
    if (!first) return operand;
    if (found.alternative === 1) {
      const name = children(found, "escapeIdent")[0];
      if (!name) return nothing(first.start);
      const field = this.#fieldName(name, name.start.start);
      return second?.text === "?" ? call(first.start, "_?._", operand, literal(name.start.start, field)) : select(first.start, operand, field);
    }
    if (found.alternative === 2) {
      if (!second) return nothing(first.start);
      const parenthesis = tokensOf(found)[2];
      return this.#expanded(memberCall(parenthesis?.start ?? second.start, second.text, operand, ...this.#arguments(found)));
    }
    return call(first.start, second?.text === "?" ? "_[?_]" : "_[_]", operand, this.visit(children(found, "expr")[0]));
  }
  #fieldName(found: Found, at: number): string {
    const name = tokensOf(found)[0];
    if (!name) this.#report("unsupported ident kind", at);
    else if (found.alternative === 2) {
      if (!this.#syntax.escapedFields) this.#report("unsupported syntax: '`'", at);
      return name.text.slice(1, -1);
    }
    return name?.text ?? "";
  }
  #arguments(found: Found): Expr[] {
    const given = children(found, "exprList")[0];
    return given ? children(given, "expr").map((one) => this.visit(one)) : [];
  }
  #expanded(made: Call): Expr {
    const prefix = made.target ? 1 : 0;
    const { macros } = this.#syntax;
    const macro = macros.get(`${made.name}:${prefix}:${made.args.length}`) ?? macros.get(`${made.name}:${prefix}:*`);
    try {
      const fail = (message: string, at: number): never => {
        throw new MacroMistake(message, at);
      };
      return macro?.(made, fail) ?? made;
    } catch (error) {
      if (error instanceof MacroMistake) return this.#report(error.message, error.at);
      throw error;
    }
  }

  #primary(found: Found): Expr {
    const at = found.start.start;
    const tokens = tokensOf(found);
    switch (found.alternative) {
      case 1:
      case 2: {
        const dot = tokens[0]?.text === "." ? 1 : 0;
        const name = tokens[dot];
        if (!name) return nothing(at);
        if (reserved.has(name.text)) return this.#report(`reserved identifier: ${name.text}`, at);
        const full = dot ? `.${name.text}` : name.text;
        return found.alternative === 1 ? ident(name.start, full) : this.#expanded(call(tokens[dot + 1]?.start ?? at, full, ...this.#arguments(found)));
      }
      case 3:
        return this.visit(children(found, "expr")[0]);
      case 4:
        return list(
          at,
          children(found, "listInit")
            .flatMap((inner) => children(inner, "optExpr"))
            .map((one) => this.#optional(one)),
        );
      case 5:
        return { kind: "map", at, entries: children(found, "mapInitializerList").flatMap((inner) => this.#entries(inner)) };
      case 6:
        return {
          kind: "struct",
          at: tokens.find(({ text }) => text === "{")?.start ?? at,
          name: "",
          fields: children(found, "fieldInitializerList").flatMap((inner) => this.#fields(inner)),
        };
      case 7:
        return this.visit(children(found, "literal")[0]);
    }
    return nothing(nowhere);
  }
  #optional(found: Found | undefined): Expr {
    if (!found) return nothing(nowhere);
    const mark = tokensOf(found)[0];
    const value = this.visit(children(found, "expr")[0]);
    if (mark && !this.#syntax.optional) this.#report("unsupported syntax '?'", mark.start);
    return value;
  }
  #entries(found: Found): Entry[] {
    const [keys, values] = [children(found, "optExpr"), children(found, "expr")];
    const entries: Entry[] = [];
    for (const [i, colon] of tokensOf(found)
      .filter(({ text }) => text === ":" || text === "<missing ':'>")
      .entries()) {
      if (!keys[i] || !values[i]) return [];
      entries.push({ at: colon.start, key: this.#optional(keys[i]), value: this.visit(values[i]), optional: false });
    }
    return entries;
  }
  #fields(found: Found): FieldInit[] {
    const values = children(found, "expr");
    const colons = tokensOf(found).filter(({ text }) => text === ":" || text === "<missing ':'>");
    const fields: FieldInit[] = [];
    for (const [i, field] of children(found, "optField").entries()) {
      const colon = colons[i];
      if (!colon || !values[i]) return [];
      const name = children(field, "escapeIdent")[0];
      const before = this.issues.length;
      const text = name ? this.#fieldName(name, found.start.start) : "";
      if (!name) this.#report("unsupported ident kind", found.start.start);
      if (this.issues.length === before) fields.push({ at: colon.start, name: text, value: this.visit(values[i]), optional: false });
    }
    return fields;
  }

  #literal(found: Found): Expr {
    const at = found.start.start;
    const text = tokensOf(found)
      .map((token) => token.text)
      .join("");
    try {
      if (found.alternative <= 3 && found.alternative > 0) return literal(at, numberLiteral(text));
      if (found.alternative === 4 || found.alternative === 5) return literal(at, stringLiteral(text));
    } catch (error) {
      if (error instanceof LiteralError) return this.#report(error.message, at);
      throw error;
    }
    return found.alternative === 6 || found.alternative === 7 ? literal(at, found.alternative === 6) : nothing(found.alternative ? at : nowhere);
  }
}
