/** One HTTP exchange with a registry: TLS with a private CA, redirects without the credentials, answers as streams. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as plainRequest } from "../../base/http1.ts";
import { request as tlsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

export interface Trust {
  /** PEM; in addition to the certificates that the machine trusts. */
  ca?: string;
  /** Accept any certificate. */
  insecure?: boolean;
  cert?: string;
  key?: string;
}

export interface Exchange {
  method: string;
  url: URL;
  headers?: Record<string, string | number>;
  /** Made anew for each attempt. */
  body?: () => AsyncIterable<Uint8Array>;
  trust?: Trust;
  signal?: AbortSignal | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  /** Where it came from, after redirects. */
  url: URL;
  body: IncomingMessage;
}

/** Milliseconds without a byte. */
const silence = 60_000;
const redirects = new Set([301, 302, 303, 307, 308]);

function once({ method, url, headers, body, trust, signal }: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, signal };
    const answered = (response: IncomingMessage): void => resolve({ status: response.statusCode ?? 0, headers: response.headers, url, body: response });
    const call: ClientRequest =
      url.protocol === "https:"
        ? tlsRequest(url, { ...options, ca: trust?.ca, cert: trust?.cert, key: trust?.key, rejectUnauthorized: !trust?.insecure }, answered)
        : plainRequest(url, options, answered);
    call.setTimeout(silence, () => call.destroy(new Error(`${url.host} is silent`)));
    call.on("error", reject);
    if (body) pipeline(body(), call).catch(reject);
    else call.end();
  });
}

/** Follows redirects of reads. Rejects when there is no answer. */
export async function exchange(wanted: Exchange): Promise<Answer> {
  let next = wanted;
  for (let hops = 0; ; hops++) {
    const answer = await once(next);
    const { location } = answer.headers;
    if (!redirects.has(answer.status) || !location || hops === 5 || (next.method !== "GET" && next.method !== "HEAD")) return answer;
    answer.body.resume();
    const url = new URL(location, next.url);
    const { Authorization: _, ...headers } = next.headers ?? {};
    next = { ...next, url, headers: url.host === next.url.host ? (next.headers ?? {}) : headers };
  }
}

/** For answers that are small by their nature. */
export async function textOf(answer: Answer, most = 8 * 1024 * 1024): Promise<string> {
  if (Number(answer.headers["content-length"] ?? 0) > most) throw new Error(`${answer.url.host} sends more than ${most} bytes where little was asked for`);
  let size = 0;
  answer.body.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > most) answer.body.destroy(new Error(`${answer.url.host} sends more than ${most} bytes where little was asked for`));
  });
  return (await buffer(answer.body)).toString("utf8");
}

/** What a registry says about a failure, as one line. */
export async function failureOf(answer: Answer): Promise<string> {
  const text = await textOf(answer).catch(() => "");
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    const said = (errors ?? []).map((e) => [e.code, e.message].filter(Boolean).join(": ")).join("; ");
    if (said) return `${answer.status} ${said}`;
  } catch {
    // Not the specification's form: the status has to do.
  }
  return `${answer.status} ${answer.body.statusMessage ?? ""}`.trim();
}
