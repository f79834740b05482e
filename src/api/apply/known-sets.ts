/**
 * The fields of specifications that were new and were met before: of kinds of which many are made of one template, what a
 * creation owns of them is worked out once.
 */
import { RecentList } from "../../base/recent-list.ts";
import { deepCopy, deepEqual } from "../copy.ts";
import type { JSONValue } from "../json.ts";
import type { Atom } from "./atom.ts";
import { type FieldSet, orderedOnce } from "./fieldset.ts";

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
  readonly #known = new RecentList<Known>(most);

  find(value: JSONValue, atom: Atom): Pick<Known, "set" | "fields"> | undefined {
    return this.#known.find((known) => known.atom === atom && deepEqual(known.value, value));
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
    this.#known.add({ atom, value: deepCopy(value), set: orderedOnce(set), fields });
  }
}
