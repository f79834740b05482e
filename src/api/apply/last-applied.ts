/**
 * The way from client-side to server-side apply (managedfields/internal/lastapplied*.go): what kubectl applied from the
 * client, by the annotation it left, it may take over without force; and the annotation is kept up to date.
 */
import { encodeJSONString, sortKeys } from "../codec/json.ts";
import type { JSONObject } from "../json.ts";
import { type ObjectType, ownedAtom } from "./atom.ts";
import { compare } from "./compare.ts";
import { fieldsOf } from "./fields-of.ts";
import { difference, type FieldSet } from "./fieldset.ts";

const annotation = "kubectl.kubernetes.io/last-applied-configuration";

const annotationsOf = (object: JSONObject): JSONObject => ((object.metadata as JSONObject | undefined)?.annotations ?? {}) as JSONObject;

/** Fields of the last client-side apply that the object still has as they were applied; undefined when there was none. */
export function lastAppliedFields(type: ObjectType, live: JSONObject, { apiVersion }: { apiVersion: string }): FieldSet | undefined {
  const text = annotationsOf(live)[annotation];
  if (typeof text !== "string" || !text) return undefined;
  let last: JSONObject;
  try {
    last = JSON.parse(text) as JSONObject;
  } catch {
    return undefined;
  }
  if (typeof last !== "object" || last === null || last.apiVersion !== apiVersion) return undefined;
  const atom = ownedAtom(type);
  const { changed, removed } = compare(last, live, atom);
  return difference(difference(fieldsOf(last, atom), changed), removed);
}

/** Writes what was applied into the annotation, where the object has one. */
export function refreshLastApplied(object: JSONObject, applied: JSONObject): JSONObject {
  if (!annotationsOf(object)[annotation]) return object;
  const { annotations: given, ...metadata } = (applied.metadata ?? {}) as JSONObject;
  const { [annotation]: _, ...annotations } = (given ?? {}) as JSONObject;
  const kept = Object.keys(annotations).length ? { ...metadata, annotations } : metadata;
  const text = `${encodeJSONString(sortKeys({ ...applied, metadata: kept }))}\n`;
  return { ...object, metadata: { ...(object.metadata as JSONObject), annotations: { ...annotationsOf(object), [annotation]: text } } };
}
