/**
 * An update's values beside those they take the place of: lists are paired by their map keys, sets and atomic lists not at
 * all (k8s.io/apiserver/pkg/cel/common: equality.go, maplist.go; KEP 4008).
 */
import { deepEqual } from "../copy.ts";
import { isMap, type JSONValue } from "../json.ts";
import type { Node } from "./node.ts";
import { own } from "../../base/table.ts";
import type { Stopwatch } from "./rule-times.ts";

/** The elements of a list by what their keys say; of equal ones the first. */
export class MapList {
  readonly #items = new Map<string, JSONValue>();
  readonly #keys: readonly string[];

  constructor(keys: readonly string[], items: readonly JSONValue[]) {
    this.#keys = keys;
    for (const item of items) {
      const key = this.#keyOf(item);
      if (key !== undefined && !this.#items.has(key)) this.#items.set(key, item);
    }
  }
  /** undefined: no element has the same keys, or keys are missing. */
  get(item: JSONValue): JSONValue | undefined {
    const key = this.#keyOf(item);
    return key === undefined ? undefined : this.#items.get(key);
  }
  #keyOf(item: JSONValue): string | undefined {
    if (!isMap(item)) return undefined;
    let text = "";
    for (const key of this.#keys) {
      const value = own(item, key);
      if (value === undefined || value === null || typeof value === "object") return undefined;
      text += `${typeof value}:${String(value)}\u0000`;
    }
    return text;
  }
}

export function mapListOf({ schema }: Node, items: JSONValue | undefined): MapList | undefined {
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (schema.type !== "array" || schema["x-kubernetes-list-type"] !== "map" || !keys.length || !Array.isArray(items) || !items.length) return undefined;
  return new MapList(keys, items);
}

export class Correlation {
  readonly value: JSONValue;
  readonly old: JSONValue;
  readonly #node: Node;
  readonly #watch: Stopwatch | undefined;
  #same: boolean | undefined;
  #list: MapList | undefined;
  readonly #children = new Map<string | number, Correlation>();

  /** `watch` is told how long comparing takes. */
  constructor(node: Node, value: JSONValue, old: JSONValue, watch?: Stopwatch) {
    this.#node = node;
    this.#watch = watch;
    this.value = value;
    this.old = old;
  }
  /** undefined: there is nothing to compare it with. */
  key(name: string): Correlation | undefined {
    const known = this.#children.get(name);
    if (known) return known;
    if (!isMap(this.value) || !isMap(this.old)) return undefined;
    const [value, old] = [own(this.value, name), own(this.old, name)];
    const node = this.#node.properties?.get(name) ?? this.#node.values;
    return value === undefined || old === undefined || !node ? undefined : this.#child(name, node, value, old);
  }
  index(i: number): Correlation | undefined {
    const known = this.#children.get(i);
    if (known) return known;
    const { items } = this.#node;
    if (!Array.isArray(this.value) || i >= this.value.length || !items) return undefined;
    this.#list ??= mapListOf(this.#node, this.old);
    const value = this.value[i] as JSONValue;
    const old = this.#list?.get(value);
    return old === undefined ? undefined : this.#child(i, items, value, old);
  }
  #child(name: string | number, node: Node, value: JSONValue, old: JSONValue): Correlation {
    const child = new Correlation(node, value, old, this.#watch);
    this.#children.set(name, child);
    return child;
  }
  /** Whether the value is what it was; the order of a list with keys does not count. */
  get unchanged(): boolean {
    this.#same ??= this.#watch ? this.#watch.measure(() => this.#compare()) : this.#compare();
    return this.#same;
  }
  #compare(): boolean {
    const { value, old } = this;
    if (value === null || old === null) return value === old;
    if (Array.isArray(value)) {
      if (!Array.isArray(old) || value.length !== old.length) return false;
      for (let i = 0; i < value.length; i++) {
        const child = this.index(i);
        if (!child) return this.#list ? false : deepEqual(value, old);
        if (!child.unchanged) return false;
      }
      return true;
    }
    if (!isMap(value) || !isMap(old)) return value === old;
    const keys = Object.keys(value);
    return keys.length === Object.keys(old).length && keys.every((key) => this.key(key)?.unchanged === true);
  }
}
