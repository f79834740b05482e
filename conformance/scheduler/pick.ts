/** Choices at random. */
import type { Random } from "../../src/base/random.ts";

export const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)] as T;
export const chance = (random: Random, of: number): boolean => random.next() < of;
export const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
/** The object in some cases, nothing to spread into another in the others. */
export const maybe = <T extends object>(random: Random, of: number, make: () => T): T | Record<string, never> => (chance(random, of) ? make() : {});

/** What the API server would have given each object. */
export const identity = (name: string, namespace?: string) => ({
  name,
  uid: `uid-${namespace ?? ""}-${name}`,
  resourceVersion: "1",
  ...(namespace ? { namespace } : {}),
});
