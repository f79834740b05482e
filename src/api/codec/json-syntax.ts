/**
 * A JSON reader that keeps what JSON.parse loses (repeated keys, the text of numbers) and reports malformed input in the
 * words of Go's encoding/json. Used where the quick path found something out of the ordinary. Iterative: depth costs no stack.
 */
import { DecodeError, maxDepth } from "./decode-error.ts";

export type JSONNode =
  | { kind: "object"; keys: string[]; values: JSONNode[] }
  | { kind: "array"; values: JSONNode[] }
  | { kind: "string"; value: string }
  | { kind: "number"; text: string }
  | { kind: "bool"; value: boolean }
  | { kind: "null" };

const withinWord = /^(?:in (?!string literal)|after decimal point)/;
const nullNode: JSONNode = { kind: "null" };
const encoder = new TextEncoder();

/** Throws DecodeError, nothing else. */
export function parseNodes(text: string): JSONNode {
  return new Reader(text).document();
}

/** Throws a DecodeError where they are no JSON; it names the very byte, be it part of a character or not. */
export function checkBytes(bytes: Uint8Array): void {
  new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"), true).document();
}

class Reader {
  readonly #text: string;
  readonly #isBytes: boolean;
  #at = 0;

  /** `isBytes`: each character of the text stands for a byte. */
  constructor(text: string, isBytes = false) {
    this.#text = text;
    this.#isBytes = isBytes;
  }

  document(): JSONNode {
    const stack: (Extract<JSONNode, { kind: "object" }> | Extract<JSONNode, { kind: "array" }>)[] = [];
    for (;;) {
      let done = this.#open(stack);
      // A value is complete: give it to what holds it, and close what ends with it.
      while (done) {
        const parent = stack.at(-1);
        if (!parent) {
          this.#space();
          if (this.#at < this.#text.length) this.#fail("after top-level value");
          return done;
        }
        parent.values.push(done);
        this.#space();
        const next = this.#text.charCodeAt(this.#at);
        const close = parent.kind === "object" ? 0x7d : 0x5d;
        if (next === 0x2c) {
          this.#at++;
          if (parent.kind === "object") this.#key(parent);
          done = undefined;
        } else if (next === close) {
          this.#at++;
          stack.pop();
          done = parent;
        } else this.#fail(parent.kind === "object" ? "after object key:value pair" : "after array element");
      }
    }
  }

  /** Reads one value; a list or an object that is not empty goes on the stack instead. */
  #open(stack: JSONNode[]): JSONNode | undefined {
    this.#space();
    const char = this.#text[this.#at];
    if (char === "{" || char === "[") {
      if (stack.length >= maxDepth) this.#fail("exceeded max depth");
      this.#at++;
      this.#space();
      if (char === "{") {
        const node: JSONNode = { kind: "object", keys: [], values: [] };
        if (this.#take("}")) return node;
        this.#key(node);
        stack.push(node);
      } else {
        const node: JSONNode = { kind: "array", values: [] };
        if (this.#take("]")) return node;
        stack.push(node);
      }
      return undefined;
    }
    if (char === '"') return { kind: "string", value: this.#string() };
    if (char === "t") return this.#literal("true", { kind: "bool", value: true });
    if (char === "f") return this.#literal("false", { kind: "bool", value: false });
    if (char === "n") return this.#literal("null", nullNode);
    if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) return { kind: "number", text: this.#number() };
    return this.#fail("looking for beginning of value");
  }

  #key(node: Extract<JSONNode, { kind: "object" }>): void {
    this.#space();
    if (this.#text[this.#at] !== '"') this.#fail("looking for beginning of object key string");
    node.keys.push(this.#string());
    this.#space();
    if (this.#text[this.#at] !== ":") this.#fail("after object key");
    this.#at++;
  }

  #literal(word: string, node: JSONNode): JSONNode {
    for (let i = 1; i < word.length; i++) {
      this.#at++;
      if (this.#text[this.#at] !== word[i]) this.#fail(`in literal ${word} (expecting '${word[i]}')`);
    }
    this.#at++;
    return node;
  }

  #string(): string {
    const start = this.#at++;
    let escaped = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) break;
      if (!(code >= 0x20)) this.#fail("in string literal");
      this.#at++;
      if (code !== 0x5c) continue;
      escaped = true;
      const kind = this.#text[this.#at];
      if (kind === undefined || !'"\\/bfnrtu'.includes(kind)) this.#fail("in string escape code");
      this.#at++;
      if (kind !== "u") continue;
      for (let i = 0; i < 4; i++, this.#at++) {
        if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? "")) this.#fail("in \\u hexadecimal character escape");
      }
    }
    const raw = this.#text.slice(start, ++this.#at);
    return escaped ? (JSON.parse(raw) as string).toWellFormed() : raw.slice(1, -1);
  }

  #number(): string {
    const start = this.#at;
    const digits = (where: string): void => {
      if (!this.#digit()) this.#fail(where);
      while (this.#digit()) this.#at++;
    };
    if (this.#text[this.#at] === "-") this.#at++;
    if (this.#text[this.#at] === "0") this.#at++;
    else digits("in numeric literal");
    if (this.#text[this.#at] === ".") {
      this.#at++;
      digits("after decimal point in numeric literal");
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at++;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      digits("in exponent of numeric literal");
    }
    return this.#text.slice(start, this.#at);
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #digit(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    return code >= 0x30 && code <= 0x39;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #fail(where: string): never {
    // Go makes sure of the end by a blank, which only between words says nothing.
    if (this.#at >= this.#text.length) throw new DecodeError(withinWord.test(where) ? `invalid character ' ' ${where}` : "unexpected end of JSON input", true);
    const byte = this.#isBytes ? this.#text.charCodeAt(this.#at) : firstByte(this.#text, this.#at);
    throw new DecodeError(`invalid character ${quoteByte(byte)} ${where}`, true);
  }
}

/** Go sees bytes: of a character beyond ASCII its message names the first one. */
function firstByte(text: string, at: number): number {
  return encoder.encode(String.fromCodePoint(text.codePointAt(at) as number))[0] as number;
}

/** A byte as encoding/json's messages show it. */
export function quoteByte(byte: number): string {
  if (byte === 0x27) return "'\\''";
  if (byte === 0x22) return "'\"'";
  if (byte === 0x5c) return "'\\\\'";
  const named = { 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r" }[byte];
  if (named) return `'${named}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, "0")}'`;
  if ((byte >= 0x80 && byte <= 0xa0) || byte === 0xad) return `'\\u00${byte.toString(16)}'`;
  return `'${String.fromCharCode(byte)}'`;
}
