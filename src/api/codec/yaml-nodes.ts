/** Tokens of YAML as nodes, one document after the other; what may not follow is refused in go-yaml v2's words (parserc.go). */
import { DecodeError } from "./decode-error.ts";
import { readText } from "./yaml-reader.ts";
import { type Token, type TokenType, yamlError } from "./yaml-cursor.ts";
import { Scanner } from "./yaml-scanner.ts";

export interface YAMLNode {
  kind: "scalar" | "sequence" | "mapping" | "alias";
  /** From none. */
  line: number;
  /** Of a scalar; the name of an alias. */
  text: string;
  /** In its long form; "": none. */
  tag: string;
  /** What a scalar says decides what it is. */
  implicit: boolean;
  /** Items, or keys and values in turn. */
  children: YAMLNode[];
  /** What an alias stands for. */
  of?: YAMLNode;
}

const standardTags = new Map([
  ["!", "!"],
  ["!!", "tag:yaml.org,2002:"],
]);
const none: YAMLNode[] = [];
const outside = new Set<TokenType>(["%YAML", "%TAG", "---", "...", "stream end"]);
const endsBlockEntry = new Set<TokenType>(["-", "block end"]);
const endsLooseEntry = new Set<TokenType>(["-", "key", "value", "block end"]);
const endsBlockPart = new Set<TokenType>(["key", "value", "block end"]);
const endsPair = new Set<TokenType>(["value", ",", "]"]);
const endsFlowKey = new Set<TokenType>(["value", ",", "}"]);

export class NodeReader {
  readonly #scanner: Scanner;
  readonly #most: number;
  readonly #deepest: number;
  #nodes = 0;
  #anchors = new Map<string, YAMLNode>();
  #tags = new Map<string, string>();
  #begun = false;

  /** Throws DecodeError for more nodes than `most`, and for such as are deeper than `deepest`. */
  constructor(bytes: Uint8Array | string, most: number, deepest: number) {
    const { text, unreadable } = readText(bytes);
    this.#scanner = new Scanner(text, unreadable);
    this.#most = most;
    this.#deepest = deepest;
  }

  /** The next document; undefined behind the last. Throws DecodeError. */
  document(): YAMLNode | undefined {
    const { type } = this.#begun ? this.#behindEnds() : this.#peek();
    if (type === "stream end") return undefined;
    const implicit = !this.#begun && (type === "..." || !outside.has(type));
    this.#begun = true;
    this.#anchors = new Map();
    this.#directives();
    let root: YAMLNode;
    if (implicit) root = this.#node(true, false, 1);
    else {
      const token = this.#peek();
      if (token.type !== "---") throw yamlError(token.line, "did not find expected <document start>");
      this.#take();
      const content = this.#peek();
      root = outside.has(content.type) ? this.#empty(content.line) : this.#node(true, false, 1);
    }
    if (this.#peek().type === "...") this.#take();
    return root;
  }

  #peek(): Token {
    return this.#scanner.peek();
  }
  #take(): Token {
    return this.#scanner.take();
  }
  #behindEnds(): Token {
    while (this.#peek().type === "...") this.#take();
    return this.#peek();
  }

  #directives(): void {
    this.#tags = new Map();
    let versioned = false;
    for (let token = this.#peek(); token.type === "%YAML" || token.type === "%TAG"; token = this.#peek()) {
      if (token.type === "%YAML") {
        if (versioned) throw yamlError(token.line, "found duplicate %YAML directive");
        if (token.text !== "1.1") throw yamlError(token.line, "found incompatible YAML document");
        versioned = true;
      } else {
        if (this.#tags.has(token.text)) throw yamlError(token.line, "found duplicate %TAG directive");
        this.#tags.set(token.text, token.suffix);
      }
      this.#take();
    }
    for (const [handle, prefix] of standardTags) if (!this.#tags.has(handle)) this.#tags.set(handle, prefix);
  }

  #make(kind: YAMLNode["kind"], line: number, more: Partial<YAMLNode> = {}): YAMLNode {
    if (++this.#nodes > this.#most) throw new DecodeError(`yaml: more than ${this.#most} nodes`, true);
    return { kind, line, text: "", tag: "", implicit: true, children: none, ...more };
  }
  #empty(line: number): YAMLNode {
    return this.#make("scalar", line);
  }

  #node(block: boolean, loose: boolean, depth: number): YAMLNode {
    if (depth > this.#deepest) throw new DecodeError("exceeded max depth", true);
    const first = this.#peek();
    if (first.type === "alias") {
      this.#take();
      const of = this.#anchors.get(first.text);
      if (!of) throw yamlError(0, `unknown anchor '${first.text}' referenced`);
      return this.#make("alias", first.line, { text: first.text, of });
    }
    let [anchor, tag] = ["", ""];
    let wanted: TokenType[] = ["anchor", "tag"];
    for (let token = first; wanted.includes(token.type); token = this.#peek()) {
      const { type } = this.#take();
      if (type === "anchor") anchor = token.text;
      else tag = this.#tagOf(token);
      wanted = wanted.filter((one) => one !== type);
    }
    const token = this.#peek();
    const { line } = first;
    const made = (kind: YAMLNode["kind"], more: Partial<YAMLNode> = {}): YAMLNode => {
      const node = this.#make(kind, line, { tag, implicit: tag === "", ...more });
      if (anchor !== "") this.#anchors.set(anchor, node);
      return node;
    };
    if (loose && token.type === "-") return this.#looseSequence(made("sequence", { children: [] }), depth);
    switch (token.type) {
      case "scalar":
        this.#take();
        return made("scalar", { text: token.text, implicit: (tag === "" && token.plain) || tag === "!" });
      case "[":
        return this.#flowSequence(made("sequence", { children: [] }), depth);
      case "{":
        return this.#flowMapping(made("mapping", { children: [] }), depth);
      case "block sequence":
        if (block) return this.#blockSequence(made("sequence", { children: [] }), depth);
        break;
      case "block mapping":
        if (block) return this.#blockMapping(made("mapping", { children: [] }), depth);
        break;
    }
    if (anchor !== "" || tag !== "") return made("scalar");
    throw yamlError(token.line, "did not find expected node content");
  }

  #tagOf({ text, suffix, line }: Token): string {
    const tag = text === "" ? suffix : (this.#tags.get(text) ?? "") + (this.#tags.has(text) ? suffix : "");
    if (text !== "" && tag === "") throw yamlError(line, "found undefined tag handle");
    return tag;
  }

  /** A node, or nothing where one of `ends` stands; `line` is that of nothing. */
  #unless(ends: ReadonlySet<TokenType>, line: number, block: boolean, loose: boolean, depth: number): YAMLNode {
    return ends.has(this.#peek().type) ? this.#empty(line) : this.#node(block, loose, depth + 1);
  }

  #blockSequence(node: YAMLNode, depth: number): YAMLNode {
    this.#take();
    for (let token = this.#peek(); token.type === "-"; token = this.#peek()) {
      this.#take();
      node.children.push(this.#unless(endsBlockEntry, token.endLine, true, false, depth));
    }
    if (this.#peek().type !== "block end") throw yamlError(this.#peek().line, "did not find expected '-' indicator");
    this.#take();
    return node;
  }

  /** Of a mapping's value, no deeper than its key. */
  #looseSequence(node: YAMLNode, depth: number): YAMLNode {
    for (let token = this.#peek(); token.type === "-"; token = this.#peek()) {
      this.#take();
      node.children.push(this.#unless(endsLooseEntry, token.endLine, true, false, depth));
    }
    return node;
  }

  #blockMapping(node: YAMLNode, depth: number): YAMLNode {
    this.#take();
    for (let token = this.#peek(); token.type === "key"; token = this.#peek()) {
      this.#take();
      node.children.push(this.#unless(endsBlockPart, token.endLine, true, true, depth));
      const value = this.#peek();
      if (value.type === "value") {
        this.#take();
        node.children.push(this.#unless(endsBlockPart, value.endLine, true, true, depth));
      } else node.children.push(this.#empty(value.line));
    }
    if (this.#peek().type !== "block end") throw yamlError(this.#peek().line, "did not find expected key");
    this.#take();
    return node;
  }

  /** Past the comma before all but the first; false at the end, which is taken. */
  #more(end: "]" | "}", first: boolean): boolean {
    let token = this.#peek();
    if (token.type !== end && !first) {
      if (token.type !== ",") throw yamlError(token.line, `did not find expected ',' or '${end}'`);
      this.#take();
      token = this.#peek();
    }
    if (token.type !== end) return true;
    this.#take();
    return false;
  }

  #flowSequence(node: YAMLNode, depth: number): YAMLNode {
    this.#take();
    for (let first = true; this.#more("]", first); first = false) {
      const token = this.#peek();
      node.children.push(token.type === "key" ? this.#pair(depth + 1) : this.#node(false, false, depth + 1));
    }
    return node;
  }

  /** A mapping of one, without braces. */
  #pair(depth: number): YAMLNode {
    const node = this.#make("mapping", this.#take().line, { children: [] });
    const token = this.#peek();
    if (endsPair.has(token.type)) {
      // go-yaml passes what ends the key, whatever it is.
      this.#take();
      node.children.push(this.#empty(token.endLine));
    } else node.children.push(this.#node(false, false, depth + 1));
    const value = this.#peek();
    if (value.type === "value") {
      this.#take();
      const { type } = this.#peek();
      node.children.push(type === "," || type === "]" ? this.#empty(value.line) : this.#node(false, false, depth + 1));
    } else node.children.push(this.#empty(value.line));
    this.#peek();
    return node;
  }

  #flowMapping(node: YAMLNode, depth: number): YAMLNode {
    this.#take();
    for (let first = true; this.#more("}", first); first = false) {
      const announced = this.#peek().type === "key";
      if (announced) this.#take();
      node.children.push(announced && endsFlowKey.has(this.#peek().type) ? this.#empty(this.#peek().line) : this.#node(false, false, depth + 1));
      const token = this.#peek();
      if (announced && token.type === "value") {
        this.#take();
        const { type, line } = this.#peek();
        node.children.push(type === "," || type === "}" ? this.#empty(line) : this.#node(false, false, depth + 1));
      } else node.children.push(this.#empty(token.line));
    }
    return node;
  }
}
