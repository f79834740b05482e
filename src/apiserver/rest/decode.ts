/** Bodies to objects: syntax, unknown and repeated fields, defaults, version (k8s.io/apiserver/pkg/endpoints/handlers). */
import { goQuote } from "../../api/field.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { unidentified } from "../../api/codec/cbor-typed.ts";
import { decodeObject as decodeBytes, sniffJSON, unknownKind } from "../../api/codec/decode.ts";
import { contextOf, normalize, tryNormalize } from "../../api/codec/normalize.ts";
import { deepCopy } from "../../api/copy.ts";
import { groupVersionText, parseGroupVersion, unexpectedGroupVersion } from "../../api/group-version.ts";
import type { JSONObject, JSONValue } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { type TypeDef, typeByName, typeOfKind } from "../../api/schema/schema.ts";
import { badRequest } from "../../api/status.ts";
import { decodeCustom } from "./decode-custom.ts";
import { readBody } from "../http/body.ts";
import type { Call, Endpoint } from "./call.ts";
import { bodyMedia, contentTypes } from "./negotiate.ts";
import { warnStrictly } from "./strict-warnings.ts";
import type { FieldValidation } from "./options.ts";

export interface Expected {
  kind: string;
  apiVersion: string;
  type: TypeDef;
  /** Other versions that the body may name. */
  versions?: ReadonlySet<string> | "any";
  /** Why what was read cannot be the type that upstream works with. */
  misread?(object: JSONObject): string | undefined;
  /** Which kinds its decoder knows besides; else all. */
  registered?(apiVersion: string, kind: string): boolean;
  /** Refusals say only why, not what could not be handled. */
  plainRefusals?: boolean;
}

/** The text does not say what it is in a way that can be understood. */
class Unreadable extends Error {}

/** Object of the expected type; kind and apiVersion are set. Without defaults. */
export async function decodeTyped<T extends object>(call: Call, expected: Expected, validation: FieldValidation): Promise<T> {
  const { request } = call;
  const { kind, apiVersion, type, versions } = expected;
  const isKnown = (version: string): boolean => versions === "any" || versions?.has(version) === true;
  const isRegistered = expected.registered ?? ((version: string, name: string) => typeOfKind(version, name) !== undefined);
  let givenKind = "";
  let givenVersion = "";
  let named = false;
  const choose = (said: string, name: string): TypeDef => {
    named = true;
    givenKind = name;
    const version = completed(said, apiVersion);
    if (version === undefined) throw new Unreadable(unexpectedGroupVersion(said));
    givenVersion = version;
    if (version.endsWith("/")) throw new DecodeError(`Object 'apiVersion' is missing in '${bytes ? Buffer.from(bytes) : JSON.stringify(request.object)}'`);
    checkRegistered();
    // What is of another kind is read as that before it is refused.
    if (expected.registered && (name || kind) !== kind) return typeOfKind("v1", name) ?? typeByName("meta/v1.TypeMeta");
    return typeOfKind(version || apiVersion, name || kind) ?? type;
  };
  /** Before a field is read: a kind that does not exist has no fields. */
  const checkRegistered = (): void => {
    if (givenKind === "" && givenVersion === "") return;
    const [known, version] = [givenKind || kind, givenVersion || apiVersion];
    if ((known === kind && (version === apiVersion || isKnown(version))) || isRegistered(version, known)) return;
    throw new DecodeError(`no kind ${goQuote(known)} is registered for version ${goQuote(version)} in scheme "pkg/runtime/scheme.go:111"`);
  };
  let bytes: Uint8Array | undefined;
  let object: JSONObject;
  let strict: string[];
  const refuse = (why: string): never => {
    if (expected.plainRefusals) throw badRequest(why);
    const version = (givenVersion || apiVersion).slice((givenVersion || apiVersion).indexOf("/") + 1);
    throw badRequest(`${givenKind || kind} in version ${goQuote(version)} cannot be handled as a ${kind}: ${why}`);
  };
  const unreadable = (why: string): never => {
    if (expected.plainRefusals) throw badRequest(why);
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(bytes ?? new Uint8Array(0))})`);
  };
  try {
    if (request.object !== undefined) {
      const given = request.object as { kind?: string; apiVersion?: string };
      const chosen = choose(given.apiVersion ?? "", given.kind ?? "");
      const normalized = normalize(chosen, deepCopy(request.object) as JSONValue, "kept");
      object = normalized.object;
      strict = normalized.unknown;
    } else {
      const media = bodyMedia(request);
      const read = readBody(request);
      bytes = read instanceof Uint8Array ? read : await read;
      ({ object, strictErrors: strict } = decodeBytes(bytes, contentTypes[media], choose, "kept"));
    }
  } catch (error) {
    if (error instanceof Unreadable) return unreadable(error.message);
    if (!(error instanceof DecodeError)) throw error;
    // What is not even an envelope does not say of which kind it is.
    if (bytes && !named && bodyMedia(request) === "protobuf") return unreadable(error.message);
    if (bytes && bodyMedia(request) === "cbor" && (error.syntax || error.message.startsWith(unidentified)))
      return unreadable(error.syntax ? `${unidentified}${error.message}` : error.message);
    if (bytes && !named && bodyMedia(request) === "yaml") return unreadable(error.syntax ? error.message : `${unknownKind}${error.message}`);
    if (bytes && bodyMedia(request) === "json") {
      try {
        const sniffed = sniffJSON(bytes);
        givenKind = sniffed.kind;
        givenVersion = completed(sniffed.apiVersion, apiVersion) ?? sniffed.apiVersion;
      } catch (syntax) {
        return unreadable((syntax as Error).message);
      }
    }
    return refuse(error.message);
  }
  if (
    ((givenKind !== "" || givenVersion !== "") && (givenKind || kind) !== kind) ||
    (givenVersion !== "" && givenVersion !== apiVersion && !isKnown(givenVersion))
  ) {
    const [known, version] = [givenKind || kind, givenVersion || apiVersion];
    // What all groups share is of one package.
    const short = expected.registered ? "v1" : version.slice(version.indexOf("/") + 1);
    const home = expected.registered ? "v1" : apiVersion.includes("/") ? (apiVersion.split(/[./]/)[0] as string) : "core";
    if (known !== kind) refuse(`converting (${short}.${known}) to (${home}.${kind}): unknown conversion`);
  }
  const misread = expected.misread?.(object);
  if (misread !== undefined) refuse(misread);
  if (validation !== "Ignore" && strict.length) {
    if (validation === "Strict") refuse(`strict decoding error: ${strict.join(", ")}`);
    warnStrictly(call, strict);
  }
  if (givenVersion !== "" && givenVersion !== apiVersion && !isKnown(givenVersion))
    throw badRequest(`the API version in the data (${givenVersion}) does not match the expected API version (${apiVersion})`);
  object.kind = kind;
  object.apiVersion = apiVersion;
  call.audit?.requestObject(object);
  return object as T;
}

/** Of a group alone the `expected` version is meant, where it is that one's (json.gvkWithDefaults). undefined: no apiVersion. */
function completed(said: string, expected: string): string | undefined {
  const given = parseGroupVersion(said);
  if (!given) return undefined;
  return given.version === "" && given.group !== "" && expected.startsWith(`${given.group}/`) ? expected : groupVersionText(given);
}

/** The first 30 characters, as upstream's message shows what it could not read. */
function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<empty>";
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 30)).toString(bytes[0] === 0x7b ? "utf8" : "hex");
  return bytes.length > 30 ? `${text} ...` : text;
}

/** The body as an object in the version that is stored, defaults applied. */
export async function decodeObject(call: Call, validation: FieldValidation): Promise<KubeObject> {
  const { endpoint } = call;
  if (endpoint.custom) return decodeCustom(call, endpoint.custom, validation);
  const { kind, def, apiVersion, type } = endpoint;
  const misread = kind.misread && ((object: JSONObject) => kind.misread?.(object as unknown as KubeObject));
  const object = await decodeTyped<KubeObject>(call, { kind: def.kind, apiVersion, type, ...(misread ? { misread } : {}) }, validation);
  return toStored(endpoint, object);
}

/** Defaults of the served version, then the stored version. */
export function toStored(endpoint: Endpoint, object: KubeObject): KubeObject {
  if (endpoint.custom) {
    endpoint.custom.setDefaults(object as unknown as JSONObject);
    object.metadata ??= {} as KubeObject["metadata"];
    return object;
  }
  object.metadata ??= {} as KubeObject["metadata"];
  endpoint.kind.setDefaults?.(object);
  return endpoint.conversion ? endpoint.conversion.toHub(object) : object;
}

/** Kinds whose storage is JSON, which tells an empty list from none. */
const storedAsJSON = new Set(["customresourcedefinitions.apiextensions.k8s.io", "apiservices.apiregistration.k8s.io"]);

export interface Completed {
  object: KubeObject;
  /** It holds what `storedForm` may not keep: empty lists or maps, fractions of seconds. */
  empties: boolean;
}

/**
 * In Go's order, with every field that is always written: what validation judges. Fields that strategies have set to undefined
 * are left out. `spec`: what its specification comes to, where that is known.
 */
export function complete({ hubType, custom }: Endpoint, object: KubeObject, spec?: object): Completed {
  if (custom) return { object: custom.settled(object), empties: false };
  const value = (spec ? { ...object, spec: {} } : object) as unknown as JSONObject;
  const context = contextOf("kept");
  const made = tryNormalize(hubType, value, context) ?? normalize(hubType, value, "kept").object;
  if (spec) made.spec = spec as JSONObject;
  return { object: made as unknown as KubeObject, empties: context.kept };
}

/** As the object comes back from storage: what the cache takes. */
export function storedForm(endpoint: Endpoint, { object, empties }: Completed): KubeObject {
  if (!empties) return object;
  const how = storedAsJSON.has(endpoint.groupResource) ? "written" : "stored";
  const settled = (value: KubeObject): KubeObject => normalize(endpoint.hubType, value as unknown as JSONObject, how).object as unknown as KubeObject;
  const { setDefaults } = endpoint.hubKind;
  const made = settled(object);
  if (!setDefaults) return made;
  setDefaults(made);
  return settled(made);
}

/** As Go writes it to a client without having stored it. */
export function writtenForm(endpoint: Endpoint, { object, empties }: Completed): KubeObject {
  return empties ? (normalize(endpoint.hubType, object as unknown as JSONObject, "written").object as unknown as KubeObject) : object;
}

/** Both at once, for what needs no judgement. */
export const finish = (endpoint: Endpoint, object: KubeObject): KubeObject => storedForm(endpoint, complete(endpoint, object));
