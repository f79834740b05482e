/**
 * Claims and users as expressions see them (k8s.io/apiserver/plugin/pkg/authenticator/token/oidc): all numbers are doubles, and
 * names that CEL cannot write are found in their escaped form (`a__dot__b`), at any depth.
 */
import { unescapeName } from "../../../api/apiextensions/decl-name.ts";
import { ArrayList, CelError, ListValue, MapValue, uncounted, type Value } from "../../../api/cel/values.ts";
import type { JSONNode } from "../../../api/codec/json-syntax.ts";
import type { UserInfo } from "../../../api/exchange.ts";
import { goQuote } from "../../../api/go-quote.ts";
import { type Claims, tooLarge } from "./claims.ts";

class NodeList extends ListValue {
  readonly #nodes: readonly JSONNode[];
  constructor(nodes: readonly JSONNode[]) {
    super();
    this.#nodes = nodes;
  }
  get size(): number {
    return this.#nodes.length;
  }
  at(index: number): Value {
    return celValue(this.#nodes[index] as JSONNode);
  }
}

/** By the name itself, or by what it is when it was escaped. */
class EscapedMap extends MapValue {
  readonly #values: ReadonlyMap<string, () => Value>;
  constructor(values: ReadonlyMap<string, () => Value>) {
    super();
    this.#values = values;
  }
  get size(): number {
    return this.#values.size;
  }
  keys(): Iterable<string> {
    return this.#values.keys();
  }
  get(key: Value): Value | undefined {
    return typeof key === "string" ? this.#values.get(unescapeName(key) ?? key)?.() : undefined;
  }
  override has(key: Value): boolean {
    return typeof key === "string" && this.#values.has(key);
  }
}

/** Numbers that a double does not hold are errors, as they are for Go. */
function celValue(node: JSONNode): Value {
  switch (node.kind) {
    case "object":
      return new EscapedMap(new Map(node.keys.map((key, i) => [key, () => celValue(node.values[i] as JSONNode)])));
    case "array":
      return new NodeList(node.values);
    case "number":
      return Number(node.text);
    case "null":
      return null;
    default:
      return node.value;
  }
}

/**
 * The variable `claims`. Upstream's is a map only for those who ask it by name: it has no size, nothing is "in" it, and who goes
 * through it meets the claims' values, not their names.
 */
export class ClaimsValue extends MapValue {
  override readonly [uncounted] = true;
  readonly #claims: Claims;
  readonly #values = new Map<string, Value>();
  constructor(claims: Claims) {
    super();
    this.#claims = claims;
  }
  get size(): number {
    return this.#claims.size;
  }
  *keys(): Iterable<Value> {
    for (const name of this.#claims.keys()) yield this.get(name) ?? null;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== "string") return new CelError("no such overload");
    const name = unescapeName(key);
    const node = name === undefined ? undefined : this.#claims.get(name);
    if (name === undefined || !node) return undefined;
    let value = this.#values.get(name);
    if (value === undefined) {
      const wrong = tooLarge(node);
      value =
        wrong === undefined
          ? celValue(node)
          : new CelError(`claim ${goQuote(name)} failed to unmarshal: json: cannot unmarshal number ${wrong} into Go value of type float64`);
      this.#values.set(name, value);
    }
    return value;
  }
  override equals(other: MapValue): boolean {
    return other === this;
  }
}

/** The variable `user`. */
export function userValue({ name, uid = "", groups, extra = {} }: UserInfo): MapValue {
  const extras = new Map(Object.entries(extra).map(([key, values]) => [key, () => new ArrayList(values) as Value]));
  return new EscapedMap(
    new Map<string, () => Value>([
      ["username", () => name],
      ["uid", () => uid],
      ["groups", () => new ArrayList(groups)],
      ["extra", () => new EscapedMap(extras)],
    ]),
  );
}
