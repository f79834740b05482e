/**
 * /healthz, /livez, /readyz, /metrics, /statusz and /flagz of a component. Over HTTP everybody may read (the port is on loopback unless asked
 * otherwise); over HTTPS paths beyond the open ones are authorized as upstream does: a client certificate or a bearer token
 * that the API server knows, and then a SubjectAccessReview on the path.
 */
import { listening } from "../../base/listening.ts";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { answerZPage, type ZPage, zpageHeaders } from "../../api/zpages.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import { askingForCertificates } from "../../base/sent-certificates.ts";
import { componentPages } from "./component-pages.ts";
import type { DelegatedAccess } from "./delegated-access.ts";

export interface HealthServerOptions {
  host: string;
  /** 0: nothing is served. */
  port: number;
  /** Undefined when well. */
  unhealthy?(): string | undefined;
  /** What `?verbose` lists by name, each asked for alone as /healthz/NAME; all of them are well as long as this process answers. */
  parts?(): readonly string[];
  /** What is said at /NAME, in JSON where no other type is given: the health of components that have more than a word for it. */
  answers?: Readonly<Record<string, () => { status: number; body: string; type?: string }>>;
  /** /statusz and, where there are flags, /flagz. */
  described?: DescribedComponent;
  metrics?: Metrics;
  /** HTTPS, and who may read what is not open. */
  secure?: { cert: string; key: string; authorities: readonly string[]; access: DelegatedAccess; open: readonly string[] };
  logger: Logger;
}

/** A component by upstream's name, with its flags as its command line would say them. */
export interface DescribedComponent {
  component: string;
  flags: Readonly<Record<string, string>>;
}

/** All that are served but /statusz itself, as upstream's components have it. */
const pathsOf = ({ answers, metrics }: HealthServerOptions): string[] => [
  ...["healthz", "livez", "readyz", "flagz", ...Object.keys(answers ?? {})].map((name) => `/${name}`),
  ...(metrics ? ["/metrics"] : []),
];

const zpagesOf = (options: HealthServerOptions): readonly ZPage[] =>
  options.described ? componentPages(options.described.component, () => pathsOf(options), options.described.flags) : [];

const text = (response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void => {
  response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" });
  response.end(body);
};

/** Resolves when it listens; rejects when the port cannot be taken. */
export async function startHealthServer(options: HealthServerOptions): Promise<AsyncDisposable> {
  const { host, port, secure, logger } = options;
  if (port === 0) return { async [Symbol.asyncDispose]() {} };
  const zpages = zpagesOf(options);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answer(options, zpages, request, response).catch((error: unknown) => {
      logger.warn("a request failed", { path: request.url, error });
      if (response.headersSent) response.destroy();
      else text(response, 500, "Internal Server Error: who asks could not be found out\n");
    });
  };
  const server = secure
    ? createSecureServer(
        {
          cert: secure.cert,
          key: secure.key,
          minVersion: "TLSv1.2",
          // Who a certificate stands for is found out by the request: its authority may be that of front proxies.
          ...askingForCertificates([...secure.authorities]),
          requestCert: true,
          rejectUnauthorized: false,
        },
        onRequest,
      )
    : createServer(onRequest);
  await listening(server, { port, host });
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  { unhealthy, parts, answers, metrics, secure }: HealthServerOptions,
  zpages: readonly ZPage[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = "/", query] = (request.url ?? "/").split("?");
  if (secure && !secure.open.includes(path)) {
    const user = await secure.access.authenticate(request);
    if (!user) return text(response, 401, "Unauthorized\n");
    if (!(await secure.access.allowed(user, request.method ?? "GET", path)))
      return text(
        response,
        403,
        `forbidden: User ${JSON.stringify(user.name)} cannot ${(request.method ?? "GET").toLowerCase()} path ${JSON.stringify(path)}\n`,
      );
  }
  const page = zpages.find(({ kind }) => path === `/${kind.toLowerCase()}`);
  if (page) {
    const { accept, "user-agent": userAgent } = request.headers;
    const shown = answerZPage(page, { accept, userAgent, pretty: new URLSearchParams(query).get("pretty"), cbor: false });
    response.writeHead(shown.status, zpageHeaders(shown));
    return void response.end(shown.body);
  }
  if (request.method !== "GET" && request.method !== "HEAD") return text(response, 405, "405 method not allowed\n");
  const own = answers?.[path.slice(1)]?.();
  if (own) return text(response, own.status, own.body, own.type ?? "application/json");
  const health = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path);
  if (health) {
    const [, kind, part] = health;
    const why = unhealthy?.();
    const names = parts?.() ?? [];
    if (part !== undefined && !names.includes(part)) return text(response, 404, "404 page not found\n");
    if (why !== undefined) return text(response, 500, why);
    const verbose = part === undefined && new URLSearchParams(query).has("verbose");
    return text(response, 200, verbose ? `${names.map((name) => `[+]${name} ok\n`).join("")}${kind} check passed\n` : "ok");
  }
  if (path === "/metrics" && metrics) return text(response, 200, metrics.expose(), "text/plain; version=0.0.4; charset=utf-8");
  text(response, 404, "404 page not found\n");
}
