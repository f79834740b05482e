/** Changes of bytes and of texts that know nothing of their meaning. */
import type { Random } from "../../src/base/random.ts";
import { bytesOf, type Mutator, textOf } from "./target.ts";

/** 0, the ends of every width and their neighbours. */
const edges = [0, 1, 2, 16, 31, 32, 63, 64, 100, 127, 128, 255];
const numbers = ["0", "-1", "1e308", "1e999", "-0", "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "0.1", "1e-400"];
const alien = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "\u0000",
  "\ud800",
  "\u{10ffff}",
  "\u00e9",
  "\ufeff",
  "\\u0000",
  "%00",
  "../",
];

const concat = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);

function place(input: Uint8Array, random: Random): [number, number] {
  const from = random.int(input.length + 1);
  const span = random.next() < 0.7 ? 1 + random.int(8) : random.int(input.length + 1);
  return [from, Math.min(input.length, from + span)];
}

export const byteMutators: readonly Mutator[] = [
  (input, random) => {
    if (!input.length) return undefined;
    const out = Uint8Array.from(input);
    for (let n = 1 + random.int(4); n > 0; n--) out[random.int(out.length)] = random.int(256);
    return out;
  },
  (input, random) => {
    if (!input.length) return undefined;
    const out = Uint8Array.from(input);
    const at = random.int(out.length);
    out[at] = (out[at] as number) ^ (1 << random.int(8));
    return out;
  },
  (input, random) => {
    if (!input.length) return undefined;
    const out = Uint8Array.from(input);
    out[random.int(out.length)] = edges[random.int(edges.length)] as number;
    return out;
  },
  (input, random) => {
    const [from, to] = place(input, random);
    return concat(input.subarray(0, from), input.subarray(to));
  },
  (input, random) => {
    const [from, to] = place(input, random);
    return concat(input.subarray(0, to), input.subarray(from));
  },
  (input, random) => {
    const [from, to] = place(input, random);
    const at = random.int(input.length + 1);
    return concat(input.subarray(0, at), input.subarray(from, to), input.subarray(at));
  },
  (input, random) => input.subarray(0, random.int(input.length + 1)),
  (input, random) => {
    const at = random.int(input.length + 1);
    return concat(input.subarray(0, at), random.bytes(1 + random.int(8)), input.subarray(at));
  },
  // A part of it over and over: depth, length and number.
  (input, random) => {
    const [from, to] = place(input, random);
    const part = input.subarray(from, to);
    if (!part.length) return undefined;
    const times = 2 ** random.int(random.next() < 0.02 ? 17 : 7);
    return concat(input.subarray(0, from), Buffer.alloc(part.length * times, part), input.subarray(to));
  },
  (input, random) => {
    const text = textOf(input);
    const found = [...text.matchAll(/\d+/g)];
    const match = found[random.int(found.length)];
    if (!match) return undefined;
    return bytesOf(text.slice(0, match.index) + numbers[random.int(numbers.length)] + text.slice(match.index + match[0].length));
  },
  (input, random) => {
    const text = textOf(input);
    const found = [...text.matchAll(/[A-Za-z_$][\w$.-]*/g)];
    const match = found[random.int(found.length)];
    if (!match) return undefined;
    return bytesOf(text.slice(0, match.index) + alien[random.int(alien.length)] + text.slice(match.index + match[0].length));
  },
];

/** Puts one of the words in, or in the place of another word. */
export const wordMutator =
  (words: readonly string[]): Mutator =>
  (input, random) => {
    const word = bytesOf(words[random.int(words.length)] as string);
    const at = random.int(input.length + 1);
    let to = at;
    if (random.next() < 0.5) while (to < input.length && /\w/.test(String.fromCharCode(input[to] as number))) to++;
    return concat(input.subarray(0, at), word, input.subarray(to));
  };

/** The beginning of one and the end of another. */
export function spliced(a: Uint8Array, b: Uint8Array, random: Random): Uint8Array {
  const at = random.int(a.length + 1);
  const from = random.int(b.length + 1);
  return random.next() < 0.5 ? concat(a.subarray(0, at), b.subarray(from)) : concat(a.subarray(0, at), b.subarray(from), a.subarray(at));
}
