import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse, type OutgoingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { ApiHandler } from "../api/exchange.ts";
import { systemClock } from "../base/clock.ts";
import { createHttpTransport } from "./http-transport.ts";
import { transportSuite } from "./transport-suite.ts";

const directory = mkdtempSync(join(tmpdir(), "k8ts-transport-"));
after(() => rmSync(directory, { recursive: true }));
const [key, cert] = [join(directory, "tls.key"), join(directory, "tls.crt")];
const made = spawnSync("openssl", [
  ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
  ...["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
]);
if (made.status !== 0) throw new Error(String(made.stderr));

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
  const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => void serve(handler, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const transport = createHttpTransport({ server: `https://127.0.0.1:${port}`, clock: systemClock, tls: () => ({ ca: readFileSync(cert, "utf8") }) });
  return { transport, close: () => new Promise((resolve) => server.close(() => resolve())) };
});
