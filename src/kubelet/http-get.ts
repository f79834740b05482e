/** HTTP requests of probes and lifecycle hooks (upstream's pkg/probe/http): straight to the pod, certificates unchecked. */
import type { IncomingMessage } from "node:http";
import { request as httpRequest } from "../base/http1.ts";
import { request as httpsRequest } from "node:https";
import type { IntOrString } from "../api/intstr.ts";
import type { Container, HTTPGetAction } from "../api/types/core-v1.gen.ts";

const maxBody = 10 * 1024;
const maxRedirects = 10;

/** The number of a port given by number or by name. Throws with upstream's text. */
export function containerPort(port: IntOrString, container: Container): number {
  const number = typeof port === "number" ? port : Number(container.ports?.find((p) => p.name === port)?.containerPort ?? port);
  if (!Number.isInteger(number)) throw new Error(`strconv.Atoi: parsing ${JSON.stringify(String(port))}: invalid syntax`);
  if (number < 1 || number > 65535) throw new Error(`invalid port number: ${number}`);
  return number;
}

export interface HttpAnswer {
  status: number;
  /** At most 10 KiB. */
  body: string;
}

export function urlOf(action: HTTPGetAction, container: Container, podIP: string): URL {
  const host = action.host || podIP;
  const path = action.path ?? "/";
  const url = `${(action.scheme || "HTTP").toLowerCase()}://${host.includes(":") ? `[${host}]` : host}:${containerPort(action.port, container)}`;
  return new URL(path.startsWith("/") ? path : `/${path}`, url);
}

export function headersOf(action: HTTPGetAction, userAgent: string): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {};
  for (const { name, value } of action.httpHeaders ?? []) {
    const key = name.toLowerCase();
    headers[key] = [...(headers[key] ?? []), value];
  }
  // An empty value asks for the header not to be sent.
  for (const [name, value] of [
    ["user-agent", userAgent],
    ["accept", "*/*"],
  ] as const) {
    if (!headers[name]) headers[name] = [value];
    else if (headers[name].join("") === "") delete headers[name];
  }
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? (values[0] as string) : values]));
}

function once(url: URL, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<{ answer: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { headers, signal, agent: false as const, method: "GET", ...(url.protocol === "https:" ? { rejectUnauthorized: false } : {}) };
    const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void => resolve({ answer, body: Buffer.concat(chunks).subarray(0, maxBody).toString("utf8") });
      answer.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size < maxBody) return;
        done();
        answer.destroy();
      });
      answer.on("end", done);
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end();
  });
}

/**
 * Follows redirects to the same host; one that leads elsewhere is the answer. Rejects when no answer comes before the
 * signal aborts.
 */
export async function httpGet(url: URL, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<HttpAnswer> {
  let target = url;
  for (let redirects = 0; ; redirects++) {
    const { answer, body } = await once(target, headers, signal);
    const status = answer.statusCode ?? 0;
    const location = answer.headers.location;
    if (![301, 302, 303, 307, 308].includes(status) || !location) return { status, body };
    const next = new URL(location, target);
    if (next.hostname !== url.hostname) return { status, body };
    if (redirects >= maxRedirects) throw new Error(`Get ${JSON.stringify(location)}: stopped after 10 redirects`);
    target = next;
  }
}
