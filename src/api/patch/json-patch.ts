/** JSON patch (RFC 6902) with the API server's leniencies and messages. Pure: unchanged parts of the document are shared. */
import { own } from "../../base/table.ts";
import { encodeJSONString, safeDepth } from "../codec/json.ts";
import { goQuote } from "../field.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { badRequest, requestEntityTooLarge, StatusError } from "../status.ts";
import { rewritten, unspelled } from "./spelling.ts";
import { equal, jsonKind, Spelled, set } from "./values.ts";

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
type Operation = { op: string; path: Text; from: Text; value?: JSONValue };
type Container = JSONObject | JSONValue[];

export interface JSONPatchOptions {
  /** The patch may have Spelled values. */
  spelled?: boolean;
  /** Fields of operations that have the wrong type are told before anything is run, needed or not. */
  validated?: boolean;
}

/** Throws a StatusError: 400 for what is no patch, 413 for more than 10,000 operations, 422 for what does not apply. */
export function applyJSONPatch(doc: JSONObject, patch: JSONValue, { spelled = false, validated = true }: JSONPatchOptions = {}): JSONValue {
  const mistake = validated ? mistakeIn(patch) : undecodablePatch(patch);
  if (mistake !== undefined) throw badRequest(validated ? `error decoding patch: ${mistake}` : mistake);
  if (Array.isArray(patch) && patch.length > maxOperations)
    throw requestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`);
  try {
    const patched = runJSONPatch(doc, patch, spelled);
    if (isDeeper(patched, safeDepth)) throw new JSONPatchError(`the document has more than ${safeDepth} levels`);
    return patched;
  } catch (error) {
    if (!(error instanceof JSONPatchError)) throw error;
    const message = "the server rejected our request due to an error in our request";
    throw new StatusError({ code: 422, reason: "Invalid", message, details: {} });
  }
}

function isDeeper(value: JSONValue | undefined, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const inner of Array.isArray(value) ? value : Object.values(value)) if (isDeeper(inner, levels - 1)) return true;
  return false;
}

/** Any number of operations; what is no patch or does not apply throws a JSONPatchError. `spelled`: the patch may have Spelled values. */
export function runJSONPatch(doc: JSONValue, patch: JSONValue, spelled = false): JSONValue {
  const operations = decodeJSONPatch(patch);
  const state = new State(doc, undefined, spelled);
  for (const operation of operations) state.run(operation);
  return spelled ? unspelled(state.root) : state.root;
}

/** As runJSONPatch, with keys in the order in which upstream's patcher writes the document: sorted in each object that it has opened. */
export function runJSONPatchInOrder(doc: JSONValue, patch: JSONValue): JSONValue {
  const opened = new Set<Container>();
  const state = new State(doc, opened);
  for (const operation of decodeJSONPatch(patch)) state.run(operation);
  if (isContainer(state.root)) opened.add(state.root);
  return inOrder(state.root, opened);
}

function inOrder(value: JSONValue, opened: ReadonlySet<Container>): JSONValue {
  if (!isContainer(value) || !opened.has(value)) return value;
  if (Array.isArray(value)) return value.map((item) => inOrder(item, opened));
  const entries = Object.entries(value as Record<string, JSONValue>).map(([key, item]) => [key, inOrder(item, opened)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const cannotRead = (value: JSONValue | undefined, type: string): string => `json: cannot unmarshal ${jsonKind(value)} into Go ${type}`;

/** Why a patch is no list of objects, in the words of upstream's library (DecodePatch of gopkg.in/evanphx/json-patch.v4); undefined where it is. */
export function undecodablePatch(patch: JSONValue, list = "jsonpatch.Patch", item = "jsonpatch.Operation"): string | undefined {
  if (patch === null) return undefined;
  if (!Array.isArray(patch)) return cannotRead(patch, `value of type ${list}`);
  const odd = patch.find((entry) => entry !== null && !isMap(entry));
  return odd === undefined ? undefined : cannotRead(odd, `value of type ${item}`);
}

/** The same, of what upstream's handler reads with types before. */
function mistakeIn(patch: JSONValue): string | undefined {
  for (const entry of Array.isArray(patch) ? patch : []) {
    if (entry === null) continue;
    if (!isMap(entry)) break;
    for (const [name, value] of Object.entries(entry))
      if ((name === "op" || name === "path" || name === "from") && value !== null && typeof value !== "string")
        return cannotRead(value, `struct field jsonPatchOp.${name} of type string`);
  }
  return undecodablePatch(patch, "[]handlers.jsonPatchOp", "handlers.jsonPatchOp");
}

function decodeJSONPatch(patch: JSONValue): Operation[] {
  const mistake = undecodablePatch(patch);
  if (mistake !== undefined) throw new JSONPatchError(mistake);
  if (!Array.isArray(patch)) return [];
  return patch.map((entry) => {
    const text = (name: string): Text => {
      const value = isMap(entry) ? own(entry, name) : undefined;
      if (value === undefined || value === null) return new Unusable();
      return typeof value === "string" ? value : new Unusable(cannotRead(value, "value of type string"));
    };
    const op = text("op");
    return { op: typeof op === "string" ? op : "unknown", path: text("path"), from: text("from"), value: isMap(entry) ? (own(entry, "value") ?? null) : null };
  });
}

const decodeToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

function atoi(text: string): number {
  if (!/^[+-]?[0-9]+$/.test(text)) throw new JSONPatchError(`strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`);
  return Number(text);
}

/** An index of an existing element; negative ones count from the end. */
function elementIndex(list: readonly JSONValue[], key: string): number {
  const index = atoi(key);
  if (index >= list.length || index < -list.length) throw new JSONPatchError(`Unable to access invalid index: ${index}: invalid index referenced`);
  return index < 0 ? index + list.length : index;
}

function lookup(container: Container, key: string): JSONValue | undefined {
  return Array.isArray(container) ? container[elementIndex(container, key)] : own(container, key);
}

class State {
  root: JSONValue;
  /** Containers made by this patch, which may be changed in place. */
  readonly #owned = new Set<Container>();
  #copied = 0;
  readonly #opened: Set<Container> | undefined;
  readonly #spelled: boolean;

  /** `opened`: gathers the containers whose inside is looked at. `spelled`: some values of the patch are. */
  constructor(root: JSONValue, opened?: Set<Container>, spelled = false) {
    this.root = root;
    this.#opened = opened;
    this.#spelled = spelled;
  }

  run({ op, path, from, value = null }: Operation): void {
    if (op === "add") this.#add(this.#path(op, path, "missing value"), value);
    else if (op === "remove") this.#remove(this.#path(op, path, "missing value"));
    else if (op === "replace") this.#replace(this.#path(op, path), value);
    else if (op === "test") this.#test(this.#path(op, path), value);
    else if (op === "move") this.#move(this.#from(op, from), path);
    else if (op === "copy") this.#copyValue(this.#from(op, from), path);
    else throw new JSONPatchError(`Unexpected kind: ${op}`);
  }

  #remove(path: string): void {
    const found = this.#find(path, `remove operation does not apply: doc is missing path: "${path}"`);
    within(`error in remove for path: '${path}': `, () => this.#removeAt(found));
  }

  #move(from: string, path: Text): void {
    const found = this.#find(from, `move operation does not apply: doc is missing from path: ${from}`);
    const moved = within(`error in move for path: '${found.key}': `, () => {
      const there = lookup(found.container, found.key);
      this.#removeAt(found);
      return there ?? null;
    });
    const at = this.#path("move", path);
    const target = this.#find(at, `move operation does not apply: doc is missing destination path: ${at}`);
    within(`error in move for path: '${at}': `, () => this.#insert(target, moved));
  }

  #copyValue(from: string, path: Text): void {
    const found = this.#find(from, `copy operation does not apply: doc is missing from path: ${from}`);
    const there = within(`error in copy for from: '${from}': `, () => lookup(found.container, found.key) ?? null);
    const at = this.#path("copy", path, "missing value");
    const target = this.#find(at, `copy operation does not apply: doc is missing destination path: ${at}`);
    // A copy is a text of its own: what is opened in one is not opened in the other.
    const copied = this.#opened ? structuredClone(inOrder(there, this.#opened)) : this.#spelled ? rewritten(there) : there;
    this.#copied += Buffer.byteLength(encodeJSONString(copied));
    if (this.#copied > maxCopied)
      throw new JSONPatchError(`Unable to complete the copy, the accumulated size increase of copy is ${this.#copied}, exceeding the limit ${maxCopied}`);
    // It will hang in two places, one of which may be within the other: neither may be changed in place any more.
    this.#disown(there);
    within("error while adding value during copy: ", () => this.#insert(target, copied));
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
  #find(path: string, missing: string): { container: Container; key: string; tokens: string[] } {
    const tokens = path.split("/").slice(1).map(decodeToken);
    const key = tokens.pop();
    let container: JSONValue | undefined = this.root;
    for (const token of tokens) {
      if (!isContainer(container)) break;
      this.#opened?.add(container);
      try {
        container = lookup(container, token);
      } catch {
        container = undefined;
      }
    }
    if (key === undefined || !isContainer(container)) throw new JSONPatchError(`${missing}: missing value`);
    this.#opened?.add(container);
    return { container, key, tokens };
  }

  /** The container at the tokens, copied along the way where it is not this patch's own. */
  #own(tokens: readonly string[]): Container {
    const root = this.#copy(this.root as Container);
    this.root = root;
    let container = root;
    for (const token of tokens) {
      const inner = this.#copy(lookup(container, token) as Container);
      if (Array.isArray(container)) container[elementIndex(container, token)] = inner;
      else set(container, token, inner);
      container = inner;
    }
    return container;
  }
  #copy(container: Container): Container {
    if (this.#owned.has(container)) return container;
    const copy = Array.isArray(container) ? [...container] : { ...container };
    this.#owned.add(copy);
    if (this.#opened?.has(container)) this.#opened.add(copy);
    return copy;
  }

  /** What is not owned holds nothing that is. */
  #disown(value: JSONValue): void {
    if (!isContainer(value) || !this.#owned.delete(value)) return;
    for (const item of Object.values(value)) if (item !== undefined) this.#disown(item);
  }

  #add(path: string, value: JSONValue): void {
    const target = this.#find(path, `add operation does not apply: doc is missing path: "${path}"`);
    within(`error in add for path: '${path}': `, () => this.#insert(target, value));
  }

  #insert({ container, key, tokens }: { container: Container; key: string; tokens: string[] }, value: JSONValue): void {
    if (!Array.isArray(container)) {
      set(this.#own(tokens) as JSONObject, key, value);
      return;
    }
    if (key === "-") {
      (this.#own(tokens) as JSONValue[]).push(value);
      return;
    }
    const size = container.length + 1;
    const index = within(`value was not a proper array index: '${key}': `, () => atoi(key));
    if (index >= size || index < -size) throw new JSONPatchError(`Unable to access invalid index: ${index}: invalid index referenced`);
    (this.#own(tokens) as JSONValue[]).splice(index < 0 ? index + size : index, 0, value);
  }

  #removeAt({ container, key, tokens }: { container: Container; key: string; tokens: string[] }): void {
    if (Array.isArray(container)) {
      const index = elementIndex(container, key);
      (this.#own(tokens) as JSONValue[]).splice(index, 1);
      return;
    }
    if (own(container, key) === undefined) throw new JSONPatchError(`Unable to remove nonexistent key: ${key}: missing value`);
    delete (this.#own(tokens) as JSONObject)[key];
  }

  /** A key that is not there is added, as upstream does. */
  #replace(path: string, value: JSONValue): void {
    if (path === "") {
      if (!isContainer(value)) throw new JSONPatchError("replace operation value must be object or array: %!w(<nil>)");
      this.root = value;
      return;
    }
    const { container, key, tokens } = this.#find(path, `replace operation does not apply: doc is missing path: ${path}`);
    if (!Array.isArray(container)) {
      set(this.#own(tokens) as JSONObject, key, value);
      return;
    }
    let index: number;
    try {
      index = elementIndex(container, key);
    } catch {
      throw new JSONPatchError(`replace operation does not apply: doc is missing key: ${path}: missing value`);
    }
    (this.#own(tokens) as JSONValue[])[index] = value;
  }

  #test(path: string, value: JSONValue): void {
    let found: JSONValue | undefined = this.root;
    if (path !== "") {
      const { container, key } = this.#find(path, `test operation does not apply: is missing path: ${path}`);
      found = within(`error in test for path: '${path}': `, () => lookup(container, key));
    }
    if (!equal(found ?? null, value)) throw new JSONPatchError(`testing value ${path} failed: test failed`);
    this.#openAll(found);
  }

  #openAll(value: JSONValue | undefined): void {
    if (!this.#opened || !isContainer(value)) return;
    this.#opened.add(value);
    for (const item of Object.values(value)) this.#openAll(item);
  }
}

const isContainer = (value: JSONValue | undefined): value is Container => typeof value === "object" && value !== null && !(value instanceof Spelled);

/** Runs `step`; puts `prefix` before the message of a JSONPatchError that it throws. */
function within<T>(prefix: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw error instanceof JSONPatchError ? new JSONPatchError(prefix + error.message) : error;
  }
}
