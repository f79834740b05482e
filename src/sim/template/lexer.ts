/** Tokens of a Go template (https://pkg.go.dev/text/template). */

/** What is wrong in a template, and in which of its lines (from 1). */
export class TemplateError extends Error {
  override name = "TemplateError";
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

export type TokenKind = "word" | "field" | "variable" | "string" | "number" | "punctuation";
export interface Token {
  kind: TokenKind;
  /** Fields and variables without `.` and `$`; strings decoded. */
  text: string;
  /** True when white space stands before it. */
  spaced: boolean;
}

/** Text between actions, or the tokens of one action. */
export type Part = { line: number } & ({ text: string } | { tokens: Token[] });

const token =
  /(?:(\$\w*)|\.([A-Za-z_]\w*)|("(?:[^"\\\n]|\\.)*")|(`[^`]*`)|([+-]?(?:0[xX][\da-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))|([A-Za-z_]\w*)|(:=|[().|=,]))/y;

export function splitTemplate(source: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  let line = 1;
  let trimNext = false;
  const advance = (to: number): void => {
    for (; at < to; at++) if (source.charCodeAt(at) === 10) line++;
  };
  for (;;) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trimNext) text = text.trimStart();
    const trimBefore = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4));
    if (trimBefore) text = text.trimEnd();
    if (text) parts.push({ text, line });
    if (open < 0) return parts;
    advance(open);
    const start = open + (trimBefore ? 3 : 2);
    const comment = /^\s*\/\*[\s\S]*?\*\/\s*/.exec(source.slice(start));
    const close = comment ? source.indexOf("}}", start + comment[0].length - 2) : closing(source, start);
    if (close < 0) throw new TemplateError(`the action that starts here is not closed: "}}" is missing`, line);
    trimNext = /\s-$/.test(source.slice(start, close));
    if (!comment) parts.push({ tokens: tokens(source.slice(start, trimNext ? close - 1 : close), line), line });
    advance(close + 2);
  }
}

/** Strings, and the end of an action. */
const ending = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\}\}/g;

/** Offset of the `}}` that ends an action; those inside strings do not. */
function closing(source: string, start: number): number {
  ending.lastIndex = start;
  for (let match = ending.exec(source); match; match = ending.exec(source)) if (match[0] === "}}") return match.index;
  return -1;
}

function tokens(text: string, firstLine: number): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (;;) {
    const space = /\s*/y;
    space.lastIndex = at;
    const spaced = (space.exec(text)?.[0].length ?? 0) > 0;
    at = space.lastIndex;
    if (at >= text.length) return found;
    token.lastIndex = at;
    const match = token.exec(text);
    const line = firstLine + text.slice(0, at).split("\n").length - 1;
    if (!match) throw new TemplateError(`unexpected ${JSON.stringify(text[at])} in {{${text}}}`, line);
    at = token.lastIndex;
    const [, variable, field, quoted, raw, number, word, punctuation] = match;
    if (variable !== undefined) found.push({ kind: "variable", text: variable.slice(1), spaced });
    else if (field !== undefined) found.push({ kind: "field", text: field, spaced });
    else if (quoted !== undefined) found.push({ kind: "string", text: unquote(quoted, line), spaced });
    else if (raw !== undefined) found.push({ kind: "string", text: raw.slice(1, -1), spaced });
    else if (number !== undefined) found.push({ kind: "number", text: number, spaced });
    else if (word !== undefined) found.push({ kind: "word", text: word, spaced });
    else found.push({ kind: "punctuation", text: punctuation as string, spaced });
  }
}

function unquote(text: string, line: number): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new TemplateError(`the string ${text} has an escape that is not known: use \\n, \\t, \\", \\\\ or \\uXXXX`, line);
  }
}
