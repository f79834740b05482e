/**
 * What a client of HTTP/1.1 may send to the API server's own listener, as bytes. Each input is a connection: it ends, every
 * answer on it can be read, none is a 5xx, and no request is taken whose length could be read in two ways.
 */
import { connect, type TLSSocket } from "node:tls";
import type { ApiResponse } from "../../src/api/exchange.ts";
import { StatusError } from "../../src/api/status.ts";
import { readBody } from "../../src/apiserver/http/body.ts";
import { listen } from "../../src/apiserver/http/listener.ts";
import { systemClock } from "../../src/base/clock.ts";
import { selfSigned } from "../../src/base/self-signed.fixture.ts";
import { bytesOf, Finding, type MakeTarget, type Mutator, textOf } from "./target.ts";

const request = (line: string, headers: readonly string[] = [], body = ""): Uint8Array => bytesOf([line, "Host: a", ...headers, "", body].join("\r\n"));
const seeds = [
  request("GET / HTTP/1.1"),
  request("POST /a HTTP/1.1", ["Content-Length: 5"], "hello"),
  request("POST /a HTTP/1.1", ["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
  request("POST /a HTTP/1.1", ["Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
  request("POST /a HTTP/1.1", ["Content-Length: 5", "Content-Length: 6"], "hello!"),
  request("POST /a HTTP/1.1", ["Transfer-Encoding: chunked, identity"], "5\r\nhello\r\n0\r\n\r\n"),
  request("POST /a HTTP/1.1", ["Transfer-Encoding : chunked"], "5\r\nhello\r\n0\r\n\r\n"),
  request("POST /a HTTP/1.1", ["Expect: 100-continue", "Content-Length: 4000000"]),
  request("GET /a HTTP/1.1", ["X: a", " folded"]),
  request("GET /a?b=c%00&d HTTP/1.0", ["Connection: keep-alive"]),
  request("GET /api HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"]),
  request("HEAD http://a/b HTTP/1.1", ["Accept-Encoding: gzip", "Accept: */*"]),
  request("OPTIONS * HTTP/1.1"),
  request("CONNECT a:80 HTTP/1.1"),
  bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
  bytesOf("GET / HTTP/1.1\nHost: a\n\n"),
];

const lineMutator: Mutator = (input, random) => {
  const lines = textOf(input).split("\r\n");
  const at = random.int(lines.length);
  const choice = random.int(5);
  if (choice === 0) lines.splice(at, 1);
  else if (choice === 1) lines.splice(random.int(lines.length), 0, lines[at] as string);
  else if (choice === 2) lines[at] = `${lines[at]}${[" ", "\t", "\r", "\n", "\0", ",", ";a=b", ": "][random.int(8)]}`;
  else if (choice === 3)
    lines[at] = [
      "Content-Length: 0",
      "Content-Length: +5",
      "Content-Length: 5, 5",
      "Transfer-Encoding: chunked",
      "transfer-encoding: xchunked",
      "Connection: close",
      "0",
      "ffffffffffffffff",
      "5;x=y",
    ][random.int(9)] as string;
  else for (let n = 2 ** random.int(8); n > 0; n--) lines.splice(at, 0, lines[at] as string);
  return bytesOf(lines.join("\r\n"));
};

export const makeTarget: MakeTarget = async (random) => {
  const { key, cert } = selfSigned("/CN=a");
  const broken: unknown[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (message: string, fields: unknown) => broken.push(`${message} ${JSON.stringify(fields)}`) };
  let taken: string[] = [];
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: { cert, key },
    clock: systemClock,
    logger: logger as never,
    async handler(one): Promise<ApiResponse> {
      taken.push(`${one.method} ${one.path}`);
      if (one.headers["content-length"] !== undefined && one.headers["transfer-encoding"] !== undefined) broken.push("both lengths were taken");
      if (one.headers["content-length"] !== undefined && !/^\d+$/.test(one.headers["content-length"]))
        broken.push(`content-length ${one.headers["content-length"]}`);
      let length = 0;
      try {
        length = one.path.startsWith("/unread") ? 0 : (await readBody(one)).length;
      } catch (error) {
        if (error instanceof StatusError) return { status: error.code, headers: {} };
      }
      return { status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from(String(length)) };
    },
    upgrades: {
      accepts: () => true,
      async handler(_, { socket }) {
        socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      },
    },
  });
  let session: Buffer | undefined;
  const converse = (input: Uint8Array): Promise<string> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket: TLSSocket = connect({
        host: "127.0.0.1",
        port: listener.port,
        rejectUnauthorized: false,
        ALPNProtocols: ["http/1.1"],
        ...(session ? { session } : {}),
      });
      const limit = setTimeout(() => {
        socket.destroy();
        reject(new Finding(`the connection does not end: ${Buffer.concat(chunks).toString("latin1").slice(0, 300)}`));
      }, 20_000);
      socket.on("session", (given) => {
        session = given;
      });
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("close", () => {
        clearTimeout(limit);
        resolve(Buffer.concat(chunks).toString("latin1"));
      });
      socket.on("end", () => socket.end());
      socket.on("secureConnect", () => {
        const cut = random.next() < 0.3 ? random.int(input.length) : input.length;
        if (cut) socket.write(input.subarray(0, cut));
        socket.end(input.subarray(cut));
      });
    });
  return {
    seeds,
    words: [
      "Content-Length: ",
      "Transfer-Encoding: chunked\r\n",
      "\r\n\r\n",
      "\r\n",
      "\n",
      "\r",
      "0\r\n\r\n",
      "HTTP/1.1",
      "HTTP/2.0",
      "GET ",
      "POST ",
      "Expect: 100-continue\r\n",
      "Upgrade: websocket\r\n",
      "Connection: close\r\n",
      "%2e%2e/",
      "/unread",
      "\0",
      "\u00ff",
    ],
    mutators: [lineMutator, lineMutator],
    longest: 4 << 20,
    async run(input) {
      taken = [];
      const answer = await converse(input);
      const first = broken.pop();
      if (first !== undefined) throw new Finding(String(first));
      if (answer !== "" && !answer.startsWith("HTTP/1.1 ")) throw new Finding(`answered ${answer.slice(0, 100)}`);
      const codes = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1] as string);
      const bad = codes.find((code) => code.startsWith("5"));
      if (bad) throw new Finding(`answered ${bad}`);
      return `${taken.length} ${[...new Set(codes)].join()}`;
    },
  };
};
