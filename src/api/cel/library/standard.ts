/** What every environment has: the functions, operators and types of the language itself. */
import { type Library, member, overload } from "../declarations.ts";
import { matches } from "../regex.ts";
import { anyList, anyMap, listOf, mapOf, param, type Type, types } from "../types.ts";
import { MapValue, noSuchOverload, sizeOf, uncounted, type Value } from "../values.ts";
import { arithmetic } from "./arithmetic.ts";
import { comparison } from "./comparison.ts";
import { conversion } from "./conversion.ts";
import { time } from "./time.ts";

const { bool, int, string, bytes } = types;
const [a, b] = [param("A"), param("B")];
const size = (value: Value): Value => (value instanceof MapValue && value[uncounted] ? noSuchOverload : BigInt(sizeOf(value) as number));
const sized: [string, Type][] = [
  ["bytes", bytes],
  ["list", listOf(a)],
  ["map", mapOf(a, b)],
  ["string", string],
];

const core: Library = {
  types: [bool, int, types.uint, types.double, string, bytes, types.null, types.type, anyList, anyMap, types.duration, types.timestamp],
  functions: {
    "_&&_": [overload("logical_and", [bool, bool], bool, (x: boolean, y: boolean) => x && y)],
    "_||_": [overload("logical_or", [bool, bool], bool, (x: boolean, y: boolean) => x || y)],
    "_?_:_": [overload("conditional", [bool, a, a], a, (condition: boolean, yes: Value, no: Value) => (condition ? yes : no))],
    "@not_strictly_false": [overload("not_strictly_false", [bool], bool, (value: Value) => value !== false)],
    "_[_]": [overload("index_list", [listOf(a), int], a, (list: Value) => list), overload("index_map", [mapOf(a, b), a], b, (map: Value) => map)],
    size: [
      ...sized.map(([name, type]) => overload(`size_${name}`, [type], int, size)),
      ...sized.map(([name, type]) => member(`${name}_size`, [type], int, size)),
    ],
    contains: [member("contains_string", [string, string], bool, (text: string, part: string) => text.includes(part))],
    endsWith: [member("ends_with_string", [string, string], bool, (text: string, end: string) => text.endsWith(end))],
    startsWith: [member("starts_with_string", [string, string], bool, (text: string, start: string) => text.startsWith(start))],
    matches: [overload("matches", [string, string], bool, matches), member("matches_string", [string, string], bool, matches)],
  },
};

export const standardLibrary: readonly Library[] = [core, comparison, arithmetic, time, conversion];
