import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { selfSigned } from "../../base/self-signed.fixture.ts";
import { outgoingSeries } from "../metrics/outgoing.ts";
import { auditTarget } from "./webhook-target.ts";

const directory = mkdtempSync(join(tmpdir(), "audit-target-"));
const { cert, key } = selfSigned("/CN=sink", "IP:127.0.0.1");
let status = 200;
const seen: string[] = [];
const server = createServer({ cert, key }, (request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on("end", () => {
    seen.push(`${request.method} ${request.url} ${request.headers["content-type"]} ${request.headers.authorization} ${body}`);
    response.writeHead(status).end("{}");
  });
});
let url = "";
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

const { signal } = new AbortController();
function target(cluster: object, user: object = {}): ReturnType<typeof auditTarget> {
  const file = join(directory, "config");
  const context = { name: "x", context: { cluster: "c", user: "u" } };
  writeFileSync(file, JSON.stringify({ clusters: [{ name: "c", cluster }], users: [{ name: "u", user }], contexts: [context], "current-context": "x" }));
  return auditTarget(file, systemClock);
}
const trusted = (): object => ({ server: url, "certificate-authority-data": cert.toString("base64") });

test("a body arrives with the credentials of the kubeconfig; an answer that is no success is a failure", async () => {
  const send = target(trusted(), { token: "secret" });
  await send(Buffer.from("{}"), signal);
  assert.deepEqual(seen, ["POST /events?timeout=30s application/json Bearer secret {}"]);
  status = 500;
  await assert.rejects(send(Buffer.from("{}"), signal), { code: 500 });
});

test("events that leave are counted with what else is asked of servers outside", async () => {
  status = 200;
  const metrics = new Metrics();
  await target(trusted())(Buffer.from("{}"), signal, outgoingSeries(metrics));
  assert.match(metrics.expose(), /rest_client_requests_total\{code="200",method="POST",host="127\.0\.0\.1:\d+"\} 1\n/);
});

test("nothing is sent to a server that is not verified, and nothing without TLS", async () => {
  seen.length = 0;
  await assert.rejects(target({ server: url })(Buffer.from("{}"), signal), /certificate signed by unknown authority|self-signed certificate/);
  assert.deepEqual(seen, []);
  assert.throws(() => target({ server: "http://127.0.0.1:1" }), /audit events do not leave unencrypted/);
  assert.throws(() => target({ server: url, "insecure-skip-tls-verify": true }), /insecure-skip-tls-verify is not supported/);
  assert.throws(() => target({}), /no configuration has been provided|no server/);
});
