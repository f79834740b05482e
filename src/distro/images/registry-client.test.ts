import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Clock, systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { systemRandom } from "../../base/random.ts";
import { Registry } from "../registry/server.ts";
import { parseChallenge } from "./registry-auth.ts";
import { type BlobSource, RegistryClient } from "./registry-client.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-registry-client-"));
/** Nobody waits in a test. */
const clock: Clock = { ...systemClock, sleep: async () => undefined };
let registry: Registry;
before(async () => {
  registry = await Registry.start({ directory: scratch, port: 0, clock, random: systemRandom, logger: silentLogger });
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

const content = randomBytes(300_000);
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const source = (bytes: Buffer): BlobSource => ({
  digest: digestOf(bytes),
  size: bytes.length,
  async *open(offset) {
    for (let at = offset; at < bytes.length; at += 50_000) yield bytes.subarray(at, Math.min(at + 50_000, bytes.length));
  },
});

/** Stands before the registry; `intercept` takes a request for itself by returning true. */
async function front(intercept: (request: IncomingMessage, response: ServerResponse) => boolean): Promise<{ endpoint: URL; server: Server } & AsyncDisposable> {
  const server = createServer((incoming, response) => {
    if (intercept(incoming, response)) return;
    const headers = { ...incoming.headers, authorization: undefined };
    const call = request(
      { host: "127.0.0.1", port: registry.port, method: incoming.method, path: incoming.url, headers: JSON.parse(JSON.stringify(headers)) },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    call.on("error", () => response.destroy());
    incoming.pipe(call);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    endpoint,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test("a blob goes there once, is mounted from a neighbour, and comes back as it was", async () => {
  const endpoint = new URL(`http://127.0.0.1:${registry.port}`);
  const client = new RegistryClient({ endpoint, repository: "plain/a", clock });
  assert.equal(await client.pushBlob(source(content)), "pushed");
  assert.equal(await client.pushBlob(source(content)), "present");
  assert.equal(await new RegistryClient({ endpoint, repository: "plain/b", clock }).pushBlob(source(content), { from: "plain/a" }), "mounted");
  assert.ok((await collect(client.blob(digestOf(content), content.length))).equals(content));
  assert.equal(await client.manifest("absent"), undefined);
});

test("an upload in chunks goes on where it broke off", async () => {
  let broken = 0;
  await using proxy = await front((incoming) => {
    if (incoming.method !== "PATCH" || broken > 0 || !incoming.headers["content-range"]?.startsWith("100000-")) return false;
    broken++;
    incoming.socket.destroy();
    return true;
  });
  const client = new RegistryClient({ endpoint: proxy.endpoint, repository: "chunks/a", clock, chunkSize: 100_000 });
  assert.equal(await client.pushBlob(source(content)), "pushed");
  assert.equal(broken, 1);
  assert.ok((await collect(client.blob(digestOf(content), content.length))).equals(content));
});

test("a download goes on where it broke off, and other content than asked for is refused", async () => {
  const ranges: (string | undefined)[] = [];
  const other = randomBytes(content.length);
  let lie = false;
  await using proxy = await front((incoming, response) => {
    if (incoming.method !== "GET" || !incoming.url?.includes("/blobs/sha256")) return false;
    ranges.push(incoming.headers.range);
    if (lie) {
      response.writeHead(200, { "Content-Length": other.length });
      response.end(other);
      return true;
    }
    if (ranges.length > 1) return false;
    response.writeHead(200, { "Content-Length": content.length });
    response.write(content.subarray(0, 1000), () => response.destroy());
    return true;
  });
  const client = new RegistryClient({ endpoint: proxy.endpoint, repository: "breaks/a", clock });
  await client.pushBlob(source(content));
  assert.ok((await collect(client.blob(digestOf(content), content.length))).equals(content));
  assert.deepEqual(ranges, [undefined, "bytes=1000-"]);
  lie = true;
  await assert.rejects(collect(client.blob(digestOf(content), content.length)), /sends another blob than sha256:/);
});

test("a bearer token is fetched for the scope, with the credentials, and used again", async () => {
  const asked: { url: string; authorization: string | undefined }[] = [];
  await using proxy = await front((incoming, response) => {
    if (incoming.url?.startsWith("/token")) {
      asked.push({ url: incoming.url, authorization: incoming.headers.authorization });
      response.end(JSON.stringify({ token: "t", expires_in: 300 }));
      return true;
    }
    if (incoming.headers.authorization === "Bearer t") return false;
    response.writeHead(401, { "WWW-Authenticate": `Bearer realm="http://${incoming.headers.host}/token",service="reg",scope="ignored"` });
    response.end();
    return true;
  });
  const client = new RegistryClient({ endpoint: proxy.endpoint, repository: "token/a", credentials: { username: "me", password: "pw" }, clock });
  await client.pushBlob(source(content));
  assert.deepEqual(asked, [
    { url: "/token?service=reg&scope=repository%3Atoken%2Fa%3Apull%2Cpush", authorization: `Basic ${Buffer.from("me:pw").toString("base64")}` },
  ]);
});

test("a registry that is busy is asked again, one that refuses is quoted", async () => {
  let busy = 3;
  await using proxy = await front((incoming, response) => {
    if (incoming.url?.includes("forbidden")) {
      response.writeHead(403);
      response.end(JSON.stringify({ errors: [{ code: "DENIED", message: "not for you" }] }));
      return true;
    }
    if (busy-- <= 0) return false;
    response.writeHead(503);
    response.end();
    return true;
  });
  assert.equal(await new RegistryClient({ endpoint: proxy.endpoint, repository: "busy/a", clock }).manifest("x"), undefined);
  await assert.rejects(new RegistryClient({ endpoint: proxy.endpoint, repository: "forbidden/a", clock }).manifest("x"), /says 403 DENIED: not for you/);
  const nobody = await front((incoming, response) => {
    incoming.resume();
    response.writeHead(401, { "WWW-Authenticate": "Basic" });
    response.end();
    return true;
  });
  await using _ = nobody;
  await assert.rejects(new RegistryClient({ endpoint: nobody.endpoint, repository: "a", clock }).manifest("x"), /asks for credentials: log in/);
});

test("credentials do not follow a redirect to another host", async () => {
  const seen: (string | undefined)[] = [];
  await using elsewhere = await front((incoming, response) => {
    seen.push(incoming.headers.authorization);
    response.end(content);
    return true;
  });
  await using proxy = await front((incoming, response) => {
    if (!incoming.headers.authorization) response.writeHead(401, { "WWW-Authenticate": "Basic" });
    else response.writeHead(307, { Location: new URL("/blob", elsewhere.endpoint).href });
    response.end();
    return true;
  });
  const client = new RegistryClient({ endpoint: proxy.endpoint, repository: "a", credentials: { username: "me", password: "pw" }, clock });
  assert.ok((await collect(client.blob(digestOf(content), content.length))).equals(content));
  assert.deepEqual(seen, [undefined]);
});

test("challenges are read with quotes, commas and several schemes", () => {
  assert.deepEqual(parseChallenge('Bearer realm="https://a/t?x=1,2",service=reg, scope="a b"'), {
    scheme: "bearer",
    parameters: { realm: "https://a/t?x=1,2", service: "reg", scope: "a b" },
  });
  assert.equal(parseChallenge('Negotiate, basic realm="a \\"b\\""')?.parameters.realm, 'a "b"');
  assert.equal(parseChallenge("Negotiate"), undefined);
});
