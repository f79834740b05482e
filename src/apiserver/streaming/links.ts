/** Links in what is served through a proxy lead through the proxy (k8s.io/apimachinery/pkg/util/proxy transport.go). */
import { posix } from "node:path";
import { PassThrough, pipeline, type Readable, type Transform } from "node:stream";
import { createDeflateRaw, createGunzip, createGzip, createInflateRaw } from "node:zlib";

export interface ProxiedPlace {
  /** Path of the proxy, without a slash at its end. */
  prefix: string;
  /** host:port of what answers. */
  targetHost: string;
  /** The host that was asked for. */
  requestHost: string;
}

const attributes: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    a: ["href"],
    applet: ["codebase"],
    area: ["href"],
    audio: ["src"],
    base: ["href"],
    blockquote: ["cite"],
    body: ["background"],
    button: ["formaction"],
    command: ["icon"],
    del: ["cite"],
    embed: ["src"],
    form: ["action"],
    frame: ["longdesc", "src"],
    head: ["profile"],
    html: ["manifest"],
    iframe: ["longdesc", "src"],
    img: ["longdesc", "src", "usemap"],
    input: ["src", "usemap", "formaction"],
    ins: ["cite"],
    link: ["href"],
    object: ["classid", "codebase", "data", "usemap"],
    q: ["cite"],
    script: ["src"],
    source: ["src"],
    video: ["poster", "src"],
  }),
);

/** Absolute paths on the same host get the prefix; other hosts and relative paths stay. */
export function rewriteLink(link: string, { prefix, targetHost, requestHost }: ProxiedPlace): string {
  const [, scheme = "", host, path = "", rest = ""] = /^([a-z][a-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(link) ?? [];
  if ((host && host !== targetHost && host !== requestHost) || !path.startsWith("/")) return link;
  const origin = host && host === requestHost ? `${scheme}//${host}` : "";
  return origin + (path.startsWith(prefix) ? path : posix.join(prefix, path)) + rest;
}

const codings: ReadonlyMap<string, () => [decode: Transform, encode: Transform]> = new Map([
  ["", () => [new PassThrough(), new PassThrough()]],
  ["gzip", () => [createGunzip(), createGzip()]],
  ["deflate", () => [createInflateRaw(), createDeflateRaw()]],
]);

/** The page with its links rewritten, as a stream; undefined when it comes in a coding that nobody here reads. Errors end the stream. */
export async function rewritePage(page: Readable, coding: string, place: ProxiedPlace): Promise<Readable | undefined> {
  const made = codings.get(coding)?.();
  if (!made) return undefined;
  const [decode, encode] = made;
  const { RewritingStream } = await import("parse5-html-rewriting-stream");
  const rewriter = new RewritingStream();
  rewriter.on("startTag", (tag, raw) => {
    let changed = false;
    for (const attribute of tag.attrs) {
      if (!attributes.get(tag.tagName)?.includes(attribute.name)) continue;
      const link = rewriteLink(attribute.value, place);
      changed ||= link !== attribute.value;
      attribute.value = link;
    }
    if (changed) rewriter.emitStartTag(tag);
    else rewriter.emitRaw(raw);
  });
  // Who reads the end of the pipeline hears of its errors.
  return pipeline(page, decode.setEncoding("utf8"), rewriter, encode, () => {});
}
