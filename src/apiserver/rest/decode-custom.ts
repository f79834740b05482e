/** Bodies to custom resources: no type is known but what the definition's schema says (apiextensions-apiserver/pkg/apiserver/customresource_handler.go). */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { unidentified } from "../../api/codec/cbor-typed.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { decodeObject as decodeBytes, sniffJSON, unknownKind } from "../../api/codec/decode.ts";
import { kindOfValue } from "../../api/codec/scalars.ts";
import { parseYAML } from "../../api/codec/yaml.ts";
import { encodeJSONString } from "../../api/codec/json.ts";
import { deepCopy } from "../../api/copy.ts";
import { goQuote } from "../../api/go-quote.ts";
import { groupVersionText, parseGroupVersion, unexpectedGroupVersion } from "../../api/group-version.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { badRequest, StatusError } from "../../api/status.ts";
import { readBody } from "../http/body.ts";
import type { Call } from "./call.ts";
import { bodyMedia, contentTypes, type Media } from "./negotiate.ts";
import { warnStrictly } from "./strict-warnings.ts";
import { unrecognized } from "./unrecognized.ts";
import type { FieldValidation } from "./options.ts";

/** Said of a custom resource without a version, wherever upstream wants to know its kind (crdserverscheme.UnstructuredObjectTyper). */
export const versionMissing = "Object 'apiVersion' is missing in 'object has no apiVersion field'";

const readable: ReadonlySet<Media> = new Set(["json", "yaml", "cbor"]);

/** Pruned, with defaults, in the version of the request. Throws 400 and 415. */
export async function decodeCustom(call: Call, custom: CustomVersion, validation: FieldValidation): Promise<KubeObject> {
  const { request } = call;
  let bytes: Uint8Array | undefined;
  /** Text as it came, or the JSON that YAML was made; otherwise what was made of it. */
  let given = (): string => encodeJSONString(object);
  let object: JSONObject;
  let strict: string[] = [];
  const refuse = (kind: string, version: string, why: string, wanted = custom.kind): never => {
    if (kind) throw badRequest(`${kind} in version ${goQuote(version.slice(version.indexOf("/") + 1))} cannot be handled as a ${wanted}: ${why}`);
    throw unrecognized(custom.kind, why, bytes);
  };
  if (request.object !== undefined) object = deepCopy(request.object) as JSONObject;
  else {
    const media = bodyMedia(request);
    if (!readable.has(media))
      throw new StatusError({
        code: 415,
        reason: "UnsupportedMediaType",
        message: `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`,
      });
    bytes = await readBody(request);
    const body = bytes;
    if (media === "json" || (media === "yaml" && validation !== "Ignore")) given = () => Buffer.from(body).toString();
    else if (media === "yaml") given = () => encodeJSONString(parseYAML(body).value);
    const sniff = (given: Uint8Array): void => {
      try {
        sniffJSON(given);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        refuse("", "", error.message);
      }
    };
    try {
      // YAML is asked what it is first.
      ({ object, strictErrors: strict } = decodeBytes(bytes, contentTypes[media], media === "yaml" ? () => undefined : undefined));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if (media === "cbor") return refuse("", "", error.syntax ? `${unidentified}${error.message}` : error.message);
      if (error.syntax !== (media === "yaml")) return refuse("", "", `${unknownKind}${error.message}`);
      if (media === "yaml") return refuse("", "", error.message);
      sniff(bytes);
      return refuse("", "", error.message);
    }
  }
  const text = (name: string): string => {
    const value = object[name];
    if (value === undefined || value === null) return "";
    if (typeof value === "string") return value;
    return refuse("", "", `${unknownKind}json: cannot unmarshal ${kindOfValue(value)} into Go struct field .${name} of type string`);
  };
  const kind = text("kind");
  const apiVersion = text("apiVersion");
  // Who looks at repeated keys reads the body himself, and has not yet heard which kind is meant.
  if (kind === "") refuse(validation === "Ignore" ? custom.kind : "", apiVersion || custom.apiVersion, `Object 'Kind' is missing in '${given()}'`);
  if (request.object !== undefined && !apiVersion) object.apiVersion = custom.apiVersion;
  const version = parseGroupVersion(apiVersion);
  if (!version) return refuse("", "", unexpectedGroupVersion(apiVersion));
  try {
    strict.push(...(call.endpoint.versions?.get(object.apiVersion as string) ?? custom).coerce(object).map((path) => `unknown field "${path}"`));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    refuse(kind, apiVersion, error.message);
  }
  if (validation !== "Ignore" && strict.length) {
    // What was to be filled has been by then, its kind among it.
    if (validation === "Strict" && apiVersion !== "" && version.version === "") throw badRequest(versionMissing);
    if (validation === "Strict") refuse(kind, apiVersion, `strict decoding error: ${strict.join(", ")}`, kind);
    warnStrictly(call, strict);
  }
  if (object.apiVersion !== custom.apiVersion)
    throw badRequest(`the API version in the data (${groupVersionText(version)}) does not match the expected API version (${custom.apiVersion})`);
  custom.setDefaults(object);
  call.audit?.requestObject(object);
  object.metadata ??= {};
  return object as unknown as KubeObject;
}
