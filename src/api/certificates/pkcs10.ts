/** Certificate requests (RFC 2986): that one is well formed and signed by the key it names. */
import { createPublicKey, verify } from "node:crypto";
import { pemBlocks } from "./pem.ts";
import { table } from "../../base/table.ts";

interface Element {
  tag: number;
  /** With its header. */
  whole: Uint8Array;
  content: Uint8Array;
}

const malformed = "asn1: structure error";

/** Throws for what is not DER (ITU-T X.690). */
export function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const one = elementAt(bytes, at);
    found.push(one);
    at += one.whole.length;
  }
  return found;
}

function elementAt(bytes: Uint8Array, start: number): Element {
  let at = start;
  const tag = bytes[at++] as number;
  let length = bytes[at++] ?? Number.NaN;
  if (length & 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 4) throw new Error(malformed);
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] ?? Number.NaN);
  }
  if (!(at + length <= bytes.length)) throw new Error("asn1: syntax error: data truncated");
  return { tag, whole: bytes.subarray(start, at + length), content: bytes.subarray(at, at + length) };
}

const sequence = 0x30;
const bitString = 0x03;
const hashes = table<string | null>({
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
  "2b6570": null,
});

/** Why the PEM request, in base64, cannot be accepted. */
export function requestError(base64: string): string | undefined {
  const [first] = pemBlocks(base64);
  if (first?.type !== "CERTIFICATE REQUEST") return "PEM block type must be CERTIFICATE REQUEST";
  try {
    return signatureError(first.bytes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function signatureError(der: Uint8Array): string | undefined {
  if (der.length === 0) return "asn1: syntax error: sequence truncated";
  const outer = elementAt(der, 0);
  if (outer.whole.length < der.length) return "asn1: syntax error: trailing data";
  const [info, algorithm, signature] = elements(outer.content);
  if (outer.tag !== sequence || info?.tag !== sequence || algorithm?.tag !== sequence || signature?.tag !== bitString) return malformed;
  const [, , key] = elements(info.content);
  if (key?.tag !== sequence) return malformed;
  const oid = Buffer.from(elements(algorithm.content)[0]?.content ?? []).toString("hex");
  const hash = hashes[oid];
  if (hash === undefined) return "x509: cannot verify signature: algorithm unimplemented";
  const publicKey = createPublicKey({ key: Buffer.from(key.whole), format: "der", type: "spki" });
  if (verify(hash, info.whole, publicKey, signature.content.subarray(1))) return undefined;
  const failure: Record<string, string> = { ec: "x509: ECDSA verification failure", ed25519: "x509: Ed25519 verification failure" };
  return failure[publicKey.asymmetricKeyType ?? ""] ?? "crypto/rsa: verification error";
}
