import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readPolicyFile } from "./abac.ts";
import { parseAuthorizationConfiguration } from "./configuration.ts";

const directory = mkdtempSync(join(tmpdir(), "authorization-configuration-"));
after(() => rmSync(directory, { recursive: true }));

const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n";
const refused = (text: string, message: string | RegExp): void =>
  assert.throws(() => parseAuthorizationConfiguration(text), { name: "ConfigurationError", message });

test("authorizers stand in the order of the file, with upstream's defaults", () => {
  const file = join(directory, "kubeconfig");
  writeFileSync(file, "");
  const webhook = `{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: Deny, unauthorizedTTL: 0s, cacheAuthorizedRequests: false, connectionInfo: {type: KubeConfigFile, kubeConfigFile: ${file}}}`;
  assert.deepEqual(parseAuthorizationConfiguration(`${head}authorizers: [{type: Webhook, name: hook, webhook: ${webhook}}, {type: RBAC, name: rbac}]`), [
    {
      type: "Webhook",
      name: "hook",
      webhook: { authorizedTTL: 0, unauthorizedTTL: 30_000, timeout: 3000, version: "v1", onError: "deny", kubeconfig: file },
    },
    { type: "RBAC", name: "rbac" },
  ]);
});

test("files that are wrong are refused in upstream's words", () => {
  refused("", "authorizers: Required value: at least one authorization mode must be defined");
  refused(
    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n",
    "failed to load AuthorizationConfiguration from file: expected AuthorizationConfiguration, got *apiserver.EncryptionConfiguration",
  );
  refused(
    `${head}authorizers: [{type: RBAC, name: one}, {type: Node, name: two}]`,
    "[expected name rbac for authorizer RBAC instead of one, expected name node for authorizer Node instead of two]",
  );
  refused(
    `${head}authorizers: [{type: RBAC, name: rbac}, {type: RBAC, name: rbac}, {type: Foo}, {name: a}, {type: Node, name: rbac, webhook: {}}, {type: Webhook, name: A}]`,
    '[authorizers[1].type: Duplicate value: "RBAC", authorizers[2].type: Unsupported value: "Foo": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook", authorizers[3].type: Required value, authorizers[4].name: Duplicate value: "rbac", authorizers[4].webhook: Invalid value: "non-null": may only be specified when type=Webhook, authorizers[5].name: Invalid value: "A": authorizer name is invalid: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \'-\' or \'.\', and must start and end with an alphanumeric character (e.g. \'example.com\', regex used for validation is \'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\'), authorizers[5].webhook: Required value: required when type=Webhook]',
  );
});

test("policies of a file say who may do what; lines of before there were versions are read as well", () => {
  const file = join(directory, "policies");
  const line = (spec: object): string => JSON.stringify({ apiVersion: "abac.authorization.kubernetes.io/v1beta1", kind: "Policy", spec });
  writeFileSync(
    file,
    [
      "# who",
      "",
      line({ user: "alice", namespace: "*", resource: "*", apiGroup: "*" }),
      line({ group: "*", readonly: true, nonResourcePath: "/version*" }),
      '{"user":"bob","namespace":"a","readonly":true}',
    ].join("\n"),
  );
  const abac = readPolicyFile(file);
  const may = (name: string, verb: string, what: object): string =>
    abac.authorize({
      ...{ user: { name, groups: ["system:authenticated"] }, verb, isResource: true, group: "", version: "v1", resource: "pods", subresource: "" },
      ...{ namespace: "a", name: "", path: "", ...what },
    }).decision;
  assert.equal(may("alice", "delete", {}), "allow");
  assert.equal(may("bob", "list", {}), "allow");
  assert.equal(may("bob", "delete", {}), "no-opinion");
  assert.equal(may("bob", "list", { namespace: "b" }), "no-opinion");
  assert.equal(may("carol", "get", { isResource: false, path: "/version/x" }), "allow");
  assert.deepEqual(abac.rulesOf({ name: "bob", groups: [] }, "a").resourceRules, [{ verbs: ["get", "list", "watch"], apiGroups: ["*"], resources: ["*"] }]);
  writeFileSync(file, 'nonsense: 1\n{"user":3}');
  assert.throws(() => readPolicyFile(file), {
    message: `error reading policy file ${file}, line 2: {"user":3}: json: cannot unmarshal number into Go struct field Policy.user of type string`,
  });
});
