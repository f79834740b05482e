/** Go's net/url: what a request's URI may be, its parts and its text. */

/** The message is Go's. */
export class URLError extends Error {
  constructor(text: string, why: string) {
    super(`parse ${JSON.stringify(text)}: ${why}`);
  }
}

interface Parts {
  scheme: string;
  opaque: string;
  user: string;
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
  readonly #parts: Parts;
  constructor(parts: Parts) {
    this.#parts = parts;
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.escapedPath = parts.escapedPath;
    this.rawQuery = parts.rawQuery;
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
      if (key !== undefined && value !== undefined) found.set(key, [...(found.get(key) ?? []), value]);
    }
    return found;
  }
  toString(): string {
    const { scheme, opaque, user, host, escapedPath, rawQuery, fragment } = this.#parts;
    const authority = scheme || host || user ? (host || user || escapedPath.startsWith("//") || !opaque ? `//${user ? `${user}@` : ""}${host}` : "") : "";
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
  if (bad) throw new URLError(text, `invalid URL escape ${JSON.stringify(bad[0])}`);
}

function parseScheme(text: string): [scheme: string, rest: string] {
  const match = /^([^:/?#]*):(.*)$/s.exec(text);
  if (!match) return ["", text];
  const [, scheme = "", rest = ""] = match;
  if (scheme === "") throw new URLError(text, "missing protocol scheme");
  if (!/^[A-Za-z][A-Za-z\d+.-]*$/.test(scheme)) {
    if (/^[\d+.-]/.test(scheme)) throw new URLError(text, "first path segment in URL cannot contain colon");
    return ["", text];
  }
  return [scheme.toLowerCase(), rest];
}

function parseHost(text: string, authority: string): { user: string; host: string } {
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? "" : authority.slice(0, at);
  const raw = authority.slice(at + 1);
  if (user && !/^[A-Za-z\d\-._:~!$&'()*+,;=%@]*$/.test(user)) throw new URLError(text, "net/url: invalid userinfo");
  if (raw.startsWith("[")) {
    const end = raw.lastIndexOf("]");
    if (end < 0) throw new URLError(text, "missing ']' in host");
    if (!/^(?::\d*)?$/.test(raw.slice(end + 1))) throw new URLError(text, `invalid port ${JSON.stringify(raw.slice(end + 1))} after host`);
    return { user, host: raw.replace(/%25/, "%") };
  }
  const port = /:[^:]*$/.exec(raw)?.[0] ?? "";
  if (!/^(?::\d*)?$/.test(port)) throw new URLError(text, `invalid port ${JSON.stringify(port)} after host`);
  checkEscapes(text, raw);
  const bad = /[ "<>\\^`{|}\x7f]/.exec(raw);
  if (bad) throw new URLError(text, `invalid character ${JSON.stringify(bad[0])} in host name`);
  return { user, host: unescaped(raw.replaceAll("+", "%2B")) ?? raw };
}

/** An absolute URI or an absolute path. Throws URLError. */
export function parseRequestURI(text: string): GoURL {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text)) throw new URLError(text, "net/url: invalid control character in URL");
  if (text === "") throw new URLError(text, "empty url");
  if (text === "*") return new GoURL({ scheme: "", opaque: "", user: "", host: "", escapedPath: "*", rawQuery: "", fragment: "" });
  const [scheme, afterScheme] = parseScheme(text);
  const mark = afterScheme.indexOf("?");
  const rawQuery = mark < 0 ? "" : afterScheme.slice(mark + 1);
  let rest = mark < 0 ? afterScheme : afterScheme.slice(0, mark);
  if (!rest.startsWith("/")) {
    if (scheme !== "") return new GoURL({ scheme, opaque: rest, user: "", host: "", escapedPath: "", rawQuery, fragment: "" });
    throw new URLError(text, "invalid URI for request");
  }
  let authority = { user: "", host: "" };
  if (rest.startsWith("//") && (scheme !== "" || !rest.startsWith("///"))) {
    const slash = rest.indexOf("/", 2);
    const end = slash < 0 ? rest.length : slash;
    // A request's URI without a scheme is a path.
    if (scheme !== "") {
      authority = parseHost(text, rest.slice(2, end));
      rest = rest.slice(end);
    }
  }
  checkEscapes(text, rest);
  return new GoURL({ scheme, opaque: "", ...authority, escapedPath: rest, rawQuery, fragment: "" });
}
