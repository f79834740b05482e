/**
 * What of a certificate decides whether it counts (RFC 5280), read from its DER as Go's crypto/x509 reads it: names byte for
 * byte, extensions at most once each, and critical ones that nobody here understands noted.
 */
import { type KeyObject, X509Certificate } from "node:crypto";
import { attributesOf, DerError, type Element, elements, type NameAttribute, oid, signedFields } from "./der.ts";
import { type AlternativeNames, type NameConstraints, readAlternativeNames, readNameConstraints } from "./names.ts";
import { table } from "../../base/table.ts";

export interface Certificate {
  raw: Uint8Array;
  /** DER of the names, and a text that is the same for the same bytes. */
  subject: string;
  issuer: string;
  attributes: NameAttribute[];
  version: number;
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  /** DER of the public key, as such a text. */
  keyInfo: string;
  publicKey: KeyObject;
  /** Whether the other one's key has signed it, in a way that counts. */
  signedBy(other: Certificate): boolean;
  basicConstraints?: { authority: boolean; pathLength?: number };
  /** Absent: its key may be used for anything. */
  mayCertify?: boolean;
  /** Object identifiers; absent: for any use. */
  usages?: string[];
  alternativeNames?: AlternativeNames;
  /** The DER of these. */
  alternativeText?: string;
  constraints?: NameConstraints;
  /** It wants a policy to lead to the end of the chain, or maps any policy: no chain over it counts, as policies are not followed here. */
  policies: boolean;
  /** A critical extension that is not understood: such a certificate counts for nothing. */
  unhandled: boolean;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");

/** Signatures that count: no MD5, no SHA-1. */
const signatures = new Set([
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.3.101.112",
]);
const pss = "1.2.840.113549.1.1.10";
/** SHA-2 of 256, 384 and 512 bits. */
const hashes = new Set(["2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"]);

function counts({ content }: Element): boolean {
  const [name, parameters] = elements(content);
  const kind = name ? oid(name.content) : "";
  if (kind !== pss) return signatures.has(kind);
  const hash = parameters && [...elements(parameters.content)].find(({ tag }) => tag === 0xa0);
  const [named] = hash ? elements(hash.content) : [];
  const [algorithm] = named ? elements(named.content) : [];
  return algorithm !== undefined && hashes.has(oid(algorithm.content));
}

const sha1 = new Set(["1.2.840.113549.1.1.5", "1.2.840.10045.4.1"]);

/** By another than itself, as far as its names tell. Throws DerError. */
export function isSignedWithSHA1(der: Uint8Array): boolean {
  const fields = signedFields(der);
  const [, algorithm, issuer, , subject] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  const [name] = algorithm ? elements(algorithm.content) : [];
  return name !== undefined && sha1.has(oid(name.content)) && issuer !== undefined && subject !== undefined && text(issuer.raw) !== text(subject.raw);
}

/** Bits; shorter RSA keys sign nothing that counts. */
const shortestRsa = 1024;
const curves = new Set(["secp224r1", "prime256v1", "secp384r1", "secp521r1"]);

function mayVerify(key: KeyObject): boolean {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa") return (modulusLength ?? 0) >= shortestRsa;
  if (key.asymmetricKeyType === "ec") return curves.has(namedCurve ?? "");
  return key.asymmetricKeyType === "ed25519";
}

/** Throws DerError, or what OpenSSL says of it. */
export function readCertificate(der: Uint8Array): Certificate {
  const parsed = new X509Certificate(der);
  const fields = signedFields(der);
  const versioned = fields[0]?.tag === 0xa0;
  const [, algorithm, issuer, , subject, keyInfo, ...rest] = versioned ? fields.slice(1) : fields;
  if (!algorithm || !issuer || !subject || !keyInfo) throw new DerError("no certificate");
  const [number] = versioned ? elements((fields[0] as Element).content) : [];
  const { publicKey } = parsed;
  const certificate: Certificate = {
    raw: der,
    subject: text(subject.raw),
    issuer: text(issuer.raw),
    attributes: attributesOf(subject),
    version: (number?.content[0] ?? 0) + 1,
    from: parsed.validFromDate.getTime(),
    to: parsed.validToDate.getTime(),
    keyInfo: text(keyInfo.raw),
    signedBy: (other) => counts(algorithm) && mayVerify(other.publicKey) && parsed.verify(other.publicKey),
    publicKey,
    policies: false,
    unhandled: false,
  };
  const extensions = rest.find(({ tag }) => tag === 0xa3);
  if (extensions) readExtensions(certificate, extensions.content);
  return certificate;
}

function readExtensions(certificate: Certificate, content: Uint8Array): void {
  const [list] = elements(content);
  const seen = new Set<string>();
  for (const { content: extension } of elements(list?.content ?? content)) {
    const parts = [...elements(extension)];
    const critical = parts[1]?.tag === 0x01 && parts[1].content[0] !== 0;
    const value = parts.at(-1);
    const id = parts[0]?.tag === 0x06 ? oid(parts[0].content) : "";
    if (!id || value?.tag !== 0x04) throw new DerError("malformed extension");
    if (seen.has(id)) throw new DerError(`more than one extension ${id}`);
    seen.add(id);
    const read = readers[id];
    const understood = read ? read(certificate, value.content) : false;
    if (critical && !understood) certificate.unhandled = true;
  }
}

function sequence(bytes: Uint8Array): Element[] {
  const [outer] = elements(bytes);
  if (outer?.tag !== 0x30) throw new DerError("no sequence");
  return [...elements(outer.content)];
}

/** Whether the extension is wholly understood. */
type ReadExtension = (certificate: Certificate, value: Uint8Array) => boolean;

const understood: ReadExtension = () => true;
const anyPolicy = "2.5.29.32.0";

const readers = table<ReadExtension>({
  // Subject key identifier, CRL distribution points, policies, authority key identifier.
  "2.5.29.14": understood,
  "2.5.29.31": understood,
  "2.5.29.32": understood,
  "2.5.29.35": understood,
  // A limit to "any policy", which matters only where policies are required.
  "2.5.29.54": understood,
  "1.3.6.1.5.5.7.1.1": understood,
  "2.5.29.15"(certificate, value) {
    const [bits] = elements(value);
    if (bits?.tag !== 0x03) throw new DerError("invalid key usage");
    const [, first = 0, second = 0] = bits.content;
    if (first || second) certificate.mayCertify = (first & 0x04) !== 0;
    return true;
  },
  "2.5.29.17"(certificate, value) {
    const names = readAlternativeNames(sequence(value));
    certificate.alternativeNames = names;
    certificate.alternativeText = text(value);
    return names.dns.length + names.emails.length + names.ips.length + names.uris.length > 0;
  },
  "2.5.29.19"(certificate, value) {
    const parts = sequence(value);
    const flag = parts.find(({ tag }) => tag === 0x01);
    const length = parts.find(({ tag }) => tag === 0x02);
    const pathLength = length?.content.reduce((sum, byte) => sum * 256 + byte, 0);
    certificate.basicConstraints = { authority: flag !== undefined && flag.content[0] !== 0, ...(pathLength === undefined ? {} : { pathLength }) };
    return true;
  },
  "2.5.29.30"(certificate, value) {
    certificate.constraints = readNameConstraints(sequence(value));
    return !certificate.constraints.more;
  },
  "2.5.29.33"(certificate, value) {
    const mapped = sequence(value).flatMap(({ content }) => [...elements(content)]);
    if (mapped.some(({ content }) => oid(content) === anyPolicy)) certificate.policies = true;
    return true;
  },
  "2.5.29.36"(certificate, value) {
    if (sequence(value).some(({ tag }) => tag === 0x80)) certificate.policies = true;
    return true;
  },
  "2.5.29.37"(certificate, value) {
    const usages = sequence(value).map(({ content }) => oid(content));
    if (usages.length) certificate.usages = usages;
    return true;
  },
});
