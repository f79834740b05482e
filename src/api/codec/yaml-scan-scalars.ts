/** Scalars of YAML: plain, quoted and in blocks, folded as go-yaml v2 folds them (scannerc.go). */
import { type Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, type Token } from "./yaml-cursor.ts";

const tab = 0x09;
const space = 0x20;
const hash = 0x23;
const backslash = 0x5c;

/** Blanks and breaks between the words of a scalar, and what becomes of them when another word follows. */
class Gap {
  #blanks = "";
  #first = "";
  #more = "";
  /** There has been a break. */
  broken = false;

  /** Over all that there is. `refuseTab`: what to say where a tab stands left of that column on a line of its own. */
  read(scanner: Cursor, indent?: number): void {
    for (let code = scanner.code(); isBlank(code) || isBreak(code); code = scanner.code()) {
      if (isBreak(code)) {
        const text = scanner.readBreak();
        if (this.broken) this.#more += text;
        else {
          this.#first = text;
          this.broken = true;
          this.#blanks = "";
        }
      } else {
        if (this.broken && indent !== undefined && code === tab && scanner.column < indent) scanner.fail("found a tab character that violates indentation");
        if (!this.broken) this.#blanks += String.fromCharCode(code);
        scanner.at++;
      }
      scanner.look(1);
    }
  }
  /** Of it in the scalar; it is empty then. */
  take(): string {
    const text = !this.broken ? this.#blanks : this.#first === "\n" ? this.#more || " " : this.#first + this.#more;
    this.#blanks = this.#first = this.#more = "";
    this.broken = false;
    return text;
  }
  get isEmpty(): boolean {
    return !this.broken && this.#blanks === "";
  }
}

export function plainScalar(scanner: Cursor): Token {
  const { line } = scanner;
  const indent = scanner.indent + 1;
  let endLine = line;
  let text = "";
  const gap = new Gap();
  for (;;) {
    scanner.look(4);
    if (scanner.atDocumentMark() || scanner.code() === hash) break;
    const from = scanner.at;
    while (!isBlankOrEnd(scanner.code()) && !endsPlain(scanner)) {
      scanner.at++;
      scanner.look(2);
    }
    if (scanner.at > from) {
      if (!gap.isEmpty) text += gap.take();
      text += scanner.text.slice(from, scanner.at);
      endLine = scanner.line;
    }
    if (!isBlank(scanner.code()) && !isBreak(scanner.code())) break;
    gap.read(scanner, indent);
    if (!scanner.flow && scanner.column < indent) break;
  }
  if (gap.broken) scanner.keyAllowed = true;
  return scanner.token("scalar", line, endLine, { text, plain: true });
}

function endsPlain(scanner: Cursor): boolean {
  const code = scanner.code();
  if (code === 0x3a) return isBlankOrEnd(scanner.code(1));
  // , ? [ ] { }
  return scanner.flow > 0 && (code === 0x2c || code === 0x3f || code === 0x5b || code === 0x5d || code === 0x7b || code === 0x7d);
}

const escapes = new Map([
  ["0", "\0"],
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["\t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\x1b"],
  [" ", " "],
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
  ["N", "\x85"],
  ["_", "\xa0"],
  ["L", "\u2028"],
  ["P", "\u2029"],
]);
const digits = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

export function quotedScalar(scanner: Cursor, quote: "'" | '"'): Token {
  const { line } = scanner;
  const mark = quote.charCodeAt(0);
  let text = "";
  scanner.at++;
  const gap = new Gap();
  for (;;) {
    scanner.look(4);
    if (scanner.atDocumentMark()) scanner.fail("found unexpected document indicator");
    if (Number.isNaN(scanner.code())) scanner.fail("found unexpected end of stream");
    let joined = false;
    for (let code = scanner.code(); !isBlankOrEnd(code); code = scanner.code()) {
      if (code === mark) {
        if (quote === '"' || scanner.code(1) !== mark) break;
        text += "'";
        scanner.at += 2;
      } else if (code === backslash && quote === '"') {
        if (isBreak(scanner.code(1))) {
          scanner.at++;
          scanner.skipBreak();
          joined = true;
          break;
        }
        text += escaped(scanner);
      } else {
        const from = scanner.at++;
        while (isOrdinary(scanner.code(), mark)) scanner.at++;
        text += scanner.text.slice(from, scanner.at);
      }
      scanner.look(2);
    }
    scanner.look(1);
    if (scanner.code() === mark) break;
    if (joined) {
      // Blanks that begin the next line go, breaks behind it stay.
      while (isBlank(scanner.code())) scanner.at++;
      while (isBreak(scanner.code())) {
        text += scanner.readBreak();
        while (isBlank(scanner.code())) scanner.at++;
      }
    } else {
      gap.read(scanner);
      text += gap.take();
    }
  }
  scanner.at++;
  return scanner.token("scalar", line, scanner.line, { text });
}

const isOrdinary = (code: number, mark: number): boolean => code > space && code !== mark && code !== backslash && !isBreak(code);

/** A backslash and what it stands before. */
function escaped(scanner: Cursor): string {
  const letter = scanner.text[scanner.at + 1] ?? "";
  const simple = escapes.get(letter);
  const length = digits.get(letter);
  if (simple === undefined && length === undefined) scanner.fail("found unknown escape character");
  scanner.at += 2;
  if (length === undefined) return simple as string;
  scanner.look(length);
  const hex = scanner.text.slice(scanner.at, scanner.at + length);
  if (hex.length < length || !/^[0-9a-fA-F]+$/.test(hex)) scanner.fail("did not find expected hexdecimal number");
  const value = Number.parseInt(hex, 16);
  if ((value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff) scanner.fail("found invalid Unicode character escape code");
  scanner.at += length;
  return String.fromCodePoint(value);
}

export function blockScalar(scanner: Cursor, literal: boolean): Token {
  const { line } = scanner;
  scanner.at++;
  const { keep, increment } = blockHeader(scanner);
  const open = Math.max(scanner.indent, 0);
  let indent = increment ? open + increment : 0;
  let endLine = scanner.line;
  const breaks = (): string => {
    let found = "";
    let deepest = 0;
    for (;;) {
      scanner.look(1);
      while ((indent === 0 || scanner.column < indent) && scanner.code() === space) scanner.at++;
      deepest = Math.max(deepest, scanner.column);
      if ((indent === 0 || scanner.column < indent) && scanner.code() === tab) scanner.fail("found a tab character where an indentation space is expected");
      scanner.look(1);
      if (!isBreak(scanner.code())) break;
      found += scanner.readBreak();
      endLine = scanner.line;
    }
    if (indent === 0) indent = Math.max(deepest, scanner.indent + 1, 1);
    return found;
  };
  let text = "";
  let first = "";
  let more = breaks();
  let indented = false;
  while (scanner.column === indent && !Number.isNaN(scanner.code())) {
    const blank = isBlank(scanner.code());
    if (!literal && !indented && !blank && first === "\n") text += more ? "" : " ";
    else text += first;
    text += more;
    indented = blank;
    const from = scanner.at;
    while (!isBreakOrEnd(scanner.code())) scanner.at++;
    scanner.look(1);
    text += scanner.text.slice(from, scanner.at);
    first = isBreak(scanner.code()) ? scanner.readBreak() : "";
    more = breaks();
  }
  if (keep !== -1) text += first;
  if (keep === 1) text += more;
  return scanner.token("scalar", line, endLine, { text });
}

/** Which breaks at its end stay: -1 none, 1 all, 0 one; and how deep it is, where that is said. */
function blockHeader(scanner: Cursor): { keep: -1 | 0 | 1; increment: number } {
  let keep: -1 | 0 | 1 = 0;
  let increment = 0;
  const chomps = (): boolean => {
    scanner.look(1);
    const char = scanner.text[scanner.at];
    if (char !== "+" && char !== "-") return false;
    keep = char === "+" ? 1 : -1;
    scanner.at++;
    return true;
  };
  const deepens = (): boolean => {
    scanner.look(1);
    const digit = scanner.code() - 0x30;
    if (!(digit >= 0 && digit <= 9)) return false;
    if (digit === 0) scanner.fail("found an indentation indicator equal to 0");
    increment = digit;
    scanner.at++;
    return true;
  };
  if (chomps()) deepens();
  else if (deepens()) chomps();
  scanner.look(1);
  while (isBlank(scanner.code())) scanner.at++;
  if (scanner.code() === hash) while (!isBreakOrEnd(scanner.code())) scanner.at++;
  scanner.look(1);
  if (!isBreakOrEnd(scanner.code())) scanner.fail("did not find expected comment or line break");
  if (isBreak(scanner.code())) scanner.skipBreak();
  return { keep, increment };
}
