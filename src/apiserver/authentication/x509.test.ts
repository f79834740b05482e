import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { before, test } from "node:test";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { VirtualClock } from "../../base/clock.ts";
import { requestHeaderAuthenticator } from "./request-header.ts";
import { CertificateVerifier } from "../../api/x509/verifier.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const start = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const keyPair = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<KeyPair>;

type KeyPair = webcrypto.CryptoKeyPair;
interface Authority {
  certificate: x509.X509Certificate;
  keys: KeyPair;
}
async function authority(name: string, above?: Authority, usage?: string): Promise<Authority> {
  const keys = await keyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: above?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(start),
    notAfter: new Date(start + 10 * day),
    publicKey: keys.publicKey,
    signingKey: (above?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true), ...(usage ? [new x509.ExtendedKeyUsageExtension([usage])] : [])],
  });
  return { certificate, keys };
}
async function leaf(issuer: Authority, subject: x509.JsonName, usage = "1.3.6.1.5.5.7.3.2", days = 2): Promise<Uint8Array> {
  const keys = await keyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer.certificate.subject,
    notBefore: new Date(start),
    notAfter: new Date(start + days * day),
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.ExtendedKeyUsageExtension([usage])],
  });
  return new Uint8Array(certificate.rawData);
}

let ca: Authority;
let other: Authority;
before(async () => {
  [ca, other] = await Promise.all([authority("ca"), authority("other")]);
});

test("common name and organizations are user and groups, whatever characters they hold", async () => {
  const verifier = new CertificateVerifier({ ca: ca.certificate.toString("pem"), clock: new VirtualClock(start + day) });
  const der = await leaf(ca, [{ O: ["system:masters"] }, { O: ["a\nCN=root, O=x"] }, { CN: ["jane"] }]);
  const sent = [der];
  const { user } = verifier.verify(sent);
  assert.equal(user?.name, "jane");
  assert.deepEqual(user?.groups, ["system:masters", "a\nCN=root, O=x"]);
  assert.match(user?.extra?.["authentication.kubernetes.io/credential-id"]?.[0] ?? "", /^X509SHA256=[0-9a-f]{64}$/);
  assert.equal(verifier.verify([...sent]).user, user);
});

test("intermediates that the client sent lead to an authority, if each of them may", async () => {
  const verifier = new CertificateVerifier({ ca: ca.certificate.toString("pem"), clock: new VirtualClock(start + day) });
  const upper = await authority("upper", ca);
  const lower = await authority("lower", upper);
  const raw = ({ certificate }: Authority): Uint8Array => new Uint8Array(certificate.rawData);
  const shown = (): Promise<Uint8Array> => leaf(lower, [{ CN: ["jane"] }]);
  assert.equal(verifier.verify([await shown(), raw(lower), raw(upper)]).user?.name, "jane");
  assert.equal(verifier.verify([await shown(), raw(upper), raw(other), raw(lower)]).user?.name, "jane");
  for (const sent of [[], [raw(lower)], [raw(upper)], [raw(other)], [raw(upper), Buffer.from("nonsense"), raw(lower)]]) {
    const der = await shown();
    assert.throws(() => verifier.verify([der, ...sent]), { code: 401 });
  }
  const server = await authority("server", ca, "1.3.6.1.5.5.7.3.1");
  const der = await leaf(server, [{ CN: ["jane"] }]);
  assert.throws(() => verifier.verify([der, raw(server)]), { code: 401 });
  const person = { certificate: new x509.X509Certificate(await leaf(ca, [{ CN: ["person"] }])), keys: ca.keys };
  const made = await leaf(person, [{ CN: ["jane"] }]);
  assert.throws(() => verifier.verify([made, new Uint8Array(person.certificate.rawData)]), { code: 401 });
});

test("a certificate of another authority, for another use, or out of its time is refused", async () => {
  const clock = new VirtualClock(start + day);
  const verifier = new CertificateVerifier({ ca: ca.certificate.toString("pem"), clock });
  const subject = [{ CN: ["jane"] }];
  assert.throws(() => verifier.verify([Buffer.from("no certificate")]), { code: 401 });
  const foreign = await leaf(other, subject);
  assert.throws(() => verifier.verify([foreign]), { code: 401 });
  const server = await leaf(ca, subject, "1.3.6.1.5.5.7.3.1");
  assert.throws(() => verifier.verify([server]), { code: 401 });
  const good = await leaf(ca, subject);
  verifier.verify([good]);
  await clock.advance(2 * day);
  assert.throws(() => verifier.verify([good]), { code: 401 });
});

test("a certificate that was refused counts once its authority is trusted", async () => {
  const verifier = new CertificateVerifier({ ca: ca.certificate.toString("pem"), clock: new VirtualClock(start + day) });
  const foreign = await leaf(other, [{ CN: ["jane"] }]);
  assert.throws(() => verifier.verify([foreign]), { code: 401 });
  assert.throws(() => verifier.verify([foreign]), { code: 401 });
  verifier.setAuthorities(other.certificate.toString("pem"));
  assert.equal(verifier.verify([foreign]).user?.name, "jane");
});

test("proxy headers are believed from the proxy only, and taken out of the request", async () => {
  const verifier = new CertificateVerifier({ ca: other.certificate.toString("pem"), clock: new VirtualClock(start + day) });
  const authenticator = requestHeaderAuthenticator({
    verifier,
    allowedNames: ["proxy"],
    usernameHeaders: ["X-Remote-User"],
    uidHeaders: ["X-Remote-Uid"],
    groupHeaders: ["X-Remote-Group"],
    extraHeaderPrefixes: ["X-Remote-Extra-"],
  });
  const request = async (issuer: Authority, name: string) => ({
    method: "GET",
    path: "/",
    query: new URLSearchParams(),
    headers: { "x-remote-user": "jane", "x-remote-group": "a, b", "x-remote-extra-k%2fy": "v" } as Record<string, string | undefined>,
    repeatedHeaders: { "x-remote-group": ["a", "b,c"] } as Record<string, string[] | undefined>,
    clientCertificates: [await leaf(issuer, [{ CN: [name] }])],
    remoteAddress: "",
    signal: new AbortController().signal,
  });
  const good = await request(other, "proxy");
  assert.deepEqual(await authenticator.authenticate(good), { name: "jane", groups: ["a", "b,c"], extra: Object.assign(Object.create(null), { "k/y": ["v"] }) });
  assert.deepEqual(good.headers, {});
  const stranger = await request(ca, "proxy");
  assert.throws(() => authenticator.authenticate(stranger), { code: 401 });
  const unknown = await request(other, "someone");
  assert.throws(() => authenticator.authenticate(unknown), { code: 401 });
});
