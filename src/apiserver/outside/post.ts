/**
 * One question to a server outside, over HTTP: answers are bounded in size and time, and who asks to be asked again later is,
 * as client-go does it (k8s.io/client-go/rest/{request,with_retry}.go).
 */
import { goQuote } from "../../api/go-quote.ts";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../base/clock.ts";
import { bodyWithin } from "./body.ts";
import { brokeOff, follow, HopError, type Posting } from "./follow.ts";
import { goNetworkError } from "./network-error.ts";
import type { Annotate, CertificateSeries } from "./server-identity.ts";

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

/** Of questions to others, by HOST:PORT as their URLs have it. */
export interface OutgoingSeries {
  readonly certificates: CertificateSeries;
  /** Bytes of one attempt. */
  sent(host: string, bytes: number): void;
  /** What came of it; undefined: no answer. */
  answered(host: string, status: number | undefined): void;
  /** Bytes of the last answer. */
  received(host: string, bytes: number): void;
  /** Seconds from the first attempt to the end. */
  took(host: string, seconds: number): void;
}

export interface Waiting {
  readonly clock: Clock;
  /** Milliseconds for the whole of it; 0: as long as the signal lets it. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Counts what is asked. */
  readonly outgoing?: OutgoingSeries | undefined;
  /** Of the request on whose behalf it is asked. */
  readonly annotate?: Annotate | undefined;
}

/** Rejects with Unreachable, for what `options` throws as well. */
export async function post(posting: Posting, waiting: Waiting): Promise<Answer> {
  const { clock, outgoing } = waiting;
  if (!outgoing) return ask(posting, waiting);
  const host = /^\w+:\/\/([^/?#]*)/.exec(posting.url)?.[1] ?? "";
  const began = clock.monotonic();
  try {
    const answer = await ask({ ...posting, certificates: outgoing.certificates, annotate: waiting.annotate }, waiting, host);
    outgoing.received(host, answer.body.length);
    return answer;
  } finally {
    outgoing.took(host, (clock.monotonic() - began) / 1000);
  }
}

async function ask(posting: Posting, { clock, timeout, signal, outgoing }: Waiting, host = ""): Promise<Answer> {
  const abort = new AbortController();
  const gone = (): void => abort.abort();
  if (signal.aborted) gone();
  else signal.addEventListener("abort", gone, { once: true });
  const timer = timeout ? clock.after(timeout, gone) : undefined;
  try {
    for (let attempt = 1; ; attempt++) {
      outgoing?.sent(host, posting.body.length);
      const response = await follow(posting, abort.signal).catch((error) => {
        outgoing?.answered(host, undefined);
        throw error;
      });
      outgoing?.answered(host, response.statusCode);
      const answer = await read(response);
      const busy = (answer.status === 429 || answer.status >= 500) && answer.retryAfter !== undefined;
      if (!busy || attempt > maxRetries) return answer;
      await clock.sleep((answer.retryAfter as number) * 1000, abort.signal);
    }
  } catch (error) {
    const where = error instanceof HopError ? error.where : `Post ${goQuote(posting.url)}: `;
    if (signal.aborted) throw new Unreachable(`${where}context canceled`, { cancelled: true });
    if (abort.signal.aborted) throw new Unreachable(`${where}context deadline exceeded`, { timedOut: true });
    if (error instanceof HopError) throw new Unreachable(error.message, { reset: error.reset });
    throw new Unreachable(where + goNetworkError(error as NodeJS.ErrnoException, posting), { reset: brokeOff(error as NodeJS.ErrnoException) });
  } finally {
    timer?.cancel();
    signal.removeEventListener("abort", gone);
  }
}

async function read(response: IncomingMessage): Promise<Answer> {
  const body = await bodyWithin(response, maxAnswer);
  const { "retry-after": later = "", "content-type": contentType = "" } = response.headers;
  const answer = { status: response.statusCode ?? 0, body, contentType };
  return /^\d+$/.test(later) ? { ...answer, retryAfter: Number(later) } : answer;
}

/** An address within a URL, or a Host header. */
export const hostPort = (host: string, port: number): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;
