import assert from "node:assert/strict";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "node:http";
import { type TestContext, test } from "node:test";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { systemClock } from "../../base/clock.ts";
import { createLogger } from "../../base/logger.ts";
import type { Backends, Outgoing } from "./backend.ts";
import { forward } from "./proxy.ts";
import type { Remote } from "./remotes.ts";

const remote: Remote = { name: "v1.g", group: "g", version: "v1", service: { namespace: "n", name: "s", port: 443 }, insecure: false, available: true };
const user = { name: "jane", groups: [] };

/** Over plain HTTP: what is behind TLS is the same. */
async function started(t: TestContext, serve: Parameters<typeof createServer>[1]) {
  const server: Server = createServer(serve as never);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const backends = { address: () => address, open: (_: Remote, outgoing: Outgoing) => httpRequest({ ...address, agent, ...outgoing }) } as unknown as Backends;
  const options = { backends, clock: systemClock, logger: createLogger({ name: "t", clock: systemClock, write: () => undefined }), patience: 5000 };
  return (request: Partial<ApiRequest>, patience = 5000): Promise<ApiResponse> => {
    const whole: ApiRequest = {
      ...{ method: "GET", path: "/apis/g/v1/namespaces/n/things", query: new URLSearchParams(), headers: {} },
      ...{ remoteAddress: "127.0.0.1", signal: new AbortController().signal },
      ...request,
    };
    return forward(whole, user, remote, false, { ...options, patience });
  };
}
const textOf = async (response: ApiResponse): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body instanceof Uint8Array ? [response.body] : (response.body ?? [])) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
async function* streamed(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test("the body of a DELETE arrives, and the next request on its connection is answered", async (t) => {
  const send = await started(t, (request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => response.end(`${request.method} ${body}`));
  });
  const length = { "content-length": "4" };
  assert.equal(await textOf(await send({ method: "DELETE", body: Buffer.from("whole") })), "DELETE whole");
  assert.equal(await textOf(await send({ method: "DELETE", body: streamed("long"), headers: length })), "DELETE long");
  assert.equal(await textOf(await send({ method: "DELETE", body: streamed("unknown") })), "DELETE unknown");
  assert.equal(await textOf(await send({ method: "POST", asObject: true, object: { a: 1 } })), 'POST {"a":1}');
  assert.equal(await textOf(await send({})), "GET ");
});

test("who does not answer in time, hangs up or redirects is answered for in upstream's words", async (t) => {
  const send = await started(t, (request, response) => {
    if (request.url?.endsWith("hang")) return;
    if (request.url?.endsWith("cut")) return void response.destroy();
    response.writeHead(302, { location: "https://elsewhere/" }).end();
  });
  const late = await send({ path: "/apis/g/v1/hang" }, 50);
  assert.deepEqual([late.status, (await textOf(late)).startsWith("error trying to reach service: ")], [503, true]);
  const cut = await send({ path: "/apis/g/v1/things/cut" });
  assert.deepEqual([cut.status, await textOf(cut)], [503, "error trying to reach service: socket hang up\n"]);
  const away = await send({ path: "/apis/g/v1/things" });
  assert.deepEqual([away.status, await textOf(away)], [502, "the backend attempted to redirect this request, which is not permitted"]);
});

test("an answer that stops halfway is cut off when the time for it is over", async (t) => {
  const send = await started(t, (_, response) => void response.writeHead(200).write("half"));
  const response = await send({}, 100);
  assert.equal(response.status, 200);
  await assert.rejects(textOf(response));
});

test("the exchange behind ends with the client, also when nobody has begun to read the answer", { timeout: 9000 }, async (t) => {
  const ended = Promise.withResolvers<void>();
  const send = await started(t, (_, response) => {
    response.writeHead(200).write("the beginning");
    response.on("close", () => ended.resolve());
  });
  const client = new AbortController();
  assert.equal((await send({ signal: client.signal }, 3_600_000)).status, 200);
  client.abort();
  await ended.promise;
});
