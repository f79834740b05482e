/**
 * metadata.managedFields across writes that are not server-side apply
 * (k8s.io/apimachinery/pkg/util/managedfields). On the path of every write.
 */
import { sortFew } from "../../base/sort-few.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { parseTime, zeroTime } from "../time.ts";
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { equal } from "../patch/values.ts";
import { type MapAtom, type ObjectType, ownedAtom, wholeAtom } from "./atom.ts";
import { type Comparison, compare, hasKeys } from "./compare.ts";
import { fitsFieldSets, fitsShape } from "./fields-of.ts";
import { forgotten } from "./kept-text.ts";
import type { KnownSets } from "./known-sets.ts";
import { reconcile } from "./reconcile.ts";
import { covers, difference, type FieldSet, isEmpty, isFieldSet, ordered, overlap, union, unionOf } from "./fieldset.ts";

export interface Operation {
  /** fieldManager, or what managerName makes of the user agent. */
  manager: string;
  /** Version in which the client spoke: `apps/v1`. */
  apiVersion: string;
  /** The kind whose type is given; absent: any. */
  kind?: string;
  /** "" or absent for the main resource. */
  subresource?: string;
  /** RFC 3339, whole seconds. */
  time: string;
  /** Nothing is written: the stored object is as it was read. */
  dryRun?: boolean;
  /** What this way of writing does not write: `status`, or `spec` and `metadata.labels`; two names at most. */
  resetFields?: readonly string[];
  /**
   * The object in another version of its kind, for entries of other versions; undefined when it is no longer served. Throws
   * Unconvertible. Default: as it is.
   */
  convert?(object: JSONObject, apiVersion: string): Versioned | undefined;
  /** What this way of writing does not write in another version. Default: nothing of a changeable type, else as in this one. */
  resetsIn?(apiVersion: string): readonly string[];
  /** Where what is owned of new specifications is remembered. */
  knownSets?: KnownSets | undefined;
  /** Of a type that may have changed since the object was stored: what does not have its shape has no owners. */
  changeable?: boolean;
}

export interface Versioned {
  type: ObjectType;
  object: JSONObject;
}

/** An object cannot be shown in another version: a write leaves no owners, an apply fails. */
export class Unconvertible extends Error {}

/** An entry with its fields as a set. */
export type Managed = ManagedFieldsEntry & { fieldsV1: FieldSet };

const maxUpdateManagers = 10;
const ancientChanges = "ancient-changes";

const shortASCII = /^[ -~]{1,128}$/;

/** The name under which a client's fields are kept: fieldManager, else the user agent up to its first slash. */
export function managerName(fieldManager: string | undefined, userAgent: string): string {
  if (fieldManager) return fieldManager;
  const slash = userAgent.indexOf("/");
  const bytes = slash < 0 ? userAgent : userAgent.slice(0, slash);
  if (shortASCII.test(bytes)) return bytes;
  // Headers come with a character for each byte; Go reads bytes as UTF-8.
  const prefix = Buffer.from(bytes, "latin1").toString("utf8");
  let name = "";
  for (const char of prefix) {
    if (char !== " " && !/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) continue;
    if (Buffer.byteLength(name + char) > 128) break;
    name += char;
  }
  return name || "unknown";
}

/** Entries are one and the same manager's when these agree; the version does not count for apply. */
export const sameManager = (a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  (a.subresource ?? "") === (b.subresource ?? "") &&
  (a.operation === "Apply" || a.apiVersion === b.apiVersion);

const isReadable = (entry: ManagedFieldsEntry): boolean =>
  (entry.operation === "Apply" || entry.operation === "Update") && !!entry.apiVersion && entry.fieldsType === "FieldsV1";

/**
 * undefined when an entry cannot be read: then all of them are dropped. `stored` entries are trusted to hold sets. Of
 * entries of one and the same manager the last counts.
 */
export function readManaged(entries: readonly ManagedFieldsEntry[] | undefined | null, stored = true): Managed[] | undefined {
  if (!entries) return [];
  for (const entry of entries) if (!isReadable(entry) || !(stored || entry.fieldsV1 === undefined || isFieldSet(entry.fieldsV1))) return undefined;
  const managed = entries.map((entry) => (entry.fieldsV1 ? (entry as Managed) : { ...entry, fieldsV1: {} }));
  return lastOfEach(managed);
}

/** As many are compared with one another; of more, the names are. */
const few = 16;

function isLastOfFew(entry: Managed, i: number, entries: Managed[]): boolean {
  for (let j = i + 1; j < entries.length; j++) if (sameManager(entry, entries[j] as Managed)) return false;
  return true;
}

/** The list itself where all are different managers'. */
function lastOfEach(entries: Managed[]): Managed[] {
  if (entries.length <= few && entries.every(isLastOfFew)) return entries;
  const last = new Map(
    entries.map((entry) => {
      const { manager, operation, subresource, apiVersion } = entry;
      return [JSON.stringify([manager, operation, subresource ?? "", operation === "Apply" ? "" : apiVersion]), entry] as const;
    }),
  );
  const kept = new Set(last.values());
  return kept.size === entries.length ? entries : entries.filter((entry) => kept.has(entry));
}

const metadataOf = (object: JSONObject | undefined): JSONObject => (object?.metadata ?? {}) as JSONObject;

/** Which entries a write starts from: a client may bring its own, and drop all with an empty list. */
function startingEntries(type: ObjectType, old: JSONObject | undefined, next: JSONObject, operation: Operation): Managed[] {
  const live = metadataOf(old).managedFields as unknown as ManagedFieldsEntry[] | undefined;
  if (!operation.subresource) {
    const sent = metadataOf(next).managedFields as unknown as ManagedFieldsEntry[] | null | undefined;
    if (sent && (sent.length === 0 || (sent.length === 1 && Object.keys(sent[0] as object).length === 0))) return [];
    if (sent && sent !== live && !equal(sent as unknown as JSONValue, live as unknown as JSONValue)) {
      const managed = readManaged(sent, false);
      if (managed?.length) return sortManaged(reconciled(type, next, managed, operation));
    }
  }
  return readManaged(live) ?? [];
}

/** A client's own entries may name what is below a part that is one piece. Those of versions that are not served go with the write, which they make a tracked one. */
function reconciled(type: ObjectType, object: JSONObject, entries: readonly Managed[], operation: Operation): Managed[] {
  return entries.map((entry) => {
    const own = entry.apiVersion === operation.apiVersion || !operation.convert;
    const view = own ? { type } : operation.convert?.(object, entry.apiVersion as string);
    return view ? { ...entry, fieldsV1: ordered(reconcile(entry.fieldsV1, wholeAtom(view.type))) } : entry;
  });
}

/** Of another kind there is no type at all. */
const isOf = ({ kind: found }: JSONObject, { kind }: Operation): boolean => kind === undefined || found === kind;

/** The schema of a changeable type may be another than the one that entries were made with. Throws Unconvertible. */
export function heldBy(type: ObjectType, live: JSONObject, entries: Managed[], operation: Operation): Managed[] {
  if (!operation.changeable || !entries.length) return entries;
  let changed = false;
  const held = entries.flatMap((entry) => {
    const own = entry.apiVersion === operation.apiVersion || !operation.convert;
    const view = own ? { type } : operation.convert?.(live, entry.apiVersion as string);
    if (!view) return [];
    const fieldsV1 = reconcile(entry.fieldsV1, wholeAtom(view.type));
    if (fieldsV1 === entry.fieldsV1) return entry;
    changed = true;
    return { ...entry, fieldsV1: ordered(fieldsV1) };
  });
  return changed || held.length !== entries.length ? held : entries;
}

/**
 * The object with the managedFields that a create (`old` undefined), update or patch leaves. Unchanged entries, and the
 * object itself where nothing changes, come back as they are. Objects whose fields were never tracked stay untracked.
 */
export const trackUpdate = (type: ObjectType, old: JSONObject | undefined, next: JSONObject, operation: Operation): JSONObject =>
  withManaged(next, managedAfter(type, old, next, operation));

/** These managedFields. */
export function managedAfter(type: ObjectType, old: JSONObject | undefined, next: JSONObject, operation: Operation): ManagedFieldsEntry[] {
  try {
    const entries = startingEntries(type, old, next, operation);
    const exists = !!metadataOf(old).uid;
    if (!entries.length && exists) return entries;
    const atom = wholeAtom(type);
    const fits = operation.changeable ? isOf(next, operation) && fitsShape(old, atom) && fitsShape(next, atom) : fitsFieldSets(next, atom);
    return fits ? updateManaged(type, old ?? {}, next, heldBy(type, old ?? {}, entries, operation), operation) : [];
  } catch (error) {
    if (error instanceof Unconvertible) return [];
    throw error;
  }
}

export function withManaged(object: JSONObject, managed: readonly ManagedFieldsEntry[]): JSONObject {
  const metadata = metadataOf(object);
  const before = metadata.managedFields as unknown as ManagedFieldsEntry[] | undefined;
  if (!managed.length) {
    if (before === undefined) return object;
    const { managedFields: _, ...rest } = metadata;
    return { ...object, metadata: rest };
  }
  if (before && before.length === managed.length && before.every((entry, i) => entry === managed[i])) return object;
  return { ...object, metadata: { ...metadata, managedFields: managed as unknown as JSONValue } };
}

function compareWritten(old: JSONObject, next: JSONObject, atom: MapAtom, { dryRun, knownSets }: Operation): Comparison {
  const result = compare(old, next, atom, false, knownSets);
  // What there was not cannot be forgotten.
  if (dryRun || !hasKeys(old)) return result;
  const same = forgotten(old, next, atom);
  return same ? { ...result, changed: union(result.changed, same) } : result;
}

/** undefined for a version that is no longer served. Throws Unconvertible, whose text begins with what was to be done. */
export function inVersion({ type, object }: Versioned, apiVersion: string, operation: Operation, task: string): Versioned | undefined {
  if (object.apiVersion === apiVersion || !operation.convert) return { type, object };
  try {
    return operation.convert(object, apiVersion);
  } catch (error) {
    if (error instanceof Unconvertible) throw new Unconvertible(`${task}: ${error.message}`);
    throw error;
  }
}

/** The comparison in the version of each entry. `literally`: `next` is not yet what Go would write. */
export function comparisons(
  type: ObjectType,
  old: JSONObject,
  next: JSONObject,
  operation: Operation,
  literally = false,
): (apiVersion: string) => Comparison | undefined {
  let made: Map<string, Comparison | undefined> | undefined;
  let own: Comparison | undefined;
  const elsewhere = (apiVersion: string): readonly string[] | undefined =>
    operation.resetsIn?.(apiVersion) ?? (operation.changeable ? [] : operation.resetFields);
  return (apiVersion) => {
    if (apiVersion === operation.apiVersion || !operation.convert) {
      if (own) return own;
      const atom = ownedAtom(type, operation.resetFields);
      own = literally ? compare(old, next, atom, true) : compareWritten(old, next, atom, operation);
      return own;
    }
    made ??= new Map();
    if (made.has(apiVersion)) return made.get(apiVersion);
    const before = inVersion({ type, object: old }, apiVersion, operation, "failed to convert old object");
    const after = before && inVersion({ type, object: next }, apiVersion, operation, "failed to convert new object");
    const result = before && after && compareWritten(before.object, after.object, ownedAtom(after.type, elsewhere(apiVersion)), operation);
    made.set(apiVersion, result);
    return result;
  };
}

/** What the others keep: not what was changed, not what is gone. */
export function takeAway(entry: Managed, { changed, removed }: Comparison): Managed | undefined {
  let rest: FieldSet | undefined = entry.fieldsV1;
  if (overlap(rest, changed)) rest = difference(rest, changed);
  if (overlap(rest, removed)) rest = difference(rest, removed);
  if (rest === entry.fieldsV1) return ownsNothing(entry) ? undefined : entry;
  return rest && { ...entry, fieldsV1: rest };
}
const ownsNothing = ({ fieldsV1 }: Managed): boolean => isEmpty(fieldsV1);

/** Entries after a write of `operation.manager`. */
export function updateManaged(type: ObjectType, old: JSONObject, next: JSONObject, entries: Managed[], operation: Operation): Managed[] {
  const at = comparisons(type, old, next, operation);
  const comparison = at(operation.apiVersion) as Comparison;
  const oneVersion = !operation.convert || entries.every((entry) => entry.apiVersion === operation.apiVersion);
  if (comparison.unnamed) return [];
  if (!comparison.changed && !comparison.removed && oneVersion) return entries.some(ownsNothing) ? entries.filter((entry) => !ownsNothing(entry)) : entries;
  const self: ManagedFieldsEntry = entryOf(operation, "Update");
  let own: FieldSet | undefined = comparison.changed;
  let kept = false;
  const managed: Managed[] = [];
  for (const entry of entries) {
    const view = at(entry.apiVersion as string);
    if (!view) continue;
    if (own && sameManager(entry, self)) {
      // What it changes here would only be taken away to be given back.
      const rest = overlap(entry.fieldsV1, view.removed) ? difference(entry.fieldsV1, view.removed) : entry.fieldsV1;
      own = covers(rest, own) ? (rest as FieldSet) : union(rest, own);
      kept = own === entry.fieldsV1;
      continue;
    }
    const left = takeAway(entry, view);
    if (left) managed.push(left);
  }
  self.fieldsV1 = own && (kept ? own : ordered(own));
  if (own) managed.push(self as Managed);
  return sortManaged(capManagers(managed));
}

/** In the order in which the API writes an entry's fields. */
export function entryOf(operation: Operation, kind: "Update" | "Apply"): ManagedFieldsEntry {
  const { manager, apiVersion, time, subresource } = operation;
  const entry: ManagedFieldsEntry = { manager: manager || "unknown", operation: kind, apiVersion, time, fieldsType: "FieldsV1", fieldsV1: {} };
  if (subresource) entry.subresource = subresource;
  return entry;
}

const seconds = (entry: ManagedFieldsEntry): number => (entry.time === undefined ? 0 : Math.floor(parseTime(entry.time ?? zeroTime) / 1000));
const by = (a: string | undefined, b: string | undefined): number => ((a ?? "") < (b ?? "") ? -1 : (a ?? "") > (b ?? "") ? 1 : 0);

/** As the API writes them: UTC, whole seconds. */
const canonicalLength = "2006-01-02T15:04:05Z".length;
function byTime(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  if (a.time === b.time) return 0;
  return a.time?.length === canonicalLength && b.time?.length === canonicalLength ? by(a.time, b.time) : seconds(a) - seconds(b);
}

export function sortManaged(entries: Managed[]): Managed[] {
  return sortFew(entries, inOrder);
}
const inOrder = (a: Managed, b: Managed): number =>
  by(a.operation, b.operation) || byTime(a, b) || by(a.manager, b.manager) || by(a.apiVersion, b.apiVersion) || by(a.subresource, b.subresource);

/** More than ten updaters: the oldest become one per version, so that the object does not grow without bound. */
export function capManagers(entries: Managed[]): Managed[] {
  if (entries.length <= maxUpdateManagers) return entries;
  const updaters = entries.filter((e) => e.operation === "Update");
  if (updaters.length <= maxUpdateManagers) return entries;
  updaters.sort((a, b) => seconds(a) - seconds(b) || by(a.manager, b.manager));
  let left = updaters.length;
  const first = new Map<string, Managed>();
  const buckets = new Map<string, Managed>();
  for (const entry of entries)
    if (entry.manager === ancientChanges && entry.operation === "Update" && !entry.subresource && !buckets.has(entry.apiVersion as string))
      buckets.set(entry.apiVersion as string, entry);
  const merged = new Map<string, Managed[]>();
  for (const entry of updaters) {
    if (left <= maxUpdateManagers) break;
    const version = entry.apiVersion as string;
    const oldest = first.get(version);
    if (!oldest) {
      first.set(version, entry);
      continue;
    }
    const into = merged.get(version) ?? [buckets.get(version) ?? oldest];
    into.push(entry);
    merged.set(version, into);
    left--;
  }
  const gone = new Set([...merged.values()].flat());
  return [...entries.filter((entry) => !gone.has(entry)), ...[...merged].map(([version, all]) => ancient(version, all))];
}

const ancient = (apiVersion: string, all: readonly Managed[]): Managed => ({
  manager: ancientChanges,
  operation: "Update",
  apiVersion,
  time: all.at(-1)?.time,
  fieldsType: "FieldsV1",
  fieldsV1: ordered(unionOf(all.map(({ fieldsV1 }) => fieldsV1)) ?? {}),
});
