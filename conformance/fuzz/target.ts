/** What is fed with inputs that were made to break it, and what counts as broken. */
import type { Random } from "../../src/base/random.ts";

export interface Target {
  /** Inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** What is put in at random places, besides bytes. */
  readonly words?: readonly string[];
  /** Changes of a form that the target understands; undefined where the input has not that form. */
  readonly mutators?: readonly Mutator[];
  /** Bytes at most. @default 64 KiB */
  readonly longest?: number;
  /**
   * Gives a short name of what came out: an input with a name that is new is kept and changed further. Throws Finding for what
   * must not be; so is whatever else is thrown.
   */
  run(input: Uint8Array): string | Promise<string>;
  close?(): Promise<void>;
}

export type Mutator = (input: Uint8Array, random: Random) => Uint8Array | undefined;

/** Every file of a target exports this. */
export type MakeTarget = (random: Random) => Target | Promise<Target>;

/** A rule that was broken, though nothing was thrown. */
export class Finding extends Error {
  override name = "Finding";
}

/** Messages without what changes from input to input, so that they name a kind of outcome. */
export const kindOf = (message: string): string =>
  message
    .slice(0, 400)
    .replace(/"(?:[^"\\]|\\.)*"?|`[^`]*`?|'[^']*'?/g, "Q")
    .replace(/[^\x20-\x7e]+/g, "?")
    .replace(/\d+/g, "N")
    .slice(0, 160);

/** An error as the name of an outcome, where it is one that the target may throw. */
export function refusal(error: unknown, ...allowed: readonly (abstract new (...args: never[]) => Error)[]): string {
  for (const kind of allowed) if (error instanceof kind) return `${error.name}: ${kindOf(error.message)}`;
  throw error;
}

/** Throws Finding where the two are not the same text. */
export function same(what: string, before: string, after: string): void {
  if (before === after) return;
  let at = 0;
  while (before[at] === after[at]) at++;
  const part = (text: string): string => text.slice(Math.max(0, at - 40), at + 60);
  throw new Finding(`${what}: …${part(before)}… became …${part(after)}…`);
}

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
