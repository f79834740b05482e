/** Conversion by a webhook (apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go). Messages are upstream's. */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { encodeJSON, parseJSON, sortKeys } from "../../api/codec/json.ts";
import { parseYAML } from "../../api/codec/yaml.ts";
import { groupVersionOf, kindText } from "../../api/group-version.ts";
import { goQuote } from "../../api/go-quote.ts";
import { isMap, type JSONObject, type JSONValue, textOf } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { internalError, StatusError } from "../../api/status.ts";
import type { CustomResourceDefinition, WebhookClientConfig } from "../../api/types/apiextensions-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { Misconfigured, type WebhookClient } from "../admission/webhooks/client.ts";
import { Unreachable } from "../outside/post.ts";
import { refuseStatus } from "../outside/refuse-status.ts";
import type { ConversionFailure, ConversionSeries } from "../metrics/conversion.ts";
import { Unroutable } from "../service-resolver.ts";
import { misconverted, restoreMetadata } from "./conversion-answer.ts";
import { type Converter, renaming } from "./converter.ts";

export interface WebhookConverterOptions {
  client: Pick<WebhookClient, "call">;
  clock: Clock;
  random: Random;
  series?: ConversionSeries;
}

const group = "apiextensions.k8s.io";
const reviewVersions = new Set([`${group}/v1`, `${group}/v1beta1`]);
/** Seconds. */
const patience = 30;
const never = new AbortController().signal;

class Failure extends Error {
  readonly type: ConversionFailure;
  constructor(type: ConversionFailure, message: string) {
    super(message);
    this.type = type;
  }
}

/** Of which nothing is left but its kind, in the midst of an apply: no webhook is asked of it. */
const isEmpty = (object: KubeObject): boolean => Object.keys(object).length === 2 && object.apiVersion !== undefined && object.kind !== undefined;

/** With whitespace alone, there is no bundle. */
function configOf(definition: CustomResourceDefinition): WebhookClientConfig {
  const { caBundle, ...config } = definition.spec.conversion?.webhook?.clientConfig ?? {};
  return caBundle && Buffer.from(caBundle, "base64").toString("latin1").trim() ? { ...config, caBundle } : config;
}

export class WebhookConverter implements Converter {
  readonly #options: WebhookConverterOptions;
  readonly #definition: string;
  readonly #config: WebhookClientConfig;
  readonly #version: string | undefined;

  constructor(definition: CustomResourceDefinition, options: WebhookConverterOptions) {
    this.#options = options;
    this.#definition = definition.metadata.name;
    this.#config = configOf(definition);
    this.#version = definition.spec.conversion?.webhook?.conversionReviewVersions.find((version) => version === "v1" || version === "v1beta1");
  }

  async convert(objects: readonly KubeObject[], to: CustomVersion): Promise<KubeObject[]> {
    const given = objects.filter(({ apiVersion }) => apiVersion !== to.apiVersion);
    if (!given.length) return [...objects];
    if (objects.length === 1 && isEmpty(objects[0] as KubeObject)) return renaming.convert(objects, to);
    const { clock, series } = this.#options;
    const started = clock.monotonic();
    let failure: unknown;
    try {
      const converted = await this.#ask(given, to);
      let next = 0;
      return objects.map((object) => (object.apiVersion === to.apiVersion ? object : (converted[next++] as KubeObject)));
    } catch (error) {
      failure = error;
      if (error instanceof Failure) throw new StatusError({ code: 500, message: error.message });
      throw error;
    } finally {
      const seconds = (clock.monotonic() - started) / 1000;
      const from = groupVersionOf(textOf(given[0]?.apiVersion)).version;
      series?.converted(
        { definition: this.#definition, from, to: to.name },
        failure instanceof Failure ? failure.type : undefined,
        failure === undefined,
        seconds,
      );
    }
  }

  async #ask(objects: readonly KubeObject[], to: CustomVersion): Promise<KubeObject[]> {
    const version = this.#version;
    if (!version) throw new StatusError({ code: 500, message: "no supported conversion review versions" });
    const first = objects[0] as KubeObject;
    const whole = objects.length === 1 ? kindText(first.apiVersion ?? "", first.kind ?? "") : kindText(to.apiVersion, to.listKind);
    const name = `conversion webhook for ${whole}`;
    const uid = this.#options.random.uuid();
    const apiVersion = `${group}/${version}`;
    const body = encodeJSON({
      kind: "ConversionReview",
      apiVersion,
      request: { uid, desiredAPIVersion: to.apiVersion, objects: sortKeys(objects as unknown as JSONValue) },
      response: { uid: "", convertedObjects: null, result: { metadata: {} } },
    });
    const answer = await this.#send(body, name);
    const converted = read(answer, { apiVersion, uid: version === "v1" ? uid : undefined, name });
    if (converted.length !== objects.length)
      throw new Failure("conversion_webhook_partial_response_failure", `${name} returned ${converted.length} objects, expected ${objects.length}`);
    return converted.map((value, i) => this.#judge(objects[i] as KubeObject, value, to, { name, index: objects.length > 1 ? i : undefined }));
  }

  async #send(body: Uint8Array, name: string): Promise<JSONObject> {
    const failed = (why: string): Failure => new Failure("conversion_webhook_call_failure", `${name} failed: ${why}`);
    try {
      const answer = await this.#options.client.call(this.#config, body, patience, never);
      refuseStatus(answer);
      if (!answer.body.length)
        throw failed(`0-length response with status code: ${answer.status} and content type: ${answer.contentType || "application/json"}`);
      const value = parsed(answer.body, this.#version as string);
      return value;
    } catch (error) {
      if (error instanceof Misconfigured) throw internalError("error resolving resource");
      if (error instanceof Unreachable || error instanceof Unroutable || error instanceof StatusError || error instanceof DecodeError)
        throw failed(error.message);
      throw error;
    }
  }

  #judge(original: KubeObject, value: JSONValue, to: CustomVersion, { name, index }: { name: string; index: number | undefined }): KubeObject {
    const listed = index !== undefined;
    const failed = (words: string): Failure => new Failure("conversion_webhook_invalid_converted_object_failure", words);
    const at = listed ? `returned invalid converted object at index ${index}` : "returned invalid object at index 0";
    if (!isMap(value) || !textOf(value.kind)) {
      const why = isMap(value)
        ? `Object 'Kind' is missing in '${asAnswered(value)}'`
        : value === null
          ? "unexpected end of JSON input"
          : `json: cannot unmarshal ${goName(value)} into Go value of type map[string]interface {}`;
      throw failed(listed ? `${name} ${at}: ${why}` : why);
    }
    const version = textOf(value.apiVersion);
    if (version !== to.apiVersion) throw failed(`${name} ${at}: invalid groupVersion (expected ${to.apiVersion}, received ${version})`);
    if (value.kind !== original.kind) throw failed(`${name} ${at}: invalid kind (expected ${original.kind}, received ${textOf(value.kind)})`);
    const before = original as unknown as JSONObject;
    const differs = misconverted(before, value);
    if (differs) throw failed(`${name} ${listed ? at : "returned invalid object"}: ${differs}`);
    const wrong = restoreMetadata(before, value);
    if (wrong) throw failed(`${name} returned invalid metadata${listed ? ` in object at index ${index}` : ""}: ${wrong}`);
    return value as unknown as KubeObject;
  }
}

/** Without the escapes that Go would make: nobody has written it anew. */
const asAnswered = (value: JSONObject): string => JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? exactly(item) : item));
/** As JSON has it, whatever numbers JavaScript holds. */
const exactly = (value: bigint): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));

/** Of what is no object, in messages of Go's decoder. */
const goName = (value: JSONValue): string =>
  Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value === "bigint" ? "number" : typeof value;
const openBrace = 0x7b;
const holder = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

const nameless = "couldn't get version/kind; json parse error: ";

function readJSON(body: Uint8Array): JSONValue {
  try {
    return parseJSON(body).value;
  } catch (error) {
    if (error instanceof DecodeError) throw new DecodeError(nameless + error.message);
    throw error;
  }
}

/** JSON, or YAML where it does not begin as JSON does. Throws DecodeError. */
function parsed(body: Uint8Array, asked: string): JSONObject {
  const value = body[0] === openBrace ? readJSON(body) : (parseYAML(body).value as JSONValue);
  if (value === null) return {};
  if (!isMap(value)) {
    throw new DecodeError(`${nameless}json: cannot unmarshal ${goName(value)} into Go value of type ${holder}`);
  }
  const kind = textOf(value.kind) || "ConversionReview";
  const apiVersion = textOf(value.apiVersion) || `${group}/${asked}`;
  if (kind !== "ConversionReview" || !reviewVersions.has(apiVersion))
    throw new DecodeError(`no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`);
  const version = apiVersion.slice(group.length + 1);
  if (version !== asked) throw new DecodeError(`converting (${version}.${kind}) to (${asked}.${kind}): unknown conversion`);
  return value;
}

/** The objects that were converted. Throws Failure. */
function read(review: JSONObject, { apiVersion, uid, name }: { apiVersion: string; uid: string | undefined; name: string }): JSONValue[] {
  const failed = (why: string): Failure => new Failure("conversion_webhook_malformed_response_failure", `${name} failed: ${why}`);
  const got = kindText(textOf(review.apiVersion), textOf(review.kind));
  const expected = kindText(apiVersion, "ConversionReview");
  if (uid !== undefined && got !== expected) throw failed(`expected webhook response of ${expected}, got ${got}`);
  const { response } = review;
  if (!isMap(response)) throw failed("no response provided");
  const answered = textOf(response.uid);
  if (uid !== undefined && answered !== uid) throw failed(`expected response.uid=${goQuote(uid)}, got ${goQuote(answered)}`);
  const result = isMap(response.result) ? response.result : {};
  if (result.status !== "Success") throw failed(textOf(result.message) || `response.result.status was '${textOf(result.status)}', not 'Success'`);
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : [];
}

export const converterOf = (definition: CustomResourceDefinition, options: WebhookConverterOptions): Converter =>
  definition.spec.conversion?.strategy === "Webhook" ? new WebhookConverter(definition, options) : renaming;
