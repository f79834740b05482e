import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { settle, VirtualClock } from "../../../base/clock.ts";
import { implement, serveGrpc } from "../../../base/grpc/server.ts";
import { silentLogger } from "../../../base/logger.ts";
import { Metrics } from "../../../base/metrics.ts";
import { MemoryReader } from "../../authorization/memory-reader.fixture.ts";
import { openIdDocuments } from "../../registry/authentication/openid.ts";
import { ServiceAccountTokenAuthenticator } from "../service-account-token.ts";
import { ExternalSigner, externalSigner } from "./external-signer.ts";
import { signerSeries } from "./metrics.ts";
import type { Key, SignJWTResponse } from "./types.gen.ts";

const directory = mkdtempSync(join(tmpdir(), "signer-"));
after(() => rmSync(directory, { recursive: true }));
const socket = join(directory, "signer.sock");
const issuer = "https://k";
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

interface Held {
  id: string;
  key: KeyObject;
  excluded?: boolean;
}
const held = (id: string, excluded = false): Held => ({ id, key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, excluded });

/** Somebody who holds keys and signs with the first. */
class Double {
  keys: Held[] = [held("one")];
  header: object | string = {};
  signature: string | undefined;
  refreshSeconds = 100;
  dataSeconds: number | undefined = 5;
  lifeSeconds = 7200;
  fetches = 0;
  readonly methods = implement(externalSigner, {
    Sign: async ({ claims }): Promise<SignJWTResponse> => {
      const [first] = this.keys as [Held];
      const header = typeof this.header === "string" ? this.header : encode({ alg: "ES256", typ: "JWT", kid: first.id, ...this.header });
      const signature = sign("sha256", Buffer.from(`${header}.${claims}`), { key: first.key, dsaEncoding: "ieee-p1363" }).toString("base64url");
      return { header, signature: this.signature ?? signature };
    },
    FetchKeys: async () => {
      this.fetches++;
      const keys = this.keys.map(
        ({ id, key, excluded = false }): Key => ({
          keyId: id,
          key: createPublicKey(key).export({ type: "spki", format: "der" }),
          excludeFromOidcDiscovery: excluded,
        }),
      );
      return {
        keys,
        refreshHintSeconds: this.refreshSeconds,
        ...(this.dataSeconds === undefined ? {} : { dataTimestamp: { seconds: this.dataSeconds, nanos: 0 } }),
      };
    },
    Metadata: async () => ({ maxTokenExpirationSeconds: this.lifeSeconds }),
  });
}

const clock = new VirtualClock(Date.now());

const open = (): Promise<ExternalSigner> => ExternalSigner.open({ endpoint: socket, clock, logger: silentLogger, series: signerSeries(new Metrics(), clock) });
const claimsAt = (now: number): object => ({
  aud: ["api"],
  exp: now + 600,
  iat: now,
  iss: issuer,
  "kubernetes.io": { namespace: "n", serviceaccount: { name: "a", uid: "u" } },
  nbf: now,
  sub: "system:serviceaccount:n:a",
});

test("what it signs is verified by its keys, which are fetched again for a key that is not known", async () => {
  const double = new Double();
  await using _server = await serveGrpc(socket, double.methods);
  await using signer = await open();
  const reader = new MemoryReader().put("serviceaccounts", { metadata: { namespace: "n", name: "a", uid: "u" } });
  const authenticator = new ServiceAccountTokenAuthenticator({ reader, clock, issuers: [issuer], audiences: ["api"], keys: signer });
  const now = Math.floor(clock.now() / 1000);
  const known = await signer.sign(claimsAt(now));
  const found = authenticator.authenticateToken(known, ["api"]);
  assert.ok(!(found instanceof Promise));
  assert.equal(found?.user.name, "system:serviceaccount:n:a");
  assert.equal(double.fetches, 1);
  double.keys = [held("two"), ...double.keys];
  const later = await signer.sign(claimsAt(now));
  assert.equal(double.fetches, 2, "who signs with a new key must not do so with one that is not published");
  assert.equal((await authenticator.authenticateToken(later, ["api"]))?.user.name, "system:serviceaccount:n:a");
  const strange = later.replace(/^[^.]+/, encode({ alg: "ES256", typ: "JWT", kid: "three" }));
  await assert.rejects(async () => authenticator.authenticateToken(strange, ["api"]), { message: "invalid signature, no keys found" });
  assert.equal(double.fetches, 3);
});

test("keys are fetched when they are due, and those that are not to be shown are not", async () => {
  const double = new Double();
  double.keys.push(held("quiet", true));
  await using _server = await serveGrpc(socket, double.methods);
  await using signer = await open();
  const documents = openIdDocuments({ issuer, externalAddress: "h", keys: signer });
  const shown = (): string[] => {
    const { keys } = JSON.parse(Buffer.from(documents.get("/openid/v1/jwks")?.body ?? []).toString()) as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  };
  assert.deepEqual(shown(), ["one"]);
  await clock.advance(40_000);
  assert.equal(documents.get("/openid/v1/jwks")?.cacheControl, "public, max-age=60");
  double.keys = [held("three")];
  await clock.advance(60_000);
  for (let i = 0; i < 200 && shown()[0] !== "three"; i++) await settle();
  assert.deepEqual(shown(), ["three"]);
});

test("a token that is not as it should be is refused, with why", async () => {
  const double = new Double();
  double.keys.push(held("quiet", true));
  await using _server = await serveGrpc(socket, double.methods);
  await using signer = await open();
  const cases: [Partial<Double>, string][] = [
    [{ header: { typ: "JOSE" } }, "while validating header: bad type"],
    [{ header: { kid: "" } }, "while validating header: key id missing"],
    [{ header: { kid: "k".repeat(1025) } }, "while validating header: key id longer than 1 kb"],
    [{ header: { alg: "none" } }, 'while validating header: bad signing algorithm "none"'],
    [{ header: { jku: "https://x" } }, 'while validating header: while parsing header JSON: json: unknown field "jku"'],
    [{ header: { kid: "quiet" } }, "while validating header: key used for signing JWT (kid: quiet) is excluded from OIDC discovery docs"],
    [{ header: "!" }, "while validating header: while unwrapping header: illegal base64 data at input byte 0"],
    [{ header: {}, signature: "" }, "empty signature returned"],
  ];
  for (const [wrong, message] of cases) {
    Object.assign(double, { header: {}, signature: undefined }, wrong);
    await assert.rejects(signer.sign({}), { message });
  }
});

test("a signer that says nothing useful is refused at the start", async () => {
  const cases: [Partial<Double>, string][] = [
    [{ refreshSeconds: 0 }, "found invalid refresh hint (0s)"],
    [{ keys: [] }, "found no keys"],
    [{ keys: [held("")] }, 'found invalid public key id ""'],
    [{ dataSeconds: undefined }, "invalid data timestamp: proto: invalid nil Timestamp"],
    [{ lifeSeconds: 599 }, "max token life supported by external-jwt-signer (599s) is less than acceptable (min 600s)"],
  ];
  for (const [wrong, why] of cases) {
    const double = Object.assign(new Double(), wrong);
    await using _server = await serveGrpc(socket, double.methods);
    await assert.rejects(open(), (error: Error) => error.name === "SignerError" && error.message.endsWith(why));
  }
  await using _server = await serveGrpc(socket, new Double().methods);
  await using signer = await open();
  assert.equal(signer.longest(0), 7200);
  assert.equal(signer.longest(3600), 3600);
  assert.throws(() => signer.longest(7201), {
    message:
      "service-account-max-token-expiration cannot be set longer than the token expiration supported by service-account-signing-endpoint: 2h0m1s > 2h0m0s",
  });
});
