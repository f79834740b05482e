/** Configurations that kube-apiserver does not start with. DIR stands for a directory with the files that are named. */
export interface Refusal {
  name: string;
  /** Content of the AuthorizationConfiguration; absent: there is none. */
  file?: string;
  flags?: readonly string[];
}

const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n";
const authorizers = (...list: object[]): string => `${head}authorizers: ${JSON.stringify(list)}`;
const good = {
  timeout: "3s",
  subjectAccessReviewVersion: "v1",
  failurePolicy: "NoOpinion",
  connectionInfo: { type: "KubeConfigFile", kubeConfigFile: "DIR/good.conf" },
};
const hook = (more: object): string => authorizers({ type: "Webhook", name: "hook", webhook: { ...good, ...more } });
const connection = (connectionInfo: object): string => hook({ connectionInfo });
const kubeconfig = (name: string): string => connection({ type: "KubeConfigFile", kubeConfigFile: `DIR/${name}.conf` });
const conditions = (...expressions: string[]): string =>
  hook({ matchConditionSubjectAccessReviewVersion: "v1", matchConditions: expressions.map((expression) => ({ expression })) });

const cluster = { server: "https://127.0.0.1:1/x", "certificate-authority": "DIR/ca.crt" };
const config = (of: object = cluster, user: object = { token: "t" }, more: object = {}): object => ({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "c", cluster: of }],
  users: [{ name: "u", user }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  "current-context": "x",
  ...more,
});

/** By name, without `.conf`. */
export const kubeconfigs: Readonly<Record<string, object | string>> = {
  good: config(),
  empty: "",
  "no-clusters": { apiVersion: "v1", kind: "Config" },
  "other-context": config(cluster, {}, { "current-context": "y" }),
  "other-cluster": config(cluster, {}, { contexts: [{ name: "x", context: { cluster: "d", user: "u" } }] }),
  "no-server": config({ "tls-server-name": "x" }),
  "no-ca-file": config({ ...cluster, "certificate-authority": "DIR/nothing.crt" }),
  "two-cas": config({ ...cluster, "certificate-authority-data": "eA==" }),
  "two-methods": config(cluster, { token: "t", username: "n", password: "p" }),
  "no-key": config(cluster, { "client-certificate": "DIR/admin.crt" }),
  "no-certificate": config(cluster, { "client-certificate": "DIR/nothing.crt", "client-key": "DIR/nothing.key" }),
};

export const refusals: readonly Refusal[] = [
  { name: "empty", file: "" },
  { name: "no kind", file: "apiVersion: apiserver.config.k8s.io/v1\n" },
  { name: "no version", file: "kind: AuthorizationConfiguration\n" },
  { name: "another kind", file: "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n" },
  { name: "another version", file: "apiVersion: apiserver.config.k8s.io/v2\nkind: AuthorizationConfiguration\n" },
  { name: "no YAML", file: "a: [" },
  { name: "a list", file: "[]" },
  { name: "a text", file: "text" },
  { name: "no authorizers", file: head },
  { name: "authorizers of another type", file: `${head}authorizers: 3` },
  { name: "a name of another type", file: authorizers({ type: "RBAC", name: 3 }) },
  { name: "a duration of another type", file: hook({ timeout: 3 }) },
  { name: "a duration that is none", file: hook({ timeout: "3x" }) },
  { name: "a bool of another type", file: hook({ cacheAuthorizedRequests: "yes" }) },
  { name: "unknown and repeated fields", file: `${head}authorizers: [{type: RBAC, type: Node, name: rbac, foo: 1}]\nbar: 2` },
  { name: "unknown types", file: authorizers({ type: "Foo", name: "foo" }, { name: "bar" }) },
  { name: "twice the same", file: authorizers({ type: "RBAC", name: "rbac" }, { type: "RBAC", name: "rbac" }, { type: "Node", name: "rbac" }) },
  { name: "names", file: authorizers({ type: "RBAC", name: "one" }, { type: "Node", name: "Two" }, { type: "AlwaysDeny" }) },
  { name: "names that are not the types'", file: authorizers({ type: "RBAC", name: "one" }, { type: "Node", name: "two" }) },
  { name: "a webhook where none is", file: authorizers({ type: "RBAC", name: "rbac", webhook: {} }, { type: "Webhook", name: "hook" }) },
  { name: "an empty webhook", file: authorizers({ type: "Webhook", name: "hook", webhook: {} }) },
  { name: "times", file: hook({ timeout: "31s", authorizedTTL: "-1s", unauthorizedTTL: "-5m" }) },
  { name: "no time", file: hook({ timeout: "0s" }) },
  { name: "a time that is negative", file: hook({ timeout: "-1ms" }) },
  { name: "versions", file: hook({ subjectAccessReviewVersion: "v2", matchConditionSubjectAccessReviewVersion: "v1beta1", failurePolicy: "Fail" }) },
  { name: "conditions without a version", file: hook({ matchConditions: [{ expression: "true" }] }) },
  { name: "no connection", file: connection({}) },
  { name: "another connection", file: connection({ type: "Pigeon", kubeConfigFile: "DIR/good.conf" }) },
  { name: "a file in the cluster", file: connection({ type: "InClusterConfig", kubeConfigFile: "DIR/good.conf" }) },
  { name: "no file", file: connection({ type: "KubeConfigFile" }) },
  { name: "a relative file", file: connection({ type: "KubeConfigFile", kubeConfigFile: "good.conf" }) },
  { name: "a file that is not there", file: kubeconfig("nothing") },
  { name: "a directory", file: connection({ type: "KubeConfigFile", kubeConfigFile: "DIR" }) },
  ...Object.keys(kubeconfigs)
    .filter((name) => name !== "good")
    .map((name) => ({ name: `kubeconfig ${name}`, file: kubeconfig(name) })),
  { name: "expressions", file: conditions("", "  ", "true", "true", "request.user", "request.foo == 1", "1 +", "request.user == 1", "object.x") },
  {
    name: "expressions about selectors",
    file: conditions("request.resourceAttributes.labelSelector.foo == ''", "request.resourceAttributes.fieldSelector.requirements[0].values == 1"),
  },
  {
    name: "expressions with what is not there",
    file: conditions("authorizer.group('')", "Object{} == null", "params.x", "request.extra.x == 1", "request.groups == 'x'"),
  },
  {
    name: "expressions with literals that are none",
    file: conditions("request.user.matches('[')", "quantity('x').isInteger()", "timestamp('x') == timestamp('y')"),
  },
  { name: "too many expressions", file: conditions(...Array.from({ length: 65 }, (_, i) => `${i} == ${i}`)) },
  { name: "both", file: authorizers({ type: "RBAC", name: "rbac" }), flags: ["--authorization-mode=RBAC"] },
  { name: "both, the webhook's flags", file: authorizers({ type: "RBAC", name: "rbac" }), flags: ["--authorization-webhook-cache-authorized-ttl=1s"] },
  { name: "modes", flags: ["--authorization-mode=ABAC,Webhook,RBAC,RBAC"] },
  { name: "files without modes", flags: ["--authorization-mode=RBAC", "--authorization-policy-file=DIR/x", "--authorization-webhook-config-file=DIR/x"] },
  { name: "a policy file that is not there", flags: ["--authorization-mode=ABAC", "--authorization-policy-file=DIR/nothing"] },
  { name: "a policy of another type", flags: ["--authorization-mode=ABAC", "--authorization-policy-file=DIR/policy-type"] },
  { name: "a policy of another kind", flags: ["--authorization-mode=ABAC", "--authorization-policy-file=DIR/policy-kind"] },
  { name: "a policy that is none", flags: ["--authorization-mode=ABAC", "--authorization-policy-file=DIR/policy-text"] },
  { name: "a webhook's kubeconfig that is not there", flags: ["--authorization-mode=Webhook", "--authorization-webhook-config-file=DIR/nothing.conf"] },
  { name: "ABAC in a file without policies", file: authorizers({ type: "ABAC", name: "abac" }) },
];

/** Policies of ABAC, by file. */
export const policies: Readonly<Record<string, string>> = {
  "policy-type": '# first\n\n{"user":"bob"}\n{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":3}}\n',
  "policy-kind": '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Rule","spec":{}}\n',
  "policy-text": "nonsense\n",
  "policy-good":
    '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"alice","namespace":"*","resource":"*","apiGroup":"*"}}\n' +
    '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"group":"readers","readonly":true,"namespace":"default","resource":"pods"}}\n' +
    '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"*","readonly":true,"nonResourcePath":"/livez*"}}\n' +
    '{"user":"former","readonly":true}\n',
};
