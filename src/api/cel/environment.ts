/** What expressions may use, and how they are made ready: parse, check, compile. */
import type { Expr } from "./ast.ts";
import { check } from "./checker.ts";
import type { CallCost, Library, Name, Names, Overload, Struct } from "./declarations.ts";
import { CELCompileError } from "./errors.ts";
import { type Program, plan } from "./interpreter.ts";
import { type Macro, standardMacros } from "./macro.ts";
import { parse } from "./parser.ts";
import { type Type, typeOf } from "./types.ts";
import { validate } from "./validators.ts";

export interface EnvironmentOptions {
  readonly libraries: readonly Library[];
  readonly variables?: Readonly<Record<string, Type>>;
  /** Names are looked for in this namespace and those around it. */
  readonly container?: string;
  readonly homogeneous?: boolean;
  /** Fields in backticks: a.`b-c`. */
  readonly escapedFields?: boolean;
  /** Literals are looked at before they are evaluated; elements of lists and maps must agree in their types. */
  readonly strict?: boolean;
  /** What calls cost where it is not what cel-go's own cost. */
  readonly callCost?: CallCost;
  readonly fold?: boolean;
}

export class Environment implements Names {
  readonly container: string;
  readonly fold: boolean;
  readonly callCost: CallCost | undefined;
  readonly #options: EnvironmentOptions;
  readonly #functions = new Map<string, Overload[]>();
  readonly #macros = new Map<string, Macro>(Object.entries(standardMacros));
  readonly #names = new Map<string, Name>();
  readonly #structs = new Map<string, Struct>();
  readonly #resolving: readonly Library[];
  readonly #optionalSyntax: boolean;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    this.fold = options.fold ?? false;
    this.callCost = options.callCost;
    this.container = options.container ?? "";
    this.#optionalSyntax = options.libraries.some(({ optionalSyntax }) => optionalSyntax);
    this.#resolving = options.libraries.filter(({ resolveStruct }) => resolveStruct);
    for (const library of options.libraries) this.#add(library);
    for (const [name, type] of Object.entries(options.variables ?? {})) this.#names.set(name, { name, type });
  }
  #add({ functions = {}, macros = {}, types = [], constants = {}, structs = {} }: Library): void {
    for (const [name, overloads] of Object.entries(functions)) this.#functions.set(name, [...(this.#functions.get(name) ?? []), ...overloads]);
    for (const [name, macro] of Object.entries(macros)) this.#macros.set(name, macro);
    const named = [
      ...types.map((type): [string, Type] => [type.name, type]),
      ...Object.entries(structs).map(([name, { type }]): [string, Type] => [name, type]),
    ];
    for (const [name, type] of named) this.#names.set(name, { name, type: typeOf(type), value: type });
    for (const [name, { value, type }] of Object.entries(constants)) this.#names.set(name, { name, type, value });
    for (const [name, found] of Object.entries(structs)) this.#structs.set(name, found);
  }

  /** With more of everything. */
  extend({ libraries = [], variables, ...rest }: Partial<EnvironmentOptions>): Environment {
    return new Environment({
      ...this.#options,
      ...rest,
      libraries: [...this.#options.libraries, ...libraries],
      variables: { ...this.#options.variables, ...variables },
    });
  }

  candidates(name: string): string[] {
    if (name.startsWith(".")) return [name.slice(1)];
    const found: string[] = [];
    for (let scope = this.container; scope; scope = scope.slice(0, Math.max(0, scope.lastIndexOf(".")))) found.push(`${scope}.${name}`);
    return [...found, name];
  }
  #first<T>(name: string, known: ReadonlyMap<string, T>): T | undefined {
    for (const candidate of this.candidates(name)) {
      const found = known.get(candidate);
      if (found) return found;
    }
    return undefined;
  }
  resolveName(name: string): Name | undefined {
    const found = this.#first(name, this.#names);
    if (found) return found;
    const type = this.struct(name.replace(/^\./, ""))?.type;
    return type && { name: type.name, type: typeOf(type), value: type };
  }
  resolveFunction(name: string): { name: string; overloads: readonly Overload[] } | undefined {
    for (const candidate of this.candidates(name)) {
      const overloads = this.#functions.get(candidate);
      if (overloads) return { name: candidate, overloads };
    }
    return undefined;
  }
  struct(name: string): Struct | undefined {
    const found = this.#structs.get(name);
    if (found) return found;
    for (const { resolveStruct } of this.#resolving) {
      const struct = resolveStruct?.(name);
      if (struct) return struct;
    }
    return undefined;
  }

  /** Throws CELCompileError. */
  parse(source: string): Expr {
    return parse(source, { macros: this.#macros, optional: this.#optionalSyntax, escapedFields: this.#options.escapedFields ?? false });
  }
  /** Throws CELCompileError. */
  check(source: string): Expr {
    const checked = check(this.parse(source), this, source);
    const issues = this.#options.strict ? validate(checked, this) : [];
    if (issues.length) throw new CELCompileError(source, issues);
    return checked;
  }
  /** Of an expression that was parsed or checked. Throws PlanError. */
  plan(expression: Expr): Program {
    return plan(expression, this);
  }
}
