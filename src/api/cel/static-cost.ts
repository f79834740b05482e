/** What an expression may cost before any value is known (cel-go's checker/cost.go). The expression has been checked. */
import type { Call, Comprehension, Expr, Select } from "./ast.ts";
import { exactly, nothing, one, plus, type Range, range, sum, times, unbounded, union, unknownSize } from "./sizes.ts";
import { isOptional, type Type, types } from "./types.ts";
import { lengthOf } from "./values.ts";

/** A value of which a size is asked. */
export interface Sized {
  /** Where it stands: a variable, its fields, `@items`, `@keys`, `@values`, `@indices`; undefined where that is not known. */
  readonly path: readonly string[] | undefined;
  readonly type: Type;
  readonly expression?: Expr;
  /** Known already. */
  readonly size: Range | undefined;
}
export interface CallEstimate {
  /** Of the call itself, without its arguments. */
  readonly cost: Range;
  /** Of the result. */
  readonly size?: Range;
}
export interface EstimatedCall {
  readonly name: string;
  readonly overload: string;
  readonly target: Sized | undefined;
  readonly args: readonly Sized[];
}
export interface EstimateOptions {
  /** How large a variable or what is in it may be; undefined: unknown. */
  size?(value: Sized): Range | undefined;
  /** undefined: as standard functions cost. */
  call(call: EstimatedCall): CallEstimate | undefined;
}

/** Of the elements of a list, or of the keys and values of a map. */
export interface Entries {
  readonly kind: "list" | "map";
  readonly key: Range;
  readonly value: Range;
}
interface Local {
  readonly path: readonly string[] | undefined;
  readonly size: Range | undefined;
  readonly entries: Entries | undefined;
}

const impossible = range(unbounded, 0);
const scalars = new Set(["bool", "double", "duration", "int", "timestamp", "uint"]);
const isScalar = (type: Type): boolean => scalars.has(type.kind) || (isOptional(type) && isScalar(type.parameter(0)));
const empty = (of: readonly unknown[]): Range => (of.length ? impossible : nothing);

export function estimateCost(expression: Expr, options: EstimateOptions): Range {
  return new Coster(options).cost(expression);
}

class Coster {
  readonly #options: EstimateOptions;
  readonly #paths = new Map<Expr, readonly string[] | undefined>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, Entries>();
  readonly #locals: [name: string, local: Local][] = [];

  constructor(options: EstimateOptions) {
    this.#options = options;
  }

  cost(node: Expr): Range {
    switch (node.kind) {
      case "literal":
        return nothing;
      case "ident": {
        const local = this.#local(node.name);
        this.#paths.set(node, local ? local.path : [node.name]);
        return one;
      }
      case "select":
        return this.#select(node);
      case "call":
        return this.#call(node);
      case "list": {
        const cost = sum(node.elements.map((element) => this.cost(element)));
        const value = node.elements.map((element) => this.#sizeOrUnknown(element)).reduce(union, empty(node.elements));
        this.#entries.set(node, { kind: "list", key: one, value });
        return plus(cost, exactly(10));
      }
      case "map": {
        const cost = sum(node.entries.flatMap((entry) => [this.cost(entry.key), this.cost(entry.value)]));
        const key = node.entries.map((entry) => this.#sizeOrUnknown(entry.key)).reduce(union, empty(node.entries));
        const value = node.entries.map((entry) => this.#sizeOrUnknown(entry.value)).reduce(union, empty(node.entries));
        this.#entries.set(node, { kind: "map", key, value });
        return plus(cost, exactly(30));
      }
      case "struct":
        return plus(sum(node.fields.map(({ value }) => this.cost(value))), exactly(40));
      case "comprehension":
        return this.#comprehension(node);
    }
  }

  #local(name: string): Local | undefined {
    return this.#locals.findLast(([known]) => known === name)?.[1];
  }
  #path(node: Expr): readonly string[] | undefined {
    const local = node.kind === "ident" ? this.#local(node.name) : undefined;
    return local ? local.path : this.#paths.get(node);
  }
  #sized(node: Expr): Sized {
    const path = this.#path(node);
    return { path: path?.[0] === "@result" ? undefined : path, type: node.type ?? types.dyn, expression: node, size: this.size(node) };
  }
  size(node: Expr): Range | undefined {
    const known = this.#sizes.get(node) ?? literalSize(node);
    if (known) return known;
    const type = node.type ?? types.dyn;
    const estimated = this.#options.size?.({ path: this.#path(node), type, expression: node, size: undefined });
    if (estimated) {
      this.#sizes.set(node, estimated);
      return estimated;
    }
    if (isScalar(type)) return one;
    return node.kind === "ident" ? this.#local(node.name)?.size : undefined;
  }
  #sizeOrUnknown(node: Expr): Range {
    return this.size(node) ?? unknownSize;
  }
  #entriesOf(node: Expr): Entries | undefined {
    return this.#entries.get(node) ?? (node.kind === "ident" ? this.#local(node.name)?.entries : undefined);
  }
  #setSize(node: Expr, size: Range | undefined): void {
    if (size) this.#sizes.set(node, size);
  }
  #setEntries(node: Expr, entries: Entries | undefined): void {
    if (entries) this.#entries.set(node, entries);
  }

  #select(node: Select): Range {
    const operand = this.cost(node.operand);
    // Whether a field is there costs nothing, as Kubernetes has always counted.
    if (node.test) return operand;
    this.#paths.set(node, [...(this.#path(node.operand) ?? []), node.field]);
    const kind = node.operand.type?.kind;
    return kind === "map" || kind === "struct" || kind === "param" ? plus(operand, one) : operand;
  }

  #call(node: Call): Range {
    if (node.name === "dyn") {
      const [argument] = node.args as [Expr];
      const cost = plus(this.cost(argument), one);
      this.#setSize(node, this.size(argument));
      this.#setEntries(node, this.#entriesOf(argument));
      return cost;
    }
    const costs = node.args.map((argument) => this.cost(argument));
    const args = node.args.map((argument) => this.#sized(argument));
    const targetCost = node.target ? this.cost(node.target) : nothing;
    const target = node.target && this.#sized(node.target);
    let cost = impossible;
    let size: Range | undefined;
    for (const overload of node.reference?.overloads ?? []) {
      const found = this.#callCost(node, { name: node.name, overload, target, args }, costs);
      cost = union(cost, found.cost);
      if (found.size) size = size ? union(size, found.size) : found.size;
      const [container] = node.args;
      if (container && (overload === "index_list" || overload === "index_map")) {
        size = this.#entriesOf(container)?.value;
        this.#paths.set(node, [...(this.#path(container) ?? []), overload === "index_list" ? "@items" : "@values"]);
      }
      size ??= this.size(node);
    }
    this.#setSize(node, size);
    return cost === impossible ? nothing : plus(targetCost, cost);
  }
  /** With the arguments. */
  #callCost(node: Call, call: EstimatedCall, costs: readonly Range[]): CallEstimate {
    const all = sum(costs);
    const [a, b, c] = costs as [Range, Range, Range];
    const [first, second, third] = node.args as [Expr, Expr, Expr];
    switch (call.overload) {
      case "logical_or":
      case "logical_and":
        return { cost: range(a.min, plus(a, b).max) };
      case "conditional": {
        const [yes, no] = [this.#entriesOf(second), this.#entriesOf(third)];
        this.#setEntries(node, together(yes, no));
        return { cost: plus(a, union(b, c)), size: union(this.#sizeOrUnknown(second), this.#sizeOrUnknown(third)) };
      }
      case "add_string":
      case "add_bytes":
      case "add_list":
        this.#setEntries(node, together(this.#entriesOf(first), this.#entriesOf(second)));
    }
    const found = this.#options.call(call) ?? { cost: one };
    return { ...found, cost: plus(found.cost, all) };
  }

  #comprehension(node: Comprehension): Range {
    const { range: over, initial, condition, variable, variable2 } = node;
    const begin = plus(this.cost(over), this.cost(initial));
    const isBinding = over.kind === "list" && over.elements.length === 0 && condition.kind === "literal" && condition.value === false;
    this.#locals.push([node.accumulator, { path: this.#path(initial), size: this.size(initial), entries: this.#entriesOf(initial) }]);
    if (isBinding) {
      const cost = plus(begin, this.cost(node.result));
      this.#locals.pop();
      this.#setSize(node, this.size(node.result));
      this.#setEntries(node, this.#entriesOf(node.result));
      return cost;
    }
    const entries = this.#entriesOf(over);
    const isList = (entries?.kind ?? over.type?.kind) === "list";
    const local = (size: Range | undefined, part: string): Local => ({ path: [...(this.#path(over) ?? []), part], size, entries: undefined });
    const key = local(entries?.key, isList ? "@indices" : "@keys");
    const value = local(entries?.value, isList ? "@items" : "@values");
    this.#locals.push([variable, variable2 === undefined && isList ? value : key]);
    if (variable2 !== undefined) this.#locals.push([variable2, value]);
    const each = plus(this.cost(condition), this.cost(node.step));
    this.#locals.length -= variable2 === undefined ? 1 : 2;
    const end = this.cost(node.result);
    this.#locals.pop();
    const count = this.#sizeOrUnknown(over);
    if (initial.kind === "literal") this.#setSize(node, this.size(initial));
    else if (initial.kind === "list" || initial.kind === "map") {
      this.#setSize(node, count);
      this.#setEntries(node, this.#entriesOf(node.step));
    }
    return sum([begin, end, times(count, each)]);
  }
}

function together(a: Entries | undefined, b: Entries | undefined): Entries | undefined {
  return a && b ? { kind: a.kind, key: union(a.key, b.key), value: union(a.value, b.value) } : undefined;
}

function literalSize(node: Expr): Range | undefined {
  switch (node.kind) {
    case "literal":
      if (typeof node.value === "string") return exactly(lengthOf(node.value));
      return exactly(node.value instanceof Uint8Array ? node.value.length : 1);
    case "list":
      return exactly(node.elements.length);
    case "map":
      return exactly(node.entries.length);
  }
  return undefined;
}
