/**
 * Reads objects as parseJSON does. Who owns which field is half of many an object and the same in most of a kind: what has been
 * read before is known by its bytes, is not read again, and is shared. It cannot be changed.
 */
import { parseJSON, parseWritten } from "../api/codec/json.ts";
import { skipValue } from "../api/codec/json-scan.ts";
import { deepFreeze } from "../api/copy.ts";
import { isMap, type JSONValue } from "../api/json.ts";

interface Known {
  text: Buffer;
  value: JSONValue;
}

/** A quote within a string is escaped, so that this is a member's name wherever it stands. */
const member = Buffer.from('"fieldsV1":{');
/** Bytes: what is longer is hardly ever the same. */
const longest = 4096;
const knownAtMost = 256;

/** Where objects of the usual size are put together without what is known. */
const block = Buffer.allocUnsafeSlow(64 * 1024);

export class KnownFields {
  readonly #known = new Map<string, Known>();
  /** By their place in the list: of objects in the order of their names each mostly has those of the one before. */
  readonly #last: Known[] = [];

  /** `written`: by encodeJSON or encodeMembers. Throws DecodeError. */
  parse(bytes: Uint8Array, written = false): JSONValue {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    try {
      return (text.length <= block.length ? this.#withKnown(text, written) : undefined) ?? parseJSON(text).value;
    } catch {
      // What is said of malformed text is said of all of it.
      return parseJSON(text).value;
    }
  }
  /** undefined where nothing is known, or not for sure. */
  #withKnown(text: Buffer, written: boolean): JSONValue | undefined {
    const found: JSONValue[] = [];
    let length = 0;
    let from = 0;
    for (let at = text.indexOf(member); at >= 0; at = text.indexOf(member, at)) {
      at += member.length - 1;
      const known = this.#find(text, at, found.length);
      if (!known) continue;
      length += text.copy(block, length, from, at);
      // Its number, which leads back to it.
      length += block.write(String(found.length), length, "latin1");
      from = at += known.text.length;
      found.push(known.value);
    }
    if (found.length === 0) return undefined;
    length += text.copy(block, length, from);
    const rest = block.subarray(0, length);
    const value = written ? parseWritten(rest) : parseUnrepeated(rest);
    return value !== undefined && putBack(value, found) ? value : undefined;
  }
  #find(text: Buffer, begin: number, place: number): Known | undefined {
    const last = this.#last[place];
    if (last && text.compare(last.text, 0, last.text.length, begin, begin + last.text.length) === 0) return last;
    const end = skipValue(text, begin);
    if (end - begin > longest) return undefined;
    const key = text.toString("latin1", begin, end);
    let known = this.#known.get(key);
    if (!known) {
      const own = Buffer.from(text.subarray(begin, end));
      known = { text: own, value: deepFreeze(parseJSON(own).value) };
      if (this.#known.size >= knownAtMost) this.#known.clear();
      this.#known.set(key, known);
    }
    this.#last[place] = known;
    return known;
  }
}

/** undefined where keys are repeated. */
function parseUnrepeated(bytes: Uint8Array): JSONValue | undefined {
  const { value, duplicates } = parseJSON(bytes);
  return duplicates.length === 0 ? value : undefined;
}

/** False where they were found elsewhere than in the list of those who own fields. */
function putBack(object: JSONValue, found: readonly JSONValue[]): boolean {
  const entries = isMap(object) && isMap(object.metadata) ? object.metadata.managedFields : undefined;
  let next = 0;
  if (Array.isArray(entries))
    for (const entry of entries) {
      if (!isMap(entry) || typeof entry.fieldsV1 !== "number") continue;
      if (entry.fieldsV1 !== next) return false;
      entry.fieldsV1 = found[next++] as JSONValue;
    }
  return next === found.length;
}
