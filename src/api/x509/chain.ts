/**
 * The way from a client's certificate to an authority (RFC 5280, 6.1), as Go's crypto/x509 looks for it (verify.go): over the
 * certificates that came with it, each of which must be an authority, valid at that time and good for clients.
 */
import type { Certificate } from "./certificate.ts";
import { namesAllowed } from "./names.ts";

const clientAuth = "1.3.6.1.5.5.7.3.2";
const anyUsage = "2.5.29.37.0";

/** Signatures that are checked for one certificate at most. */
const maxChecks = 100;

export interface Question {
  leaf: Certificate;
  /** What came with it, in any order, and more than is needed. */
  sent: readonly Certificate[];
  authorities: readonly Certificate[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** Whether the uses that a certificate is for, if it names any, include the authentication of clients. */
const forClients = ({ usages }: Certificate): boolean => !usages || usages.includes(clientAuth) || usages.includes(anyUsage);

const counts = ({ from, to, unhandled }: Certificate, now: number): boolean => !unhandled && from <= now && now <= to;

/** The same authority under another certificate: a way over both leads in a circle. */
const same = (one: Certificate, other: Certificate): boolean =>
  one.subject === other.subject && one.keyInfo === other.keyInfo && one.alternativeText === other.alternativeText;

/** Whether its key may sign certificates. Authorities of before version 3 do not say. */
const mayCertify = ({ version, basicConstraints, mayCertify: usage }: Certificate): boolean =>
  (basicConstraints ? basicConstraints.authority : version < 3) && usage !== false;

/** From the leaf to an authority, both included, one certificate where the leaf is an authority itself; undefined: there is no way. */
export function chainOf({ leaf, sent, authorities, now }: Question): readonly Certificate[] | undefined {
  if (!counts(leaf, now)) return undefined;
  if (authorities.some(({ raw }) => Buffer.compare(raw, leaf.raw) === 0)) return forClients(leaf) ? [leaf] : undefined;
  let left = maxChecks;
  const mayFollow = (chain: readonly Certificate[], above: Certificate): boolean => {
    const below = chain.at(-1) as Certificate;
    if (above.subject !== below.issuer || left-- <= 0 || chain.some((one) => same(one, above))) return false;
    const { pathLength = chain.length } = above.basicConstraints ?? {};
    return mayCertify(above) && below.signedBy(above) && counts(above, now) && chain.length - 1 <= pathLength;
  };
  const climb = (chain: readonly Certificate[]): readonly Certificate[] | undefined => {
    for (const authority of authorities) {
      const whole = [...chain, authority];
      if (mayFollow(chain, authority) && holds(whole)) return whole;
    }
    for (const one of sent) {
      const whole = one.basicConstraints?.authority && mayFollow(chain, one) ? climb([...chain, one]) : undefined;
      if (whole) return whole;
    }
    return undefined;
  };
  return climb([leaf]);
}

/** What is asked of a chain as a whole. */
function holds(chain: readonly Certificate[]): boolean {
  if (!chain.every(forClients) || chain.slice(0, -1).some(({ policies }) => policies)) return false;
  return chain.every(
    ({ alternativeNames }, i) =>
      !alternativeNames || chain.slice(i + 1).every(({ constraints }) => !constraints || namesAllowed(constraints, alternativeNames)),
  );
}
