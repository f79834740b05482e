/**
 * Decodes nodes into a type exactly as sigs.k8s.io/json does in strict mode: which fields are unknown or repeated, in the
 * order of the text, and the message for the first value that does not fit. The slow, exact path of the decoder.
 */
import { goQuote } from "../go-quote.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { type TypeDef, typeByName } from "../schema/schema.ts";
import { bounded, DecodeError } from "./decode-error.ts";
import { numberOf, put, untyped } from "./json.ts";
import type { JSONNode } from "./json-syntax.ts";
import { embeddings, goTypeName, isUnmarshaler, Mismatch, scalars, shortName, unionSchema, unions, wordsOf } from "./scalars.ts";

export interface TypedValue {
  /** Only what the type knows, repeated objects merged as Go does; not canonical yet. */
  value: JSONObject;
  /** `unknown field "spec.foo"`, `duplicate field "metadata.name"`: each once, at most 100. */
  strict: string[];
}

/** Throws DecodeError. `named` false: paths leave out the keys of maps, as conversion by reflection does. */
export function readTyped(type: TypeDef, node: JSONNode, named = true): TypedValue {
  const reader = new TypedReader(named);
  const value = bounded(() => reader.read(type.name, undefined, node, undefined));
  if (reader.failure) throw reader.failure;
  return { value: (value ?? {}) as JSONObject, strict: [...reader.strict] };
}

/** A value as the nodes that its JSON would have. */
export function nodeOf(value: JSONValue | undefined): JSONNode {
  if (value === null || value === undefined) return { kind: "null" };
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "boolean") return { kind: "bool", value };
  if (typeof value !== "object") return { kind: "number", text: String(value) };
  if (Array.isArray(value)) return { kind: "array", values: value.map(nodeOf) };
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  return { kind: "object", keys, values: keys.map((key) => nodeOf(value[key])) };
}

/** Of a list or map that has no name of its own. */
function elementName(go: string | undefined, prefix: string): string | undefined {
  return go?.startsWith(prefix) ? go.slice(go.indexOf("]") + 1) : undefined;
}

const paths = new WeakMap<TypeDef, Map<string, string[]>>();
function embeddedPaths(type: TypeDef): Map<string, string[]> {
  const known = paths.get(type);
  if (known) return known;
  const made = embeddings(type, typeByName);
  paths.set(type, made);
  return made;
}

class TypedReader {
  readonly strict = new Set<string>();
  readonly #named: boolean;
  failure: DecodeError | undefined;
  #struct = "";
  /** The struct that messages name where another decoder runs inside. */
  #outer = "";
  #stack: string[] = [];
  #path = "";

  constructor(named = true) {
    this.#named = named;
  }

  /** `go` is the Go type where it is not what `type` says (named strings). */
  read(type: string, go: string | undefined, node: JSONNode, before: JSONValue | undefined): JSONValue | undefined {
    if (type.startsWith("*")) return node.kind === "null" ? undefined : this.read(type.slice(1), go?.replace(/^\*/, ""), node, before);
    if (unions.has(type)) return this.#union(type, node);
    if (scalars[type]) return this.#scalar(type, go, node, before);
    const list = type.startsWith("[]");
    const map = type.startsWith("map[string]");
    if (node.kind === "null") return list || map ? undefined : before;
    if (list) return node.kind === "array" ? this.#list(type.slice(2), elementName(go, "[]"), node.values, before) : this.#note(node, go ?? goTypeName(type));
    if (node.kind !== "object") return this.#note(node, go ?? goTypeName(type));
    return map ? this.#map(type.slice(11), elementName(go, "map["), node, before) : this.#fields(typeByName(type), node, before);
  }

  #list(type: string, go: string | undefined, nodes: JSONNode[], before: JSONValue | undefined): JSONValue {
    const path = this.#path;
    const old = Array.isArray(before) ? before : [];
    const items = nodes.map((node, i) => {
      this.#path = `${path}[${i}]`;
      return this.read(type, go, node, old[i]) ?? null;
    });
    this.#path = path;
    return items;
  }

  #map(type: string, go: string | undefined, node: Extract<JSONNode, { kind: "object" }>, before: JSONValue | undefined): JSONValue {
    const path = this.#path;
    const map: JSONObject = typeof before === "object" && before !== null && !Array.isArray(before) ? { ...before } : {};
    const seen = new Set<string>();
    node.keys.forEach((key, i) => {
      if (seen.has(key)) this.#report("duplicate", path, key);
      seen.add(key);
      if (this.#named) this.#path = path ? `${path}.${key}` : key;
      put(map, key, this.read(type, go, node.values[i] as JSONNode, undefined) ?? null);
      this.#path = path;
    });
    return map;
  }

  #fields(type: TypeDef, node: Extract<JSONNode, { kind: "object" }>, before: JSONValue | undefined): JSONValue {
    const path = this.#path;
    const struct = this.#struct;
    const depth = this.#stack.length;
    const object: JSONObject = typeof before === "object" && before !== null && !Array.isArray(before) ? { ...before } : {};
    const seen = new Set<string>();
    for (const [i, key] of node.keys.entries()) {
      const field = type.byName.get(key);
      if (!field) {
        this.#report("unknown", path, key);
        continue;
      }
      if (seen.has(key)) this.#report("duplicate", path, key);
      seen.add(key);
      this.#path = path ? `${path}.${key}` : key;
      this.#struct = shortName(type.name);
      this.#stack.push(...(embeddedPaths(type).get(key) ?? []), key);
      const value = this.read(field.type, field.go, node.values[i] as JSONNode, object[key]);
      if (value === undefined) delete object[key];
      else object[key] = value;
      this.#path = path;
      this.#struct = struct;
      this.#stack.length = depth;
    }
    return object;
  }

  #scalar(type: string, go: string | undefined, node: JSONNode, before: JSONValue | undefined): JSONValue | undefined {
    if (node.kind === "null") return type === "string" || type === "bool" || type === "float64" || type.includes("int") ? before : null;
    if (type === "RawExtension" || type === "FieldsV1" || type === "JSON") return untyped(node, new Set());
    if (type === "bytes" && node.kind === "array") return this.#octets(node.values);
    const integer = /^u?int\d*$/.test(type) || type === "IntOrString";
    if (integer && node.kind === "number" && !/^-?\d+$/.test(node.text)) {
      const error = this.#mismatch(`number ${node.text}`, type === "IntOrString" ? "int32" : (go ?? type));
      if (type === "IntOrString") throw error;
      this.failure ??= error;
      return undefined;
    }
    let value: JSONValue;
    // Nobody reads what is in a list or an object that is to be a scalar.
    if (node.kind === "array") value = [];
    else if (node.kind === "object") value = {};
    else if (node.kind !== "number") value = untyped(node, new Set());
    else if (type === "Quantity") value = node.text;
    else if (Number.isFinite(Number(node.text))) value = numberOf(node.text);
    // What is beyond all bounds is a mistake only where a number is wanted.
    else if (!integer && type !== "float64") value = 0;
    else {
      this.failure ??= this.#mismatch(`number ${node.text}`, go ?? type);
      return undefined;
    }
    try {
      scalars[type]?.(value);
      return value;
    } catch (error) {
      const failure =
        error instanceof Mismatch
          ? this.#mismatch(
              node.kind === "number" && error.got.startsWith("number ") ? `number ${node.text}` : error.got,
              isUnmarshaler(type) ? error.type : (go ?? error.type),
            )
          : new DecodeError(wordsOf(error));
      if (isUnmarshaler(type)) throw failure;
      this.failure ??= failure;
      return undefined;
    }
  }

  /** A list of numbers is bytes as well. */
  #octets(nodes: JSONNode[]): JSONValue | undefined {
    const octets = nodes.map((node) => {
      if (node.kind === "null") return 0;
      if (node.kind === "number" && /^\d+$/.test(node.text) && Number(node.text) < 256) return Number(node.text);
      this.failure ??= this.#mismatch(node.kind === "number" ? `number ${node.text}` : node.kind, "uint8");
      return 0;
    });
    return this.failure ? undefined : Buffer.from(octets).toString("base64");
  }

  /** Their own decoder reads them, which is not strict. */
  #union(type: string, node: JSONNode): JSONValue | undefined {
    const quiet = new TypedReader();
    // Reflection hands it on without saying where it is.
    if (this.#named) {
      quiet.#outer = this.#struct;
      quiet.#stack = [...this.#stack];
    }
    if (node.kind === "null") {
      if (type.endsWith("OrBool")) throw new DecodeError("boolean or JSON schema expected");
      return null;
    }
    if (type.endsWith("OrBool") && node.kind !== "object") {
      if (node.kind === "bool") return node.value;
      throw new DecodeError("boolean or JSON schema expected");
    }
    if (node.kind !== "object" && node.kind !== "array") return type.endsWith("OrArray") ? false : null;
    const inner = node.kind === "object" ? unionSchema : type.endsWith("OrArray") ? `[]${unionSchema}` : "[]string";
    const value = quiet.read(inner, undefined, node, undefined);
    if (quiet.failure) throw quiet.failure;
    return value;
  }

  #note(node: JSONNode, type: string): undefined {
    this.failure ??= this.#mismatch(node.kind, type);
    return undefined;
  }

  #mismatch(got: string, type: string): DecodeError {
    const struct = this.#outer || this.#struct;
    const place = struct ? `Go struct field ${struct}.${this.#stack.join(".")}` : "Go value";
    return new DecodeError(`json: cannot unmarshal ${got} into ${place} of type ${type}`);
  }

  #report(what: string, path: string, key: string): void {
    if (this.strict.size < 100) this.strict.add(`${what} field ${goQuote(path ? `${path}.${key}` : key)}`);
  }
}
