/**
 * YAML as sigs.k8s.io/yaml (go-yaml v2) reads it, into what JSON can say: repeated keys, merges, aliases, and what is no key
 * or no value of JSON's (go.yaml.in/yaml/v2: decode.go; sigs.k8s.io/yaml: yaml.go).
 */
import { goQuote } from "../go-quote.ts";
import { goFloat } from "../go-float.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { bounded, DecodeError } from "./decode-error.ts";
import { compareBytes, put, readPlainJSON, safeDepth } from "./json.ts";
import { NodeReader, type YAMLNode } from "./yaml-nodes.ts";
import { keyOfFloat, resolveScalar, YAMLFloat, type YAMLScalar } from "./yaml-scalar.ts";

export interface YAMLDocument {
  /** Keys sorted, as the JSON has them that upstream makes of it. */
  value: JSONValue;
  /** One message for all repeated keys, as upstream's strict decoding reports them. */
  duplicates: string[];
}

/**
 * Nodes of a body, keys included. Upstream knows no such limit, but its store takes no more than 1.5 MB; three megabytes of nothing
 * but brackets take a hundred times that while they are looked at.
 */
export const maxNodes = 200_000;

/** Repeated keys that are told; go-yaml tells all. */
const mostDuplicates = 1000;

const textOf = (bytes: Uint8Array | string): string => (typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes));

/** The first document; an empty text is null. What follows it is not looked at. Throws DecodeError, also for more nodes than may be. */
export function parseYAML(bytes: Uint8Array | string, nodes = Number.POSITIVE_INFINITY): YAMLDocument {
  const plain = readPlainJSON(textOf(bytes), nodes);
  if (plain !== undefined) return { value: plain, duplicates: [] };
  return bounded(() => read(new NodeReader(bytes, nodes, safeDepth))) ?? { value: null, duplicates: [] };
}

/** Every document. Throws DecodeError. */
export function parseYAMLDocuments(bytes: Uint8Array | string): YAMLDocument[] {
  return bounded(() => {
    const reader = new NodeReader(bytes, Number.POSITIVE_INFINITY, safeDepth);
    const documents: YAMLDocument[] = [];
    for (let document = read(reader); document; document = read(reader)) documents.push(document);
    return documents;
  });
}

function read(reader: NodeReader): YAMLDocument | undefined {
  const root = reader.document();
  if (!root) return undefined;
  const builder = new Builder();
  const built = builder.node(root);
  const value = toJSON(built);
  checkNumbers(value);
  const { duplicates } = builder;
  return { value, duplicates: duplicates.length ? [`yaml: unmarshal errors:\n  ${duplicates.join("\n  ")}`] : [] };
}

/** Mappings while they are built: keys may still be of any scalar type, and `<<` may add to them. */
type Built = YAMLScalar | Built[] | Mapping;
interface Entry {
  key: YAMLScalar;
  value: Built;
  /** Of the value, from one. */
  line: number;
}
class Mapping {
  /** By what Go's map takes for the same key. */
  readonly entries = new Map<string, Entry>();
}
interface Anchored {
  value: Built;
  /** Nodes that an alias to it stands for. */
  size: number;
}

const identityOf = (key: YAMLScalar): string => (key instanceof YAMLFloat ? `float ${key.value}` : `${key === null ? "" : typeof key} ${key}`);

class Builder {
  readonly duplicates: string[] = [];
  readonly #made = new Map<YAMLNode, Anchored | undefined>();
  #nodes = 0;
  #aliased = 0;

  node(node: YAMLNode): Built {
    this.#nodes++;
    if (node.kind === "alias") return this.#alias(node);
    if (node.kind === "scalar") return resolveScalar(node.text, node.tag, node.implicit);
    if (node.kind === "sequence") return node.children.map((item) => this.node(item));
    const mapping = new Mapping();
    this.#fill(mapping, node);
    return mapping;
  }

  /** go-yaml refuses documents that consist of aliases for the most part. */
  #alias({ of, text }: YAMLNode): Built {
    const target = of as YAMLNode;
    let made = this.#made.get(target);
    if (!made) {
      if (this.#made.has(target)) throw new DecodeError(`yaml: anchor '${text}' value contains itself`, true);
      this.#made.set(target, undefined);
      const before = this.#nodes;
      const value = this.node(target);
      made = { value, size: this.#nodes - before };
      this.#nodes = before;
      this.#made.set(target, made);
    }
    this.#nodes += made.size;
    this.#aliased += made.size;
    const [low, high] = [400_000, 4_000_000];
    const ratio = this.#nodes <= low ? 0.99 : this.#nodes >= high ? 0.1 : 0.99 - 0.89 * ((this.#nodes - low) / (high - low));
    if (this.#aliased > 100 && this.#nodes > 1000 && this.#aliased / this.#nodes > ratio)
      throw new DecodeError("yaml: document contains excessive aliasing", true);
    return made.value;
  }

  #fill(into: Mapping, { children }: YAMLNode): void {
    for (let i = 0; i < children.length; i += 2) {
      const [name, node] = [children[i] as YAMLNode, children[i + 1] as YAMLNode];
      if (isMerge(name)) {
        this.#merge(into, node);
        continue;
      }
      const key = this.node(name);
      if (Array.isArray(key) || key instanceof Mapping) throw new DecodeError(`yaml: invalid map key: ${goSyntax(key)}`, true);
      this.#set(into, { key, value: this.node(node), line: node.line + 1 });
    }
  }
  /** The last says what there is; that there was one before is told. */
  #set(into: Mapping, entry: Entry): void {
    const id = identityOf(entry.key);
    if (into.entries.has(id) && this.duplicates.length < mostDuplicates)
      this.duplicates.push(`line ${entry.line}: key ${entry.key === null ? "<nil>" : goSyntax(entry.key)} already set in map`);
    into.entries.set(id, entry);
  }

  #merge(into: Mapping, node: YAMLNode): void {
    const isMapping = ({ kind, of }: YAMLNode): boolean => (kind === "alias" ? of : { kind })?.kind === "mapping";
    const sources = node.kind === "sequence" ? node.children.toReversed() : [node];
    for (const source of sources) {
      if (!isMapping(source)) throw new DecodeError("yaml: map merge requires map or sequence of maps as the value", true);
      if (source.kind === "alias") for (const entry of (this.node(source) as Mapping).entries.values()) this.#set(into, entry);
      else {
        this.#nodes++;
        this.#fill(into, source);
      }
    }
  }
}

const isMerge = ({ kind, text, implicit, tag }: YAMLNode): boolean =>
  kind === "scalar" && text === "<<" && (implicit || tag === "!!merge" || tag === "tag:yaml.org,2002:merge");

const ofKey = (key: YAMLScalar): string => (key instanceof YAMLFloat ? keyOfFloat(key) : String(key));

/** Throws DecodeError for a key that is null or too large an integer. */
function toJSON(value: Built): JSONValue {
  if (Array.isArray(value)) return value.map(toJSON);
  if (value instanceof YAMLFloat) return value.value;
  if (!(value instanceof Mapping)) return value;
  const object: JSONObject = {};
  const named = [...value.entries.values()].map((entry) => ({ ...entry, name: ofKey(entry.key) }));
  for (const entry of named.sort((a, b) => compareBytes(a.name, b.name))) {
    const wrong = entry.key === null ? ["%!s(<nil>)", "<nil>"] : isUnsigned(entry.key) ? ["uint64", goSyntax(entry.key)] : undefined;
    if (wrong) {
      const shown = entry.value === null ? "<nil>" : goSyntax(entry.value);
      throw new DecodeError(`unsupported map key of type: ${wrong[0]}, key: ${wrong[1]}, value: ${shown}`, true);
    }
    put(object, entry.name, toJSON(entry.value));
  }
  return object;
}

/** Throws DecodeError for what JSON has no number for. */
function checkNumbers(value: JSONValue): void {
  if (typeof value === "number" && !Number.isFinite(value)) throw new DecodeError(`json: unsupported value: ${goFloat(value)}`, true);
  if (Array.isArray(value)) for (const item of value) checkNumbers(item);
  else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) checkNumbers(item as JSONValue);
}

const isUnsigned = (value: Built): value is bigint => typeof value === "bigint" && value >= 2n ** 63n;

/** Go's `%#v`. */
function goSyntax(value: Built): string {
  if (value === null) return "interface {}(nil)";
  if (typeof value === "string") return goQuote(value);
  if (value instanceof YAMLFloat) return goFloat(value.value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (isUnsigned(value)) return `0x${value.toString(16)}`;
  if (!(value instanceof Mapping)) return String(value);
  const entries = [...value.entries.values()].sort((a, b) => rank(a.key) - rank(b.key) || compareKeys(a.key, b.key));
  return `map[interface {}]interface {}{${entries.map((entry) => `${goSyntax(entry.key)}:${goSyntax(entry.value)}`).join(", ")}}`;
}
/** Go orders keys of several types by where the types are in memory. */
const rank = (key: YAMLScalar): number => (key === null ? 0 : typeof key === "string" ? 2 : 1);
const compareKeys = (a: YAMLScalar, b: YAMLScalar): number => (typeof a === "string" && typeof b === "string" ? compareBytes(a, b) : Number(a) - Number(b));
