/**
 * The fields of specifications that were new and were met before: of kinds of which many are made of one template, what a
 * creation owns of them is worked out once.
 */
import { deepCopy, deepEqual } from "../copy.ts";
import type { JSONValue } from "../json.ts";
import type { Atom } from "./atom.ts";
import type { FieldSet } from "./fieldset.ts";

interface Known {
  atom: Atom;
  value: JSONValue;
  set: FieldSet;
  fields: number;
}

/** How many are known, and how long their texts may be. */
const most = 16;
const longest = 4096;

export class KnownSets {
  /** What was used last comes first. */
  readonly #known: Known[] = [];

  find(value: JSONValue, atom: Atom): Pick<Known, "set" | "fields"> | undefined {
    for (let i = 0; i < this.#known.length; i++) {
      const known = this.#known[i] as Known;
      if (known.atom !== atom || !deepEqual(known.value, value)) continue;
      if (i > 0) this.#known.unshift(...this.#known.splice(i, 1));
      return known;
    }
    return undefined;
  }

  /** `set`: of so many fields, all of whose elements have names. */
  learn(value: JSONValue, atom: Atom, set: FieldSet, fields: number): void {
    let text: string;
    try {
      text = JSON.stringify(value);
    } catch {
      // Integers beyond 2^53.
      return;
    }
    if (text.length > longest) return;
    this.#known.unshift({ atom, value: deepCopy(value), set, fields });
    if (this.#known.length > most) this.#known.pop();
  }
}
