import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateSigningRequest } from "../../api/types/certificates-v1.gen.ts";
import { isPast } from "./certificatesigningrequest-cleaner.ts";
import { lifetimeSeconds } from "./certificatesigningrequest-signing.ts";
import { judge } from "./recognize.ts";

const none = { commonName: "system:node:n1", organizations: ["system:nodes"], dns: [], emails: [], ips: [], uris: [] };
const client = ["digital signature", "client auth"];
const serving = ["digital signature", "key encipherment", "server auth"];

test("a kubelet's client certificate bears a node's name and nothing else", () => {
  const signer = "kubernetes.io/kube-apiserver-client-kubelet";
  assert.deepEqual(judge(signer, none, client), { ours: true });
  assert.equal(judge(signer, { ...none, dns: ["a"] }, client).error, "DNS subjectAltNames are not allowed");
  assert.equal(judge(signer, { ...none, commonName: "me" }, client).error, "subject common name does not begin with system:node:");
  assert.equal(judge(signer, none, serving).error, "usages did not match [client auth digital signature key encipherment]");
});

test("a kubelet's serving certificate needs an address", () => {
  const signer = "kubernetes.io/kubelet-serving";
  assert.equal(judge(signer, none, serving).error, "DNS or IP subjectAltName is required");
  assert.deepEqual(judge(signer, { ...none, ips: [new Uint8Array(4)] }, serving), { ours: true });
  assert.equal(judge(signer, { ...none, dns: ["a"], organizations: [] }, serving).error, "subject organization is not system:nodes");
});

test("a client's certificate is for nothing but clients, and other signers are not ours", () => {
  assert.equal(judge("kubernetes.io/kube-apiserver-client", none, ["server auth"]).error, "invalid usage for client certificate: server auth");
  assert.equal(judge("kubernetes.io/kube-apiserver-client", none, ["digital signature"]).error, "missing required usage for client certificate: client auth");
  assert.deepEqual(judge("example.com/signer", none, client), { ours: false });
});

test("the asked life counts between ten minutes and the limit", () => {
  assert.deepEqual(
    [lifetimeSeconds(undefined, 5000), lifetimeSeconds(100, 5000), lifetimeSeconds(700, 5000), lifetimeSeconds(9000, 5000)],
    [5000, 600, 700, 5000],
  );
});

test("requests go an hour after the decision, a day after being made or approved in vain", () => {
  const hour = 3600_000;
  const made = Date.parse("2026-01-01T00:00:00Z");
  const past = (type: string | undefined, hours: number, certificate?: string): boolean => {
    const conditions = type ? [{ type, status: "True", lastUpdateTime: "2026-01-01T00:00:00Z" }] : [];
    const request = { metadata: { creationTimestamp: "2026-01-01T00:00:00Z" }, status: { conditions, certificate } };
    return isPast(request as unknown as CertificateSigningRequest, made + hours * hour + 1);
  };
  assert.deepEqual([past(undefined, 23), past(undefined, 24)], [false, true]);
  assert.deepEqual([past("Denied", 0.5), past("Denied", 1), past("Failed", 1)], [false, true, true]);
  assert.deepEqual([past("Approved", 2), past("Approved", 24), past("Approved", 1, "YQ==")], [false, true, true]);
});
