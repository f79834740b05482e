/** Regular expressions with RE2's syntax and its guarantee: time linear in the text (https://github.com/google/re2/wiki/Syntax). */
import { RE2JS, RE2JSException } from "re2js";
import { CelError } from "./values.ts";

/** Patterns that were used lately, compiled; a pattern that is none is remembered as its complaint. */
const compiled = new Map<string, RE2JS | CelError>();
const limit = 1000;

export function compileRegex(pattern: string): RE2JS | CelError {
  const known = compiled.get(pattern);
  if (known) return known;
  let made: RE2JS | CelError;
  try {
    made = RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    made = new CelError(error.message);
  }
  if (compiled.size >= limit) compiled.delete(compiled.keys().next().value as string);
  compiled.set(pattern, made);
  return made;
}

/** Whether some part of the text matches. */
export function matches(text: string, pattern: string): boolean | CelError {
  const regex = compileRegex(pattern);
  return regex instanceof CelError ? regex : regex.test(text);
}

/** The parts that match, in their order, at most `most` of them. */
export function findAll(text: string, pattern: string, most = Number.POSITIVE_INFINITY): string[] | CelError {
  const regex = compileRegex(pattern);
  if (regex instanceof CelError) return regex;
  const found: string[] = [];
  const matcher = regex.matcher(text);
  while (found.length < most && matcher.find()) found.push(matcher.group() ?? "");
  return found;
}
