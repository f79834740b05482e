/** Indexes of jobs as text, `1,3-5,7` in increasing order (pkg/apis/batch/validation). */
import { goQuote } from "../go-quote.ts";

interface Interval {
  first: number;
  last: number;
}

const isInteger = (text: string): boolean => /^[+-]?[0-9]+$/.test(text);

/** The interval, or upstream's error text. */
function parseInterval(text: string, completions: number): Interval | string {
  const limits = text.split("-");
  if (limits.length > 2) return `the fragment ${goQuote(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  for (const limit of limits) {
    if (!isInteger(limit)) return `cannot convert string to integer for index: ${goQuote(limit)}`;
    if (Number(limit) >= completions) return `too large index: ${goQuote(limit)}`;
  }
  const first = Number(limits[0]);
  const last = Number(limits[1] ?? limits[0]);
  return limits.length > 1 && first >= last ? `non-increasing order, previous: ${first}, current: ${last}` : { first, last };
}

/** How many indexes the text names, or upstream's error text. */
export function countIndexes(text: string, completions: number): number | string {
  let total = 0;
  let previous: number | undefined;
  for (const part of text ? text.split(",") : []) {
    const interval = parseInterval(part, completions);
    if (typeof interval === "string") return interval;
    if (previous !== undefined && previous >= interval.first) return `non-increasing order, previous: ${previous}, current: ${interval.first}`;
    total += interval.last - interval.first + 1;
    previous = interval.last;
  }
  return total;
}

/** The first index that is in both; parts that cannot be read are passed over. */
export function overlap(completed: string, failed: string, completions: number): number | undefined {
  if (!completed || !failed) return undefined;
  const read = (text: string): Interval[] =>
    text
      .split(",")
      .map((part) => parseInterval(part, completions))
      .filter((interval) => typeof interval !== "string");
  const [left, right] = [read(completed), read(failed)];
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const [a, b] = [left[i]!, right[j]!];
    if (a.first <= b.last && b.first <= a.last) return Math.max(a.first, b.first);
    if (a.first <= b.first) i++;
    else j++;
  }
  return undefined;
}
