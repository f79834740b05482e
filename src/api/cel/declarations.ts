/** What an environment knows: functions with their overloads, names, types with fields; libraries bring them. */
import type { Macros } from "./macro.ts";
import type { Type } from "./types.ts";
import type { CelError, Value } from "./values.ts";

/** Arguments are of the declared types. */
export type Implementation = (...args: Value[]) => Value;

export interface Overload {
  readonly id: string;
  /** It follows its first argument: VALUE.name(...). */
  readonly member: boolean;
  readonly args: readonly Type[];
  readonly result: Type;
  readonly call: Implementation;
  /** It takes lists whatever they hold, although the declaration says of what they are (cel-go's singletons, and DisableTypeGuards). */
  readonly anyElements?: boolean;
}

/** Implementations are written with the types that their declarations promise. */
type Loose = (...args: never[]) => Value;
const declared =
  (member: boolean) =>
  (id: string, args: readonly Type[], result: Type, call: Loose): Overload => ({ id, member, args, result, call: call as Implementation });
export const overload = declared(false);
export const member = declared(true);
export const ofAnyElements = (overloads: readonly Overload[]): Overload[] => overloads.map((one) => ({ ...one, anyElements: true }));

/** A message type. */
export interface Struct {
  readonly type: Type;
  /** undefined: there is no such field. */
  field(name: string): Type | undefined;
  /** Absent: such messages cannot be written in expressions. */
  create?(fields: ReadonlyMap<string, Value>): Value | CelError;
}

export interface Library {
  readonly functions?: Readonly<Record<string, readonly Overload[]>>;
  readonly macros?: Macros;
  /** Names of types, and enums and other constants. */
  readonly types?: readonly Type[];
  readonly constants?: Readonly<Record<string, { value: Value; type: Type }>>;
  readonly structs?: Readonly<Record<string, Struct>>;
  /** Of message types whose names cannot be listed; asked after all that are. */
  resolveStruct?(name: string): Struct | undefined;
  /** `a.?b` and its like are understood. */
  readonly optionalSyntax?: boolean;
}

export interface Name {
  readonly name: string;
  readonly type: Type;
  readonly value?: Value;
}

/** What a call costs beside the evaluation of its arguments, found once for a call; undefined: nothing is known of it. */
export type CallCost = (name: string, overload: string | undefined) => ((args: readonly Value[], result: Value) => number) | undefined;

/** An environment as checking and planning look at it. */
export interface Names {
  readonly container: string;
  /** Constant lists, maps and conversions are computed once, and cost nothing then. */
  readonly fold: boolean;
  readonly callCost: CallCost | undefined;
  /** Where a name may be found, the innermost namespace first. */
  candidates(name: string): string[];
  resolveName(name: string): Name | undefined;
  resolveFunction(name: string): { name: string; overloads: readonly Overload[] } | undefined;
  struct(name: string): Struct | undefined;
}
