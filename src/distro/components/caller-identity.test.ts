import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import type { Client } from "../../client/client.ts";
import { PKI } from "../pki.ts";
import { CallerIdentity, publishedTrust, readTrust, type TrustFlags } from "./caller-identity.ts";

const directory = mkdtempSync(join(tmpdir(), "caller-"));
after(() => rmSync(directory, { recursive: true }));
const pki = new PKI(directory, systemClock);
await pki.ensureCA("ca", "kubernetes");
await pki.ensureCA("proxies", "front-proxies");
await pki.ensure({ file: "jane", commonName: "jane", organizations: ["team"], ca: "ca", usages: ["client"] });
await pki.ensure({ file: "proxy", commonName: "proxy", ca: "proxies", usages: ["client"] });

const published = {
  data: {
    "client-ca-file": pki.certificate("ca"),
    "requestheader-client-ca-file": pki.certificate("proxies"),
    "requestheader-allowed-names": '["proxy"]',
    "requestheader-username-headers": '["X-Remote-User"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
  },
};
const request = (file: string | undefined, headers: Record<string, string[]> = {}): IncomingMessage => {
  const raw = file && new X509Certificate(pki.certificate(file)).raw;
  return {
    method: "GET",
    headersDistinct: headers,
    socket: { getPeerX509Certificate: () => (raw ? { raw } : undefined), remoteAddress: "" },
  } as unknown as IncomingMessage;
};
const flags: TrustFlags = {
  "client-ca-file": "",
  "requestheader-client-ca-file": "",
  "requestheader-allowed-names": [],
  "requestheader-username-headers": ["x-remote-user"],
  "requestheader-uid-headers": [],
  "requestheader-group-headers": ["x-remote-group"],
  "requestheader-extra-headers-prefix": ["x-remote-extra-"],
  "authentication-kubeconfig": "some.conf",
  "authentication-skip-lookup": false,
  "authentication-tolerate-lookup-failure": false,
};
const client = (get: () => Promise<unknown>): Client => ({ resource: () => ({ get }) }) as unknown as Client;

test("a client certificate names its user, a front proxy whomever it says", () => {
  const callers = new CallerIdentity(publishedTrust(published), systemClock);
  const jane = callers.identify(request("jane"));
  assert.deepEqual([jane?.name, jane?.groups], ["jane", ["team", "system:authenticated"]]);
  const said = { "x-remote-user": ["joe"], "x-remote-group": ["a", "b"] };
  assert.deepEqual(callers.identify(request("proxy", said)), { name: "joe", groups: ["a", "b", "system:authenticated"] });
  assert.equal(callers.identify(request("jane", said))?.name, "jane", "a user is not believed to be somebody else");
  assert.equal(callers.identify(request(undefined, said)), undefined);
  assert.equal(callers.authorities.length, 2);
});

test("a proxy of another name is not believed", () => {
  const trust = publishedTrust({ data: { ...published.data, "requestheader-allowed-names": '["other"]' } });
  assert.equal(new CallerIdentity(trust, systemClock).identify(request("proxy", { "x-remote-user": ["joe"] })), undefined);
});

test("what the flags leave out is looked up, and that may be forbidden or fail", async () => {
  const found = await readTrust(
    flags,
    client(async () => published),
    silentLogger,
  );
  assert.deepEqual(found, publishedTrust(published));
  const broken = client(async () => Promise.reject(new Error("away")));
  await assert.rejects(readTrust(flags, broken, silentLogger), /unable to load configmap kube-system\/extension-apiserver-authentication: away/);
  assert.deepEqual(await readTrust({ ...flags, "authentication-tolerate-lookup-failure": true }, broken, silentLogger), {});
  assert.deepEqual(await readTrust({ ...flags, "authentication-skip-lookup": true }, broken, silentLogger), {});
  assert.deepEqual(await readTrust({ ...flags, "authentication-kubeconfig": "" }, broken, silentLogger), {});
});
