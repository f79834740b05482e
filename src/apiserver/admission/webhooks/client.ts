/**
 * HTTPS to webhooks: Services and URLs, verified against their caBundle, over connections that are kept
 * (k8s.io/apiserver/pkg/util/webhook/client.go). Answers are bounded in size and time.
 */
import { goQuote } from "../../../api/go-quote.ts";
import { X509Certificate } from "node:crypto";
import { Agent as HttpAgent } from "../../../base/http1.ts";
import { Agent } from "node:https";
import { isIP } from "node:net";
import { posix } from "node:path";
import type { WebhookClientConfig } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import { type Span, traceHeaders } from "../../../base/tracing/span.ts";
import { outgoingSpan } from "../../tracing/outgoing.ts";
import { resolveService, type ServiceResolution } from "../../service-resolver.ts";
import type { Begun, Hop } from "../../outside/follow.ts";
import { identityHeaders } from "../../outside/kubeconfig-user.ts";
import { type Answer, hostPort, type OutgoingSeries, post } from "../../outside/post.ts";
import { type Annotate, checkServerIdentity } from "../../outside/server-identity.ts";
import { anonymous, type CredentialsFor } from "./credentials.ts";

export interface WebhookClientOptions extends ServiceResolution {
  clock: Clock;
  /** @default no credentials */
  credentials?: CredentialsFor;
  outgoing?: OutgoingSeries;
}

/** The webhook cannot be called as it is configured. */
export class Misconfigured extends Error {}
const keptAgents = 50;
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
    throw new Misconfigured(`Unparsable URL: parse ${goQuote(url)}`);
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

/** What stays the same wherever a call is sent on to. */
interface Asked {
  target: Target;
  agent: Agent;
  within?: Span;
}
interface Place {
  url: string;
  host: string;
  port: number;
  path: string;
  secure: boolean;
}

function placeOf({ href, protocol, hostname, port, pathname, search }: URL): Place {
  const secure = protocol === "https:";
  return { url: href, host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (secure ? 443 : 80)), path: `${pathname}${search}`, secure };
}

/** Each request that goes out is a span. */
const traced = (span: Span): Begun => ({
  headers: traceHeaders(span.context),
  answered(status) {
    span.set({ "http.response.status_code": status });
    span.end();
  },
  failed(message) {
    span.fail(message);
    span.end();
  },
});

/** On whose behalf a webhook is called: the span that it is within, and where notes go. */
interface Asker {
  span?: Span | undefined;
  annotate?: Annotate | undefined;
}

export class WebhookClient {
  readonly #options: WebhookClientOptions;
  /** By everything that makes a connection what it is; the least recently used first. */
  readonly #agents = new Map<string, Agent>();
  /** For where a webhook sends one on to without TLS. */
  readonly #plain = new HttpAgent();

  constructor(options: WebhookClientOptions) {
    this.#options = options;
  }

  /** Rejects with Misconfigured and Unreachable. */
  async call(config: WebhookClientConfig, body: Uint8Array, timeoutSeconds: number, signal: AbortSignal, asker: Asker = {}): Promise<Answer> {
    const { span: within, annotate } = asker;
    const target = targetOf(config);
    const query = timeoutSeconds ? `?timeout=${timeoutSeconds}s` : "";
    const asked: Asked = { target, agent: this.#agentOf(target, config.caBundle ?? ""), ...(within ? { within } : {}) };
    const first = this.#hop(asked, { ...target, path: `${target.path}${query}`, url: `${target.url}${query}`, secure: true });
    return post(
      { ...first, body, elsewhere: (url, downgraded) => this.#hop(asked, placeOf(url), downgraded) },
      { clock: this.#options.clock, timeout: timeoutSeconds * 1000, signal, outgoing: this.#options.outgoing, annotate },
    );
  }

  #hop({ target, agent, within }: Asked, { host, port, path, url, secure }: Place, downgraded = false): Hop {
    const { service } = target;
    const isService = service && secure && host === target.host && port === target.port;
    const hop: Hop = {
      url,
      // A Service's certificate names the Service, wherever it sends one on to.
      host: service ? target.servername : host,
      port,
      secure,
      options: () => {
        const address = isService ? resolveService(service, this.#options) : { host, port };
        return {
          host: address.host,
          port: address.port,
          agent: secure ? agent : this.#plain,
          ...(secure ? { servername: service ? target.servername : isIP(host) ? "" : host } : {}),
          path,
          headers: {
            host: isService || port !== (secure ? 443 : 80) ? hostPort(host, port) : host,
            "user-agent": "kube-apiserver-admission",
            ...(downgraded ? {} : identityHeaders(this.#credentials(target))),
          },
        };
      },
    };
    return within ? { ...hop, begun: (method) => traced(outgoingSpan(within, method, url)) } : hop;
  }

  #credentials({ host, port }: Target) {
    return (this.#options.credentials ?? anonymous)(hostPort(host, port));
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
      checkServerIdentity,
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
    this.#plain.destroy();
  }
}
