/** Regular expressions with RE2's syntax and its guarantee: time linear in the text (https://github.com/google/re2/wiki/Syntax). */
import { createRequire } from "node:module";
import type { RE2JS } from "re2js";
import { CelError } from "./values.ts";

let loaded: typeof import("re2js") | undefined;
/** Loaded for the first pattern: a cluster without any spares 1.2 MiB. */
function library(): typeof import("re2js") {
  loaded ??= createRequire(import.meta.url)("re2js") as typeof import("re2js");
  return loaded;
}

/** Where the class that begins at `from` ends: behind its bracket, or -1. */
function classEnd(pattern: string, from: number): number {
  let at = from + 1;
  if (pattern[at] === "^") at++;
  if (pattern[at] === "]") at++;
  for (; at < pattern.length; at++)
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === "]") return at + 1;
    else if (pattern.startsWith("[:", at)) {
      const name = /\[:[a-z^]{1,12}:\]/y;
      name.lastIndex = at;
      if (name.test(pattern)) at = name.lastIndex - 1;
    }
  return -1;
}

/** Classes of Unicode have hundreds of ranges, and cost the compiler as much as so many signs. */
const ofUnicode = 8;
/** RE2 refuses what repeats more often, repetitions within repetitions multiplied. */
const mostRepeats = 1000;

/**
 * About how many instructions a pattern becomes: one for each sign, as often as it is repeated by number. Memory and time of the
 * compiler follow it, and the time of a match is it times the text at worst.
 */
export function programSize(pattern: string): number {
  /** Of the groups that are open, and of what was read last in each; `repeats` is how often by numbers. */
  const groups = [{ size: 0, last: 0, repeats: 1, lastRepeats: 1 }];
  let group = groups[0] as (typeof groups)[number];
  const read = (size: number, repeats = 1): void => {
    group.size += size;
    group.last = size;
    group.lastRepeats = repeats;
    group.repeats = Math.max(group.repeats, repeats);
  };
  const counted = /\{(\d{1,5})(?:,(\d{0,5}))?\}/y;
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at];
    counted.lastIndex = at;
    const repetition = sign === "{" ? counted.exec(pattern) : null;
    if (repetition) {
      const times = Math.max(Number(repetition[1]), Number(repetition[2] || 0), 1);
      at = counted.lastIndex - 1;
      if (times * group.lastRepeats > mostRepeats) continue;
      const more = group.last * (times - 1);
      group.size += more;
      group.last += more;
      group.lastRepeats *= times;
      group.repeats = Math.max(group.repeats, group.lastRepeats);
    } else if (sign === "(") {
      group = { size: 2, last: 0, repeats: 1, lastRepeats: 1 };
      groups.push(group);
    } else if (sign === ")" && groups.length > 1) {
      const { size, repeats } = group;
      groups.pop();
      group = groups.at(-1) as (typeof groups)[number];
      read(size, repeats);
    } else if (sign === "[") {
      const end = classEnd(pattern, at);
      // What is never closed is read to the end, and is no pattern.
      read(end < 0 ? pattern.length - at : pattern.slice(at, end).includes("\\p") ? ofUnicode : 1);
      at = end < 0 ? pattern.length : end - 1;
    } else {
      read(sign === "\\" && /[pP]/.test(pattern[++at] ?? "") ? ofUnicode : 1);
    }
  }
  return groups.reduce((sum, { size }) => sum + size, 0);
}

/** Upstream takes programs of three million, in a second and some hundred megabytes. */
const mostInstructions = 100_000;
/** Patterns that were used lately, compiled; a pattern that is none is remembered as its complaint. */
const compiled = new Map<string, { regex: RE2JS | CelError; size: number }>();
const limit = 1000;
const mostKept = 300_000;
let kept = 0;

export function compileRegex(pattern: string): RE2JS | CelError {
  const known = compiled.get(pattern);
  if (known) return known.regex;
  const size = programSize(pattern);
  const regex = size > mostInstructions ? new CelError("error parsing regexp: expression too large") : compile(pattern);
  kept += size;
  compiled.set(pattern, { regex, size });
  for (const [oldest, { size: its }] of compiled) {
    if ((compiled.size <= limit && kept <= mostKept) || oldest === pattern) break;
    compiled.delete(oldest);
    kept -= its;
  }
  return regex;
}

/** Behind a name that a group before has: it is taken out of complaints again. */
const again = "_again_";
/** Go lets several groups bear one name, and nobody here asks for groups by theirs. */
function namedOnce(pattern: string): string {
  const names = new Set<string>();
  let made = "";
  let from = 0;
  const group = /\(\?P?<(\w+)(?=>)/y;
  for (let at = 0; at < pattern.length; at++) {
    if (pattern.startsWith("\\Q", at)) {
      const end = pattern.indexOf("\\E", at);
      if (end < 0) break;
      at = end + 1;
    } else if (pattern[at] === "\\") at++;
    else if (pattern[at] === "[") {
      const end = classEnd(pattern, at);
      if (end < 0) break;
      at = end - 1;
    } else if (pattern[at] === "(") {
      group.lastIndex = at;
      const name = group.exec(pattern)?.[1];
      if (name === undefined) continue;
      if (names.has(name)) {
        made += pattern.slice(from, group.lastIndex) + again + names.size;
        from = group.lastIndex;
        names.add(name + again + names.size);
      }
      names.add(name);
    }
  }
  return made + pattern.slice(from);
}

function compile(pattern: string): RE2JS | CelError {
  const { RE2JS, RE2JSException } = library();
  try {
    return RE2JS.compile(namedOnce(pattern));
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    if (/: invalid named capture: `\(\?P?<`$/.test(error.message))
      return new CelError(`error parsing regexp: invalid or unsupported Perl syntax: \`${error.message.includes("(?P<") ? "(?P" : "(?<"}\``);
    const message = error.message.replaceAll(new RegExp(`${again}\\d+`, "g"), "");
    // Go shows what is wrong, be it nothing.
    return new CelError(message.endsWith("trailing backslash at end of expression") ? `${message}: \`\`` : message);
  }
}

/** Whether some part of the text matches. */
export function matches(text: string, pattern: string): boolean | CelError {
  const regex = compileRegex(pattern);
  return regex instanceof CelError ? regex : regex.test(text);
}

/** The parts that match, in their order, at most `most` of them; nothing is no part where the one before ends. */
export function findAll(text: string, pattern: string, most = Number.POSITIVE_INFINITY): string[] | CelError {
  const regex = compileRegex(pattern);
  if (regex instanceof CelError) return regex;
  const found: string[] = [];
  const matcher = regex.matcher(text);
  let end = -1;
  while (found.length < most && matcher.find()) {
    const isMore = matcher.end() > matcher.start() || matcher.start() !== end;
    if (isMore) found.push(matcher.group() ?? "");
    end = matcher.end();
  }
  return found;
}
