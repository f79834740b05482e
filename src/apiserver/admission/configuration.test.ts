import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readAdmissionConfiguration } from "./configuration.ts";

const dir = mkdtempSync(join(tmpdir(), "admission-configuration-"));
after(() => rmSync(dir, { recursive: true }));
const file = (name: string, content: unknown): string => {
  writeFileSync(join(dir, name), typeof content === "string" ? content : JSON.stringify(content));
  return join(dir, name);
};
const apiVersion = "apiserver.config.k8s.io/v1";
const root = (...plugins: object[]): string => file("config.yaml", { apiVersion, kind: "AdmissionConfiguration", plugins });

test("webhooks are told who calls by the user that is named like their host, then by stars, then by the current context", () => {
  const kubeConfigFile = file("users.yaml", {
    users: [
      { name: "hook.team.svc:443", user: { token: "exact" } },
      { name: "*.team.svc", user: { username: "u", password: "p" } },
      { name: "else", user: { token: "context" } },
    ],
    contexts: [{ name: "c", context: { user: "else" } }],
    "current-context": "c",
  });
  const configuration = { apiVersion, kind: "WebhookAdmissionConfiguration", kubeConfigFile };
  const { MutatingAdmissionWebhook: mutating, ValidatingAdmissionWebhook: validating } = readAdmissionConfiguration(
    root({ name: "MutatingAdmissionWebhook", configuration }),
  );
  assert.equal(validating, undefined);
  assert.deepEqual(mutating?.("hook.team.svc:443"), { token: "exact" });
  assert.deepEqual(mutating?.("other.team.svc:443"), { username: "u", password: "p" });
  assert.deepEqual(mutating?.("other.team.svc:8443"), { token: "context" });
});

test("what is wrong with the file is told in one sentence", () => {
  assert.throws(() => readAdmissionConfiguration(join(dir, "none")), /none: ENOENT/);
  assert.throws(() => readAdmissionConfiguration(file("a.yaml", "[]")), /a.yaml: couldn't get version\/kind; json parse error: json: cannot unmarshal array/);
  assert.throws(
    () => readAdmissionConfiguration(file("b.yaml", { apiVersion, kind: "Other" })),
    /b.yaml: no kind "Other" is registered for version "apiserver.config.k8s.io\/v1"/,
  );
  assert.throws(() => readAdmissionConfiguration(root({ name: "LimitRanger" })), /plugin "LimitRanger" has no configuration; those that have one are Mutating/);
  const relative = { apiVersion, kind: "WebhookAdmissionConfiguration", kubeConfigFile: "users.yaml" };
  assert.throws(
    () => readAdmissionConfiguration(root({ name: "ValidatingAdmissionWebhook", configuration: relative })),
    /plugin "ValidatingAdmissionWebhook": kubeConfigFile: must be an absolute file path$/,
  );
  const limits = [{ type: "Everybody", qps: 0, burst: 1 }];
  file("limits.yaml", { apiVersion: "eventratelimit.admission.k8s.io/v1alpha1", kind: "Configuration", limits });
  assert.throws(
    () => readAdmissionConfiguration(root({ name: "EventRateLimit", path: "limits.yaml" })),
    /limits.yaml: \[limits\[0\].type: Unsupported value: "Everybody": .*, limits\[0\].qps: Invalid value: 0: must be positive\]$/,
  );
  const strange = { apiVersion: "pod-security.admission.config.k8s.io/v1", kind: "PodSecurityConfiguration", defaults: { enforce: "strict" } };
  assert.throws(
    () => readAdmissionConfiguration(root({ name: "PodSecurity", configuration: strange })),
    /PodSecurity configuration error: enforce: must be one of privileged, baseline, restricted$/,
  );
});

test("levels of namespaces without labels and exemptions are read, and what may be taken with a quota alone", () => {
  const level = { apiVersion: "pod-security.admission.config.k8s.io/v1", kind: "PodSecurityConfiguration" };
  const quota = { apiVersion, kind: "ResourceQuotaConfiguration", limitedResources: [{ resource: "pods", matchContains: ["cpu"] }] };
  const { PodSecurity, ResourceQuota } = readAdmissionConfiguration(
    root(
      { name: "PodSecurity", configuration: { ...level, defaults: { enforce: "baseline", "enforce-version": "v1.30" }, exemptions: { usernames: ["jane"] } } },
      { name: "ResourceQuota", configuration: quota },
    ),
  );
  assert.deepEqual(PodSecurity?.defaults?.enforce, { level: "baseline", minor: 30 });
  assert.deepEqual(PodSecurity?.defaults?.warn, { level: "privileged", minor: Number.POSITIVE_INFINITY });
  assert.deepEqual(PodSecurity?.exemptUsers, ["jane"]);
  assert.deepEqual(ResourceQuota, [{ resource: "pods", matchContains: ["cpu"] }]);
});
