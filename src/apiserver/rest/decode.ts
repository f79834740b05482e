/** Bodies to objects: syntax, unknown and repeated fields, defaults, version (k8s.io/apiserver/pkg/endpoints/handlers). */
import { goQuote } from "../../api/go-quote.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { unidentified } from "../../api/codec/cbor-typed.ts";
import { type Decoded, decodeObject as decodeBytes, sniffJSON, unknownKind } from "../../api/codec/decode.ts";
import { contextOf, normalize, tryNormalize } from "../../api/codec/normalize.ts";
import { deepCopy } from "../../api/copy.ts";
import type { ApiRequest } from "../../api/exchange.ts";
import { groupVersionOf, groupVersionText, internalPackage, parseGroupVersion, unexpectedGroupVersion } from "../../api/group-version.ts";
import type { JSONObject, JSONValue } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { type TypeDef, typeByName, typeOfKind } from "../../api/schema/schema.ts";
import { badRequest, type StatusError } from "../../api/status.ts";
import { unrecognized } from "./unrecognized.ts";
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

/** What a body says that it is, and the refusals that name it. */
class Reading {
  readonly request: ApiRequest;
  readonly expected: Expected;
  readonly bytes: Uint8Array | undefined;
  givenKind = "";
  givenVersion = "";
  /** It has been understood so far as to say what it is. */
  named = false;

  constructor(request: ApiRequest, expected: Expected, bytes: Uint8Array | undefined) {
    this.request = request;
    this.expected = expected;
    this.bytes = bytes;
  }
  /** What it says, or is taken for. */
  get kind(): string {
    return this.givenKind || this.expected.kind;
  }
  get version(): string {
    return this.givenVersion || this.expected.apiVersion;
  }
  /** A version that may be named besides the expected one. */
  get isOther(): boolean {
    const { apiVersion, versions } = this.expected;
    return this.givenVersion !== "" && this.givenVersion !== apiVersion && versions !== "any" && versions?.has(this.givenVersion) !== true;
  }
  choose(said: string, name: string): TypeDef {
    const { kind, apiVersion, type, registered } = this.expected;
    this.named = true;
    this.givenKind = name;
    const version = completed(said, apiVersion);
    if (version === undefined) throw new Unreadable(unexpectedGroupVersion(said));
    this.givenVersion = version;
    if (version.endsWith("/"))
      throw new DecodeError(`Object 'apiVersion' is missing in '${this.bytes ? Buffer.from(this.bytes) : JSON.stringify(this.request.object)}'`);
    this.#checkRegistered();
    // What is of another kind is read as that before it is refused.
    if (registered && (name || kind) !== kind) return typeOfKind("v1", name) ?? typeByName("meta/v1.TypeMeta");
    return typeOfKind(version || apiVersion, name || kind) ?? type;
  }
  /** Before a field is read: a kind that does not exist has no fields. */
  #checkRegistered(): void {
    const { kind, version, isOther, expected } = this;
    if (kind === expected.kind && !isOther) return;
    if (expected.registered ? expected.registered(version, kind) : typeOfKind(version, kind) !== undefined) return;
    throw new DecodeError(`no kind ${goQuote(kind)} is registered for version ${goQuote(version)} in scheme "pkg/runtime/scheme.go:111"`);
  }
  /** What the text says that could not be read. */
  sniff(bytes: Uint8Array): void {
    const sniffed = sniffJSON(bytes);
    this.givenKind = sniffed.kind;
    this.givenVersion = completed(sniffed.apiVersion, this.expected.apiVersion) ?? sniffed.apiVersion;
  }
  refusal(why: string): StatusError {
    if (this.expected.plainRefusals) return badRequest(why);
    const version = this.version.slice(this.version.indexOf("/") + 1);
    return badRequest(`${this.kind} in version ${goQuote(version)} cannot be handled as a ${this.expected.kind}: ${why}`);
  }
  unreadable(why: string): StatusError {
    if (this.expected.plainRefusals) return badRequest(why);
    return unrecognized(this.expected.kind, why, this.bytes);
  }
  /** What is answered where it could not be read; gives other errors back. */
  failure(error: unknown): unknown {
    if (error instanceof Unreadable) return this.unreadable(error.message);
    if (!(error instanceof DecodeError)) return error;
    const { bytes, named, request } = this;
    const media = bytes && bodyMedia(request);
    // What is not even an envelope does not say of which kind it is.
    if (media === "protobuf" && !named) return this.unreadable(error.message);
    if (media === "cbor" && (error.syntax || error.message.startsWith(unidentified)))
      return this.unreadable(error.syntax ? `${unidentified}${error.message}` : error.message);
    if (media === "yaml" && !named) return this.unreadable(error.syntax ? error.message : `${unknownKind}${error.message}`);
    if (media === "json") {
      try {
        this.sniff(bytes as Uint8Array);
      } catch (syntax) {
        return this.unreadable((syntax as Error).message);
      }
    }
    return this.refusal(error.message);
  }
}

/** Object of the expected type; kind and apiVersion are set. Without defaults. */
export async function decodeTyped<T extends object>(call: Call, expected: Expected, validation: FieldValidation): Promise<T> {
  return typedOf(call, expected, validation, await bodyOf(call.request));
}

/** undefined: it comes as an object. */
function bodyOf(request: ApiRequest): Uint8Array | Promise<Uint8Array> | undefined {
  if (request.object !== undefined) return undefined;
  bodyMedia(request);
  return readBody(request);
}

function decoded(reading: Reading): Decoded {
  const { request, bytes } = reading;
  const choose = (said: string, name: string): TypeDef => reading.choose(said, name);
  if (bytes) return decodeBytes(bytes, contentTypes[bodyMedia(request)], choose, "kept");
  const given = request.object as { kind?: string; apiVersion?: string };
  const chosen = choose(given.apiVersion ?? "", given.kind ?? "");
  const { object, unknown } = normalize(chosen, deepCopy(request.object) as JSONValue, "kept");
  return { object, strictErrors: unknown };
}

function typedOf<T extends object>(call: Call, expected: Expected, validation: FieldValidation, bytes: Uint8Array | undefined): T {
  const { kind, apiVersion } = expected;
  const reading = new Reading(call.request, expected, bytes);
  let read: Decoded;
  try {
    read = decoded(reading);
  } catch (error) {
    throw reading.failure(error);
  }
  const { object, strictErrors: strict } = read;
  if (reading.kind !== kind) {
    // What all groups share is of one package.
    const short = expected.registered ? "v1" : reading.version.slice(reading.version.indexOf("/") + 1);
    const home = expected.registered ? "v1" : internalPackage(groupVersionOf(apiVersion).group);
    throw reading.refusal(`converting (${short}.${reading.kind}) to (${home}.${kind}): unknown conversion`);
  }
  const misread = expected.misread?.(object);
  if (misread !== undefined) throw reading.refusal(misread);
  if (validation !== "Ignore" && strict.length) {
    if (validation === "Strict") throw reading.refusal(`strict decoding error: ${strict.join(", ")}`);
    warnStrictly(call, strict);
  }
  if (reading.isOther) throw badRequest(`the API version in the data (${reading.givenVersion}) does not match the expected API version (${apiVersion})`);
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

const expectations = new WeakMap<Endpoint, Expected>();

function expectedOf(endpoint: Endpoint): Expected {
  let expected = expectations.get(endpoint);
  if (!expected) {
    const { kind, def, apiVersion, type } = endpoint;
    expected = { kind: def.kind, apiVersion, type, misread: (object) => kind.misread?.(object as unknown as KubeObject) };
    expectations.set(endpoint, expected);
  }
  return expected;
}

/** The body as an object in the version that is stored, defaults applied. A promise only where it has not come yet, or a webhook converts. */
export function decodeObject(call: Call, validation: FieldValidation): KubeObject | Promise<KubeObject> {
  const { endpoint } = call;
  if (endpoint.custom) return decodeCustom(call, endpoint.custom, validation);
  const decode = (bytes: Uint8Array | undefined): KubeObject => toStored(endpoint, typedOf(call, expectedOf(endpoint), validation, bytes));
  const body = bodyOf(call.request);
  return body instanceof Promise ? body.then(decode) : decode(body);
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

/** Marks an object that got no defaults: it gets them when it comes back from storage. */
export const undefaulted = Symbol("undefaulted");

export interface Completed {
  object: KubeObject;
  /** It holds what `storedForm` may not keep (empty lists or maps, fractions of seconds), or lacks what that gives it. */
  empties: boolean;
}

/**
 * In Go's order, with every field that is always written: what validation judges. Fields that strategies have set to undefined
 * are left out. `spec`: what its specification comes to, where that is known.
 */
export function complete({ hubType, custom }: Endpoint, object: KubeObject, spec?: object): Completed {
  if (custom) return { object: custom.settled(object), empties: false };
  const value = (spec ? { ...object, spec: {} } : object) as unknown as JSONObject;
  // Decoding has left no null where a time may be absent but those that storage had.
  const context = { ...contextOf("kept"), zeroTimes: true };
  const made = tryNormalize(hubType, value, context) ?? normalize(hubType, value, "kept").object;
  if (spec) made.spec = spec as JSONObject;
  return { object: made as unknown as KubeObject, empties: context.kept || undefaulted in object };
}

/** What is stored has been completed: strategies that put its specification back leave nothing to be done to it. */
export function keptSpec({ spec }: KubeObject & { spec?: unknown }, old: KubeObject & { spec?: unknown }): object | undefined {
  return typeof spec === "object" && spec !== null && spec === old.spec ? spec : undefined;
}

/** As the object comes back from storage: what the cache takes. */
export function storedForm(endpoint: Endpoint, { object, empties }: Completed): KubeObject {
  if (!empties) return object;
  const how = storedAsJSON.has(endpoint.groupResource) ? "written" : "stored";
  const { hubType, hubKind } = endpoint;
  const made = normalize(hubType, object as unknown as JSONObject, how).object as unknown as KubeObject;
  if (!hubKind.setDefaults) return made;
  hubKind.setDefaults(made);
  return tryNormalize(hubType, made as unknown as JSONObject, { ...contextOf(how), zeroTimes: true }) as unknown as KubeObject;
}

/** As Go writes it to a client without having stored it. */
export function writtenForm(endpoint: Endpoint, { object, empties }: Completed): KubeObject {
  return empties ? (normalize(endpoint.hubType, object as unknown as JSONObject, "written").object as unknown as KubeObject) : object;
}

/** Both at once, for what needs no judgement. */
export const finish = (endpoint: Endpoint, object: KubeObject): KubeObject => storedForm(endpoint, complete(endpoint, object));
