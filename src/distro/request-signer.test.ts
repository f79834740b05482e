import "reflect-metadata";
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as x509 from "@peculiar/x509";
import { requestNames } from "../api/certificates/request-names.ts";
import { VirtualClock } from "../base/clock.ts";
import { PKI } from "./pki.ts";
import { requestSigner } from "./request-signer.ts";

const directory = mkdtempSync(join(tmpdir(), "k8ts-signer-"));
after(() => rmSync(directory, { recursive: true }));
const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const clock = new VirtualClock(Date.parse("2026-01-01T00:00:00Z"));
const pki = new PKI(directory, clock);
await pki.ensureCA("ca", "kubernetes");
const sign = requestSigner({ certificate: pki.certificate("ca"), key: pki.key("ca"), clock });
const keys = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
const names = [
  { type: "dns" as const, value: "n1.example" },
  { type: "ip" as const, value: "10.0.0.1" },
  { type: "ip" as const, value: "fd00::1" },
];
const request = await x509.Pkcs10CertificateRequestGenerator.create({
  name: "O=system:nodes,CN=system:node:n1",
  keys,
  signingAlgorithm: ecdsa,
  extensions: [new x509.SubjectAlternativeNameExtension(names)],
});

test("a certificate is issued for the request's key, subject and names, for the time asked", async () => {
  const pem = await sign({ request: request.toString("pem"), usages: ["digital signature", "server auth"], seconds: 3600 });
  const issued = new X509Certificate(pem);
  assert.equal(issued.verify(new X509Certificate(pki.certificate("ca")).publicKey), true);
  assert.deepEqual(issued.subject.split("\n"), ["O=system:nodes", "CN=system:node:n1"]);
  assert.deepEqual([issued.checkHost("n1.example"), issued.checkIP("fd00::1"), issued.ca], ["n1.example", "fd00::1", false]);
  assert.deepEqual(issued.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  assert.deepEqual([issued.validFromDate.toISOString(), issued.validToDate.toISOString()], ["2025-12-31T23:55:00.000Z", "2026-01-01T01:00:00.000Z"]);
});

test("no certificate outlives its authority", async () => {
  const pem = await sign({ request: request.toString("pem"), usages: ["client auth"], seconds: 100 * 365 * 86400 });
  assert.equal(new X509Certificate(pem).validTo, new X509Certificate(pki.certificate("ca")).validTo);
});

test("the names in a request are read", () => {
  const read = requestNames(Buffer.from(request.toString("pem")).toString("base64"));
  assert.deepEqual(
    { ...read, ips: read.ips.map((ip) => ip.length) },
    { commonName: "system:node:n1", organizations: ["system:nodes"], dns: ["n1.example"], emails: [], ips: [4, 16], uris: [] },
  );
});
