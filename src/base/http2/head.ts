/** Header blocks to requests: what must be there, what must not (RFC 9113, 8.2 and 8.3), and headers as a record. */
import { Fields } from "./fields.ts";
import { HpackDecoder } from "./hpack.ts";
import type { Head, RequestHead } from "./stream.ts";

/** The request is refused; the connection goes on. */
export class MalformedError extends Error {
  override name = "MalformedError";
  readonly tooLarge: boolean;
  constructor(message: string, tooLarge = false) {
    super(message);
    this.tooLarge = tooLarge;
  }
}

const connectionSpecific = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);
/** Of these the first value counts, as node:http has it. */
const single = new Set(
  "age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after server user-agent".split(
    " ",
  ),
);
const noName = /[^!#$%&'*+\-.^_`|~0-9a-z]/;
const noValue = /[\0\r\n]/;
const noHead: Head = { headers: Object.freeze(Object.create(null) as Record<string, string>) };

/** Reads the blocks of one connection in their order. Peers repeat their headers, so that the record of the last request serves again. */
export class HeadReader {
  readonly #decoder: HpackDecoder;
  #list: string[] = [];
  /** Where the regular headers of #list begin. */
  #from = 0;
  #head = noHead;
  #contentLength = -1;

  constructor(maxList: number) {
    this.#decoder = new HpackDecoder(maxList);
  }
  /** Throws HpackError, after which nothing can be read any more. */
  read(block: Buffer): RequestHead | MalformedError {
    const list: string[] = [];
    if (!this.#decoder.decode(block, list)) return new MalformedError("the headers are too long", true);
    let method = "";
    let path = "";
    let scheme = "";
    let authority: string | undefined;
    let at = 0;
    for (; at < list.length; at += 2) {
      const name = list[at] as string;
      const value = list[at + 1] as string;
      if (name.charCodeAt(0) !== 58) break;
      if (name === ":method" && !method) method = value;
      else if (name === ":path" && !path) path = value;
      else if (name === ":scheme" && !scheme) scheme = value;
      else if (name === ":authority" && authority === undefined) authority = value;
      else return new MalformedError(`the pseudo-header ${name}`);
    }
    if (!method || !path || !scheme || method === "CONNECT") return new MalformedError("a request without method, path or scheme");
    if (noName.test(method.toLowerCase()) || /[\0-\x20\x7f]/.test(path)) return new MalformedError("method or path");
    if (!this.#repeats(list, at)) {
      const error = this.#take(list, at, authority);
      if (error) return error;
    }
    return { method, path, contentLength: this.#contentLength, head: this.#head };
  }

  #repeats(list: string[], from: number): boolean {
    const known = this.#list;
    const shift = this.#from - from;
    if (known.length - this.#from !== list.length - from || this.#head === noHead) return false;
    for (let i = from; i < list.length; i++) if (known[i + shift] !== list[i]) return false;
    return true;
  }
  #take(list: string[], from: number, authority: string | undefined): MalformedError | undefined {
    this.#head = noHead;
    const headers = new Fields();
    let repeated: Record<string, string[] | undefined> | undefined;
    for (let i = from; i < list.length; i += 2) {
      const name = list[i] as string;
      const value = list[i + 1] as string;
      if (noName.test(name) || connectionSpecific.has(name) || (name === "te" && value !== "trailers") || noValue.test(value))
        return new MalformedError(`the header ${JSON.stringify(name)}`);
      const before = headers[name];
      if (before === undefined) {
        headers[name] = value;
        continue;
      }
      repeated ??= Object.create(null) as Record<string, string[] | undefined>;
      repeated[name] = [...(repeated[name] ?? [before]), value];
      if (!single.has(name)) headers[name] = `${before}${name === "cookie" ? "; " : ", "}${value}`;
    }
    if (authority !== undefined) headers.host ??= authority;
    const length = headers["content-length"];
    if (length !== undefined && (!/^\d{1,15}$/.test(length) || repeated?.["content-length"]?.some((other) => other !== length)))
      return new MalformedError("content-length");
    this.#contentLength = length === undefined ? -1 : Number(length);
    this.#list = list;
    this.#from = from;
    this.#head = repeated ? { headers, repeated } : { headers };
    return undefined;
  }
}
