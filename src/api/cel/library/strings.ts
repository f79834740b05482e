/** Functions of strings beyond the language's own (cel-go's ext.Strings). Positions count code points. */
import { goEscapes } from "../../go-quote.ts";
import { type Library, member, overload } from "../declarations.ts";
import { listOf, types } from "../types.ts";
import { TextList, CelError, lengthOf, type ListValue, show, type Value } from "../values.ts";
import { formatting, grouped, plain } from "./format.ts";
import { isTooLong, tooLong } from "./long-texts.ts";

const { string, int, dyn } = types;
const strings_ = listOf(string);

/** Positions and units are the same in most strings. */
const isNarrow = (text: string): boolean => lengthOf(text) === text.length;
const outOfRange = (index: bigint): CelError => new CelError(`index out of range: ${index}`);

function slice(text: string, start: number, end?: number): string {
  return isNarrow(text) ? text.slice(start, end) : [...text].slice(start, end).join("");
}
function charAt(text: string, index: bigint): Value {
  return index < 0n || index > lengthOf(text) ? outOfRange(index) : slice(text, Number(index), Number(index) + 1);
}
function substring(text: string, start: bigint, end?: bigint): Value {
  const length = lengthOf(text);
  if (end !== undefined && start > end) return new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > length) return outOfRange(start);
  if (end !== undefined && end > length) return outOfRange(end);
  return slice(text, Number(start), end === undefined ? undefined : Number(end));
}
function indexOf(text: string, part: string, offset = 0n): Value {
  if (part === "") return offset;
  if (offset < 0n) return outOfRange(offset);
  if (isNarrow(text)) return BigInt(text.indexOf(part, Number(offset)));
  const units = slice(text, 0, Number(offset)).length;
  const found = offset >= lengthOf(text) ? -1 : text.indexOf(part, units);
  return BigInt(found < 0 ? -1 : lengthOf(text.slice(0, found)));
}
function lastIndexOf(text: string, part: string, offset?: bigint): Value {
  const length = lengthOf(text);
  if (part === "") return offset ?? BigInt(length);
  if (offset === undefined) {
    const found = text.lastIndexOf(part);
    return BigInt(found < 0 ? -1 : lengthOf(text.slice(0, found)));
  }
  if (offset < 0n) return outOfRange(offset);
  if (offset >= length) return -1n;
  const found = text.lastIndexOf(part, slice(text, 0, Number(offset)).length);
  return BigInt(found < 0 ? -1 : lengthOf(text.slice(0, found)));
}
/** How often one text is in another, up to so often. */
function countOf(text: string, part: string, most: number): number {
  let found = 0;
  for (let at = text.indexOf(part); at >= 0 && found < most; at = text.indexOf(part, at + part.length)) found++;
  return found;
}
/** At most so many times; without end where it is negative. */
function replace(text: string, old: string, by: string, most = -1n): Value {
  const limit = most < 0n ? Number.POSITIVE_INFINITY : Number(most);
  const count = old === "" ? Math.min(limit, lengthOf(text) + 1) : countOf(text, old, limit);
  if (isTooLong(text.length + count * (by.length - old.length))) return tooLong("replace");
  if (count === 0) return text;
  if (old === "") return interspersed(text, by, count);
  if (most < 0n) return text.replaceAll(old, () => by);
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < count; i++) {
    const at = text.indexOf(old, from);
    parts.push(text.slice(from, at), by);
    from = at + old.length;
  }
  return parts.join("") + text.slice(from);
}
/** Units of a text that are looked at in one piece. */
const piece = 1 << 16;
/** `by` before so many of a text's characters, and behind the last where it is one more. */
function interspersed(text: string, by: string, count: number): string {
  const pieces: string[] = [];
  let left = count;
  for (let from = 0; left > 0 && from < text.length; ) {
    let to = Math.min(text.length, from + piece);
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to--;
    let out = "";
    for (const one of text.slice(from, to)) out += left-- > 0 ? by + one : one;
    pieces.push(out);
    from = to;
    if (left <= 0) return pieces.join("") + text.slice(from);
  }
  return pieces.join("") + (left > 0 ? by : "");
}
const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
/** At most so many parts, the last with the rest; all where it is negative. */
function split(text: string, separator: string, most = -1n): Value {
  const parts = separator === "" ? [...text] : text.split(separator);
  const count = Number(most);
  if (count < 0 || parts.length <= count) return new TextList(parts);
  if (count === 0) return new TextList([]);
  return new TextList([...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)]);
}
function join(list: ListValue, separator = ""): Value {
  const texts: string[] = [];
  let length = 0;
  for (const item of list) {
    if (typeof item !== "string") return new CelError(`join: invalid input: ${show(item)}`);
    length += item.length + separator.length;
    if (isTooLong(length)) return tooLong("join");
    texts.push(item);
  }
  return texts.join(separator);
}
const quote = (text: string): string => `"${text.toWellFormed().replaceAll(/["\\\p{Cc}]/gu, (one) => goEscapes[one] ?? one)}"`;
/** What Go takes for white space. */
const blank = /[^\S\ufeff]|\u0085/;
function trim(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && blank.test(text[from] as string)) from++;
  while (to > from && blank.test(text[to - 1] as string)) to--;
  return text.slice(from, to);
}
const lower = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
const upper = (text: string): string => text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());

const base: NonNullable<Library["functions"]> = {
  charAt: [member("string_char_at_int", [string, int], string, charAt)],
  indexOf: [member("string_index_of_string", [string, string], int, indexOf), member("string_index_of_string_int", [string, string, int], int, indexOf)],
  lastIndexOf: [
    member("string_last_index_of_string", [string, string], int, lastIndexOf),
    member("string_last_index_of_string_int", [string, string, int], int, lastIndexOf),
  ],
  lowerAscii: [member("string_lower_ascii", [string], string, lower)],
  upperAscii: [member("string_upper_ascii", [string], string, upper)],
  replace: [
    member("string_replace_string_string", [string, string, string], string, replace),
    member("string_replace_string_string_int", [string, string, string, int], string, replace),
  ],
  split: [member("string_split_string", [string, string], strings_, split), member("string_split_string_int", [string, string, int], strings_, split)],
  substring: [member("string_substring_int", [string, int], string, substring), member("string_substring_int_int", [string, int, int], string, substring)],
  trim: [member("string_trim", [string], string, trim)],
  "strings.quote": [overload("strings_quote", [string], string, quote)],
  join: [member("list_join", [strings_], string, join), member("list_join_string", [strings_, string], string, join)],
};
const format = (dialect: typeof plain): NonNullable<Library["functions"]> => ({
  format: [member("string_format", [string, listOf(dyn)], string, formatting(dialect))],
});

/** Version 2 of cel-go's library: what Kubernetes has. */
export const stringsVersion2: Library = { functions: { ...base, ...format(grouped) } };
/** Its newest version. */
export const strings: Library = {
  functions: { ...base, ...format(plain), reverse: [member("string_reverse", [string], string, (text: string) => [...text].reverse().join(""))] },
};
