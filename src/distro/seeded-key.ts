/**
 * A key for service account tokens that is a function of a seed, and signatures that are functions of key and message
 * (RFC 6979), so that the tokens in Secrets are part of a history that can be repeated. For tests: whoever knows the seed
 * knows the key, and the arithmetic takes no care of its timing.
 */
import { createECDH, createHash, createHmac, createPrivateKey } from "node:crypto";
import { parseSigningKey, type SigningKey } from "../apiserver/authentication/service-account-keys.ts";
import type { Random } from "../base/random.ts";

const curve = "prime256v1";
const size = 32;
/** Order of P-256's base point. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const toBytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(2 * size, "0"), "hex");
const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);

/** The point of a private key: its coordinates x and y. */
function publicPoint(privateKey: bigint): { x: Buffer; y: Buffer } {
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(toBytes(privateKey));
  const point = ecdh.getPublicKey();
  return { x: point.subarray(1, 1 + size), y: point.subarray(1 + size) };
}

/** 1/value modulo the order: Euclid's algorithm. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value % order, order, 1n, 0n];
  while (a > 1n) {
    const q = b / a;
    [a, b, x, y] = [b - q * a, a, y - q * x, x];
  }
  return ((x % order) + order) % order;
}

/** Candidates for the nonce in the order in which RFC 6979, 3.2 has them. */
function* nonces(privateKey: bigint, digest: Buffer): Generator<bigint> {
  const mac = (key: Buffer, ...parts: Uint8Array[]): Buffer => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
  const seed = Buffer.concat([toBytes(privateKey), toBytes(toNumber(digest) % order)]);
  let [k, v]: [Buffer, Buffer] = [Buffer.alloc(size, 0), Buffer.alloc(size, 1)];
  for (const step of [0, 1]) {
    k = mac(k, v, Buffer.of(step), seed);
    v = mac(k, v);
  }
  for (;;) {
    v = mac(k, v);
    const nonce = toNumber(v);
    if (nonce > 0n && nonce < order) yield nonce;
    k = mac(k, v, Buffer.of(0));
    v = mac(k, v);
  }
}

/** ECDSA over P-256 with SHA-256, as r and s of 32 bytes each. */
export function signDeterministically(privateKey: bigint, message: Uint8Array): Buffer {
  const digest = createHash("sha256").update(message).digest();
  for (const nonce of nonces(privateKey, digest)) {
    const r = toNumber(publicPoint(nonce).x) % order;
    const s = (inverse(nonce) * (toNumber(digest) + r * privateKey)) % order;
    if (r !== 0n && s !== 0n) return Buffer.concat([toBytes(r), toBytes(s)]);
  }
  throw new Error("unreachable: candidates do not end");
}

/** `pem` is the private key, PKCS #8. */
export function seededKey(random: Random): { pem: string; signing: SigningKey } {
  const privateKey = (toNumber(random.bytes(size)) % (order - 1n)) + 1n;
  const { x, y } = publicPoint(privateKey);
  const text = (bytes: Buffer): string => bytes.toString("base64url");
  const key = createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256", d: text(toBytes(privateKey)), x: text(x), y: text(y) } });
  const pem = key.export({ type: "pkcs8", format: "pem" }) as string;
  return { pem, signing: { ...parseSigningKey(pem), sign: (message) => signDeterministically(privateKey, message) } };
}
