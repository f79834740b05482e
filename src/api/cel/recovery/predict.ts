/**
 * Which alternative the tokens ahead belong to (ANTLR's ALL(*): Parr, Harwell, Fisher 2014): first without regard to who
 * called the rule, and where that leaves a conflict, with it.
 */
import { type Edge, endOfInput, type Rule, type State } from "./grammar.ts";

/** Where the rules that were called return to. Equal ones of one predictor are one. */
export interface Returns {
  readonly id: number;
  readonly state: State;
  readonly parent: Returns | undefined;
  readonly pushed: Map<State, Returns>;
}
type Push = (parent: Returns | undefined, state: State) => Returns;

interface Config {
  readonly state: State;
  readonly alternative: number;
  readonly returns: Returns | undefined;
  /** It has left the rule that decides. */
  readonly outside: boolean;
  /** It came out where the rule was called without regard to how tightly it binds. */
  readonly loose: boolean;
}
const keyOf = ({ state, alternative, returns, outside, loose }: Config): string =>
  `${state.id},${alternative},${returns?.id ?? 0},${outside ? 1 : 0}${loose ? 1 : 0}`;
type Configs = Map<string, Config>;

/** What is known of a decision after some tokens. */
interface Seen {
  readonly configs: Configs;
  /** The only one, or that of a conflict. */
  readonly alternative?: number;
  readonly conflict: boolean;
  readonly edges: Map<number, Seen | undefined>;
}

export interface Ahead {
  /** Type of the nth token from here, from zero. */
  type(n: number): number;
}
/** No alternative has the nth token. */
export interface NoAlternative {
  readonly at: number;
}

export interface Decision {
  readonly state: State;
  /** Of the rule as it was called; only for loops of rules that call themselves on the left. */
  readonly precedence?: number;
  readonly binding: number;
  readonly returns: Returns | undefined;
}

/** For one expression: it remembers what it has seen. */
export class Predictor {
  readonly #starts = new Map<string, Seen>();
  readonly #seen = new Map<string, Map<string, Seen>>();
  readonly #roots = new Map<State, Returns>();
  #count = 0;

  readonly push: Push = (parent, state) => {
    const among = parent ? parent.pushed : this.#roots;
    let made = among.get(state);
    if (!made) {
      made = { id: ++this.#count, state, parent, pushed: new Map() };
      among.set(state, made);
    }
    return made;
  };

  predict(decision: Decision, ahead: Ahead, full = false): number | NoAlternative {
    const key = `${decision.state.id}/${decision.binding}/${full ? (decision.returns?.id ?? 0) : "any"}`;
    let at = this.#starts.get(key);
    if (!at) {
      at = seenOf(starting(decision, full, this.push), undefined, false);
      this.#starts.set(key, at);
      this.#seen.set(key, new Map());
    }
    const among = this.#seen.get(key) as Map<string, Seen>;
    for (let n = 0; ; n++) {
      const token = ahead.type(n);
      let next: Seen | undefined;
      if (at.edges.has(token)) next = at.edges.get(token);
      else {
        const reached = reach(at.configs, token, full, decision, this.push);
        if (reached.size) {
          const text = [...reached.keys()].sort().join(";");
          next = among.get(text) ?? seenOf(reached, onlyAlternative(reached) ?? (full ? agreed(reached) : undefined), !full);
          among.set(text, next);
        }
        at.edges.set(token, next);
      }
      if (!next) return finished(at.configs) ?? { at: n };
      if (next.conflict) return this.predict(decision, ahead, true);
      if (next.alternative !== undefined) return next.alternative;
      at = next;
    }
  }
}

function seenOf(configs: Configs, alternative: number | undefined, judge: boolean): Seen {
  const conflict = judge && alternative === undefined && conflicting(configs);
  return { configs, conflict, edges: new Map(), ...(alternative === undefined ? {} : { alternative }) };
}

function starting(decision: Decision, full: boolean, push: Push): Configs {
  const configs: Configs = new Map();
  for (const [i, { to }] of decision.state.edges.entries()) {
    const config = { state: to, alternative: i + 1, returns: full ? decision.returns : undefined, outside: false, loose: false };
    close(config, { configs, busy: new Set(), full, end: false, decision, judge: true, push }, 0);
  }
  if (full || decision.precedence === undefined) return configs;
  const first = new Set<string>();
  for (const { state, alternative, returns } of configs.values()) if (alternative === 1) first.add(`${state.id},${returns?.id ?? 0}`);
  for (const [key, { state, alternative, returns, loose }] of configs)
    if (alternative !== 1 && !loose && first.has(`${state.id},${returns?.id ?? 0}`)) configs.delete(key);
  return configs;
}

interface Closing {
  readonly configs: Configs;
  readonly busy: Set<string>;
  readonly full: boolean;
  /** The input ends here. */
  readonly end: boolean;
  readonly decision: Decision;
  /** Whether conditions are looked at. */
  readonly judge: boolean;
  readonly push: Push;
}

function close(config: Config, closing: Closing, depth: number): void {
  const { state, returns } = config;
  if (state.kind === "stop") {
    if (returns) close({ ...config, state: returns.state, returns: returns.parent }, closing, depth - 1);
    else if (closing.full || !state.rule.returns.length) closing.configs.set(keyOf(config), config);
    else
      for (const { follow, precedence } of state.rule.returns) {
        const loose = config.loose || (ownRule(closing.decision) === state.rule && precedence === 0);
        const next = { ...config, state: follow, outside: true, loose };
        const key = keyOf(next);
        if (closing.busy.has(key)) continue;
        closing.busy.add(key);
        close(next, closing, depth - 1);
      }
    return;
  }
  if (state.edges.some((edge) => edge.tokens)) closing.configs.set(keyOf(config), config);
  for (const edge of state.edges) step(config, edge, closing, depth);
}
const ownRule = ({ precedence, state }: Decision): Rule | undefined => (precedence === undefined ? undefined : state.rule);

function step(config: Config, edge: Edge, closing: Closing, depth: number): void {
  if (edge.tokens) {
    if (closing.end && edge.tokens.has(endOfInput)) close({ ...config, state: edge.to }, closing, depth);
  } else if (edge.call) {
    close({ ...config, state: edge.to, returns: closing.push(config.returns, edge.call.follow) }, closing, depth < 0 ? depth : depth + 1);
  } else if (edge.binds === undefined || !closing.judge || depth !== 0 || edge.binds >= closing.decision.binding)
    close({ ...config, state: edge.to }, closing, depth);
}

function reach(configs: Configs, token: number, full: boolean, decision: Decision, push: Push): Configs {
  const taken: Configs = new Map();
  const stopped: Config[] = [];
  const end = token === endOfInput;
  for (const config of configs.values()) {
    if (config.state.kind === "stop") {
      if (full || end) stopped.push(config);
      continue;
    }
    for (const edge of config.state.edges) {
      if (!edge.tokens?.has(token)) continue;
      const next = { ...config, state: edge.to };
      taken.set(keyOf(next), next);
    }
  }
  if (!stopped.length && !end && onlyAlternative(taken) !== undefined) return taken;
  const closed: Configs = new Map();
  for (const config of taken.values()) close(config, { configs: closed, busy: new Set(), full, end, decision, judge: false, push }, 0);
  if (end) for (const [key, { state }] of closed) if (state.kind !== "stop") closed.delete(key);
  const stops = [...closed.values()].some(({ state }) => state.kind === "stop");
  if (!full || !stops) for (const config of stopped) closed.set(keyOf(config), config);
  return closed;
}

function onlyAlternative(configs: Configs): number | undefined {
  let found: number | undefined;
  for (const { alternative } of configs.values()) {
    if (found !== undefined && found !== alternative) return undefined;
    found = alternative;
  }
  return found;
}

/** An alternative that has left the rule that decides is the one where no other goes on. */
function finished(configs: Configs): number | undefined {
  const found = [...configs.values()].filter(({ outside, state, returns }) => outside || (state.kind === "stop" && !returns));
  return found.length ? Math.min(...found.map(({ alternative }) => alternative)) : undefined;
}

/** Alternatives by state and by all that each may return to. */
function subsets(configs: Configs): { sets: Set<number>[]; alone: boolean } {
  const contexts = new Map<string, { state: State; alternative: number; returns: number[] }>();
  for (const { state, alternative, returns } of configs.values()) {
    const key = `${state.id},${alternative}`;
    const entry = contexts.get(key) ?? { state, alternative, returns: [] };
    entry.returns.push(returns?.id ?? 0);
    contexts.set(key, entry);
  }
  const sets = new Map<string, Set<number>>();
  const byState = new Map<State, Set<number>>();
  for (const { state, alternative, returns } of contexts.values()) {
    const key = `${state.id}:${[...new Set(returns)].sort((a, b) => a - b).join()}`;
    sets.set(key, (sets.get(key) ?? new Set()).add(alternative));
    byState.set(state, (byState.get(state) ?? new Set()).add(alternative));
  }
  return { sets: [...sets.values()], alone: [...byState.values()].some(({ size }) => size === 1) };
}
function conflicting(configs: Configs): boolean {
  if ([...configs.values()].every(({ state }) => state.kind === "stop")) return true;
  const { sets, alone } = subsets(configs);
  return !alone && sets.some(({ size }) => size > 1);
}
function agreed(configs: Configs): number | undefined {
  const least = new Set(subsets(configs).sets.map((set) => Math.min(...set)));
  return least.size === 1 ? [...least][0] : undefined;
}
