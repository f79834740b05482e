/** Values as Go's spew prints them with %#v and sorted keys, for sums of states. `null` and `undefined` are Go's nil. */
import { compareBytes } from "../../api/codec/json.ts";

export const list = <T>(items: readonly T[] | null | undefined, print: (item: T) => string | number = String): string =>
  items ? `[${items.map(print).join(" ")}]` : "<nil>";

export const map = <V>(
  members: Readonly<Record<string, V>> | null | undefined,
  print: (value: V) => string,
  compare: (a: string, b: string) => number = compareBytes,
): string =>
  members
    ? `map[${Object.entries(members)
        .sort(([a], [b]) => compare(a, b))
        .map(([key, value]) => `${key}:${print(value)}`)
        .join(" ")}]`
    : "<nil>";

export const byNumber = (a: string, b: string): number => Number(a) - Number(b);

/** `fields`: name to Go's type and the printed value. */
export const struct = (fields: Record<string, readonly [type: string, printed: string | number]>): string =>
  `{${Object.entries(fields)
    .map(([name, [type, printed]]) => `${name}:(${type})${printed}`)
    .join(" ")}}`;
