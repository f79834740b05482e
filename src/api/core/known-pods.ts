/**
 * Specifications of pods that were seen before: what controllers make of one template differs in metadata, and in the random
 * name of the token's volume that admission gives to each. One that was found without errors, without warnings and without
 * empty lists is kept with the form that it is completed to and the text of that, so that pods like it are neither completed
 * nor judged nor written anew.
 *
 * Kept is only what depends on the specification alone: claims are judged with the pod's annotations and ephemeral volumes with
 * its name, so that those are never kept. The random name counts as the same as another one where both stand in the same places,
 * which are values of `name`, and the first stands nowhere else: names are looked at for their characters, all of which random
 * ones have in common, and for being the same as others.
 */
import type { KnownSpec, KnownSpecs } from "../kind.ts";
import { encodeJSONString } from "../codec/json.ts";
import { deepCopy } from "../copy.ts";
import type { Pod, PodSpec } from "../types/core-v1.gen.ts";

interface Kept {
  /** As it was prepared, the random name in it, the completed form, where the name is in that, and its text, cut there. */
  prepared: PodSpec;
  name: string;
  completed: PodSpec;
  places: readonly Place[];
  pieces: readonly string[];
}

/** How many are kept, and how long their texts may be: less than a megabyte, parsed forms included. */
const most = 16;
const longest = 4096;

const random = /^kube-api-access-[a-z0-9]{5}$/;

/** "" where there is none; undefined where more than the specification counts. */
function randomName({ volumes, resourceClaims }: PodSpec): string | undefined {
  if (resourceClaims) return undefined;
  let found = "";
  for (let i = 0; volumes && i < volumes.length; i++) {
    const { name, ephemeral } = volumes[i] as (typeof volumes)[number];
    if (ephemeral) return undefined;
    if (random.test(name)) found = name;
  }
  return found;
}

/** The same but for `ours`, which is wherever a name of the other is `theirs`. Keys that are undefined count as absent. */
function alike(a: unknown, b: unknown, theirs: string, ours: string, isName: boolean): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    if (typeof b !== "string" || ours === "") return a === b;
    return isName && a === theirs ? b === ours : a === b && b !== ours;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!alike(a[i], b[i], theirs, ours, false)) return false;
    return true;
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let keys = 0;
  for (const key in left) {
    if (left[key] === undefined) continue;
    keys++;
    if (!Object.hasOwn(right, key) || !alike(left[key], right[key], theirs, ours, key === "name")) return false;
  }
  for (const key in right) if (right[key] !== undefined) keys--;
  return keys === 0;
}

type Place = readonly (string | number)[];

/** Where the name stands. */
function placesOf(value: unknown, name: string, here: Place = []): Place[] {
  if (value === name) return [here];
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, i) => placesOf(item, name, [...here, i]));
  return Object.entries(value).flatMap(([key, item]) => placesOf(item, name, [...here, key]));
}

/** A copy with another name in these places, which shares all else. */
function renamed(spec: PodSpec, places: readonly Place[], name: string): PodSpec {
  const copy = { ...spec };
  for (const place of places) {
    let at = copy as unknown as Record<string | number, object | string>;
    for (let i = 0; i < place.length - 1; i++) {
      const key = place[i] as string | number;
      const inner = at[key] as object;
      at[key] = Array.isArray(inner) ? inner.slice() : { ...inner };
      at = at[key] as typeof at;
    }
    at[place.at(-1) as string | number] = name;
  }
  return copy;
}

export class KnownPods implements KnownSpecs<Pod> {
  /** What was used last comes first. */
  readonly #kept: Kept[] = [];

  find({ spec }: Pod): KnownSpec | undefined {
    const name = spec && randomName(spec);
    if (name === undefined) return undefined;
    for (let i = 0; i < this.#kept.length; i++) {
      const kept = this.#kept[i] as Kept;
      if ((kept.name === "") !== (name === "") || !alike(kept.prepared, spec, kept.name, name, false)) continue;
      if (i > 0) this.#kept.unshift(...this.#kept.splice(i, 1));
      if (name === kept.name) return { spec: kept.completed, text: kept.pieces.join(mark(name)) };
      return { spec: renamed(kept.completed, kept.places, name), text: kept.pieces.join(mark(name)) };
    }
    return undefined;
  }

  learn(prepared: Pod, completed: Pod): void {
    const name = randomName(prepared.spec);
    if (name === undefined) return;
    const text = encodeJSONString(completed.spec);
    if (text.length > longest) return;
    const pieces = name === "" ? [text] : text.split(mark(name));
    if (name !== "" && pieces.some((piece) => piece.includes(name))) return;
    const places = name === "" ? [] : placesOf(completed.spec, name);
    this.#kept.unshift({ prepared: deepCopy(prepared.spec), name, completed: deepCopy(completed.spec), places, pieces });
    if (this.#kept.length > most) this.#kept.pop();
  }
}

const mark = (name: string): string => `"name":"${name}"`;
