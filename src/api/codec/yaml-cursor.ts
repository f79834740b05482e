/** Where YAML is read, and the tokens that it is read as (go-yaml v2: scannerc.go, readerc.go). */
import { DecodeError } from "./decode-error.ts";
import type { Unreadable } from "./yaml-reader.ts";

export type TokenType =
  | "stream end"
  | "%YAML"
  | "%TAG"
  | "---"
  | "..."
  | "block sequence"
  | "block mapping"
  | "block end"
  | "["
  | "]"
  | "{"
  | "}"
  | ","
  | "-"
  | "key"
  | "value"
  | "alias"
  | "anchor"
  | "tag"
  | "scalar";

export interface Token {
  type: TokenType;
  /** From none, where it begins and where it ends. */
  line: number;
  endLine: number;
  /** Of names and scalars; of a tag its handle, of %YAML the version. */
  text: string;
  /** Of a tag, or what %TAG stands for. */
  suffix: string;
  plain: boolean;
}

/** `line` from none: the first is not named. */
export const yamlError = (line: number, problem: string): DecodeError => new DecodeError(`yaml: ${line ? `line ${line}: ` : ""}${problem}`, true);

export const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;
export const isBreak = (code: number): boolean => code === 0x0a || code === 0x0d || code === 0x85 || code === 0x2028 || code === 0x2029;
/** Breaks, and the end. */
export const isBreakOrEnd = (code: number): boolean => Number.isNaN(code) || isBreak(code);
export const isBlankOrEnd = (code: number): boolean => isBlank(code) || isBreakOrEnd(code);

const newline = 0x0a;
const carriageReturn = 0x0d;

export class Cursor {
  readonly text: string;
  at = 0;
  line = 0;
  lineStart = 0;
  /** How many brackets are open. */
  flow = 0;
  /** Column of the block that is open, -1 outside of all. */
  indent = -1;
  /** A key may stand here without being announced. */
  keyAllowed = true;
  readonly #unreadable: Unreadable | undefined;

  constructor(text: string, unreadable?: Unreadable) {
    this.text = text;
    this.#unreadable = unreadable;
    this.look(1);
  }

  get column(): number {
    return this.at - this.lineStart;
  }
  /** NaN behind the end. */
  code(offset = 0): number {
    return this.text.charCodeAt(this.at + offset);
  }
  /** So many characters are asked for. Throws where one of those that come with them is none. */
  look(count: number): void {
    if (this.#unreadable && this.at + count > this.#unreadable.from) throw yamlError(0, this.#unreadable.problem);
  }
  fail(problem: string): never {
    throw yamlError(this.line ? this.line + 1 : 0, problem);
  }
  /** Over a break, of which a carriage return and a newline are one. */
  skipBreak(): void {
    this.at += this.code() === carriageReturn && this.code(1) === newline ? 2 : 1;
    this.line++;
    this.lineStart = this.at;
  }
  /** The same, and what it stands for in a scalar. */
  readBreak(): string {
    const code = this.code();
    this.skipBreak();
    return code === 0x2028 || code === 0x2029 ? String.fromCharCode(code) : "\n";
  }
  atDocumentMark(): boolean {
    if (this.at !== this.lineStart) return false;
    const three = this.text.slice(this.at, this.at + 3);
    return (three === "---" || three === "...") && isBlankOrEnd(this.code(3));
  }

  token(type: TokenType, line: number, endLine = line, more: Partial<Token> = {}): Token {
    return { type, line, endLine, text: "", suffix: "", plain: false, ...more };
  }
}
