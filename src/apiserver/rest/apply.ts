/** Server-side apply of a request's configuration (k8s.io/apimachinery/pkg/util/managedfields). */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { type ApplyOperation, applyServerSide } from "../../api/apply/apply.ts";
import { cborKind, decodeCBOR } from "../../api/codec/cbor.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { kindOfValue } from "../../api/codec/scalars.ts";
import { convertUnstructured, unstructuredMismatch } from "../../api/codec/unstructured.ts";
import { maxNodes, parseYAML } from "../../api/codec/yaml.ts";
import { deepCopy } from "../../api/copy.ts";
import { type JSONObject, textOf } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { equal } from "../../api/patch/values.ts";
import { badRequest, StatusError } from "../../api/status.ts";
import type { Call } from "./call.ts";
import { toStored } from "./decode.ts";
import { inVersions, objectTypeOf, operationOf } from "./managed-fields.ts";
import { warnStrictly } from "./strict-warnings.ts";
import type { WriteOptions } from "./options.ts";

export interface ApplyPatch {
  object: JSONObject;
  /** Repeated keys, in upstream's words. */
  strict: string[];
}

/** Throws 400 for what is no YAML map. */
export function parseApply(bytes: Uint8Array): ApplyPatch {
  try {
    const { value, duplicates } = parseYAML(bytes, maxNodes);
    const strict = duplicates.map((repeated) => `error converting YAML to JSON: ${repeated}`);
    if (value === null) return { object: {}, strict };
    if (typeof value !== "object" || Array.isArray(value))
      throw badRequest(
        `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kindOfValue(value)} into Go value of type map[string]interface {}`,
      );
    return { object: value, strict };
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`);
    throw error;
  }
}

/** The same in CBOR. Throws 400, with upstream's words: it calls both YAML. */
export function parseCBORApply(bytes: Uint8Array): ApplyPatch {
  try {
    const value = decodeCBOR(bytes);
    if (value === null) return { object: {}, strict: [] };
    if (typeof value !== "object" || Array.isArray(value))
      throw new DecodeError(`cbor: cannot unmarshal ${cborKind(bytes)} into Go value of type map[string]interface {}`);
    return { object: value, strict: [] };
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`error decoding YAML: ${error.message}`);
    throw error;
  }
}

/** The object after the apply, in the stored version with defaults; managed fields are set. A promise where a webhook converts. */
export function applyTo(
  call: Call,
  old: KubeObject | undefined,
  patch: ApplyPatch,
  options: WriteOptions,
  refusals: Pick<ApplyOperation, "unowned" | "unmade"> = {},
): KubeObject | Promise<KubeObject> {
  const { endpoint } = call;
  const live = old && ((endpoint.conversion ? endpoint.conversion.fromHub(old) : old) as unknown as JSONObject);
  const merged = inVersions(call, (convert) => {
    const operation = { ...operationOf(call, options.manager, convert), kind: endpoint.def.kind, force: options.force, ...refusals };
    return applyServerSide(objectTypeOf(endpoint), live, patch.object, operation);
  });
  return merged instanceof Promise ? merged.then((object) => applied(call, live, patch, options, object)) : applied(call, live, patch, options, merged);
}

/** `live`: what there was, in the version of the request. */
function applied(call: Call, live: JSONObject | undefined, patch: ApplyPatch, options: WriteOptions, merged: JSONObject): KubeObject {
  const { endpoint } = call;
  // Said of what has been applied, and of nothing else.
  const sayRepeated = (): void => {
    if (patch.strict.length && options.fieldValidation === "Strict") throw badRequest(`error strict decoding YAML: ${patch.strict.join(", ")}`);
    if (options.fieldValidation === "Warn") warnStrictly(call, patch.strict);
  };
  const isUnchanged = live !== undefined && equal(withoutManagers(merged), withoutManagers(live));
  // What nothing has changed in does not become an object anew, in which a time that is null would be absent.
  if (endpoint.custom || isUnchanged) {
    sayRepeated();
    return endpoint.custom ? customApplied(call, endpoint.custom, isUnchanged, merged) : toStored(endpoint, copyOf(merged) as unknown as KubeObject);
  }
  const kind = `${endpoint.def.group}/${endpoint.def.version}, Kind=${endpoint.def.kind}`;
  const { namespace, name } = (patch.object.metadata ?? {}) as JSONObject;
  const place = `(${textOf(namespace)}/${textOf(name)}; ${kind})`;
  const failure = (why: string): StatusError => new StatusError({ code: 500, message: `failed to convert ${why}` });
  const unfit = (why: string): StatusError => failure(`new object ${place} to proper version: unable to convert unstructured object to ${kind}: ${why}`);
  const misfit = unstructuredMismatch(endpoint.type.name, merged);
  if (misfit !== undefined) throw unfit(misfit);
  let object: JSONObject;
  try {
    ({ object } = convertUnstructured(endpoint.type, merged));
  } catch (error) {
    throw error instanceof DecodeError ? unfit(error.message) : error;
  }
  const copy = copyOf(object) as unknown as KubeObject;
  copy.kind = endpoint.def.kind;
  copy.apiVersion = endpoint.apiVersion;
  const misread = endpoint.kind.misread?.(copy);
  if (misread !== undefined) throw failure(`to unversioned ${place}: ${misread}`);
  sayRepeated();
  return toStored(endpoint, copy);
}

/** The sets of fields are shared: nobody changes them, and they are as large as the rest. */
function copyOf(object: JSONObject): JSONObject {
  const { managedFields, ...metadata } = (object.metadata ?? {}) as JSONObject;
  if (managedFields === undefined) return deepCopy(object);
  return { ...deepCopy({ ...object, metadata: null }), metadata: { ...deepCopy(metadata), managedFields } };
}

const withoutManagers = ({ metadata, ...rest }: JSONObject): JSONObject => {
  const { managedFields: _, ...kept } = (metadata ?? {}) as JSONObject;
  return { ...rest, metadata: kept };
};

/** Nulls that the merge has left are judged as they are; where it has changed nothing, no defaults come either. */
function customApplied(call: Call, custom: CustomVersion, isUnchanged: boolean, merged: JSONObject): KubeObject {
  const copy = copyOf(merged);
  if (isUnchanged) return copy as unknown as KubeObject;
  try {
    custom.coerce(copy, { merged: true });
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
  return toStored(call.endpoint, copy as unknown as KubeObject);
}
