/** Text of literals to values: numbers, strings and bytes with their escapes (cel-spec, "String and Bytes Values"). */
import { UInt, type Value } from "./values.ts";
import { table } from "../../base/table.ts";

/** Why a literal is none. */
export class LiteralError extends Error {}

const plain = table<number>({ a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92, "'": 39, '"': 34, "`": 96, "?": 63 });
const hexDigits = table<number>({ x: 2, X: 2, u: 4, U: 8 });
const unable = "unable to unescape string";

/** Code points of a string, bytes of a bytes literal. */
function* unescaped(text: string, bytes: boolean): Iterable<number> {
  const encoder = new TextEncoder();
  const literal = (piece: string): Iterable<number> => (bytes ? encoder.encode(piece) : Array.from(piece, (c) => c.codePointAt(0) as number));
  let at = 0;
  for (;;) {
    const next = text.indexOf("\\", at);
    yield* literal(text.slice(at, next < 0 ? text.length : next));
    if (next < 0) return;
    const code = text[next + 1];
    if (code === undefined) throw new LiteralError(`${unable}, found '\\' as last character`);
    at = next + 2;
    const simple = plain[code];
    if (simple !== undefined) {
      yield simple;
      continue;
    }
    const digits = hexDigits[code];
    let point: number;
    if (digits) {
      const hex = text.slice(at, at + digits);
      if (!/^[\da-fA-F]+$/.test(hex) || hex.length < digits || (bytes && digits > 2)) throw new LiteralError(unable);
      point = Number.parseInt(hex, 16);
      at += digits;
    } else if (/[0-3]/.test(code)) {
      const octal = text.slice(next + 1, next + 4);
      if (!/^[0-7]{3}$/.test(octal)) throw new LiteralError("unable to unescape octal sequence in string");
      point = Number.parseInt(octal, 8);
      at += 2;
    } else throw new LiteralError(unable);
    if (!bytes && (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))) throw new LiteralError("invalid unicode code point");
    yield point;
  }
}

export function stringLiteral(token: string): Value {
  const bytes = /^[bB]/.test(token);
  const unprefixed = bytes ? token.slice(1) : token;
  const raw = /^[rR]/.test(unprefixed);
  const quoted = raw ? unprefixed.slice(1) : unprefixed;
  const quotes = /^(?:"""|''')/.test(quoted) ? 3 : 1;
  const text = quoted.slice(quotes, -quotes).replaceAll(/\r\n?/g, "\n");
  if (raw || !text.includes("\\")) return bytes ? new TextEncoder().encode(text) : text;
  if (bytes) return Uint8Array.from(unescaped(text, true));
  let out = "";
  for (const point of unescaped(text, false)) out += String.fromCodePoint(point);
  return out;
}

const minInt = -(2n ** 63n);
const maxInt = 2n ** 63n - 1n;
const maxUint = 2n ** 64n - 1n;

/** With its sign. */
export function numberLiteral(token: string): Value {
  if (/[uU]$/.test(token)) {
    const value = BigInt(token.slice(0, -1));
    if (value > maxUint) throw new LiteralError("invalid uint literal");
    return new UInt(value);
  }
  if (/^-?(?:0x|\d+$)/.test(token)) {
    const value = token.startsWith("-") ? -BigInt(token.slice(1)) : BigInt(token);
    if (value < minInt || value > maxInt) throw new LiteralError("invalid int literal");
    return value;
  }
  const value = Number(token);
  if (!Number.isFinite(value)) throw new LiteralError("invalid double literal");
  return value;
}
