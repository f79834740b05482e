/**
 * Differences as upstream's messages show them: a unified diff with three lines of context of both values as indented
 * JSON (apimachinery/pkg/util/diff on go-difflib, which follows Python's difflib).
 */
import { goJson } from "../field.ts";

interface Match {
  a: number;
  b: number;
  size: number;
}

/** From this many lines on, lines that make up more than a hundredth are not worth starting a match. */
const popularFrom = 200;

function positions(lines: string[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [i, line] of lines.entries()) {
    const at = found.get(line);
    if (at) at.push(i);
    else found.set(line, [i]);
  }
  if (lines.length >= popularFrom) {
    const limit = Math.floor(lines.length / 100) + 1;
    for (const [line, at] of found) if (at.length > limit) found.delete(line);
  }
  return found;
}

function longestMatch(a: string[], b: string[], inB: Map<string, number[]>, aLow: number, aHigh: number, bLow: number, bHigh: number): Match {
  let best: Match = { a: aLow, b: bLow, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = aLow; i < aHigh; i++) {
    const next = new Map<number, number>();
    for (const j of inB.get(a[i]!) ?? []) {
      if (j < bLow) continue;
      if (j >= bHigh) break;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size };
    }
    lengths = next;
  }
  let { a: i, b: j, size } = best;
  while (i > aLow && j > bLow && a[i - 1] === b[j - 1]) {
    i--;
    j--;
    size++;
  }
  while (i + size < aHigh && j + size < bHigh && a[i + size] === b[j + size]) size++;
  return { a: i, b: j, size };
}

function matches(a: string[], b: string[]): Match[] {
  const inB = positions(b);
  const found: Match[] = [];
  const search = (aLow: number, aHigh: number, bLow: number, bHigh: number): void => {
    const match = longestMatch(a, b, inB, aLow, aHigh, bLow, bHigh);
    if (!match.size) return;
    if (aLow < match.a && bLow < match.b) search(aLow, match.a, bLow, match.b);
    const last = found.at(-1);
    if (last && last.a + last.size === match.a && last.b + last.size === match.b) last.size += match.size;
    else found.push(match);
    if (match.a + match.size < aHigh && match.b + match.size < bHigh) search(match.a + match.size, aHigh, match.b + match.size, bHigh);
  };
  search(0, a.length, 0, b.length);
  return [...found, { a: a.length, b: b.length, size: 0 }];
}

interface Step {
  equal: boolean;
  a: [number, number];
  b: [number, number];
}

const context = 3;

function hunks(a: string[], b: string[]): Step[][] {
  const steps: Step[] = [];
  let i = 0;
  let j = 0;
  for (const match of matches(a, b)) {
    if (i < match.a || j < match.b) steps.push({ equal: false, a: [i, match.a], b: [j, match.b] });
    i = match.a + match.size;
    j = match.b + match.size;
    if (match.size) steps.push({ equal: true, a: [match.a, i], b: [match.b, j] });
  }
  const first = steps[0];
  if (first?.equal) {
    first.a[0] = Math.max(first.a[0], first.a[1] - context);
    first.b[0] = Math.max(first.b[0], first.b[1] - context);
  }
  const last = steps.at(-1);
  if (last?.equal) {
    last.a[1] = Math.min(last.a[1], last.a[0] + context);
    last.b[1] = Math.min(last.b[1], last.b[0] + context);
  }
  const groups: Step[][] = [[]];
  for (const step of steps) {
    let { a: inA, b: inB } = step;
    if (step.equal && inA[1] - inA[0] > 2 * context) {
      groups.at(-1)!.push({ equal: true, a: [inA[0], Math.min(inA[1], inA[0] + context)], b: [inB[0], Math.min(inB[1], inB[0] + context)] });
      groups.push([]);
      inA = [Math.max(inA[0], inA[1] - context), inA[1]];
      inB = [Math.max(inB[0], inB[1] - context), inB[1]];
    }
    groups.at(-1)!.push({ equal: step.equal, a: inA, b: inB });
  }
  return groups.filter((group) => group.some((step) => !step.equal));
}

function range(start: number, end: number): string {
  const length = end - start;
  if (length === 1) return String(start + 1);
  return `${length ? start + 1 : start},${length}`;
}

const linesOf = (value: unknown): string[] => goJson(value, 1).split("\n");

/** Ends in a line feed unless empty. */
export function goDiff(before: unknown, after: unknown): string {
  const a = linesOf(before);
  const b = linesOf(after);
  let text = "";
  for (const group of hunks(a, b)) {
    const [first, last] = [group[0]!, group.at(-1)!];
    text += `@@ -${range(first.a[0], last.a[1])} +${range(first.b[0], last.b[1])} @@\n`;
    for (const step of group) {
      for (const line of a.slice(...step.a)) text += `${step.equal ? " " : "-"}${line}\n`;
      if (!step.equal) for (const line of b.slice(...step.b)) text += `+${line}\n`;
    }
  }
  return text;
}
