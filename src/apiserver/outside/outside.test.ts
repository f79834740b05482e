import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock, VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { StatusError } from "../../api/status.ts";
import { withBackoff } from "./backoff.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { KubeconfigWebhook } from "./kubeconfig-webhook.ts";
import { Unreachable } from "./post.ts";

const directory = mkdtempSync(join(tmpdir(), "outside-"));
const file = join(directory, "config.yaml");
let handle: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end("{}");
const server = createServer((request, response) => void request.resume().on("end", () => handle(request, response)));
let port = 0;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

const config = (cluster: object, user: object = {}, context: object = { cluster: "c", user: "u" }): string =>
  JSON.stringify({
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context }],
    "current-context": "x",
  });
function read(text: string): ReturnType<typeof readKubeconfig> {
  writeFileSync(file, text);
  return readKubeconfig(file);
}
const signal = new AbortController().signal;
const webhook = (timeout = 3000): KubeconfigWebhook =>
  new KubeconfigWebhook({ target: read(config({ server: `http://127.0.0.1:${port}/check` })), clock: systemClock, timeout });

test("a kubeconfig that says nothing usable is refused in upstream's words", () => {
  const refused = (text: string, message: string | RegExp): void => assert.throws(() => read(text), { name: "KubeconfigError", message });
  assert.throws(() => readKubeconfig(join(directory, "none")), { message: `stat ${directory}/none: no such file or directory` });
  refused("", /^invalid configuration: no configuration has been provided/);
  refused(JSON.stringify({ "current-context": "y" }), "invalid configuration: [context was not found for specified context: y, cluster has no server defined]");
  refused(config({ server: "https://a" }, {}, { cluster: "c", user: "v" }), 'auth info "v" does not exist');
  refused(config({ "tls-server-name": "a" }), 'invalid configuration: no server found for cluster "c"');
  refused(
    config({ server: "https://a", "certificate-authority": "gone.crt" }, { token: "t", username: "n", "client-certificate-data": "eA==" }),
    `invalid configuration: [client-key-data or client-key must be specified for u to use the clientCert authentication method., more than one authentication method found for u; found [token basicAuth], only one is allowed, unable to read certificate-authority ${directory}/gone.crt for c due to open ${directory}/gone.crt: no such file or directory]`,
  );
  refused(config({ server: "https://a" }, { exec: { command: "x" } }), /^exec of a user is not supported/);
});

test("who asks is said over TLS alone", () => {
  assert.equal(read(config({ server: "https://a" }, { token: "t" })).token, "t");
  assert.equal(read(config({ server: "http://a" }, { token: "t" })).token, undefined);
});

test("a webhook is asked at the URL of its kubeconfig, and told how long it has", async () => {
  using hook = webhook();
  let asked = "";
  handle = (request, response) => {
    asked = `${request.method} ${request.url} ${request.headers["content-type"]}`;
    response.end("yes");
  };
  assert.equal((await hook.ask(Buffer.from("{}"), signal)).body.toString(), "yes");
  assert.equal(asked, "POST /check?timeout=3s application/json");
});

test("answers that are errors are errors, with what a Status says", async () => {
  using hook = webhook();
  handle = (_, response) => void response.writeHead(500).end("no");
  await assert.rejects(hook.ask(Buffer.from("{}"), signal), {
    reason: "InternalError",
    message: 'an error on the server ("no") has prevented the request from succeeding',
  });
  handle = (_, response) =>
    void response.writeHead(403).end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message: "go away", code: 403 }));
  await assert.rejects(hook.ask(Buffer.from("{}"), signal), { message: "go away" });
});

test("a webhook that does not answer in time is unreachable", async () => {
  using hook = webhook(20);
  handle = () => {};
  await assert.rejects(
    hook.ask(Buffer.from("{}"), signal),
    (error: unknown) => error instanceof Unreachable && error.timedOut && error.message.endsWith("context deadline exceeded"),
  );
});

test("what may pass is tried five times, ever later; what stays is not", async () => {
  const clock = new VirtualClock();
  const times: number[] = [];
  const options = { clock, random: { ...seededRandom(1), next: () => 0 }, signal };
  const failing = (error: Error): Promise<never> =>
    withBackoff(() => {
      times.push(clock.monotonic());
      return Promise.reject(error);
    }, options);
  let settled = false;
  const pending = failing(new StatusError({ code: 429, reason: "TooManyRequests", message: "later" })).catch((error: Error) => {
    settled = true;
    return error.message;
  });
  while (!settled) {
    await clock.advance(250);
    await new Promise(setImmediate);
  }
  assert.equal(await pending, "later");
  assert.equal(times.length, 5);
  assert.deepEqual(
    times.slice(1).map((at, i) => at - (times[i] as number) >= 500 * 1.5 ** i),
    [true, true, true, true],
  );
  times.length = 0;
  await assert.rejects(failing(new StatusError({ code: 401, reason: "Unauthorized", message: "who?" })), { message: "who?" });
  assert.equal(times.length, 1);
});
