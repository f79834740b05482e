/**
 * JSON Web Signatures in compact form, and whether a key made them (RFC 7515, 7518); errors are go-jose's. The signature is
 * looked at over the parts as they are encoded canonically.
 */
import { constants, verify, X509Certificate } from "node:crypto";
import type { JSONNode } from "../../../api/codec/json-syntax.ts";
import { goQuote } from "../../../api/go-quote.ts";
import { ClaimError, decodeBase64Url, parseJson, tooLarge } from "./claims.ts";
import { type Jwk, jwkOf } from "./jwk.ts";
import { table } from "../../../base/table.ts";

export interface Jws {
  algorithm: string;
  keyId: string;
  payload: Buffer;
  signature: Buffer;
  /** What was signed. */
  input: Buffer;
  /** False: it demands of its reader what nobody here knows. */
  understood: boolean;
}

interface Algorithm {
  type: "rsa" | "ec";
  hash: string;
  pss?: boolean;
  curve?: string;
}

const algorithms = table<Algorithm>({
  RS256: { type: "rsa", hash: "sha256" },
  RS384: { type: "rsa", hash: "sha384" },
  RS512: { type: "rsa", hash: "sha512" },
  PS256: { type: "rsa", hash: "sha256", pss: true },
  PS384: { type: "rsa", hash: "sha384", pss: true },
  PS512: { type: "rsa", hash: "sha512", pss: true },
  ES256: { type: "ec", hash: "sha256", curve: "prime256v1" },
  ES384: { type: "ec", hash: "sha384", curve: "secp384r1" },
  ES512: { type: "ec", hash: "sha512", curve: "secp521r1" },
});

/** All that may be allowed, in order. */
export const signingAlgorithms = Object.keys(algorithms).sort();

const least = 1024;

/** A key that one object names twice, at any depth: go-jose takes no such header. */
function repeatedKey(root: JSONNode): string | undefined {
  const open = [root];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.kind !== "object" && node.kind !== "array") continue;
    if (node.kind === "object" && new Set(node.keys).size < node.keys.length) {
      const { keys } = node;
      return keys.find((key, i) => keys.indexOf(key) !== i);
    }
    for (const value of node.values) open.push(value);
  }
  return undefined;
}

const textOf = (node: JSONNode, what: string): string => {
  if (node.kind === "string") return node.value;
  if (node.kind === "null") return "";
  throw new ClaimError(`failed to unmarshal ${what}: json: cannot unmarshal ${node.kind} into Go value of type string: ${goQuote(shown(node))}`);
};

/** JSON of what a message shows, as short as it can be. */
const shown = (node: JSONNode): string => {
  try {
    return textOfNode(node);
  } catch (error) {
    // Deeper than the stack.
    if (error instanceof RangeError) return "";
    throw error;
  }
};
function textOfNode(node: JSONNode): string {
  switch (node.kind) {
    case "object":
      return `{${node.keys.map((key, i) => `${JSON.stringify(key)}:${textOfNode(node.values[i] as JSONNode)}`).join(",")}}`;
    case "array":
      return `[${node.values.map(textOfNode).join(",")}]`;
    case "number":
      return node.text;
    case "null":
      return "null";
    default:
      return JSON.stringify(node.value);
  }
}

function checkCertificates(node: JSONNode): void {
  const fail = (why: string): ClaimError => new ClaimError(`failed to unmarshal x5c header: ${why}: ${goQuote(shown(node))}`);
  if (node.kind !== "array") throw fail(`json: cannot unmarshal ${node.kind} into Go value of type []string`);
  for (const one of node.values) {
    if (one.kind !== "string") throw fail(`json: cannot unmarshal ${one.kind} into Go value of type string`);
    const wrong = one.value.search(/[^A-Za-z0-9+/=]/);
    if (wrong >= 0) throw fail(`illegal base64 data at input byte ${wrong}`);
    try {
      new X509Certificate(Buffer.from(one.value, "base64"));
    } catch {
      throw fail("x509: malformed certificate");
    }
  }
}

function checkEmbeddedKey(node: JSONNode): void {
  let key: Jwk;
  try {
    key = jwkOf(node);
  } catch (error) {
    throw new ClaimError(`failed to unmarshal JWK: ${(error as Error).message}: ${goQuote(shown(node))}`);
  }
  if (!key.key) throw new ClaimError("go-jose/go-jose: invalid embedded jwk, must be public key");
}

/** Throws ClaimError. */
export function parseJws(token: string): Jws {
  const parts = token.replace(/\s/g, "").split(".", 4);
  if (parts.length !== 3) throw new ClaimError("go-jose/go-jose: compact JWS format must have three parts");
  const [protectedHeader, payload, signature] = parts.map(decodeBase64Url) as [Buffer, Buffer, Buffer];
  const jws: Jws = { algorithm: "", keyId: "", payload, signature, input: Buffer.alloc(0), understood: true };
  let plainPayload = false;
  if (protectedHeader.length) {
    const header = parseJson(protectedHeader);
    if (header.kind !== "object" && header.kind !== "null") throw new ClaimError(`json: cannot unmarshal ${header.kind} into Go value of type jose.rawHeader`);
    if (header.kind === "object") {
      const twice = header.keys.find((key, i) => header.keys.indexOf(key) !== i);
      if (twice !== undefined) throw new ClaimError(`json: duplicate key '${twice}' in object`);
      for (const [i, name] of header.keys.entries()) {
        const value = header.values[i] as JSONNode;
        if (value.kind === "null") continue;
        if (name === "alg") jws.algorithm = textOf(value, "algorithm");
        else if (name === "kid") jws.keyId = textOf(value, "key ID");
        else if (name === "nonce") textOf(value, "nonce");
        else if (name === "x5c") checkCertificates(value);
        else if (name === "jwk") checkEmbeddedKey(value);
        else {
          const inner = repeatedKey(value);
          if (inner !== undefined) throw new ClaimError(`failed to unmarshal value: json: duplicate key '${inner}' in object: ${goQuote(shown(value))}`);
          const large = tooLarge(value);
          if (large !== undefined)
            throw new ClaimError(`failed to unmarshal value: json: cannot unmarshal number ${large} into Go value of type float64: ${goQuote(shown(value))}`);
          if (name === "crit") jws.understood = value.kind === "array" && value.values.every((one) => one.kind === "string" && one.value === "b64");
          if (name === "b64") plainPayload = value.kind === "bool" && !value.value;
        }
      }
    }
  }
  jws.input = Buffer.concat([Buffer.from(`${protectedHeader.toString("base64url")}.`), plainPayload ? payload : Buffer.from(payload.toString("base64url"))]);
  return jws;
}

/** Whether the key made the signature. Never throws. */
export function isSignedBy(jws: Jws, { key }: Jwk): boolean {
  const algorithm = algorithms[jws.algorithm];
  if (!key || !algorithm || !jws.understood || key.asymmetricKeyType !== algorithm.type) return false;
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (algorithm.type === "rsa" ? modulusLength < least : namedCurve !== algorithm.curve) return false;
  const how = algorithm.pss
    ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
    : { key, dsaEncoding: "ieee-p1363" as const };
  try {
    return verify(algorithm.hash, jws.input, how, jws.signature);
  } catch {
    // A signature of a form that cannot be one.
    return false;
  }
}
