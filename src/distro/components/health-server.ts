/**
 * /healthz, /livez, /readyz, /metrics, /metrics/slis, /statusz and /flagz of a component. Over HTTP everybody may read (the port is on loopback unless asked
 * otherwise); over HTTPS paths beyond the open ones are authorized as upstream does: a client certificate or a bearer token
 * that the API server knows, and then a SubjectAccessReview on the path.
 */
import { listening } from "../../base/listening.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "../../base/http1.ts";
import { createServer as createSecureServer } from "node:https";
import { answerCheck, answerHealth, type HealthCheck, type HealthRoot, HealthSLIs, healthRoots, ping } from "../../api/health-checks.ts";
import { answerZPage, type ZPage, zpageHeaders } from "../../api/zpages.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import { askingForCertificates } from "../../base/sent-certificates.ts";
import { componentPages } from "./component-pages.ts";
import type { DelegatedAccess } from "./delegated-access.ts";
import { processStart } from "./process-metrics.ts";

export interface HealthServerOptions {
  host: string;
  /** 0: nothing is served. */
  port: number;
  /** Those of a page, each asked for alone as /healthz/NAME. @default that this process answers */
  checks?(root: HealthRoot): readonly HealthCheck[];
  /** Shared with other ports of the same component. @default its own */
  slis?: HealthSLIs;
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
  ...[...healthRoots, "flagz", ...Object.keys(answers ?? {})].map((name) => `/${name}`),
  ...(metrics ? ["/metrics", "/metrics/slis"] : []),
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
  const slis = options.slis ?? new HealthSLIs(processStart(systemClock));
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answer(options, zpages, slis, request, response).catch((error: unknown) => {
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
  { checks, answers, metrics, secure }: HealthServerOptions,
  zpages: readonly ZPage[],
  slis: HealthSLIs,
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
  if (path === "/metrics/slis" && metrics) {
    const { type, body } = slis.answer(request.method ?? "GET");
    return text(response, 200, body, type);
  }
  if (request.method !== "GET" && request.method !== "HEAD") return text(response, 405, "405 method not allowed\n");
  const own = answers?.[path.slice(1)]?.();
  if (own) return text(response, own.status, own.body, own.type ?? "application/json");
  const health = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path);
  if (health) {
    const [, root, name] = health as unknown as [string, HealthRoot, string | undefined];
    const given = checks?.(root) ?? [];
    const made = given.length ? given : [ping];
    const said = name === undefined ? await answerHealth(root, made, new URLSearchParams(query), slis) : await answerCheck(made, name);
    return said ? text(response, said.status, said.body) : text(response, 404, "404 page not found\n");
  }
  if (path === "/metrics" && metrics) return text(response, 200, metrics.expose(), "text/plain; version=0.0.4; charset=utf-8");
  text(response, 404, "404 page not found\n");
}
