/** What stands before the verbs and lets only so many requests through at the same time. */
import type { ApiRequest, ApiResponse, UserInfo } from "../../api/exchange.ts";
import { StatusError } from "../../api/status.ts";
import type { RequestInfo } from "../request-info.ts";

/** A request that was let through. */
export interface Passage {
  /** Go out with the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The work is done: others may come. Once or more often. */
  leave(): void;
  /** A watch sends what there was before, and from now on only waits; `leave` comes all the same. */
  initialized?(): void;
}

export interface Limiter {
  /** Whether requests wait for their turn, and are not just refused. */
  readonly queues: boolean;
  /** Undefined: such requests are not limited. Throws and rejects with TooManyRequests. `waitMs`: how long the request may wait at most. */
  enter(request: ApiRequest, info: RequestInfo, user: UserInfo, isLong: boolean, waitMs: number): Passage | undefined | Promise<Passage>;
}

const message = "Too many requests, please try again later.";

/** Refused for too many others. */
export class TooManyRequests extends StatusError {
  readonly #seconds: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(seconds: number, headers: Readonly<Record<string, string>> = {}) {
    super({ code: 429, reason: "TooManyRequests", message, details: { retryAfterSeconds: seconds } });
    this.#seconds = seconds;
    this.headers = headers;
  }
  /** Text, as upstream has it: nothing of the request is looked at for it. */
  response(request: Pick<ApiRequest, "asObject">): ApiResponse {
    const headers = { ...this.headers, "retry-after": String(this.#seconds) };
    if (request.asObject) return { status: 429, headers, object: this.status };
    return {
      status: 429,
      headers: { ...headers, "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
      body: Buffer.from(`${message}\n`),
    };
  }
}
