/** Names, tags and directives of YAML (go-yaml v2: scannerc.go). */
import { type Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, type Token } from "./yaml-cursor.ts";

const letters = /[0-9A-Za-z_-]*/y;
const inURI = /[0-9A-Za-z_\-;/?:@&=+$,.!~*'()[\]]+/y;
const octet = /%([0-9a-fA-F]{2})/y;

/** What matches here; it is passed. */
function word(scanner: Cursor, pattern: RegExp): string {
  pattern.lastIndex = scanner.at;
  const found = pattern.exec(scanner.text)?.[0] ?? "";
  scanner.at += found.length;
  scanner.look(1);
  return found;
}
function blanks(scanner: Cursor): void {
  scanner.look(1);
  while (isBlank(scanner.code())) scanner.at++;
  scanner.look(1);
}

/** An anchor or an alias. */
export function name(scanner: Cursor, type: "anchor" | "alias"): Token {
  const { line } = scanner;
  scanner.at++;
  const text = word(scanner, letters);
  if (text === "" || !(isBlankOrEnd(scanner.code()) || "?:,]}%@`".includes(scanner.text[scanner.at] as string)))
    scanner.fail("did not find expected alphabetic or numeric character");
  return scanner.token(type, line, scanner.line, { text });
}

export function tag(scanner: Cursor): Token {
  const { line } = scanner;
  let [text, suffix] = ["", ""];
  scanner.look(2);
  if (scanner.text[scanner.at + 1] === "<") {
    scanner.at += 2;
    suffix = uri(scanner, "");
    if (scanner.text[scanner.at] !== ">") scanner.fail("did not find the expected '>'");
    scanner.at++;
  } else {
    text = handle(scanner, false);
    if (text.length > 1 && text.endsWith("!")) suffix = uri(scanner, "");
    else {
      suffix = uri(scanner, text);
      text = "!";
      if (suffix === "") [text, suffix] = [suffix, text];
    }
  }
  scanner.look(1);
  if (!isBlankOrEnd(scanner.code())) scanner.fail("did not find expected whitespace or line break");
  return scanner.token("tag", line, scanner.line, { text, suffix });
}

/** `!`, `!!` or `!name!`; what turns out to be none begins the tag itself. */
function handle(scanner: Cursor, isDirective: boolean): string {
  scanner.look(1);
  if (scanner.text[scanner.at] !== "!") scanner.fail("did not find expected '!'");
  scanner.at++;
  const named = `!${word(scanner, letters)}`;
  if (scanner.text[scanner.at] === "!") {
    scanner.at++;
    return `${named}!`;
  }
  if (isDirective && named !== "!") scanner.fail("did not find expected '!'");
  return named;
}

/** `head`: what was read of it already, with its mark. */
function uri(scanner: Cursor, head: string): string {
  let text = head.slice(1);
  let found = head !== "";
  for (;;) {
    const part = word(scanner, inURI) || (scanner.text[scanner.at] === "%" ? octets(scanner) : "");
    if (part === "") break;
    text += part;
    found = true;
  }
  if (!found) scanner.fail("did not find expected tag URI");
  return text;
}

/** The bytes of one character. */
function octets(scanner: Cursor): string {
  const bytes: number[] = [];
  for (let left = 1; left > 0; left--) {
    scanner.look(3);
    octet.lastIndex = scanner.at;
    const found = octet.exec(scanner.text);
    if (!found) scanner.fail("did not find URI escaped octet");
    const byte = Number.parseInt((found as RegExpExecArray)[1] as string, 16);
    if (bytes.length === 0) {
      left = byte < 0x80 ? 1 : byte >> 5 === 6 ? 2 : byte >> 4 === 14 ? 3 : byte >> 3 === 30 ? 4 : 0;
      if (left === 0) scanner.fail("found an incorrect leading UTF-8 octet");
    } else if (byte >> 6 !== 2) scanner.fail("found an incorrect trailing UTF-8 octet");
    bytes.push(byte);
    scanner.at += 3;
  }
  return Buffer.from(bytes).toString();
}

/** `%YAML` and `%TAG`, with the rest of their line. */
export function directive(scanner: Cursor): Token {
  const { line } = scanner;
  scanner.at++;
  const called = word(scanner, letters);
  if (called === "") scanner.fail("could not find expected directive name");
  if (!isBlankOrEnd(scanner.code())) scanner.fail("found unexpected non-alphabetical character");
  const token = called === "YAML" ? version(scanner, line) : called === "TAG" ? prefix(scanner, line) : scanner.fail("found unknown directive name");
  blanks(scanner);
  if (scanner.code() === 0x23) while (!isBreakOrEnd(scanner.code())) scanner.at++;
  scanner.look(1);
  if (!isBreakOrEnd(scanner.code())) scanner.fail("did not find expected comment or line break");
  if (isBreak(scanner.code())) scanner.skipBreak();
  return token;
}

function version(scanner: Cursor, line: number): Token {
  blanks(scanner);
  const number = (): number => {
    let text = "";
    for (let digit = scanner.code(); digit >= 0x30 && digit <= 0x39; digit = scanner.code()) {
      if (text.length === 2) scanner.fail("found extremely long version number");
      text += String.fromCharCode(digit);
      scanner.at++;
    }
    scanner.look(1);
    if (text === "") scanner.fail("did not find expected version number");
    return Number(text);
  };
  const major = number();
  if (scanner.text[scanner.at] !== ".") scanner.fail("did not find expected digit or '.' character");
  scanner.at++;
  return scanner.token("%YAML", line, line, { text: `${major}.${number()}` });
}

function prefix(scanner: Cursor, line: number): Token {
  blanks(scanner);
  const text = handle(scanner, true);
  scanner.look(1);
  if (!isBlank(scanner.code())) scanner.fail("did not find expected whitespace");
  blanks(scanner);
  const suffix = uri(scanner, "");
  if (!isBlankOrEnd(scanner.code())) scanner.fail("did not find expected whitespace or line break");
  return scanner.token("%TAG", line, line, { text, suffix });
}
