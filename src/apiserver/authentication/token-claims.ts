/** The claims of service account tokens, and whether a token's are of their types: whoever holds the key may sign anything. */
import { TokenError } from "./authenticator.ts";

export interface BoundRef {
  name?: string;
  uid?: string;
}

export interface ServiceAccountClaims {
  aud?: string | string[];
  exp?: number;
  iat?: number;
  iss?: string;
  jti?: string;
  "kubernetes.io"?: { namespace?: string; node?: BoundRef; pod?: BoundRef; secret?: BoundRef; serviceaccount?: BoundRef; warnafter?: number };
  nbf?: number;
  sub?: string;
}

export type LegacyClaims = ServiceAccountClaims & Record<`kubernetes.io/serviceaccount/${string}`, string | undefined>;

const numbers = new Set(["exp", "iat", "nbf", "warnafter"]);
const texts = new Set(["iss", "jti", "sub", "namespace", "name", "uid"]);
const legacyPrefix = "kubernetes.io/serviceaccount/";

/** Throws TokenError for a claim of another type than ours; others are not looked at. */
export function checkClaims(claims: Record<string, unknown>): LegacyClaims {
  for (const [name, value] of Object.entries(claims)) {
    if (value === null || value === undefined) delete claims[name];
    else if (name === "kubernetes.io") checkOwn(name, value);
    else if (name === "aud") {
      if (typeof value !== "string" && !(Array.isArray(value) && value.every((one) => typeof one === "string"))) misfit(name, value);
    } else check(name, name, value);
  }
  return claims as LegacyClaims;
}

function checkOwn(path: string, value: unknown): void {
  if (typeof value !== "object" || Array.isArray(value)) misfit(path, value);
  const own = value as Record<string, unknown>;
  for (const [name, inner] of Object.entries(own)) {
    if (inner === null) delete own[name];
    else if (typeof inner === "object") {
      if (numbers.has(name) || texts.has(name) || Array.isArray(inner)) misfit(`${path}.${name}`, inner);
      checkOwn(`${path}.${name}`, inner);
    } else if (!numbers.has(name) && !texts.has(name)) misfit(`${path}.${name}`, inner);
    else check(`${path}.${name}`, name, inner);
  }
}

function check(path: string, name: string, value: unknown): void {
  if (numbers.has(name) ? typeof value !== "number" : (texts.has(name) || name.startsWith(legacyPrefix)) && typeof value !== "string") misfit(path, value);
}

function misfit(path: string, value: unknown): never {
  throw new TokenError(`json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value} into claim ${path}`);
}
