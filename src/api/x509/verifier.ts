/**
 * Client certificates (k8s.io/apiserver/pkg/authentication/request/x509): the common name is the user, organizations are the
 * groups. The way from the leaf to a certificate of the bundle may lead over intermediates that the client sent.
 */
import { createHash, X509Certificate } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { UserInfo } from "../exchange.ts";
import { unauthorized } from "../status.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { chainOf } from "./chain.ts";
import { nameOids } from "./der.ts";

/** Every certificate of a PEM bundle. Throws when there is none or one cannot be read. */
export function parseBundle(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (!blocks) throw new Error("data does not contain any valid RSA or ECDSA certificates");
  return blocks.map((block) => new X509Certificate(block));
}

const authoritiesOf = (pem: string): Certificate[] => parseBundle(pem).map(({ raw }) => readCertificate(raw));

/** What was found out about certificates: true as long as it is neither before `from` nor after `to`. */
interface Found {
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  /** Likewise: after this the client's own one counts no more. */
  ends: number;
  /** Absent: no authority stands behind them. */
  caller?: Caller;
}

interface Caller {
  commonName: string;
  /** Absent: the certificate has no common name. Null: it names several people. */
  user: UserInfo | undefined | null;
}

export interface CertificateVerifierOptions {
  /** PEM bundle of the authorities. */
  ca: string;
  clock: Clock;
  /** Certificates that are good whose verification is remembered. @default 4096 */
  cacheSize?: number;
}

/** Verifies client certificates against one bundle, those of a connection once. */
export class CertificateVerifier {
  readonly #clock: Clock;
  readonly #cacheSize: number;
  /** By the digest of all that was sent. */
  readonly #cache = new Map<string, Found>();
  /** By the list itself, which is the same one for each request of a connection. Other authorities' certificates are refused as often. */
  #seen = new WeakMap<readonly Uint8Array[], Found>();
  #authorities: Certificate[];

  constructor(options: CertificateVerifierOptions) {
    this.#clock = options.clock;
    this.#cacheSize = options.cacheSize ?? 4096;
    this.#authorities = authoritiesOf(options.ca);
  }
  /** Takes another bundle from now on. Throws, and keeps the old one, when it cannot be read. */
  setAuthorities(pem: string): void {
    this.#authorities = authoritiesOf(pem);
    this.#cache.clear();
    this.#seen = new WeakMap();
  }
  /** Certificates as the client sent them, its own first: who stands behind them now, for the authentication of clients. */
  look(sent: readonly Uint8Array[]): Found {
    const now = this.#clock.now();
    const holds = (found: Found | undefined): found is Found => found !== undefined && found.from <= now && now <= found.to;
    let found = this.#seen.get(sent);
    if (holds(found)) return found;
    const digest = digestOf(sent);
    found = this.#cache.get(digest);
    if (!holds(found)) {
      found = this.#judge(sent, now);
      this.#cache.delete(digest);
      if (found.caller) this.#remember(digest, found);
    }
    this.#seen.set(sent, found);
    return found;
  }
  /** Throws StatusError 401 where nobody stands behind them. */
  verify(sent: readonly Uint8Array[]): Caller {
    const { caller } = this.look(sent);
    if (!caller) throw unauthorized();
    return caller;
  }
  #remember(digest: string, found: Found): void {
    if (this.#cache.size >= this.#cacheSize) this.#cache.delete(this.#cache.keys().next().value as string);
    this.#cache.set(digest, found);
  }
  #judge(sent: readonly Uint8Array[], now: number): Found {
    const [leaf, ...others] = sent.map(readable);
    // Go's TLS hangs up on a client that sends one which cannot be read.
    if (!leaf || others.includes(undefined)) return { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, ends: leaf?.to ?? now };
    const intermediates = others as Certificate[];
    const chain = chainOf({ leaf, sent: intermediates, authorities: this.#authorities, now });
    const ends = leaf.to;
    if (chain) return { from: Math.max(...chain.map(({ from }) => from)), to: Math.min(...chain.map(({ to }) => to)), ends, caller: callerOf(leaf) };
    const begins = [leaf, ...intermediates, ...this.#authorities].map(({ from }) => from).filter((from) => from > now);
    return { from: now, to: Math.min(...begins) - 1, ends };
  }
}

function readable(der: Uint8Array): Certificate | undefined {
  try {
    return readCertificate(der);
  } catch {
    // Neither what OpenSSL nor what its reader here says of it is told to anybody: it is none.
    return undefined;
  }
}

function digestOf(sent: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  // DER says itself where it ends.
  for (const der of sent) hash.update(der);
  return hash.digest("base64");
}

function callerOf({ attributes, raw }: Certificate): Caller {
  const values = (oid: string): string[] => attributes.flatMap((a) => (a.oid === oid && a.value !== undefined ? [a.value] : []));
  const commonName = values(nameOids.commonName).at(-1) ?? "";
  if (!commonName) return { commonName, user: undefined };
  const uids = attributes.filter((a) => a.oid === nameOids.uid).map((a) => a.value);
  if (uids.length > 1 || (uids.length === 1 && !uids[0])) return { commonName, user: null };
  const fingerprint = createHash("sha256").update(raw).digest("hex");
  const user: UserInfo = {
    name: commonName,
    ...(uids[0] ? { uid: uids[0] } : {}),
    groups: values(nameOids.organization),
    extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] },
  };
  return { commonName, user };
}
