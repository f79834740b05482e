/**
 * What others need to verify service account tokens: /.well-known/openid-configuration and /openid/v1/jwks
 * (pkg/serviceaccount/openidmetadata.go, OpenID Connect Discovery 1.0).
 */
import type { ApiRequest, ApiResponse } from "../../../api/exchange.ts";
import { notAcceptable } from "../../../api/status.ts";
import { trimEnd } from "../../../base/trim.ts";
import { decode } from "../../request-info.ts";
import { methodNotAllowed, noSuchResource } from "../../router.ts";
import { jsonWebKey, type KeySource, type VerificationKey } from "../../authentication/service-account-keys.ts";

export const openIdConfigurationPath = "/.well-known/openid-configuration";
export const keySetPath = "/openid/v1/jwks";

export interface OpenIdOptions {
  issuer: string;
  /** Where the keys are served; absent: at `externalAddress`. */
  jwksUri?: string;
  /** host:port by which clients reach this server. */
  externalAddress: string;
  keys: KeySource;
}

export interface OpenIdDocument {
  contentType: string;
  /** Both as they are now. */
  readonly cacheControl: string;
  readonly body: Uint8Array;
}

/** Undefined elsewhere. Throws StatusError: 404 below a document, 405 for who does anything but GET, 406 for who takes something else only. */
export function answerOpenId(request: ApiRequest, documents: ReadonlyMap<string, OpenIdDocument>): ApiResponse | undefined {
  const path = trimEnd(decode(request.path), "/");
  for (const [root, document] of documents) {
    if (path === root) return answer(request, document);
    if (path.startsWith(`${root}/`)) throw noSuchResource();
  }
  return undefined;
}

function answer({ method, headers }: ApiRequest, document: OpenIdDocument): ApiResponse {
  if (method !== "GET") throw methodNotAllowed();
  const { contentType, cacheControl, body } = document;
  const wanted = (headers.accept || "*/*").split(",").map((range) => range.split(";", 1)[0]?.trim());
  if (!wanted.some((range) => range === "*/*" || range === contentType))
    throw notAcceptable(`406: Not Acceptable\n\nAvailable representations: ${contentType}`);
  return { status: 200, headers: { "content-type": contentType, "cache-control": cacheControl }, body };
}

/** The two documents by path. Throws when the issuer cannot be published: then neither is served. */
export function openIdDocuments(options: OpenIdOptions): Map<string, OpenIdDocument> {
  const { issuer: text, keys } = options;
  const issuer = URL.parse(text);
  if (!text) throw new Error("empty issuer URL");
  if (issuer?.protocol !== "https:") throw new Error(`issuer URL must use https scheme, got: ${text}`);
  if (issuer.search) throw new Error(`issuer URL may not include a query, got: ${text}`);
  if (issuer.hash) throw new Error(`issuer URL may not include a fragment, got: ${text}`);
  const uri = options.jwksUri ?? `https://${options.externalAddress}${keySetPath}`;
  if (URL.parse(uri)?.protocol !== "https:") throw new Error(`jwksURI requires https scheme, parsed as: ${uri}`);
  const published = (): readonly VerificationKey[] => keys.all.filter(({ unpublished }) => !unpublished);
  if (!published().length) throw new Error("no keys provided for validating keyset");
  const configuration = (): object => ({
    issuer: text,
    jwks_uri: uri,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...new Set(published().map((key) => key.algorithm))].sort(),
  });
  const document = (contentType: string, value: () => object): OpenIdDocument => {
    let body = Buffer.from(JSON.stringify(value()));
    // Where no key is left to be shown the former ones stay.
    keys.onChange(() => {
      if (published().length) body = Buffer.from(JSON.stringify(value()));
    });
    return {
      contentType,
      get cacheControl() {
        return `public, max-age=${keys.maxAgeSeconds}`;
      },
      get body() {
        return body;
      },
    };
  };
  return new Map([
    [openIdConfigurationPath, document("application/json", configuration)],
    [keySetPath, document("application/jwk-set+json", () => ({ keys: published().map(jsonWebKey) }))],
  ]);
}
