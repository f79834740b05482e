/** JSON and YAML that say the same in other letters, or nearly: numbers, escapes, keys, space, marks and what is no text. */
import { dump } from "js-yaml";
import type { Random } from "../../src/base/random.ts";
import type { JSONObject } from "../../src/api/json.ts";
import { chance, pick } from "./mutate.ts";

const numbers = [
  ...["1.0", "1e0", "1E+2", "-0", "0.0", "1.5e3", "15e-1", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809"],
  ...["18446744073709551616", "2147483648", "-2147483649", "4294967296", "1e400", "1e-400", "1e18", "1e19", "00", "01", "+1", ".5", "1.", "0x10", "1_000"],
  ...["NaN", "Infinity", '"1"', "1.0000000000000000001", "123456789012345678901234567890", "0.1e1", "1e", "-", "5e-324"],
];
const words = [
  ...['"\\u0061"', '"a\\/b"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x41"', '"a\nb"', '"a\tb"', '"\u2028"', '"\u007f"'],
  ...['"\\u003c"', '"\u00e9"', '"e\u0301"', '"\u212a"', '"\\u00E9"', '"\\', '"\\u12"', "'a'", "True", "nul", "undefined", "{}", "[]", "null", "true", '""'],
  ...['"\\b\\f\\n\\r\\t"', '"\\a"', '"\u{1f600}"', '"\ufeff"', '"\uffff"', '"\\uFFFD"'],
];
const keys = [
  '"Kind"',
  '"APIVERSION"',
  '"__proto__"',
  '"constructor"',
  '""',
  '"\\u0073pec"',
  '"Spec"',
  '"a b"',
  '"\\ud800"',
  '"$patch"',
  "a",
  "1",
  '"\u00e9"',
  '"metadata"',
  '"spec"',
  '"kind"',
];
const between = [" ", "\n", "\t", "\r\n", "\u00a0", "\ufeff", "\f", "/* */", "//\n", "#", ",", ",,", "}", "]", "\u0000", "\u2028"];

/** The places of what matches, of which one is drawn; undefined where there is none. */
function place(random: Random, text: string, wanted: RegExp): { from: number; to: number } | undefined {
  const found = [...text.matchAll(wanted)];
  if (!found.length) return undefined;
  const { index, 0: matched } = pick(random, found);
  return { from: index, to: index + matched.length };
}
const spliced = (text: string, at: { from: number; to: number } | undefined, into: string): string =>
  at ? text.slice(0, at.from) + into + text.slice(at.to) : text;

const jsonNumber = /(?<=[:[,])-?\d+(?:\.\d+)?(?=[,\]}])/g;
// What each server draws a name from stays, so that names are known for drawn ones.
const jsonWord = /(?<=[:[,])(?<!"generateName":)"(?:[^"\\]|\\.)*"(?=[,\]}])/g;
const jsonKey = /"(?:[^"\\]|\\.)*"(?=:)/g;
const jsonMark = /[{}[\],:]/g;

export function respelledJSON(random: Random, object: JSONObject): string | Uint8Array {
  const text = JSON.stringify(object);
  return pick<() => string | Uint8Array>(random, [
    () => spliced(text, place(random, text, jsonNumber), pick(random, numbers)),
    () => spliced(text, place(random, text, jsonNumber), pick(random, numbers)),
    () => spliced(text, place(random, text, jsonWord), pick(random, words)),
    () => spliced(text, place(random, text, jsonWord), pick(random, words)),
    () => spliced(text, place(random, text, jsonWord), pick(random, numbers)),
    () => spliced(text, place(random, text, jsonKey), pick(random, keys)),
    () => {
      const at = place(random, text, jsonKey);
      return at ? spliced(text, { from: at.from, to: at.from }, `${text.slice(at.from, at.to)}:${pick(random, [...words, ...numbers])},`) : text;
    },
    () => {
      const at = place(random, text, jsonKey);
      return at ? spliced(text, { from: at.from, to: at.from }, `${pick(random, keys)}:${pick(random, [...words, ...numbers])},`) : text;
    },
    () => {
      const at = place(random, text, jsonMark);
      const to = (at?.from ?? 0) + random.int(2);
      return spliced(text, { from: to, to }, pick(random, between));
    },
    () => spliced(text, place(random, text, jsonMark), ""),
    () => text.slice(0, random.int(text.length)),
    () => `${pick(random, between)}${text}${pick(random, between)}`,
    () => {
      const at = place(random, text, chance(random, 0.7) ? jsonWord : jsonKey);
      const middle = (at?.from ?? 0) + 1;
      return Buffer.concat([
        Buffer.from(text.slice(0, middle)),
        Buffer.from(pick(random, [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]])),
        Buffer.from(text.slice(middle)),
      ]);
    },
  ])();
}

const scalars = [
  ...[
    "yes",
    "no",
    "on",
    "Off",
    "y",
    "~",
    "null",
    "Null",
    "0777",
    "0o17",
    "0x1F",
    "1_000",
    "0b11",
    "1:30",
    "190:20:30",
    ".inf",
    "-.INF",
    ".NaN",
    "1e3",
    "1.e+3",
  ],
  ...["+1", "-0", "0.0", "08", "2026-01-02", "2026-01-02T03:04:05Z", "!!str 1", '!!int "1"', "!!binary aGk=", "!!float 1", "!!null x", "!x y", "!!bool yes"],
  ...[
    "'a''b'",
    '"\\x41"',
    '"\\u00e9"',
    '"\\q"',
    "|\n    a\n    b",
    ">-\n    a\n    b",
    "&a x",
    "*a",
    "{a: b}",
    "[1, 2]",
    "[a, b,]",
    "{a, b}",
    "? x",
    "@x",
    "`x",
  ],
  ...[
    "%x",
    "a: b",
    "a #b",
    "a#b",
    "- x",
    "18446744073709551616",
    "9223372036854775808",
    "1e400",
    "=",
    "<<",
    '"',
    "'",
    "[",
    "{",
    "\t",
    "\u00e9",
    '"a\n\n  b"',
    "",
    "x: y: z",
  ],
];
const yamlKeys = [
  "yes",
  "1",
  "1.5",
  "~",
  "true",
  "<<",
  '"a"',
  "? a",
  "[a]",
  "{a: b}",
  "2026-01-02",
  "spec",
  "metadata",
  "0x10",
  "null",
  "'kind'",
  "&k kind",
  ".inf",
];
const yamlScalar = /(?<=: )(?<!generateName: )[^\n>|]+(?=\n)/g;
const yamlKey = /(?<=^ *)[\w./-]+(?=:)/gm;
const yamlLine = /^ */gm;

export function respelledYAML(random: Random, object: JSONObject): string {
  const text = dump(object);
  return pick<() => string>(random, [
    () => spliced(text, place(random, text, yamlScalar), pick(random, scalars)),
    () => spliced(text, place(random, text, yamlScalar), pick(random, scalars)),
    () => spliced(text, place(random, text, yamlScalar), pick(random, scalars)),
    () => spliced(text, place(random, text, yamlScalar), pick(random, scalars)),
    () => spliced(text, place(random, text, yamlKey), pick(random, yamlKeys)),
    () => {
      const at = place(random, text, yamlLine);
      return at ? spliced(text, { from: at.to, to: at.to }, `${pick(random, yamlKeys)}: ${pick(random, scalars)}\n${text.slice(at.from, at.to)}`) : text;
    },
    () => spliced(text, place(random, text, yamlLine), pick(random, ["\t", " ", "   ", "- ", "#", "", "? ", "---\n", "...\n"])),
    () => pick(random, ["---\n", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "# x\n", "\ufeff", "\n\n", "--- # x\n", "---\n---\n", "%TAG ! x:\n---\n"]) + text,
    () => text + pick(random, ["---\n", "---\na: b\n", "...\n", "...\nx\n", "---\nkind: Pod\n", "x", "\u0000", "- a\n", "\t"]),
    () => text.replaceAll("\n", "\r\n"),
    () => text.slice(0, random.int(text.length)),
  ])();
}

/** The text of a patch or of another body that is JSON, in other letters now and then. */
export function respelled(random: Random, body: unknown): unknown {
  return typeof body === "object" && body !== null && !(body instanceof Uint8Array) && chance(random, 0.03) ? respelledJSON(random, body as JSONObject) : body;
}
