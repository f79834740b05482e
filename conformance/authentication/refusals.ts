/** Configurations and flags that are wrong. `ISSUER` and `CA` stand for an issuer that is there; `DIR` for the directory of files. */
export interface Refusal {
  name: string;
  flags: string[];
  /** Text of the file of --authentication-config; absent: none is given. */
  file?: string;
}

const issuer = { url: "https://a.example.com", audiences: ["api"] };
const username = { claim: "sub", prefix: "" };
const good = { issuer, claimMappings: { username } };
const rule = (more: object): object => ({ ...good, ...more });
const mapped = (more: object): object => ({ ...good, claimMappings: { username, ...more } });
const at = (more: object): object => ({ ...good, issuer: { ...issuer, ...more } });

const wrong: Record<string, object | object[]> = {
  good,
  empty: {},
  "no mappings": { issuer },
  "no audiences": { issuer: { url: issuer.url }, claimMappings: { username } },
  "empty audience": at({ audiences: [""] }),
  "audience twice": at({ audiences: ["a", "a"], audienceMatchPolicy: "MatchAny" }),
  "two audiences without a policy": at({ audiences: ["a", "b"] }),
  "unknown policy": at({ audienceMatchPolicy: "MatchAll" }),
  "unknown policy for two": at({ audiences: ["a", "b"], audienceMatchPolicy: "MatchAll" }),
  ...Object.fromEntries(
    [
      "",
      "http://a",
      "a",
      "https://u:p@a",
      "https://a?b",
      "https://a#b",
      "https://a b",
      "://",
      "https://[::1",
      "https://a:b",
      "ftp://a",
      "/a",
      "https://a/%zz",
      "https://kubernetes.default.svc.cluster.local",
    ].map((url) => [`url ${url}`, at({ url })]),
  ),
  ...Object.fromEntries(
    ["https://a.example.com", "https://a.example.com/", "http://b", "https://b?x", "https://b"].map((discoveryURL) => [
      `discovery ${discoveryURL}`,
      at({ discoveryURL }),
    ]),
  ),
  "authority that is none": at({ certificateAuthority: "nonsense" }),
  "egress unknown": at({ egressSelectorType: "moon" }),
  "egress cluster": at({ egressSelectorType: "cluster" }),
  "issuer twice": [good, good],
  "discovery twice": [at({ discoveryURL: "https://d" }), { ...good, issuer: { ...issuer, url: "https://b", discoveryURL: "https://d" } }],
  "too many": Array.from({ length: 65 }, (_, i) => ({ ...good, issuer: { ...issuer, url: `https://i${i}` } })),
  "claim without prefix": { ...good, claimMappings: { username: { claim: "sub" } } },
  "groups without prefix": mapped({ groups: { claim: "g" } }),
  "claim and expression": { ...good, claimMappings: { username: { claim: "sub", prefix: "", expression: "claims.sub" } } },
  "prefix and expression": { ...good, claimMappings: { username: { prefix: "", expression: "claims.sub" } } },
  "uid claim and expression": mapped({ uid: { claim: "a", expression: "claims.a" } }),
  "uid expression": mapped({ uid: { expression: "claims.a +" } }),
  "mail without being verified": { ...good, claimMappings: { username: { expression: "claims.email" } } },
  "optional mail": { ...good, claimMappings: { username: { expression: "claims.?email.orValue('')" } } },
  "mail in a list": { ...good, claimMappings: { username: { expression: "[claims.email][0]" } } },
  "mail by index": { ...good, claimMappings: { username: { expression: "claims['email']" } } },
  "mail verified by a rule": {
    ...good,
    claimMappings: { username: { expression: "claims.email" } },
    claimValidationRules: [{ expression: "claims.?email_verified.orValue(false) == true" }],
  },
  "mail verified by a claim": {
    ...good,
    claimMappings: { username: { expression: "claims.email" } },
    claimValidationRules: [{ claim: "email_verified", requiredValue: "true" }],
  },
  ...Object.fromEntries(
    [
      "claims +",
      "user.username",
      "nothing",
      "claims.sub.foo()",
      "'a' + 1",
      "claims.x == 'a' &&",
      "request.x",
      "claims",
      "1",
      "x".repeat(100),
      "claims.sub.matches('[')",
      "{'a': 1}.b",
      "authorizer.group('')",
    ].map((expression) => [`username ${expression.slice(0, 30)}`, { ...good, claimMappings: { username: { expression } } }]),
  ),
  ...Object.fromEntries(
    [
      "",
      "x",
      "example.com/",
      "example.com/A",
      "example.com/a",
      "kubernetes.io/a",
      "x.k8s.io/a",
      "a.kubernetes.io/b",
      "example.com/a/b",
      "/a",
      "Example.com/a",
    ].map((key) => [`extra ${key}`, mapped({ extra: [{ key, valueExpression: "claims.a" }] })]),
  ),
  "extra twice": mapped({
    extra: [
      { key: "a.com/a", valueExpression: "claims.a" },
      { key: "a.com/a", valueExpression: "claims.b" },
    ],
  }),
  "extra without a value": mapped({ extra: [{ key: "a.com/a" }] }),
  "extra that is wrong": mapped({ extra: [{ key: "a.com/a", valueExpression: "1 +" }] }),
  "rule of nothing": rule({ claimValidationRules: [{}] }),
  "rule of both": rule({ claimValidationRules: [{ claim: "a", expression: "true" }] }),
  "rule with a message": rule({ claimValidationRules: [{ claim: "a", message: "m" }] }),
  "rule with a value": rule({ claimValidationRules: [{ expression: "true", requiredValue: "v" }] }),
  "rules twice": rule({ claimValidationRules: [{ claim: "a" }, { claim: "a" }, { expression: "true" }, { expression: "true" }] }),
  "rule of text": rule({ claimValidationRules: [{ expression: "'a'" }] }),
  "rule of anything": rule({ claimValidationRules: [{ expression: "claims.a" }] }),
  "user rule empty": rule({ userValidationRules: [{ message: "m" }] }),
  "user rule of text": rule({ userValidationRules: [{ expression: "user.username" }] }),
  "user rule of claims": rule({ userValidationRules: [{ expression: "claims.a == 'b'" }] }),
  "user rule of no field": rule({ userValidationRules: [{ expression: "user.name == 'b'" }] }),
  "user rule twice": rule({ userValidationRules: [{ expression: "true" }, { expression: "true" }] }),
  "unknown field": rule({ what: 1 }),
  "unknown field within": at({ URL: "x" }),
  "text for a list": at({ audiences: "api" }),
  "list for a text": at({ url: ["x"] }),
};

const file = (jwt: unknown, more: object = {}, version = "v1", kind = "AuthenticationConfiguration"): string =>
  JSON.stringify({ apiVersion: `apiserver.config.k8s.io/${version}`, kind, jwt, ...more });

export const refusals: Refusal[] = [
  ...Object.entries(wrong).map(([name, jwt]) => ({ name, flags: [], file: file(Array.isArray(jwt) ? jwt : [jwt]) })),
  ...["v1alpha1", "v1beta1", "v2"].map((version) => ({ name: version, flags: [], file: file([rule({ what: 1 })], {}, version) })),
  { name: "no kind", flags: [], file: file([], {}, "v1", "") },
  { name: "unknown kind", flags: [], file: file([], {}, "v1", "Nonsense") },
  { name: "empty file", flags: [], file: "" },
  { name: "not YAML", flags: [], file: "a: [" },
  { name: "a list", flags: [], file: "[]" },
  { name: "null", flags: [], file: "null" },
  { name: "twice", flags: [], file: '{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthenticationConfiguration","jwt":[],"jwt":[]}' },
  { name: "no such file", flags: ["--authentication-config=DIR/nothing"] },
  { name: "conditions of nobody", flags: [], file: file([], { anonymous: { enabled: false, conditions: [{ path: "/livez" }] } }) },
  { name: "anonymous twice", flags: ["--anonymous-auth=true"], file: file([], { anonymous: { enabled: true } }) },
  { name: "file and flags", flags: ["--oidc-issuer-url=https://a"], file: file([]) },
  { name: "file and a flag that is empty", flags: ["--oidc-groups-prefix="], file: file([]) },
  { name: "issuer alone", flags: ["--oidc-issuer-url=https://a"] },
  { name: "client alone", flags: ["--oidc-client-id=a"] },
  { name: "prefix alone", flags: ["--oidc-username-prefix=a"] },
  { name: "flags of http", flags: ["--oidc-issuer-url=http://a", "--oidc-client-id=a"] },
  { name: "flags with an unknown algorithm", flags: ["--oidc-issuer-url=https://a", "--oidc-client-id=a", "--oidc-signing-algs=HS256"] },
  { name: "flags of the own issuer", flags: ["--oidc-issuer-url=https://kubernetes.default.svc.cluster.local", "--oidc-client-id=a"] },
  { name: "webhook that is not there", flags: ["--authentication-token-webhook-config-file=DIR/nothing"] },
  { name: "webhook of another version", flags: ["--authentication-token-webhook-config-file=DIR/hook.conf", "--authentication-token-webhook-version=v2"] },
  { name: "issuer twice in flags", flags: ["--service-account-issuer=https://x", "--service-account-issuer=https://x"] },
  { name: "empty issuer in flags", flags: ["--service-account-issuer="] },
  { name: "keys at no https", flags: ["--service-account-jwks-uri=http://x"] },
  { name: "tokens of a minute", flags: ["--service-account-max-token-expiration=1m"] },
  {
    name: "header names of nothing",
    flags: ["--requestheader-client-ca-file=DIR/front-proxy-ca.crt", "--requestheader-username-headers=X-Remote-User", "--requestheader-uid-headers=X-Uid"],
  },
];
