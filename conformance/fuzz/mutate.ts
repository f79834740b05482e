/** Changes of bytes and of texts that know nothing of their meaning. */
import type { Random } from "../../src/base/random.ts";
import { bytesOf, type Mutator } from "./target.ts";

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

/** Mutators make no more than the longest target takes; its file of the present input has room for it. */
const most = 20 << 20;
/** Bytes of a long input that are looked at as a text: the texts and what is found in them count as memory of its reader's process. */
const windowSize = 64 << 10;

/** One match of the pattern in a window of the input, each character of which is a byte, replaced. */
function replaceOne(input: Uint8Array, pattern: RegExp, replacement: string, random: Random): Uint8Array | undefined {
  const from = input.length > windowSize ? random.int(input.length - windowSize) : 0;
  const text = Buffer.from(input.buffer, input.byteOffset + from, Math.min(windowSize, input.length - from)).toString("latin1");
  const found = [...text.matchAll(pattern)];
  const match = found[random.int(found.length)];
  if (!match) return undefined;
  const at = from + match.index;
  return concat(input.subarray(0, at), bytesOf(replacement), input.subarray(at + match[0].length));
}

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
    const times = Math.min(2 ** random.int(random.next() < 0.02 ? 17 : 7), Math.floor(most / part.length));
    return concat(input.subarray(0, from), Buffer.alloc(part.length * times, part), input.subarray(to));
  },
  (input, random) => replaceOne(input, /\d+/g, numbers[random.int(numbers.length)] as string, random),
  (input, random) => replaceOne(input, /[A-Za-z_$][\w$.-]*/g, alien[random.int(alien.length)] as string, random),
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
