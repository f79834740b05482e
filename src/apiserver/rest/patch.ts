/** PATCH: JSON patch, merge patch, strategic merge patch and server-side apply (k8s.io/apiserver/pkg/endpoints/handlers/patch.go). */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { decodeJSON, sniffJSON } from "../../api/codec/decode.ts";
import { encodeJSON, maxParts, parseJSON, sortKeys } from "../../api/codec/json.ts";
import { contextOf, tryNormalize } from "../../api/codec/normalize.ts";
import { changedPart, convertPlain, convertUnstructured, mismatchOfFloats, unstructuredMismatch } from "../../api/codec/unstructured.ts";
import { deepCopy } from "../../api/copy.ts";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { invalidText, invalidValue, path } from "../../api/field.ts";
import { type GroupVersion, groupVersionText, parseGroupVersion } from "../../api/group-version.ts";
import { isMap, type JSONObject, type JSONValue, textOf } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { applyJSONPatch, mistakeIn, operationFields, withoutUnknown } from "../../api/patch/json-patch.ts";
import { nodeOf } from "../../api/patch/lazy-node.ts";
import { applyMergePatch, checkMergePatch, mergePatchText } from "../../api/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../../api/patch/strategic.ts";
import { goText } from "../../api/patch/values.ts";
import { withWholeFloats } from "../../api/patch/whole-floats.ts";
import { badRequest, conflict, invalid, notFound, StatusError, unsupportedMediaType } from "../../api/status.ts";
import { readBody } from "../http/body.ts";
import { type ApplyPatch, applyTo, parseApply, parseCBORApply } from "./apply.ts";
import type { Call, Endpoint } from "./call.ts";
import { toStored } from "./decode.ts";
import { type WriteOptions, writeOptions } from "./options.ts";
import { bareObject } from "./nothing.ts";
import { readAsInternal } from "./patch-identity.ts";
import { consumed, holdsText, misfitOf } from "./patch-words.ts";
import { respondOutcome } from "./respond.ts";
import { authorizationOf, checkName } from "./update.ts";
import type { StandIn } from "./stand-in.ts";
import { matchNamespace } from "./strategy.ts";
import { warnStrictly } from "./strict-warnings.ts";
import { checkActs, updateObject } from "./write.ts";

export type PatchType = "json" | "merge" | "strategic" | "apply";
const patchTypes: ReadonlyMap<string, PatchType> = new Map([
  ["application/json-patch+json", "json"],
  ["application/merge-patch+json", "merge"],
  ["application/strategic-merge-patch+json", "strategic"],
  ["application/apply-patch+yaml", "apply"],
]);

const applyCBOR = "application/apply-patch+cbor";
const typesOf = ({ headers }: ApiRequest): string => headers["content-type"] ?? "";
const formatOf = (request: ApiRequest): string => typesOf(request).split(";")[0]?.trim() ?? "";
/** The router looks at each of a list of types, and nobody else at more than all of it. */
const isRouted = (request: ApiRequest): boolean =>
  typesOf(request)
    .split(",")
    .some((one) => patchTypes.has(one.split(";")[0]?.trim() ?? ""));

export function patchTypeOf(call: Call): PatchType {
  const { request } = call;
  const format = formatOf(request);
  const type = format === applyCBOR && request.cbor ? "apply" : patchTypes.get(format);
  if (call.endpoint.custom && (!type || type === "strategic")) throw unknownFormat(request, "");
  if (!type && isRouted(request)) throw unknownFormat(request, "application/strategic-merge-patch+json, ");
  if (!type) throw unsupportedMediaType("415: Unsupported Media Type");
  return type;
}

/** Strategic merges need Go's tags. */
const unknownFormat = ({ cbor }: ApiRequest, strategic: string): StatusError =>
  new StatusError({
    code: 415,
    reason: "UnsupportedMediaType",
    message: `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, ${strategic}application/apply-patch+yaml${cbor ? `, ${applyCBOR}` : ""}`,
  });

export interface Patch {
  type: PatchType;
  value: JSONValue;
  /** JSON of the patch as it came; of one that came as a value it is made where it is wanted. */
  text?: Uint8Array;
  /** Written as Go would write it: what its value comes to is what its text comes to. */
  plain?: boolean;
  /** Repeated keys of the patch itself. */
  strict: string[];
  /** Why its value cannot be known. Who does not validate fields does not mind. */
  mistake?: StatusError;
  apply?: ApplyPatch;
}

/** At once where the body has come. */
export function readPatch(call: Call, type: PatchType): Patch | Promise<Patch> {
  const { request } = call;
  if (request.object !== undefined) {
    const value = deepCopy(request.object) as JSONObject;
    return type === "apply" ? { type, value, strict: [], apply: { object: value, strict: [] } } : { type, value, plain: true, strict: [] };
  }
  const parse = (text: Uint8Array): Patch => (type === "apply" ? parseApplied(request, text) : parsePatch(type, text));
  const body = readBody(request);
  return body instanceof Promise ? body.then(parse) : parse(body);
}

function parseApplied(request: ApiRequest, text: Uint8Array): Patch {
  const apply = formatOf(request) === applyCBOR ? parseCBORApply(text) : parseApply(text);
  return { type: "apply", value: apply.object, strict: apply.strict, apply };
}

function parsePatch(type: PatchType, text: Uint8Array): Patch {
  try {
    const { value, duplicates } = parseJSON(text, maxParts);
    if (type === "json") return { type, value, text, strict: strictlyOf(text, value, duplicates) };
    return { type, value, text, plain: type === "merge" && Buffer.compare(encodeJSON(value), text) === 0, strict: duplicates };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const why = type === "json" && !error.syntax ? mistakeIn(nodeOf(text), true) : error.message;
    // Only what no operation has cannot be held.
    if (why === undefined) return parsePatch(type, withoutUnknown(text));
    const mistake = badRequest(type === "strategic" ? why : `error decoding patch: ${why}`);
    if (error.syntax || type === "strategic") throw mistake;
    return { type, value: null, text, strict: [], mistake };
  }
}

/** Keys that are repeated in what operations have, and fields that they do not have. */
function strictlyOf(text: Uint8Array, value: JSONValue, duplicates: string[]): string[] {
  const entries = Array.isArray(value) ? value : [];
  const unknown = entries.flatMap((entry, i) =>
    isMap(entry) ? Object.keys(entry).flatMap((key) => (operationFields.has(key) ? [] : [`unknown field "[${i}].${key}"`])) : [],
  );
  const repeated = unknown.length && duplicates.length ? parseJSON(withoutUnknown(text)).duplicates : duplicates;
  return [...repeated, ...unknown].map((why) => `json patch ${why}`);
}

/** The stored object with the patch applied, in the stored version with defaults. */
export function patched(call: Call, old: KubeObject, patch: Patch, options: WriteOptions): KubeObject {
  const { endpoint } = call;
  const current = (endpoint.conversion ? endpoint.conversion.fromHub(old) : old) as unknown as JSONObject;
  const { object, bare, strict, rejected } =
    patch.type === "strategic" ? mergedStrategically(endpoint, current, patch) : mergedText(endpoint, current, patch, options);
  if (endpoint.custom) return patchedCustom(call, endpoint.custom, object, strict, options, rejected);
  if (strict.length && options.fieldValidation === "Strict") rejected(`strict decoding error: ${strict.join(", ")}`);
  if (options.fieldValidation === "Warn") warnStrictly(call, strict);
  const typed = ownCopy(object);
  if (bare) return bareObject(endpoint, typed.metadata);
  typed.kind = endpoint.def.kind;
  typed.apiVersion = endpoint.apiVersion;
  const misread = endpoint.kind.misread?.(typed);
  if (misread !== undefined) {
    if (patch.type === "strategic") throw new StatusError({ code: 500, message: misread });
    rejected(misread);
  }
  return toStored(endpoint, typed);
}

interface Merged {
  object: JSONObject;
  /** It gets no defaults. */
  bare?: boolean;
  /** Unknown and repeated fields. */
  strict: string[];
  rejected(why: string): never;
}

function mergeStrategically({ type }: Endpoint, current: JSONObject, patch: Patch): JSONObject {
  try {
    return applyStrategicMergePatch(type, current, patch.value);
  } catch (error) {
    // Words of a refusal tell 1.0 from 1.
    const floats = patch.text ? withWholeFloats(patch.text) : undefined;
    if (floats !== undefined) applyStrategicMergePatch(type, current, floats);
    throw error;
  }
}

function mergedStrategically(endpoint: Endpoint, current: JSONObject, patch: Patch): Merged {
  const value = mergeStrategically(endpoint, current, patch);
  const rejected = (why: string, given = patch.value): never => {
    throw invalid("", "", [invalidValue(path("patch"), goText(consumed(endpoint.type, current, deepCopy(given) as JSONObject)), why)]);
  };
  try {
    const { changed, whole } = changedPart(endpoint.type, value, endpoint.conversion ? {} : current);
    const plain = convertPlain(endpoint.type, changed);
    if (plain) return { object: whole(plain), strict: patch.strict, rejected };
    const misfit = unstructuredMismatch(endpoint.type.name, changed);
    if (misfit !== undefined) {
      const floats = patch.text ? withWholeFloats(patch.text) : undefined;
      if (floats !== undefined) rejected(mismatchOfFloats(endpoint.type.name, applyStrategicMergePatch(endpoint.type, current, floats)) ?? misfit, floats);
      rejected(misfit);
    }
    const { object, unknown } = convertUnstructured(endpoint.type, changed);
    return { object: whole(object), strict: [...patch.strict, ...unknown.sort()], rejected };
  } catch (error) {
    if (error instanceof DecodeError) return rejected(misfitOf(endpoint.type, value, error));
    throw error;
  }
}

/** JSON and merge patches are of texts, and what comes of them is read as any body is. */
function mergedText(endpoint: Endpoint, current: JSONObject, patch: Patch, options: WriteOptions): Merged {
  const validated = options.fieldValidation !== "Ignore";
  if (validated && patch.mistake) throw patch.mistake;
  let made: Uint8Array | undefined;
  const text = (): Uint8Array => {
    if (made) return made;
    const doc = encodeJSON(endpoint.custom ? sortKeys(current) : current);
    const given = patch.text ?? encodeJSON(patch.value);
    made = patch.type === "json" ? applyJSONPatch(doc, given, validated) : mergePatchText(doc, given);
    return made;
  };
  const rejected = (why: string): never => {
    throw invalid("", "", [invalidText(path("patch"), text(), why)]);
  };
  // The value is at hand, and most of it is shared with what there was.
  if (patch.type === "merge" && patch.plain && isMap(patch.value) && (endpoint.custom || !holdsText(endpoint.type.name))) {
    const value = applyMergePatch(current, patch.value);
    const same = value.kind === current.kind && value.apiVersion === current.apiVersion;
    if (same && endpoint.custom) return { object: deepCopy(value), strict: patch.strict, rejected };
    const context = contextOf("kept");
    const object = same ? tryNormalize(endpoint.type, value, context) : undefined;
    if (object && !context.unknown) return { object, strict: patch.strict, rejected };
  }
  if (patch.type === "merge" && validated) checkMergePatch(patch.value);
  try {
    const bare = endpoint.custom ? void sniffJSON(text()) : readAsInternal(endpoint, text());
    if (bare) return { object: bare.object, bare: true, strict: [...patch.strict, ...bare.strictErrors], rejected };
    const { object, strictErrors } = decodeJSON(text(), endpoint.custom ? undefined : endpoint.type, "kept");
    if (endpoint.custom && (object.kind ?? "") === "") rejected(`Object 'Kind' is missing in '${Buffer.from(text())}'`);
    return { object, strict: [...patch.strict, ...strictErrors], rejected };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return rejected(error.message);
  }
}

/** Nobody changes entries of managed fields, which are half of many an object: they stay shared. */
function ownCopy(object: JSONObject): KubeObject {
  const { metadata } = object;
  if (!isMap(metadata) || metadata.managedFields === undefined) return deepCopy(object) as unknown as KubeObject;
  const { managedFields, ...others } = metadata;
  const copy = deepCopy({ ...object, metadata: others }) as JSONObject;
  (copy.metadata as JSONObject).managedFields = managedFields;
  return copy as unknown as KubeObject;
}

function patchedCustom(
  call: Call,
  custom: CustomVersion,
  object: JSONObject,
  repeated: string[],
  options: WriteOptions,
  rejected: (why: string) => never,
): KubeObject {
  let unknown: string[];
  try {
    unknown = custom.coerce(object).map((path) => `unknown field "${path}"`);
  } catch (error) {
    if (error instanceof DecodeError) return rejected(error.message);
    throw error;
  }
  const strict = [...repeated, ...unknown];
  if (strict.length && options.fieldValidation === "Strict") rejected(`strict decoding error: ${strict.join(", ")}`);
  if (options.fieldValidation === "Warn") warnStrictly(call, strict);
  object.apiVersion = groupVersionText(parseGroupVersion(textOf(object.apiVersion)) as GroupVersion);
  return toStored(call.endpoint, object as unknown as KubeObject);
}

/** Where fields are not validated, another decoder refuses the patch, in its own words. */
function unread(error: unknown, type: PatchType, options: WriteOptions): unknown {
  const prefix = "error decoding patch: ";
  const message = error instanceof StatusError && error.status.code === 400 ? (error.status.message ?? "") : "";
  if (options.fieldValidation !== "Ignore" || !message.startsWith(prefix)) return error;
  if (type === "merge") return badRequest("Invalid JSON Patch");
  return badRequest(message.slice(prefix.length));
}

/** By mistake or not: an apply of their status creates them. */
const createdByStatus = ({ groupResource, hubKind }: Call["endpoint"]): boolean =>
  hubKind.allowCreateOnUpdate === true || groupResource === "validatingadmissionpolicies.admissionregistration.k8s.io";

/** What is patched is where the URL says, or says nothing of where it is; what is applied anew has no identity yet. */
function placed(call: Call, object: KubeObject, old: KubeObject | undefined): KubeObject {
  const { uid } = object.metadata;
  if (uid && !old) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(call.endpoint.groupResource, call.info.name, why);
  }
  matchNamespace(call, object);
  checkName(call, object);
  return object;
}

export async function patchVerb(call: Call, standIn?: StandIn): Promise<ApiResponse> {
  checkActs(call);
  const { endpoint, info, rest } = call;
  const type = patchTypeOf(call);
  const options = writeOptions(call, "PatchOptions", type);
  let patch: Patch | StatusError;
  try {
    const read = readPatch(call, type);
    patch = read instanceof Promise ? await read : read;
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.code !== 400) throw error;
    patch = error;
  }
  if (!(patch instanceof StatusError) && typeof patch.value === "object" && patch.value !== null) call.audit?.requestObject(patch.value);
  let warned = false;
  const next = (old: KubeObject | undefined): KubeObject | Promise<KubeObject> => {
    const asked = standIn?.call ?? call;
    const quiet: Call = warned ? { ...asked, warn: () => {} } : asked;
    warned = true;
    // What cannot be read is said of an object that is there, or that would be made.
    if (patch instanceof StatusError) throw old || type === "apply" ? unread(patch, type, options) : notFound(endpoint.groupResource, info.name);
    if (patch.apply) {
      const applied = applyTo(quiet, old, patch.apply, options, standIn?.refusals?.(patch.apply.object));
      return applied instanceof Promise ? applied.then((object) => placed(call, object, old)) : placed(call, applied, old);
    }
    if (!old) throw notFound(endpoint.groupResource, info.name);
    return placed(call, patched(quiet, old, patch, options), old);
  };
  const outcome = await updateObject(call, {
    options,
    next,
    standIn,
    mayCreate: type === "apply" && (info.subresource === "" || (info.subresource === "status" && createdByStatus(endpoint))),
    tracked: type === "apply",
    attempts: 6,
    authorizeCreate: () => rest.authorize({ ...authorizationOf(call), verb: "create" }),
  });
  return standIn ? standIn.respond(outcome) : respondOutcome(call, outcome.created ? 201 : 200, outcome);
}
