/** Lexer and parser of label selector text, with upstream's messages (k8s.io/apimachinery/pkg/labels/selector.go). */
import { goQuote } from "../go-quote.ts";
import { isQualifiedName } from "../names.ts";

export type Operator = "in" | "notin" | "=" | "==" | "!=" | "gt" | "lt" | "exists" | "!";
export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

interface Token {
  /** Symbols and keywords are their own kind. */
  kind: "id" | "end" | "error" | ")" | "," | "!" | "==" | "=" | ">" | "in" | "<" | "!=" | "notin" | "(";
  text: string;
}

const symbols = new Set([")", ",", "!", "==", "=", ">", "<", "!=", "("]);
const special = /[=!(),><]/;
const blank = /[ \t\r\n]/;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && blank.test(text[at] as string)) at++;
    const char = text[at];
    // A NUL byte ends the text for upstream's lexer.
    if (char === undefined || char === "\0") break;
    let end = at + 1;
    if (special.test(char)) {
      while (end < text.length && special.test(text[end] as string) && symbols.has(text.slice(at, end + 1))) end++;
      const symbol = text.slice(at, end);
      tokens.push({ kind: symbol as Token["kind"], text: symbol });
    } else {
      while (end < text.length && !special.test(text[end] as string) && !blank.test(text[end] as string)) end++;
      const word = text.slice(at, end);
      tokens.push({ kind: word === "in" || word === "notin" ? word : "id", text: word });
    }
    at = end;
  }
  tokens.push({ kind: "end", text: "" });
  return tokens;
}

const operators = { in: "in", notin: "notin", "=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt" } as const;

/**
 * The requirements in the order of the text. `fail` makes the error to throw for bad syntax; `check` throws for a
 * requirement that reads well but is not valid.
 */
export function parseLabelTokens(text: string, fail: (message: string) => Error, check: (requirement: Requirement) => void): Requirement[] {
  const tokens = tokenize(text);
  let position = 0;
  /** Among values, `in` and `notin` are ordinary words. */
  const asValue = (token: Token): Token => (token.kind === "in" || token.kind === "notin" ? { kind: "id", text: token.text } : token);
  const at = (i: number): Token => tokens[Math.min(i, tokens.length - 1)] as Token;
  const peek = (): Token => asValue(at(position));
  const next = (): Token => asValue(at(position++));
  const bad = (message: string): Error => fail(`unable to parse requirement: ${message}`);

  const list = (): string[] => {
    const open = next();
    if (open.kind !== "(") throw bad(`found '${open.text}' expected: '('`);
    const first = peek();
    if (first.kind === ")") {
      next();
      return [""];
    }
    if (first.kind !== "id" && first.kind !== ",") throw bad(`found '${first.text}', expected: ',', ')' or identifier`);
    const values = new Set<string>();
    for (;;) {
      const token = next();
      const following = peek();
      if (token.kind === "id") {
        values.add(token.text);
        if (following.kind === ")") break;
        if (following.kind !== ",") throw bad(`found '${following.text}', expected: ',' or ')'`);
      } else if (token.kind === ",") {
        if (values.size === 0 || following.kind === "," || following.kind === ")") values.add("");
        if (following.kind === ")") break;
      } else throw bad(`found '${token.text}', expected: ',', or identifier`);
    }
    next();
    return [...values].sort();
  };

  const requirement = (): Requirement => {
    let token = next();
    const negated = token.kind === "!";
    if (negated) token = next();
    if (token.kind !== "id") throw bad(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const keyErrors = isQualifiedName(key);
    if (keyErrors.length) throw bad(`<nil>: Invalid value: ${goQuote(key)}: ${keyErrors.join("; ")}`);
    const after = peek().kind;
    if (negated || after === "end" || after === ",") return { key, operator: negated ? "!" : "exists", values: [] };
    const symbol = at(position++);
    const operator = operators[symbol.kind as keyof typeof operators];
    if (!operator) throw bad(`found '${symbol.text}', expected: in, notin, =, ==, !=, gt, lt`);
    if (operator === "in" || operator === "notin") return { key, operator, values: list() };
    const value = peek().kind;
    if (value === "end" || value === ",") return { key, operator, values: [""] };
    const found = next();
    if (found.kind !== "id") throw bad(`found '${found.text}', expected: identifier`);
    return { key, operator, values: [found.text] };
  };

  const requirements: Requirement[] = [];
  for (;;) {
    const start = peek();
    if (start.kind === "end") return requirements;
    if (start.kind !== "id" && start.kind !== "!") throw fail(`found '${start.text}', expected: !, identifier, or 'end of string'`);
    const parsed = requirement();
    check(parsed);
    requirements.push(parsed);
    const end = next();
    if (end.kind === "end") return requirements;
    if (end.kind !== ",") throw fail(`found '${end.text}', expected: ',' or 'end of string'`);
    const following = peek();
    if (following.kind !== "id" && following.kind !== "!") throw fail(`found '${following.text}', expected: identifier after ','`);
  }
}
