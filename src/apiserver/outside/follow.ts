/**
 * One question and where it is sent on to, as Go's http.Client does it: ten hops at most; after 301, 302 and 303 it is asked
 * with GET and without a body, after 307 and 308 again as it was. Who asks is said at each hop, as client-go does, but never
 * over a connection that anybody can read after one that nobody could.
 */
import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions } from "node:http";
import { request as httpRequest } from "../../base/http1.ts";
import { request as httpsRequest } from "node:https";
import { goQuote } from "../../api/go-quote.ts";
import { parseURL, URLError } from "../../api/cel/library/go-url.ts";
import { goNetworkError } from "./network-error.ts";
import { type Annotate, type CertificateSeries, countAnswering, countCertificate } from "./server-identity.ts";

/** One server on the way. */
export interface Hop {
  /** As messages show it, with its query. */
  readonly url: string;
  /** As certificates name it. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Host, port, agent, path and headers; asked again for each attempt. */
  options(): RequestOptions;
  /** Told of servers that cannot be believed for their certificates. */
  readonly certificates?: CertificateSeries;
  /** Of the request on whose behalf it is sent. */
  readonly annotate?: Annotate | undefined;
  /** What is told of each request that goes out. */
  begun?(method: string): Begun;
}
export interface Begun {
  headers: OutgoingHttpHeaders;
  answered(status: number): void;
  failed(message: string): void;
}

export interface Posting extends Hop {
  readonly body: Uint8Array;
  /** How another URL is reached, on the same terms; `downgraded`: it may not be said who asks. */
  elsewhere(url: URL, downgraded: boolean): Hop;
}

/** In Go's words: at which URL, and what. */
export class HopError extends Error {
  /** What each message of that URL begins with. */
  readonly where: string;
  /** The other end broke the connection: it may well answer the next time. */
  readonly reset: boolean;
  constructor(url: string, message: string, reset = false) {
    const where = `Post ${goQuote(url)}: `;
    super(where + message);
    this.where = where;
    this.reset = reset;
  }
}
/** Whether the other end broke a connection that had begun to carry something. */
export const brokeOff = ({ code, message }: NodeJS.ErrnoException): boolean => code === "ECONNRESET" && message !== "socket hang up";
class StaleConnection extends Error {}

const maxHops = 10;
const redirects = new Set([301, 302, 303, 307, 308]);
const asItWas = new Set([307, 308]);

/** The head of the last answer. Rejects with HopError. */
export async function follow(posting: Posting, signal: AbortSignal): Promise<IncomingMessage> {
  let hop: Hop = posting;
  let sent: Sent = { method: "POST", body: posting.body };
  for (let hops = 1; ; hops++) {
    const response = await answerOf(hop, sent, signal);
    const { statusCode = 0, headers } = response;
    if (!redirects.has(statusCode) || !headers.location) return response;
    response.resume();
    const url = placeOf(headers.location, hop.url);
    if (hops >= maxHops) throw new HopError(headers.location, `stopped after ${maxHops} redirects`);
    if (url.protocol !== "https:" && url.protocol !== "http:")
      throw new HopError(url.href, `unsupported protocol scheme ${goQuote(url.protocol.slice(0, -1))}`);
    const downgraded = posting.secure && url.protocol === "http:";
    sent = { ...(asItWas.has(statusCode) ? sent : { method: "GET" }), ...(hop.secure && url.protocol === "http:" ? {} : { referer: hop.url }) };
    hop = posting.elsewhere(url, downgraded);
  }
}

function placeOf(location: string, from: string): URL {
  const wrong = (why: string): HopError => new HopError(from, `failed to parse Location header ${goQuote(location)}: ${why}`);
  try {
    parseURL(location);
  } catch (error) {
    throw error instanceof URLError ? wrong(error.message) : error;
  }
  const url = URL.parse(location, from);
  if (!url) throw wrong("invalid URL");
  return url;
}

const hostOf = ({ url }: Hop): string => new URL(url).hostname.replace(/^\[|\]$/g, "");

interface Sent {
  method: string;
  body?: Uint8Array;
  referer?: string;
}

async function answerOf(hop: Hop, sent: Sent, signal: AbortSignal): Promise<IncomingMessage> {
  const begun = hop.begun?.(sent.method);
  try {
    // A kept connection that its other end closed just now has carried nothing.
    const response = await once(hop, sent, begun, signal).catch((error) => {
      if (error instanceof StaleConnection) return once(hop, sent, begun, signal);
      throw error;
    });
    begun?.answered(response.statusCode ?? 0);
    countAnswering(response.socket, hop.certificates, hostOf(hop), hop.annotate);
    return response;
  } catch (error) {
    const cause = (error instanceof StaleConnection ? error.cause : error) as NodeJS.ErrnoException;
    countCertificate(cause, hop.certificates, hostOf(hop), hop.annotate);
    const message = goNetworkError(cause, hop);
    begun?.failed(message);
    throw new HopError(hop.url, message, brokeOff(cause));
  }
}

async function once({ secure, options }: Hop, { method, body, referer }: Sent, begun: Begun | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  const { headers, ...where } = options();
  const request = (secure ? httpsRequest : httpRequest)({
    ...where,
    method,
    signal,
    headers: {
      accept: "application/json, */*",
      ...(body ? { "content-type": "application/json", "content-length": body.length } : {}),
      ...(referer ? { referer } : {}),
      ...(headers as OutgoingHttpHeaders),
      ...begun?.headers,
    },
  });
  return new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", (error: NodeJS.ErrnoException) =>
      reject(request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE") ? new StaleConnection("", { cause: error }) : error),
    );
    request.end(body);
  });
}
