/**
 * One question to a server outside, over HTTP: answers are bounded in size and time, redirects are not followed, and who asks
 * to be asked again later is, as client-go does it (k8s.io/client-go/rest/{request,with_retry}.go).
 */
import type { IncomingMessage, RequestOptions } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../../base/clock.ts";
import { bodyWithin } from "./body.ts";
import { goNetworkError } from "./network-error.ts";

export interface Answer {
  status: number;
  body: Buffer;
  contentType: string;
  /** Seconds, where the server says so in figures. */
  retryAfter?: number;
}

/** It could not be reached, or did not answer in time; in Go's words. */
export class Unreachable extends Error {
  /** Nobody waits any more. */
  readonly cancelled: boolean;
  readonly timedOut: boolean;
  /** The other end broke the connection: it may well answer the next time. */
  readonly reset: boolean;
  constructor(message: string, { cancelled = false, timedOut = false, reset = false } = {}) {
    super(message);
    this.cancelled = cancelled;
    this.timedOut = timedOut;
    this.reset = reset;
  }
}

/** Bytes: a patch may rewrite the largest object there is, in base64. */
const maxAnswer = 16 << 20;
/** Of answers that ask to be asked again. */
const maxRetries = 10;

export interface Posting {
  /** As messages show it, with its query. */
  readonly url: string;
  /** As certificates name it. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly body: Uint8Array;
  /** Host, port, agent, path and headers; asked again for each attempt. */
  options(): RequestOptions;
}
export interface Waiting {
  readonly clock: Clock;
  /** Milliseconds for the whole of it; 0: as long as the signal lets it. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

class StaleConnection extends Error {}

/** Rejects with Unreachable, for what `options` throws as well. */
export async function post(posting: Posting, { clock, timeout, signal }: Waiting): Promise<Answer> {
  const abort = new AbortController();
  const gone = (): void => abort.abort();
  if (signal.aborted) gone();
  else signal.addEventListener("abort", gone, { once: true });
  const timer = timeout ? clock.after(timeout, gone) : undefined;
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await once(posting, abort.signal);
        const busy = (answer.status === 429 || answer.status >= 500) && answer.retryAfter !== undefined;
        if (!busy || attempt > maxRetries) return answer;
        await clock.sleep((answer.retryAfter as number) * 1000, abort.signal);
      } catch (error) {
        // A kept connection that its other end closed just now has carried nothing.
        if (attempt === 1 && error instanceof StaleConnection) continue;
        throw error instanceof StaleConnection ? error.cause : error;
      }
    }
  } catch (error) {
    const where = `Post ${JSON.stringify(posting.url)}: `;
    if (signal.aborted) throw new Unreachable(`${where}context canceled`, { cancelled: true });
    if (abort.signal.aborted) throw new Unreachable(`${where}context deadline exceeded`, { timedOut: true });
    const { code } = error as NodeJS.ErrnoException;
    const reset = code === "ECONNRESET" && (error as Error).message !== "socket hang up";
    throw new Unreachable(where + goNetworkError(error as NodeJS.ErrnoException, posting), { reset });
  } finally {
    timer?.cancel();
    signal.removeEventListener("abort", gone);
  }
}

async function once({ secure, body, options }: Posting, signal: AbortSignal): Promise<Answer> {
  const { headers, ...where } = options();
  const request = (secure ? httpsRequest : httpRequest)({
    ...where,
    method: "POST",
    signal,
    headers: {
      accept: "application/json, */*",
      "content-type": "application/json",
      "content-length": body.length,
      ...(headers as Record<string, string>),
    },
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", (error: NodeJS.ErrnoException) =>
      reject(request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE") ? new StaleConnection("", { cause: error }) : error),
    );
    request.end(body);
  });
  const answered = await bodyWithin(response, maxAnswer);
  const { "retry-after": later = "", "content-type": contentType = "" } = response.headers;
  const answer = { status: response.statusCode ?? 0, body: answered, contentType };
  return /^\d+$/.test(later) ? { ...answer, retryAfter: Number(later) } : answer;
}

/** An address within a URL, or a Host header. */
export const hostPort = (host: string, port: number): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

export interface Identity {
  token?: string;
  username?: string;
  password?: string;
}
/** The Authorization header, where there is something to say. */
export function authorizationHeader({ token, username, password = "" }: Identity): Record<string, string> {
  if (token) return { authorization: `Bearer ${token}` };
  return username === undefined ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}
