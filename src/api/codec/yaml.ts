/**
 * YAML as sigs.k8s.io/yaml (go-yaml v2) reads it, into what JSON can say. The syntax is js-yaml's work, the meaning of
 * scalars, tags, repeated keys, merges and aliases is here.
 */
import { type Event, EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException } from "js-yaml";
import type { JSONObject, JSONValue } from "../json.ts";
import { bounded, DecodeError } from "./decode-error.ts";
import { compareBytes, put, readPlainJSON, safeDepth } from "./json.ts";
import { resolvePlain, type YAMLScalar } from "./yaml-scalar.ts";
import { goWords } from "./yaml-words.ts";

export interface YAMLDocument {
  /** Keys sorted, as the JSON has them that upstream makes of it. */
  value: JSONValue;
  /** One message for all repeated keys, as upstream's strict decoding reports them. */
  duplicates: string[];
}

const textOf = (bytes: Uint8Array | string): string => (typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes));

/**
 * Nodes of a body, keys included. Upstream knows no such limit, but its store takes no more than 1.5 MB; three megabytes of nothing
 * but brackets take a hundred times that while they are looked at.
 */
export const maxNodes = 200_000;

/** The first document; an empty text is null. What follows it is not looked at. Throws DecodeError, also for more nodes than may be. */
export function parseYAML(bytes: Uint8Array | string, nodes = Number.POSITIVE_INFINITY): YAMLDocument {
  const source = textOf(bytes);
  const plain = readPlainJSON(source, nodes);
  if (plain !== undefined) return { value: plain, duplicates: [] };
  try {
    return documentsOf(source, nodes)[0] ?? { value: null, duplicates: [] };
  } catch (error) {
    const first = firstDocument(source);
    if (first === undefined) throw error;
    return documentsOf(first, nodes)[0] ?? { value: null, duplicates: [] };
  }
}

/** Every document. Throws DecodeError. */
export const parseYAMLDocuments = (bytes: Uint8Array | string): YAMLDocument[] => documentsOf(textOf(bytes));

/** Up to the mark behind the first document, or to a line further left than it began; undefined where there is neither. */
function firstDocument(source: string): string | undefined {
  const begin = /^(?![^\S\n\r\u2028\u2029]*(?:#.*)?$|%)(?:---(?=\s).*|( *).+)$/m.exec(source);
  if (!begin) return undefined;
  const [line, { length: depth } = ""] = begin;
  const behind = begin.index + line.length;
  const end = new RegExp(`^(?:(?:---|\\.\\.\\.)(?=\\s|$)${depth ? `| {0,${depth - 1}}[^\\s#]` : ""})`, "m").exec(source.slice(behind));
  return end ? source.slice(0, behind + end.index) : undefined;
}

/** Characters that are read again, at most, for lines that stand too far to the left: some hundred lines of a manifest. */
const readAgain = 1 << 22;
const deeper = " ".repeat(64);
/** Of one line: where it is refused still, it is for another reason. */
const mostMoves = 16;
/** Repeated keys that are told; go-yaml tells all. */
const mostDuplicates = 1000;

function documentsOf(source: string, nodes = Number.POSITIVE_INFINITY): YAMLDocument[] {
  const events = eventsOf(source, nodes);
  const builder = new Builder(events.source, events.events);
  const documents: YAMLDocument[] = [];
  while (!builder.done) documents.push(bounded(() => builder.document()));
  return documents;
}

/** The parser asks how deep it may go at every node, and only then: it is stopped there when there are too many. */
function depthAndNodes(depth: number, most: number): number {
  let nodes = 0;
  const limit = {
    [Symbol.toPrimitive](hint: string) {
      if (hint === "number" && ++nodes > most) throw new DecodeError(`yaml: more than ${most} nodes`, true);
      return depth;
    },
  };
  return limit as unknown as number;
}

/** Its own makes an object of every line of the text, to show three of them. */
YAMLException.throwAt = (source, position, message): never => {
  let [line, begin] = [0, 0];
  for (let i = 0; i < position; i++) {
    const code = source.charCodeAt(i);
    if (code !== 0x0a && code !== 0x0d) continue;
    line++;
    if (code === 0x0d && source.charCodeAt(i + 1) === 0x0a) i++;
    begin = i + 1;
  }
  throw new YAMLException(message, { name: "", buffer: "", position, line, column: position - begin, snippet: "" });
};

/** Within brackets and quotes go-yaml cares for no indentation, and what a line begins with there means nothing: it is moved to the right. */
/** Elements without anything in them, and documents: the parser goes past them without asking. */
function emptyOnes(source: string): number {
  let found = 0;
  for (let i = source.indexOf("-"); i >= 0; i = source.indexOf("-", i + 1)) {
    let to = i + 1;
    while (source.charCodeAt(to) === 0x20) to++;
    const next = source.charCodeAt(to);
    if (next === 0x0a || next === 0x0d || next === 0x09 || next === 0x23 || to >= source.length) found++;
    i = to - 1;
  }
  return found;
}

function eventsOf(given: string, nodes: number): { source: string; events: Event[] } {
  let source = given;
  if (nodes < given.length / 2 && emptyOnes(given) > nodes) throw new DecodeError(`yaml: more than ${nodes} nodes`, true);
  let moved = { line: -1, times: 0 };
  for (let left = readAgain; ; left -= source.length) {
    try {
      return { source, events: bounded(() => parseEvents(source, { maxDepth: depthAndNodes(safeDepth, nodes) })) };
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error;
      const at = error.mark?.position ?? source.length;
      const begin = source.lastIndexOf("\n", at - 1) + 1;
      const movable = error.reason === "deficient indentation" && at < source.length && !/^(?:---|\.\.\.)/.test(source.slice(begin, begin + 3));
      if (!movable) throw new DecodeError(`yaml: ${goWords(error, source)}`, true);
      moved = { line: begin, times: moved.line === begin ? moved.times + 1 : 1 };
      if (left < source.length || moved.times > mostMoves)
        throw new DecodeError(`yaml: line ${(error.mark?.line ?? 0) + 1}: too many lines within brackets or quotes stand left of what they belong to`, true);
      source = source.slice(0, begin) + deeper + source.slice(begin);
    }
  }
}

/** Where a value begins, of which go-yaml tells the line; -1: where its key is. */
function startOf(event: Event | undefined): number {
  if (!event || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return -1;
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart;
  if (event.type === EVENT_ID.SCALAR && (event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK)) return -1;
  const starts = [event.type === EVENT_ID.SCALAR ? event.valueStart : event.start, event.anchorStart, event.tagStart].filter((at) => at >= 0);
  return starts.length ? Math.min(...starts) : -1;
}

interface Anchor {
  value: Built;
  /** Nodes that an alias to it stands for. */
  size: number;
}
/** Mappings while they are built: keys may still be of any scalar type, and `<<` may add to them. */
type Built = YAMLScalar | Built[] | Mapping;
class Mapping {
  readonly entries: Map<string, Built>;
  constructor(entries = new Map<string, Built>()) {
    this.entries = entries;
  }
}
const emptyMapping = new Mapping();

class Builder {
  readonly #source: string;
  /** Each is let go when it has been looked at. */
  readonly #events: (Event | undefined)[];
  #at = 0;
  #anchors = new Map<string, Anchor | undefined>();
  #duplicates: string[] = [];
  #nodes = 0;
  #aliased = 0;
  /** Line of an offset, kept from the last question because they come in order. */
  #offset = 0;
  #line = 1;

  constructor(source: string, events: Event[]) {
    this.#source = source;
    this.#events = events;
  }

  get done(): boolean {
    return this.#at >= this.#events.length;
  }

  document(): YAMLDocument {
    this.#anchors = new Map();
    this.#duplicates = [];
    this.#nodes = this.#aliased = 0;
    this.#at++;
    const value = this.#events[this.#at]?.type === EVENT_ID.POP ? null : toJSON(this.#node());
    this.#at++;
    return { value, duplicates: this.#duplicates.length ? [`yaml: unmarshal errors:\n  ${this.#duplicates.join("\n  ")}`] : [] };
  }

  #node(): Built {
    const event = this.#events[this.#at] as Event;
    this.#events[this.#at++] = undefined;
    this.#nodes++;
    if (event.type === EVENT_ID.ALIAS) return this.#alias(this.#source.slice(event.anchorStart, event.anchorEnd));
    if (event.type !== EVENT_ID.SCALAR && event.type !== EVENT_ID.SEQUENCE && event.type !== EVENT_ID.MAPPING) {
      throw new DecodeError("yaml: did not find expected node content", true);
    }
    const anchor = event.anchorStart < 0 ? undefined : this.#source.slice(event.anchorStart, event.anchorEnd);
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const before = this.#nodes;
    let value: Built;
    if (event.type === EVENT_ID.SCALAR) {
      const tag = event.tagStart < 0 ? "" : this.#source.slice(event.tagStart, event.tagEnd);
      if (event.style === SCALAR_STYLE.DOUBLE_QUOTED) this.#refuseSurrogates(event.valueStart, event.valueEnd);
      value = tagged(tag, getScalarValue(this.#source, event), event.style === SCALAR_STYLE.PLAIN);
    } else value = event.type === EVENT_ID.SEQUENCE ? this.#sequence() : this.#mapping();
    if (anchor !== undefined) this.#anchors.set(anchor, { value, size: this.#nodes - before + 1 });
    return value;
  }

  /** Of escapes, go-yaml wants each to be a character of its own: halves of one it refuses, also where both are there. */
  #refuseSurrogates(from: number, to: number): void {
    const raw = this.#source.slice(from, to);
    if (!raw.includes("\\")) return;
    for (const { 0: found, index } of raw.matchAll(/\\(?:u[dD][89a-fA-F]|U0000[dD][89a-fA-F]|[\s\S])/g)) {
      if (found.length === 2) continue;
      const line = this.#lineOf(from + index);
      throw new DecodeError(`yaml: ${line > 1 ? `line ${line}: ` : ""}found invalid Unicode character escape code`, true);
    }
  }

  /** go-yaml refuses documents that consist of aliases for the most part. */
  #alias(name: string): Built {
    const anchor = this.#anchors.get(name);
    if (!anchor)
      throw new DecodeError(this.#anchors.has(name) ? `yaml: anchor '${name}' value contains itself` : `yaml: unknown anchor '${name}' referenced`, true);
    this.#nodes += anchor.size;
    this.#aliased += anchor.size;
    const [low, high] = [400_000, 4_000_000];
    const ratio = this.#nodes <= low ? 0.99 : this.#nodes >= high ? 0.1 : 0.99 - 0.89 * ((this.#nodes - low) / (high - low));
    if (this.#aliased > 100 && this.#nodes > 1000 && this.#aliased / this.#nodes > ratio)
      throw new DecodeError("yaml: document contains excessive aliasing", true);
    return anchor.value;
  }

  #sequence(): Built[] {
    const items: Built[] = [];
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) items.push(this.#node());
    this.#at++;
    return items;
  }

  #mapping(): Mapping {
    if (this.#events[this.#at]?.type === EVENT_ID.POP) {
      this.#at++;
      return emptyMapping;
    }
    const mapping = new Mapping();
    const merged = new Set<string>();
    for (;;) {
      const event = this.#events[this.#at] as Event;
      if (event.type === EVENT_ID.POP) break;
      const plain = event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN && event.tagStart < 0;
      const line = event.type === EVENT_ID.SCALAR ? this.#lineOf(event.valueStart) : 0;
      const key = this.#node();
      const start = startOf(this.#events[this.#at]);
      if (plain && key === "<<") {
        this.#merge(mapping, this.#node(), merged);
        continue;
      }
      const name = keyText(key);
      const value = this.#node();
      if (mapping.entries.has(name) && !merged.delete(name) && this.#duplicates.length < mostDuplicates)
        this.#duplicates.push(`line ${start < 0 ? line : this.#lineOf(start)}: key ${typeof key === "string" ? JSON.stringify(key) : name} already set in map`);
      mapping.entries.set(name, value);
    }
    this.#at++;
    return mapping;
  }

  #merge(into: Mapping, from: Built, merged: Set<string>): void {
    const sources = Array.isArray(from) ? from : [from];
    for (const source of sources) {
      if (!(source instanceof Mapping)) throw new DecodeError("yaml: map merge requires map or sequence of maps as the value", true);
      for (const [key, value] of source.entries) {
        if (into.entries.has(key)) continue;
        into.entries.set(key, value);
        merged.add(key);
      }
    }
  }

  #lineOf(offset: number): number {
    if (offset < this.#offset) {
      this.#offset = 0;
      this.#line = 1;
    }
    for (; this.#offset < offset; this.#offset++) if (this.#source.charCodeAt(this.#offset) === 0x0a) this.#line++;
    return this.#line;
  }
}

function tagged(tag: string, text: string, plain: boolean): YAMLScalar {
  const short = tag.replace(/^!<tag:yaml\.org,2002:(.*)>$/, "!!$1");
  if (short === "") return plain ? resolvePlain(text) : text;
  const value = resolvePlain(text);
  const wrong = (): never => {
    const kind =
      value === null
        ? "!!null"
        : typeof value === "boolean"
          ? "!!bool"
          : typeof value === "string"
            ? "!!str"
            : Number.isInteger(Number(value))
              ? "!!int"
              : "!!float";
    throw new DecodeError(`yaml: cannot decode ${kind} \`${text}\` as a ${short}`, true);
  };
  switch (short) {
    case "!!int":
      return typeof value === "bigint" || Number.isInteger(value) ? value : wrong();
    case "!!float":
      return typeof value === "bigint" || typeof value === "number" ? Number(value) : wrong();
    case "!!bool":
      return typeof value === "boolean" ? value : wrong();
    case "!!null":
      return value === null ? null : wrong();
    case "!!binary":
      if (!/^[A-Za-z0-9+/=\s]*$/.test(text)) throw new DecodeError("yaml: !!binary value contains invalid base64 data", true);
      return Buffer.from(text, "base64").toString("utf8");
    default:
      return text;
  }
}

function keyText(key: Built): string {
  if (typeof key === "string") return key;
  if (typeof key === "number") return Number.isInteger(key) ? String(key) : keyOfFloat(key);
  if (typeof key === "bigint" || typeof key === "boolean") return String(key);
  if (key === null) throw new DecodeError("unsupported map key of type: %!s(<nil>), key: <nil>");
  throw new DecodeError(`yaml: invalid map key: ${Array.isArray(key) ? "[]interface {}" : "map[interface {}]interface {}"}`, true);
}

function keyOfFloat(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === Math.fround(value)) return String(text);
  }
  return String(value);
}

function toJSON(value: Built): JSONValue {
  if (Array.isArray(value)) return value.map(toJSON);
  if (value instanceof Mapping) {
    const object: JSONObject = {};
    for (const key of [...value.entries.keys()].sort(compareBytes)) put(object, key, toJSON(value.entries.get(key) as Built));
    return object;
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new DecodeError(`json: unsupported value: ${Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"}`);
  }
  return value;
}
