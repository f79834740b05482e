/** Types of an expression and what its names and calls refer to (cel-spec, "Gradual Type Checking"; cel-go's rules and messages). */
import { type Call, type Comprehension, type Expr, type List, literal, type MapExpr, qualifiedName, type Select, type Struct } from "./ast.ts";
import type { Names, Overload } from "./declarations.ts";
import { CELCompileError, type Issue } from "./errors.ts";
import { isDyn, isDynOrError, isOptional, listOf, mapOf, optionalOf, type Type, types } from "./types.ts";
import { Bindings, mostGeneral } from "./unify.ts";
import { typeOfValue } from "./values.ts";

/** The same expression with types and references; names are full. Throws CELCompileError. */
export function check(expression: Expr, environment: Names, source: string): Expr {
  const checker = new Checker(environment);
  const checked = checker.check(expression);
  if (checker.issues.length) throw new CELCompileError(source, checker.issues);
  checker.finish();
  return checked;
}

type Typed<E extends Expr = Expr> = E & { type: Type };

class Checker {
  readonly issues: Issue[] = [];
  readonly #environment: Names;
  readonly #bindings = new Bindings();
  readonly #nodes: Expr[] = [];
  /** Variables of comprehensions, innermost last. */
  readonly #scope: [name: string, type: Type][] = [];

  constructor(environment: Names) {
    this.#environment = environment;
  }

  finish(): void {
    for (const node of this.#nodes) node.type = this.#bindings.substitute(node.type as Type, true);
  }
  #report(at: number, message: string): void {
    this.issues.push({ offset: at, message });
  }
  #typed<E extends Expr>(node: E, type: Type): Typed<E> {
    node.type = type;
    this.#nodes.push(node);
    return node as Typed<E>;
  }
  #undeclared(at: number, name: string): void {
    this.#report(at, `undeclared reference to '${name}' (in container '${this.#environment.container}')`);
  }
  #assertType(node: Typed, type: Type): void {
    if (!this.#bindings.isAssignable([type], [node.type])) this.#report(node.at, `expected type '${type}' but found '${node.type}'`);
  }

  check(node: Expr): Typed {
    switch (node.kind) {
      case "literal":
        return this.#typed({ ...node }, typeOfValue(node.value));
      case "ident": {
        const found = this.#name(node.at, node.name);
        if (found) return found;
        this.#undeclared(node.at, node.name);
        return this.#typed({ ...node }, types.error);
      }
      case "select":
        return this.#select(node);
      case "call":
        return this.#call(node);
      case "list":
        return this.#list(node);
      case "map":
        return this.#map(node);
      case "struct":
        return this.#struct(node);
      case "comprehension":
        return this.#comprehension(node);
    }
  }

  #name(at: number, name: string): Typed | undefined {
    const local = this.#scope.findLast(([known]) => known === name);
    if (local) return this.#typed({ kind: "ident", at, name, reference: { name } }, local[1]);
    const found = this.#environment.resolveName(name);
    if (!found) return undefined;
    const { name: full, type, value } = found;
    return this.#typed({ kind: "ident", at, name: full, reference: value === undefined ? { name: full } : { name: full, value } }, type);
  }

  #select(node: Select): Typed {
    const name = qualifiedName(node);
    // A variable of a comprehension hides whatever is named like its fields.
    if (name !== undefined && !this.#scope.some(([known]) => known === name.split(".", 1)[0])) {
      const found = this.#name(node.at, name);
      if (found) return found;
    }
    const operand = this.check(node.operand);
    const type = this.#field(node.at, operand, node.field, false);
    return this.#typed({ ...node, operand }, node.test ? types.bool : this.#bindings.substitute(type));
  }
  #field(at: number, operand: Typed, field: string, optional: boolean): Type {
    const operandType = this.#bindings.substitute(operand.type);
    const wrapped = isOptional(operandType);
    const target = wrapped ? operandType.parameter(0) : operandType;
    let result: Type = types.error;
    switch (target.kind) {
      case "map":
        result = target.parameter(1);
        break;
      case "struct": {
        const struct = this.#environment.struct(target.name);
        const found = struct?.field(field);
        if (found) result = found;
        else this.#report(at, struct ? `undefined field '${field}'` : `unexpected failed resolution of '${target.name}'`);
        break;
      }
      case "param":
        this.#bindings.isAssignable([types.dyn], [target]);
        result = types.dyn;
        break;
      default:
        if (!isDynOrError(target)) this.#report(at, `type '${target}' does not support field selection`);
        result = types.dyn;
    }
    return wrapped || optional ? optionalOf(result) : result;
  }

  #call(node: Call): Typed {
    if (node.name === "_?._") {
      const [operand, field] = node.args as [Expr, Expr];
      const checked = this.check(operand);
      const type = this.#field(node.at, checked, field.kind === "literal" ? String(field.value) : "", true);
      const args = [checked, this.#typed({ ...literal(field.at, (field as { value: string }).value) }, types.string)];
      return this.#typed({ ...node, args, reference: { overloads: ["select_optional_field"] } }, this.#bindings.substitute(type));
    }
    const args = node.args.map((argument) => this.check(argument));
    if (!node.target) return this.#resolve(node, this.#environment.resolveFunction(node.name), node.name, undefined, args);
    const prefix = qualifiedName(node.target);
    const namespaced = prefix === undefined ? undefined : this.#environment.resolveFunction(`${prefix}.${node.name}`);
    if (namespaced) return this.#resolve(node, namespaced, node.name, undefined, args);
    const target = this.check(node.target);
    return this.#resolve(node, this.#environment.resolveFunction(node.name), node.name, target, args);
  }
  #resolve(node: Call, found: { name: string; overloads: readonly Overload[] } | undefined, name: string, target: Typed | undefined, args: Typed[]): Typed {
    const { at } = node;
    const made = { kind: "call" as const, at, name: found?.name ?? name, args, ...(target ? { target } : {}) };
    if (!found) {
      this.#undeclared(at, name);
      return this.#typed(made, types.error);
    }
    if (found.name === "_&&_" || found.name === "_||_") return this.#logical(made, found.overloads, args);
    const given = (target ? [target, ...args] : args).map(({ type }) => type);
    const fitting: string[] = [];
    let result: Type | undefined;
    for (const overload of found.overloads) {
      if (overload.member !== (target !== undefined)) continue;
      const [declared, ...parameters] = this.#bindings.instantiate([overload.result, ...overload.args]) as [Type, ...Type[]];
      if (!this.#bindings.isAssignable(given, parameters)) continue;
      fitting.push(overload.id);
      const type = this.#bindings.substitute(declared);
      if (!result) result = type;
      else if (!isDyn(result) && !type.same(result)) result = types.dyn;
    }
    if (!result) {
      const shown = given.map((type) => String(this.#bindings.substitute(type, true)));
      const signature = target ? `${shown[0]}.(${shown.slice(1).join(", ")})` : `(${shown.join(", ")})`;
      this.#report(at, `found no matching overload for '${found.name}' applied to '${signature}'`);
      return this.#typed(made, types.error);
    }
    return this.#typed({ ...made, reference: { overloads: fitting } }, result);
  }

  #logical(made: Call, overloads: readonly Overload[], args: readonly Typed[]): Typed {
    let type: Type = types.bool;
    for (const argument of args) {
      if (this.#bindings.isAssignable([argument.type], [types.bool])) continue;
      this.#report(argument.at, `expected type 'bool' but found '${argument.type}'`);
      type = types.error;
    }
    return this.#typed({ ...made, reference: { overloads: overloads.map(({ id }) => id) } }, type);
  }

  /** The type of `?value`. */
  #unwrapped(value: Typed, optional: boolean): Type {
    const { type } = value;
    if (!optional) return type;
    if (isOptional(type)) return type.parameter(0);
    if (!isDyn(type)) this.#report(value.at, `expected type '${optionalOf(type)}' but found '${type}'`);
    return type;
  }
  #join(before: Type | undefined, type: Type): Type {
    if (!before) return type;
    return this.#bindings.isAssignable([before], [type]) ? mostGeneral(before, type) : types.dyn;
  }
  #list(node: List): Typed {
    let element: Type | undefined;
    const elements = node.elements.map((one, i) => {
      const checked = this.check(one);
      element = this.#join(element, this.#unwrapped(checked, node.optional.has(i)));
      return checked;
    });
    return this.#typed({ ...node, elements }, listOf(element ?? this.#bindings.freshVariable()));
  }
  #map(node: MapExpr): Typed {
    let keyType: Type | undefined;
    let valueType: Type | undefined;
    const entries = node.entries.map((entry) => {
      const key = this.check(entry.key);
      keyType = this.#join(keyType, key.type);
      const value = this.check(entry.value);
      valueType = this.#join(valueType, this.#unwrapped(value, entry.optional));
      return { ...entry, key, value };
    });
    return this.#typed({ ...node, entries }, mapOf(keyType ?? this.#bindings.freshVariable(), valueType ?? this.#bindings.freshVariable()));
  }
  #struct(node: Struct): Typed {
    const found = this.#environment.resolveName(node.name);
    const struct = found && this.#environment.struct(found.name);
    if (!found) {
      this.#undeclared(node.at, node.name);
      return this.#typed({ ...node }, types.error);
    }
    if (found.type.kind !== "type") this.#report(node.at, `'${found.type.name}' is not a type`);
    else if (!struct) this.#report(node.at, `'${found.type.parameter(0).name}' is not a message type`);
    const fields = node.fields.map((field) => {
      const value = this.check(field.value);
      const type = struct?.field(field.name);
      if (struct && !type) this.#report(field.at, `undefined field '${field.name}'`);
      const given = this.#unwrapped(value, field.optional);
      if (type && !this.#bindings.isAssignable([type], [given]))
        this.#report(field.at, `expected type of field '${field.name}' is '${type}' but provided type is '${given}'`);
      return { ...field, value };
    });
    return this.#typed({ ...node, name: found.name, fields }, struct?.type ?? types.error);
  }

  #comprehension(node: Comprehension): Typed {
    const range = this.check(node.range);
    const initial = this.check(node.initial);
    const rangeType = this.#bindings.substitute(range.type);
    let [first, second]: [Type, Type] = [types.dyn, types.dyn];
    if (rangeType.kind === "list") [first, second] = node.variable2 === undefined ? [rangeType.parameter(0), types.dyn] : [types.int, rangeType.parameter(0)];
    else if (rangeType.kind === "map") [first, second] = [rangeType.parameter(0), rangeType.parameter(1)];
    else if (rangeType.kind === "dyn" || rangeType.kind === "error" || rangeType.kind === "param") this.#bindings.isAssignable([types.dyn], [rangeType]);
    else {
      this.#report(range.at, `expression of type '${rangeType}' cannot be range of a comprehension (must be list, map, or dynamic)`);
      [first, second] = [types.error, types.error];
    }
    this.#scope.push([node.accumulator, initial.type], [node.variable, first]);
    if (node.variable2 !== undefined) this.#scope.push([node.variable2, second]);
    const condition = this.check(node.condition);
    this.#assertType(condition, types.bool);
    const step = this.check(node.step);
    this.#assertType(step, initial.type);
    this.#scope.length -= node.variable2 === undefined ? 1 : 2;
    const result = this.check(node.result);
    this.#scope.length--;
    return this.#typed({ ...node, range, initial, condition, step, result }, this.#bindings.substitute(result.type));
  }
}
