import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { type CertificateSpec, PKI } from "./pki.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-pki-"));
after(() => rmSync(scratch, { recursive: true }));
const day = 24 * 3600_000;
const start = Date.parse("2026-01-01T00:00:00Z");
const spec: CertificateSpec = {
  file: "apiserver",
  commonName: "kube-apiserver",
  organizations: ["one", "two"],
  ca: "ca",
  usages: ["server"],
  dns: ["localhost", "kubernetes"],
  ip: ["127.0.0.1"],
};

async function fresh(name: string, clock: VirtualClock): Promise<PKI> {
  const pki = new PKI(join(scratch, name), clock);
  await pki.ensureCA("ca", "kubernetes");
  return pki;
}

test("a certificate is signed by its authority and carries the names it was asked for", async () => {
  const pki = await fresh("names", new VirtualClock(start));
  assert.equal(await pki.ensure(spec), true);
  const [ca, leaf] = [new X509Certificate(pki.certificate("ca")), new X509Certificate(pki.certificate("apiserver"))];
  assert.equal(ca.ca, true);
  assert.equal(leaf.ca, false);
  assert.equal(leaf.verify(ca.publicKey), true);
  assert.equal(leaf.checkHost("localhost"), "localhost");
  assert.equal(leaf.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal(leaf.checkHost("elsewhere"), undefined);
  assert.deepEqual(leaf.subject.split("\n"), ["O=one", "O=two", "CN=kube-apiserver"]);
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  assert.equal(leaf.publicKey.asymmetricKeyType, "ec");
});

test("keys and certificates are for their owner only", async () => {
  const pki = await fresh("modes", new VirtualClock(start));
  await pki.ensure(spec);
  await pki.ensureServiceAccountKeys();
  assert.equal(statSync(pki.directory).mode & 0o777, 0o700);
  for (const file of [pki.keyPath("ca"), pki.keyPath("apiserver"), pki.keyPath("sa"), pki.certificatePath("apiserver")])
    assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("a certificate stays until a third of its life is left, then another takes its place", async () => {
  const clock = new VirtualClock(start);
  const pki = await fresh("life", clock);
  await pki.ensure(spec);
  const first = pki.certificate("apiserver");
  await clock.advance(240 * day);
  assert.equal(await pki.ensure(spec), false);
  assert.equal(pki.certificate("apiserver"), first);
  await clock.advance(5 * day);
  assert.equal(await pki.ensure(spec), true);
  assert.notEqual(pki.certificate("apiserver"), first);
});

test("a certificate that lacks a name, or is of another authority, is made again", async () => {
  const clock = new VirtualClock(start);
  const pki = await fresh("again", clock);
  await pki.ensure(spec);
  assert.equal(await pki.ensure({ ...spec, ip: ["127.0.0.1", "10.244.0.1"] }), true);
  assert.equal(await pki.ensure(spec), false);
  rmSync(pki.certificatePath("ca"));
  await pki.ensureCA("ca", "kubernetes");
  assert.equal(await pki.ensure(spec), true);
});

test("a key that is not its certificate's, as a crash in a renewal leaves it, is made again with it", async () => {
  const pki = await fresh("crash", new VirtualClock(start));
  await pki.ensure(spec);
  await pki.ensure({ ...spec, file: "other" });
  writeFileSync(pki.keyPath("apiserver"), pki.key("other"));
  assert.equal(await pki.ensure(spec), true);
  assert.equal(await pki.ensure(spec), false);
});

test("an authority and the service account keys stay", async () => {
  const clock = new VirtualClock(start);
  const pki = await fresh("stay", clock);
  await pki.ensureServiceAccountKeys();
  const before = [pki.certificate("ca"), pki.key("sa")];
  await clock.advance(3000 * day);
  await pki.ensureCA("ca", "kubernetes");
  await pki.ensureServiceAccountKeys();
  assert.deepEqual([pki.certificate("ca"), pki.key("sa")], before);
});

test("a damaged certificate is an error that says so, not a silent new identity", async () => {
  const pki = await fresh("damaged", new VirtualClock(start));
  await pki.ensure(spec);
  writeFileSync(pki.certificatePath("apiserver"), "no certificate");
  await assert.rejects(pki.ensure(spec), (error: Error) => error.message.includes(pki.certificatePath("apiserver")));
});
