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
import { identityHeaders } from "./kubeconfig-user.ts";
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

test("who is named and is not there is nobody; who acts as somebody says so, with a name", () => {
  const nobody = read(config({ server: "https://a" }, { token: "t" }, { cluster: "c", user: "v" }));
  assert.deepEqual(Object.keys(nobody).sort(), ["insecure", "server"]);
  const user = { token: "t", as: "jane", "as-uid": "1", "as-groups": ["a", "b"], "as-user-extra": { "x/y": ["z"] } };
  assert.deepEqual(identityHeaders(read(config({ server: "https://a" }, user))), {
    authorization: "Bearer t",
    "impersonate-user": "jane",
    "impersonate-uid": "1",
    "impersonate-group": ["a", "b"],
    "impersonate-extra-x%2Fy": ["z"],
  });
  assert.throws(() => read(config({ server: "https://a" }, { "as-uid": "1" })), {
    message: "invalid configuration: requesting uid, groups or user-extra for u without impersonating a user",
  });
});

test("a token is read from its file for each question, and stays what it was where that fails", () => {
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, "one\n");
  const target = read(config({ server: "https://a" }, { tokenFile: "token" }));
  assert.equal(identityHeaders(target).authorization, "Bearer one");
  writeFileSync(tokenFile, "two");
  assert.equal(identityHeaders(target).authorization, "Bearer two");
  rmSync(tokenFile);
  assert.equal(identityHeaders(target).authorization, "Bearer one");
});

test("who is sent on asks there: with GET, or again as it was", async () => {
  using hook = webhook();
  const asked: string[] = [];
  handle = (request, response) => {
    const { method, url = "", headers } = request;
    asked.push(`${method} ${url} ${headers["content-length"] ?? "no body"} ${headers.referer?.replace(/:\d+/, "") ?? "from nowhere"}`);
    const status = url.startsWith("/check") ? first : 200;
    response.writeHead(status, status === 200 ? {} : { location: `/done` }).end("yes");
  };
  let first = 302;
  for (first of [301, 302, 303, 307, 308]) assert.equal((await hook.ask(Buffer.from("{}"), signal)).body.toString(), "yes");
  assert.deepEqual(
    asked.filter((line) => line.includes("/done")),
    [...Array<string>(3).fill("GET /done no body"), ...Array<string>(2).fill("POST /done 2")].map((line) => `${line} http://127.0.0.1/check?timeout=3s`),
  );
});

test("who is sent round and round gives up after ten times, and where no place is named it is an error", async () => {
  using hook = webhook();
  let count = 0;
  handle = (_, response) => void response.writeHead(307, { location: `/${++count}` }).end();
  await assert.rejects(hook.ask(Buffer.from("{}"), signal), { message: 'Post "/10": stopped after 10 redirects' });
  assert.equal(count, 10);
  handle = (_, response) => void response.writeHead(302, { location: "http://[" }).end();
  await assert.rejects(
    hook.ask(Buffer.from("{}"), signal),
    (error: unknown) => error instanceof Unreachable && /failed to parse Location header "http:\/\/\["/.test(error.message),
  );
  handle = (_, response) => void response.writeHead(302).end();
  await assert.rejects(hook.ask(Buffer.from("{}"), signal), { code: 302 });
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
