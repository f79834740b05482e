/** Go's net/url: what a request's URI may be, its parts and its text. */
import { parseIP } from "../../ip.ts";
import { quoted } from "./long-texts.ts";

/** The message is Go's. */
export class URLError extends Error {
  constructor(text: string, why: string) {
    super(`parse ${quoted(text)}: ${why}`);
  }
}

interface Parts {
  scheme: string;
  opaque: string;
  user: string | undefined;
  host: string;
  escapedPath: string;
  rawQuery: string;
  fragment: string;
}

export class GoURL {
  readonly scheme: string;
  readonly host: string;
  readonly escapedPath: string;
  readonly rawQuery: string;
  /** As it was written; undefined where there is no `@`. */
  readonly user: string | undefined;
  /** As it was written. */
  readonly fragment: string;
  readonly #parts: Parts;
  constructor(parts: Parts) {
    this.#parts = parts;
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.escapedPath = parts.escapedPath;
    this.rawQuery = parts.rawQuery;
    this.user = parts.user;
    this.fragment = parts.fragment;
  }
  hostname(): string {
    const bare = this.host.replace(/:\d*$/, "");
    return /^\[.*\]$/.test(bare) ? bare.slice(1, -1) : bare;
  }
  port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? "";
  }
  /** Values by key, in the order of the query; what is badly escaped is left out. */
  queryValues(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const pair of this.rawQuery.split("&")) {
      if (pair === "" || pair.includes(";")) continue;
      const equals = pair.indexOf("=");
      const key = unescaped(equals < 0 ? pair : pair.slice(0, equals));
      const value = unescaped(equals < 0 ? "" : pair.slice(equals + 1));
      if (key === undefined || value === undefined) continue;
      const values = found.get(key);
      if (values) values.push(value);
      else found.set(key, [value]);
    }
    return found;
  }
  toString(): string {
    const { scheme, opaque, user, host, escapedPath, rawQuery, fragment } = this.#parts;
    const authority =
      scheme || host || user !== undefined
        ? host || user !== undefined || escapedPath.startsWith("//") || !opaque
          ? `//${user === undefined ? "" : `${user}@`}${host}`
          : ""
        : "";
    return `${scheme ? `${scheme}:` : ""}${opaque || `${authority}${escapedPath}`}${rawQuery ? `?${rawQuery}` : ""}${fragment ? `#${fragment}` : ""}`;
  }
}

function unescaped(text: string): string | undefined {
  if (/%(?![\da-fA-F]{2})/.test(text)) return undefined;
  const bytes = text.replaceAll("+", " ").replaceAll(/(?:%[\da-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString());
  return bytes;
}
/** Throws URLError. */
function checkEscapes(text: string, part: string): void {
  const bad = /%(?![\da-fA-F]{2}).{0,2}/su.exec(part);
  if (bad) throw new URLError(text, `invalid URL escape ${quoted(bad[0])}`);
}

/** What precedes a colon; without one that could be, there is none. */
function parseScheme(text: string): [scheme: string, rest: string] {
  if (text.startsWith(":")) throw new URLError(text, "missing protocol scheme");
  const scheme = /^[A-Za-z][A-Za-z\d+.-]*(?=:)/.exec(text)?.[0];
  return scheme === undefined ? ["", text] : [scheme.toLowerCase(), text.slice(scheme.length + 1)];
}

/** Escapes stand for bytes beyond ASCII, or for a percent sign; in zones also for what a host may have, and for a space. */
function unescapedHost(text: string, part: string, zone = false): string {
  for (const [found] of part.matchAll(/%(?:[\da-fA-F]{2}|.{0,2})|[ #/?@\\^`{|}]/gsu)) {
    if (!found.startsWith("%")) throw new URLError(text, `invalid character ${quoted(found)} in host name`);
    const byte = /^%[\da-fA-F]{2}$/.test(found) ? Number.parseInt(found.slice(1), 16) : -1;
    const may = byte === 0x25 || (zone ? byte >= 0x20 && byte < 0x7f && !"#/?@\\^`{|}".includes(String.fromCharCode(byte)) : byte >= 0x80);
    if (!may) throw new URLError(text, `invalid URL escape ${quoted(found)}`);
  }
  return unescaped(part.replaceAll("+", "%2B")) ?? part;
}

/** An address of version 6 in brackets, with or without a zone. */
function bracketedHost(text: string, inner: string): string {
  const zone = inner.indexOf("%25");
  const host = zone < 0 ? unescapedHost(text, inner) : unescapedHost(text, inner.slice(0, zone)) + unescapedHost(text, inner.slice(zone), true);
  const percent = host.indexOf("%");
  const address = parseIP(percent < 0 ? host : host.slice(0, percent));
  if (!address || address.leadingZeros || percent === host.length - 1)
    throw new URLError(text, `invalid host: ParseAddr(${quoted(host)}): ${host.includes(":") ? "invalid IPv6 address" : "unable to parse IP"}`);
  if (!host.includes(":")) throw new URLError(text, "invalid IP-literal");
  return `[${host}]`;
}

function parseHost(text: string, scheme: string, raw: string): string {
  const open = raw.lastIndexOf("[");
  if (open > 0) throw new URLError(text, "invalid IP-literal");
  const close = raw.lastIndexOf("]");
  if (open === 0 && close < 0) throw new URLError(text, "missing ']' in host");
  const strict = scheme === "http" || scheme === "https";
  const colon = strict ? raw.indexOf(":") : raw.lastIndexOf(":");
  const port = open === 0 ? raw.slice(close + 1) : colon < 0 ? "" : raw.slice(colon);
  if (!/^(?::\d*)?$/.test(port)) throw new URLError(text, `invalid port ${quoted(port)} after host`);
  return open === 0 ? bracketedHost(text, raw.slice(1, close)) + port : unescapedHost(text, raw);
}

function parseAuthority(text: string, scheme: string, authority: string): { user: string | undefined; host: string } {
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? undefined : authority.slice(0, at);
  const host = parseHost(text, scheme, authority.slice(at + 1));
  if (user === undefined) return { user, host };
  if (!/^[A-Za-z\d\-._:~!$&'()*+,;=%@]*$/.test(user)) throw new URLError(text, "net/url: invalid userinfo");
  checkEscapes(text, user);
  return { user, host };
}

/** As it is written where it could be written so; else as Go would write it. */
function escapedPath(path: string): string {
  if (/^[A-Za-z\d\-_.~!$&'()*+,;=:@[\]/%]*$/.test(path)) return path;
  const bytes = Buffer.from(path);
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i] as number;
    if (byte === 0x25) {
      byte = Number.parseInt(bytes.toString("latin1", i + 1, i + 3), 16);
      i += 2;
    }
    const character = String.fromCharCode(byte);
    text += /[A-Za-z\d\-_.~$&+,/:;=@]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** An absolute URI or an absolute path (url.ParseRequestURI). Throws URLError. */
export function parseRequestURI(text: string): GoURL {
  if (text === "") throw new URLError(text, "empty url");
  return parse(text, true);
}

/** A URL or a reference to one, which may be relative and have a fragment (url.Parse). Throws URLError. */
export function parseURL(text: string): GoURL {
  const hash = text.indexOf("#");
  if (hash < 0) return parse(text, false);
  const fragment = text.slice(hash + 1);
  const url = parse(text.slice(0, hash), false, fragment);
  checkEscapes(text, fragment);
  return url;
}

function parse(text: string, isRequest: boolean, fragment = ""): GoURL {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text)) throw new URLError(text, "net/url: invalid control character in URL");
  if (text === "*") return new GoURL({ scheme: "", opaque: "", user: undefined, host: "", escapedPath: "*", rawQuery: "", fragment });
  const [scheme, afterScheme] = parseScheme(text);
  const mark = afterScheme.indexOf("?");
  const rawQuery = mark < 0 ? "" : afterScheme.slice(mark + 1);
  let rest = mark < 0 ? afterScheme : afterScheme.slice(0, mark);
  if (!rest.startsWith("/")) {
    if (scheme !== "") return new GoURL({ scheme, opaque: rest, user: undefined, host: "", escapedPath: "", rawQuery, fragment });
    if (isRequest) throw new URLError(text, "invalid URI for request");
    // What could not be a scheme.
    if (/^[^/]*:/.test(rest)) throw new URLError(text, "first path segment in URL cannot contain colon");
  }
  let authority: { user: string | undefined; host: string } = { user: undefined, host: "" };
  // A request's URI without a scheme is a path.
  if (rest.startsWith("//") && (scheme !== "" || (!isRequest && !rest.startsWith("///")))) {
    const slash = rest.indexOf("/", 2);
    const end = slash < 0 ? rest.length : slash;
    authority = parseAuthority(text, scheme, rest.slice(2, end));
    rest = rest.slice(end);
  }
  checkEscapes(text, rest);
  return new GoURL({ scheme, opaque: "", ...authority, escapedPath: escapedPath(rest), rawQuery, fragment });
}
