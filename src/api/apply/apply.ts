/**
 * Server-side apply (sigs.k8s.io/structured-merge-diff/merge, k8s.io/apimachinery/pkg/util/managedfields): what one
 * manager applies is laid over the object; what it applied before and does not now goes, unless somebody else owns it;
 * what it would take from others is a conflict unless forced.
 */
import { unstructuredMismatch } from "../codec/unstructured.ts";
import { parseGroupVersion } from "../group-version.ts";
import { isMap, type JSONObject, type JSONValue, textOf } from "../json.ts";
import { equal } from "../patch/values.ts";
import { badRequest, StatusError } from "../status.ts";
import { type Atom, type MapAtom, neverOwned, type ObjectType, ownedAtom, wholeAtom } from "./atom.ts";
import { type Conflict, conflictError } from "./conflict.ts";
import { lastAppliedFields, refreshLastApplied } from "./last-applied.ts";
import { fieldSetErrors, fieldsOf, fitsFieldSets, fitsShape, shapeErrors, shapeText, unnamedElement } from "./fields-of.ts";
import { difference, type FieldSet, hasPath, intersection, isEmpty, isMember, leaf, maxFields, ordered, paths, tooManyFields, union } from "./fieldset.ts";
import {
  comparisons,
  entryOf,
  heldBy,
  inVersion,
  type Managed,
  type Operation,
  readManaged,
  sameManager,
  sortManaged,
  takeAway,
  Unconvertible,
  updateManaged,
  type Versioned,
  withManaged,
} from "./managed-fields.ts";
import { mergeApplied, removeFields, within, withNamedFields } from "./merge.ts";

export interface ApplyOperation extends Operation {
  /** The kind that the document must be of. */
  kind: string;
  /** Take what others own. */
  force?: boolean;
  /** Thrown where nobody owns anything yet; where the object would change. */
  unowned?: StatusError;
  unmade?: StatusError;
}

/** An empty metadata is nobody's. */
const neverMember: FieldSet = { "f:metadata": {} };

/** As Go prints one: the group "" leaves its slash; of what is no group and version nothing is left. */
function groupVersionKind(object: JSONObject): string {
  const given = parseGroupVersion(textOf(object.apiVersion));
  if (!given) return "/, Kind=";
  return `${given.group}/${given.version}, Kind=${textOf(object.kind)}`;
}

function unfitFieldSets(live: JSONObject, atom: MapAtom): string | undefined {
  return fitsFieldSets(live, atom) ? undefined : shapeText(fieldSetErrors(live, atom));
}

/** Nobody can own an element of the live object that nothing names. */
function checkLive(type: ObjectType, live: JSONObject, tracked: boolean, changeable: boolean): StatusError | undefined {
  const atom = wholeAtom(type);
  const why = changeable && !fitsShape(live, atom) ? shapeText(shapeErrors(live, atom, true)) : (unnamedElement(live, atom) ?? unfitFieldSets(live, atom));
  if (why === undefined) return undefined;
  const { namespace, name } = (live.metadata ?? {}) as JSONObject;
  const what = `(${textOf(namespace)}/${textOf(name)}; ${groupVersionKind(live)})`;
  const message = tracked
    ? `failed to create typed live object ${what}: ${why}`
    : `failed to create manager for existing fields: failed to convert new object ${what} to smd typed: ${why}`;
  return new StatusError({ code: 500, message });
}

/** What upstream cannot read as a list of them it takes for none. */
const areManagers = (given: JSONValue | undefined): boolean =>
  Array.isArray(given) && given.every((one) => isMap(one) && unstructuredMismatch("meta/v1.ManagedFieldsEntry", one) === undefined);

function checkApplied(type: ObjectType, applied: JSONObject, live: JSONObject, operation: ApplyOperation): void {
  const kind = groupVersionKind(applied);
  if (kind !== groupVersionKind({ apiVersion: operation.apiVersion, kind: operation.kind })) throw badRequest(`invalid object type: ${kind}`);
  const metadata = (applied.metadata ?? {}) as JSONObject;
  const tracked = ((live.metadata as { managedFields?: unknown[] } | undefined)?.managedFields ?? []).length > 0;
  if (!tracked && operation.unowned) throw operation.unowned;
  const unfit = checkLive(type, live, tracked, operation.changeable === true);
  if (unfit && !tracked) throw unfit;
  if (areManagers(metadata.managedFields)) throw badRequest("metadata.managedFields must be nil");
  const errors = shapeErrors(applied, wholeAtom(type));
  if (!errors.length && unfit) throw unfit;
  if (!errors.length) return;
  throw new StatusError({
    code: 500,
    message: `failed to create typed patch object (${textOf(metadata.namespace)}/${textOf(metadata.name)}; ${groupVersionKind(applied)}): ${shapeText(errors)}`,
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
  try {
    return mergeHeld(type, before, heldBy(type, before, entries, operation), applied, operation, allowed);
  } catch (error) {
    if (error instanceof Unconvertible) throw new StatusError({ code: 500, message: error.message });
    throw error;
  }
}

/** Its name above all: no entry has it, but whoever says it holds metadata when all else is given up. */
function neverOwnedOf({ metadata }: JSONObject): JSONObject {
  return { metadata: Object.fromEntries(Object.entries((metadata ?? {}) as JSONObject).filter(([name]) => neverOwned.includes(name))) };
}

/** `before` is the live object without its managed fields. Throws Unconvertible as well. */
function mergeHeld(
  type: ObjectType,
  before: JSONObject,
  entries: readonly Managed[],
  applied: JSONObject,
  operation: ApplyOperation,
  allowed: FieldSet | undefined,
): JSONObject {
  const whole = wholeAtom(type);
  const self = entryOf(operation, "Apply");
  if (hasMoreParts(applied, maxFields)) throw tooManyFields();
  const last = entries.find((entry) => sameManager(entry, self));
  const own = difference(fieldsOf(applied, ownedAtom(type, operation.resetFields)), neverMember);
  const others = entries.filter((entry) => entry !== last);
  const merged = mergeApplied(before, applied, whole) as JSONObject;
  const said = union(own, fieldsOf(neverOwnedOf(applied), whole));
  const next = prune({ type, object: merged }, last, [...(said ? [{ ...self, fieldsV1: said } as Managed] : []), ...others], operation);

  const at = comparisons(type, before, next, operation, true);
  const conflicts: Conflict[] = [];
  const managed: Managed[] = [];
  for (const entry of others) {
    const view = at(entry.apiVersion as string);
    if (!view) continue;
    const taken = operation.force || !view.changed ? undefined : intersection(entry.fieldsV1, view.changed);
    if (taken) for (const path of paths(taken)) conflicts.push({ entry, path });
    const kept = takeAway(entry, view);
    if (kept) managed.push(kept);
  }
  const refused = conflicts.filter(({ path }) => !hasPath(allowed, path));
  if (refused.length) throw conflictError(refused);
  const changed = !equal(before, next);
  if (changed && operation.unmade) throw operation.unmade;
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

/** Whether a document has more keys and elements than so many. */
function hasMoreParts(document: JSONObject, most: number): boolean {
  let left = most;
  const beyond = (value: JSONValue | undefined): boolean => --left < 0 || (typeof value === "object" && value !== null && walk(value));
  const walk = (value: JSONObject | JSONValue[]): boolean => {
    if (Array.isArray(value)) return value.some(beyond);
    for (const name in value) if (beyond(value[name])) return true;
    return false;
  };
  return walk(document);
}

/** Whether it is sure that nothing is to be taken out: what was applied last time is applied again, and nobody speaks another version. */
function keepsAll(last: Managed, [own, ...others]: readonly Managed[], atom: MapAtom): boolean {
  if (!own || !sameManager(own, last) || others.some(({ apiVersion }) => apiVersion !== last.apiVersion)) return false;
  return hasNamed(own.fieldsV1, last.fieldsV1, false, atom);
}

/**
 * Whether `now` has all of `last`, of which what is below a member is a member too, and no element of a list without anything in it.
 * Declared fields on the way count as members in both.
 */
function hasNamed(now: FieldSet | undefined, last: FieldSet, below: boolean, atom: Atom | undefined): boolean {
  for (const element in last) {
    if (element === ".") continue;
    const before = last[element] as FieldSet;
    const after = now?.[element];
    if (!after || (element.startsWith("k:") && after === leaf)) return false;
    if (isEmpty(before) && isEmpty(after)) continue;
    const [inner, declared] = within(atom, element);
    const member = declared || isMember(before);
    if ((below && !member) || (member && !declared && !isMember(after))) return false;
    if (before !== after && before !== leaf && !hasNamed(after, before, below || member, inner)) return false;
  }
  return true;
}

const pruning = "failed to prune fields: ";
const adding = `${pruning}failed add back owned items: `;

/** Takes out what the manager applied last time and nobody owns now: found out in the version that it applied in then. */
function prune(merged: Versioned, last: Managed | undefined, owners: readonly Managed[], operation: ApplyOperation): JSONObject {
  if (!last || !Object.keys(last.fieldsV1).length) return merged.object;
  const lastVersion = last.apiVersion as string;
  const whole = inVersion(merged, lastVersion, operation, `${pruning}failed to convert merged object to last applied version`);
  if (!whole) return merged.object;
  if (lastVersion === operation.apiVersion && keepsAll(last, owners, wholeAtom(whole.type))) return merged.object;
  const lastNamed = withNamedFields(last.fieldsV1, wholeAtom(whole.type));
  let all = whole;
  let kept = without(whole, lastNamed);
  for (const [apiVersion, fields] of byVersion(owners, lastVersion)) {
    const here = inVersion(all, apiVersion, operation, `${adding}failed to convert merged object at version ${apiVersion}`);
    const rest = here && inVersion(kept, apiVersion, operation, `${adding}failed to convert pruned object at version ${apiVersion}`);
    if (!rest) continue;
    all = here;
    kept = without(here, difference(namedFields(here), union(namedFields(rest), withNamedFields(fields, wholeAtom(here.type)))));
  }
  const left = inVersion(kept, lastVersion, operation, `${pruning}failed add back dangling items: failed to convert pruned object to last applied version`);
  if (!left) return merged.object;
  const pruned = without(whole, intersection(difference(namedFields(whole), namedFields(left)), lastNamed));
  return (inVersion(pruned, operation.apiVersion, operation, "failed to prune fields") ?? merged).object;
}

const namedFields = ({ type, object }: Versioned): FieldSet | undefined => fieldsOf(object, wholeAtom(type), true);
const without = ({ type, object }: Versioned, fields: FieldSet | undefined): Versioned =>
  fields ? { type, object: (removeFields(object, fields, wholeAtom(type)) ?? {}) as JSONObject } : { type, object };

/** What is owned in each version, that of `first` before the others. */
function byVersion(owners: readonly Managed[], first: string): Map<string, FieldSet | undefined> {
  const found = new Map<string, FieldSet | undefined>();
  const isFirst = ({ apiVersion }: Managed): boolean => apiVersion === first;
  for (const { apiVersion, fieldsV1 } of [...owners.filter(isFirst), ...owners.filter((owner) => !isFirst(owner))])
    found.set(apiVersion as string, union(found.get(apiVersion as string), fieldsV1));
  return found;
}
