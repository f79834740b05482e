/**
 * YAML's text as tokens, and what is wrong with it in go-yaml v2's words: where a block begins and ends, which scalar turns
 * out to be a key, which character may stand where (go.yaml.in/yaml/v2: scannerc.go, which follows libyaml).
 */
import { Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, type Token, type TokenType } from "./yaml-cursor.ts";
import { blockScalar, plainScalar, quotedScalar } from "./yaml-scan-scalars.ts";
import { directive, name, tag } from "./yaml-scan-words.ts";

/** What may turn out to be a key, because a colon follows. */
interface PossibleKey {
  /** Nothing else may stand there. */
  required: boolean;
  /** Which of all tokens it would be. */
  number: number;
  at: number;
  line: number;
  column: number;
}

const mostNesting = 10_000;
/** Characters between a key and its colon. */
const longestKey = 1024;

export class Scanner extends Cursor {
  readonly #indents: number[] = [];
  /** One for each level of brackets. */
  readonly #keys: (PossibleKey | undefined)[] = [undefined];
  readonly #byNumber = new Map<number, PossibleKey>();
  /** Of the last key of each level; before there is one, of its bracket, which is forgotten as a key when nothing comes within. */
  readonly #numbers = [0];
  #tokens: Token[] = [];
  #head = 0;
  #taken = 0;
  #ended = false;

  /** The next, which stays where it is. Throws DecodeError. */
  peek(): Token {
    for (;;) {
      if (this.#head < this.#tokens.length) {
        const key = this.#byNumber.get(this.#taken);
        if (!key || !this.#isPossible(key)) return this.#tokens[this.#head] as Token;
      }
      this.#fetch();
    }
  }
  take(): Token {
    const token = this.peek();
    this.#taken++;
    if (++this.#head > 64 && this.#head * 2 > this.#tokens.length) {
      this.#tokens = this.#tokens.slice(this.#head);
      this.#head = 0;
    }
    return token;
  }

  #add(token: Token): void {
    this.#tokens.push(token);
  }
  /** Before the one that is the `number`th of all; at the end where that is taken already. */
  #insert(number: number, token: Token): void {
    if (number < this.#taken) this.#add(token);
    else this.#tokens.splice(this.#head + number - this.#taken, 0, token);
  }
  get #next(): number {
    return this.#taken + this.#tokens.length - this.#head;
  }

  #fetch(): void {
    if (this.#ended) {
      this.#add(this.token("stream end", this.line));
      return;
    }
    this.#toNextToken();
    this.#unroll(this.column);
    this.look(4);
    const code = this.code();
    if (Number.isNaN(code)) {
      this.#end();
      return;
    }
    const char = this.text[this.at] as string;
    if (this.column === 0 && char === "%") {
      this.#directive();
      return;
    }
    if (this.atDocumentMark()) {
      this.#documentMark();
      return;
    }
    const next = this.code(1);
    switch (char) {
      case "[":
      case "{":
        this.#open(char);
        return;
      case "]":
      case "}":
        this.#close(char);
        return;
      case ",":
        this.#dropKey();
        this.keyAllowed = true;
        this.#sign(",");
        return;
      case "*":
      case "&":
        this.#word(() => name(this, char === "*" ? "alias" : "anchor"));
        return;
      case "!":
        this.#word(() => tag(this));
        return;
      case "'":
      case '"':
        this.#word(() => quotedScalar(this, char));
        return;
      case "|":
      case ">":
        if (this.flow) break;
        this.#dropKey();
        this.keyAllowed = true;
        this.#add(blockScalar(this, char === "|"));
        return;
      case "-":
        if (isBlankOrEnd(next)) {
          this.#entry();
          return;
        }
        break;
      case "?":
        if (this.flow || isBlankOrEnd(next)) {
          this.#key();
          return;
        }
        break;
      case ":":
        if (this.flow || isBlankOrEnd(next)) {
          this.#value();
          return;
        }
        break;
    }
    const indicator = "-?:,[]{}#&*!|>'\"%@`".includes(char) || isBlankOrEnd(code);
    const plain = !indicator || (char === "-" && !isBlank(next)) || (!this.flow && (char === "?" || char === ":") && !isBlankOrEnd(next));
    if (!plain) this.fail("found character that cannot start any token");
    this.#word(() => plainScalar(this));
  }

  #toNextToken(): void {
    for (;;) {
      this.look(1);
      if (this.at === 0 && this.code() === 0xfeff) this.at++;
      while (this.code() === 0x20 || ((this.flow || !this.keyAllowed) && this.code() === 0x09)) this.at++;
      if (this.code() === 0x23) while (!isBreakOrEnd(this.code())) this.at++;
      this.look(1);
      if (!isBreak(this.code())) return;
      this.skipBreak();
      if (!this.flow) this.keyAllowed = true;
    }
  }

  #isPossible(key: PossibleKey): boolean {
    if (key.line === this.line && key.at + longestKey >= this.at) return true;
    if (key.required) this.fail("could not find expected ':'");
    this.#forget(key);
    return false;
  }
  #forget(key: PossibleKey): void {
    const level = this.#keys.lastIndexOf(key);
    if (level >= 0) this.#keys[level] = undefined;
    if (this.#byNumber.get(key.number) === key) this.#byNumber.delete(key.number);
  }
  /** What is next may be one. */
  #saveKey(): void {
    if (!this.keyAllowed) return;
    const { at, line, column } = this;
    this.#dropKey();
    const key = { required: !this.flow && this.indent === column, number: this.#next, at, line, column };
    this.#keys[this.#keys.length - 1] = key;
    this.#numbers[this.#numbers.length - 1] = key.number;
    this.#byNumber.set(key.number, key);
  }
  #dropKey(): void {
    const key = this.#keys.at(-1);
    if (!key) return;
    if (key.required) this.fail("could not find expected ':'");
    this.#keys[this.#keys.length - 1] = undefined;
    this.#byNumber.delete(key.number);
  }

  #roll(column: number, number: number, token: Token): void {
    if (this.flow || this.indent >= column) return;
    this.#indents.push(this.indent);
    this.indent = column;
    if (this.#indents.length > mostNesting) this.fail(`exceeded max depth of ${mostNesting}`);
    this.#insert(number, token);
  }
  #unroll(column: number): void {
    if (this.flow) return;
    while (this.indent > column) {
      this.#add(this.token("block end", this.line));
      this.indent = this.#indents.pop() as number;
    }
  }

  #end(): void {
    if (this.column !== 0) {
      this.line++;
      this.lineStart = this.at;
    }
    this.#unroll(-1);
    this.#dropKey();
    this.keyAllowed = false;
    this.#ended = true;
    this.#add(this.token("stream end", this.line));
  }
  #directive(): void {
    this.#unroll(-1);
    this.#dropKey();
    this.keyAllowed = false;
    this.#add(directive(this));
  }
  #documentMark(): void {
    this.#unroll(-1);
    this.#dropKey();
    this.keyAllowed = false;
    const type = this.code() === 0x2d ? "---" : "...";
    this.at += 3;
    this.#add(this.token(type, this.line));
  }
  #sign(type: TokenType): void {
    this.at++;
    this.#add(this.token(type, this.line));
  }
  #open(type: "[" | "{"): void {
    this.#saveKey();
    this.#keys.push(undefined);
    this.#numbers.push(this.#next);
    if (++this.flow > mostNesting) this.fail(`exceeded max depth of ${mostNesting}`);
    this.keyAllowed = true;
    this.#sign(type);
  }
  #close(type: "]" | "}"): void {
    this.#dropKey();
    if (this.flow) {
      this.flow--;
      this.#keys.pop();
      this.#byNumber.delete(this.#numbers.pop() as number);
    }
    this.keyAllowed = false;
    this.#sign(type);
  }
  #entry(): void {
    if (!this.flow) {
      if (!this.keyAllowed) this.fail("block sequence entries are not allowed in this context");
      this.#roll(this.column, this.#next, this.token("block sequence", this.line));
    }
    this.#dropKey();
    this.keyAllowed = true;
    this.#sign("-");
  }
  #key(): void {
    if (!this.flow) {
      if (!this.keyAllowed) this.fail("mapping keys are not allowed in this context");
      this.#roll(this.column, this.#next, this.token("block mapping", this.line));
    }
    this.#dropKey();
    this.keyAllowed = !this.flow;
    this.#sign("key");
  }
  #value(): void {
    const key = this.#keys.at(-1);
    if (key && this.#isPossible(key)) {
      this.#insert(key.number, this.token("key", key.line));
      this.#roll(key.column, key.number, this.token("block mapping", key.line));
      this.#forget(key);
      this.keyAllowed = false;
    } else {
      if (!this.flow) {
        if (!this.keyAllowed) this.fail("mapping values are not allowed in this context");
        this.#roll(this.column, this.#next, this.token("block mapping", this.line));
      }
      this.keyAllowed = !this.flow;
    }
    this.#sign("value");
  }
  /** What may be a key itself, and has none behind it. */
  #word(scan: () => Token): void {
    this.#saveKey();
    this.keyAllowed = false;
    this.#add(scan());
  }
}
