/** Changes of JSON as a tree: values of other types, keys that others have, subtrees moved, doubled, nested. */
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import type { Random } from "../../src/base/random.ts";
import { bytesOf, type Mutator, textOf } from "./target.ts";

type Place = { holder: JSONValue[] | JSONObject; key: string | number };

const values: readonly JSONValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  2 ** 31,
  2 ** 53,
  "",
  "a",
  "1",
  "0x10",
  "2020-01-01T00:00:00Z",
  "100m",
  "1Ei",
  "9".repeat(40),
  [],
  {},
  [[]],
  [null],
  { "": null },
  "__proto__",
  { a: { b: {} } },
  "\u0000",
  "\ud800",
  "*",
  "/",
  "-",
  "~1",
  "a=b,c notin (d)",
  "x".repeat(300),
  { $patch: "delete" },
  { $patch: "replace" },
  { __proto__x: 1 },
];
const keys = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "$patch",
  "$retainKeys",
  "$setElementOrder/containers",
  "$deleteFromPrimitiveList/finalizers",
  "name",
  "metadata",
  "spec",
  "kind",
  "apiVersion",
  "",
  "0",
  "1",
  "-",
  "items",
];

/** No deeper than the recursion here and in what writes them is sure to go. */
const deepest = 1000;

function places(value: JSONValue, found: Place[] = [], depth = 0): Place[] {
  if (typeof value !== "object" || value === null) return found;
  const names: (string | number)[] = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  for (const key of names) {
    found.push({ holder: value as JSONObject, key });
    if (found.length < 5000 && depth < deepest) places((value as JSONObject)[key as string] as JSONValue, found, depth + 1);
  }
  return found;
}
const at = ({ holder, key }: Place): JSONValue => (holder as JSONObject)[key as string] as JSONValue;
function put({ holder, key }: Place, value: JSONValue): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}
const pick = <T>(of: readonly T[], random: Random): T => of[random.int(of.length)] as T;

/** Changes the root or something in it. */
export function changeJSON(given: JSONValue, random: Random): JSONValue {
  const all = places(given);
  const place = all.length && random.next() < 0.97 ? pick(all, random) : undefined;
  if (!place) return random.next() < 0.5 ? [given] : pick(values, random);
  const { holder, key } = place;
  switch (random.int(9)) {
    case 0:
      put(place, pick(values, random));
      break;
    case 1:
      if (Array.isArray(holder)) holder.splice(key as number, 1);
      else delete holder[key];
      break;
    case 2:
      put(place, structuredClone(at(pick(all, random))));
      break;
    case 3: {
      const name = random.next() < 0.5 ? pick(keys, random) : String(pick(all, random).key);
      put({ holder, key: Array.isArray(holder) ? random.int(holder.length + 1) : name }, at(place));
      break;
    }
    case 4: {
      let value = structuredClone(at(place));
      for (let depth = 2 ** random.int(8); depth > 0; depth--) value = random.next() < 0.5 ? [value] : { [pick(keys, random)]: value };
      put(place, value);
      break;
    }
    case 5:
      if (Array.isArray(holder)) for (let n = 2 ** random.int(8); n > 0; n--) holder.push(structuredClone(at(place)));
      else for (let n = 2 ** random.int(7); n > 0; n--) holder[`${key}${n}`] = structuredClone(at(place));
      break;
    case 6: {
      const value = at(place);
      if (typeof value === "string") put(place, value.repeat(1 + random.int(3)) + pick(["", " ", "/", "\n", "\u00e9", "-", ".", "*"], random));
      else if (typeof value === "number") put(place, pick([value + 1, -value, value * 2 ** 31, value / 3, String(value)], random));
      else
        put(place, typeof value === "object" && value !== null ? (Array.isArray(value) ? { ...value } : (Object.values(value) as JSONValue[])) : String(value));
      break;
    }
    case 7:
      if (Array.isArray(holder)) holder.reverse();
      else put({ holder, key: `${key}${pick(["", "s", "/x", ".y"], random)}` }, at(place));
      break;
    default: {
      const other = pick(all, random);
      const value = at(place);
      put(place, structuredClone(at(other)));
      put(other, structuredClone(value));
    }
  }
  return given;
}

function parsed(input: Uint8Array): JSONValue | undefined {
  if (input.length > 1 << 20) return undefined;
  try {
    return JSON.parse(textOf(input)) as JSONValue;
  } catch {
    return undefined;
  }
}

export const jsonMutator: Mutator = (input, random) => {
  let value = parsed(input);
  if (value === undefined) return undefined;
  try {
    for (let n = 1 + random.int(3); n > 0; n--) value = changeJSON(value, random);
    return bytesOf(JSON.stringify(value));
  } catch (error) {
    // A subtree that was put into itself, or one that is too deep.
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
};

/** A key of the text written twice. */
export const repeatedKeyMutator: Mutator = (input, random) => {
  const text = textOf(input);
  const found = [...text.matchAll(/"[^"\\]*":/g)];
  const match = found[random.int(found.length)];
  return match && bytesOf(`${text.slice(0, match.index)}${match[0]}${pick(["null", "1", "{}", '[{"a":1}]', '"x"'], random)},${text.slice(match.index)}`);
};
