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
  const { mutating, validating } = readAdmissionConfiguration(root({ name: "MutatingAdmissionWebhook", configuration }));
  assert.equal(validating, undefined);
  assert.deepEqual(mutating?.("hook.team.svc:443"), { token: "exact" });
  assert.deepEqual(mutating?.("other.team.svc:443"), { username: "u", password: "p" });
  assert.deepEqual(mutating?.("other.team.svc:8443"), { token: "context" });
});

test("what is wrong with the file is told in one sentence", () => {
  assert.throws(() => readAdmissionConfiguration(join(dir, "none")), /none: ENOENT/);
  assert.throws(() => readAdmissionConfiguration(file("a.yaml", "[]")), /a.yaml: not a map$/);
  assert.throws(
    () => readAdmissionConfiguration(file("b.yaml", { apiVersion, kind: "Other" })),
    /must be a AdmissionConfiguration of apiserver.config.k8s.io\/v1, not Other/,
  );
  assert.throws(() => readAdmissionConfiguration(root({ name: "EventRateLimit" })), /plugin "EventRateLimit" has no configuration here/);
  const relative = { apiVersion, kind: "WebhookAdmissionConfiguration", kubeConfigFile: "users.yaml" };
  assert.throws(
    () => readAdmissionConfiguration(root({ name: "ValidatingAdmissionWebhook", configuration: relative })),
    /kubeConfigFile: must be an absolute file path$/,
  );
});
