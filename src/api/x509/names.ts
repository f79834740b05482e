/**
 * Names that a certificate is for beside its subject, and the names that an authority may certify (RFC 5280, 4.2.1.6 and
 * 4.2.1.10), matched as Go's crypto/x509 matches them: hosts, mail addresses, IP addresses and hosts of URIs. Local parts of
 * mail addresses in quotes are not read: where an authority is limited, they are refused.
 */
import { DerError, type Element, elements } from "./der.ts";

export interface AlternativeNames {
  dns: string[];
  emails: string[];
  uris: string[];
  ips: Uint8Array[];
}

interface Subtrees {
  dns: string[];
  emails: string[];
  uris: string[];
  /** Address and mask, one after the other. */
  ips: Uint8Array[];
}

export interface NameConstraints {
  permitted: Subtrees;
  excluded: Subtrees;
  /** Names of other kinds are limited as well. */
  more: boolean;
}

const emailTag = 0x81;
const dnsTag = 0x82;
const uriTag = 0x86;
const ipTag = 0x87;

function ascii({ content }: Element): string {
  if (content.some((byte) => byte > 0x7f)) throw new DerError("name in a wrong encoding");
  return Buffer.from(content).toString("latin1");
}

/** Whether each label of it is one; empty, or with a period before it where it stands for what is below it. */
function domainValid(domain: string, constraint: boolean): boolean {
  if (domain === "") return true;
  const labels = constraint && domain.startsWith(".") ? domain.slice(1) : domain;
  return /^[!-~]+$/.test(labels) && labels.split(".").every(Boolean);
}

/** Throws DerError. */
export function readAlternativeNames(names: readonly Element[]): AlternativeNames {
  const read: AlternativeNames = { dns: [], emails: [], uris: [], ips: [] };
  for (const name of names) {
    if (name.tag === emailTag) read.emails.push(ascii(name));
    else if (name.tag === dnsTag) read.dns.push(ascii(name));
    else if (name.tag === uriTag) read.uris.push(ascii(name));
    else if (name.tag === ipTag) {
      if (name.content.length !== 4 && name.content.length !== 16) throw new DerError("no IP address");
      read.ips.push(name.content);
    }
  }
  return read;
}

/** Throws DerError. */
export function readNameConstraints(parts: readonly Element[]): NameConstraints {
  const constraints: NameConstraints = { permitted: noSubtrees(), excluded: noSubtrees(), more: false };
  const lists = parts.filter(({ content }) => content.length > 0);
  if (!lists.length || parts.some(({ tag }) => tag !== 0xa0 && tag !== 0xa1)) throw new DerError("invalid name constraints");
  for (const { tag, content } of lists)
    for (const subtree of elements(content)) {
      const [base] = elements(subtree.content);
      if (!base || !readSubtree(base, tag === 0xa0 ? constraints.permitted : constraints.excluded)) constraints.more = true;
    }
  return constraints;
}

const noSubtrees = (): Subtrees => ({ dns: [], emails: [], uris: [], ips: [] });

/** False: of a kind that is not known. */
function readSubtree(base: Element, into: Subtrees): boolean {
  const domain = (text: string): string => {
    if (!domainValid(text, true)) throw new DerError("invalid name constraint");
    return text;
  };
  if (base.tag === dnsTag) into.dns.push(domain(ascii(base)));
  else if (base.tag === uriTag) into.uris.push(domain(ascii(base)));
  else if (base.tag === emailTag) {
    const text = ascii(base);
    if (text.includes("@") && !mailbox(text)) throw new DerError("invalid name constraint");
    into.emails.push(text.includes("@") ? text : domain(text));
  } else if (base.tag === ipTag) {
    if (base.content.length !== 8 && base.content.length !== 32) throw new DerError("invalid name constraint");
    into.ips.push(base.content);
  } else return false;
  return true;
}

interface Mailbox {
  local: string;
  /** In lower case. */
  domain: string;
}

function mailbox(text: string): Mailbox | undefined {
  const [, local, domain = ""] = /^([\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*)@(.*)$/.exec(text) ?? [];
  return local !== undefined && domainValid(domain, false) ? { local, domain: domain.toLowerCase() } : undefined;
}

/** Host of a URI with an authority that is a name. */
function hostOf(uri: string): string | undefined {
  const [, authority = ""] = /^[A-Za-z][\w+.-]*:\/\/([^/?#]*)/.exec(uri) ?? [];
  const host = authority
    .slice(authority.lastIndexOf("@") + 1)
    .replace(/:\d*$/, "")
    .toLowerCase();
  const isAddress = host.startsWith("[") || /^\d+(\.\d+){3}$/.test(host) || host.includes(":");
  return host && !isAddress ? host : undefined;
}

/** `constraint` itself, or below it; one that begins with a period takes only what is below. */
function within(constraint: string, domain: string): boolean {
  const wide = constraint.toLowerCase();
  const name = domain.toLowerCase();
  if (!name.endsWith(wide)) return false;
  return wide === "" || wide.startsWith(".") || name.length === wide.length || name[name.length - wide.length - 1] === ".";
}

/** From the first period on. */
const parent = (domain: string): string => (domain.includes(".") ? domain.slice(domain.indexOf(".")).toLowerCase() : "");

/** A wildcard reaches every name beside it, so that one which is excluded excludes the wildcard. */
const reached = (constraint: string, domain: string): boolean =>
  within(constraint, domain) || (domain.startsWith("*") && parent(constraint) !== "" && parent(constraint) === parent(domain));

function addressWithin(constraint: Uint8Array, address: Uint8Array): boolean {
  const size = address.length;
  return constraint.length === size * 2 && address.every((byte, i) => ((byte ^ (constraint[i] as number)) & (constraint[size + i] as number)) === 0);
}

function mailWithin(constraint: string, { local, domain }: Mailbox, matches: typeof within): boolean {
  if (!constraint.includes("@")) return matches(constraint, domain);
  const whole = mailbox(constraint);
  return whole?.local === local && whole.domain === domain;
}

/** Whether all names may be certified by who is limited so. */
export function namesAllowed({ permitted, excluded }: NameConstraints, names: AlternativeNames): boolean {
  const allowed = <T, C>(name: T, may: readonly C[], mayNot: readonly C[], inside: (constraint: C, name: T) => boolean, touches = inside): boolean =>
    (!may.length || may.some((one) => inside(one, name))) && !mayNot.some((one) => touches(one, name));
  const mails = names.emails.map(mailbox);
  const hosts = names.uris.map(hostOf);
  return (
    names.ips.every((ip) => allowed(ip, permitted.ips, excluded.ips, addressWithin)) &&
    names.dns.every((domain) => domainValid(domain, false) && allowed(domain, permitted.dns, excluded.dns, within, reached)) &&
    hosts.every((host) => host !== undefined && domainValid(host, false) && allowed(host, permitted.uris, excluded.uris, within, reached)) &&
    mails.every(
      (mail) =>
        mail !== undefined &&
        allowed(
          mail,
          permitted.emails,
          excluded.emails,
          (constraint, one) => mailWithin(constraint, one, within),
          (constraint, one) => mailWithin(constraint, one, reached),
        ),
    )
  );
}
