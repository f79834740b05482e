/** PATCH: JSON patch, merge patch, strategic merge patch and server-side apply (k8s.io/apiserver/pkg/endpoints/handlers/patch.go). */
import { DecodeError } from "../../api/codec/decode-error.ts";
import { encodeJSONString, parseJSON } from "../../api/codec/json.ts";
import { normalize } from "../../api/codec/normalize.ts";
import { unstructuredMismatch } from "../../api/codec/unstructured.ts";
import { deepCopy } from "../../api/copy.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import { invalidValue, path } from "../../api/field.ts";
import type { JSONObject, JSONValue } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { applyJSONPatch } from "../../api/patch/json-patch.ts";
import { applyMergePatch } from "../../api/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../../api/patch/strategic.ts";
import { badRequest, invalid, notFound, StatusError, unsupportedMediaType } from "../../api/status.ts";
import { readBody } from "../http/body.ts";
import { type ApplyPatch, applyTo, parseApply } from "./apply.ts";
import type { Call } from "./call.ts";
import { toStored } from "./decode.ts";
import { type WriteOptions, writeOptions } from "./options.ts";
import { respondOutcome } from "./respond.ts";
import { authorizationOf, checkName } from "./update.ts";
import { checkActs, updateObject } from "./write.ts";

export type PatchType = "json" | "merge" | "strategic" | "apply";
const patchTypes: Record<string, PatchType> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
};

export function patchTypeOf(call: Call): PatchType {
  const header = (call.request.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
  const type = patchTypes[header];
  if (!type) throw unsupportedMediaType("415: Unsupported Media Type");
  return type;
}

export interface Patch {
  type: PatchType;
  value: JSONValue;
  /** Repeated keys of the patch itself. */
  strict: string[];
  apply?: ApplyPatch;
}

export async function readPatch(call: Call, type: PatchType): Promise<Patch> {
  const { request } = call;
  if (type === "apply") {
    const apply = request.object === undefined ? parseApply(await readBody(request)) : { object: deepCopy(request.object) as JSONObject, strict: [] };
    return { type, value: apply.object, strict: apply.strict, apply };
  }
  if (request.object !== undefined) return { type, value: deepCopy(request.object) as JSONValue, strict: [] };
  try {
    const { value, duplicates } = parseJSON(await readBody(request));
    return { type, value, strict: duplicates };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw badRequest(type === "strategic" ? error.message : `error decoding patch: ${error.message}`);
  }
}

/** The stored object with the patch applied, in the stored version with defaults. */
export function patched(call: Call, old: KubeObject, patch: Patch, options: WriteOptions): KubeObject {
  const { endpoint } = call;
  const current = (endpoint.conversion ? endpoint.conversion.fromHub(old) : old) as unknown as JSONObject;
  let value: JSONValue;
  if (patch.type === "json") value = applyJSONPatch(current, patch.value);
  else if (patch.type === "merge") value = applyMergePatch(current, patch.value);
  else value = applyStrategicMergePatch(endpoint.type, current, patch.value);
  const rejected = (why: string): never => {
    if (patch.type !== "strategic") throw invalid("", "", [invalidValue(path("patch"), encodeJSONString(asPatched(value, current, patch)), why)]);
    throw invalid("", "", [invalidValue(path("patch"), goMap(patch.value), why)]);
  };
  if (patch.type === "strategic") {
    const misfit = unstructuredMismatch(endpoint.type.name, value);
    if (misfit !== undefined) rejected(misfit);
  }
  let object: JSONObject;
  let unknown: string[];
  try {
    ({ object, unknown } = normalize(endpoint.type, value));
  } catch (error) {
    if (error instanceof DecodeError) return rejected(error.message);
    throw error;
  }
  const strict = [...patch.strict, ...(patch.type === "strategic" ? unknown.sort() : unknown)];
  if (strict.length && options.fieldValidation === "Strict") rejected(`strict decoding error: ${strict.join(", ")}`);
  if (options.fieldValidation === "Warn") for (const message of strict) call.warn(message);
  const typed = deepCopy(object) as unknown as KubeObject;
  typed.kind = endpoint.def.kind;
  typed.apiVersion = endpoint.apiVersion;
  return toStored(endpoint, typed);
}

/** The patched document as upstream's patcher writes it: what it has opened is sorted, what it has not stays as it was. */
function asPatched(value: JSONValue, current: JSONObject, patch: Patch): JSONValue {
  if (patch.type === "merge") return sortMerged(value, current, patch.value);
  let text = sorted(value);
  for (const { path: at, from } of patch.value as { path?: string; from?: string }[])
    for (const pointer of [at, from]) if (pointer) text = sortAlong(text, pointer.split("/").slice(1, -1).map(unescapePointer));
  return text;
}

const unescapePointer = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");
const isObject = (value: JSONValue | undefined): value is JSONObject => typeof value === "object" && value !== null && !Array.isArray(value);

function sorted(value: JSONValue): JSONValue {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sortAlong(value: JSONValue, [step, ...rest]: string[]): JSONValue {
  const copy = Array.isArray(value) ? [...value] : sorted(value);
  if (step === undefined || typeof copy !== "object" || copy === null || !Object.hasOwn(copy, step)) return copy;
  const inner = copy as Record<string, JSONValue>;
  inner[step] = sortAlong(inner[step] as JSONValue, rest);
  return copy;
}

function sortMerged(value: JSONValue, before: JSONValue | undefined, patch: JSONValue | undefined): JSONValue {
  if (!isObject(before) || !isObject(patch)) return Array.isArray(patch) && isObject(before) ? value : sortWhole(value);
  const copy = sorted(value) as JSONObject;
  for (const key of Object.keys(patch)) if (Object.hasOwn(copy, key)) copy[key] = sortMerged(copy[key] as JSONValue, before[key], patch[key]);
  return copy;
}

function sortWhole(value: JSONValue): JSONValue {
  if (Array.isArray(value)) return value.map(sortWhole);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(sorted(value) as JSONObject).map(([key, item]) => [key, sortWhole(item as JSONValue)]));
}

/** As Go prints a map: `map[spec:map[x:1]]`. */
function goMap(value: JSONValue | undefined): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goMap).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  return `map[${Object.keys(value)
    .sort()
    .map((key) => `${key}:${goMap(value[key])}`)
    .join(" ")}]`;
}

export async function patchVerb(call: Call): Promise<ApiResponse> {
  checkActs(call);
  const { endpoint, info, rest } = call;
  const type = patchTypeOf(call);
  const options = writeOptions(call, "PatchOptions", type);
  const patch = await readPatch(call, type).catch((error: unknown) => {
    if (type !== "apply" && error instanceof StatusError && error.status.code === 400) return error;
    throw error;
  });
  if (!(patch instanceof StatusError) && typeof patch.value === "object" && patch.value !== null) call.audit?.requestObject(patch.value);
  let warned = false;
  const next = (old: KubeObject | undefined): KubeObject => {
    const quiet: Call = warned ? { ...call, warn: () => {} } : call;
    warned = true;
    // What cannot be read is said of an object that is there.
    if (patch instanceof StatusError) throw old ? patch : notFound(endpoint.groupResource, info.name);
    if (patch.apply) return applyTo(quiet, old, patch.apply, options);
    if (!old) throw notFound(endpoint.groupResource, info.name);
    const object = patched(quiet, old, patch, options);
    checkName(call, object);
    return object;
  };
  const outcome = await updateObject(call, {
    options,
    next,
    mayCreate: type === "apply" && info.subresource === "",
    tracked: type === "apply",
    attempts: 6,
    authorizeCreate: () => rest.authorize({ ...authorizationOf(call), verb: "create" }),
  });
  return respondOutcome(call, outcome.created ? 201 : 200, outcome);
}
