/** Objects to answers: stored bytes where they serve, otherwise the form that was negotiated. */
import { encodeJSON } from "../../api/codec/json.ts";
import { protobufFromJSON } from "../../api/codec/protobuf-from-json.ts";
import { deepCopy } from "../../api/copy.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import type { StatusError } from "../../api/status.ts";
import type { Status } from "../../api/types/meta-v1.gen.ts";
import type { Stored } from "../../cache/cache.ts";
import type { Call, Endpoint } from "./call.ts";
import { contentTypes, type Form } from "./negotiate.ts";
import { checkForm, partial, tableOf } from "./table.ts";
import { encodeCBOR, encodeProtobuf, encodeYAML } from "./wire.ts";

const common = { "cache-control": "no-cache, private" };

/** Something is stored that is not shown. */
export function isConcealed({ hubKind }: Endpoint, stored: Stored): boolean {
  const { conceals } = hubKind;
  return conceals !== undefined && stored.fields[conceals.field] === conceals.value;
}

function concealed({ hubKind }: Endpoint, object: KubeObject): KubeObject {
  const shown = deepCopy(object);
  hubKind.conceal?.(shown);
  return shown;
}

/** An object as a client of this version sees it. */
export function served(endpoint: Endpoint, stored: Stored): KubeObject {
  const object = isConcealed(endpoint, stored) ? concealed(endpoint, stored.object()) : stored.object();
  return endpoint.conversion ? endpoint.conversion.fromHub(object) : object;
}

export function encodeAs(form: Form, value: object): Uint8Array {
  if (form.media === "protobuf") return encodeProtobuf(value);
  if (form.media === "yaml") return encodeYAML(value);
  if (form.media === "cbor") return encodeCBOR(value);
  return form.pretty ? Buffer.from(JSON.stringify(value, (_, v) => (typeof v === "bigint" ? Number(v) : v), 2)) : encodeJSON(value);
}

interface Answering {
  request: { asObject?: boolean };
  form: Form;
  warnings: string[];
  /** Told of objects whose bytes are not JSON. */
  audit?: { readonly wantsResponse: boolean; responseObject(object: object): void };
}

/** Any object that is not stored: Status, Scale, TokenRequest, discovery. */
export function respondObject(call: Answering, status: number, value: object): ApiResponse {
  if (call.form.media !== "json" && call.audit?.wantsResponse) call.audit.responseObject(value);
  if (call.request.asObject) return { status, headers: {}, warnings: call.warnings, object: value };
  return {
    status,
    headers: { ...common, "content-type": contentTypes[call.form.media] },
    warnings: call.warnings,
    body: encodeAs(call.form, value),
  };
}

/** `bare`: nothing is concealed. */
export function respondStored(call: Call, status: number, stored: Stored, bare = false): ApiResponse {
  const { form, endpoint, info } = call;
  const hides = isConcealed(endpoint, stored);
  // Who comes by the status sees what is stored.
  if (hides && (bare || info.subresource === "status")) return respondKube(call, status, stored.object());
  // An audit that keeps answers is told of objects.
  const body = call.request.asObject || (form.media !== "json" && call.audit?.wantsResponse) ? undefined : storedAs(form, endpoint, stored);
  if (!body) return respondKube(call, status, served(endpoint, stored));
  return { status, headers: { ...common, "content-type": contentTypes[form.media] }, warnings: call.warnings, body };
}

/** What is stored, in a form for which no object has to be made; undefined where one must be. */
export function storedAs({ media, as, pretty }: Form, endpoint: Endpoint, stored: Stored): Uint8Array | undefined {
  if (as || pretty || endpoint.conversion || isConcealed(endpoint, stored)) return undefined;
  if (media === "json") return stored.bytes;
  if (media !== "protobuf" || endpoint.custom) return undefined;
  return protobufFromJSON(endpoint.type, stored.bytes, endpoint.apiVersion, endpoint.def.kind);
}

/** An object of the endpoint's kind, in the served version. */
export function respondKube(call: Call, status: number, object: KubeObject): ApiResponse {
  const { as } = call.form;
  if (as) checkForm(call, false);
  if (as === "Table") return respondObject(call, status, tableOf(call, [object], { resourceVersion: object.metadata.resourceVersion }));
  if (as === "PartialObjectMetadata") return respondObject(call, status, partial(call.form, object));
  return respondObject(call, status, object);
}

/** What a write gave: stored, or made by a dry run, in the stored version. */
export interface Outcome {
  object: KubeObject;
  stored?: Stored;
  /** Nothing of it is concealed. */
  bare?: boolean;
}

export function respondOutcome(call: Call, status: number, outcome: Outcome): ApiResponse {
  if (outcome.stored) return respondStored(call, status, outcome.stored, outcome.bare);
  const { conversion, hubKind } = call.endpoint;
  const object = hubKind.conceal && !outcome.bare && call.info.subresource !== "status" ? concealed(call.endpoint, outcome.object) : outcome.object;
  return respondKube(call, status, conversion ? conversion.fromHub(object) : object);
}

export function respondError(error: StatusError, request: { asObject?: boolean }, form: Form | undefined, warnings: string[] = []): ApiResponse {
  const plain: Form = form ? { media: form.media, pretty: form.pretty } : { media: "json", pretty: false };
  const response = respondObject({ request, form: plain, warnings }, error.code, error.status);
  const retry = error.status.details?.retryAfterSeconds;
  if (retry) response.headers["retry-after"] = String(retry);
  return response;
}

/** `kind` is the resource's name, as upstream has it in a deletion's answer. */
export function deletedStatus(endpoint: Endpoint, name: string, uid: string): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(endpoint.def.group ? { group: endpoint.def.group } : {}), kind: endpoint.def.resource, uid },
  } as Status;
}
