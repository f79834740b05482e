/** Random numbers, passed in everywhere; a seed gives one sequence. */
import { randomBytes, randomFillSync } from "node:crypto";

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, bound). */
  int(bound: number): number;
  /** RFC 4122 version 4. */
  uuid(): string;
  bytes(length: number): Uint8Array;
}

const hex = Buffer.from("0123456789abcdef");
const dash = 0x2d;
const written = Buffer.alloc(36);

/** Version 4, of the sixteen bytes from there on. Digits are written in place: pieces of text that are joined cost ten times as much memory. */
function uuidOf(bytes: Uint8Array, from: number): string {
  let at = 0;
  for (let i = 0; i < 16; i++) {
    let byte = bytes[from + i] as number;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    if (i === 8) byte = (byte & 0x3f) | 0x80;
    if (i === 4 || i === 6 || i === 8 || i === 10) written[at++] = dash;
    written[at++] = hex[byte >> 4] as number;
    written[at++] = hex[byte & 0x0f] as number;
  }
  return written.toString("latin1");
}

/** Random bytes for some hundred of them, each used once. */
const pool = Buffer.alloc(4096);
let used = pool.length;

function systemUUID(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return uuidOf(pool, used - 16);
}

export const systemRandom: Random = {
  next: () => Math.random(),
  int: (bound) => Math.floor(Math.random() * bound),
  uuid: systemUUID,
  bytes: (length) => randomBytes(length),
};

/** Deterministic (mulberry32); not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (bound: number): number => Math.floor(next() * bound);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => int(256));
  return { next, int, uuid: () => uuidOf(bytes(16), 0), bytes };
}

/** From `ms` to as much more as `factor` times it, so that those that began together do not go on together. */
export const jittered = (ms: number, factor: number, random: Random): number => ms * (1 + factor * random.next());

/** Letters of upstream's generated names (k8s.io/apimachinery/pkg/util/rand): no vowels, nothing easily misread. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** `length` characters for a generated name. */
export function nameSuffix(random: Random, length = 5): string {
  let text = "";
  for (let i = 0; i < length; i++) text += alphabet[random.int(alphabet.length)];
  return text;
}
