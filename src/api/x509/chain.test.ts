import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { before, test } from "node:test";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { readCertificate } from "./certificate.ts";
import { chainOf } from "./chain.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const start = Date.UTC(2026, 0, 1);
const day = 86_400_000;

interface Made {
  certificate: x509.X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}
interface Wanted {
  by?: Made;
  authority?: boolean;
  pathLength?: number;
  keys?: webcrypto.CryptoKeyPair;
  /** Days after the start. */
  to?: number;
  more?: x509.Extension[];
}
async function make(name: string, { by, authority = true, pathLength, to = 10, more = [], ...wanted }: Wanted = {}): Promise<Made> {
  const keys = wanted.keys ?? ((await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: by?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(start),
    notAfter: new Date(start + to * day),
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(authority, pathLength, true), ...more],
  });
  return { certificate, keys };
}
const leaf = (by: Made, more: x509.Extension[] = []): Promise<Made> => make("jane", { by, authority: false, more });
const read = ({ certificate }: Made): ReturnType<typeof readCertificate> => readCertificate(new Uint8Array(certificate.rawData));
const leads = (from: Made, sent: Made[], to: Made[] = [root]): string[] | undefined =>
  chainOf({ leaf: read(from), sent: sent.map(read), authorities: to.map(read), now: start + 2 * day })?.map(({ subject }) => subject.slice(-4));

/** One element of DER. */
const der = (tag: number, ...parts: (string | Uint8Array)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
};
const dns = (name: string): Buffer => der(0x82, name);
const named = (...names: Buffer[]): x509.Extension => new x509.Extension("2.5.29.17", false, der(0x30, ...names));
const limits = (tag: number, ...names: Buffer[]): x509.Extension =>
  new x509.Extension("2.5.29.30", true, der(0x30, der(tag, ...names.map((name) => der(0x30, name)))));
const permitted = 0xa0;
const excluded = 0xa1;

let root: Made;
before(async () => {
  root = await make("root");
});

test("of two certificates of an intermediate the one that holds now leads on", async () => {
  const old = await make("upper", { by: root, to: 1 });
  const renewed = await make("upper", { by: root, keys: old.keys });
  const jane = await leaf(old);
  assert.equal(leads(jane, [old]), undefined);
  assert.equal(leads(jane, [old, renewed])?.length, 3);
  const impostor = await make("upper", { by: root });
  assert.equal(leads(jane, [impostor]), undefined);
  assert.equal(leads(jane, [impostor, renewed])?.length, 3);
});

test("a certificate of the bundle is an authority for itself, and whoever signed it", async () => {
  const upper = await make("upper", { by: root });
  const jane = await leaf(upper);
  assert.equal(leads(jane, [], [upper])?.length, 2);
  assert.equal(leads(jane, [], [jane])?.length, 1);
});

test("no more intermediates follow than an authority allows", async () => {
  const short = await make("short", { by: root, pathLength: 0 });
  const deeper = await make("deeper", { by: short });
  assert.equal(leads(await leaf(short), [short])?.length, 3);
  assert.equal(leads(await leaf(deeper), [deeper, short]), undefined);
});

test("what says that it matters and is not understood is refused, on the leaf and above it", async () => {
  const odd = [new x509.Extension("1.2.3.4", true, der(0x05))];
  assert.equal(leads(await leaf(root, odd), []), undefined);
  assert.equal(leads(await leaf(root, [new x509.Extension("1.2.3.4", false, der(0x05))]), [])?.length, 2);
  const upper = await make("upper", { by: root, more: odd });
  assert.equal(leads(await leaf(upper), [upper]), undefined);
});

test("a key that is not for certificates certifies none", async () => {
  const upper = await make("upper", { by: root, more: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)] });
  assert.equal(leads(await leaf(upper), [upper]), undefined);
});

test("an authority that is limited to names certifies no others", async () => {
  const cases: [x509.Extension, Buffer[], boolean][] = [
    [limits(permitted, dns("example.com")), [dns("a.Example.com"), dns("example.com")], true],
    [limits(permitted, dns("example.com")), [dns("a.example.com"), dns("aexample.com")], false],
    [limits(permitted, dns(".example.com")), [dns("example.com")], false],
    [limits(permitted, dns("example.com")), [der(0x81, "jane@elsewhere.com")], true],
    [limits(excluded, dns("a.example.com")), [dns("*.example.com")], false],
    [limits(excluded, dns("a.example.com")), [dns("b.example.com")], true],
    [limits(permitted, der(0x87, Buffer.from([10, 0, 0, 0, 255, 0, 0, 0]))), [der(0x87, Buffer.from([10, 9, 8, 7]))], true],
    [limits(permitted, der(0x87, Buffer.from([10, 0, 0, 0, 255, 0, 0, 0]))), [der(0x87, Buffer.from([11, 9, 8, 7]))], false],
    [limits(permitted, der(0x81, "jane@example.com")), [der(0x81, "jane@EXAMPLE.com")], true],
    [limits(permitted, der(0x81, "jane@example.com")), [der(0x81, "Jane@example.com")], false],
    [limits(permitted, der(0x86, "example.com")), [der(0x86, "spiffe://a.example.com/x")], true],
    [limits(permitted, der(0x86, "example.com")), [der(0x86, "https://10.0.0.1/x")], false],
    [limits(permitted, der(0xa4, der(0x30))), [], false],
  ];
  for (const [limit, names, allowed] of cases) {
    const upper = await make("upper", { by: root, more: [limit] });
    const jane = await leaf(upper, names.length ? [named(...names)] : []);
    assert.equal(leads(jane, [upper]) !== undefined, allowed, names.join());
  }
});

test("who sends many certificates of one name is not climbed after for long", async () => {
  const upper = await make("upper", { by: root });
  const others = await Promise.all(Array.from({ length: 110 }, () => make("upper", { by: root })));
  assert.equal(leads(await leaf(upper), [...others, upper]), undefined);
});
