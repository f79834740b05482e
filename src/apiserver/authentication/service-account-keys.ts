/** Keys that sign and verify service account tokens, and their JSON Web Key form (pkg/serviceaccount/jwt.go, RFC 7517, 7518). */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { table } from "../../base/table.ts";

type Algorithm = "RS256" | "ES256" | "ES384" | "ES512";

const curves = table<Algorithm>({ prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" });
const digests: Record<Algorithm, string> = { RS256: "sha256", ES256: "sha256", ES384: "sha384", ES512: "sha512" };

export interface VerificationKey {
  key: KeyObject;
  /** Where its holder gives it no other name: SHA-256 of the public key's DER, base64url. */
  id: string;
  algorithm: Algorithm;
  /** It verifies, and is not shown to others. */
  unpublished?: true;
}

/** Keys that verify tokens, which may change. */
export interface KeySource {
  readonly all: readonly VerificationKey[];
  /** Seconds that others may keep them. */
  readonly maxAgeSeconds: number;
  /** Those that a token names; undefined: all of them. A promise is given only where somebody outside is asked. */
  keysOf(id: string | undefined): readonly VerificationKey[] | Promise<readonly VerificationKey[]>;
  /** Told of each change. */
  onChange(listener: () => void): void;
}

/** Keys that stay. */
export const fixedKeys = (all: readonly VerificationKey[]): KeySource => ({
  all,
  maxAgeSeconds: 3600,
  keysOf: (id) => (id ? all.filter((key) => key.id === id) : all),
  onChange: () => undefined,
});

/** Makes a compact JWS over claims whose keys are written in the order given. Rejects with why it does not. */
export interface TokenSigner {
  sign(claims: object): string | Promise<string>;
}

/** Throws for a key of another kind. */
export const verificationKeyOf = (key: KeyObject, id: string = idOf(key)): VerificationKey => ({ key, id, algorithm: algorithmOf(key) });

export interface SigningKey {
  key: KeyObject;
  id: string;
  algorithm: Algorithm;
  /** Instead of a signature by `key` that is different each time. */
  sign?(message: Uint8Array): Buffer;
}

function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === "rsa") return "RS256";
  const algorithm = key.asymmetricKeyType === "ec" ? curves[key.asymmetricKeyDetails?.namedCurve ?? ""] : undefined;
  if (!algorithm) throw new Error(`unknown key type ${key.asymmetricKeyType}, must be RSA or ECDSA with curve 256, 384, or 521`);
  return algorithm;
}

const idOf = (key: KeyObject): string =>
  createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64url");

/** Every key of a PEM text; private keys give their public half. Throws when there is none, or one is of another kind. */
export function parseVerificationKeys(pem: string): VerificationKey[] {
  const blocks = pem.match(/-----BEGIN (?:[A-Z ]*KEY|CERTIFICATE)-----[\s\S]+?-----END (?:[A-Z ]*KEY|CERTIFICATE)-----/g) ?? [];
  if (!blocks.length) throw new Error("data does not contain any valid RSA or ECDSA public keys");
  return blocks.map((block) => verificationKeyOf(createPublicKey(block)));
}

export function parseSigningKey(pem: string): SigningKey {
  const key = createPrivateKey(pem);
  return { key, id: idOf(createPublicKey(pem)), algorithm: algorithmOf(key) };
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A compact JWS over `claims`, whose keys are written in the order given. */
export function signToken(claims: object, signing: SigningKey): string {
  const head = `${encode({ alg: signing.algorithm, kid: signing.id })}.${encode(claims)}`;
  const message = Buffer.from(head);
  const signature = signing.sign?.(message) ?? sign(digests[signing.algorithm], message, { key: signing.key, dsaEncoding: "ieee-p1363" });
  return `${head}.${signature.toString("base64url")}`;
}

export function verifySignature(head: string, signature: Uint8Array, verification: VerificationKey): boolean {
  return verify(digests[verification.algorithm], Buffer.from(head), { key: verification.key, dsaEncoding: "ieee-p1363" }, signature);
}

/** The public key as discovery publishes it. */
export function jsonWebKey({ key, id, algorithm }: VerificationKey): object {
  const { kty, crv, x, y, n, e } = key.export({ format: "jwk" });
  return kty === "EC" ? { use: "sig", kty, kid: id, crv, alg: algorithm, x, y } : { use: "sig", kty, kid: id, alg: algorithm, n, e };
}
