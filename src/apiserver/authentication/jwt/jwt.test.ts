/** JSON Web Tokens: issuers with their keys, claims, rules, and the file that names them. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { VirtualClock } from "../../../base/clock.ts";
import { silentLogger } from "../../../base/logger.ts";
import { Metrics } from "../../../base/metrics.ts";
import { authenticationSeries } from "../../metrics/authentication.ts";
import { TokenError } from "../authenticator.ts";
import type { JwtConfiguration } from "./configuration.ts";
import { decodeAuthenticationConfiguration } from "./configuration.ts";
import { JwtAuthenticator } from "./jwt-authenticator.ts";
import { validateJwt } from "./validation.ts";
import { Path } from "../../../api/field.ts";
import { checkAuthenticationConfiguration, JwtAuthentication, readAuthenticationConfiguration } from "./jwt-authentication.ts";
import { isSignedBy, parseJws, signingAlgorithms } from "./jws.ts";
import { keySetOf } from "./jwk.ts";
import { ClaimError, idTokenOf, parseJson, untrustedIssuer } from "./claims.ts";
import { expiryOf } from "./remote-key-set.ts";

const first = generateKeyPairSync("ec", { namedCurve: "P-256" });
const second = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = (kid: string, key: KeyObject): object => ({ ...key.export({ format: "jwk" }), kid });
const clock = new VirtualClock(Date.UTC(2026, 10, 22));
const now = clock.now() / 1000;

let published: object[] = [jwk("a", first.publicKey)];
let asked = 0;
const server = createServer((request, response) => {
  if (request.url === "/keys") asked++;
  const body = request.url === "/keys" ? { keys: published } : { issuer: url, jwks_uri: `${url}/keys` };
  response.setHeader("content-type", "application/json").end(JSON.stringify(body));
});
let url = "";
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
function mint(claims: object, kid = "a", key = first.privateKey): string {
  const input = `${encode({ alg: "ES256", kid })}.${encode({ iss: url, aud: "api", exp: now + 60, sub: "alice", ...claims })}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}
const mappings = { username: { claim: "sub", prefix: "p:" }, groups: { expression: "claims.?roles.orValue([])" } };
const metrics = new Metrics();
const series = authenticationSeries(metrics, clock, "id");
const made = (jwt: JwtConfiguration) =>
  new JwtAuthentication({
    configuration: { jwt: [{ claimMappings: mappings, ...jwt, issuer: { url, audiences: ["api"], ...jwt.issuer } }] },
    audiences: ["cluster"],
    serviceAccountIssuers: [],
    clock,
    logger: silentLogger,
    series,
  });
const refusal = (message: RegExp) => (error: unknown) => error instanceof TokenError && message.test(error.message);

/** The validation of URLs is left out here: the issuer of these tests speaks HTTP. */
async function ready(jwt: JwtConfiguration = {}): Promise<JwtAuthenticator> {
  const configuration = { claimMappings: mappings, ...jwt, issuer: { url, audiences: ["api"] } };
  const { rules } = validateJwt(configuration, [], new Path());
  const authenticator = new JwtAuthenticator({
    configuration,
    rules,
    algorithms: signingAlgorithms,
    clock,
    logger: silentLogger,
    series,
  });
  await authenticator.asked;
  return authenticator;
}

test("a token names a user once its issuer has answered; keys are fetched when one is missing", async () => {
  using authenticator = await ready();
  assert.equal(authenticator.unhealthy, undefined);
  assert.equal(authenticator.authenticate("a.b.c"), undefined);
  assert.deepEqual(await authenticator.authenticate(mint({ roles: ["dev"], jti: "1" })), {
    name: "p:alice",
    groups: ["dev"],
    extra: { "authentication.kubernetes.io/credential-id": ["JTI=1"] },
  });
  const before = asked;
  await authenticator.authenticate(mint({}));
  assert.equal(asked, before);
  published = [jwk("a", first.publicKey), jwk("b", second.publicKey)];
  assert.equal((await authenticator.authenticate(mint({ sub: "bob" }, "b", second.privateKey)))?.name, "p:bob");
  assert.equal(asked, before + 1);
});

test("a token that is not good is refused in upstream's words", async () => {
  using authenticator = await ready({
    claimValidationRules: [{ expression: "!has(claims.blocked)", message: "blocked" }],
    userValidationRules: [{ expression: "!user.username.startsWith('p:system:')", message: "reserved" }],
  });
  const refused = (claims: object, message: RegExp) => assert.rejects(async () => authenticator.authenticate(mint(claims)), refusal(message));
  await refused({ exp: 1 }, /^oidc: verify token: oidc: token is expired \(Token Expiry: 1970-01-01 00:00:01 \+0000 UTC\)$/);
  await refused({ aud: "x" }, /^oidc: verify token: oidc: expected audience "api" got \["x"\]$/);
  await refused(
    { sub: 5 },
    /^oidc: verify token: oidc: failed to unmarshal claims: json: cannot unmarshal number into Go struct field idToken.sub of type string$/,
  );
  await refused({ blocked: true }, /^oidc: error evaluating claim validation expression: validation expression '!has\(claims.blocked\)' failed: blocked$/);
  await refused({ sub: "system:x" }, /^oidc: error evaluating user info validation rule: .* failed: reserved$/);
  await refused({ roles: 5 }, /expression must return a string or a list of strings$/);
  await assert.rejects(
    async () => authenticator.authenticate(mint({}, "a", second.privateKey)),
    refusal(/failed to verify signature: failed to verify id token signature$/),
  );
});

test("what is no https URL is no issuer", () => {
  assert.throws(() => made({}), { message: `issuer.url: Invalid value: "${url}": URL scheme must be https` });
});

test("a key set is read as strictly as it should be, and a signature counts by the key of its algorithm alone", () => {
  const keys = keySetOf(parseJson(JSON.stringify({ keys: published })));
  const jws = parseJws(mint({}));
  assert.equal(isSignedBy(jws, keys[0] as (typeof keys)[number]), true);
  assert.equal(isSignedBy({ ...jws, algorithm: "ES384" }, keys[0] as (typeof keys)[number]), false);
  assert.equal(isSignedBy({ ...jws, algorithm: "none" }, keys[0] as (typeof keys)[number]), false);
  assert.equal(isSignedBy(parseJws(mint({}, "a", second.privateKey)), keys[0] as (typeof keys)[number]), false);
  assert.throws(() => keySetOf(parseJson('{"keys":[{"kty":"XYZ"}]}')), { message: "go-jose/go-jose: unknown json web key type 'XYZ'" });
  assert.throws(() => parseJws(`${Buffer.from('{"alg":"a","alg":"b"}').toString("base64url")}..`), { message: "json: duplicate key 'alg' in object" });
  assert.throws(() => parseJws("a.b"), { message: "go-jose/go-jose: compact JWS format must have three parts" });
});

test("claims are read as Go reads them", () => {
  const read = (text: string) => idTokenOf(parseJson(text));
  assert.deepEqual(read('{"AUD":["a"],"exp":"12","aud":"b"}').audiences, ["b"]);
  assert.equal(read('{"exp":12.9}').expiry, 12);
  assert.equal(read('{"exp":1e300}').expiry, -(2 ** 63));
  assert.throws(() => read('{"exp":true}'), { message: "json: cannot unmarshal bool into Go struct field idToken.exp of type json.Number" });
  assert.throws(() => parseJson(`${"[".repeat(10_001)}`), { message: "invalid character '[' exceeded max depth" });
  assert.equal(untrustedIssuer(mint({})), url);
  assert.equal(untrustedIssuer("a.%.c"), undefined);
  assert.throws(() => read("{"), ClaimError);
});

test("keys stay as long as the answer that brought them says", () => {
  const of = (headers: Record<string, string>) => expiryOf({ status: 200, statusLine: "", headers, body: Buffer.alloc(0) }, 1000);
  assert.equal(of({}), 1000);
  assert.equal(of({ "cache-control": "public, max-age=5" }), 6000);
  assert.equal(of({ "cache-control": "max-age=5, s-maxage=1" }), 2000);
  assert.equal(of({ date: new Date(0).toUTCString(), expires: new Date(9000).toUTCString() }), 10_000);
});

test("a configuration that is wrong is refused where it is wrong", () => {
  const check = (jwt: string) => () =>
    checkAuthenticationConfiguration(
      decodeAuthenticationConfiguration(`{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthenticationConfiguration","jwt":[${jwt}]}`),
    );
  const wrong = "invalid authentication configuration: ";
  const issuer = '"issuer":{"url":"https://x","audiences":["a"]}';
  assert.throws(check(`{${issuer}}`), { message: `${wrong}jwt[0].claimMappings.username: Required value: claim or expression is required` });
  assert.throws(
    check(`{${issuer},"claimMappings":{"username":{"expression":"claims.email"}}}`),
    /claims.email_verified must be used in claimMappings.username.expression/,
  );
  assert.throws(
    check(`{${issuer},"claimMappings":{"username":{"expression":"claims.+"}}}`),
    /username.expression: Invalid value: "claims.\+": compilation failed: ERROR: <input>:1:8: Syntax error/,
  );
  assert.throws(
    check(`{${issuer},"claimMappings":{"username":{"claim":"sub","prefix":""},"extra":[{"key":"kubernetes.io/x","valueExpression":"''"}]}}`),
    /are reserved for Kubernetes use/,
  );
  assert.throws(
    check(`{${issuer},"claimMappings":{"username":{"claim":"sub","prefix":""}},"userValidationRules":[{"expression":"user.username"}]}`),
    /must evaluate to bool$/,
  );
});

test("a file that changes takes effect when its issuers have answered, and one that is wrong changes nothing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "jwt-"));
  const path = join(directory, "authentication.yaml");
  const write = (text: string): void => writeFileSync(path, text);
  try {
    write('{"apiVersion":"apiserver.config.k8s.io/v1beta1","kind":"AuthenticationConfiguration","jwt":[]}');
    const source = readAuthenticationConfiguration(path);
    await using authentication = new JwtAuthentication({
      ...source,
      audiences: ["cluster"],
      serviceAccountIssuers: ["https://own"],
      clock,
      logger: silentLogger,
      series,
    });
    const failures = (): string => /automatic_reloads_total\{status="failure"[^}]*\} (\d+)/.exec(metrics.expose())?.[1] ?? "0";
    write("nonsense: [");
    await authentication.refresh();
    assert.equal(failures(), "1");
    write('{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthenticationConfiguration","jwt":[],"anonymous":{"enabled":true}}');
    await authentication.refresh();
    assert.equal(failures(), "2");
    write('{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthenticationConfiguration"}');
    await authentication.refresh();
    assert.match(metrics.expose(), /automatic_reloads_total\{status="success"[^}]*\} 1/);
    rmSync(path);
    assert.throws(() => readAuthenticationConfiguration(path), {
      message: `failed to load authentication configuration from file "${path}": open ${path}: no such file or directory`,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
