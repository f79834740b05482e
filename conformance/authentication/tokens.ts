/** Keys of issuers, and tokens of every kind that they could sign. */
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface IssuerKey {
  kid: string;
  alg: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const rsa = (kid: string, alg: string, modulusLength = 2048): IssuerKey => ({ kid, alg, ...generateKeyPairSync("rsa", { modulusLength }) });
const ec = (kid: string, alg: string, namedCurve: string): IssuerKey => ({ kid, alg, ...generateKeyPairSync("ec", { namedCurve }) });

export const keys = {
  rsa: rsa("rsa", "RS256"),
  other: rsa("other", "RS256"),
  /** In no set of keys. */
  stranger: rsa("stranger", "RS256"),
  short: rsa("short", "RS256", 1024),
  tiny: rsa("tiny", "RS256", 768),
  p256: ec("p256", "ES256", "P-256"),
  p384: ec("p384", "ES384", "P-384"),
  p521: ec("p521", "ES512", "P-521"),
  ed: { kid: "ed", alg: "EdDSA", ...generateKeyPairSync("ed25519") },
} satisfies Record<string, IssuerKey>;

export const jwk = ({ kid, alg, publicKey }: IssuerKey): object => ({ ...publicKey.export({ format: "jwk" }), use: "sig", kid, alg });

const hashes: Record<string, string> = { 256: "sha256", 384: "sha384", 512: "sha512" };

export function signature(alg: string, key: IssuerKey, input: Buffer): Buffer {
  const hash = hashes[alg.slice(2)] ?? "sha256";
  if (alg === "none") return Buffer.alloc(0);
  // The classic: the public key taken for a shared secret.
  if (alg.startsWith("HS"))
    return createHmac(hash, key.publicKey.export({ type: "spki", format: "pem" }))
      .update(input)
      .digest();
  if (alg === "EdDSA") return sign(null, input, key.privateKey);
  if (alg.startsWith("PS"))
    return sign(hash, input, { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
  return sign(hash, input, { key: key.privateKey, dsaEncoding: "ieee-p1363" });
}

export interface Minted {
  key?: IssuerKey;
  alg?: string;
  /** Instead of alg and kid; text and bytes as they are. */
  header?: object | string;
  /** Text and bytes as they are. */
  claims: object | string | Buffer;
}

const part = (value: object | string | Buffer): string =>
  (Buffer.isBuffer(value) ? value : Buffer.from(typeof value === "string" ? value : JSON.stringify(value))).toString("base64url");

export function mint({ key = keys.rsa, alg = key.alg, header = { alg, kid: key.kid }, claims }: Minted): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signature(alg, key, Buffer.from(input)).toString("base64url")}`;
}
