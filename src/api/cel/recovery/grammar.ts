/**
 * CEL's grammar (cel-go's CEL.g4) as a network of states, as ANTLR makes one: what may come next, and where an error is
 * noticed, are read off it.
 */
import { table } from "../../../base/table.ts";

/** In the order in which messages list them. */
export const tokenNames = [
  ..."== != in < <= >= > && || [ ] { } ( ) . , - ! ? : + * / % true false null".split(" ").map((text) => `'${text}'`),
  ..."NUM_FLOAT NUM_INT NUM_UINT STRING BYTES IDENTIFIER ESC_IDENTIFIER".split(" "),
];
export const endOfInput = -1;
const numbers = new Map(tokenNames.map((name, i) => [name, i]));
export const tokenNumber = (name: string): number | undefined => numbers.get(name);

export interface Edge {
  to: State;
  /** What is taken; none for edges that take nothing. */
  tokens?: ReadonlySet<number>;
  /** A rule that is gone through on the way: `to` is its beginning. */
  call?: { follow: State; rule: Rule; precedence: number };
  /** Open to what binds at least as tightly. */
  binds?: number;
}
export interface State {
  readonly id: number;
  readonly kind: "plain" | "block" | "loop" | "stop";
  readonly rule: Rule;
  readonly edges: Edge[];
}
export interface Rule {
  readonly name: string;
  readonly start: State;
  readonly stop: State;
  readonly recursive: boolean;
  /** Where all of it is another rule it says nothing of its own; or where that is its nth alternative. */
  readonly passes: "always" | number | undefined;
  body: Part;
  /** Where it returns to. */
  readonly returns: { follow: State; rule: Rule; precedence: number }[];
}
export type Part =
  | { kind: "token"; state: State; tokens: ReadonlySet<number> }
  | { kind: "rule"; state: State; rule: Rule; precedence: number }
  | { kind: "binds"; least: number }
  | { kind: "sequence"; parts: Part[] }
  | { kind: "choice"; state: State; parts: Part[]; firsts?: ReadonlySet<number>[] }
  | { kind: "optional"; state: State; part: Part; first: () => ReadonlySet<number> }
  | { kind: "star"; state: State; back: State; part: Part; first?: () => ReadonlySet<number> }
  | { kind: "plus"; state: State; back: State; part: Part; first?: () => ReadonlySet<number> };

export const states: State[] = [];
const rules = new Map<string, Rule>();
function stateOf(rule: Rule, kind: State["kind"] = "plain"): State {
  const state: State = { id: states.length, kind, rule, edges: [] };
  states.push(state);
  return state;
}
const link = (from: State, to: State): void => void from.edges.push({ to });

/** What led to one state leads to the other: rules called at the end of alternatives return to one place. */
function join(from: State, to: State): void {
  for (const { edges } of states)
    for (const edge of edges) {
      if (edge.to === from) edge.to = to;
      if (edge.call?.follow === from) edge.call.follow = to;
    }
}

/** A part, and the states that it begins and ends with. */
type Made = [part: Part, start: State, end: State];
type Make = (rule: Rule) => Made;

const tokens =
  (...names: string[]): Make =>
  (rule) => {
    const set = new Set(names.map((name) => (name === "<EOF>" ? endOfInput : (numbers.get(name) as number))));
    const [start, end] = [stateOf(rule), stateOf(rule)];
    start.edges.push({ to: end, tokens: set });
    return [{ kind: "token", state: start, tokens: set }, start, end];
  };
const rule =
  (name: string, precedence = 0): Make =>
  (within) => {
    const called = rules.get(name) as Rule;
    const [start, end] = [stateOf(within), stateOf(within)];
    const call = { follow: end, rule: called, precedence };
    start.edges.push({ to: called.start, call });
    called.returns.push(call);
    return [{ kind: "rule", state: start, rule: called, precedence }, start, end];
  };
const binds =
  (least: number): Make =>
  (within) => {
    const [start, end] = [stateOf(within), stateOf(within)];
    start.edges.push({ to: end, binds: least });
    return [{ kind: "binds", least }, start, end];
  };
const sequence =
  (...parts: Make[]): Make =>
  (within) => {
    const made = parts.map((part) => part(within));
    for (let i = 1; i < made.length; i++) link((made[i - 1] as Made)[2], (made[i] as Made)[1]);
    return [{ kind: "sequence", parts: made.map(([part]) => part) }, (made[0] as Made)[1], (made.at(-1) as Made)[2]];
  };
/** `byFirst`: told apart by one token. */
const choice =
  (parts: Make[], byFirst = false): Make =>
  (within) => {
    const start = stateOf(within, "block");
    const end = stateOf(within);
    const made = parts.map((part) => part(within));
    for (const [, from, to] of made) {
      link(start, from);
      join(to, end);
    }
    const firsts = byFirst ? { firsts: made.map(([, from]) => nextTokens(from).tokens) } : {};
    return [{ kind: "choice", state: start, parts: made.map(([part]) => part), ...firsts }, start, end];
  };
const lazily = (state: State) => (): ReadonlySet<number> => nextTokens(state).tokens;
const optional =
  (part: Make): Make =>
  (within) => {
    const [start, end] = [stateOf(within, "block"), stateOf(within)];
    const [inner, from, to] = part(within);
    link(start, from);
    link(start, end);
    link(to, end);
    return [{ kind: "optional", state: start, part: inner, first: lazily(from) }, start, end];
  };
/** `byFirst`: one token tells whether it goes on. */
const star =
  (part: Make, byFirst: boolean): Make =>
  (within) => {
    const [entry, back, end] = [stateOf(within, "block"), stateOf(within, "loop"), stateOf(within)];
    const [inner, from, to] = part(within);
    link(entry, from);
    link(entry, end);
    link(to, back);
    link(back, entry);
    return [{ kind: "star", state: entry, back, part: inner, ...(byFirst ? { first: lazily(from) } : {}) }, entry, end];
  };
const plus =
  (part: Make, byFirst: boolean): Make =>
  (within) => {
    const [start, back, end] = [stateOf(within, "block"), stateOf(within, "loop"), stateOf(within)];
    const [inner, from, to] = part(within);
    link(start, from);
    link(to, back);
    link(back, start);
    link(back, end);
    return [{ kind: "plus", state: start, back, part: inner, ...(byFirst ? { first: lazily(from) } : {}) }, start, end];
  };

export interface Next {
  readonly tokens: ReadonlySet<number>;
  /** The end of the rule may come next. */
  readonly end: boolean;
}
const known = new Map<State, Next>();
/** Within the rule. */
export function nextTokens(state: State): Next {
  const found = known.get(state);
  if (found) return found;
  const taken = new Set<number>();
  const seen = new Set<State>();
  const calling = new Set<Rule>();
  let end = false;
  const walk = (at: State, returns: readonly State[]): void => {
    if (seen.has(at)) return;
    seen.add(at);
    if (at.kind === "stop") {
      const back = returns.at(-1);
      if (!back) end = true;
      else {
        calling.delete(at.rule);
        walk(back, returns.slice(0, -1));
        calling.add(at.rule);
      }
      return;
    }
    for (const edge of at.edges) {
      if (edge.tokens) for (const token of edge.tokens) taken.add(token);
      else if (!edge.call) walk(edge.to, returns);
      else if (!calling.has(edge.call.rule)) {
        calling.add(edge.call.rule);
        walk(edge.to, [...returns, edge.call.follow]);
        calling.delete(edge.call.rule);
      }
    }
  };
  walk(state, []);
  const next = { tokens: taken, end };
  known.set(state, next);
  return next;
}

const t = (text: string): Make => tokens(`'${text}'`);
const identifier = tokens("IDENTIFIER");
const leadingDot = optional(t("."));
const commaMay = optional(t(","));
const entry = (key: string): Make => sequence(rule(key), t(":"), rule("expr"));
const arguments_ = optional(rule("exprList"));
const texts = (list: string): Make => tokens(...list.split(" ").map((text) => `'${text}'`));

const definitions: Record<string, () => Make> = {
  start: () => sequence(rule("expr"), tokens("<EOF>")),
  expr: () => sequence(rule("conditionalOr"), optional(sequence(t("?"), rule("conditionalOr"), t(":"), rule("expr")))),
  conditionalOr: () => sequence(rule("conditionalAnd"), star(sequence(t("||"), rule("conditionalAnd")), true)),
  conditionalAnd: () => sequence(rule("relation"), star(sequence(t("&&"), rule("relation")), true)),
  relation: () => sequence(rule("calc"), star(sequence(binds(1), texts("< <= >= > == != in"), rule("relation", 2)), false)),
  calc: () =>
    sequence(rule("unary"), star(choice([sequence(binds(2), texts("* / %"), rule("calc", 3)), sequence(binds(1), texts("+ -"), rule("calc", 2))]), false)),
  unary: () => choice([rule("member"), sequence(plus(t("!"), true), rule("member")), sequence(plus(t("-"), false), rule("member"))]),
  member: () =>
    sequence(
      rule("primary"),
      star(
        choice([
          sequence(binds(3), t("."), optional(t("?")), rule("escapeIdent")),
          sequence(binds(2), t("."), identifier, t("("), arguments_, t(")")),
          sequence(binds(1), t("["), optional(t("?")), rule("expr"), t("]")),
        ]),
        false,
      ),
    ),
  primary: () =>
    choice([
      sequence(leadingDot, identifier),
      sequence(leadingDot, identifier, t("("), arguments_, t(")")),
      sequence(t("("), rule("expr"), t(")")),
      sequence(t("["), optional(rule("listInit")), commaMay, t("]")),
      sequence(t("{"), optional(rule("mapInitializerList")), commaMay, t("}")),
      sequence(leadingDot, identifier, star(sequence(t("."), identifier), true), t("{"), optional(rule("fieldInitializerList")), commaMay, t("}")),
      rule("literal"),
    ]),
  exprList: () => sequence(rule("expr"), star(sequence(t(","), rule("expr")), true)),
  listInit: () => sequence(rule("optExpr"), star(sequence(t(","), rule("optExpr")), false)),
  fieldInitializerList: () => sequence(entry("optField"), star(sequence(t(","), entry("optField")), false)),
  optField: () => sequence(optional(t("?")), rule("escapeIdent")),
  mapInitializerList: () => sequence(entry("optExpr"), star(sequence(t(","), entry("optExpr")), false)),
  escapeIdent: () => choice([identifier, tokens("ESC_IDENTIFIER")], true),
  optExpr: () => sequence(optional(t("?")), rule("expr")),
  literal: () =>
    choice([
      sequence(optional(t("-")), tokens("NUM_INT")),
      tokens("NUM_UINT"),
      sequence(optional(t("-")), tokens("NUM_FLOAT")),
      ...["STRING", "BYTES", "'true'", "'false'", "'null'"].map((name) => tokens(name)),
    ]),
};

const recursive = new Set(["relation", "calc", "member"]);
const passes = table<"always" | number>({
  conditionalOr: "always",
  conditionalAnd: "always",
  relation: "always",
  calc: "always",
  unary: 1,
  member: "always",
  primary: 7,
});
for (const name of Object.keys(definitions)) {
  const made: Rule = { name, recursive: recursive.has(name), passes: passes[name], returns: [], body: { kind: "sequence", parts: [] } } as unknown as Rule;
  rules.set(name, Object.assign(made, { start: stateOf(made), stop: stateOf(made, "stop") }));
}
for (const [name, define] of Object.entries(definitions)) {
  const within = rules.get(name) as Rule;
  const [body, start, end] = define()(within);
  link(within.start, start);
  link(end, within.stop);
  within.body = body;
}
export const startRule = rules.get("start") as Rule;
