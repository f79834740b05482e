/**
 * Client certificates (k8s.io/apiserver/pkg/authentication/request/x509): the common name is the user, organizations are the
 * groups. The way from the leaf to a certificate of the bundle may lead over intermediates that the client sent.
 */
import { createHash, X509Certificate } from "node:crypto";
import type { UserInfo } from "../../api/exchange.ts";
import { StatusError, unauthorized } from "../../api/status.ts";
import type { Clock } from "../../base/clock.ts";
import type { Authenticator } from "./authenticator.ts";
import { certificateSubject, nameOids } from "./der.ts";

const clientAuth = "1.3.6.1.5.5.7.3.2";
const anyUsage = "2.5.29.37.0";

/** Every certificate of a PEM bundle. Throws when there is none or one cannot be read. */
export function parseBundle(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (!blocks) throw new Error("data does not contain any valid RSA or ECDSA certificates");
  return blocks.map((block) => new X509Certificate(block));
}

/** Signatures that are checked for one certificate at most. */
const maxChecks = 100;

/** What is no certificate leads nowhere. */
function readable(der: Uint8Array): X509Certificate[] {
  try {
    return [new X509Certificate(der)];
  } catch {
    return [];
  }
}

/** Whether the uses that a certificate is for, if it names any, include the authentication of clients. */
function forClients({ keyUsage }: X509Certificate): boolean {
  const usages = keyUsage as string[] | undefined;
  return !usages || usages.includes(clientAuth) || usages.includes(anyUsage);
}

interface Verified {
  user: UserInfo | undefined;
  commonName: string;
  /** Milliseconds since the epoch; outside of them the certificate does not count. */
  from: number;
  to: number;
}

export interface CertificateVerifierOptions {
  /** PEM bundle of the authorities. */
  ca: string;
  clock: Clock;
  /** Certificates whose verification is remembered. @default 4096 */
  cacheSize?: number;
}

/** Verifies client certificates against one bundle, each certificate once. */
export class CertificateVerifier {
  readonly #clock: Clock;
  readonly #cacheSize: number;
  readonly #cache = new Map<string, Verified>();
  /** By the bytes themselves: a connection hands over the same ones with each request. Other authorities' certificates are refused as often. */
  #seen = new WeakMap<Uint8Array, Verified | StatusError>();
  #authorities: X509Certificate[];

  constructor(options: CertificateVerifierOptions) {
    this.#clock = options.clock;
    this.#cacheSize = options.cacheSize ?? 4096;
    this.#authorities = parseBundle(options.ca);
  }
  /** Takes another bundle from now on. Throws, and keeps the old one, when it cannot be read. */
  setAuthorities(pem: string): void {
    this.#authorities = parseBundle(pem);
    this.#cache.clear();
    this.#seen = new WeakMap();
  }
  /** Throws StatusError 401 unless the certificate is valid now for client authentication. */
  verify(der: Uint8Array, intermediates: readonly Uint8Array[] = []): { user: UserInfo | undefined; commonName: string; to: number } {
    let known = this.#seen.get(der);
    if (!known) {
      known = this.#judged(der, intermediates);
      this.#seen.set(der, known);
    }
    if (known instanceof StatusError) throw known;
    const now = this.#clock.now();
    if (now < known.from || now > known.to) throw unauthorized();
    return known;
  }
  #judged(der: Uint8Array, intermediates: readonly Uint8Array[]): Verified | StatusError {
    try {
      return this.#remembered(der, intermediates);
    } catch (error) {
      if (error instanceof StatusError) return error;
      throw error;
    }
  }
  #remembered(der: Uint8Array, intermediates: readonly Uint8Array[]): Verified {
    const fingerprint = createHash("sha256").update(der).digest("hex");
    const known = this.#cache.get(fingerprint);
    if (known) return known;
    const verified = this.#check(der, fingerprint, intermediates);
    if (this.#cache.size >= this.#cacheSize) this.#cache.delete(this.#cache.keys().next().value as string);
    this.#cache.set(fingerprint, verified);
    return verified;
  }
  #check(der: Uint8Array, fingerprint: string, intermediates: readonly Uint8Array[]): Verified {
    let certificate: X509Certificate;
    let subject: ReturnType<typeof certificateSubject>;
    try {
      certificate = new X509Certificate(der);
      subject = certificateSubject(der);
    } catch {
      throw unauthorized();
    }
    const chain = this.#chain(certificate, intermediates);
    if (!chain?.every(forClients)) throw unauthorized();
    const values = (oid: string): string[] => subject.flatMap((a) => (a.oid === oid && a.value !== undefined ? [a.value] : []));
    const commonName = values(nameOids.commonName).at(-1) ?? "";
    const uids = subject.filter((a) => a.oid === nameOids.uid).map((a) => a.value);
    if (uids.length > 1 || (uids.length === 1 && !uids[0])) throw unauthorized();
    const user: UserInfo | undefined = commonName
      ? {
          name: commonName,
          ...(uids[0] ? { uid: uids[0] } : {}),
          groups: values(nameOids.organization),
          extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] },
        }
      : undefined;
    return {
      user,
      commonName,
      from: Math.max(...chain.map(({ validFromDate }) => validFromDate.getTime())),
      to: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
    };
  }
  /** From the leaf to an authority, both included; undefined: there is no way. */
  #chain(leaf: X509Certificate, sent: readonly Uint8Array[]): X509Certificate[] | undefined {
    if (this.#authorities.some(({ raw }) => raw.equals(leaf.raw))) return [leaf];
    let left = maxChecks;
    const signed = (certificate: X509Certificate, ca: X509Certificate): boolean =>
      ca.ca && certificate.checkIssued(ca) && left-- > 0 && certificate.verify(ca.publicKey);
    const climb = (from: X509Certificate, others: readonly X509Certificate[]): X509Certificate[] | undefined => {
      const authority = this.#authorities.find((ca) => signed(from, ca));
      if (authority) return [from, authority];
      for (const one of others) {
        const rest = signed(from, one)
          ? climb(
              one,
              others.filter((other) => other !== one),
            )
          : undefined;
        if (rest) return [from, ...rest];
      }
      return undefined;
    };
    return climb(leaf, sent.flatMap(readable));
  }
}

/** `lasts` is told how many more milliseconds a certificate lasts that says who asks. */
export function certificateAuthenticator(verifier: CertificateVerifier, clock: Clock, lasts?: (ms: number) => void): Authenticator {
  return {
    authenticate({ clientCertificate, clientIntermediates, clientCertificateError }) {
      if (clientCertificateError) throw unauthorized();
      if (!clientCertificate) return undefined;
      const { user, to } = verifier.verify(clientCertificate, clientIntermediates);
      lasts?.(to - clock.now());
      return user;
    },
  };
}
