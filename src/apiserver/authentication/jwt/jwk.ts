/** JSON Web Keys and sets of them (RFC 7517), read as strictly as go-jose reads them; errors are its. */
import { createPublicKey, type KeyObject } from "node:crypto";
import type { JSONNode } from "../../../api/codec/json-syntax.ts";
import { ClaimError, decodeBase64Url, fieldsOf } from "./claims.ts";
import { table } from "../../../base/table.ts";

export interface Jwk {
  id: string;
  /** Absent: it verifies nothing, because it is private or symmetric. */
  key?: KeyObject;
}

const curves = table<number>({ "P-256": 32, "P-384": 48, "P-521": 66 });
const texts = ["use", "kty", "kid", "crv", "alg", "x5t", "x5t#S256"];
const buffers = ["k", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi"];

function fieldsOfKey(node: JSONNode): { text: Map<string, string>; bytes: Map<string, Buffer> } {
  if (node.kind !== "object") throw new ClaimError(`json: cannot unmarshal ${node.kind} into Go value of type jose.rawJSONWebKey`);
  const twice = node.keys.find((key, i) => node.keys.indexOf(key) !== i);
  if (twice !== undefined) throw new ClaimError(`json: duplicate key '${twice}' in object`);
  const text = new Map<string, string>();
  const bytes = new Map<string, Buffer>();
  for (const [i, name] of node.keys.entries()) {
    const value = node.values[i] as JSONNode;
    const known = texts.includes(name) || buffers.includes(name);
    if (!known || value.kind === "null") continue;
    if (value.kind !== "string") throw new ClaimError(`json: cannot unmarshal ${value.kind} into Go value of type string`);
    if (texts.includes(name)) text.set(name, value.value);
    else if (value.value) bytes.set(name, decodeBase64Url(value.value));
  }
  return { text, bytes };
}

function publicKey(jwk: Record<string, string>, why: string): KeyObject {
  try {
    return createPublicKey({ format: "jwk", key: jwk });
  } catch {
    throw new ClaimError(why);
  }
}

const canonical = (bytes: Buffer): string => bytes.toString("base64url");

/** Throws ClaimError. */
export function jwkOf(node: JSONNode): Jwk {
  const { text, bytes } = fieldsOfKey(node);
  const id = text.get("kid") ?? "";
  const isPrivate = bytes.has("d");
  const [x, y, n, e] = ["x", "y", "n", "e"].map((name) => bytes.get(name));
  const crv = text.get("crv") ?? "";
  switch (text.get("kty")) {
    case "EC": {
      const size = curves[crv] ?? 0;
      if (!size) throw new ClaimError(`go-jose/go-jose: unsupported elliptic curve '${crv}'`);
      if (!x || !y) throw new ClaimError("go-jose/go-jose: invalid EC key, missing x/y values");
      for (const [name, value] of Object.entries({ x, y }))
        if (value.length !== size) throw new ClaimError(`go-jose/go-jose: invalid EC ${isPrivate ? "private" : "public"} key, wrong length for ${name}`);
      const key = publicKey({ kty: "EC", crv, x: canonical(x), y: canonical(y) }, "go-jose/go-jose: invalid EC key, X/Y are not on declared curve");
      return isPrivate ? { id } : { id, key };
    }
    case "RSA": {
      if (!n || !e) throw new ClaimError("go-jose/go-jose: invalid RSA key, missing n/e values");
      return isPrivate ? { id } : { id, key: publicKey({ kty: "RSA", n: canonical(n), e: canonical(e) }, "go-jose/go-jose: invalid RSA key") };
    }
    case "oct":
      if (!bytes.has("k")) throw new ClaimError("go-jose/go-jose: invalid OCT (symmetric) key, missing k value");
      return { id };
    case "OKP":
      if (crv !== "Ed25519" || !x) throw new ClaimError(`go-jose/go-jose: unknown curve ${crv}'`);
      return { id };
    default:
      throw new ClaimError(`go-jose/go-jose: unknown json web key type '${text.get("kty") ?? ""}'`);
  }
}

/** The keys of a set; one that is not understood spoils it, as it does for go-jose. Throws ClaimError. */
export function keySetOf(node: JSONNode): Jwk[] {
  if (node.kind === "null") return [];
  if (node.kind !== "object") throw new ClaimError(`json: cannot unmarshal ${node.kind} into Go value of type jose.JSONWebKeySet`);
  let keys: Jwk[] = [];
  for (const [, value] of fieldsOf(node, ["keys"])) {
    if (value.kind === "null") keys = [];
    else if (value.kind !== "array")
      throw new ClaimError(`json: cannot unmarshal ${value.kind} into Go struct field JSONWebKeySet.keys of type []jose.JSONWebKey`);
    else keys = value.values.map(jwkOf);
  }
  return keys;
}
