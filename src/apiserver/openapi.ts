/** /openapi/v2 and /openapi/v3 with their hashes (k8s.io/kube-openapi/pkg/handler, handler3). Each document is encoded once. */
import { createHash } from "node:crypto";
import { clausesOf } from "../api/accept.ts";
import { stringify } from "../api/codec/json.ts";
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { openapiV2 } from "../api/openapi/v2.ts";
import { encodeSwagger } from "../api/openapi/v2-protobuf.ts";
import { openapiV3, openapiV3Index, type Served } from "../api/openapi/v3.ts";
import { encodeOpenAPI } from "../api/openapi/v3-protobuf.ts";

const encoded = new WeakMap<object, Uint8Array>();
function bytesOf(document: object): Uint8Array {
  const known = encoded.get(document);
  if (known) return known;
  const bytes = Buffer.from(stringify(document));
  encoded.set(document, bytes);
  return bytes;
}

const json: Readonly<Record<string, string>> = { "content-type": "application/json", "cache-control": "no-cache, private", vary: "Accept" };

/** What a document is called in protobuf, and what it was called once. */
const protobufForms = (version: string): [string, string] =>
  [".", "@"].map((at) => `com.github.proto-openapi.spec.${version}${at}v1.0+protobuf`) as [string, string];
const v2Forms = protobufForms("v2");
const v3Forms = protobufForms("v3");

const wishes = ({ headers }: ApiRequest): ReturnType<typeof clausesOf> => clausesOf(headers.accept || "*/*");

/** The first of the client's wishes that can be met, best first; undefined where none can. */
function wanted(request: ApiRequest, protobuf: readonly string[]): "json" | "protobuf" | undefined {
  if (request.asObject) return "json";
  for (const { type } of wishes(request)) {
    const [kind, form = ""] = type.split("/");
    if (kind !== "application" && kind !== "*") continue;
    if (form === "json" || form === "*") return "json";
    if (protobuf.includes(form)) return "protobuf";
  }
  return undefined;
}

const hashes = new WeakMap<Uint8Array, string>();
function hashOf(bytes: Uint8Array): string {
  const hash = hashes.get(bytes) ?? createHash("sha512").update(bytes).digest("hex").toUpperCase();
  hashes.set(bytes, hash);
  return hash;
}

/** /openapi/v2 in the form that the client wants. What cannot be served is refused without a word, as upstream does. */
export function respondSwagger(request: ApiRequest, made: { json(): Uint8Array; protobuf(): Uint8Array }): ApiResponse {
  const vary = "Accept-Encoding, Accept";
  const form = wanted(request, v2Forms);
  if (!form) return { status: 406, headers: { vary } };
  const body = made[form]();
  const response = tagged(request, body, hashOf(body));
  const headers: Record<string, string> = { ...response.headers, vary };
  if (form === "protobuf") headers["content-type"] = `application/${v2Forms[0]}`;
  return { ...response, headers };
}

/** /openapi/v3: nobody looks at what the client accepts, and upstream takes what it writes for text. */
export function respondIndex(request: ApiRequest, index: object, body: Uint8Array = Buffer.from(JSON.stringify(index))): ApiResponse {
  if (request.asObject) return { status: 200, headers: {}, object: index };
  return { status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

/** What definitions add to the documents of the built-in kinds; objects and bytes are the same as long as the documents are. */
export interface AddedOpenAPI {
  index(): Record<string, { serverRelativeURL: string }>;
  document(path: string): Uint8Array | undefined;
  swagger(): object;
}

const inProtobuf = new WeakMap<object, Uint8Array>();

function swagger(request: ApiRequest, document: object): ApiResponse {
  return respondSwagger(request, {
    json: () => bytesOf(document),
    protobuf() {
      const bytes = inProtobuf.get(document) ?? encodeSwagger(document as Record<string, unknown>);
      inProtobuf.set(document, bytes);
      return bytes;
    },
  });
}

/** `bytes`: the document in JSON, the same as long as it is the same. */
function inProtobufV3(bytes: Uint8Array): Uint8Array {
  const made = inProtobuf.get(bytes) ?? encodeOpenAPI(JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>);
  inProtobuf.set(bytes, made);
  return made;
}

/** Said with nothing, whatever the client accepts. */
const noDocument = (): ApiResponse => ({ status: 404, headers: {} });

/** When what is asked for by its hash may be forgotten. */
function inAYear(now: number): string {
  const then = new Date(now);
  then.setUTCFullYear(then.getUTCFullYear() + 1);
  return then.toUTCString();
}

/** `path` begins with /openapi/; `served` are the built-in resources; `now` in milliseconds. */
export function openapi(request: ApiRequest, path: string, served: Served, now: () => number, added?: AddedOpenAPI): ApiResponse {
  if (path === "/openapi/v2") return swagger(request, added?.swagger() ?? openapiV2(served));
  const own = openapiV3Index(served);
  const { paths } = added ? { paths: added.index() } : own;
  if (path === "/openapi/v3") return paths === own.paths ? respondIndex(request, own, bytesOf(own)) : respondIndex(request, { paths });
  const name = path.slice("/openapi/v3/".length);
  const url = paths[name]?.serverRelativeURL;
  if (url === undefined) return noDocument();
  // Who wishes for nothing that can be read as a wish gets nothing.
  if (!request.asObject && !wishes(request).length) return { status: 200, headers: {} };
  const form = wanted(request, v3Forms);
  if (!form) return { status: 406, headers: { vary: "Accept" } };
  const typed = form === "json" ? json : { ...json, "content-type": `application/${v3Forms[0]}` };
  const hash = url.slice(url.indexOf("hash=") + 5);
  const asked = request.query.get("hash");
  if (asked && asked !== hash) return { status: 301, headers: { ...typed, location: url, etag: `"${hash}"` } };
  const document = openapiV3(name, served);
  const body = document ? bytesOf(document) : added?.document(name);
  if (!body) return noDocument();
  const response = tagged(request, form === "json" ? body : inProtobufV3(body), hash);
  response.headers = { ...response.headers, "content-type": typed["content-type"] as string };
  if (asked) response.headers = { ...response.headers, "cache-control": "public, immutable", expires: inAYear(now()) };
  return response;
}

function tagged(request: ApiRequest, body: Uint8Array, hash: string): ApiResponse {
  const headers = { ...json, etag: `"${hash}"` };
  if (request.asObject) return { status: 200, headers, object: JSON.parse(Buffer.from(body).toString("utf8")) as object };
  if (request.headers["if-none-match"] === headers.etag) return { status: 304, headers };
  return { status: 200, headers, body };
}
