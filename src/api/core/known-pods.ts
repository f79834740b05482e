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
import { RecentList } from "../../base/recent-list.ts";
import { deepCopy, deepEqual } from "../copy.ts";
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

/** `ours` is wherever a `name` of the other is `theirs`; all else is the same. */
const sameBut =
  (theirs: string, ours: string) =>
  (a: unknown, b: unknown, key: string): boolean =>
    key === "name" && a === theirs ? b === ours : a === b && b !== ours;

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
  readonly #kept = new RecentList<Kept>(most);

  find({ spec }: Pod): KnownSpec | undefined {
    const name = spec && randomName(spec);
    if (name === undefined) return undefined;
    const kept = this.#kept.find(
      (one) => (one.name === "") === (name === "") && deepEqual(one.prepared, spec, name === "" ? undefined : sameBut(one.name, name)),
    );
    if (!kept) return undefined;
    return { spec: name === kept.name ? kept.completed : renamed(kept.completed, kept.places, name), text: joined(kept.pieces, mark(name)) };
  }

  learn(prepared: Pod, completed: Pod): void {
    const name = randomName(prepared.spec);
    if (name === undefined) return;
    const text = encodeJSONString(completed.spec);
    if (text.length > longest) return;
    const pieces = name === "" ? [text] : text.split(mark(name));
    if (name !== "" && pieces.some((piece) => piece.includes(name))) return;
    const places = name === "" ? [] : placesOf(completed.spec, name);
    this.#kept.add({ prepared: deepCopy(prepared.spec), name, completed: deepCopy(completed.spec), places, pieces });
  }
}

function joined(pieces: readonly string[], between: string): readonly string[] {
  if (pieces.length < 2) return pieces;
  const all = new Array<string>(2 * pieces.length - 1).fill(between);
  for (let i = 0; i < pieces.length; i++) all[2 * i] = pieces[i] as string;
  return all;
}

const mark = (name: string): string => `"name":"${name}"`;
