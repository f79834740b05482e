/** Managed fields that clients send. */
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import type { Target } from "./episodes.ts";
import { pick } from "./mutate.ts";

/** What clients send that keep nothing, keep the wrong thing, or keep what schemas have changed since. */
export function managedFields(t: Target, last: JSONObject): JSONValue {
  const { random } = t;
  const entries = ((last.metadata as JSONObject | undefined)?.managedFields ?? []) as JSONObject[];
  const apiVersion = String(last.apiVersion);
  const entry: JSONObject = { manager: "own", operation: "Update", apiVersion, fieldsType: "FieldsV1", time: "2026-01-02T03:04:05Z" };
  return pick<() => JSONValue>(random, [
    () => [],
    () => [{}],
    () => null,
    () => entries.slice(1),
    () => [...entries, { ...entry, fieldsV1: { "f:metadata": { "f:labels": { "f:ep": {} } } } }],
    () => [...entries, { ...entry, operation: "Apply", fieldsV1: { "f:spec": { "f:selector": { "f:matchLabels": { "f:app": {} } }, "f:nothing": {} } } }],
    () => [...entries, { ...entry, fieldsV1: { "f:spec": { "f:template": {} } }, apiVersion: pick(random, ["v1", "nope/v1", ""]) }],
    () => [...entries, { ...entry, fieldsV1: { "f:spec": { ".": {}, "f:roleRef": { "f:kind": {} } }, "f:roleRef": { "f:kind": {} } } }],
    () => [...entries, { ...entry, operation: pick(random, ["", "Patch"]) }],
    () => [...entries, { ...entry, fieldsType: "FieldsV2", fieldsV1: {} }],
    () => [...entries, { ...entry, fieldsV1: { x: {} } }],
    () => [...entries, ...entries],
  ])();
}
