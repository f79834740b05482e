/** /openapi/v2 and /openapi/v3 with their hashes (k8s.io/kube-openapi/pkg/handler, handler3). Each document is encoded once. */
import { createHash } from "node:crypto";
import { stringify } from "../api/codec/json.ts";
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { openapiV2 } from "../api/openapi/v2.ts";
import { encodeSwagger } from "../api/openapi/v2-protobuf.ts";
import { openapiV3, openapiV3Index, type Served } from "../api/openapi/v3.ts";
import { notAcceptable } from "../api/status.ts";

const encoded = new WeakMap<object, Uint8Array>();
function bytesOf(document: object): Uint8Array {
  const known = encoded.get(document);
  if (known) return known;
  const bytes = Buffer.from(stringify(document));
  encoded.set(document, bytes);
  return bytes;
}

const json: Readonly<Record<string, string>> = { "content-type": "application/json", "cache-control": "no-cache, private", vary: "Accept" };

const protobufTypes = ["application/com.github.proto-openapi.spec.v2.v1.0+protobuf", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"];

/** The first of the client's wishes that can be met, best first. Throws 406 where none can. */
function wanted(request: ApiRequest, protobuf: boolean): "json" | "protobuf" {
  const { accept } = request.headers;
  if (!accept || request.asObject) return "json";
  const clauses = accept.split(",").map((clause) => {
    const [type = "", ...parameters] = clause.split(";").map((part) => part.trim());
    return { type, q: Number(parameters.find((one) => one.startsWith("q="))?.slice(2) ?? 1) };
  });
  for (const { type } of clauses.sort((a, b) => b.q - a.q)) {
    if (type === "application/json" || type === "application/*" || type === "*/*") return "json";
    if (protobuf && protobufTypes.includes(type)) return "protobuf";
  }
  throw notAcceptable("406: Not Acceptable\n\nAvailable representations: application/json");
}

const hashes = new WeakMap<Uint8Array, string>();
function hashOf(bytes: Uint8Array): string {
  const hash = hashes.get(bytes) ?? createHash("sha512").update(bytes).digest("hex").toUpperCase();
  hashes.set(bytes, hash);
  return hash;
}

/** /openapi/v2 in the form that the client wants. Throws 406. */
export function respondSwagger(request: ApiRequest, made: { json(): Uint8Array; protobuf(): Uint8Array }): ApiResponse {
  const form = wanted(request, true);
  const body = made[form]();
  const response = tagged(request, body, hashOf(body));
  if (form === "json") return response;
  return { ...response, headers: { ...response.headers, "content-type": protobufTypes[0] as string } };
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

/** Said with nothing, whatever the client accepts. */
const noDocument = (): ApiResponse => ({ status: 404, headers: {} });

/** `path` begins with /openapi/; `served` are the built-in resources. */
export function openapi(request: ApiRequest, path: string, served: Served, added?: AddedOpenAPI): ApiResponse {
  if (path === "/openapi/v2") return swagger(request, added?.swagger() ?? openapiV2(served));
  const own = openapiV3Index(served);
  const { paths } = added ? { paths: added.index() } : own;
  if (path !== "/openapi/v3" && !paths[path.slice("/openapi/v3/".length)]) return noDocument();
  wanted(request, false);
  if (path === "/openapi/v3") {
    if (request.asObject) return { status: 200, headers: {}, object: { paths } };
    if (paths === own.paths) return { status: 200, headers: { ...json }, body: bytesOf(own) };
    return { status: 200, headers: { ...json }, body: Buffer.from(JSON.stringify({ paths })) };
  }
  const name = path.slice("/openapi/v3/".length);
  const url = paths[name]?.serverRelativeURL;
  if (url === undefined) return noDocument();
  const hash = url.slice(url.indexOf("hash=") + 5);
  const asked = request.query.get("hash");
  if (asked && asked !== hash) return { status: 301, headers: { ...json, location: url, etag: `"${hash}"` } };
  const document = openapiV3(name, served);
  const body = document ? bytesOf(document) : added?.document(name);
  if (!body) return noDocument();
  const response = tagged(request, body, hash);
  if (asked) response.headers = { ...response.headers, "cache-control": "public, immutable" };
  return response;
}

function tagged(request: ApiRequest, body: Uint8Array, hash: string): ApiResponse {
  const headers = { ...json, etag: `"${hash}"` };
  if (request.asObject) return { status: 200, headers, object: JSON.parse(Buffer.from(body).toString("utf8")) as object };
  if (request.headers["if-none-match"] === headers.etag) return { status: 304, headers };
  return { status: 200, headers, body };
}
