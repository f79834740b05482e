/** The issuers of the comparison: how they are configured, and what they serve. `ISSUER` stands for the server's address. */
import { jwk, keys, mint } from "./tokens.ts";
import type { Pages } from "./issuer.ts";

/** Groups, by expressions over the claims of `labClaims`. */
export const groupExpressions: Record<string, string> = {
  list: "claims.roles",
  text: "claims.role",
  nothing: "claims.nothing",
  optional: "claims.?nothing.orValue([])",
  null: "claims.void",
  number: "claims.count",
  numbers: "claims.numbers",
  mixed: "claims.mixed",
  mapped: "dyn(claims.roles).map(r, 'x:' + r)",
  filtered: "dyn(claims.roles).filter(r, r != 'b')",
  joined: "[claims.roles.join('+')]",
  split: "claims.csv.split(',')",
  concatenated: "claims.roles + ['z']",
  both: "claims.roles + claims.more",
  conditional: "claims.admin == true ? ['admins'] : []",
  nested: "claims.deep.a.b.c",
  dotted: "claims.deep__dot__er",
  dottedNested: "claims.deep.x__dash__y",
  reserved: "claims.__namespace__",
  indexed: "claims['deep.er']",
  keys: "dyn(claims.deep).map(k, string(k)).sort()",
  sizes: "[string(size(claims.deep)), string(size(claims.roles))]",
  iterated: "claims.exists(k, k == 'alice') ? ['by-value'] : claims.exists(k, k == 'sub') ? ['by-name'] : ['neither']",
  typed: "[string(type(claims.count) == double), string(type(claims.sub) == string), string(type(claims.deep) == map)]",
  arithmetic: "[string(claims.count + 1.0)]",
  integers: "[string(claims.count + 1)]",
  compared: "claims.count == 3 ? ['three'] : ['not']",
  contained: "'a' in claims.roles && 'sub' in claims ? ['in'] : ['out']",
  containedNested: "'x-y' in claims.deep ? ['raw'] : 'x__dash__y' in claims.deep ? ['escaped'] : ['neither']",
  present: "has(claims.deep.x__dash__y) && has(claims.role) && !has(claims.nobody) ? ['has'] : ['has not']",
  equal: "claims == claims ? ['same'] : ['other']",
  time: "[string(timestamp(int(claims.exp)) > timestamp('2020-01-01T00:00:00Z'))]",
  expensive: "dyn(claims.roles).map(a, dyn(claims.roles).map(b, dyn(claims.roles).map(c, dyn(claims.roles).map(d, a + b + c + d)))).size() > 0 ? ['done'] : []",
  unicode: "[claims['ключ']]",
  regex: "claims.csv.findAll('[a-z]+')",
  lower: "[claims.Shout.lowerAscii()]",
  map: "{'a': 'b'}",
  bytes: "b'abc'",
};

const username = { claim: "sub", prefix: "" };

export interface IssuerCase {
  name: string;
  /** Of JWTAuthenticator; the issuer's url and authority are added. */
  authenticator: { issuer?: object; claimMappings: object; claimValidationRules?: object[]; userValidationRules?: object[] };
}

export const issuers: IssuerCase[] = [
  {
    name: "plain",
    authenticator: { claimMappings: { username: { claim: "sub", prefix: "p:" }, groups: { claim: "groups", prefix: "g:" } } },
  },
  {
    name: "multi",
    authenticator: {
      issuer: { audiences: ["web", "api"], audienceMatchPolicy: "MatchAny" },
      claimMappings: { username: { claim: "email", prefix: "" }, uid: { claim: "uid" } },
      claimValidationRules: [{ claim: "tier", requiredValue: "gold" }],
    },
  },
  {
    name: "cel",
    authenticator: {
      claimMappings: {
        username: { expression: "claims.user.name" },
        groups: { expression: "claims.?roles.orValue([])" },
        uid: { expression: "claims.uid" },
        extra: [
          { key: "example.com/team", valueExpression: "claims.team" },
          { key: "example.com/empty", valueExpression: "''" },
          { key: "example.com/list", valueExpression: "['a', '', 'b']" },
        ],
      },
      claimValidationRules: [
        { expression: "!has(claims.blocked) || claims.blocked == false", message: "blocked" },
        { expression: "claims.exp - claims.iat <= 86400.0", message: "no token lives longer than a day" },
      ],
      userValidationRules: [
        { expression: "!user.username.startsWith('system:')", message: "username cannot use reserved system: prefix" },
        { expression: "user.groups.all(g, !g.startsWith('system:'))", message: "groups neither" },
        { expression: "user.extra.all(k, k.startsWith('example.com/') || k.startsWith('authentication.'))" },
        { expression: "!('example.com/team' in user.extra) || user.extra['example.com/team'] != ['nobody']", message: "nobody's team" },
        { expression: "user.uid != 'zero'" },
      ],
    },
  },
  { name: "mailcel", authenticator: { claimMappings: { username: { expression: "claims.email_verified == true ? claims.email : ''" } } } },
  { name: "usertype", authenticator: { claimMappings: { username: { expression: "claims.who" }, uid: { expression: "claims.id" } } } },
  { name: "distributed", authenticator: { claimMappings: { username, groups: { claim: "groups", prefix: "d:" } } } },
  ...[
    "rotating",
    "keyless",
    "nokid",
    "badkeys",
    "htmlkeys",
    "emptykeys",
    "failingkeys",
    "hugekeys",
    "twicekeys",
    "plainkeys",
    "redirected",
    "failing",
    "lying",
    "nojwks",
    "html",
  ].map((name): IssuerCase => ({ name, authenticator: { claimMappings: { username } } })),
  { name: "elsewhere", authenticator: { issuer: { discoveryURL: "ISSUER/moved/configuration" }, claimMappings: { username } } },
  ...Object.entries(groupExpressions).map(
    ([name, expression]): IssuerCase => ({ name: `lab-${name}`, authenticator: { claimMappings: { username, groups: { expression } } } }),
  ),
];

export function configurationOf(cases: readonly IssuerCase[], address: string, authority: string): object {
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AuthenticationConfiguration",
    jwt: cases.map(({ name, authenticator }) => ({
      ...JSON.parse(JSON.stringify(authenticator).replaceAll("ISSUER", address)),
      issuer: {
        audiences: ["api"],
        ...JSON.parse(JSON.stringify(authenticator.issuer ?? {}).replaceAll("ISSUER", address)),
        url: `${address}/${name}`,
        certificateAuthority: authority,
      },
    })),
  };
}

const all = [keys.rsa, keys.other, keys.p256, keys.p384, keys.p521].map(jwk);
const withoutKid = (key: object): object => ({ ...key, kid: undefined });

/** What the issuers serve. */
export function pagesOf(cases: readonly IssuerCase[], address: string): Pages {
  const pages: Pages = {};
  for (const { name } of cases) {
    const url = `${address}/${name}`;
    pages[`/${name}/.well-known/openid-configuration`] = {
      body: { issuer: url, jwks_uri: `${url}/keys`, id_token_signing_alg_values_supported: ["RS256", "none"], authorization_endpoint: "x" },
    };
    pages[`/${name}/keys`] = { headers: { "cache-control": "max-age=600" }, body: { keys: all } };
  }
  const at = (path: string, page: Pages[string]): void => {
    pages[path] = page;
  };
  at("/rotating/keys", { body: { keys: [jwk(keys.rsa)] } });
  at("/nokid/keys", { body: { keys: all.map(withoutKid) } });
  at("/keyless/keys", { status: 404, body: "gone" });
  at("/badkeys/keys", { body: { keys: [jwk(keys.rsa), { kty: "XYZ", kid: "x" }] } });
  at("/htmlkeys/keys", { headers: { "content-type": "text/html" }, body: "<html>" });
  at("/emptykeys/keys", { body: { keys: [] } });
  at("/failingkeys/keys", { status: 500, body: "boom" });
  at("/hugekeys/keys", { body: { keys: [...Array.from({ length: 300 }, (_, i) => ({ ...jwk(keys.stranger), kid: `k${i}` })), jwk(keys.rsa)] } });
  at("/twicekeys/keys", { body: { keys: [{ ...jwk(keys.stranger), kid: "rsa" }, jwk(keys.rsa)] } });
  at("/plainkeys/keys", {
    body: {
      keys: [
        { kty: "oct", k: Buffer.from("secret").toString("base64url"), kid: "oct" },
        { ...jwk(keys.ed), alg: "EdDSA" },
        jwk(keys.short),
        jwk(keys.tiny),
        jwk(keys.rsa),
      ],
    },
  });
  at("/redirected/.well-known/openid-configuration", { status: 302, headers: { location: "/redirected/really" } });
  at("/redirected/really", { body: { issuer: `${address}/redirected`, jwks_uri: `${address}/redirected/keys` } });
  at("/failing/.well-known/openid-configuration", { status: 503, body: "not now" });
  at("/lying/.well-known/openid-configuration", { body: { issuer: "https://other.example.com", jwks_uri: `${address}/lying/keys` } });
  at("/nojwks/.well-known/openid-configuration", { body: { issuer: `${address}/nojwks` } });
  at("/html/.well-known/openid-configuration", { headers: { "content-type": "text/html" }, body: "<html>" });
  delete pages["/elsewhere/.well-known/openid-configuration"];
  at("/moved/configuration", { body: { issuer: `${address}/elsewhere`, jwks_uri: `${address}/elsewhere/keys` } });
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const held = (claims: object): string => mint({ claims: { iss: `${address}/distributed`, aud: "api", sub: "x", exp, ...claims } });
  at("/claims/good", { body: held({ groups: ["far", "away"] }) });
  at("/claims/text", { body: held({ groups: "one" }) });
  at("/claims/without", { body: held({}) });
  at("/claims/garbage", { body: "garbage" });
  at("/claims/forged", { body: mint({ key: keys.stranger, claims: { iss: `${address}/distributed`, aud: "api", exp, groups: ["forged"] } }) });
  at("/claims/foreign", { body: mint({ claims: { iss: `${address}/lying`, aud: "api", exp, groups: ["foreign"] } }) });
  at("/claims/expired", { body: held({ exp: 1000, groups: ["late"] }) });
  at("/claims/private", (authorization) => (authorization === "Bearer f005ba11" ? { body: held({ groups: ["private"] }) } : { status: 401, body: "who?" }));
  at("/claims/moved", { status: 307, headers: { location: "/claims/good" } });
  return pages;
}
