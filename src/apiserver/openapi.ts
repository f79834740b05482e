/** /openapi/v2 and /openapi/v3 with their hashes (k8s.io/kube-openapi/pkg/handler, handler3). Each document is encoded once. */
import { createHash } from "node:crypto";
import type { ApiRequest, ApiResponse } from "../api/exchange.ts";
import { openapiV2 } from "../api/openapi/v2.ts";
import { openapiV3, openapiV3Index } from "../api/openapi/v3.ts";
import { notAcceptable } from "../api/status.ts";

const encoded = new Map<string, Uint8Array>();
function bytesOf(path: string, make: () => object | undefined): Uint8Array | undefined {
  const known = encoded.get(path);
  if (known) return known;
  const document = make();
  if (!document) return undefined;
  const bytes = Buffer.from(JSON.stringify(document));
  encoded.set(path, bytes);
  return bytes;
}

const json = { "content-type": "application/json", "cache-control": "no-cache, private", vary: "Accept" };

function wantsJson(request: ApiRequest): void {
  const accept = request.headers.accept;
  if (accept && !/application\/json|application\/\*|\*\/\*/.test(accept))
    throw notAcceptable("406: Not Acceptable\n\nAvailable representations: application/json");
}

/** `path` begins with /openapi/. Undefined for what is no document. */
export function openapi(request: ApiRequest, path: string): ApiResponse | undefined {
  wantsJson(request);
  if (path === "/openapi/v2") {
    const body = bytesOf(path, openapiV2) as Uint8Array;
    return tagged(request, body, createHash("sha512").update(body).digest("hex").toUpperCase());
  }
  if (path === "/openapi/v3") {
    if (request.asObject) return { status: 200, headers: {}, object: openapiV3Index() };
    return { status: 200, headers: json, body: bytesOf(path, openapiV3Index) as Uint8Array };
  }
  const name = path.slice("/openapi/v3/".length);
  const url = openapiV3Index().paths[name]?.serverRelativeURL;
  if (url === undefined) return undefined;
  const hash = url.slice(url.indexOf("hash=") + 5);
  const asked = request.query.get("hash");
  if (asked && asked !== hash) return { status: 301, headers: { ...json, location: url, etag: `"${hash}"` } };
  const body = bytesOf(path, () => openapiV3(name));
  if (!body) return undefined;
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
