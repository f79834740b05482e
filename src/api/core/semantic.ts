/** Equality that ignores what has no meaning: absent and empty, and how a quantity is written (apimachinery/pkg/api/equality). */
import { EmptyMap } from "../copy.ts";
import { parseQuantity, QuantityError } from "../quantity.ts";

/** Fields that hold amounts, by themselves, in maps or in structures below. */
const amountFields = new Set(
  (
    "allocatable allocatedResources allocationMultiplier averageValue capacity consumedCapacity counters defaultRequest divisor hard limits " +
    "max maxLimitRequestRatio maximumVolumeSize min overhead podFixed requests sizeLimit step tolerance used"
  ).split(" "),
);
/** The one whose list is of amounts. */
const listOfAmounts = "validValues";

/** What is no amount on either side is itself alone: other fields may have the same names. */
function sameAmount(a: string, b: string): boolean {
  try {
    return parseQuantity(a).cmp(parseQuantity(b)) === 0;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}

/** A list or map that Go may hold as nil: a struct is something, even when none of its fields is set. */
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) ? value.length === 0 : value instanceof EmptyMap && Object.keys(value).length === 0);

function equal(a: unknown, b: unknown, amounts: boolean): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return amounts && typeof a === "string" && typeof b === "string" && sameAmount(a, b);
  }
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i], amounts && typeof item === "string"));
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return same(left, right, amounts) && same(right, left, amounts, true);
}

const areAmounts = (key: string, value: unknown, within: boolean): boolean => (Array.isArray(value) ? key === listOfAmounts : within || amountFields.has(key));

/** Every field of `left` is in `right`; `missingOnly` looks just for those that are not. */
function same(left: Record<string, unknown>, right: Record<string, unknown>, amounts: boolean, missingOnly = false): boolean {
  for (const key in left) {
    const other = Object.hasOwn(right, key) ? right[key] : undefined;
    if (other === undefined || other === null) {
      if (!isEmpty(left[key])) return false;
    } else if (!missingOnly && !equal(left[key], other, areAmounts(key, left[key], amounts))) return false;
  }
  return true;
}

/** Structures differ from absent ones even when empty; lists and maps do not. */
export const semanticEqual = (a: unknown, b: unknown): boolean => equal(a, b, false) || (isEmpty(a) && isEmpty(b));
