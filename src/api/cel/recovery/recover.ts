/**
 * What cel-go says of an expression that does not parse. Its parser goes on behind a mistake as ANTLR's
 * DefaultErrorStrategy does: it leaves a token out, thinks one there, or passes over what cannot follow; each is told, as is
 * what comes to light behind it. Only for expressions that are known to be wrong: it costs more than parsing does.
 */
import type { Issue } from "../errors.ts";
import { endOfInput, nextTokens, type Part, type Rule, type State, startRule, tokenNames } from "./grammar.ts";
import { type Ahead, type Decision, Predictor, type Returns } from "./predict.ts";
import { shown, type Token, Tokens } from "./tokens.ts";

const maxReports = 100;
const maxRecoveries = 30;
const maxPassed = 256;
const maxDepth = 250;

/**
 * A rule as it was found; what of it is missing is not there. Where a rule of operators, a member or a literal is all that one
 * has, it stands in its place.
 */
export interface Found {
  readonly rule: Rule;
  /** Of the rule's alternatives, from one. */
  alternative: number;
  /** A repeated part of the rule, one of several alternatives. */
  readonly group: boolean;
  /** Rules and tokens in their order. */
  parts: (Found | Token)[];
  readonly start: Token;
}

/** The rule cannot go on. */
class Mismatch extends Error {
  /** Where the alternatives begin that all ended; undefined where one token was expected. */
  readonly from: Token | undefined;
  readonly at: Token;
  constructor(at: Token, from?: Token) {
    super();
    this.at = at;
    this.from = from;
  }
}
/** Nothing is looked at any more. */
class Stopped extends Error {}

interface Context {
  readonly rule: Rule;
  readonly caller: Context | undefined;
  /** Where it returns to. */
  readonly follow: State | undefined;
  readonly returns: Returns | undefined;
  readonly binding: number;
}

export interface Recovered {
  /** In the order in which they came up. */
  readonly issues: Issue[];
  /** Nothing where it was given up. */
  readonly found: Found | undefined;
}

export function recover(source: string): Recovered {
  const parser = new RecoveringParser(source);
  try {
    return { found: parser.parse(), issues: parser.issues };
  } catch (error) {
    // The rules are as deep as they may be before the stack is, unless it was deep already.
    if (error instanceof RangeError) parser.issues.push({ message: `expression recursion limit exceeded: ${maxDepth}`, offset: -1 });
    else if (!(error instanceof Stopped)) throw error;
    return { found: undefined, issues: parser.issues };
  }
}

class RecoveringParser implements Ahead {
  readonly issues: Issue[] = [];
  readonly #tokens: Tokens;
  readonly #predictor = new Predictor();
  #at = 0;
  #state: State = startRule.start;
  #context: Context | undefined;
  readonly #depths = new Map<Rule, number>();
  #recovering = false;
  #lastAt = -1;
  readonly #lastStates = new Set<State>();
  #reports = 0;
  #recoveries = 0;
  /** Tokens that may still be passed over; undefined outside of a recovery. */
  #mayPass: number | undefined;

  constructor(source: string) {
    this.#tokens = new Tokens(source, (message, offset) => this.#report(message, offset));
  }

  parse(): Found {
    return this.#rule(startRule, 0, undefined);
  }

  type(n: number): number {
    return this.#tokens.get(this.#at + n).type;
  }
  get #next(): Token {
    return this.#tokens.get(this.#at);
  }

  #report(message: string, offset: number): void {
    if (this.#reports === maxReports) {
      this.issues.push({ message: `Syntax error: More than ${maxReports} syntax errors`, offset });
      throw new Stopped();
    }
    this.#reports++;
    this.issues.push({ message: `Syntax error: ${message}`, offset });
  }
  #consume(): Token {
    const token = this.#next;
    if (this.#mayPass !== undefined && this.#mayPass-- === 0) {
      this.issues.push({ message: `error recovery token lookahead limit exceeded: ${maxPassed}`, offset: -1 });
      throw new Stopped();
    }
    if (token.type !== endOfInput) this.#at++;
    return token;
  }
  #matched(): void {
    this.#recovering = false;
    this.#lastAt = -1;
    this.#lastStates.clear();
  }

  #rule(rule: Rule, binding: number, call: { follow: State } | undefined): Found {
    const depth = (this.#depths.get(rule) ?? 0) + 1;
    if (depth > maxDepth) {
      this.issues.push({ message: `expression recursion limit exceeded: ${maxDepth}`, offset: -1 });
      throw new Stopped();
    }
    this.#depths.set(rule, depth);
    const caller = this.#context;
    const returns = call && this.#predictor.push(caller?.returns, call.follow);
    this.#context = { rule, caller, follow: call?.follow, returns, binding };
    const found: Found = { rule, alternative: 0, group: false, parts: [], start: this.#next };
    try {
      this.#part(rule.body, found);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      this.#tell(error);
      this.#recover();
    }
    this.#context = caller;
    this.#depths.set(rule, depth - 1);
    const only = found.parts[0];
    return found.parts.length === 1 && only && "parts" in only && !only.group && (rule.passes === "always" || rule.passes === found.alternative) ? only : found;
  }

  #part(part: Part, into: Found): void {
    switch (part.kind) {
      case "sequence":
        for (const inner of part.parts) this.#part(inner, into);
        return;
      case "token":
        this.#state = part.state;
        add(into, this.#match(part.tokens));
        return;
      case "rule":
        this.#state = part.state;
        add(into, this.#rule(part.rule, part.precedence, part.state.edges[0]?.call));
        return;
      case "binds":
        return;
      case "choice": {
        this.#sync(part.state);
        const taken = part.firsts ? 1 + part.firsts.findIndex((first) => first.has(this.#next.type)) : this.#predict(part.state);
        if (taken === 0) throw new Mismatch(this.#next, this.#next);
        const whole = part === into.rule.body;
        const found: Found = whole ? into : { rule: into.rule, alternative: taken, group: true, parts: [], start: this.#next };
        if (whole) into.alternative = taken;
        else add(into, found);
        this.#part(part.parts[taken - 1] as Part, found);
        return;
      }
      case "optional":
        this.#sync(part.state);
        if (part.first().has(this.#next.type)) this.#part(part.part, into);
        return;
      case "star":
        this.#sync(part.state);
        while (part.first ? part.first().has(this.#next.type) : this.#predict(part.state) === 1) {
          this.#part(part.part, into);
          this.#sync(part.back);
        }
        return;
      case "plus":
        this.#sync(part.state);
        do {
          this.#part(part.part, into);
          this.#sync(part.back);
        } while (part.first ? part.first().has(this.#next.type) : this.#predict(part.back) === 1);
    }
  }

  #predict(state: State): number {
    const { rule, binding, returns } = this.#context as Context;
    // Loops of rules that call themselves on the left know how tightly they were called to bind.
    const own = rule.recursive && state.kind === "block" && state === loopOf(rule);
    const decision: Decision = { state, binding, returns, ...(own ? { precedence: binding } : {}) };
    const taken = this.#predictor.predict(decision, this);
    if (typeof taken === "number") return taken;
    throw new Mismatch(this.#tokens.get(this.#at + taken.at), this.#next);
  }

  #match(tokens: ReadonlySet<number>): Token {
    if (tokens.has(this.#next.type)) {
      this.#matched();
      return this.#consume();
    }
    return this.#attempt(() => {
      if (this.#deleted()) return this.#consume();
      const behind = (this.#state.edges[0] as { to: State }).to;
      if (!this.#mayFollow(behind).has(this.#next.type)) throw new Mismatch(this.#next);
      const { index, start } = this.#next;
      const expected = this.#expected();
      if (!this.#recovering) {
        this.#recovering = true;
        this.#report(`missing ${listed(expected)} at ${this.#display(this.#next)}`, start);
      }
      const missing = Math.min(...expected);
      return { type: missing, text: `<missing ${tokenNames[missing] ?? "EOF"}>`, start, index };
    });
  }

  #attempt<T>(recovery: () => T): T {
    if (this.#recoveries++ === maxRecoveries) {
      this.#report(`error recovery attempt limit exceeded: ${maxRecoveries}`, this.#next.start);
      throw new Stopped();
    }
    this.#mayPass = maxPassed;
    try {
      return recovery();
    } finally {
      this.#mayPass = undefined;
    }
  }

  /** Goes on behind a token that is too much, where what is behind it fits. */
  #deleted(): boolean {
    if (!this.#expected().has(this.type(1))) return false;
    this.#tellUnwanted();
    this.#consume();
    this.#matched();
    return true;
  }

  #sync(state: State): void {
    this.#state = state;
    if (this.#recovering) return;
    const next = nextTokens(state);
    if (next.end || next.tokens.has(this.#next.type)) return;
    if (state.kind === "block") {
      if (!this.#deleted()) throw new Mismatch(this.#next);
    } else if (state.kind === "loop") {
      this.#tellUnwanted();
      this.#passUntil(new Set([...this.#expected(), ...this.#recoverySet()]));
    }
  }

  #recover(): void {
    this.#attempt(() => {
      if (this.#lastAt === this.#at && this.#lastStates.has(this.#state)) this.#consume();
      this.#lastAt = this.#at;
      this.#lastStates.add(this.#state);
      this.#passUntil(this.#recoverySet());
    });
  }
  #passUntil(tokens: ReadonlySet<number>): void {
    while (this.#next.type !== endOfInput && !tokens.has(this.#next.type)) this.#consume();
  }

  /** What may follow a rule that is being read. */
  #recoverySet(): Set<number> {
    const found = new Set<number>();
    for (let at = this.#context; at?.follow; at = at.caller) for (const token of nextTokens(at.follow).tokens) found.add(token);
    return found;
  }
  #expected(): Set<number> {
    return this.#mayFollow(this.#state);
  }
  #mayFollow(state: State): Set<number> {
    let next = nextTokens(state);
    const found = new Set(next.tokens);
    let at = this.#context;
    for (; next.end && at?.follow; at = at.caller) {
      next = nextTokens(at.follow);
      for (const token of next.tokens) found.add(token);
    }
    if (next.end) found.add(endOfInput);
    return found;
  }

  #tellUnwanted(): void {
    if (this.#recovering) return;
    this.#recovering = true;
    this.#report(`extraneous input ${this.#display(this.#next)} expecting ${listed(this.#expected())}`, this.#next.start);
  }
  #tell({ at, from }: Mismatch): void {
    if (this.#recovering) return;
    this.#recovering = true;
    if (!from) {
      this.#report(`mismatched input ${this.#display(at)} expecting ${listed(this.#expected())}`, at.start);
      return;
    }
    const input = from.type === endOfInput ? "<EOF>" : this.#tokens.text(from, at);
    const message = `no viable alternative at input '${shown(input)}'`;
    this.#report(message.replace(reservedInput, "mismatched input '$1' expecting IDENTIFIER"), at.start);
  }
  #display({ text }: Token): string {
    return `'${shown(text)}'`;
  }
}

/** Most have one part or two: an array that is grown has room for seventeen. */
function add(into: Found, part: Found | Token): void {
  if (into.parts.length < 3) into.parts = [...into.parts, part];
  else into.parts.push(part);
}

const reservedInput = /no viable alternative at input '.(true|false|null)'/;

const loops = new Map<Rule, State | undefined>();
function loopOf(rule: Rule): State | undefined {
  if (!loops.has(rule)) {
    const parts = rule.body.kind === "sequence" ? rule.body.parts : [];
    loops.set(rule, parts.flatMap((part) => (part.kind === "star" ? [part.state] : []))[0]);
  }
  return loops.get(rule);
}

function listed(tokens: ReadonlySet<number>): string {
  const names = [...tokens].sort((a, b) => a - b).map((token) => (token === endOfInput ? "<EOF>" : (tokenNames[token] as string)));
  return names.length > 1 ? `{${names.join(", ")}}` : (names[0] ?? "");
}
