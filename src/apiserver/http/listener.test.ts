import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { connect as connectTls } from "node:tls";
import { gunzipSync } from "node:zlib";
import type { ApiHandler, ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { readBody } from "./body.ts";
import { makeCertificates } from "./certificates.fixture.ts";
import { type Listener, type ListenerOptions, listen, type Upgrade } from "./listener.ts";

let directory: string;
let listener: Listener;
let seen: ApiRequest | undefined;
let handler: ApiHandler;
const file = (name: string): string => readFileSync(join(directory, name), "utf8");

const listenerOptions = (): ListenerOptions => ({
  handler: (request) => handler(request),
  tls: { cert: file("server.crt"), key: file("server.key"), clientCa: file("ca.crt") },
  host: "127.0.0.1",
  port: 0,
  clock: systemClock,
  logger: silentLogger,
});

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "listener-"));
  makeCertificates(directory);
  handler = async (request): Promise<ApiResponse> => {
    seen = request;
    try {
      const body = await readBody(request, 1000);
      return {
        status: 200,
        headers: { "content-type": "text/plain" },
        warnings: ['a "warning"'],
        body: Buffer.from(`${request.method} ${request.path} ${body.length}`),
      };
    } catch (error) {
      return { status: (error as { code: number }).code, headers: {}, body: Buffer.from((error as Error).message) };
    }
  };
  listener = await listen(listenerOptions());
});
after(async () => {
  await listener.close(100);
  rmSync(directory, { recursive: true });
});

interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}
function http1(path: string, options: { method?: string; headers?: Record<string, string>; body?: Buffer; certificate?: boolean } = {}): Promise<Reply> {
  const identity = options.certificate ? { cert: file("client.crt"), key: file("client.key") } : {};
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      {
        host: "127.0.0.1",
        port: listener.port,
        path,
        method: options.method ?? "GET",
        headers: options.headers,
        ca: file("ca.crt"),
        agent: false,
        ...identity,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }));
        answer.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(options.body);
  });
}

test("HTTP/1.1: a body, a warning header and the client's certificate arrive", async () => {
  const reply = await http1("/x?y=z", { method: "POST", body: Buffer.from("12345"), certificate: true });
  assert.equal(reply.body.toString(), "POST /x 5");
  assert.equal(reply.headers.warning, '299 - "a \\"warning\\""');
  assert.equal(seen?.query.get("y"), "z");
  assert.ok(seen?.clientCertificates?.length);
  await http1("/");
  assert.equal(seen?.clientCertificates, undefined);
});

test("every certificate that a client sends arrives in its order, also where it would take up a session again", async () => {
  const chain = [file("client.crt"), file("ca.crt"), file("server.crt")].join("\n");
  let session: Buffer | undefined;
  for (let i = 0; i < 2; i++) {
    const socket = connectTls({
      port: listener.port,
      host: "127.0.0.1",
      ca: file("ca.crt"),
      cert: chain,
      key: file("client.key"),
      ...(session ? { session } : {}),
    });
    socket.on("session", (ticket: Buffer) => {
      session = ticket;
    });
    socket.write("GET /chain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await new Promise((resolve, reject) => socket.resume().on("close", resolve).on("error", reject));
    assert.deepEqual(
      seen?.clientCertificates?.map((der) => Buffer.from(der).toString("base64")),
      [file("client.crt"), file("ca.crt"), file("server.crt")].map((pem) => new X509Certificate(pem).raw.toString("base64")),
    );
  }
});

test("HTTP/2: many streams on one connection are answered", async () => {
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, { ca: file("ca.crt"), cert: file("client.crt"), key: file("client.key") });
  const one = (i: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ":path": `/s/${i}`, ":method": "PUT" });
      let text = "";
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => {
        text += chunk;
      });
      stream.on("end", () => resolve(text));
      stream.on("error", reject);
      stream.end("abc");
    });
  const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => one(i)));
  assert.deepEqual(
    replies,
    Array.from({ length: 50 }, (_, i) => `PUT /s/${i} 3`),
  );
  assert.ok(seen?.clientCertificates?.length);
  await new Promise<void>((resolve) => session.close(() => resolve()));
});

test("headers that come more than once keep each value, in both versions of HTTP", async () => {
  await http1("/", { headers: { "x-remote-group": ["a,b", "c"] as unknown as string, "x-once": "d, e" } });
  assert.deepEqual(seen?.repeatedHeaders?.["x-remote-group"], ["a,b", "c"]);
  assert.equal(seen?.repeatedHeaders?.["x-once"], undefined);
  assert.equal(seen?.headers["x-once"], "d, e");
  await http1("/", { headers: { "x-once": "d" } });
  assert.equal(seen?.repeatedHeaders, undefined);
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, { ca: file("ca.crt") });
  const stream = session.request({ ":path": "/", "x-remote-group": ["a,b", "c"] });
  stream.resume();
  await new Promise((resolve) => stream.on("end", resolve));
  assert.deepEqual(seen?.repeatedHeaders?.["x-remote-group"], ["a,b", "c"]);
  await new Promise<void>((resolve) => session.close(() => resolve()));
});

test("a credential that is taken out of one request is there in the next that says the same", async () => {
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, { rejectUnauthorized: false });
  const answering = handler;
  const tokens: (string | undefined)[] = [];
  handler = async (request) => {
    tokens.push(request.headers.authorization);
    delete request.headers.authorization;
    return { status: 200, headers: {} };
  };
  try {
    for (let i = 0; i < 3; i++) {
      const stream = session.request({ ":path": "/api", authorization: "Bearer x" });
      await new Promise((resolve, reject) => stream.on("error", reject).on("close", resolve).resume());
    }
  } finally {
    handler = answering;
    session.close();
  }
  assert.deepEqual(tokens, ["Bearer x", "Bearer x", "Bearer x"]);
});

test("a body beyond the limit is refused, declared or not", async () => {
  assert.equal((await http1("/", { method: "POST", body: Buffer.alloc(2000) })).status, 413);
  const chunked = await http1("/", { method: "POST", body: Buffer.alloc(2000), headers: { "transfer-encoding": "chunked" } });
  assert.equal(chunked.body.toString(), "Request entity too large: limit is 1000");
});

test("what is no HTTP gets 400 and harms nobody else", async () => {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port: listener.port, ca: file("ca.crt") }, () => socket.write("\x00\x01 nonsense\r\n\r\n"));
    let got = "";
    socket.on("data", (chunk) => {
      got += chunk.toString();
    });
    socket.on("end", () => resolve(got));
    socket.on("error", reject);
  });
  assert.match(text, /^HTTP\/1\.1 400 /);
  assert.equal((await http1("/ok")).status, 200);
});

test("large answers are compressed for those who ask, whole or in chunks", async () => {
  const before = handler;
  const text = Buffer.from("abcdefgh".repeat(40_000));
  handler = async ({ path }) => {
    const chunks = (async function* () {
      for (let i = 0; i < text.length; i += 50_000) yield text.subarray(i, i + 50_000);
    })();
    return path === "/whole" ? { status: 200, headers: {}, body: text } : { status: 200, headers: {}, body: chunks, size: text.length };
  };
  for (const path of ["/whole", "/chunks"]) {
    const packed = await http1(path, { headers: { "accept-encoding": "gzip" } });
    assert.equal(packed.headers["content-encoding"], "gzip", path);
    assert.ok(gunzipSync(packed.body).equals(text), path);
    const plain = await http1(path);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.ok(plain.body.equals(text), path);
  }
  handler = before;
});

test("a watcher that goes away ends the answer's source", async () => {
  const before = handler;
  let ended: (() => void) | undefined;
  const over = new Promise<void>((resolve) => {
    ended = resolve;
  });
  handler = async ({ signal }) => ({
    status: 200,
    headers: {},
    body: (async function* () {
      try {
        for (;;) {
          yield Buffer.from("event\n");
          await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));
          if (signal.aborted) return;
        }
      } finally {
        ended?.();
      }
    })(),
  });
  await new Promise<void>((resolve, reject) => {
    const sent = httpsRequest({ host: "127.0.0.1", port: listener.port, path: "/watch", ca: file("ca.crt"), agent: false }, (answer) => {
      answer.once("data", () => {
        sent.destroy();
        resolve();
      });
    });
    sent.on("error", () => {});
    sent.on("close", () => reject(new Error("closed without an event")));
    sent.end();
  });
  await over;
  handler = before;
});

test("a stream of which the client has gone before its first byte is given up", async () => {
  const before = handler;
  const gone = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const returned = Promise.withResolvers<void>();
  handler = async ({ signal }) => {
    signal.addEventListener("abort", () => gone.resolve(), { once: true });
    begun.resolve();
    await gone.promise;
    const iterator = {
      next: () => Promise.reject(new Error("nobody may ask")),
      return: () => {
        returned.resolve();
        return Promise.resolve({ done: true as const, value: undefined });
      },
    };
    return { status: 200, headers: {}, body: { [Symbol.asyncIterator]: () => iterator } };
  };
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, { ca: file("ca.crt") });
  session.on("error", () => {});
  session.request({ ":path": "/watch" }).on("error", () => {});
  await begun.promise;
  session.destroy();
  await returned.promise;
  handler = before;
});

test("who asks for another protocol where there is none is answered as others are", async () => {
  const upgrades = {
    accepts: ({ path }: ApiRequest) => path === "/there",
    handler: async (_: ApiRequest, { socket }: Upgrade) => {
      socket.end("HTTP/1.1 418 Taken Over\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return undefined;
    },
  };
  const [usual, own] = [listener, await listen({ ...listenerOptions(), upgrades })];
  listener = own;
  const asking = { headers: { connection: "Upgrade", upgrade: "websocket" } };
  const codes = [await http1("/there", asking), await http1("/", asking), await http1("/", { ...asking, method: "POST", body: Buffer.from("x") })];
  listener = usual;
  assert.deepEqual(
    codes.map(({ status, body }) => `${status} ${body}`),
    ["418 ", "200 GET / 0", "200 POST / 1"],
  );
  await own.close(0);
});

test("a listener may be told to speak HTTP/1.1 only", async () => {
  const own = await listen({ ...listenerOptions(), http2: false });
  const socket = connectTls({ host: "127.0.0.1", port: own.port, ca: file("ca.crt"), ALPNProtocols: ["h2", "http/1.1"] });
  await new Promise((resolve, reject) => socket.on("secureConnect", resolve).on("error", reject));
  assert.equal(socket.alpnProtocol, "http/1.1");
  socket.destroy();
  await own.close(0);
});

test("clients with which TLS cannot be agreed on are counted, those that may send more at once are told", async () => {
  const failed = Promise.withResolvers<void>();
  const own = await listen({ ...listenerOptions(), maxStreams: 7, handshakeFailed: failed.resolve });
  connectTcp(own.port, "127.0.0.1", function (this: Socket) {
    this.end("this is no handshake\r\n");
  }).on("error", () => {});
  await failed.promise;
  const session = connectHttp2(`https://127.0.0.1:${own.port}`, { ca: file("ca.crt") });
  await new Promise((resolve) => session.on("remoteSettings", resolve));
  assert.equal(session.remoteSettings.maxConcurrentStreams, 7);
  session.destroy();
  await own.close(0);
});

test("headers of HTTP/1.1 beyond a mebibyte are answered with 431, less is taken", async () => {
  const reply = await http1("/", { headers: { "x-long": "v".repeat(500_000) } });
  assert.equal(reply.status, 200);
  const refused = await http1("/", { headers: { "x-long": "v".repeat(1_100_000) } });
  assert.equal(refused.status, 431);
});

test("each header of an answer that is repeated has a line of its own", async () => {
  const before = handler;
  handler = async () => ({ status: 200, headers: {}, repeatedHeaders: { "set-cookie": ["a=1, x", "b=2"] } });
  assert.deepEqual((await http1("/")).headers["set-cookie"], ["a=1, x", "b=2"]);
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, { ca: file("ca.crt") });
  const stream = session.request({ ":path": "/" });
  stream.resume();
  const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on("response", resolve));
  assert.deepEqual(headers["set-cookie"], ["a=1, x", "b=2"]);
  session.destroy();
  handler = before;
});

test("closing lets a running request finish and takes no new ones", async () => {
  let go: (() => void) | undefined;
  const running = new Promise<void>((resolve) => {
    go = resolve;
  });
  let began: (() => void) | undefined;
  const started = new Promise<void>((resolve) => {
    began = resolve;
  });
  const own = await listen({
    handler: async () => {
      began?.();
      await running;
      return { status: 200, headers: {}, body: Buffer.from("done") };
    },
    tls: { cert: file("server.crt"), key: file("server.key") },
    host: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger: silentLogger,
  });
  const session = connectHttp2(`https://127.0.0.1:${own.port}`, { ca: file("ca.crt") });
  const stream = session.request({ ":path": "/" });
  const answered = new Promise<string>((resolve) => stream.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  await started;
  const closed = own.close(5000);
  go?.();
  assert.equal(await answered, "done");
  await closed;
  await assert.rejects(
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: "127.0.0.1", port: own.port, ca: file("ca.crt") }, () => resolve(undefined));
      socket.on("error", reject);
    }),
  );
});
