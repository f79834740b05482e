/** Which type may stand for which, and what type parameters are bound to meanwhile (the rules of cel-go's checker). */
import { isDyn, isDynOrError, Type, types } from "./types.ts";

const primitives = new Set(["bool", "bytes", "double", "int", "string", "uint"]);
const nullableKinds = new Set(["opaque", "struct", "any", "duration", "timestamp", "null"]);
const isNullable = (type: Type): boolean => type.nullable || nullableKinds.has(type.kind);
const isContainer = ({ kind }: Type): boolean => kind === "opaque" || kind === "list" || kind === "map";

/** Whether it says as much as the other or less. */
function isEqualOrLessSpecific(a: Type, b: Type): boolean {
  if (isDyn(a) || a.kind === "param") return true;
  if (isDyn(b) || b.kind === "param" || a.kind !== b.kind) return false;
  if (a.kind === "type") return true;
  if (!isContainer(a)) return a.same(b);
  return a.name === b.name && a.parameters.length === b.parameters.length && a.parameters.every((one, i) => isEqualOrLessSpecific(one, b.parameter(i)));
}
export const mostGeneral = (a: Type, b: Type): Type => (isEqualOrLessSpecific(a, b) ? a : b);

export class Bindings {
  readonly #bound = new Map<string, Type>();
  /** What was bound before, newest last: to go back when an attempt fails. */
  readonly #journal: [name: string, before: Type | undefined][] = [];
  #fresh = 0;

  freshVariable(): Type {
    return new Type("param", `_var${this.#fresh++}`);
  }
  #find(type: Type): Type | undefined {
    return type.kind === "param" ? this.#bound.get(type.name) : undefined;
  }
  #bind({ name }: Type, to: Type): void {
    this.#journal.push([name, this.#bound.get(name)]);
    this.#bound.set(name, to);
  }

  /** Bindings stay only where the answer is yes. */
  isAssignable(from: readonly Type[], to: readonly Type[]): boolean {
    const mark = this.#journal.length;
    if (this.#all(from, to)) return true;
    while (this.#journal.length > mark) {
      const [name, before] = this.#journal.pop() as [string, Type | undefined];
      if (before) this.#bound.set(name, before);
      else this.#bound.delete(name);
    }
    return false;
  }
  #all(from: readonly Type[], to: readonly Type[]): boolean {
    return from.length === to.length && from.every((one, i) => this.#assignable(one, to[i] as Type));
  }

  #assignable(a: Type, b: Type): boolean {
    if (b.kind === "param") {
      const { valid, bound } = this.#substitutes(a, b);
      if (valid || bound) return valid;
    }
    if (a.kind === "param") return this.#substitutes(b, a).valid;
    if (isDynOrError(a) || isDynOrError(b)) return true;
    if (a.kind === "null") return isNullable(b);
    if (b.kind === "null") return isNullable(a);
    if (a.kind !== b.kind) return false;
    if (a.kind === "type" || primitives.has(a.kind)) return true;
    if (isContainer(a)) return a.name === b.name && this.#all(a.parameters, b.parameters);
    return a.name === b.name;
  }
  /** Whether the parameter may stand for the type. */
  #substitutes(type: Type, parameter: Type): { valid: boolean; bound: boolean } {
    if (type.same(parameter)) return { valid: true, bound: true };
    const bound = this.#find(parameter);
    if (bound) {
      if (type.same(bound)) return { valid: true, bound: true };
      if (!this.#assignable(type, bound)) return { valid: false, bound: true };
      const general = mostGeneral(type, bound);
      if (!this.#occurs(parameter, general)) this.#bind(parameter, general);
      return { valid: true, bound: true };
    }
    if (this.#occurs(parameter, type)) return { valid: false, bound: false };
    this.#bind(parameter, type);
    return { valid: true, bound: false };
  }
  #occurs(parameter: Type, within: Type): boolean {
    if (parameter.same(within)) return true;
    if (within.kind === "param") {
      const bound = this.#find(within);
      return bound !== undefined && this.#occurs(parameter, bound);
    }
    return within.parameters.some((one) => this.#occurs(parameter, one));
  }

  /** With what parameters are bound to; unbound ones stay, or become dyn. */
  substitute(type: Type, unboundToDyn = false): Type {
    const bound = this.#find(type);
    if (bound) return this.substitute(bound, unboundToDyn);
    if (type.kind === "param") return unboundToDyn ? types.dyn : type;
    if (type.parameters.length === 0) return type;
    return new Type(
      type.kind,
      type.name,
      type.parameters.map((one) => this.substitute(one, unboundToDyn)),
      type.nullable,
    );
  }

  /** The types with new variables for their parameters. */
  instantiate(all: readonly Type[]): Type[] {
    const variables = new Map<string, Type>();
    const fresh = (type: Type): Type => {
      if (type.kind === "param") {
        let variable = variables.get(type.name);
        if (!variable) {
          variable = this.freshVariable();
          variables.set(type.name, variable);
        }
        return variable;
      }
      return type.parameters.length ? new Type(type.kind, type.name, type.parameters.map(fresh), type.nullable) : type;
    };
    return all.map(fresh);
  }
}
