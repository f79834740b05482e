import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import type { TokenRequest } from "../../api/types/authentication-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryReader } from "../authorization/memory-reader.fixture.ts";
import { answerOpenId, openIdDocuments } from "../registry/authentication/openid.ts";
import { reviewToken } from "../registry/authentication/tokenreview.ts";
import { createToken, type TokenIssuer } from "../registry/core/serviceaccount-token.ts";
import { TokenError } from "./authenticator.ts";
import { bearerToken, webSocketToken } from "./bearer.ts";
import { defaultAuthentication } from "./default.ts";
import { fixedKeys, parseSigningKey, parseVerificationKeys, signToken } from "./service-account-keys.ts";
import { tokenFileAuthenticator } from "./token-file.ts";

const audience = "https://kubernetes.default.svc";
const now = Date.UTC(2026, 10, 21, 12);

function world(type: "ec" | "rsa" = "ec") {
  const pair = type === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const privatePem = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const keys = fixedKeys(parseVerificationKeys(pair.publicKey.export({ type: "spki", format: "pem" }) as string));
  const clock = new VirtualClock(now);
  const reader = new MemoryReader()
    .put("serviceaccounts", { metadata: { name: "s", namespace: "a", uid: "u-s" } })
    .put("nodes", { metadata: { name: "n1", uid: "u-n" } })
    .put("pods", { metadata: { name: "p", namespace: "a", uid: "u-p" }, spec: { serviceAccountName: "s", nodeName: "n1" } });
  const key = parseSigningKey(privatePem);
  const issuer: TokenIssuer = { issuer: audience, signer: { sign: (claims) => signToken(claims, key) }, audiences: [audience] };
  const auth = defaultAuthentication({ reader, clock, audiences: [audience], serviceAccountIssuers: [audience], serviceAccountKeys: keys });
  const request = (spec: object): TokenRequest => ({ metadata: {}, spec, status: {} }) as unknown as TokenRequest;
  const issue = (spec: object) => createToken(request(spec), "a", "s", { reader, clock, random: seededRandom(1), issuer });
  const review = (token: string, audiences?: string[]) =>
    reviewToken({ spec: { token, audiences }, metadata: {}, status: {} } as never, { tokens: auth.tokens, anonymous: auth.anonymous, audiences: [audience] });
  return { clock, reader, keys, auth, issue, review };
}
const http = (headers: Record<string, string>, more: Partial<ApiRequest> = {}): ApiRequest => ({
  method: "GET",
  path: "/api",
  query: new URLSearchParams(),
  headers,
  remoteAddress: "127.0.0.1",
  signal: new AbortController().signal,
  ...more,
});

for (const type of ["ec", "rsa"] as const) {
  test(`a pod-bound ${type} token names its account, pod and node, and dies with the pod`, async () => {
    const { issue, auth, clock, reader } = world(type);
    const { status } = await issue({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "p", uid: "u-p" } });
    assert.equal(status.expirationTimestamp, "2026-11-21T13:00:00Z");
    const user = await auth.authenticator.authenticate(http({ authorization: `Bearer ${status.token}` }));
    assert.equal(user?.name, "system:serviceaccount:a:s");
    assert.deepEqual(user?.groups, ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]);
    assert.deepEqual(user?.extra?.["authentication.kubernetes.io/pod-name"], ["p"]);
    assert.deepEqual(user?.extra?.["authentication.kubernetes.io/node-uid"], ["u-n"]);
    reader.remove("pods", "a", "p");
    await clock.advance(11_000);
    await assert.rejects(async () => auth.authenticator.authenticate(http({ authorization: `Bearer ${status.token}` })), { code: 401 });
  });
}

test("token requests are refused as upstream does", async () => {
  const { issue } = world();
  await assert.rejects(issue({ expirationSeconds: 599 }), {
    message: 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
  });
  await assert.rejects(issue({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "p", uid: "other" } }), { code: 409 });
  await assert.rejects(issue({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "gone" } }), { code: 404 });
  await assert.rejects(issue({ boundObjectRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" } }), {
    code: 400,
    message: "cannot bind token to object of type apps/v1, Kind=Deployment",
  });
});

test("a pod-bound token of 3607 seconds lives a year but says when to warn", async () => {
  const { issue, review, clock } = world();
  const { status } = await issue({ expirationSeconds: 3607, boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "p" } });
  assert.equal(status.expirationTimestamp, "2026-11-21T13:00:07Z");
  const claims = JSON.parse(Buffer.from(status.token.split(".")[1] as string, "base64url").toString());
  assert.equal(claims["kubernetes.io"].warnafter, now / 1000 + 3607);
  await clock.advance(364 * 86_400_000);
  assert.equal((await review(status.token)).status.authenticated, true);
  await clock.advance(2 * 86_400_000);
  assert.equal((await review(status.token)).status.error, "[invalid bearer token, service account token has expired]");
});

test("claims of another type than theirs are refused, though they are signed", async () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signing = parseSigningKey(pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string);
  const keys = fixedKeys(parseVerificationKeys(pair.publicKey.export({ type: "spki", format: "pem" }) as string));
  const reader = new MemoryReader().put("serviceaccounts", { metadata: { name: "s", namespace: "a", uid: "u" } });
  const { tokens } = defaultAuthentication({
    reader,
    clock: new VirtualClock(now),
    audiences: [audience],
    serviceAccountIssuers: [audience],
    serviceAccountKeys: keys,
  });
  const own = { namespace: "a", serviceaccount: { name: "s", uid: "u" } };
  const good = { iss: audience, aud: [audience], "kubernetes.io": own };
  assert.ok(await tokens.authenticateToken(signToken(good, signing), [audience]));
  const odd = { toString: [[]] };
  for (const claims of [
    { ...good, aud: odd },
    { ...good, aud: [odd] },
    { ...good, exp: "never" },
    { ...good, jti: [] },
    { ...good, "kubernetes.io": { ...own, namespace: odd } },
    { ...good, "kubernetes.io": { ...own, serviceaccount: { name: odd, uid: "u" } } },
    { ...good, "kubernetes.io": { ...own, pod: "p" } },
    { iss: "kubernetes/serviceaccount", sub: "system:serviceaccount:a:s", "kubernetes.io/serviceaccount/namespace": odd },
  ])
    await assert.rejects(async () => tokens.authenticateToken(signToken(claims, signing), [audience]), TokenError, JSON.stringify(claims));
});

test("a token review tells why, and for which audiences", async () => {
  const { issue, review } = world();
  const { status } = await issue({});
  assert.deepEqual((await review(status.token)).status.audiences, [audience]);
  assert.equal(
    (await review(status.token, ["vault"])).status.error,
    `[invalid bearer token, token audiences ["${audience}"] is invalid for the target audiences ["vault"]]`,
  );
  const [head, , signature] = status.token.split(".");
  const forged = Buffer.from(JSON.stringify({ iss: audience, sub: "system:serviceaccount:a:other" })).toString("base64url");
  assert.match((await review(`${head}.${forged}.${signature}`)).status.error ?? "", /error in cryptographic primitive/);
  assert.equal((await review("nonsense")).status.error, "invalid bearer token");
  for (const token of [" ", "\u2028", "\u0085", " nonsense"]) {
    const { status } = await review(token, ["a"]);
    const user = { username: "system:anonymous", groups: ["system:unauthenticated"] };
    assert.deepEqual(status, { authenticated: true, user, audiences: ["a"] }, "what stands in no header is nobody's");
  }
  assert.equal((await review("\ufeff")).status.error, "invalid bearer token");
});

test("a bootstrap token holds until it expires or loses its purpose", async () => {
  const { auth, reader } = world();
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const secret = (data: Record<string, string>) =>
    reader.put("secrets", {
      metadata: { name: "bootstrap-token-abcdef", namespace: "kube-system", uid: "x" },
      type: "bootstrap.kubernetes.io/token",
      data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
    });
  const good = { "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true" };
  const ask = async () => auth.tokens.authenticateToken("abcdef.0123456789abcdef", [audience]);
  secret({ ...good, expiration: "2026-11-21T11:59:59Z" });
  assert.equal(await ask(), undefined);
  secret({ ...good, "usage-bootstrap-authentication": "false" });
  assert.equal(await ask(), undefined);
  secret({ ...good, "auth-extra-groups": "system:bootstrappers:kubeadm", expiration: "2026-11-22T00:00:00Z" });
  assert.deepEqual((await ask())?.user, { name: "system:bootstrap:abcdef", groups: ["system:bootstrappers", "system:bootstrappers:kubeadm"] });
});

test("no credential is anonymous, a wrong one is refused", async () => {
  const { auth } = world();
  assert.equal((await auth.authenticator.authenticate(http({})))?.name, "system:anonymous");
  await assert.rejects(async () => auth.authenticator.authenticate(http({ authorization: "Bearer x" })), { code: 401, message: "Unauthorized" });
});

test("tokens are read from the header and from a WebSocket subprotocol", () => {
  assert.equal(bearerToken("bearer abc def"), "abc");
  assert.equal(bearerToken("Basic abc"), undefined);
  assert.equal(bearerToken("Bearer  abc"), undefined);
  const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from("tok").toString("base64url")}`;
  const upgrade = { upgrade: "websocket", connection: "keep-alive, Upgrade" };
  assert.deepEqual(webSocketToken(http({ ...upgrade, "sec-websocket-protocol": `${protocol}, v5.channel.k8s.io` })), {
    token: "tok",
    protocols: ["v5.channel.k8s.io"],
  });
  assert.throws(() => webSocketToken(http({ ...upgrade, "sec-websocket-protocol": protocol })), { code: 401 });
  assert.equal(webSocketToken(http({ "sec-websocket-protocol": protocol })), undefined);
});

test("a token file gives users and groups, and names what is malformed", async () => {
  const tokens = tokenFileAuthenticator('t1,alice,1,"g1,g2"\n,nobody,0\nt2,bob,2\n', "f", [audience]);
  assert.deepEqual((await tokens.authenticateToken("t1", [audience]))?.user, { name: "alice", uid: "1", groups: ["g1", "g2"] });
  assert.equal(tokens.authenticateToken("", [audience]), undefined);
  assert.throws(() => tokenFileAuthenticator("t,u\n", "f", []), /token file 'f' must have at least 3 columns \(token, user name, user uid\), found 2/);
});

test("the issuer's documents name the keys that verify its tokens", () => {
  const { keys } = world();
  const documents = openIdDocuments({ issuer: audience, externalAddress: "127.0.0.1:6443", keys });
  const read = (path: string) => JSON.parse(Buffer.from(documents.get(path)?.body ?? []).toString());
  assert.deepEqual(read("/.well-known/openid-configuration"), {
    issuer: audience,
    jwks_uri: "https://127.0.0.1:6443/openid/v1/jwks",
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
  assert.equal(read("/openid/v1/jwks").keys[0].kid, keys.all[0]?.id);
  const ask = (path: string) => answerOpenId({ method: "GET", path, headers: {} } as ApiRequest, documents);
  assert.deepEqual(
    ["/openid/v1/jwks", "/openid/v1/jwks/", "/openid/v1", "/openid/v1/jwksx"].map((path) => ask(path)?.status),
    [200, 200, undefined, undefined],
  );
  assert.throws(() => ask("/openid/v1/jwks%2Fx"), /could not find the requested resource/);
  assert.throws(() => openIdDocuments({ issuer: "http://x", externalAddress: "h", keys }), /issuer URL must use https scheme, got: http:\/\/x/);
});
