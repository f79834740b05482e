/** Differences between rulesets as commands of nft: one transaction leads from what the kernel holds to what it should hold. Pure. */
import { words } from "./frame.ts";
import type { Family } from "./packed-slice.ts";
import { endpointMap, pickChain, type Ruleset, spreadChain } from "./ruleset.ts";

export const nothing: Ruleset = { rules: "", sets: "", elements: "", shared: "" };

const linesOf = (text: string): string[] => (text === "" ? [] : text.split("\n"));

/** Elements that several Services may claim; the first that does has it, and the next when it lets go. */
export class Claims {
  readonly #claims = new Map<string, Map<string, string>>();

  /** Lines to take from the kernel and to give to it, when `service` claims `now` in place of `old`. */
  change(service: string, old: string, now: string): { gone: string[]; come: string[] } {
    const gone: string[] = [];
    const come: string[] = [];
    if (old === now) return { gone, come };
    const wanted = new Set(linesOf(now));
    const held = new Set(linesOf(old));
    const touched = new Map<string, string | undefined>();
    const note = (key: string): Map<string, string> => {
      const claims = this.#claims.get(key) ?? new Map<string, string>();
      this.#claims.set(key, claims);
      if (!touched.has(key)) touched.set(key, firstOf(claims));
      return claims;
    };
    for (const line of held) if (!wanted.has(line)) note(keyOf(line)).delete(service);
    for (const line of wanted) if (!held.has(line)) note(keyOf(line)).set(service, line);
    for (const [key, before] of touched) {
      const claims = this.#claims.get(key) as Map<string, string>;
      const after = firstOf(claims);
      if (claims.size === 0) this.#claims.delete(key);
      if (before === after) continue;
      if (before !== undefined) gone.push(before);
      if (after !== undefined) come.push(after);
    }
    return { gone, come };
  }

  /** All that the kernel should hold. */
  lines(): string[] {
    return [...this.#claims.values()].flatMap((claims) => firstOf(claims) ?? []);
  }
}

const firstOf = (claims: Map<string, string>): string | undefined => claims.values().next().value;
const keyOf = (line: string): string => line.slice(0, line.indexOf("\t"));

/** Collects changes and writes them in an order that the kernel takes: what refers goes before what is referred to. */
export class Transaction {
  readonly #family: Family;
  /** Chains and maps that Services share and that exist. */
  readonly #common: Set<string>;
  readonly #goneElements = new Map<string, string[]>();
  readonly #newElements = new Map<string, string[]>();
  readonly #chains = new Map<string, string[]>();
  readonly #goneChains = new Set<string>();
  readonly #newSets = new Map<string, string>();
  readonly #goneSets = new Set<string>();
  readonly #setup: string[] = [];

  constructor(family: Family, common: Set<string>) {
    this.#family = family;
    this.#common = common;
  }

  /** Chains without rules from now on; they can be deleted when the kernel has noticed that nothing leads to them. */
  get goneChains(): ReadonlySet<string> {
    return this.#goneChains;
  }
  get chains(): IterableIterator<string> {
    return this.#chains.keys();
  }

  /** All but what is shared. */
  change(old: Ruleset, now: Ruleset): void {
    if (old.elements !== now.elements) {
      const before = new Set(linesOf(old.elements));
      const after = new Set(linesOf(now.elements));
      for (const line of before) if (!after.has(line)) this.remove(line);
      for (const line of after) if (!before.has(line)) this.add(line);
    }
    if (old.sets !== now.sets) {
      const before = new Map(linesOf(old.sets).map((line) => pair(line)));
      const after = new Map(linesOf(now.sets).map((line) => pair(line)));
      for (const name of before.keys()) if (!after.has(name)) this.#goneSets.add(name);
      for (const [name, declaration] of after) if (!before.has(name)) this.#newSets.set(name, declaration);
    }
    if (old.rules !== now.rules) {
      const before = byChain(old.rules);
      const after = byChain(now.rules);
      for (const name of before.keys()) if (!after.has(name)) this.#goneChains.add(name);
      for (const [name, rules] of after) if (before.get(name)?.join("\n") !== rules.join("\n")) this.#chains.set(name, rules);
    }
  }

  remove(line: string): void {
    const [map, key] = pair(keyOf(line), " ");
    push(this.#goneElements, map, key);
  }

  add(line: string): void {
    const [head, value] = pair(line);
    const [map, key] = pair(head, " ");
    if (map.startsWith("endpoint-")) this.#ensureEndpointMap(map);
    const spread = /^goto (?:spread|pick)-(\d+)-(tcp|udp|sctp)$/.exec(value);
    if (spread) this.#ensureSpread(value.startsWith("goto pick") ? 1 : Number(spread[1]), spread[2] as string);
    push(this.#newElements, map, value ? `${key} : ${value}` : key);
  }

  #ensureEndpointMap(name: string): void {
    if (this.#common.has(name)) return;
    this.#common.add(name);
    const { table, address } = words[this.#family];
    this.#setup.push(`add map ${table} ${name} { type ${address} . inet_proto . inet_service : ${address} . inet_service; }`);
  }

  #ensureSpread(count: number, protocol: string): void {
    const { table, ip } = words[this.#family];
    const make = (chain: string, rule: string): void => {
      this.#common.add(chain);
      this.#setup.push(`add chain ${table} ${chain}`, `flush chain ${table} ${chain}`, `add rule ${table} ${chain} ${rule}`);
    };
    for (let index = 0; index < count; index++) {
      if (this.#common.has(pickChain(index, protocol))) continue;
      this.#ensureEndpointMap(endpointMap(index));
      make(pickChain(index, protocol), `meta l4proto ${protocol} dnat ${ip} addr . port to ${ip} daddr . meta l4proto . th dport map @${endpointMap(index)}`);
    }
    if (this.#common.has(spreadChain(count, protocol))) return;
    const choices = Array.from({ length: count }, (_, index) => `${index} : goto ${pickChain(index, protocol)}`);
    make(spreadChain(count, protocol), `numgen random mod ${count} vmap { ${choices.join(", ")} }`);
  }

  /** Empty when there is nothing to do. */
  script(): string {
    const { table } = words[this.#family];
    const out: string[] = [];
    for (const [map, keys] of this.#goneElements) out.push(`delete element ${table} ${map} { ${keys.join(", ")} }`);
    out.push(...this.#setup);
    for (const [name, declaration] of this.#newSets) out.push(`add set ${table} ${name} ${declaration}`);
    for (const name of this.#chains.keys()) out.push(`add chain ${table} ${name}`, `flush chain ${table} ${name}`);
    for (const name of this.#goneChains) out.push(`flush chain ${table} ${name}`);
    for (const [name, rules] of this.#chains) for (const rule of rules) out.push(`add rule ${table} ${name} ${rule}`);
    for (const [map, elements] of this.#newElements) out.push(`add element ${table} ${map} { ${elements.join(", ")} }`);
    for (const name of this.#goneSets) if (!this.#newSets.has(name)) out.push(`delete set ${table} ${name}`);
    return out.length ? `${out.join("\n")}\n` : "";
  }
}

function pair(line: string, separator = "\t"): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

export function byChain(rules: string): Map<string, string[]> {
  const chains = new Map<string, string[]>();
  for (const [chain, rule] of linesOf(rules).map((line) => pair(line))) push(chains, chain, rule);
  return chains;
}

export const setNames = (sets: string): string[] => linesOf(sets).map((line) => pair(line)[0]);
