import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { selfSigned } from "../../../base/self-signed.fixture.ts";
import { Metrics } from "../../../base/metrics.ts";
import { systemRandom } from "../../../base/random.ts";
import { outgoingSeries } from "../../metrics/outgoing.ts";
import { MemoryReader } from "../../authorization/memory-reader.fixture.ts";
import { Unreachable } from "../../outside/post.ts";
import { Misconfigured, WebhookClient } from "./client.ts";

const directory = mkdtempSync(join(tmpdir(), "webhook-client-"));
const { cert, key } = selfSigned("/CN=hook", "DNS:hook.team.svc", "IP:127.0.0.1");
const caBundle = cert.toString("base64");
let handle: (response: ServerResponse, path: string) => void = (response) => void response.end("{}");
const sockets = new Set<Socket>();
const server = createServer({ cert, key }, (request, response) => {
  request.resume().on("end", () => handle(response, request.url ?? ""));
});
server.on("secureConnection", (socket: Socket) => sockets.add(socket));
let port = 0;
const reader = new MemoryReader();
const client = new WebhookClient({ reader, random: systemRandom, clock: systemClock, toEndpoints: false });

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
  reader.put("services", { metadata: { name: "hook", namespace: "team" }, spec: { clusterIP: "127.0.0.1", ports: [{ port }] } });
});
after(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

const call = (more: object = {}, seconds = 5, signal = new AbortController().signal) =>
  client.call({ url: `https://127.0.0.1:${port}/x`, caBundle, ...more }, Buffer.from("{}"), seconds, signal);

test("a webhook is verified against its bundle, by its Service's name where it has one; connections are kept", async () => {
  let asked = "";
  handle = (response, path) => {
    asked = path;
    response.end("{}");
  };
  sockets.clear();
  assert.equal((await call()).status, 200);
  assert.equal(asked, "/x?timeout=5s");
  await call();
  assert.equal(sockets.size, 1);
  const metrics = new Metrics();
  const counting = new WebhookClient({ reader, random: systemRandom, clock: systemClock, toEndpoints: false, outgoing: outgoingSeries(metrics) });
  await counting.call({ url: `https://127.0.0.1:${port}/x`, caBundle }, Buffer.from("{}"), 5, new AbortController().signal);
  counting.close();
  const host = `127.0.0.1:${port}`;
  for (const line of [
    `rest_client_requests_total{code="200",method="POST",host="${host}"} 1`,
    `rest_client_request_size_bytes_sum{verb="POST",host="${host}"} 2`,
    `rest_client_response_size_bytes_sum{verb="POST",host="${host}"} 2`,
    `rest_client_request_duration_seconds_count{verb="POST",host="${host}"} 1`,
  ])
    assert.ok(metrics.expose().includes(`${line}\n`), line);
  const service = { url: undefined, service: { namespace: "team", name: "hook", port, path: "/y" } };
  assert.equal((await call(service)).status, 200);
  assert.equal(asked, "/y?timeout=5s");
  await assert.rejects(call({ caBundle: "" }), {
    message: `Post "https://127.0.0.1:${port}/x?timeout=5s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  });
  await assert.rejects(call({ caBundle: "bm9uZQ==" }), Misconfigured);
  await assert.rejects(call({ url: undefined, service: { namespace: "team", name: "none", port } }), /service "none" not found/);
});

test("a webhook that does not answer in time, or hangs up, is unreachable", async () => {
  handle = () => undefined;
  await assert.rejects(call({}, 1), { message: /: context deadline exceeded$/, cancelled: false });
  const gone = new AbortController();
  const pending = call({}, 5, gone.signal);
  gone.abort();
  await assert.rejects(pending, { message: /: context canceled$/, cancelled: true });
  handle = (response) => response.destroy();
  await assert.rejects(call(), (error) => error instanceof Unreachable && /: (EOF|read: connection reset by peer)$/.test(error.message));
});

test("an answer without end is given up", async () => {
  handle = (response) => {
    const block = Buffer.alloc(1 << 20);
    const more = (): void => {
      while (!response.destroyed && response.write(block));
      response.once("drain", more);
    };
    more();
  };
  await assert.rejects(call(), { message: /the answer is longer than 16777216 bytes$/ });
});

test("who is busy and says until when is asked again", async () => {
  let times = 0;
  handle = (response) => {
    times++;
    if (times === 1) response.writeHead(503, { "retry-after": "0" }).end();
    else response.end("{}");
  };
  assert.equal((await call()).status, 200);
  assert.equal(times, 2);
});

test("a bundle that holds the webhook's own certificate, which an authority signed, is enough", async () => {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
  const make = (...args: string[]): Buffer => execFileSync("openssl", ["req", "-x509", ...curve, ...args], { cwd: directory, stdio: "ignore" });
  make("-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority");
  make(
    "-CA",
    "ca.crt",
    "-CAkey",
    "ca.key",
    "-keyout",
    "leaf.key",
    "-out",
    "leaf.crt",
    "-subj",
    "/CN=leaf",
    "-addext",
    "subjectAltName=DNS:hook.team.svc,IP:127.0.0.1",
    "-addext",
    "basicConstraints=CA:FALSE",
  );
  const [leaf, own] = [readFileSync(join(directory, "leaf.crt")), readFileSync(join(directory, "leaf.key"))];
  await using signed = createServer({ cert: leaf, key: own }, (request, response) => void request.resume().on("end", () => response.end("{}")));
  await new Promise<void>((resolve) => signed.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(signed.address() as AddressInfo).port}/x`;
  assert.equal((await call({ url, caBundle: leaf.toString("base64") })).status, 200);
  assert.equal((await call({ url, caBundle: readFileSync(join(directory, "ca.crt")).toString("base64") })).status, 200);
  await assert.rejects(call({ url }), /certificate signed by unknown authority/);
  client.close();
});

test("who has its name only where it used to stand, or a signature that anybody could make, is not believed, counted and noted", async () => {
  const counted: string[] = [];
  const metrics = new Metrics();
  const outgoing = outgoingSeries(metrics);
  const certificates = { missingNames: () => void counted.push("names"), weakSignature: () => void counted.push("signature") };
  const own = new WebhookClient({ reader, random: systemRandom, clock: systemClock, toEndpoints: false, outgoing: { ...outgoing, certificates } });
  const service = { namespace: "team", name: "old" };
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: directory, stdio: "ignore" });
  openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-keyout", "old-ca.key", "-out", "old-ca.crt");
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old.team.svc", "-keyout", "old.key", "-out", "old.csr");
  const ca = readFileSync(join(directory, "old-ca.crt")).toString("base64");
  const reason = "relies on a legacy Common Name field instead of the SAN extension for subject validation";
  const expected: [digest: string, why: RegExp, counted: string, note: string][] = [
    [
      "-sha256",
      /x509: certificate relies on legacy Common Name field, use SANs instead$/,
      "names",
      `missing-san.invalid-cert.kubernetes.io/old.team.svc: ${reason}`,
    ],
    [
      "-sha1",
      /x509: certificate signed by unknown authority$/,
      "signature",
      "insecure-sha1.invalid-cert.kubernetes.io/old.team.svc: uses an insecure SHA-1 signature",
    ],
  ];
  for (const [digest, why, what, note] of expected) {
    openssl("x509", "-req", "-in", "old.csr", "-CA", "old-ca.crt", "-CAkey", "old-ca.key", "-CAcreateserial", digest, "-out", "old.crt");
    const [cert, key] = ["old.crt", "old.key"].map((name) => readFileSync(join(directory, name)));
    await using old = createServer({ cert, key, ciphers: "DEFAULT@SECLEVEL=0" }, (_, response) => response.end("{}"));
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    const { port } = old.address() as AddressInfo;
    reader.put("services", { metadata: { name: "old", namespace: "team" }, spec: { clusterIP: "127.0.0.1", ports: [{ port }] } });
    const config = { service: { ...service, port }, caBundle: ca };
    const notes: string[] = [];
    const asker = { annotate: (key: string, value: string) => void notes.push(`${key}: ${value}`) };
    await assert.rejects(own.call(config, Buffer.from("{}"), 5, new AbortController().signal, asker), why);
    assert.equal(counted.pop(), what);
    assert.deepEqual(notes, [note]);
    assert.match(metrics.expose(), new RegExp(`rest_client_requests_total\\{code="<error>",method="POST",host="old.team.svc:${port}"\\} 1\n`));
  }
  own.close();
});

test("a path is cleaned before it is asked for", async () => {
  const asked: string[] = [];
  handle = (response, path) => {
    asked.push(path);
    response.end("{}");
  };
  for (const path of ["//failing", "/a/../b/", "/"]) await call({ url: `https://127.0.0.1:${port}${path}` }, 0);
  await call({ url: undefined, service: { namespace: "team", name: "hook", port, path: "//a//b/" } }, 0);
  assert.deepEqual(asked, ["/failing", "/b", "/", "/a/b"]);
});
