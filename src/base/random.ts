/** Random numbers, passed in everywhere; a seed gives one sequence. */
import { randomBytes, randomUUID } from "node:crypto";

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, bound). */
  int(bound: number): number;
  /** RFC 4122 version 4. */
  uuid(): string;
  bytes(length: number): Uint8Array;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  int: (bound) => Math.floor(Math.random() * bound),
  uuid: () => randomUUID(),
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
  const uuid = (): string => {
    const b = bytes(16);
    b[6] = ((b[6] as number) & 0x0f) | 0x40;
    b[8] = ((b[8] as number) & 0x3f) | 0x80;
    const hex = Buffer.from(b).toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
  return { next, int, uuid, bytes };
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
