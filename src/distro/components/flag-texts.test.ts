import assert from "node:assert/strict";
import { test } from "node:test";
import { component } from "./apiserver.ts";
import { flagTexts } from "./flag-texts.ts";
import { parseFlags } from "./flags.ts";

test("flags are told as kube-apiserver tells them", () => {
  const args = ["--request-timeout=90s", "--service-node-port-range=30000+10", "--service-cluster-ip-range=10.96.0.0/16,fd00::/112", "--api-audiences=a,b"];
  const more = [
    "--feature-gates=ClusterTrustBundle=true",
    "--feature-gates=CBORServingAndStorage=true",
    "--oidc-required-claim=b=c",
    "--oidc-required-claim=a=b",
  ];
  const apis = ["--runtime-config=networking.k8s.io/v1beta1=true,batch/v1/cronjobs=false", "--audit-webhook-batch-throttle-qps=2.5"];
  const texts = flagTexts(component.flags, parseFlags(component, [...args, ...more, ...apis]));
  const expected = {
    "request-timeout": "1m30s",
    "service-node-port-range": "30000-30010",
    "service-cluster-ip-range": "10.96.0.0/16,fd00::/112",
    "api-audiences": "[a,b]",
    "feature-gates": ":CBORServingAndStorage=true,:ClusterTrustBundle=true",
    "oidc-required-claim": "a=b,b=c",
    "oidc-signing-algs": "[RS256]",
    "oidc-username-claim": "sub",
    "runtime-config": "batch/v1/cronjobs=false,networking.k8s.io/v1beta1=true",
    "audit-webhook-batch-throttle-qps": "2.5",
    "authorization-mode": "[Node,RBAC]",
    "authorization-webhook-cache-authorized-ttl": "5m0s",
    "anonymous-auth": "true",
    "service-account-key-file": "[]",
    "tls-min-version": "VersionTLS12",
    "audit-log-path": "",
    "event-ttl": "1h0m0s",
    "secure-port": "6443",
  };
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, texts[name]])), expected);
});
