/** JSONPath as kubectl and printer columns have it, for one path without ranges: `.a.b[0].c`, `..`, `[*]`, `[?(@.type=="Ready")]` (k8s.io/client-go/util/jsonpath). */
import { goFloat } from "./go-float.ts";
import { encodeJSONString, sortKeys } from "./codec/json.ts";
import { isMap, type JSONValue } from "./json.ts";
import { isGoInteger } from "./patch/values.ts";
import { table } from "../base/table.ts";

export class JSONPathError extends Error {}

/** From the values found so far to the next. Throws JSONPathError. */
type Step = (values: readonly JSONValue[]) => JSONValue[];
export type JSONPath = (value: JSONValue) => JSONValue[];

/** Keys that are missing lead to nothing. Throws JSONPathError for what is no path; so does the path for a value that it does not fit. */
export function parseJSONPath(text: string): JSONPath {
  const steps = parse(text);
  return (value) => steps.reduce<JSONValue[]>((values, step) => step(values), [value]);
}

const terminator = /[\s.,[\]$@{}]/;

function parse(text: string): Step[] {
  const steps: Step[] = [];
  let at = 0;
  const field = (): void => {
    let name = "";
    while (at < text.length && !terminator.test(text[at] as string)) {
      if (text[at] === "\\") at++;
      name += text[at++] ?? "";
    }
    steps.push(name === "*" ? wildcard : fieldOf(name));
  };
  while (at < text.length) {
    if (text.startsWith("[?(", at)) {
      const end = filterEnd(text, at + 3);
      steps.push(filterOf(text.slice(at + 3, end)));
      at = end + 2;
    } else if (text.startsWith("..", at)) {
      at += 2;
      steps.push(descend);
      if (/[\p{L}\d_]/u.test(text[at] ?? "")) field();
    } else {
      const char = text[at++] as string;
      if (char === " " || char === "@" || char === "$") continue;
      if (char === ".") field();
      else if (char === "[") {
        const end = text.indexOf("]", at);
        if (end < 0) throw new JSONPathError("unterminated array");
        steps.push(...bracket(text.slice(at, end)));
        at = end + 1;
      } else if (char === '"' || char === "'") {
        const end = text.indexOf(char, at);
        if (end < 0) throw new JSONPathError("unterminated quoted string");
        const quoted = text.slice(at, end);
        steps.push((values) => values.map(() => quoted));
        at = end + 1;
      } else if (/[+\-\d]/.test(char)) {
        const number = /^[+-]?[\d.]*/.exec(text.slice(at - 1))?.[0] ?? "";
        if (!Number.isFinite(Number(number)) || number === "") throw new JSONPathError(`cannot parse number ${number}`);
        steps.push((values) => values.map(() => Number(number)));
        at += number.length - 1;
      } else if (/[\p{L}_]/u.test(char)) {
        const word = /^[^\s.,[\]$@{}]*/.exec(text.slice(at - 1))?.[0] ?? "";
        // Nobody knows what it means, which is found out when values are looked for.
        if (word !== "true" && word !== "false")
          steps.push(() => {
            throw new JSONPathError(`unrecognized identifier ${word}`);
          });
        else steps.push((values) => values.map(() => word === "true"));
        at += word.length - 1;
      } else throw new JSONPathError(`unrecognized character in action: ${char}`);
    }
  }
  return steps;
}

function filterEnd(text: string, from: number): number {
  let quote = "";
  for (let i = from; i < text.length; i++) {
    const char = text[i] as string;
    if (quote) {
      if (char === quote && text[i - 1] !== "\\") quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (char === ")") {
      if (text[i + 1] !== "]") throw new JSONPathError("unclosed array expect ]");
      return i;
    }
  }
  throw new JSONPathError("unterminated filter");
}

const fieldOf =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => (isMap(value) && Object.hasOwn(value, name) ? [value[name] as JSONValue] : []));

const within = (value: JSONValue): JSONValue[] =>
  isMap(value) ? (Object.values(value) as JSONValue[]) : Array.isArray(value) ? value : typeof value === "string" ? [...value] : [];
const wildcard: Step = (values) => values.flatMap(within);
const descend: Step = (values) =>
  values.flatMap((value) => {
    const inner = typeof value === "object" && value !== null ? within(value) : [];
    return inner.length ? [value, ...descend(inner)] : [];
  });

function bracket(text: string): Step[] {
  const parts = text.split(",");
  if (parts.length > 1) {
    const union = parts.map((part) => bracket(part.trim()));
    return [(values) => union.flatMap((steps) => steps.reduce<JSONValue[]>((found, step) => step(found), [...values]))];
  }
  const key = /^'([^']*)'$/.exec(text);
  if (key) return parse(`.${key[1]}`);
  const slice = /^(-?[\d]*)(:-?[\d]*)?(:-?[\d]*)?$/.exec(text === "*" ? ":" : text);
  if (!slice) throw new JSONPathError(`invalid array index ${text}`);
  const number = (part: string | undefined): number | undefined =>
    part === undefined || part === "" || part === ":" ? undefined : Number(part.replace(":", ""));
  return [sliceOf(number(slice[1]) ?? 0, slice[2] === undefined ? "next" : number(slice[2]), number(slice[3]))];
}

function sliceOf(from: number, to: number | "next" | undefined, step = 1): Step {
  return (values) =>
    values.flatMap((value) => {
      if (value === null) return [];
      if (!Array.isArray(value)) throw new JSONPathError(`${typeof value} is not array or slice`);
      const { length } = value;
      const start = from < 0 ? from + length : from;
      let end = to === undefined ? length : to === "next" ? from + 1 : to;
      if (end < 0 || (end === 0 && to === "next")) end += length;
      if (start === end) return [];
      if (start >= length || start < 0) throw new JSONPathError(`array index out of bounds: index ${start}, length ${length}`);
      if (end > length || end < 0) throw new JSONPathError(`array index out of bounds: index ${end - 1}, length ${length}`);
      if (start > end) throw new JSONPathError(`starting index ${start} is greater than ending index ${end}`);
      if (step <= 0) throw new JSONPathError("step must be > 0");
      return value.slice(start, end).filter((_, i) => i % step === 0);
    });
}

const operators = table<(a: JSONValue, b: JSONValue) => boolean>({
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => (a as number) < (b as number),
  ">": (a, b) => (a as number) > (b as number),
  "<=": (a, b) => (a as number) <= (b as number),
  ">=": (a, b) => (a as number) >= (b as number),
});

function filterOf(text: string): Step {
  const parts = /^([^!<>=]+)([!<>=]+)(.+?)$/s.exec(text);
  const run = (steps: readonly Step[], value: JSONValue): JSONValue[] => steps.reduce<JSONValue[]>((found, step) => step(found), [value]);
  const left = parse(parts?.[1] ?? text);
  const right = parts ? parse(parts[3] as string) : [];
  const operator = parts && operators[parts[2] as string];
  if (parts && !operator) throw new JSONPathError(`unrecognized filter operator ${parts[2]}`);
  return (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) throw new JSONPathError(`${typeof value} is not array or slice and cannot be filtered`);
      return value.filter((item) => {
        const lefts = run(left, item);
        if (!operator) return lefts.length > 0;
        const rights = lefts.length ? run(right, item) : [];
        if (lefts.length > 1 || rights.length > 1) throw new JSONPathError("can only compare one element at a time");
        if (!lefts.length || !rights.length) return false;
        const [a, b] = [lefts[0] as JSONValue, rights[0] as JSONValue];
        if (typeof a !== typeof b || typeof a === "object") throw new JSONPathError("incompatible types for comparison");
        return operator(a, b);
      });
    });
}

/** As Go's templates print what a path has found: of null only that there is no value. */
export function printJSONValue(value: JSONValue): string {
  if (value === null) return "<no value>";
  if (typeof value === "object") return encodeJSONString(sortKeys(value));
  if (typeof value !== "number") return String(value);
  return isGoInteger(value) ? String(value) : goFloat(value);
}
