/**
 * metadata.resourceVersion in JSON that was stored without it: found by a scan of the top of the object, so that nothing
 * is parsed. Go writes ObjectMeta in the order name, generateName, namespace, selfLink, uid, resourceVersion, ...
 */
import { findMember, memberValue, nextMember, skipString, skipValue, space } from "../api/codec/json-scan.ts";
import type { KubeObject } from "../api/object.ts";
import { encryptedUnread, isEncrypted } from "./transformer.ts";

export interface Spliced {
  bytes: Uint8Array;
  /** Where the digits of resourceVersion begin. */
  revisionAt: number;
  /** Where the text of metadata.uid begins; 0 when there is none. */
  uidAt: number;
  uidLength: number;
}

const before = new Set(["name", "generateName", "namespace", "selfLink", "uid"]);
const quote = 0x22;
const quoted = { metadata: Buffer.from('"metadata"'), uid: Buffer.from('"uid"') };

/** Throws SyntaxError for what is not a JSON object with an object `metadata`, and where resourceVersion is there already. */
export function spliceRevision(value: Uint8Array, revision: number): Spliced {
  const text = value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
  const metadata = findMember(text, open(text, 0), quoted.metadata);
  if (metadata < 0) throw new SyntaxError("the stored value has no metadata");
  let uidAt = 0;
  let uidLength = 0;
  let at = open(text, metadata);
  // Behind the last of the members that Go writes before it; an empty metadata takes it as its only one.
  let insertAt = at;
  let first = true;
  while (text[at] === quote) {
    const nameEnd = skipString(text, at);
    const name = text.toString("latin1", at + 1, nameEnd - 1);
    if (name === "resourceVersion") throw new SyntaxError("the stored value carries a resourceVersion");
    const valueAt = memberValue(text, nameEnd);
    const end = skipValue(text, valueAt);
    if (!before.has(name)) break;
    if (name === "uid") {
      uidAt = valueAt + 1;
      uidLength = end - valueAt - 2;
    }
    insertAt = end;
    first = false;
    at = nextMember(text, end);
  }
  const empty = first && text[at] === 0x7d;
  const insert = `${first ? "" : ","}"resourceVersion":"${revision}"${first && !empty ? "," : ""}`;
  const bytes = Buffer.allocUnsafeSlow(text.length + insert.length);
  text.copy(bytes, 0, 0, insertAt);
  bytes.write(insert, insertAt, "latin1");
  text.copy(bytes, insertAt + insert.length, insertAt);
  // Go's order is what every writer here keeps; a uid behind other members is looked for where it then must be.
  if (uidAt === 0) {
    const found = findMember(text, open(text, metadata), quoted.uid);
    if (found >= 0) {
      uidAt = found + 1 + insert.length;
      uidLength = skipString(text, found) - found - 2;
    }
  }
  return { bytes, revisionAt: insertAt + (first ? 0 : 1) + '"resourceVersion":"'.length, uidAt, uidLength };
}

/** The same object under another revision; `length` is the number of digits of the old one. */
export function replaceRevision(bytes: Uint8Array, at: number, length: number, revision: number): Uint8Array {
  const digits = String(revision);
  const changed = Buffer.allocUnsafeSlow(bytes.length - length + digits.length);
  changed.set(bytes.subarray(0, at), 0);
  changed.write(digits, at, "latin1");
  changed.set(bytes.subarray(at + length), at + digits.length);
  return changed;
}

function open(text: Buffer, at: number): number {
  return space(text, expect(text, space(text, at), 0x7b));
}

function expect(text: Buffer, at: number, byte: number): number {
  if (at === 0 && isEncrypted(text)) throw new SyntaxError(encryptedUnread);
  if (text[at] !== byte) throw new SyntaxError(`the stored value is not a JSON object: ${String.fromCharCode(byte)} expected at byte ${at}`);
  return at + 1;
}

/** Without the field. */
export function withoutRevision(object: KubeObject): KubeObject {
  if (object.metadata.resourceVersion === undefined) return object;
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject["metadata"] };
}

/** The same object with resourceVersion where the bytes have it. */
export function withRevision(object: KubeObject, revision: number): KubeObject {
  const metadata: Record<string, unknown> = {};
  let isPlaced = false;
  for (const name in object.metadata) {
    if (name === "resourceVersion") continue;
    if (!isPlaced && !before.has(name)) {
      metadata.resourceVersion = String(revision);
      isPlaced = true;
    }
    metadata[name] = object.metadata[name as keyof KubeObject["metadata"]];
  }
  if (!isPlaced) metadata.resourceVersion = String(revision);
  return { ...object, metadata: metadata as unknown as KubeObject["metadata"] };
}
