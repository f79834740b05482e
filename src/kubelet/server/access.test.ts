import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { before, test } from "node:test";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { VirtualClock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import { Access } from "./access.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const start = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const clientAuth = "1.3.6.1.5.5.7.3.2";
const serverAuth = "1.3.6.1.5.5.7.3.1";

interface Made {
  certificate: x509.X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}
async function make(subject: string, by: Made | undefined, usage?: string): Promise<Made> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: by?.certificate.subject ?? subject,
    notBefore: new Date(start),
    notAfter: new Date(start + 10 * day),
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(!usage, undefined, true), ...(usage ? [new x509.ExtendedKeyUsageExtension([usage])] : [])],
  });
  return { certificate, keys };
}
const der = ({ certificate }: Made): Uint8Array => new Uint8Array(certificate.rawData);
const pem = ({ certificate }: Made): string => certificate.toString("pem");

/** An API server that knows one token and lets everybody; `asked` is what it was asked. */
function server(): { client: Client; asked: unknown[] } {
  const asked: unknown[] = [];
  const create = (_: string, review: { spec: { token?: string } }): Promise<unknown> => {
    asked.push(review.spec);
    const user = { username: "tess", groups: ["testers"], extra: { from: ["x"] } };
    if (review.spec.token === undefined) return Promise.resolve({ status: { allowed: true } });
    return Promise.resolve({ status: review.spec.token === "good" ? { authenticated: true, user } : { authenticated: false } });
  };
  return { client: { resource: () => ({ create }) } as unknown as Client, asked };
}

let ca: Made;
let other: Made;
before(async () => {
  [ca, other] = await Promise.all([make("CN=ca", undefined), make("CN=other", undefined)]);
});
const access = (settings: ConstructorParameters<typeof Access>[3] = {}): Access =>
  new Access(server().client, new VirtualClock(start + day), "n", { clientCA: pem(ca), ...settings });

test("a client certificate counts when it leads to an authority of clients, over what was sent beside it as well", async () => {
  const middle = await make("CN=middle", ca);
  const [straight, over] = await Promise.all([make("CN=jane, O=devs", ca, clientAuth), make("CN=joe", middle, clientAuth)]);
  const jane = await access().authenticate([der(straight)], undefined);
  assert.equal(jane?.name, "jane");
  assert.deepEqual(jane?.groups, ["devs", "system:authenticated"]);
  assert.equal(jane?.extra?.["authentication.kubernetes.io/credential-id"]?.length, 1);
  assert.equal((await access().authenticate([der(over), der(middle)], undefined))?.name, "joe");
  assert.equal(await access().authenticate([der(over)], undefined), undefined);
});

test("a certificate of a server, of another authority or out of date is nobody's, not even anonymous'", async () => {
  const [serving, foreign, good] = await Promise.all([make("CN=jane", ca, serverAuth), make("CN=jane", other, clientAuth), make("CN=jane", ca, clientAuth)]);
  for (const one of [serving, foreign]) assert.equal(await access({ anonymous: true }).authenticate([der(one)], undefined), undefined);
  const late = new Access(server().client, new VirtualClock(start + 11 * day), "n", { clientCA: pem(ca), anonymous: true });
  assert.equal(await late.authenticate([der(good)], undefined), undefined);
  assert.equal((await access({ anonymous: true }).authenticate([], undefined))?.name, "system:anonymous");
});

test("a token is looked at where the certificate does not count", async () => {
  const foreign = await make("CN=jane", other, clientAuth);
  assert.equal((await access().authenticate([der(foreign)], "Bearer good"))?.name, "tess");
  assert.equal(await access({ anonymous: true }).authenticate([der(foreign)], "Bearer bad"), undefined);
});

test("other authorities are believed from when they are given; one that cannot be read changes nothing", async () => {
  const theirs = [der(await make("CN=jane", other, clientAuth))];
  const one = access();
  assert.throws(() => one.trust("no certificate"));
  assert.equal(await one.authenticate(theirs, undefined), undefined);
  one.trust(pem(other));
  assert.equal((await one.authenticate(theirs, undefined))?.name, "jane");
});

test("the API server is told all that is known of who asks", async () => {
  const { client, asked } = server();
  const one = new Access(client, new VirtualClock(start), "n");
  const user = await one.authenticate([], "Bearer good");
  assert.ok(user && (await one.allowed(user, "GET", "/metrics")));
  assert.deepEqual(asked.at(-1), {
    user: "tess",
    groups: ["testers"],
    extra: { from: ["x"] },
    resourceAttributes: { verb: "get", group: "", version: "v1", resource: "nodes", subresource: "metrics", name: "n" },
  });
});
