/** Issuers of tokens behind one HTTPS server: each has a path of its own, and misbehaves there as it was told. */
import { createServer } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  delay?: number;
}
/** By path. */
export type Pages = Record<string, Reply | ((authorization: string | undefined) => Reply)>;

export interface IssuerServer extends AsyncDisposable {
  pages: Pages;
  /** How often each path was asked for. */
  asked: Map<string, number>;
}

export async function startIssuer(options: { port: number; cert: string; key: string; pages: Pages }): Promise<IssuerServer> {
  const asked = new Map<string, number>();
  const { pages } = options;
  const server = createServer({ cert: options.cert, key: options.key }, async (request, response) => {
    const path = request.url ?? "/";
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const page = pages[path];
    const reply = typeof page === "function" ? page(request.headers.authorization) : page;
    if (reply?.delay) await pause(reply.delay);
    if (!reply) response.writeHead(404, { "content-type": "text/plain" }).end("no such page");
    else
      response
        .writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers })
        .end(typeof reply.body === "string" || Buffer.isBuffer(reply.body) ? reply.body : JSON.stringify(reply.body ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(options.port, "127.0.0.1", resolve));
  return {
    pages,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
