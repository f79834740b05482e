/**
 * One question to a server outside, over HTTP: answers are bounded in size and time, and who asks to be asked again later is,
 * as client-go does it (k8s.io/client-go/rest/{request,with_retry}.go).
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../base/clock.ts";
import { bodyWithin } from "./body.ts";
import { brokeOff, follow, HopError, type Posting } from "./follow.ts";
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

export interface Waiting {
  readonly clock: Clock;
  /** Milliseconds for the whole of it; 0: as long as the signal lets it. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** Rejects with Unreachable, for what `options` throws as well. */
export async function post(posting: Posting, { clock, timeout, signal }: Waiting): Promise<Answer> {
  const abort = new AbortController();
  const gone = (): void => abort.abort();
  if (signal.aborted) gone();
  else signal.addEventListener("abort", gone, { once: true });
  const timer = timeout ? clock.after(timeout, gone) : undefined;
  try {
    for (let attempt = 1; ; attempt++) {
      const answer = await read(await follow(posting, abort.signal));
      const busy = (answer.status === 429 || answer.status >= 500) && answer.retryAfter !== undefined;
      if (!busy || attempt > maxRetries) return answer;
      await clock.sleep((answer.retryAfter as number) * 1000, abort.signal);
    }
  } catch (error) {
    const where = error instanceof HopError ? error.where : `Post ${JSON.stringify(posting.url)}: `;
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
