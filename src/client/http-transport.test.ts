import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse, type OutgoingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import type { ApiHandler } from "../api/exchange.ts";
import { systemClock } from "../base/clock.ts";
import { selfSigned } from "../base/self-signed.fixture.ts";
import { createHttpTransport } from "./http-transport.ts";
import { transportSuite } from "./transport-suite.ts";

const { key, cert } = selfSigned("/CN=localhost", "IP:127.0.0.1");

async function serve(handler: ApiHandler, request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  const url = new URL(request.url, "https://localhost");
  const abort = new AbortController();
  request.stream.once("close", () => abort.abort());
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const answer = await handler({
    method: request.method,
    path: url.pathname,
    query: url.searchParams,
    headers,
    body: request,
    remoteAddress: "127.0.0.1",
    signal: abort.signal,
  });
  if (response.stream.destroyed) return;
  const warnings = answer.warnings?.map((text) => `299 - ${JSON.stringify(text)}`);
  response.writeHead(answer.status, { ...answer.headers, ...(warnings ? { warning: warnings } : {}) } as OutgoingHttpHeaders);
  if (answer.body instanceof Uint8Array) response.write(answer.body);
  else if (answer.body) for await (const chunk of answer.body) if (!response.stream.destroyed) response.write(chunk);
  response.end();
}

transportSuite("https", async (handler) => {
  const server = createSecureServer({ key, cert }, (request, response) => void serve(handler, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const transport = createHttpTransport({ server: `https://127.0.0.1:${port}`, clock: systemClock, tls: () => ({ ca: cert.toString() }) });
  return { transport, close: () => new Promise((resolve) => server.close(() => resolve())) };
});
