/** Bodies of requests and stored values to objects, whatever the encoding. */
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import type { TypeDef } from "../schema/schema.ts";
import { decodeCBOR } from "./cbor.ts";
import { cborIdentity, inCBORWords, unknownElement } from "./cbor-typed.ts";
import { bounded, DecodeError } from "./decode-error.ts";
import { countKeys, maxParts, parseJSON, readJSON, sortKeys } from "./json.ts";
import { type JSONNode, parseNodes } from "./json-syntax.ts";
import { contextOf, type Empties, normalize, normalizeKnown, tryNormalize } from "./normalize.ts";
import { decodeProtobuf } from "./protobuf.ts";
import { kindOfValue } from "./scalars.ts";
import { readTyped } from "./typed-reader.ts";
import { maxNodes, parseYAML } from "./yaml.ts";

export interface Decoded {
  object: JSONObject;
  /** `unknown field "spec.foo"`, `duplicate field "metadata.name"`: each once, at most 100, in the order of the text. */
  strictErrors: string[];
}

/** The type for what a text says it is (both may be ""); undefined decodes untyped. */
export type TypeChoice = TypeDef | undefined | ((apiVersion: string, kind: string) => TypeDef | undefined);

/** Throws DecodeError. `contentType` is a bare media type; unknown ones are the caller's mistake. */
export function decodeObject(bytes: Uint8Array | string, contentType: string, type: TypeChoice, empties: Empties = "written"): Decoded {
  switch (contentType) {
    case "application/json":
      return decodeJSON(bytes, type, empties);
    case "application/yaml":
      return decodeYAML(bytes, type, empties);
    case "application/cbor":
      if (typeof bytes === "string") throw new Error("CBOR is not text");
      return decodeTypedCBOR(bytes, type, empties);
    case "application/vnd.kubernetes.protobuf":
      if (typeof bytes === "string") throw new Error("protobuf is not text");
      return { object: decodeProtobuf(bytes, typeof type === "function" ? type : () => type, empties), strictErrors: [] };
    default:
      throw new Error(`no decoder for ${contentType}`);
  }
}

/** Before a mistake in what the text says it is. */
export const unknownKind = "couldn't get version/kind; json parse error: ";

/** What the text says it is, before its type is known; "" where it says nothing. Throws DecodeError as upstream words it. */
export function sniffJSON(bytes: Uint8Array | string): { apiVersion: string; kind: string } {
  try {
    return identityOfNode(bounded(() => parseNodes(readJSON(bytes, maxParts).text)));
  } catch (error) {
    if (error instanceof DecodeError) throw new DecodeError(`${unknownKind}${error.message}`, error.syntax);
    throw error;
  }
}

const identity = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function identityOf(value: JSONValue): { apiVersion: string; kind: string } {
  if (value === null) return { apiVersion: "", kind: "" };
  if (typeof value !== "object" || Array.isArray(value))
    throw new DecodeError(`json: cannot unmarshal ${kindOfValue(value)} into Go value of type ${identity}`);
  const found = new Identity();
  for (const key in value) {
    const raw = value[key] as JSONValue;
    if (raw === null || typeof raw === "string") found.take(key, raw, "");
    else found.take(key, null, kindOfValue(raw));
  }
  return found.said();
}

/** Each time that it is said counts, and what no type would take is not looked at. */
function identityOfNode(node: JSONNode): { apiVersion: string; kind: string } {
  if (node.kind !== "object")
    return identityOf(node.kind === "array" ? [] : node.kind === "string" ? "" : node.kind === "null" ? null : node.kind === "bool" ? true : 0);
  const { keys, values } = node;
  const found = new Identity();
  for (const [i, value] of values.entries())
    found.take(keys[i] as string, value.kind === "string" ? value.value : null, value.kind === "string" || value.kind === "null" ? "" : value.kind);
  return found.said();
}

/** `encoding/json` takes names in letters of either size, and tells of the first mistake when it has seen all. */
class Identity {
  readonly #found = { apiVersion: "", kind: "" };
  #wrong: DecodeError | undefined;

  /** `kind`: of what is neither text nor null. */
  take(key: string, text: string | null, kind: string): void {
    const folded = key.length === 4 || key.length === 10 ? key.toLowerCase() : "";
    const name = folded === "kind" ? "kind" : folded === "apiversion" ? "apiVersion" : undefined;
    if (!name) return;
    if (kind) this.#wrong ??= new DecodeError(`json: cannot unmarshal ${kind} into Go struct field .${name} of type string`);
    else if (text !== null) this.#found[name] = text;
  }
  said(): { apiVersion: string; kind: string } {
    if (this.#wrong) throw this.#wrong;
    return this.#found;
  }
}

/** JSON into a type, or untyped (custom resources): then only repeated keys are reported. Throws DecodeError. */
export function decodeJSON(bytes: Uint8Array | string, choice: TypeChoice, empties: Empties = "written"): Decoded {
  const read = readJSON(bytes, maxParts);
  const type = chosen(choice, read.value);
  if (!type) {
    if (countKeys(read.value) === read.keys) return { object: objectOf(read.value), strictErrors: [] };
    const { value, duplicates } = parseJSON(read.text);
    return { object: objectOf(value), strictErrors: duplicates };
  }
  if (read.keys >= 0) {
    const context = contextOf(empties);
    const object = tryNormalize(type, read.value, context);
    if (object && !context.unknown && context.keys === read.keys) return { object, strictErrors: [] };
  }
  const typed = bounded(() => readTyped(type, parseNodes(read.text)));
  return { object: normalizeKnown(type, typed.value, empties), strictErrors: typed.strict };
}

/** Throws DecodeError. */
export function decodeYAML(bytes: Uint8Array | string, choice: TypeChoice, empties: Empties = "written"): Decoded {
  const { value, duplicates } = parseYAML(bytes, maxNodes);
  const type = chosen(choice, value);
  if (!type) return { object: objectOf(value), strictErrors: duplicates };
  const { object, unknown } = normalize(type, value, empties);
  return { object, strictErrors: [...duplicates, ...unknown] };
}

function decodeTypedCBOR(bytes: Uint8Array, choice: TypeChoice, empties: Empties): Decoded {
  const value = decodeCBOR(bytes);
  const { apiVersion, kind } = cborIdentity(value);
  const type = typeof choice === "function" ? choice(apiVersion, kind) : choice;
  if (!type) return { object: inCBORWords(() => objectOf(value)), strictErrors: [] };
  // Free-form parts are written anew, their keys sorted.
  const { object, unknown } = inCBORWords(() => normalize(type, sortKeys(value), empties));
  const index = unknown.length ? unknownElement(type.name, value) : undefined;
  return { object, strictErrors: index === undefined ? [] : [`cbor: found unknown field at map element index ${index}`] };
}

function chosen(choice: TypeChoice, value: JSONValue): TypeDef | undefined {
  if (typeof choice !== "function") return choice;
  const { apiVersion, kind } = identityOf(value);
  return choice(apiVersion, kind);
}

function objectOf(value: JSONValue): JSONObject {
  if (isMap(value)) return value;
  if (value === null) return {};
  throw new DecodeError(`json: cannot unmarshal ${kindOfValue(value)} into Go value of type map[string]interface {}`);
}
