/**
 * YAML as sigs.k8s.io/yaml writes it: keys in go-yaml's order, its choice of quotes and blocks, long text folded at 80
 * columns, lists not indented below their key.
 */
import { goFloat } from "../go-float.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { StatusError } from "../status.ts";
import { encodeJSONString } from "./json.ts";
import { isAmbiguous } from "./yaml-scalar.ts";
import { table } from "../../base/table.ts";

/** Upstream makes YAML of JSON by reading that as YAML: what YAML cannot be read with ends in an error, which it answers as YAML. */
export class UnwritableText extends StatusError {
  constructor() {
    super({ code: 500, message: "yaml: control characters are not allowed" });
  }
}

/** Throws UnwritableText for texts that YAML cannot be read with, as encodeYAMLString. */
export function encodeYAML(value: unknown): Uint8Array {
  return new TextEncoder().encode(encodeYAMLString(value));
}

export function encodeYAMLString(value: unknown): string {
  const out: string[] = [];
  const root = (value ?? null) as JSONValue;
  if (hasKeys(root)) writeMap(root, 0, out, true);
  else if (isList(root)) writeList(root, 0, out, true);
  else out.push(scalar(root, 0, 0, false));
  return `${out.join("")}\n`;
}

/**
 * Columns. Each level is indented as far as it is deep: 9,000 of them, which are 80 kB of JSON, would be 80 MB. What is deeper is
 * written as JSON, which is YAML as well.
 */
const deepest = 400;

const keysOf = (map: JSONObject): string[] => Object.keys(map).filter((key) => map[key] !== undefined);
const hasKeys = (value: JSONValue): value is JSONObject => isMap(value) && keysOf(value).length > 0;
const isList = (value: JSONValue): value is JSONValue[] => Array.isArray(value) && value.length > 0;

/** `inline`: the first entry continues the line that is there (the start of the text, or after `- `). */
function writeMap(map: JSONObject, indent: number, out: string[], inline: boolean): void {
  let first = inline;
  for (const key of keysOf(map).sort(naturalOrder)) {
    if (!first) out.push(`\n${" ".repeat(indent)}`);
    first = false;
    const simple = Buffer.byteLength(key) <= 128 && !breaks.test(key);
    const name = scalar(key, indent, simple ? indent : indent + 2, simple);
    out.push(simple ? `${name}:` : `? ${name}\n${" ".repeat(indent)}:`);
    writeValue(map[key] as JSONValue, indent, simple ? indent + [...name].length + 1 : indent + 1, out, !simple);
  }
}

function writeValue(value: JSONValue, indent: number, column: number, out: string[], inline: boolean): void {
  if (indent >= deepest) out.push(" ", encodeJSONString(value));
  else if (hasKeys(value)) {
    out.push(inline ? " " : `\n${" ".repeat(indent + 2)}`);
    writeMap(value, indent + 2, out, true);
  } else if (isList(value)) {
    out.push(inline ? " " : `\n${" ".repeat(indent)}`);
    writeList(value, inline ? indent + 2 : indent, out, true);
  } else out.push(" ", scalar(value, indent, column + 1, false));
}

function writeList(list: JSONValue[], indent: number, out: string[], inline: boolean): void {
  let first = inline;
  for (const item of list) {
    out.push(first ? "-" : `\n${" ".repeat(indent)}-`);
    first = false;
    out.push(" ");
    if (indent >= deepest) out.push(encodeJSONString(item));
    else if (hasKeys(item)) writeMap(item, indent + 2, out, true);
    else if (isList(item)) writeList(item, indent + 2, out, true);
    else out.push(scalar(item, indent, indent + 2, false));
  }
}

const breaks = /[\r\n\u0085\u2028\u2029]/;
const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const width = 80;

/** `column` is where it starts; continuation lines stand two deeper than `indent`. */
function scalar(value: JSONValue, indent: number, column: number, key: boolean): string {
  if (value === null || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? BigInt(value).toString() : goFloat(value);
  if (typeof value !== "string") return Array.isArray(value) ? "[]" : "{}";
  const text = asRead(value.toWellFormed());
  const allowed = analyze(text);
  if (!allowed.single && unreadable.test(text)) throw new UnwritableText();
  const pad = " ".repeat(indent + 2);
  if (text.includes("\n")) return allowed.block && !key ? literal(text, pad) : doubleQuoted(text, column, pad, !key);
  if (isAmbiguous(text) || base60.test(text)) return doubleQuoted(text, column, pad, !key);
  if (allowed.plain && !(key && text === "")) return key ? text : fold(text, column, pad, false);
  if (allowed.single) return `'${fold(text.replaceAll("'", "''"), column + 1, pad, true, key)}'`;
  return doubleQuoted(text, column, pad, !key);
}

/** Stand as they are in Go's JSON. */
const unreadable = /[\x7f-\x84\x86-\x9f\ufffe\uffff]/;
const nextLines = / *\u0085(?: *\u0085)* */g;
/** The only break that stands as it is in JSON is folded when that is read. */
const asRead = (text: string): string =>
  text.includes("\u0085") ? text.replace(nextLines, (found) => "\n".repeat(found.replaceAll(" ", "").length - 1) || " ") : text;
const printable = /^[\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]*$/;

/** Which styles can carry the text (libyaml's analysis). */
function analyze(text: string): { plain: boolean; single: boolean; block: boolean } {
  if (text === "") return { plain: true, single: true, block: false };
  const special = !printable.test(text);
  const edge = /^[ \r\n\u0085\u2028\u2029]|[ \r\n\u0085\u2028\u2029]$/.test(text);
  const indicators = /^(?:---|\.\.\.)|^[#,[\]{}&*!|>'"%@`]|^[?:-](?:[ \t]|$)|:(?:[ \t]|$)|[ \t\r\n\u0085\u2028\u2029]#/.test(text);
  const spaceBreak = / [\r\n\u0085\u2028\u2029]/.test(text);
  const breakSpace = /[\r\n\u0085\u2028\u2029] /.test(text);
  return {
    plain: !edge && !indicators && !special && !breaks.test(text),
    single: !special && !spaceBreak && !breakSpace,
    block: !special && !spaceBreak && !text.endsWith(" "),
  };
}

/** Breaks lines at single spaces beyond the width. */
function fold(text: string, column: number, pad: string, quoted: boolean, key = false): string {
  if (key || column + text.length <= width || !text.includes(" ")) return text;
  const chars = [...text];
  let out = "";
  let at = column;
  let spaces = false;
  chars.forEach((char, i) => {
    if (char === " ") {
      const inside = !quoted || (i > 0 && i < chars.length - 1);
      if (!spaces && at > width && inside && chars[i + 1] !== " ") {
        out += `\n${pad}`;
        at = pad.length;
      } else {
        out += char;
        at++;
      }
      spaces = true;
    } else {
      out += char;
      at++;
      spaces = false;
    }
  });
  return out;
}

function literal(text: string, pad: string): string {
  const hint = /^[ \n\r\u0085\u2028\u2029]/.test(text) ? "2" : "";
  const chomp = !text.endsWith("\n") ? "-" : text === "\n" || /[\r\n\u0085\u2028\u2029]\n$/.test(text) ? "+" : "";
  const lines = (chomp === "-" ? text : text.slice(0, -1)).split("\n");
  return `|${hint}${chomp}\n${lines.map((line) => (line === "" ? "" : pad + line)).join("\n")}`;
}

const named = table<string>({
  "\0": "0",
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "e",
  '"': '"',
  "\\": "\\",
  "\u0085": "N",
  "\u2028": "L",
  "\u2029": "P",
});

function doubleQuoted(text: string, column: number, pad: string, mayFold: boolean): string {
  const chars = [...text];
  let out = '"';
  let at = column + 1;
  let spaces = false;
  chars.forEach((char, i) => {
    if (char === " ") {
      if (mayFold && !spaces && at > width && i > 0 && i < chars.length - 1) {
        out += `\n${pad}${chars[i + 1] === " " ? "\\" : ""}`;
        at = pad.length + (chars[i + 1] === " " ? 1 : 0);
      } else {
        out += char;
        at++;
      }
      spaces = true;
      return;
    }
    spaces = false;
    const escaped = named[char] ?? (printable.test(char) ? undefined : hexEscape(char.codePointAt(0) as number));
    const written = escaped === undefined ? char : `\\${escaped}`;
    out += written;
    at += written.length;
  });
  return `${out}"`;
}

function hexEscape(code: number): string {
  const [letter, digits] = code <= 0xff ? ["x", 2] : code <= 0xffff ? ["u", 4] : ["U", 8];
  return (
    letter +
    code
      .toString(16)
      .toUpperCase()
      .padStart(digits as number, "0")
  );
}

const isLetter = (char: string): boolean => /\p{L}/u.test(char);
const isDigit = (char: string | undefined): boolean => char !== undefined && /\p{Nd}/u.test(char);
const plainWord = /^[A-Za-z]*$/;

/** go-yaml's order of keys: letters after everything else, runs of digits by their value. */
export function naturalOrder(a: string, b: string): number {
  if (plainWord.test(a) && plainWord.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  const [x, y] = [[...a], [...b]];
  for (let i = 0; i < x.length && i < y.length; i++) {
    const [p, q] = [x[i] as string, y[i] as string];
    if (p === q) continue;
    const order = (p.codePointAt(0) as number) - (q.codePointAt(0) as number);
    const [pl, ql] = [isLetter(p), isLetter(q)];
    if (pl && ql) return order;
    if (pl || ql) return ql ? -1 : 1;
    let [pn, qn] = [0n, 0n];
    if (p === "0" || q === "0") {
      for (let j = i - 1; j >= 0 && isDigit(x[j]); j--) {
        if (x[j] !== "0") {
          pn = qn = 1n;
          break;
        }
      }
    }
    let [pi, qi] = [i, i];
    for (; isDigit(x[pi]); pi++) pn = pn * 10n + BigInt((x[pi] as string).codePointAt(0) as number) - 48n;
    for (; isDigit(y[qi]); qi++) qn = qn * 10n + BigInt((y[qi] as string).codePointAt(0) as number) - 48n;
    if (pn !== qn) return pn < qn ? -1 : 1;
    return pi !== qi ? pi - qi : order;
  }
  return x.length - y.length;
}
