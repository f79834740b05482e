/** `x in [constants]`: a set in place of a search, free of charge as in cel-go. */
import { constantStep, type Evaluate, type Step } from "./frame.ts";
import { CelError, type ListValue, UInt, type Value } from "./values.ts";

type Hashed = string | bigint | number | boolean;
/** Numbers that are equal have one. */
function hashOf(value: Value): Hashed | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (value instanceof UInt) return value.value;
  return typeof value === "object" ? undefined : value;
}

/** undefined: the constants are not all primitive. */
export function equalSet(evaluate: Evaluate, constants: ListValue): Step | undefined {
  if (constants.size === 0) return constantStep(false);
  const set = new Set<Hashed>();
  for (const value of constants) {
    const hash = hashOf(value);
    if (hash === undefined) return undefined;
    if (!Number.isNaN(hash)) set.add(hash);
  }
  return {
    evaluate(frame) {
      const value = evaluate(frame);
      if (value instanceof CelError) return value;
      const hash = hashOf(value);
      return hash !== undefined && set.has(hash);
    },
  };
}
