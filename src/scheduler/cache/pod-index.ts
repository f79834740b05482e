/**
 * Counts of assigned pods by what affinity and spreading ask for, kept current pod by pod, so that no cycle walks over all
 * pods: how many pods that a selector matches run on each row, and which terms the pods on each row carry themselves.
 */
import type { LabelSelector } from "../../api/selectors/labels.ts";
import type { TopologyColumn } from "./topology.ts";
import { type AffinityTerm, type NamespaceLabels, termMatches } from "../framework/affinity-term.ts";
import type { PodInfo } from "../framework/pod-info.ts";

export type TermKind = "affinity" | "antiAffinity" | "preferred" | "preferredAnti";
const kinds: readonly TermKind[] = ["affinity", "antiAffinity", "preferred", "preferredAnti"];

/** By value of one topology, kept current pod by pod. */
interface ByTopology {
  readonly column: TopologyColumn;
  /** Of the column, when all was counted. */
  version: number;
  values: Float64Array;
}

/** Per row. */
export class Counts {
  counts: Int32Array;
  total = 0;
  readonly #topologies: ByTopology[] = [];

  constructor(rows: number) {
    this.counts = new Int32Array(rows);
  }

  add(row: number, by: number): void {
    this.counts[row]! += by;
    this.total += by;
    for (const { column, version, values } of this.#topologies) {
      if (version !== column.version) continue;
      const id = column.ids[row] as number;
      if (id >= 0) values[id]! += by;
    }
  }

  /** Sums by the column's numbers, over existing nodes; only for reading. */
  by(column: TopologyColumn): Float64Array {
    let known = this.#topologies.find((one) => one.column === column);
    if (known?.version === column.version) return known.values;
    if (!known) {
      known = { column, version: -1, values: new Float64Array(0) };
      // Columns are few; those that were made anew are not asked for again.
      if (this.#topologies.length >= topologyLimit) this.#topologies.shift();
      this.#topologies.push(known);
    }
    known.version = column.version;
    known.values = new Float64Array(column.size);
    const rows = Math.min(this.counts.length, column.ids.length);
    for (let row = 0; row < rows; row++) {
      const count = this.counts[row] as number;
      const id = column.ids[row] as number;
      if (count !== 0 && id >= 0) known.values[id]! += count;
    }
    return known.values;
  }
}

class Query extends Counts {
  readonly matches: (info: PodInfo) => boolean;
  /** Absent: all namespaces must be looked at. */
  readonly namespace: string | undefined;
  usedAt = 0;
  /** Depends on labels of namespaces. */
  readonly dynamic: boolean;

  constructor(rows: number, namespace: string | undefined, dynamic: boolean, matches: (info: PodInfo) => boolean) {
    super(rows);
    this.namespace = namespace;
    this.dynamic = dynamic;
    this.matches = matches;
  }
}

/** A term that pods on some nodes carry, times its weight where it has one. */
export class CarriedTerm extends Counts {
  readonly term: AffinityTerm;

  constructor(rows: number, term: AffinityTerm) {
    super(rows);
    this.term = term;
  }
}

/** Selections kept at most; the longest unused goes. */
const queryLimit = 512;
/** Topologies by which one selection is summed up. */
const topologyLimit = 8;

export class PodIndex {
  readonly #queries = new Map<string, Query>();
  readonly #byNamespace = new Map<string, Map<string, { info: PodInfo; row: number }>>();
  readonly #carried: Record<TermKind, Map<string, CarriedTerm>> = {
    affinity: new Map(),
    antiAffinity: new Map(),
    preferred: new Map(),
    preferredAnti: new Map(),
  };
  readonly #namespaceLabels: NamespaceLabels;
  /** Rows by claim, with how many pods there use it. */
  readonly #claims = new Map<string, Map<number, number>>();
  #rows = 0;
  #uses = 0;

  constructor(namespaceLabels: NamespaceLabels) {
    this.#namespaceLabels = namespaceLabels;
  }

  grow(rows: number): void {
    if (rows <= this.#rows) return;
    this.#rows = Math.max(rows, this.#rows * 2, 8);
    for (const query of this.#queries.values()) query.counts = enlarge(query.counts, this.#rows);
    for (const kind of kinds) for (const carried of this.#carried[kind].values()) carried.counts = enlarge(carried.counts, this.#rows);
  }

  add(info: PodInfo, row: number): void {
    let pods = this.#byNamespace.get(info.namespace);
    if (!pods) {
      pods = new Map();
      this.#byNamespace.set(info.namespace, pods);
    }
    pods.set(info.uid, { info, row });
    this.#count(info, row, 1);
  }

  remove(info: PodInfo, row: number): void {
    const pods = this.#byNamespace.get(info.namespace);
    if (!pods?.delete(info.uid)) return;
    if (pods.size === 0) this.#byNamespace.delete(info.namespace);
    this.#count(info, row, -1);
  }

  #count(info: PodInfo, row: number, sign: 1 | -1): void {
    for (const query of this.#queries.values()) {
      if (query.namespace !== undefined && query.namespace !== info.namespace) continue;
      if (!query.matches(info)) continue;
      query.add(row, sign);
    }
    for (const name of info.claims) {
      const key = `${info.namespace}/${name}`;
      const users = this.#claims.get(key) ?? new Map<number, number>();
      const here = (users.get(row) ?? 0) + sign;
      if (here > 0) users.set(row, here);
      else users.delete(row);
      if (users.size) this.#claims.set(key, users);
      else this.#claims.delete(key);
    }
    const { affinity, antiAffinity, preferred, preferredAnti } = info.terms;
    for (const term of affinity) this.#carry("affinity", term, row, sign);
    for (const term of antiAffinity) this.#carry("antiAffinity", term, row, sign);
    for (const { term, weight } of preferred) this.#carry("preferred", term, row, sign * weight);
    for (const { term, weight } of preferredAnti) this.#carry("preferredAnti", term, row, sign * weight);
  }

  #carry(kind: TermKind, term: AffinityTerm, row: number, by: number): void {
    const all = this.#carried[kind];
    let carried = all.get(term.id);
    if (!carried) {
      carried = new CarriedTerm(this.#rows, term);
      all.set(term.id, carried);
    }
    carried.add(row, by);
    if (carried.total === 0) all.delete(term.id);
  }

  /** Rows with pods that use the claim `namespace/name`. */
  usersOf(key: string): Iterable<number> {
    return this.#claims.get(key)?.keys() ?? [];
  }

  /** The distinct terms that assigned pods carry. */
  carried(kind: TermKind): Iterable<CarriedTerm> {
    return this.#carried[kind].values();
  }
  carries(kind: TermKind): boolean {
    return this.#carried[kind].size > 0;
  }

  /** Pods of a namespace that the selector matches, those being deleted left out. */
  selected(namespace: string, selector: LabelSelector): Counts {
    return this.#query(`s ${namespace} ${selector.nothing ? "!" : ""}${selector}`, namespace, false, (info) => {
      return info.namespace === namespace && info.pod.metadata.deletionTimestamp === undefined && selector.matches(info.pod.metadata.labels);
    });
  }

  /** Pods that all the terms select, those being deleted included. */
  matching(terms: readonly AffinityTerm[]): Counts {
    const only = terms.every((term) => term.namespaceSelector.nothing && term.namespaces.length === 1 && term.namespaces[0] === terms[0]?.namespaces[0]);
    const dynamic = terms.some((term) => !term.namespaceSelector.nothing && !term.namespaceSelector.empty);
    return this.#query(`t ${terms.map((term) => term.id).join(" ")}`, only ? terms[0]?.namespaces[0] : undefined, dynamic, (info) => {
      for (const term of terms) if (!termMatches(term, info.namespace, info.pod.metadata.labels, this.#namespaceLabels)) return false;
      return true;
    });
  }

  /** Labels of a namespace have changed: what was counted by them is counted anew when asked for. */
  forgetNamespaceLabels(): void {
    for (const [id, query] of this.#queries) if (query.dynamic) this.#queries.delete(id);
  }

  #query(id: string, namespace: string | undefined, dynamic: boolean, matches: (info: PodInfo) => boolean): Query {
    const known = this.#queries.get(id);
    if (known) {
      known.usedAt = ++this.#uses;
      return known;
    }
    if (this.#queries.size >= queryLimit) this.#evict();
    const query = new Query(this.#rows, namespace, dynamic, matches);
    query.usedAt = ++this.#uses;
    const groups =
      namespace === undefined ? this.#byNamespace.values() : [this.#byNamespace.get(namespace) ?? new Map<string, { info: PodInfo; row: number }>()];
    for (const pods of groups) {
      for (const { info, row } of pods.values()) {
        if (!matches(info)) continue;
        query.add(row, 1);
      }
    }
    this.#queries.set(id, query);
    return query;
  }

  /** A quarter at once: looking for the oldest is not free. */
  #evict(): void {
    const oldest = [...this.#queries].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [id] of oldest.slice(0, queryLimit / 4)) this.#queries.delete(id);
  }
}

function enlarge(old: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(size);
  bigger.set(old);
  return bigger;
}
