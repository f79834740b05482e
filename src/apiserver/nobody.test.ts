import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { admin, TestServer } from "./assembled.fixture.ts";
import { listen } from "./http/listener.ts";

test("the connection of who is nobody ends with the answer, that of everybody else stays", async () => {
  await using server = new TestServer();
  await server.start();
  const ask = async (headers: Record<string, string>, user?: typeof admin) => {
    const request = { method: "GET", path: "/version", query: new URLSearchParams(), headers, remoteAddress: "127.0.0.1" };
    const { status, last } = await server.api.server.handler({ ...request, ...(user ? { user } : {}), signal: new AbortController().signal });
    return [status, last];
  };
  assert.deepEqual(await ask({}), [200, true]);
  assert.deepEqual(await ask({ authorization: "Bearer none" }), [401, true]);
  assert.deepEqual(await ask({}, admin), [200, undefined]);
});

test("HTTP/2: after an answer that is the last the connection is ended, those that run are answered", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "nobody-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const files = ["-keyout", "a.key", "-out", "a.crt", "-subj", "/CN=a", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  const made = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", ...files];
  execFileSync("openssl", made, { cwd: directory, stdio: "ignore" });
  const cert = readFileSync(join(directory, "a.crt"), "utf8");
  const listener = await listen({
    handler: async ({ path }) => ({ status: 200, headers: {}, body: Buffer.from(path), ...(path === "/nobody" ? { last: true } : {}) }),
    tls: { cert, key: readFileSync(join(directory, "a.key"), "utf8"), clientCa: cert },
    host: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger: silentLogger,
  });
  t.after(() => listener.close(100));
  const session = connect(`https://127.0.0.1:${listener.port}`, { ca: cert });
  const away = new Promise<number>((resolve) => session.on("goaway", resolve));
  const closed = new Promise<void>((resolve) => session.on("close", resolve));
  const ask = async (path: string): Promise<string> => {
    const stream = session.request({ ":path": path });
    return Buffer.concat(await stream.toArray()).toString();
  };
  assert.equal(await ask("/known"), "/known");
  assert.equal(session.closed, false);
  assert.deepEqual(await Promise.all([ask("/nobody"), ask("/beside")]), ["/nobody", "/beside"]);
  assert.equal(await away, 0);
  await closed;
});
