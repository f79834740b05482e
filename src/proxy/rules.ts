/**
 * The kernel's rules of one address family, kept equal to what the Services ask for. A change costs what it touches. A full
 * sync takes over a table that is there, whoever made it, without a moment in which a Service does not answer: it is one
 * transaction; only where there is no table yet it comes in parts, so that neither program holds all of it at once.
 */
import type { Clock } from "../base/clock.ts";
import { chains as frameChains, type FrameOptions, frame, type LocalTraffic, maps as frameMaps, setElements, words } from "./frame.ts";
import type { RulesOptions, Ruleset } from "./ruleset.ts";
import { rulesetOf } from "./ruleset.ts";
import type { ServicePort } from "./service-port.ts";
import { byChain, Claims, nothing, setNames, Transaction } from "./transaction.ts";

/** Names of a table's objects. */
export interface TableObjects {
  chains: string[];
  sets: string[];
  maps: string[];
}

/** The kernel's side. */
export interface RulesKernel {
  /** One transaction of nft commands. */
  apply(script: string): Promise<void>;
  /** Undefined when there is no such table (`ip k8ts_proxy`). */
  objects(table: string): Promise<TableObjects | undefined>;
}

export interface FamilyRulesOptions {
  family: FrameOptions["family"];
  /** Asked at every full sync. */
  nodePortAddresses(): readonly string[] | undefined;
  local(): LocalTraffic | undefined;
  masqueradeAll: boolean;
  masqueradeBit: number;
  kernel: RulesKernel;
  clock: Clock;
}

/** Services in one transaction of a first sync. */
const part = 1000;
/** Before Linux 6.2 a chain counts as used for a moment after the last element that led to it is gone. */
const staleAfter = 1000;
const own = /^(?:service|local|external|firewall|endpoint)-/;

export class FamilyRules {
  readonly #options: FamilyRulesOptions;
  readonly #rulesets = new Map<string, Ruleset>();
  #claims = new Claims();
  #common = new Set<string>();
  /** Chains without rules, and since when (monotonic). */
  readonly #stale = new Map<string, number>();
  #cidrs: readonly string[] = [];
  nodeIP = "";
  /** What the kernel holds is not known, or not what was asked for. */
  needsFullSync = true;

  constructor(options: FamilyRulesOptions) {
    this.#options = options;
  }

  get hasStale(): boolean {
    return this.#stale.size > 0;
  }

  /** Says what Services mean now; brings it to the kernel. A rejection leaves needsFullSync set. */
  async sync(changed: ReadonlyMap<string, readonly ServicePort[]>, cidrs: readonly string[]): Promise<void> {
    const { family, kernel } = this.#options;
    const full = this.needsFullSync;
    this.needsFullSync = true;
    const transaction = new Transaction(family, this.#common);
    const rules: RulesOptions = { family, local: this.#options.local(), masqueradeBit: this.#options.masqueradeBit, nodeIP: this.nodeIP };
    for (const [service, ports] of changed) {
      const old = this.#rulesets.get(service);
      const now = ports.length ? rulesetOf(ports, rules) : undefined;
      if (now) this.#rulesets.set(service, now);
      else this.#rulesets.delete(service);
      const { gone, come } = this.#claims.change(service, old?.shared ?? "", now?.shared ?? "");
      if (full) continue;
      for (const line of gone) transaction.remove(line);
      for (const line of come) transaction.add(line);
      transaction.change(old ?? nothing, now ?? nothing);
    }
    if (full) await this.#fullSync(cidrs);
    else {
      await this.#deleteStale();
      const sameCIDRs = cidrs.join() === this.#cidrs.join();
      const script = (sameCIDRs ? "" : setElements(family, "service_cidrs", cidrs)) + transaction.script();
      if (script) await kernel.apply(script);
      for (const chain of transaction.chains) this.#stale.delete(chain);
      for (const chain of transaction.goneChains) this.#stale.set(chain, this.#options.clock.monotonic());
    }
    this.#cidrs = cidrs;
    this.needsFullSync = false;
  }

  async #deleteStale(): Promise<void> {
    const { family, kernel, clock } = this.#options;
    const due = [...this.#stale].filter(([, since]) => clock.monotonic() - since >= staleAfter).map(([chain]) => chain);
    if (due.length === 0) return;
    await kernel.apply(due.map((chain) => `delete chain ${words[family].table} ${chain}\n`).join(""));
    for (const chain of due) this.#stale.delete(chain);
  }

  async #fullSync(cidrs: readonly string[]): Promise<void> {
    const { kernel, family, masqueradeAll, masqueradeBit } = this.#options;
    const nodePortAddresses = this.#options.nodePortAddresses();
    const { table } = words[family];
    this.#stale.clear();
    const there = await kernel.objects(table);
    const start =
      frame({ family, nodePortAddresses, local: this.#options.local(), masqueradeAll, masqueradeBit }) +
      setElements(family, "service_cidrs", cidrs) +
      (nodePortAddresses ? setElements(family, "nodeport_ips", nodePortAddresses) : "");
    if (there) {
      try {
        await kernel.apply(start + this.#takeOver(there) + this.#everything());
      } catch {
        // Objects of the same names and other types: nothing of the old table can be kept.
        this.#stale.clear();
        await kernel.apply(`delete table ${table}\n${start}${this.#everything()}`);
      }
      return;
    }
    this.#common.clear();
    await kernel.apply(start);
    const all = [...this.#rulesets.values()];
    for (let at = 0; at < all.length; at += part) {
      const transaction = new Transaction(family, this.#common);
      for (const ruleset of all.slice(at, at + part)) transaction.change(nothing, ruleset);
      if (at + part >= all.length) for (const line of this.#claims.lines()) transaction.add(line);
      await kernel.apply(transaction.script());
    }
  }

  #everything(): string {
    this.#common.clear();
    const transaction = new Transaction(this.#options.family, this.#common);
    for (const ruleset of this.#rulesets.values()) transaction.change(nothing, ruleset);
    for (const line of this.#claims.lines()) transaction.add(line);
    return transaction.script();
  }

  /** Empties what an earlier sync made. Which clients stay with which endpoint is kept. */
  #takeOver(there: TableObjects): string {
    const { family, clock } = this.#options;
    const { table } = words[family];
    const chains = new Set([...this.#rulesets.values()].flatMap((ruleset) => [...byChain(ruleset.rules).keys()]));
    const affinity = new Set([...this.#rulesets.values()].flatMap((ruleset) => setNames(ruleset.sets)));
    const maps = there.maps.filter((name) => /^endpoint-\d+$/.test(name) || (frameMaps as readonly string[]).includes(name));
    const ours = there.chains.filter((name) => !frameChains.includes(name));
    for (const name of ours) if (own.test(name) && !chains.has(name)) this.#stale.set(name, clock.monotonic());
    const kept = (name: string): boolean => !name.startsWith("affinity-") || affinity.has(name);
    return [
      ...ours.map((name) => `flush chain ${table} ${name}`),
      ...maps.map((name) => `flush map ${table} ${name}`),
      ...(["cluster_ips", "hairpin"] as const).map((name) => `flush set ${table} ${name}`),
      ...there.sets.filter((name) => !kept(name)).map((name) => `delete set ${table} ${name}`),
      "",
    ].join("\n");
  }

  /** True when the frame is there. Elements are not looked at: reading them costs more than writing them anew. */
  async present(): Promise<boolean> {
    const there = await this.#options.kernel.objects(words[this.#options.family].table);
    return there !== undefined && frameChains.every((name) => there.chains.includes(name)) && frameMaps.every((name) => there.maps.includes(name));
  }
}
