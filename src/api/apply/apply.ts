/**
 * Server-side apply (sigs.k8s.io/structured-merge-diff/merge, k8s.io/apimachinery/pkg/util/managedfields): what one
 * manager applies is laid over the object; what it applied before and does not now goes, unless somebody else owns it;
 * what it would take from others is a conflict unless forced.
 */
import type { JSONObject, JSONValue } from "../json.ts";
import { equal } from "../patch/values.ts";
import { badRequest, StatusError } from "../status.ts";
import { type Atom, type ObjectType, ownedAtom, wholeAtom } from "./atom.ts";
import { type Conflict, conflictError } from "./conflict.ts";
import { lastAppliedFields, refreshLastApplied } from "./last-applied.ts";
import { fieldsOf, fitsShape, shapeErrors, shapeText, unnamedElement } from "./fields-of.ts";
import { difference, type FieldSet, hasPath, intersection, ordered, paths, union } from "./fieldset.ts";
import {
  comparisons,
  entryOf,
  type Managed,
  type Operation,
  readManaged,
  sameManager,
  sortManaged,
  takeAway,
  Unconvertible,
  updateManaged,
  withManaged,
} from "./managed-fields.ts";
import { mergeApplied, removeFields, withNamedFields } from "./merge.ts";

export interface ApplyOperation extends Operation {
  /** The kind that the document must be of. */
  kind: string;
  /** Take what others own. */
  force?: boolean;
}

/** An empty metadata is nobody's. */
const neverMember: FieldSet = { "f:metadata": {} };

/** As Go prints one: the group "" leaves its slash. */
function groupVersionKind(object: JSONObject): string {
  const apiVersion = String(object.apiVersion ?? "");
  return `${apiVersion.includes("/") ? apiVersion : `/${apiVersion}`}, Kind=${object.kind ?? ""}`;
}

/** Nobody can own an element of the live object that nothing names. */
function checkLive(type: ObjectType, live: JSONObject, tracked: boolean, changeable: boolean): StatusError | undefined {
  const atom = wholeAtom(type);
  const why = changeable && !fitsShape(live, atom) ? shapeText(shapeErrors(live, atom, true)) : unnamedElement(live, atom);
  if (why === undefined) return undefined;
  const { namespace = "", name = "" } = (live.metadata ?? {}) as JSONObject;
  const what = `(${namespace}/${name}; ${groupVersionKind(live)})`;
  const message = tracked
    ? `failed to create typed live object ${what}: ${why}`
    : `failed to create manager for existing fields: failed to convert new object ${what} to smd typed: ${why}`;
  return new StatusError({ code: 500, message });
}

function checkApplied(type: ObjectType, applied: JSONObject, live: JSONObject, operation: ApplyOperation): void {
  if (applied.apiVersion !== operation.apiVersion || applied.kind !== operation.kind) throw badRequest(`invalid object type: ${groupVersionKind(applied)}`);
  const metadata = (applied.metadata ?? {}) as JSONObject;
  const tracked = ((live.metadata as { managedFields?: unknown[] } | undefined)?.managedFields ?? []).length > 0;
  const unfit = checkLive(type, live, tracked, operation.changeable === true);
  if (unfit && !tracked) throw unfit;
  if (metadata.managedFields !== undefined && metadata.managedFields !== null) throw badRequest("metadata.managedFields must be nil");
  const errors = shapeErrors(applied, wholeAtom(type));
  if (!errors.length && unfit) throw unfit;
  if (!errors.length) return;
  const name = metadata.name ?? (live.metadata as JSONObject | undefined)?.name ?? "";
  throw new StatusError({
    code: 500,
    message: `failed to create typed patch object (${metadata.namespace ?? ""}/${name}; ${groupVersionKind(applied)}): ${shapeText(errors)}`,
  });
}

/**
 * The object after the apply, managedFields included; `live` undefined creates. Not yet defaulted, and with null where a
 * map or list has lost its last element: decode and default it as any other input. Throws a StatusError: 409 with one
 * cause a field for conflicts, 400 and 500 for documents that cannot be applied.
 */
export function applyServerSide(type: ObjectType, live: JSONObject | undefined, applied: JSONObject, operation: ApplyOperation): JSONObject {
  if (operation.manager !== "kubectl" || !live) return merge(type, live, applied, operation);
  const allowed = lastAppliedFields(type, live, operation);
  return refreshLastApplied(merge(type, live, applied, operation, allowed), applied);
}

/** `allowed`: fields that may be taken from others without force, if no other field conflicts. */
function merge(type: ObjectType, live: JSONObject | undefined, applied: JSONObject, operation: ApplyOperation, allowed?: FieldSet): JSONObject {
  const base = live ?? { apiVersion: applied.apiVersion, kind: applied.kind };
  checkApplied(type, applied, base, operation);
  const before = withoutManaged(base);
  let entries = readManaged((base.metadata as JSONObject | undefined)?.managedFields as never);
  if (!entries) throw new StatusError({ code: 500, message: "failed to decode managed fields: operation must be `Apply` or `Update`" });
  if (!entries.length && live) entries = updateManaged(type, {}, before, [], { ...operation, manager: "before-first-apply" });

  const whole = wholeAtom(type);
  const self = entryOf(operation, "Apply");
  const last = entries.find((entry) => sameManager(entry, self));
  const own = difference(fieldsOf(applied, ownedAtom(type, operation.resetFields)), neverMember);
  const others = entries.filter((entry) => entry !== last);
  const merged = mergeApplied(before, applied, whole) as JSONObject;
  const next = prune(merged, whole, last, [own, ...others.map((entry) => entry.fieldsV1)]);

  const views = comparisons(type, before, next, operation, true);
  const at = (apiVersion: string): ReturnType<typeof views> => {
    try {
      return views(apiVersion);
    } catch (error) {
      if (error instanceof Unconvertible) throw new StatusError({ code: 500, message: error.message });
      throw error;
    }
  };
  const conflicts: Conflict[] = [];
  const managed: Managed[] = [];
  for (const entry of others) {
    const view = at(entry.apiVersion as string);
    if (!view) continue;
    const taken = view.changed && intersection(entry.fieldsV1, view.changed);
    if (taken) for (const path of paths(taken)) conflicts.push({ entry, path });
    const kept = takeAway(entry, view);
    if (kept) managed.push(kept);
  }
  const refused = operation.force ? [] : conflicts.filter(({ path }) => !hasPath(allowed, path));
  if (refused.length) throw conflictError(refused);
  const changed = !equal(before, next);
  // An apply that changes nothing leaves the time as it was.
  const { time: _, ...timeless } = self;
  const stamped = changed ? self : { ...timeless, ...(last?.time ? { time: last.time } : {}) };
  if (own) managed.push({ ...stamped, fieldsV1: ordered(own) } as Managed);
  return withManaged(changed ? next : before, sortManaged(managed));
}

function withoutManaged(object: JSONObject): JSONObject {
  const metadata = object.metadata as JSONObject | undefined;
  if (!metadata || metadata.managedFields === undefined) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}

/** Takes out what the manager applied last time and nobody owns now. */
function prune(merged: JSONObject, atom: Atom, last: Managed | undefined, owned: (FieldSet | undefined)[]): JSONObject {
  if (!last || !Object.keys(last.fieldsV1).length) return merged;
  const named = (fields: FieldSet | undefined): FieldSet | undefined => withNamedFields(fields, atom);
  const without = (fields: FieldSet | undefined): JSONObject => (fields ? ((removeFields(merged, fields, atom) ?? {}) as JSONObject) : merged);
  const lastNamed = named(last.fieldsV1);
  const all = named(fieldsOf(merged, atom));
  const rest = named(fieldsOf(without(lastNamed), atom));
  const managed = named(owned.reduce<FieldSet | undefined>(union, undefined));
  const kept = without(difference(all, union(rest, managed)));
  const dangling = intersection(difference(all, named(fieldsOf(kept as JSONValue, atom))), lastNamed);
  return without(dangling);
}
