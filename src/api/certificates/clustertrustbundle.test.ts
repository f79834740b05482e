import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { ClusterTrustBundle } from "../types/certificates-v1beta1.gen.ts";
import { clusterTrustBundleKind } from "./clustertrustbundle.ts";

const bundle = (name: string, trustBundle: string, signerName?: string): ClusterTrustBundle =>
  ({ metadata: { name, resourceVersion: "1" }, spec: { trustBundle, ...(signerName ? { signerName } : {}) } }) as unknown as ClusterTrustBundle;
const told = (item: ClusterTrustBundle, old?: ClusterTrustBundle): string[] => {
  const errors = old ? clusterTrustBundleKind.validateUpdate?.(item, old) : clusterTrustBundleKind.validate?.(item);
  return (errors ?? []).map(({ field, body }) => `${field}: ${body.replace(/^Invalid value: "[^"]*": /, "")}`);
};
const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" }).toString();

test("a bundle has nothing but authorities' certificates", () => {
  const at = "spec.trustBundle: ";
  assert.deepEqual(told(bundle("a", "")), [`${at}at least one trust anchor must be provided`]);
  assert.deepEqual(told(bundle("a", key)), [`${at}entry 0 has bad block type: PUBLIC KEY`]);
  const broken = "-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n";
  assert.deepEqual(told(bundle("a", broken + broken.replace("eA==", "A: b\n\neA=="))), [
    `${at}entry 0 does not parse as X.509`,
    `${at}entry 1 has PEM block headers`,
  ]);
});

test("the name says whose bundle it is, and the signer stays; what does not change is not read again", () => {
  const was = bundle("example.com:x:one", "nothing to read", "example.com/x");
  assert.deepEqual(told(was, was), []);
  assert.deepEqual(told(bundle("one", "nothing to read", "example.com/x"), bundle("one", "nothing to read", "example.com/y")), [
    "metadata.name: ClusterTrustBundle for signerName example.com/x must be named with prefix example.com:x:",
    "spec.signerName: field is immutable",
  ]);
});
