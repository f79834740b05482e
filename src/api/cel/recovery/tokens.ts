/** Tokens as ANTLR's lexer makes them, with what is no token (cel-go's CEL.g4, "Lexer Rules"). Made as they are asked for. */
import { endOfInput, tokenNumber } from "./grammar.ts";

export interface Token {
  /** Its number in the grammar. */
  readonly type: number;
  readonly text: string;
  /** Zero-based offset in the source. */
  readonly start: number;
  /** Index among all the tokens, blanks included. */
  readonly index: number;
}

const escaped = String.raw`\\(?:[abfnrtv"'\\?${"`"}]|[0-3][0-7][0-7]|[xX][\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8})`;
const startedEscape = String.raw`\\(?:[0-3][0-7]?|[xX][\da-fA-F]?|u[\da-fA-F]{0,3}|U[\da-fA-F]{0,7})?`;
const cooked = (quote: string): string => String.raw`${quote}(?:${escaped}|[^\\${quote}\n\r])*`;
const long = (quote: string): string => String.raw`${quote}{3}(?:${escaped}|[^\\])*?`;
/** Strings in CEL's quotes. */
export const strings = [
  ...['"', "'"].map((quote) => `[rR]${quote}{3}[^]*?${quote}{3}`),
  ...['"', "'"].map((quote) => `${long(quote)}${quote}{3}`),
  ...['"', "'"].map((quote) => String.raw`[rR]${quote}[^${quote}\n\r]*${quote}`),
  ...['"', "'"].map((quote) => `${cooked(quote)}${quote}`),
].join("|");

const lexicon = new RegExp(
  [
    String.raw`((?:[\t \r\n\f]+|\/\/[^\n]*))`,
    `([bB](?:${strings}))`,
    `(${strings})`,
    String.raw`(\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)`,
    String.raw`(\d+[uU]|0x[\da-fA-F]+[uU])`,
    String.raw`(0x[\da-fA-F]+|\d+)`,
    String.raw`([A-Za-z_]\w*)`,
    `(${"`"}[\\w.\\-/ ]+${"`"})`,
    String.raw`(==|!=|<=|>=|&&|\|\||[<>[\]{}().,\-!?:+*/%])`,
  ].join("|"),
  "uy",
);
const kinds = ["", "BYTES", "STRING", "NUM_FLOAT", "NUM_UINT", "NUM_INT", "IDENTIFIER", "ESC_IDENTIFIER", "symbol"];
const words = new Set(["in", "true", "false", "null"]);

/** What a token could have begun with: the character behind it is part of the mistake. */
const begun = new RegExp([...['"', "'"].map((quote) => `${cooked(quote)}(?:${startedEscape})?`), `${"`"}[\\w.\\-/ ]*`, "&", "\\|", "="].join("|"), "uy");

export class Tokens {
  readonly #source: string;
  readonly #complain: (message: string, offset: number) => void;
  /** Without blanks. */
  readonly #tokens: Token[] = [];
  readonly #all: string[] = [];
  #at = 0;

  constructor(source: string, complain: (message: string, offset: number) => void) {
    this.#source = source;
    this.#complain = complain;
  }

  /** The nth that is no blank; the end of the input from there on. */
  get(n: number): Token {
    while (n >= this.#tokens.length && this.#tokens.at(-1)?.type !== endOfInput) this.#make();
    return this.#tokens[Math.min(n, this.#tokens.length - 1)] as Token;
  }

  /** From one token to another, with the blanks between them. */
  text(from: Token, to: Token): string {
    return this.#all.slice(from.index, to.type === endOfInput ? to.index : to.index + 1).join("");
  }

  #make(): void {
    const start = this.#at;
    const index = this.#all.length;
    if (start >= this.#source.length) {
      this.#tokens.push({ type: endOfInput, text: "<EOF>", start: this.#source.length, index });
      return;
    }
    lexicon.lastIndex = start;
    const match = lexicon.exec(this.#source);
    if (!match) {
      this.#mistake(start);
      return;
    }
    const text = match[0];
    this.#at += text.length;
    this.#all.push(text);
    let kind = 0;
    while (match[kind + 1] === undefined) kind++;
    if (kind === 0) return;
    const name = kinds[kind] as string;
    const type = tokenNumber(name === "symbol" || words.has(text) ? `'${text}'` : name) as number;
    this.#tokens.push({ type, text, start, index });
  }

  #mistake(start: number): void {
    begun.lastIndex = start;
    const taken = begun.exec(this.#source)?.[0].length ?? 0;
    const behind = this.#source.codePointAt(start + taken);
    const end = start + taken + (behind === undefined ? 0 : String.fromCodePoint(behind).length);
    this.#at = end;
    const text = this.#source.slice(start, end);
    this.#complain(`token recognition error at: '${text}'`, start);
  }
}

/** As messages show text. */
export const shown = (text: string): string => text.replaceAll("\t", "\\t").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
