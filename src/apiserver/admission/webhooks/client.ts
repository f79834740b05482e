/**
 * HTTPS to webhooks: Services and URLs, verified against their caBundle, over connections that are kept
 * (k8s.io/apiserver/pkg/util/webhook/client.go). Redirects are not followed; answers are bounded in size and time.
 */
import { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { posix } from "node:path";
import type { WebhookClientConfig } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import { resolveService, type ServiceResolution } from "../../service-resolver.ts";
import { anonymous, type CredentialsFor } from "./credentials.ts";
import { goNetworkError } from "./network-error.ts";

export interface WebhookClientOptions extends ServiceResolution {
  clock: Clock;
  /** @default no credentials */
  credentials?: CredentialsFor;
}

export interface Answer {
  status: number;
  body: Buffer;
  contentType: string;
  /** Seconds, where the server says so in figures. */
  retryAfter?: number;
}

/** The webhook cannot be called as it is configured. */
export class Misconfigured extends Error {}
/** It could not be reached, or did not answer in time; in Go's words. */
export class Unreachable extends Error {
  readonly cancelled: boolean;
  constructor(message: string, cancelled = false) {
    super(message);
    this.cancelled = cancelled;
  }
}

/** Bytes: a patch may rewrite the largest object there is, in base64. */
const maxAnswer = 16 << 20;
const keptAgents = 50;
/** Of answers that ask to be asked again, as client-go does. */
const maxRetries = 10;
const idleTime = 90_000;

interface Target {
  /** As messages show it. */
  url: string;
  path: string;
  host: string;
  port: number;
  servername: string;
  service?: { namespace: string; name: string; port: number };
}

function targetOf({ url, service }: WebhookClientConfig): Target {
  if (service) {
    const port = service.port ?? 443;
    const servername = `${service.name}.${service.namespace}.svc`;
    const path = pathOf(service.path ?? "");
    return { url: `https://${servername}:${port}${path}`, path, host: servername, port, servername, service: { ...service, port } };
  }
  if (!url) throw new Misconfigured("webhook configuration must have either service or URL");
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new Misconfigured(`Unparsable URL: parse ${JSON.stringify(url)}`);
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  const path = pathOf(parsed.pathname);
  return { url: `https://${parsed.host}${path}`, path, host, port: Number(parsed.port || 443), servername: isIP(host) ? "" : host };
}
/** As Go's path.Join leaves it: no empty segment, no `.` and `..`, no slash at the end. */
const pathOf = (path: string): string => posix.join("/", path).replace(/(?<=.)\/$/, "");

/** The PEM of the bundle. Throws Misconfigured for what holds no certificate. */
function bundleOf(caBundle: string): string {
  const pem = Buffer.from(caBundle, "base64").toString("latin1");
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (!blocks) throw new Misconfigured("unable to load root certificates: unable to parse bytes as PEM block");
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch {
      throw new Misconfigured("unable to load root certificates: failed to parse certificate: x509: malformed certificate");
    }
  }
  return pem;
}

export class WebhookClient {
  readonly #options: WebhookClientOptions;
  /** By everything that makes a connection what it is; the least recently used first. */
  readonly #agents = new Map<string, Agent>();

  constructor(options: WebhookClientOptions) {
    this.#options = options;
  }

  /** Rejects with Misconfigured and Unreachable. */
  async call(config: WebhookClientConfig, body: Uint8Array, timeoutSeconds: number, signal: AbortSignal): Promise<Answer> {
    const target = targetOf(config);
    const query = timeoutSeconds ? `?timeout=${timeoutSeconds}s` : "";
    const agent = this.#agentOf(target, config.caBundle ?? "");
    const abort = new AbortController();
    const gone = (): void => abort.abort();
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
    const timer = timeoutSeconds ? this.#options.clock.after(timeoutSeconds * 1000, gone) : undefined;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          const answer = await this.#once(target, agent, query, body, abort.signal);
          const busy = (answer.status === 429 || answer.status >= 500) && answer.retryAfter !== undefined;
          if (!busy || attempt > maxRetries) return answer;
          await this.#options.clock.sleep((answer.retryAfter as number) * 1000, abort.signal);
        } catch (error) {
          // A kept connection that its other end closed just now has carried nothing.
          if (attempt === 1 && error instanceof StaleConnection) continue;
          throw error instanceof StaleConnection ? error.cause : error;
        }
      }
    } catch (error) {
      const where = `Post ${JSON.stringify(`${target.url}${query}`)}: `;
      if (abort.signal.aborted) throw new Unreachable(where + (signal.aborted ? "context canceled" : "context deadline exceeded"), signal.aborted);
      throw new Unreachable(where + goNetworkError(error as NodeJS.ErrnoException, target));
    } finally {
      timer?.cancel();
      signal.removeEventListener("abort", gone);
    }
  }

  async #once(target: Target, agent: Agent, query: string, body: Uint8Array, signal: AbortSignal): Promise<Answer> {
    const address = target.service ? resolveService(target.service, this.#options) : target;
    const { token, username, password = "" } = this.#credentials(target);
    const authorization = token ? `Bearer ${token}` : username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const request = httpsRequest({
      host: address.host,
      port: address.port,
      agent,
      method: "POST",
      path: `${target.path}${query}`,
      signal,
      headers: {
        host: target.service || target.port !== 443 ? `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}` : target.host,
        accept: "application/json, */*",
        "content-type": "application/json",
        "content-length": body.length,
        "user-agent": "kube-apiserver-admission",
        ...(authorization ? { authorization } : {}),
      },
    });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve);
      request.on("error", (error: NodeJS.ErrnoException) =>
        reject(request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE") ? new StaleConnection("", { cause: error }) : error),
      );
      request.end(body);
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxAnswer) {
        response.destroy();
        throw new Error(`the answer is longer than ${maxAnswer} bytes`);
      }
      chunks.push(chunk);
    }
    const { "retry-after": later = "", "content-type": contentType = "" } = response.headers;
    const answer = { status: response.statusCode ?? 0, body: Buffer.concat(chunks), contentType };
    return /^\d+$/.test(later) ? { ...answer, retryAfter: Number(later) } : answer;
  }

  #credentials({ host, port }: Target) {
    return (this.#options.credentials ?? anonymous)(`${host.includes(":") ? `[${host}]` : host}:${port}`);
  }

  #agentOf(target: Target, caBundle: string): Agent {
    const key = JSON.stringify([target.host, target.port, caBundle]);
    const known = this.#agents.get(key);
    if (known) {
      this.#agents.delete(key);
      this.#agents.set(key, known);
      return known;
    }
    const { cert, key: privateKey } = this.#credentials(target);
    const agent = new Agent({
      keepAlive: true,
      maxFreeSockets: 16,
      timeout: idleTime,
      servername: target.servername,
      // Any certificate of the bundle is trusted, as Go has it: the webhook's own one, too, that no authority signed itself.
      ...(caBundle ? { ca: bundleOf(caBundle), allowPartialTrustChain: true } : {}),
      ...(cert && privateKey ? { cert, key: privateKey } : {}),
    });
    this.#agents.set(key, agent);
    const [oldest] = this.#agents;
    // Calls that are under way end in their own time: their agent is only forgotten.
    if (oldest && this.#agents.size > keptAgents) this.#agents.delete(oldest[0]);
    return agent;
  }

  /** Connections that are kept end. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}

class StaleConnection extends Error {}
