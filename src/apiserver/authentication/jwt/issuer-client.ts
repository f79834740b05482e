/**
 * GET from issuers, as Go's http.Client does it: redirects are followed, the whole takes thirty seconds at most, and
 * answers are bounded. Errors are Go's.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent as PlainAgent, request as plainRequest, STATUS_CODES } from "../../../base/http1.ts";
import { Agent, request } from "node:https";
import { getCACertificates } from "node:tls";
import { goQuote } from "../../../api/go-quote.ts";
import type { Clock } from "../../../base/clock.ts";
import { bodyWithin } from "../../outside/body.ts";
import { goNetworkError } from "../../outside/network-error.ts";
import { checkServerIdentity } from "../../outside/server-identity.ts";
import { ClaimError } from "./claims.ts";

export interface Fetched {
  status: number;
  /** `404 Not Found` */
  statusLine: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface IssuerClientOptions {
  clock: Clock;
  /** PEM bundle. @default the machine's authorities */
  ca?: string;
  /** This URL is fetched from another place. */
  rewrite?: { from: string; to: string };
}

/** Milliseconds for all of a request, redirects and the answer's body included. */
const patience = 30_000;
const maxRedirects = 10;
/** Bytes of an answer. */
const maxAnswer = 4 << 20;
const redirects = new Set([301, 302, 303, 307, 308]);

export class IssuerClient {
  readonly #clock: Clock;
  readonly #rewrite: IssuerClientOptions["rewrite"];
  readonly #secure: Agent;
  readonly #plain: PlainAgent;

  constructor({ clock, ca, rewrite }: IssuerClientOptions) {
    this.#clock = clock;
    this.#rewrite = rewrite;
    const system = ca === undefined ? getCACertificates("system") : [];
    const shared = { keepAlive: true, maxFreeSockets: 2, timeout: 90_000, proxyEnv: process.env };
    // Any certificate of the bundle is trusted, as Go has it.
    this.#secure = new Agent({
      ...shared,
      checkServerIdentity,
      allowPartialTrustChain: true,
      ...(ca !== undefined ? { ca } : system.length ? { ca: system } : {}),
    });
    this.#plain = new PlainAgent(shared);
  }

  /** Rejects with ClaimError. */
  async get(url: string, { token, signal }: { token?: string; signal: AbortSignal }): Promise<Fetched> {
    const abort = new AbortController();
    const end = (): void => abort.abort();
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    const timer = this.#clock.after(patience, end);
    let at = url;
    let began = false;
    try {
      let credentials = token;
      for (let hop = 0; ; hop++) {
        const response = await this.#once(at, credentials, abort.signal);
        const { location } = response.headers;
        if (!redirects.has(response.statusCode ?? 0) || !location) {
          began = true;
          return await read(response);
        }
        response.resume();
        if (hop + 1 >= maxRedirects) throw new ClaimError(`stopped after ${maxRedirects} redirects`);
        const next = URL.parse(location, at);
        if (!next) throw new ClaimError(`failed to parse Location header ${goQuote(location)}`);
        if (next.host !== new URL(at).host) credentials = undefined;
        at = next.href;
      }
    } catch (error) {
      if (abort.signal.aborted) {
        const why = signal.aborted ? "context canceled" : "context deadline exceeded";
        if (began) throw new ClaimError(`unable to read response body: ${why} (Client.Timeout or context cancellation while reading body)`);
        throw new ClaimError(`Get ${goQuote(at)}: ${why}${signal.aborted ? "" : " (Client.Timeout exceeded while awaiting headers)"}`);
      }
      if (began) throw new ClaimError(`unable to read response body: ${(error as Error).message}`);
      if (!(error instanceof Error)) throw error;
      const { hostname, port, protocol } = URL.parse(at) ?? { hostname: "", port: "", protocol: "" };
      const where = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (protocol === "http:" ? 80 : 443)) };
      throw new ClaimError(`Get ${goQuote(at)}: ${error instanceof ClaimError ? error.message : goNetworkError(error, where)}`);
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", end);
    }
  }

  /** The head of an answer. */
  async #once(url: string, token: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
    const target = URL.parse(this.#rewrite?.from === url ? this.#rewrite.to : url);
    if (!target) throw new ClaimError(`unsupported protocol scheme ${goQuote("")}`);
    const secure = target.protocol === "https:";
    if (!secure && target.protocol !== "http:") throw new ClaimError(`unsupported protocol scheme ${goQuote(target.protocol.slice(0, -1))}`);
    const headers = { "user-agent": "Go-http-client/1.1", ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const ask = (again: boolean): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const make = secure ? request : plainRequest;
        const sent = make(target, { agent: secure ? this.#secure : this.#plain, headers, signal }, resolve);
        sent.on("error", (error: NodeJS.ErrnoException) => {
          // A kept connection that its other end closed just now has carried nothing.
          if (again && sent.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE")) resolve(ask(false));
          else reject(error);
        });
        sent.end();
      });
    return ask(true);
  }

  close(): void {
    this.#secure.destroy();
    this.#plain.destroy();
  }
}

async function read(response: IncomingMessage): Promise<Fetched> {
  const body = await bodyWithin(response, maxAnswer);
  const { statusCode: status = 0, statusMessage, headers } = response;
  return { status, statusLine: `${status} ${statusMessage || STATUS_CODES[status] || ""}`, headers, body };
}

/** What is wrong with an answer that is no JSON, or not the JSON it should be. */
export function notJson({ headers }: Fetched, why: string): string {
  const type = headers["content-type"] ?? "";
  return type.split(";", 1)[0]?.trim().toLowerCase() === "application/json"
    ? `got Content-Type = application/json, but could not unmarshal as JSON: ${why}`
    : `expected Content-Type = application/json, got ${goQuote(type)}: ${why}`;
}
