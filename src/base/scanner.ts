/** Tokens of a small language, one ahead: what parsers of expressions share. */

export interface Token<Kind extends string> {
  kind: Kind | "end";
  text: string;
  /** Zero-based offsets in the text; the end is exclusive. */
  start: number;
  end: number;
}

export interface Lexicon<Kind extends string> {
  /** Sticky; its nth group makes a token of the nth kind. */
  readonly token: RegExp;
  readonly kinds: readonly Kind[];
  /** Sticky: what stands between tokens. */
  readonly blank: RegExp;
}

/** Every complaint is thrown as `mistake` makes it, with the offset that it is about. */
export class Scanner<Kind extends string> {
  readonly text: string;
  /** Where the next token is looked for. */
  at = 0;
  readonly #lexicon: Lexicon<Kind>;
  readonly #mistake: (message: string, offset: number) => Error;
  readonly #unknown: (text: string, offset: number) => number;
  #ahead: Token<Kind> | undefined;

  /** `unknown` is told of text that is no token, and throws or says how much of it to pass over. */
  constructor(
    text: string,
    lexicon: Lexicon<Kind>,
    mistake: (message: string, offset: number) => Error,
    unknown: (text: string, offset: number) => number = (rest, offset) => this.fail(`unexpected ${JSON.stringify(rest[0])}`, offset),
  ) {
    this.text = text;
    this.#lexicon = lexicon;
    this.#mistake = mistake;
    this.#unknown = unknown;
  }

  peek(): Token<Kind> {
    const { token, kinds, blank } = this.#lexicon;
    for (;;) {
      blank.lastIndex = this.at;
      if (blank.test(this.text)) this.at = blank.lastIndex;
      const start = this.at;
      if (this.#ahead?.start === start) return this.#ahead;
      if (start >= this.text.length) return { kind: "end", text: "", start, end: start };
      token.lastIndex = start;
      const match = token.exec(this.text);
      if (!match) {
        this.at += this.#unknown(this.text.slice(start), start);
        continue;
      }
      let kind = 0;
      while (match[kind + 1] === undefined) kind++;
      this.#ahead = { kind: kinds[kind] as Kind, text: match[0], start, end: token.lastIndex };
      return this.#ahead;
    }
  }
  next(): Token<Kind> {
    const found = this.peek();
    this.at = found.end;
    return found;
  }
  /** Whether the next token is this symbol or word; it is taken if so. */
  accept(text: string): boolean {
    const next = this.peek();
    if (next.text !== text || next.kind === "end") return false;
    this.at = next.end;
    return true;
  }
  expect(text: string): Token<Kind> {
    const next = this.peek();
    if (!this.accept(text)) this.fail(`expected ${JSON.stringify(text)}, found ${JSON.stringify(next.text || "the end")}`);
    return next;
  }
  fail(message: string, offset = this.at): never {
    throw this.#mistake(message, offset);
  }
}
