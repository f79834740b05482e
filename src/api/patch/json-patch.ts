/** JSON patch (RFC 6902) with the API server's leniencies and messages: on texts, as upstream's library (gopkg.in/evanphx/json-patch.v4) applies it. */
import { bounded, DecodeError } from "../codec/decode-error.ts";
import { encodeJSON, encodeJSONString, parseJSON, safeDepth } from "../codec/json.ts";
import { goQuote } from "../go-quote.ts";
import type { JSONValue } from "../json.ts";
import { badRequest, requestEntityTooLarge, StatusError } from "../status.ts";
import { type LazyList, LazyNode, type LazyObject, membersOf, nodeOf, stringOf, writeList, writeObject } from "./lazy-node.ts";

/** Why an operation does not apply. The API server answers 422 with a general message instead of this one. */
export class JSONPatchError extends Error {}

const maxOperations = 10_000;
/** Bytes of JSON that all copies of a patch may add: upstream's JSONPatchMaxCopyBytes. */
const maxCopied = 3 * 1024 * 1024;

/** A field of an operation that is absent or no text; only an operation that needs it minds. */
class Unusable {
  readonly why: string | undefined;
  constructor(why?: string) {
    this.why = why;
  }
}
type Text = string | Unusable;
/** `value`: absent where the operation has none. */
type Operation = { op: string; path: Text; from: Text; value: LazyNode | null };
type Container = LazyObject | LazyList;
interface Place {
  container: Container;
  key: string;
}

/**
 * The text of the patched document, both texts being well-formed. `validated`: fields of operations that have the wrong type are told
 * before anything is run, needed or not. Throws a StatusError: 400 for what is no patch, 413 for more than 10,000 operations, 422 for
 * what does not apply.
 */
export function applyJSONPatch(doc: Uint8Array, patch: Uint8Array, validated = true): Uint8Array {
  const given = nodeOf(patch);
  const mistake = validated ? mistakeIn(given) : undecodable(given);
  if (mistake !== undefined) throw badRequest(validated ? `error decoding patch: ${mistake}` : mistake);
  const count = given?.list()?.length ?? 0;
  if (count > maxOperations) throw requestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${maxOperations}, got ${count}`);
  try {
    const patched = patchJSON(doc, patch);
    if (levelsOf(patched) > safeDepth) throw new JSONPatchError(`the document has more than ${safeDepth} levels`);
    return patched;
  } catch (error) {
    if (!(error instanceof JSONPatchError)) throw error;
    const message = "the server rejected our request due to an error in our request";
    throw new StatusError({ code: 422, reason: "Invalid", message, details: {} });
  }
}

function levelsOf(text: Uint8Array): number {
  let [depth, deepest, quoted] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    if (byte === 0x22) quoted = !quoted;
    else if (byte === 0x5c) i++;
    else if (quoted) continue;
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return deepest;
}

/** Any number of operations; what is no patch or does not apply throws a JSONPatchError. Both texts are well-formed. */
export function patchJSON(doc: Uint8Array, patch: Uint8Array): Buffer {
  const operations = decodeOperations(nodeOf(patch));
  const root = nodeOf(doc);
  const state = new State(root?.object() ?? root?.list() ?? new Map());
  try {
    return bounded(() => {
      for (const operation of operations) state.run(operation);
      const pieces: Uint8Array[] = [];
      writeContainer(state.root, pieces);
      return Buffer.concat(pieces);
    });
  } catch (error) {
    if (error instanceof DecodeError) throw new JSONPatchError("the document has too many levels");
    throw error;
  }
}

/** The same of values. */
export const runJSONPatch = (doc: JSONValue, patch: JSONValue): JSONValue => parseJSON(patchJSON(encodeJSON(doc), encodeJSON(patch))).value;

const kinds: Readonly<Record<string, string>> = { "{": "object", "[": "array", '"': "string", t: "bool", f: "bool" };
const cannotRead = (value: LazyNode | null, type: string): string =>
  `json: cannot unmarshal ${value?.text ? (kinds[String.fromCharCode(value.text[0] as number)] ?? "number") : "null"} into Go ${type}`;

/** Why a patch is no list of objects, in the words of upstream's library (DecodePatch); undefined where it is. The text is well-formed. */
export const undecodablePatch = (patch: Uint8Array): string | undefined => undecodable(nodeOf(patch));

function undecodable(patch: LazyNode | null, list = "jsonpatch.Patch", item = "jsonpatch.Operation"): string | undefined {
  if (patch === null) return undefined;
  const entries = patch.list();
  if (!entries) return cannotRead(patch, `value of type ${list}`);
  const odd = entries.find((entry) => entry && !entry.object());
  return odd ? cannotRead(odd, `value of type ${item}`) : undefined;
}

/**
 * The same, of what upstream's handler reads with types before: the first that does not fit in the order of the text. `numbers`: one
 * of the values' numbers may be beyond what a float holds.
 */
export function mistakeIn(patch: LazyNode | null, numbers = false): string | undefined {
  for (const entry of patch?.list() ?? []) {
    if (entry === null) continue;
    if (!entry.text || !entry.object()) break;
    for (const [name, value] of membersOf(entry.text)) {
      if ((name === "op" || name === "path" || name === "from") && value && !isString(value))
        return cannotRead(value, `struct field jsonPatchOp.${name} of type string`);
      const beyond = numbers && name === "value" ? unheld(value) : undefined;
      if (beyond !== undefined) return beyond;
    }
  }
  return undecodable(patch, "[]handlers.jsonPatchOp", "handlers.jsonPatchOp");
}

export const operationFields: ReadonlySet<string> = new Set(["op", "path", "from", "value"]);

/** The same patch, which is a list, with nothing in what no operation has: nobody reads that. */
export function withoutUnknown(patch: Uint8Array): Buffer {
  const textOf = (node: LazyNode | null): string => (node?.text ? Buffer.from(node.text).toString() : "null");
  const entries = (nodeOf(patch)?.list() ?? []).map((entry) => {
    if (!entry?.text || !entry.object()) return textOf(entry);
    const members = [...membersOf(entry.text)].map(([name, value]) => `${encodeJSONString(name)}:${operationFields.has(name) ? textOf(value) : "null"}`);
    return `{${members.join(",")}}`;
  });
  return Buffer.from(`[${entries.join(",")}]`);
}

function unheld(value: LazyNode | null): string | undefined {
  try {
    if (value?.text) parseJSON(value.text);
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) return error.message.replace("Go value of", "Go struct field jsonPatchOp.value of");
    throw error;
  }
}

const isString = ({ text }: LazyNode): boolean => text?.[0] === 0x22;

function decodeOperations(patch: LazyNode | null): Operation[] {
  const mistake = undecodable(patch);
  if (mistake !== undefined) throw new JSONPatchError(mistake);
  return (patch?.list() ?? []).map((entry) => {
    const members = entry?.object();
    const text = (name: string): Text => {
      const value = members?.get(name);
      if (!value?.text) return new Unusable();
      return isString(value) ? stringOf(value.text) : new Unusable(cannotRead(value, "value of type string"));
    };
    const op = text("op");
    const value = members?.get("value");
    return {
      op: typeof op === "string" ? op : "unknown",
      path: text("path"),
      from: text("from"),
      value: value ?? (value === null ? new LazyNode() : null),
    };
  });
}

const decodeToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

function atoi(text: string): number {
  if (!/^[+-]?[0-9]+$/.test(text)) throw new JSONPatchError(`strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`);
  return Number(text);
}

/** Of `size` places; negative ones count from the end. */
function indexAmong(size: number, index: number): number {
  if (index >= size || index < -size) throw new JSONPatchError(`Unable to access invalid index: ${index}: invalid index referenced`);
  return index < 0 ? index + size : index;
}

const lookup = ({ container, key }: Place): LazyNode | null =>
  (Array.isArray(container) ? container[indexAmong(container.length, atoi(key))] : container.get(key)) ?? null;

const writeContainer = (container: Container, into: Uint8Array[]): void =>
  Array.isArray(container) ? writeList(container, into) : writeObject(container, into);

class State {
  root: Container;
  #copied = 0;

  constructor(root: Container) {
    this.root = root;
  }

  run({ op, path, from, value }: Operation): void {
    if (op === "add") this.#add(this.#path(op, path, "missing value"), value);
    else if (op === "remove") this.#remove(this.#path(op, path, "missing value"));
    else if (op === "replace") this.#replace(this.#path(op, path), value);
    else if (op === "move") this.#move(this.#from(op, from), path);
    else if (op === "test") this.#test(this.#path(op, path), value);
    else if (op === "copy") this.#copy(this.#from(op, from), path);
    else throw new JSONPatchError(`Unexpected kind: ${op}`);
  }

  #path(op: string, path: Text, missing?: string): string {
    if (typeof path === "string") return path;
    throw new JSONPatchError(`${op} operation failed to decode path: ${missing ?? path.why ?? "operation missing path field: missing value"}`);
  }
  #from(op: string, from: Text): string {
    if (typeof from === "string") return from;
    throw new JSONPatchError(`${op} operation failed to decode from: ${from.why ?? "operation, missing from field: missing value"}`);
  }

  /** The container that holds the path's last token, and that token. */
  #find(path: string, missing: string): Place {
    const tokens = path.split("/").slice(1).map(decodeToken);
    const last = tokens.pop();
    let container: Container | undefined = this.root;
    for (const key of tokens) {
      const inner = inside({ container, key });
      container = inner?.object() ?? inner?.list();
      if (!container) break;
    }
    if (last === undefined || !container) throw new JSONPatchError(`${missing}: missing value`);
    return { container, key: last };
  }

  #add(path: string, value: LazyNode | null): void {
    const place = this.#find(path, `add operation does not apply: doc is missing path: "${path}"`);
    within(`error in add for path: '${path}': `, () => insert(place, value));
  }

  #remove(path: string): void {
    const place = this.#find(path, `remove operation does not apply: doc is missing path: "${path}"`);
    within(`error in remove for path: '${path}': `, () => take(place));
  }

  /** A key that is not there is added, as upstream does. */
  #replace(path: string, value: LazyNode | null): void {
    if (path === "") {
      const root = value?.object() ?? value?.list();
      if (!root) throw new JSONPatchError("replace operation value must be object or array: %!w(<nil>)");
      this.root = root;
      return;
    }
    const { container, key } = this.#find(path, `replace operation does not apply: doc is missing path: ${path}`);
    if (!Array.isArray(container)) {
      container.set(key, value);
      return;
    }
    let index: number;
    try {
      index = indexAmong(container.length, atoi(key));
    } catch {
      throw new JSONPatchError(`replace operation does not apply: doc is missing key: ${path}: missing value`);
    }
    container[index] = value;
  }

  #move(from: string, path: Text): void {
    const place = this.#find(from, `move operation does not apply: doc is missing from path: ${from}`);
    const moved = within(`error in move for path: '${place.key}': `, () => {
      const there = lookup(place);
      take(place);
      return there;
    });
    const at = this.#path("move", path);
    const target = this.#find(at, `move operation does not apply: doc is missing destination path: ${at}`);
    within(`error in move for path: '${at}': `, () => insert(target, moved));
  }

  /** A copy is a text of its own: what is opened in one is not opened in the other. */
  #copy(from: string, path: Text): void {
    const place = this.#find(from, `copy operation does not apply: doc is missing from path: ${from}`);
    const there = within(`error in copy for from: '${from}': `, () => lookup(place));
    const at = this.#path("copy", path, "missing value");
    const target = this.#find(at, `copy operation does not apply: doc is missing destination path: ${at}`);
    const pieces: Uint8Array[] = [];
    there?.write(pieces);
    const text = Buffer.concat(pieces);
    this.#copied += text.length;
    if (this.#copied > maxCopied)
      throw new JSONPatchError(`Unable to complete the copy, the accumulated size increase of copy is ${this.#copied}, exceeding the limit ${maxCopied}`);
    within("error while adding value during copy: ", () => insert(target, there && new LazyNode(text)));
  }

  #test(path: string, value: LazyNode | null): void {
    const failed = new JSONPatchError(`testing value ${path} failed: test failed`);
    if (path === "") {
      if (!value || !LazyNode.holding(this.root).equals(value)) throw failed;
      return;
    }
    const place = this.#find(path, `test operation does not apply: is missing path: ${path}`);
    const found = within(`error in test for path: '${path}': `, () => lookup(place));
    const holds = found ? value !== null && found.equals(value) : !value?.text;
    if (!holds) throw failed;
  }
}

function inside(place: Place): LazyNode | null {
  try {
    return lookup(place);
  } catch (error) {
    if (error instanceof JSONPatchError) return null;
    throw error;
  }
}

function insert({ container, key }: Place, value: LazyNode | null): void {
  if (!Array.isArray(container)) {
    container.set(key, value);
    return;
  }
  if (key === "-") {
    container.push(value);
    return;
  }
  const index = within(`value was not a proper array index: '${key}': `, () => atoi(key));
  container.splice(indexAmong(container.length + 1, index), 0, value);
}

function take({ container, key }: Place): void {
  if (Array.isArray(container)) container.splice(indexAmong(container.length, atoi(key)), 1);
  else if (!container.delete(key)) throw new JSONPatchError(`Unable to remove nonexistent key: ${key}: missing value`);
}

/** Runs `step`; puts `prefix` before the message of a JSONPatchError that it throws. */
function within<T>(prefix: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw error instanceof JSONPatchError ? new JSONPatchError(prefix + error.message) : error;
  }
}
